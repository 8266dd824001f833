-- The transaction of comments/create, in as many round trips: the look-up of who is written to takes the place of the commit's,
-- which goes along with the last statement.
\set k :k + 1
\set n :client_id * :slice + :k
select client_id as client, incident_id as incident from bench_incidents where pool = :pool and n = :n
\gset
\startpipeline
begin;
select set_config('mdr.client', :client, true), set_config('mdr.tenants', '*', true);
select 1 from incidents where client_id = :client and incident_id = :incident for no key update;
\endpipeline
select ledger_clock(1) as stamp
\gset
with c as (
    insert into comments (client_id, comment_id, incident_id, tenant_id, author_name, author_reader, text, creation_time, origin, body)
    select i.client_id, left(md5(random()::text), 20), i.incident_id, i.tenant_id, 'bench', 'bench-reader',
           'ユーザーに確認しました。 The user confirmed it.', :stamp, 'Client', ''
      from incidents i where i.client_id = :client and i.incident_id = :incident
    returning *
)
select c.body, ledger_append(c.creation_time, c.tenant_id, c.incident_id, 'incident_comment', c.comment_id, 'create', c.author_name,
                             'bench', c.body)
  from c;
\startpipeline
with i as (
    update incidents i set update_time = :stamp, history_n = i.history_n + 1 + 1, comments = c.bodies, comments_n = c.n,
           attachments = a.bodies, attachments_n = a.n, responses = p.bodies, responses_n = p.n
      from (select coalesce(string_agg(body, ',' order by creation_time, comment_id), '') as bodies, count(*) as n
              from comments where client_id = :client and incident_id = :incident) c,
           (select coalesce(string_agg(body, ',' order by creation_time, attachment_id), '') as bodies, count(*) as n
              from attachments where client_id = :client and incident_id = :incident) a,
           (select coalesce(string_agg(body, ',' order by creation_time, response_id), '') as bodies, count(*) as n
              from responses where client_id = :client and incident_id = :incident) p
     where i.client_id = :client and i.incident_id = :incident returning i.*)
select ledger_append(:stamp, tenant_id, incident_id, 'incident_details', incident_id, 'update', 'bench', 'bench', body) from i;
commit;
\endpipeline
