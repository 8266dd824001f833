-- Webhooks and the log of their deliveries. How far each is stands in readers (kind 'webhook').
create table webhooks (
    client_id text not null references clients,
    webhook_id text not null,
    url text not null,
    kinds text[] not null,                                       -- kinds of ledger rows
    priorities text[] not null default '{}',                     -- filter; empty = all
    statuses text[] not null default '{}',
    tenants_names text[] not null default '{}',
    format text not null default 'json' check (format = 'json'),
    description text not null default '',
    enabled boolean not null default true,
    disabled_reason text not null default '' check (disabled_reason in ('', 'request', 'gone', 'failing')),
    secret_sealed bytea not null,                                -- secretbox under the key file's box key
    old_secret_sealed bytea,                                     -- signs as well until old_secret_until
    old_secret_until bigint not null default 0,
    creation_time bigint not null,
    update_time bigint not null,
    primary key (client_id, webhook_id),
    check (enabled = (disabled_reason = ''))
);

-- The configuration as replies and ledger rows show it: no secret. In quotes, so that columns can be added.
create function webhook_body(w webhooks) returns text language sql stable parallel safe as $$
    select row_to_json((select r from (select w.webhook_id, w.url, w.kinds,
        (select row_to_json(f) from (select w.priorities, w.statuses, w.tenants_names) f) as filter,
        w.format, w.description, w.enabled, w.disabled_reason, w.old_secret_until, w.creation_time, w.update_time) r))::text $$;

-- One row per attempt; the newest 1,000 of a webhook, for 7 days.
create table webhook_deliveries (
    client_id text not null,
    webhook_id text not null,
    attempt_id text not null,
    delivery_id text not null,                                   -- the header webhook-id: the same in each attempt
    position bigint not null,                                    -- of the ledger row; 0 = a test
    type text not null,
    attempt integer not null,
    attempted_at bigint not null,                                -- ms
    duration_ms bigint not null,
    state text not null check (state in ('delivered', 'retrying', 'failed')),
    status integer not null,                                     -- HTTP; 0 = none
    error text not null,                                         -- a word; '' = a status came
    reply_text text not null,                                    -- the beginning, of failures only
    retry_at bigint not null,                                    -- ms; 0 = not by itself
    primary key (client_id, webhook_id, attempt_id),
    foreign key (client_id, webhook_id) references webhooks on delete cascade
);
create index webhook_deliveries_age on webhook_deliveries (client_id, webhook_id, attempted_at, attempt_id);

create function webhook_delivery_body(d webhook_deliveries) returns text language sql stable parallel safe as $$
    select row_to_json((select r from (select d.delivery_id, d.position, d.type, d.attempt, d.attempted_at, d.duration_ms, d.state,
        d.status, d.error, d.reply_text, d.retry_at) r))::text $$;
