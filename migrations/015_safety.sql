-- Isolations for a time whose release was ordered once and came to nothing: it is ordered again from now on (responses/release.h).
-- 900_protect forces row-level security again.
alter table responses no force row level security;
alter table assets no force row level security;
alter table due no force row level security;
insert into due (client_id, kind, object_id, due_at)
select p.client_id, 'release', p.response_id, p.finished_at + (p.parameters ->> 'duration_s')::bigint * 1000
  from assets a join responses p on p.client_id = a.client_id and p.response_id = a.isolated_by
 where p.type = 'ISOLATE_HOST' and p.parameters ->> 'duration_s' is not null
    on conflict do nothing;

-- due.kind 'trim' looks once a day for what was kept long enough (notify/trim.h).
alter table clients no force row level security;
insert into due (client_id, kind, object_id, due_at) select client_id, 'trim', 'client', 0 from clients;
