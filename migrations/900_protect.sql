-- Runs at the end of every migration: whatever table holds a client_id gets the second wall. A table is shown by the permissive
-- policy and cut down by the restrictive ones; alone either shows nothing.
set client_min_messages = warning;
do $$
declare
    t record;
begin
    for t in
        select c.oid::regclass as name, c.relname,
               exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') as has_tenant
          from pg_class c join pg_attribute k on k.attrelid = c.oid and k.attname = 'client_id' and not k.attisdropped
         where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
    loop
        execute format('alter table %s enable row level security', t.name);
        execute format('alter table %s force row level security', t.name);
        execute format('drop policy if exists shown on %s', t.name);
        execute format('drop policy if exists own_client on %s', t.name);
        execute format('drop policy if exists own_tenants on %s', t.name);
        execute format('create policy shown on %s as permissive for all to mdr_serve using (true) with check (true)', t.name);
        execute format('create policy own_client on %s as restrictive for all to public
                        using (client_id = current_setting(''mdr.client'', true))
                        with check (client_id = current_setting(''mdr.client'', true))', t.name);
        -- tenants itself holds the names; a session's own list of tenants is no tenant column
        -- the settings are asked for in sub-selects: once for a statement, not for each row
        if t.has_tenant then
            execute format('create policy own_tenants on %s as restrictive for all to mdr_serve
                using ((select current_setting(''mdr.tenants'', true)) = ''*''
                       or tenant_id = any ((select string_to_array(current_setting(''mdr.tenants'', true), '',''))::text[]))
                with check (current_setting(''mdr.tenants'', true) = ''*''
                       or tenant_id = any ((select string_to_array(current_setting(''mdr.tenants'', true), '',''))::text[]))',
                t.name);
        end if;
        execute format('grant select, insert, update, delete on %s to mdr_serve', t.name);
    end loop;
    revoke update, delete on ledger from mdr_serve;
    revoke delete on clients, clocks, incidents, responses from mdr_serve;
end $$;

-- The worker looks over all clients' due work and at which readers are behind their ledgers: ids, times and positions, nothing else.
do $$
declare
    looked text;
begin
    foreach looked in array array['due', 'readers', 'clocks']
    loop
        execute format('drop policy if exists own_client on %I', looked);
        execute format('create policy own_client on %I as restrictive for all to mdr_serve
                        using (client_id = current_setting(''mdr.client'', true))
                        with check (client_id = current_setting(''mdr.client'', true))', looked);
        execute format('drop policy if exists worker_looks on %I', looked);
        execute format('create policy worker_looks on %I as permissive for select to mdr_worker using (true)', looked);
    end loop;
end $$;
grant select on due to mdr_worker;
grant select (client_id, kind, reader_id, position, due_at, failures) on readers to mdr_worker;
grant select (client_id, position) on clocks to mdr_worker;
grant select on schema_migrations to mdr_serve;
