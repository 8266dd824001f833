-- Mail to administrators about tenants that expire or reach their limit of assets; due.kind = 'licence' looks once a day.
alter table notices add column licence_told text not null default '';  -- what the user was told last

create or replace function users_reader() returns trigger language plpgsql as $$
begin
    insert into readers (client_id, kind, reader_id, position, due_at)
    select client_id, 'notify', 'users', position, 0 from clocks where client_id = new.client_id
    on conflict do nothing;
    insert into due (client_id, kind, object_id, due_at) values (new.client_id, 'licence', 'tenants', 0)
    on conflict do nothing;
    return null;
end $$;
