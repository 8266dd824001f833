-- A page of 100 whole incidents: the texts that the reply is made of, and nothing else.
\set c random(1, :clients)
\startpipeline
select set_config('mdr.client', 'b' || lpad(:c::text, 3, '0'), true), set_config('mdr.tenants', '*', true);
select body, comments, attachments, responses from incidents
 where client_id = 'b' || lpad(:c::text, 3, '0') order by creation_time desc, incident_id desc limit 100;
\endpipeline
