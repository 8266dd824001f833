-- Tenants, connections and users with their tokens, tickets, Idempotency-Keys.
-- tenant_id '-' is the root: the place of objects of no tenant; every client has that row.
create table tenants (
    client_id text not null references clients,
    tenant_id text not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,50}$'),
    tenant_name text not null,
    description text not null default '',
    asset_limit bigint not null default 0,                       -- 0 = none
    expiration_time bigint not null default 0,                   -- 0 = none
    creation_time bigint not null,
    primary key (client_id, tenant_id)
);
create unique index tenants_name on tenants (client_id, lower(tenant_name));

create function tenant_body(t tenants, now_ms bigint) returns text language sql stable parallel safe
    return row_to_json((select r from (select t.tenant_id, t.tenant_name, t.description, t.asset_limit, t.expiration_time,
        t.expiration_time = 0 or t.expiration_time > now_ms as active, t.creation_time) r))::text;

create table users (
    client_id text not null references clients,
    user_id text not null,
    email text not null,
    name text not null,
    role text not null,
    all_tenants boolean not null,
    tenants text[] not null default '{}',
    language text not null default 'en' check (language in ('en', 'ja')),
    status text not null default 'invited' check (status in ('invited', 'active', 'disabled')),
    password_hash text not null default '',
    totp_sealed bytea,                                           -- secretbox under the key file's box key
    totp_enabled boolean not null default false,
    totp_last_step bigint not null default 0,
    invitation_hash text not null default '',
    invitation_until bigint not null default 0,
    creation_time bigint not null,
    primary key (client_id, user_id)
);
create unique index users_email on users (client_id, lower(email));

-- Failed log-ins, by account and by address.
create table login_failures (
    client_id text not null references clients,
    subject text not null,                                       -- 'account:<e-mail>' or 'address:<ip>'
    failures integer not null,
    first_at bigint not null,
    primary key (client_id, subject)
);

-- API connections (kind robot) and people's log-ins (kind user). client_id '*' holds the SOC's connections of all clients.
create table sessions (
    client_id text not null,
    session_id text not null,
    kind text not null check (kind in ('robot', 'user')),
    session_name text not null,
    role text not null,
    all_tenants boolean not null,
    tenants text[] not null default '{}',
    user_id text not null default '',
    created_by text not null default '',
    creation_time bigint not null,
    activated_at bigint not null default 0,
    last_used bigint not null default 0,
    refresh_until bigint not null default 0,
    revoked_at bigint not null default 0,
    primary key (client_id, session_id)
);
create index sessions_user on sessions (client_id, user_id) where user_id <> '';

-- One row per refresh token. Only the hash is kept; the pair that it bought is kept as claims, from which the same tokens can
-- be signed again after a lost reply.
create table refresh_tokens (
    client_id text not null,
    session_id text not null,
    jti text not null,
    token_hash text not null,
    expires_at bigint not null,                                  -- ms
    ended boolean not null default false,                        -- by session/restart
    spent_at bigint not null default 0,
    child_jti text not null default '',
    child_claims text not null default '',
    access_claims text not null default '',
    primary key (client_id, jti),
    foreign key (client_id, session_id) references sessions on delete cascade
);
create index refresh_tokens_session on refresh_tokens (client_id, session_id);

create table tickets (
    client_id text not null references clients,
    ticket_hash text not null,
    path text not null,
    session_client_id text not null,                             -- '*' for a SOC connection of all clients
    session_id text not null,
    expires_at bigint not null,
    primary key (client_id, ticket_hash)
);

create table idempotency (
    client_id text not null,
    session_id text not null,
    operation text not null,
    key text not null,
    body_hash text not null,
    reply text not null,
    creation_time bigint not null,
    primary key (client_id, session_id, operation, key)
);
create index idempotency_age on idempotency (client_id, creation_time);

-- Mail that waits to be sent; due.kind = 'mail' says when.
create table mails (
    client_id text not null references clients,
    mail_id text not null,
    recipient text not null,
    kind text not null check (kind in ('incident_report', 'invitation')),
    incident_id text not null default '',
    parameters text not null default '{}',
    language text not null default 'en',
    timezone text not null default 'UTC',
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
    attempts integer not null default 0,
    last_error text not null default '',
    creation_time bigint not null,
    finished_at bigint not null default 0,
    primary key (client_id, mail_id)
);
