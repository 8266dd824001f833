-- Incidents with their chat and responses. The reply text of each object ("body") is rendered once, when it is written, by a
-- trigger: reading is copying. Where a reply depends on the reader or on the moment, the body holds a mark between the bytes 1
-- and 2, which JSON text never holds: see api/project.h for the list of marks.
create table incidents (
    client_id text not null references clients,
    incident_id text not null,
    tenant_id text not null,
    tenant_name text not null,
    incident_number bigint not null,
    external_ref text not null default '',
    summary text not null,
    priority text not null check (priority in ('HIGH', 'NORMAL', 'LOW')),
    status text not null default 'Open' check (status in ('Open', 'On hold', 'Resolved', 'Closed')),
    resolution text not null default '' check (resolution in ('', 'False positive', 'True positive', 'Other')),
    affected_hosts text[] not null default '{}',                 -- HOST:0xID
    host_based_iocs json not null default '[]',
    network_based_iocs json not null default '[]',
    detection_technology text not null default '',
    creation_time bigint not null,
    update_time bigint not null,
    attack_stage text not null default '',
    mitre_tactics text[] not null default '{}',
    mitre_techniques text[] not null default '{}',
    threat_classes text[] not null default '{}',
    description text not null default '',
    client_description text not null default '',
    status_description text not null default '',
    recommendations text not null default '',
    client_comment text not null default '',
    origin text not null check (origin in ('Service', 'Client')),
    author_reader text not null default '',                      -- reader id of who created it
    has_sla boolean not null default true,
    detected_at bigint not null default 0,
    notified_at bigint not null default 0,
    closed_at bigint not null default 0,
    comments text not null default '',                           -- bodies of the comments, joined by commas, oldest first
    attachments text not null default '',
    responses text not null default '',
    comments_n integer not null default 0,
    attachments_n integer not null default 0,
    responses_n integer not null default 0,
    history_n integer not null default 1,
    body text not null,
    search_text text not null,                                   -- folded; what search_phrase looks in
    search_pairs text not null,                                  -- the same, spread so that one or two characters make a trigram
    primary key (client_id, incident_id),
    foreign key (client_id, tenant_id) references tenants,
    check (status in ('Open', 'On hold') or resolution <> '')
) with (toast_tuple_target = 8160, fillfactor = 90);
create unique index incidents_number on incidents (client_id, incident_number);
create index incidents_with_sla on incidents (client_id, creation_time) where origin = 'Client' and has_sla;
create unique index incidents_external_ref on incidents (client_id, external_ref) where external_ref <> '';
-- tenant_id comes along so that counting needs no look at the rows
create index incidents_creation on incidents (client_id, creation_time, incident_id) include (tenant_id);
create index incidents_update on incidents (client_id, update_time, incident_id) include (tenant_id);
create index incidents_status on incidents (client_id, status, creation_time) include (tenant_id);
create index incidents_priority on incidents (client_id, priority, creation_time) include (tenant_id);
create index incidents_tenant on incidents (client_id, tenant_id, creation_time);
create index incidents_search on incidents using gin (client_id, search_text gin_trgm_ops);
create index incidents_search_pairs on incidents using gin (client_id, search_pairs gin_trgm_ops);

-- What incidents are filtered by, one plain text each: row-level security leaves array operators without an index.
-- kind: asset (asset id), tactic, technique (folded id and folded name, a row each), threat.
create table incident_keys (
    client_id text not null,
    kind text not null check (kind in ('asset', 'tactic', 'technique', 'threat')),
    key text not null,
    incident_id text not null,
    primary key (client_id, kind, key, incident_id),
    foreign key (client_id, incident_id) references incidents on delete cascade
);
create index incident_keys_incident on incident_keys (client_id, incident_id);

create table comments (
    client_id text not null,
    comment_id text not null,
    incident_id text not null,
    tenant_id text not null,
    author_name text not null,
    author_reader text not null,
    text text not null,
    creation_time bigint not null,
    origin text not null check (origin in ('Service', 'Client')),
    body text not null,
    primary key (client_id, comment_id),
    foreign key (client_id, incident_id) references incidents
);
create index comments_incident on comments (client_id, incident_id, creation_time, comment_id);

create table attachments (
    client_id text not null,
    attachment_id text not null,
    incident_id text not null,
    tenant_id text not null,
    author_name text not null,
    author_reader text not null,
    caption text not null default '',
    full_name text not null,
    file_size bigint not null,
    sha256 text not null,
    creation_time bigint not null,
    origin text not null check (origin in ('Service', 'Client')),
    body text not null,
    primary key (client_id, attachment_id),
    foreign key (client_id, incident_id) references incidents
);
create index attachments_incident on attachments (client_id, incident_id, creation_time, attachment_id);

create table attachment_pieces (
    client_id text not null,
    attachment_id text not null,
    piece integer not null,                                      -- 0, 1, ...; 256 KiB each but the last
    data bytea not null,
    primary key (client_id, attachment_id, piece),
    foreign key (client_id, attachment_id) references attachments on delete cascade deferrable initially deferred
);
alter table attachment_pieces alter column data set storage external;

create table responses (
    client_id text not null,
    response_id text not null,
    incident_id text not null,
    tenant_id text not null,
    asset_id text not null,
    type text not null,
    parameters json not null,
    file_path text not null default '',
    file_size_limit bigint not null default 0,
    status text not null default 'New' check (status in ('New', 'Confirmed', 'Declined')),
    comment text not null default '',
    description text not null default '',
    creation_time bigint not null,
    update_time bigint not null,
    decide_until bigint not null default 0,                      -- ms; 0 = no deadline
    execute_within_s bigint not null default 0,
    group_id text not null default '',
    origin text not null check (origin in ('Service', 'Client')),
    author_reader text not null,
    critical boolean not null,                                   -- needs two people
    decided_by json not null default '{"kind":"","id":"","name":"","approvals":[]}',
    execution json not null default
        '{"state":"none","connector":"","attempts":0,"started_at":0,"finished_at":0,"message":"","result":{}}',
    body text not null,
    primary key (client_id, response_id),
    foreign key (client_id, incident_id) references incidents
);
create index responses_incident on responses (client_id, incident_id, creation_time, response_id);
create index responses_status on responses (client_id, status, creation_time, response_id);
create index responses_type on responses (client_id, type, creation_time, response_id);
create index responses_asset on responses (client_id, asset_id, creation_time);

-- How far a reader has read an incident: was_read.
create table reads (
    client_id text not null,
    reader_id text not null,
    incident_id text not null,
    incident_read boolean not null default false,
    comments_upto bigint not null default 0,
    attachments_upto bigint not null default 0,
    responses_upto bigint not null default 0,
    primary key (client_id, reader_id, incident_id),
    foreign key (client_id, incident_id) references incidents on delete cascade
);

-- Marks: byte 1, a letter, what it needs, byte 2.
create function mark(what text) returns text language sql immutable parallel safe return chr(1) || what || chr(2);

-- From detection to notification (contract B1).
create function sla_target_ms(priority text) returns bigint language sql immutable parallel safe
    return case priority when 'HIGH' then 3600000 when 'NORMAL' then 14400000 else 86400000 end;

-- Rows of these types give replies their keys and the keys' order. A renderer without a sub-select is an expression, which
-- costs a fraction of a statement.
create type host_mapping as (host_id text, host_name text);
create type incident_counts as (responses integer, comments integer, attachments integer, history integer);
create type incident_sla as (applies boolean, target_s bigint, detected_at bigint, notified_at bigint, met boolean);
create type incident_reply as (
    incident_id text, summary text, priority text, status text, resolution text, affected_hosts text[], affected_hosts_mappings json,
    host_based_iocs json, network_based_iocs json, detection_technology text, creation_time bigint, update_time text,
    attack_stage text, mitre_tactics text[], mitre_techniques text[], description text, incident_number bigint,
    client_description text, status_description text, origin text, attachments text, comments text, iocs json, responses text,
    tenant_name text, was_read text, recommendations text, client_comment text, x text, counts incident_counts,
    threat_classes text[], sla incident_sla, external_ref text);
create type comment_reply as (
    comment_id text, author_name text, text text, creation_time bigint, origin text, was_read text);
create type attachment_reply as (
    attachment_id text, author_name text, caption text, creation_time bigint, file_size bigint, full_name text, link text,
    origin text, was_read text, x text, sha256 text);

-- HOST:0xID, taken apart
create function hosts_mapped(hosts text[]) returns json language plpgsql immutable parallel safe as $$
declare
    host text;
    mapped text := '';
begin
    foreach host in array hosts loop
        mapped := mapped || ',' || row_to_json(row(right(host, 34), left(host, -35))::host_mapping);
    end loop;
    return '[' || substr(mapped, 2) || ']';
end $$;
create function host_names(hosts text[]) returns text language plpgsql immutable parallel safe as $$
declare
    host text;
    names text := '';
begin
    foreach host in array hosts loop
        names := names || E'\n' || left(host, -35);
    end loop;
    return substr(names, 2);
end $$;

create function incident_body(i incidents) returns text language sql stable parallel safe
    return replace(replace(replace(replace(replace(replace(row_to_json(row(
        i.incident_id, i.summary, i.priority, i.status, i.resolution, i.affected_hosts, hosts_mapped(i.affected_hosts),
        i.host_based_iocs, i.network_based_iocs, i.detection_technology, i.creation_time, chr(1) || 't',
        i.attack_stage, i.mitre_tactics, i.mitre_techniques, i.description, i.incident_number,
        i.client_description, i.status_description, i.origin, chr(1) || 'A', chr(1) || 'C',
        case when i.host_based_iocs::text = '[]' then i.network_based_iocs
             when i.network_based_iocs::text = '[]' then i.host_based_iocs
             else (i.host_based_iocs::jsonb || i.network_based_iocs::jsonb)::json end,
        chr(1) || 'R',
        i.tenant_name, chr(1) || 'i', i.recommendations, i.client_comment, chr(1) || 'x',
        row(i.responses_n, i.comments_n, i.attachments_n, i.history_n)::incident_counts,
        i.threat_classes,
        row(i.has_sla, sla_target_ms(i.priority) / 1000, i.detected_at, i.notified_at,
            case when i.notified_at > 0 then i.notified_at - i.detected_at <= sla_target_ms(i.priority) end)::incident_sla,
        i.external_ref)::incident_reply)::text,
        '"update_time":"\u0001t"', '"update_time":' || mark('t' || i.update_time)),
        '"attachments":"\u0001A"', '"attachments":[' || mark('A') || ']'),
        '"comments":"\u0001C"', '"comments":[' || mark('C') || ']'),
        '"responses":"\u0001R"', '"responses":[' || mark('R') || ']'),
        '"was_read":"\u0001i"', '"was_read":' || mark('i:' || i.author_reader)),
        ',"x":"\u0001x"', mark('x'));

create function comment_body(c comments) returns text language sql stable parallel safe
    return replace(row_to_json(row(c.comment_id, c.author_name, c.text, c.creation_time, c.origin, chr(1))::comment_reply)::text,
        '"was_read":"\u0001"', '"was_read":' || mark('c' || c.creation_time || ':' || c.author_reader));

create function attachment_body(a attachments) returns text language sql stable parallel safe
    return replace(replace(replace(row_to_json(row(
        a.attachment_id, a.author_name, a.caption, a.creation_time, a.file_size, a.full_name, chr(1),
        a.origin, chr(1), chr(1) || 'x', a.sha256)::attachment_reply)::text,
        ',"x":"\u0001x"', mark('x')),
        '"link":"\u0001"', '"link":"' || mark('u') || '/api/v1/' || a.client_id || '/attachments/' || a.attachment_id || '"'),
        '"was_read":"\u0001"', '"was_read":' || mark('a' || a.creation_time || ':' || a.author_reader));

create function response_body(p responses) returns text language sql stable parallel safe
    return replace(replace(row_to_json((select r from (select p.response_id, p.type,
            (select row_to_json(d) from (select p.file_path, p.file_size_limit) d) as details,
            p.parameters, p.asset_id, p.status, p.comment, p.description, p.creation_time, p.update_time, chr(1) as was_read,
            p.decide_until, p.group_id, p.origin, p.decided_by, p.execution, chr(1) || 'x' as x, p.incident_id) r))::text,
        ',"x":"\u0001x"', mark('x')),
        '"was_read":"\u0001"', '"was_read":' || mark('r' || p.creation_time || ':' || p.author_reader));

-- NFKC folds full-width and half-width forms, so that a search finds either.
-- Looking whether there is anything to fold costs a tenth of folding.
create function search_fold(t text) returns text language sql immutable parallel safe
    return lower(case when octet_length(t) = length(t) or t is nfkc normalized then t else normalize(t, NFKC) end);

-- "東京" -> "q東q京q": every character and every pair of neighbours becomes a trigram.
create function search_spread(folded text) returns text language sql immutable parallel safe
    return 'q' || array_to_string(string_to_array(folded, null), 'q') || 'q';

create function incident_render() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or row(new.summary, new.description, new.client_description, new.affected_hosts, new.incident_number)
            is distinct from row(old.summary, old.description, old.client_description, old.affected_hosts, old.incident_number) then
        new.search_text := concat_ws(E'\n', new.summary, 'K-' || new.incident_number, host_names(new.affected_hosts),
            new.description, new.client_description);
        new.search_text := search_fold(new.search_text);
        new.search_pairs := search_spread(new.search_text);
    end if;
    new.body := incident_body(new);
    return new;
end $$;
create function comment_render() returns trigger language plpgsql as $$
begin new.body := comment_body(new); return new; end $$;
create function attachment_render() returns trigger language plpgsql as $$
begin new.body := attachment_body(new); return new; end $$;
create function response_render() returns trigger language plpgsql as $$
begin new.body := response_body(new); return new; end $$;
create trigger render before insert or update on incidents for each row execute function incident_render();
create trigger render before insert or update on comments for each row execute function comment_render();
create trigger render before insert or update on attachments for each row execute function attachment_render();
create trigger render before insert or update on responses for each row execute function response_render();
alter table incidents enable always trigger render;
alter table comments enable always trigger render;
alter table attachments enable always trigger render;
alter table responses enable always trigger render;

-- What was typed, as a pattern of LIKE.
create function search_escape(t text) returns text language sql immutable parallel safe
    return replace(replace(replace(t, '\', '\\'), '%', '\%'), '_', '\_');
