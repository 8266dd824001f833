-- Carrying out what was confirmed (contract B3), taking it back, and isolation that ends by itself.
alter table due drop constraint if exists due_kind_check;
do $$ begin
    if not exists (select from pg_constraint where conrelid = 'due'::regclass and conname = 'due_kind') then
        alter table due add constraint due_kind check (kind ~ '^[a-z]+$');
    end if;
end $$;

-- Tenants, or all of a client ('*'), whose automatic acceptance and undelivered actions stand still.
create table if not exists freezes (client_id text not null references clients, frozen_tenant text not null, reason text not null, frozen_by text not null, frozen_at bigint not null, primary key (client_id, frozen_tenant));

-- The states and what leads from one to the other: responses/execution.h. due.kind 'execute' says when the clock moves one next:
-- at the end of a lease, or at not_after.
-- Functions with a body in quotes take no hold of the table's columns: with response_body() as it was none could be added.
drop function response_body;
alter table responses
    add execution_state text not null default 'none' check (execution_state in
        ('none', 'pending', 'leased', 'running', 'succeeded', 'failed', 'expired', 'unknown', 'cancelled')),
    add epoch bigint not null default 0,                         -- counts handings out; what an older one reports is refused
    add connector_session text not null default '',              -- who has or had it last
    add connector_name text not null default '',
    add lease_until bigint not null default 0,
    add not_after bigint not null default 0,
    add attempts integer not null default 0,
    add started_at bigint not null default 0,
    add finished_at bigint not null default 0,
    add report_message text not null default '',
    add report_code text not null default '',
    add report_result json not null default '{}',
    add content_hash text not null default '',                   -- of what was decided about; compared when it is handed out
    add undo_of text not null default '',
    add undone_by text not null default '';
create index responses_execution on responses (client_id, not_after, response_id)
    where execution_state in ('pending', 'leased', 'running');

-- By which response the gateway knows an asset to be isolated: until its release the SOC's reports do not change that.
alter table assets add isolated_by text;                         -- null = by none

create function response_content_hash(p responses) returns text language sql immutable parallel safe as $$
    select encode(sha256(convert_to(p.response_id || E'\n' || p.asset_id || E'\n' || p.type || E'\n' || p.parameters::text, 'UTF8')), 'hex') $$;

-- As clients see it. The column "execution" is rendered from the columns above, like "body".
create function response_execution(p responses) returns json language sql stable parallel safe as $$
    select row_to_json((select r from (select p.execution_state as state, p.connector_name as connector, p.attempts, p.started_at,
        p.finished_at, p.report_message as message, p.report_result as result, p.report_code as code, p.not_after, p.epoch) r)) $$;

create function response_body(p responses) returns text language sql stable parallel safe as $$
    select replace(replace(row_to_json((select r from (select p.response_id, p.type,
            (select row_to_json(d) from (select p.file_path, p.file_size_limit) d) as details,
            p.parameters, p.asset_id, p.status, p.comment, p.description, p.creation_time, p.update_time, chr(1) as was_read,
            p.decide_until, p.group_id, p.origin, p.decided_by, p.execution, chr(1) || 'x' as x, p.incident_id, p.undo_of,
            p.undone_by) r))::text,
        ',"x":"\u0001x"', mark('x')),
        '"was_read":"\u0001"', '"was_read":' || mark('r' || p.creation_time || ':' || p.author_reader)) $$;

create or replace function response_render() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        new.content_hash := response_content_hash(new);
    end if;
    if new.execution_state <> 'none' then
        new.execution := response_execution(new);
    end if;
    new.body := response_body(new);
    return new;
end $$;

alter table responses alter execution set default
    '{"state":"none","connector":"","attempts":0,"started_at":0,"finished_at":0,"message":"","result":{},"code":"","not_after":0,"epoch":0}';

-- What is there already. Its bodies stay as their history shows them; what was confirmed before is not carried out now.
-- 900_protect.sql forces row-level security again.
alter table responses no force row level security;
alter table responses disable trigger render;
update responses p
   set content_hash = response_content_hash(p), execution_state = p.execution ->> 'state',
       connector_name = p.execution ->> 'connector', attempts = (p.execution ->> 'attempts')::integer,
       started_at = (p.execution ->> 'started_at')::bigint, finished_at = (p.execution ->> 'finished_at')::bigint,
       report_message = p.execution ->> 'message', report_result = p.execution -> 'result';
alter table responses enable always trigger render;
