-- Roles, clients, their clocks and their ledgers.
-- mdr_serve: what the gateway logs in as; owns nothing, bypasses nothing. mdr_worker: may see the ids in the queue of due work
-- of all clients and nothing else; mdr_serve steps into it for that one statement.
do $$ begin
    if not exists (select from pg_roles where rolname = 'mdr_worker') then
        create role mdr_worker nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'mdr_serve') then
        create role mdr_serve login noinherit;
    end if;
end $$;
grant mdr_worker to mdr_serve;

create extension if not exists pg_trgm;
create extension if not exists btree_gin;

-- Row-level security lets an operator use an index only when it cannot leak: LIKE on text does not. pg_dump forgets this,
-- /readyz looks for it; without it searches are right but slow.
do $$ begin
    alter function textlike(text, text) leakproof;
exception when insufficient_privilege then
    raise warning 'textlike is not leakproof: searches will be slow; run "alter function textlike(text, text) leakproof" as superuser';
end $$;

create function mdr_client() returns text language sql stable parallel safe
    return current_setting('mdr.client', true);

create table clients (
    client_id text primary key check (client_id ~ '^[A-Za-z0-9_.+-]{1,50}$'),
    name text not null,
    creation_time bigint not null,
    hide_absent_assets boolean not null default false,
    offline_after_days integer not null default 7 check (offline_after_days between 2 and 29),
    extended_notifications boolean not null default false,
    deadlines_s jsonb not null default '{}',                     -- response type -> seconds to decide
    auto_response_mode text not null default 'off' check (auto_response_mode in ('off', 'all', 'selected')),
    auto_response_tenants text[] not null default '{}',          -- tenant ids
    sla_limit integer not null default 10 check (sla_limit >= 0),-- custom incidents per week with SLA
    soc_author_name text not null default 'Security Team'
);

-- One row per client, locked after every other lock and held to the commit: so positions are gapless and stamps strictly
-- increase in commit order.
create table clocks (
    client_id text primary key references clients,
    position bigint not null default 0,
    stamp bigint not null default 0,                             -- ms; may run ahead of the wall above 1,000 stamps/s
    hash bytea not null default '\x',
    incident_number bigint not null default 1000
);

create table ledger (
    client_id text not null references clients,
    position bigint not null,
    changed_at bigint not null,
    tenant_id text not null,
    incident_id text not null,                                   -- '' where there is none
    kind text not null,
    object_id text not null,
    operation text not null check (operation in ('create', 'update', 'delete')),
    changed_by text not null,
    connection text not null,                                    -- session id, '' for the gateway itself
    snapshot text not null,
    hash bytea not null,
    primary key (client_id, position)
);
create index ledger_incident on ledger (client_id, incident_id, kind, position);
create index ledger_kind on ledger (client_id, kind, changed_at, position);
create index ledger_object on ledger (client_id, object_id, position);

-- Takes the client's clock until the commit and returns the first of n consecutive stamps.
create function ledger_clock(n integer) returns bigint language sql volatile
begin atomic
    update clocks
       set stamp = greatest((extract(epoch from clock_timestamp()) * 1000)::bigint, stamp + 1) + n - 1
     where client_id = mdr_client()
    returning stamp - n + 1;
end;

-- The same for one stamp, with the client's next incident number.
create function ledger_clock_incident(out stamp bigint, out number bigint) language sql volatile
begin atomic
    update clocks c
       set stamp = greatest((extract(epoch from clock_timestamp()) * 1000)::bigint, c.stamp + 1),
           incident_number = c.incident_number + 1
     where c.client_id = mdr_client()
    returning c.stamp, c.incident_number;
end;

create function ledger_hash(previous bytea, client_id text, "position" bigint, changed_at bigint, tenant_id text,
    incident_id text, kind text, object_id text, operation text, changed_by text, connection text, snapshot text)
    returns bytea language sql stable parallel safe
    return sha256(previous || convert_to(concat_ws(E'\x1f', client_id, "position"::text, changed_at::text, tenant_id, incident_id,
                                                   kind, object_id, operation, changed_by, connection, snapshot), 'UTF8'));

-- Appends one row; ledger_clock() comes first in the same transaction. Returns the position.
create function ledger_append(changed_at bigint, tenant_id text, incident_id text, kind text, object_id text, operation text,
    changed_by text, connection text, snapshot text) returns bigint language sql volatile
begin atomic
    with clock as (
        update clocks c
           set position = c.position + 1,
               hash = ledger_hash(c.hash, c.client_id, c.position + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9)
         where c.client_id = mdr_client()
        returning c.client_id, c.position, c.hash
    )
    insert into ledger
    select clock.client_id, clock.position, $1, $2, $3, $4, $5, $6, $7, $8, $9, clock.hash from clock
    returning ledger.position;
end;

-- Work that falls due: ids only, so that a worker may look over all clients without seeing their data.
create table due (
    client_id text not null references clients,
    kind text not null check (kind in ('decide', 'close', 'mail')),
    object_id text not null,
    due_at bigint not null,
    primary key (client_id, kind, object_id)
);
create index due_at on due (due_at);
