create table assets (
    client_id text not null references clients,
    asset_id text not null check (asset_id ~ '^0x[0-9a-f]{32}$'),
    tenant_id text not null,
    host_name text not null,
    host_name_folded text not null generated always as (lower(normalize(host_name, NFKC))) stored,
    domain text not null default '',
    first_seen bigint not null,
    last_seen bigint not null,
    os_version text not null default '',
    installed_product_info text not null default '',
    product_map jsonb not null default '{}',
    ksc_host_id text not null default '',
    isolation boolean not null default false,
    isolation_task_id text not null default '',
    network_interfaces json not null default '[]',               -- each with all keys, in the order of the reply
    tags text[] not null default '{}',
    group_name text not null default '',
    policy_name text not null default '',
    device_kind text not null default 'physical' check (device_kind in ('physical', 'vdi')),
    components jsonb not null default '[]',                      -- [{name, key, state}] as reported
    databases_time bigint not null default 0,                    -- 0 = unknown
    problems jsonb not null default '[]',                        -- [{issue, component, since?, critical}] as reported
    absent_at bigint not null generated always as               -- from then on ABSENT unless it is seen again
        (last_seen + case device_kind when 'vdi' then 86400000 else 2592000000 end) stored,
    severity smallint not null default 0,                        -- of components and problems: 0 fine, 1 WARNING, 2 CRITICAL
    reasons text not null default '',                            -- of that severity: JSON strings joined by commas
    issues text not null default '',                             -- JSON objects joined by commas
    issues_since jsonb not null default '{}',                    -- component or problem -> when it was first reported, ms
    primary key (client_id, asset_id),
    foreign key (client_id, tenant_id) references tenants
);
-- What row-level security and the status need is included, so that counting and leafing do not touch the rows.
create index assets_last_seen on assets (client_id, last_seen, asset_id)
    include (tenant_id, absent_at, severity, databases_time);
create index assets_first_seen on assets (client_id, first_seen, asset_id) include (tenant_id, absent_at);
create index assets_host_name on assets (client_id, host_name_folded, asset_id) include (tenant_id, absent_at);
create index assets_tenant on assets (client_id, tenant_id);

-- What assets are searched by, folded (search_fold). Apart from assets, so that heartbeats need not write the dear index anew.
create table asset_search (
    client_id text not null,
    asset_id text not null,
    search_text text not null,                                   -- HOST:0xID, domain, addresses, system, one per line
    addresses text not null,                                     -- addresses and MACs, these with colons
    os_version text not null,
    products text not null,
    primary key (client_id, asset_id),
    foreign key (client_id, asset_id) references assets on delete cascade
);
create index asset_search_text on asset_search using gin (client_id, search_text gin_trgm_ops);
