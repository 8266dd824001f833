-- What an asset looks like to its readers. What follows from the report is worked out when it is written (asset_render), what
-- follows from the time when it is read (asset_body): OFFLINE, ABSENT and old databases come by themselves.

-- In the reply's key order.
create type asset_reply as (
    asset_id text, host_name text, domain text, first_seen bigint, last_seen bigint, os_version text,
    installed_product_info text, product_map jsonb, ksc_host_id text, tenant_name text, isolation boolean,
    isolation_task_id text, network_interfaces json, status text, status_reasons json, protection_issues json,
    protection_issues_integral text, tags text[], group_name text, policy_name text
);

create function asset_databases_old(databases_time bigint, now_ms bigint) returns boolean
    language sql immutable parallel safe
    return databases_time > 0 and databases_time < now_ms - 604800000;

create function asset_integral(severity smallint, databases_time bigint, now_ms bigint) returns text
    language sql immutable parallel safe
    return case when severity = 2 then 'CRITICAL'
                when severity = 1 or asset_databases_old(databases_time, now_ms) then 'WARNING'
                else 'OK' end;

create function asset_status(last_seen bigint, absent_at bigint, severity smallint, databases_time bigint, now_ms bigint,
    offline_after_days integer) returns text language sql immutable parallel safe
    return case when absent_at <= now_ms then 'ABSENT'
                when last_seen <= now_ms - offline_after_days * 86400000::bigint then 'OFFLINE'
                else asset_integral(severity, databases_time, now_ms) end;

-- tenant_name: '' for the root. No sub-select in it nor in its arguments, so that PostgreSQL inlines it into a page's query.
create function asset_body(a assets, tenant_name text, now_ms bigint, offline_after_days integer) returns text
    language sql stable parallel safe
    return row_to_json(row(
        a.asset_id, a.host_name, a.domain, a.first_seen, a.last_seen, a.os_version, a.installed_product_info, a.product_map,
        a.ksc_host_id, tenant_name, a.isolation, a.isolation_task_id, a.network_interfaces,
        asset_status(a.last_seen, a.absent_at, a.severity, a.databases_time, now_ms, offline_after_days),
        ('[' || concat_ws(',',
            case when a.absent_at <= now_ms and a.device_kind = 'vdi' then '"No telemetry for 24 hours"'
                 when a.absent_at <= now_ms then '"No telemetry for 30 days"'
                 when a.last_seen <= now_ms - offline_after_days * 86400000::bigint
                 then '"No telemetry for ' || offline_after_days || ' days"' end,
            nullif(a.reasons, ''),
            case when asset_databases_old(a.databases_time, now_ms) then '"Databases are older than 7 days"' end) || ']')::json,
        ('[' || concat_ws(',', nullif(a.issues, ''),
            case when asset_databases_old(a.databases_time, now_ms)
                 then '{"issue":"Databases are older than 7 days","component":"Databases","since":'
                      || a.databases_time + 604800000 || '}' end) || ']')::json,
        asset_integral(a.severity, a.databases_time, now_ms), a.tags, a.group_name, a.policy_name)::asset_reply)::text;

-- Components and problems in the order reported: how bad each is, what it is called, since when.
create function asset_findings(components jsonb, problems jsonb, known jsonb, seen_at bigint)
    returns table (severity smallint, reason text, issue text, component text, since_key text, since bigint)
    language sql stable parallel safe
begin atomic
    select f.severity, f.reason, f.issue, f.component, f.since_key, coalesce(f.since, (known ->> f.since_key)::bigint, seen_at)
      from (
        select case when c ->> 'state' = 'off' and (c -> 'key')::boolean then 2 else 1 end::smallint as severity,
               format('Component "%s" is %s', c ->> 'name', c ->> 'state') as reason,
               'Component is ' || (c ->> 'state') as issue, c ->> 'name' as component,
               concat_ws('|', c ->> 'state', c ->> 'name') as since_key, (c ->> 'since')::bigint as since, 0 as part, n
          from jsonb_array_elements(components) with ordinality as e(c, n)
         where c ->> 'state' <> 'on'
        union all
        select case when (p -> 'critical')::boolean then 2 else 1 end::smallint,
               concat_ws(': ', nullif(p ->> 'component', ''), p ->> 'issue'), p ->> 'issue', coalesce(p ->> 'component', ''),
               concat_ws('|', 'problem', p ->> 'issue', p ->> 'component'), (p ->> 'since')::bigint, 1, n
          from jsonb_array_elements(problems) with ordinality as e(p, n)
      ) f
     order by f.part, f.n;
end;

create function asset_render() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.components = old.components and new.problems = old.problems then
        return new;
    end if;
    select coalesce(max(f.severity), 0), coalesce(string_agg(to_json(f.reason)::text, ',' order by f.n), ''),
           coalesce(string_agg(format('{"issue":%s,"component":%s,"since":%s}', to_json(f.issue), to_json(f.component), f.since),
                               ',' order by f.n), ''),
           coalesce(jsonb_object_agg(f.since_key, f.since), '{}')
      into new.severity, new.reasons, new.issues, new.issues_since
      from asset_findings(new.components, new.problems, new.issues_since, new.last_seen) with ordinality
               as f(severity, reason, issue, component, since_key, since, n);
    return new;
end $$;

create function asset_index() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and row(new.host_name, new.domain, new.os_version, new.installed_product_info, new.product_map,
                                new.network_interfaces::text)
            is not distinct from row(old.host_name, old.domain, old.os_version, old.installed_product_info, old.product_map,
                                     old.network_interfaces::text) then
        return null;
    end if;
    insert into asset_search as s
    select new.client_id, new.asset_id,
           search_fold(concat_ws(E'\n', new.host_name || ':' || new.asset_id, new.domain, i.addresses,
                                 case when i.addresses like '%-%' then replace(i.addresses, '-', ':') end, new.os_version)),
           search_fold(replace(i.addresses, '-', ':')), search_fold(new.os_version),
           search_fold(concat_ws(E'\n', new.installed_product_info, p.products))
      from (select coalesce(string_agg(concat_ws(E'\n', e ->> 'ip', nullif(e ->> 'ipcm', ''), nullif(e ->> 'mac', '')), E'\n'), '')
              from json_array_elements(new.network_interfaces) e) as i(addresses),
           (select string_agg(key || ' ' || value, E'\n') from jsonb_each_text(new.product_map)) as p(products)
    on conflict (client_id, asset_id) do update
       set search_text = excluded.search_text, addresses = excluded.addresses, os_version = excluded.os_version,
           products = excluded.products;
    return null;
end $$;

-- What is looked for, as a LIKE pattern. Escaped after folding: a full-width percent sign folds to a plain one.
create function asset_pattern(phrase text) returns text language sql immutable parallel safe
    return '%' || regexp_replace(search_fold(phrase), '([\\%_])', '\\\1', 'g') || '%';

-- A heartbeat sets last_seen alone and wakes neither.
create trigger render before insert or update of components, problems on assets for each row execute function asset_render();
create trigger search_index after insert or update of host_name, domain, os_version, installed_product_info, product_map,
    network_interfaces on assets for each row execute function asset_index();
alter table assets enable always trigger render;
alter table assets enable always trigger search_index;
