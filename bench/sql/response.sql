-- The transaction of response/update, in as many round trips (see comment.sql).
\set k :k + 1
\set n :client_id * :slice + :k
select client_id as client, incident_id as incident, response_id as response, asset_id as asset
  from bench_responses where pool = :pool and n = :n
\gset
\startpipeline
begin;
select set_config('mdr.client', :client, true), set_config('mdr.tenants', '*', true);
select incident_id from incidents where client_id = :client and incident_id in
       (select incident_id from responses where client_id = :client and response_id = any(array[:response]))
 order by incident_id for no key update;
\endpipeline
select response_id, incident_id, asset_id, status = 'New',
       decide_until > 0 and decide_until <= (extract(epoch from clock_timestamp()) * 1000)::bigint, critical,
       json_array_length(decided_by -> 'approvals'),
       exists (select from json_array_elements(decided_by -> 'approvals') a where a ->> 'id' = 'bench')
  from responses where client_id = :client and response_id = any(array[:response])
 order by incident_id, response_id for no key update;
select a.host_name, a.tenant_id, t.tenant_name, a.os_version, a.device_kind, a.isolation, array_to_string(a.tags, chr(31))
  from assets a join tenants t on t.client_id = a.client_id and t.tenant_id = a.tenant_id
 where a.client_id = :client and a.asset_id = :asset for no key update of a;
select ledger_clock(1) as stamp
\gset
with c as (
    update responses p
       set status = 'Confirmed', comment = 'go on', update_time = :stamp,
           decided_by = json_build_object('kind', 'connection', 'id', 'bench', 'name', 'bench', 'approvals',
               ((p.decided_by -> 'approvals')::jsonb || jsonb_build_object('kind', 'connection', 'id', 'bench', 'name', 'bench',
                                                                           'time', :stamp::bigint))::json)
     where p.client_id = :client and p.response_id = :response and p.status = 'New'
       and (p.decide_until = 0 or p.decide_until > (extract(epoch from clock_timestamp()) * 1000)::bigint)
    returning p.*
), undue as (
    delete from due using c where due.client_id = :client and due.kind = 'decide' and due.object_id = c.response_id
)
select ledger_append(c.update_time, c.tenant_id, c.incident_id, 'incident_response', c.response_id, 'update', 'bench', 'bench', c.body)
  from c;
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
\startpipeline
select p.body, coalesce(rd.responses_upto, 0) from responses p
  left join reads rd on rd.client_id = :client and rd.reader_id = 'bench' and rd.incident_id = p.incident_id
 where p.client_id = :client and p.response_id = :response;
commit;
\endpipeline
