-- A page of 100 whole incidents: the texts that the reply is made of and what its was_read follow from, nothing else.
\set c random(1, :clients)
\startpipeline
select set_config('mdr.client', 'b' || lpad(:c::text, 3, '0'), true), set_config('mdr.tenants', '*', true);
select i.body, i.comments, i.attachments, i.responses, rd.incident_read, rd.comments_upto, rd.attachments_upto, rd.responses_upto
  from incidents i left join lateral (
       select * from reads r where r.client_id = i.client_id and r.reader_id = 'bench' and r.incident_id = i.incident_id offset 0
       ) rd on true
 where i.client_id = 'b' || lpad(:c::text, 3, '0') order by i.creation_time desc, i.incident_id desc limit 100;
\endpipeline
