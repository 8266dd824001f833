-- What is accepted, held or declined automatically: rules, what they did, what was found when a response was created, and the brake.
-- conditions and limits are the JSON texts of the rule's `when` and `limits`, read anew by the same validator each time.
create table auto_rules (
    client_id text not null references clients,
    rule_id text not null,
    place integer not null,                                      -- order; 1, 2, ...
    name text not null,
    mode text not null default 'off' check (mode in ('enforce', 'shadow', 'off')),
    effect text not null check (effect in ('accept', 'hold', 'decline')),
    conditions text not null,
    limits text not null default '{}',
    expires_at bigint not null default 0,                        -- ms; 0 = never
    creation_time bigint not null,
    update_time bigint not null,
    changed_by text not null default '',
    primary key (client_id, rule_id)
);

-- What was decided automatically, or would have been (shadow). No tenant: limits are counted over all of the client's.
create table rule_uses (
    client_id text not null references clients,
    rule_id text not null,                                       -- '' = the setting auto_response
    response_id text not null,
    effect text not null check (effect in ('accept', 'hold', 'decline')),
    shadow boolean not null,
    used_at bigint not null,                                     -- ms
    open boolean not null,                                       -- accepted, and not known to be finished
    primary key (client_id, response_id, rule_id)
);
create index rule_uses_rule on rule_uses (client_id, rule_id, used_at) include (effect, shadow);
create index rule_uses_open on rule_uses (client_id, response_id) where open;
create index assets_isolated on assets (client_id, tenant_id) where isolation;

create table rule_evaluations (
    client_id text not null,
    response_id text not null,
    tenant_id text not null,
    evaluated_at bigint not null,
    decision text not null check (decision in ('accept', 'hold', 'decline', 'none')),
    decided_by text not null check (decided_by in ('', 'rule', 'setting')),
    rule_id text not null,
    reason text not null,
    rules text not null,                                         -- JSON: what was found about each rule
    primary key (client_id, response_id),
    foreign key (client_id, response_id) references responses on delete cascade
);

-- frozen_tenant, not tenant_id: a token of some tenants has to see the freeze of the whole client, '*'.
create table if not exists freezes (client_id text not null references clients, frozen_tenant text not null, reason text not null, frozen_by text not null, frozen_at bigint not null, primary key (client_id, frozen_tenant));

-- The example that every client starts with, switched off.
create function auto_rules_example(client_id text, now_ms bigint) returns void language sql volatile
begin atomic
    insert into auto_rules (client_id, rule_id, place, name, effect, conditions, limits, creation_time, update_time)
    values ($1, left(replace(gen_random_uuid()::text, '-', ''), 20), 1,
            'Ransomware, worms, C2 outside business hours: isolate and fetch samples', 'accept',
            '{"types":["ISOLATE_HOST","GET_FILE"],"threat_classes":["ransomware","worm","c2"],"local_time":{"timezone":"Asia/Tokyo",'
            '"windows":[{"days":["mon","tue","wed","thu","fri"],"from":"09:00","to":"18:00"}],"outside":true}}',
            '{"per_hour":20,"max_percent_of_assets":10}', $2, $2);
end;

-- For the clients that are there. 900_protect forces row-level security again.
alter table clients no force row level security;
select auto_rules_example(client_id, (extract(epoch from clock_timestamp()) * 1000)::bigint) from clients;
