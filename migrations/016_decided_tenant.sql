-- The tenant that the asset had when the response was decided: what was confirmed is an action on an asset of that tenant
-- (responses/approval.h). '' = nobody has.
alter table responses add column decided_tenant text not null default '';

-- What is confirmed and not over, or confirmed by the first of two people, counts for the tenant that the asset has now; no body changes.
-- 900_protect.sql forces row-level security again.
alter table responses no force row level security;
alter table assets no force row level security;
alter table responses disable trigger render;
update responses p set decided_tenant = a.tenant_id
  from assets a
 where a.client_id = p.client_id and a.asset_id = p.asset_id
   and (p.execution_state in ('pending', 'leased', 'running') or p.status = 'New');
alter table responses enable always trigger render;
