"""A byte of one client seen by another is a disaster: three clients with the same natural keys and a canary in every text."""
import json
import re
import secrets
import subprocess
import tempfile
import uuid

import psycopg2
import pytest

from lib.gateway import wait_for
from lib.organisation import Organisation, now_ms

ASSET_IDS = ["0x" + f"{i:032x}" for i in range(1, 4)]
TENANT = "Same Tenant"


class Marked(Organisation):
    """All natural keys are the same in every one; every free text holds its own canary."""

    def __init__(self, gateway, number):
        self.canary = f"CANARY{number}{secrets.token_hex(6)}"
        super().__init__(gateway, f"Same Name {self.canary}", tenants=())
        c = self.canary
        self.sup.ok("tenants/create", {"tenant_name": TENANT, "description": c})
        self.soc.ok("assets/upsert", {"assets": [
            {"asset_id": asset_id, "host_name": "SAME-HOST", "domain": "same.example.jp", "tags": [c], "group_name": c,
             "policy_name": c, "os_version": f"Windows {c}", "installed_product_info": c, "product_map": {"KES": c},
             "ksc_host_id": c[:50], "isolation_task_id": c, "last_seen": now_ms(),
             "network_interfaces": [{"dsc": c, "dnsd": c, "defg": c, "mac": c, "ipcm": c, "ip": c}],
             "components": [{"name": c, "key": True, "state": "off"}], "problems": [{"issue": c, "component": c}]}
            for asset_id in ASSET_IDS]})
        self.incident = self.soc.ok("incidents/ingest", {
            "external_ref": "SAME-REF", "summary": f"Same {c}", "description": c, "priority": "HIGH", "recommendations": c,
            "affected_hosts": [f"SAME-HOST:{ASSET_IDS[0]}"], "mitre_tactics": [c], "mitre_techniques": [c],
            "detection_technology": c, "attack_stage": c,
            "host_based_iocs": [{"type": "file_path", "value": c, "filename": c, "description": c}],
            "network_based_iocs": [{"type": "domain", "value": c}]})["incident_id"]
        self.custom = self.sup.ok("incidents/create", {"affected_hosts": f"SAME-HOST:{ASSET_IDS[1]}", "client_description": c,
                                                       "summary": f"Same custom {c}"})["incident_id"]
        self.comment = self.new_comment(self.incident, text=f"Same {c}")["comment_id"]
        self.attachment = self.new_attachment(self.incident, data=f"bytes of {c}".encode(), file_name="same.txt",
                                              meta={"incident_id": self.incident, "caption": c})["attachment_id"]
        self.response = self.soc.ok("responses/create", {
            "incident_id": self.incident, "asset_id": ASSET_IDS[0], "type": "RUN_SCRIPT", "description": c,
            "parameters": {"interpreter": "powershell", "script": c}})["response_id"]
        self.new_user(name=c)
        self.new_connection("OFFICER", c)
        self.sup.ok("incidents/close", {"incident_id": self.custom, "resolution_status": "TRUE_POSITIVE", "summary": c})


@pytest.fixture(scope="module")
def three(gateway):
    return [Marked(gateway, i) for i in range(3)]


def no_other(three, one, what, data):
    """data: bytes that belong to `one`."""
    for another in three:
        if another is not one:
            assert another.canary.encode() not in data, f"{what} of {one.id} holds the canary of {another.id}"
            assert another.id.encode() not in data, f"{what} of {one.id} names the client {another.id}"


def bytes_of(reply):
    return reply.body + json.dumps(reply.headers).encode()


def pdf_text(data):
    with tempfile.NamedTemporaryFile(suffix=".pdf") as f:
        f.write(data)
        f.flush()
        return subprocess.run(["pdftotext", f.name, "-"], capture_output=True, check=True).stdout


READS = [
    ("incidents/list", {}), ("incidents/list", {"min_update_time": 1, "markdown_to_html": True}),
    ("incidents/list", {"search_phrase": "CANARY"}), ("incidents/list", {"search_phrase": "CA"}),
    ("incidents/list", {"external_refs": ["SAME-REF"]}), ("incidents/list", {"asset_ids": ASSET_IDS}),
    ("incidents/list", {"affected_hosts": [f"SAME-HOST:{ASSET_IDS[0]}"]}), ("incidents/list", {"response_statuses": ["New"]}),
    ("incidents/history", {}), ("assets/list", {}), ("assets/list", {"search_phrase": "CANARY"}),
    ("assets/list", {"host_names": ["same-host"]}), ("assets/list", {"network_interface": "CANARY"}),
    ("assets/list", {"product": "CANARY"}), ("assets/details", {"asset_id": ASSET_IDS[0]}),
    ("assets/suggestion", {"search_phrase": "SAME"}), ("responses/list", {}), ("responses/list", {"asset_ids": ASSET_IDS}),
    ("tenants/list", {}), ("users/list", {}), ("robot_sessions/list", {}), ("settings/general/get", {}),
    ("settings/auto_response/get", {}), ("session/whoami", {}), ("incidents/sla_count", {}), ("responses/types", {}),
    ("incidents/count", {}), ("assets/count", {}),
]


def test_every_read_shows_ones_own_and_nothing_else(three):
    shown = 0
    for one in three:
        for api in (one.sup, one.soc, one.senior, one.officer):
            for name, body in READS:
                reply = api.call(name, body)
                if reply.status == 403:
                    continue
                no_other(three, one, name, bytes_of(reply.must()))
                shown += one.canary.encode() in reply.body
            for name in ("incidents/details", "comments/list", "attachments/list", "chat/list", "responses/list", "incidents/history"):
                reply = api.call(name, {"incident_id": one.incident}).must()
                no_other(three, one, name, bytes_of(reply))
                assert one.canary.encode() in reply.body, f"{name}: the check looks for nothing"
    assert shown > 100


def test_files_and_pdf(three):
    for one in three:
        got = one.sup.call("attachments/download", {"attachment_id": one.attachment}).must()
        no_other(three, one, "file", bytes_of(got))
        assert one.canary.encode() in got.body
        text = pdf_text(one.sup.get("incidents/{incident_id}/summary.pdf", incident_id=one.incident).must().body)
        no_other(three, one, "PDF", text)
        assert one.canary.encode() in re.sub(rb"\s", b"", text)


def test_mail(three, mail):
    for one in three:
        address = f"{uuid.uuid4().hex}@example.jp"
        number = one.sup.ok("incidents/details", {"incident_id": one.incident})["incident_number"]
        one.sup.ok("incidents/send/email", {"issue_key": str(number), "issue_type": "thehive", "user_email": address})
        _, message, raw = mail.wait_for(lambda to, m: address in to)  # noqa: B023
        no_other(three, one, "mail", raw)
        for part in message.iter_attachments():
            text = pdf_text(part.get_content())
            no_other(three, one, "PDF by mail", text)
            assert one.canary.encode() in re.sub(rb"\s", b"", text)


FOREIGN = [("incidents/details", "incident_id", "incident"), ("incidents/history", "incident_id", "incident"),
           ("comments/list", "incident_id", "incident"), ("attachments/list", "incident_id", "incident"),
           ("chat/list", "incident_id", "incident"), ("responses/list", "incident_id", "incident"),
           ("attachments/download", "attachment_id", "attachment")]
WRITES = [("incidents/close", lambda o: {"incident_id": o.incident, "resolution_status": "TRUE_POSITIVE", "summary": "x"}),
          ("comments/create", lambda o: {"incident_id": o.incident, "text": "x"}),
          ("comments/delete", lambda o: {"comment_id": o.comment}),
          ("response/update", lambda o: {"response_id": o.response, "status": "Confirmed", "comment": "x"}),
          ("responses/update", lambda o: {"responses_ids": [o.response], "status": "Confirmed", "comment": "x"}),
          ("incidents/update", lambda o: {"incident_id": o.incident, "status": "On hold"}),
          ("responses/create", lambda o: {"incident_id": o.incident, "asset_id": ASSET_IDS[0], "type": "RELEASE_HOST",
                                          "parameters": {}, "description": "x"})]


def test_foreign_ids_are_missing_ones(three):
    a, b = three[:2]
    for name, member, kind in FOREIGN:
        for api in (a.sup, a.soc):
            reply = api.call(name, {member: getattr(b, kind)}).must(404)
            no_other(three, a, name, bytes_of(reply))
    before = b.sup.ok("incidents/details", {"incident_id": b.incident})["update_time"]
    for name, body in WRITES:
        for api in (a.sup, a.soc):
            reply = api.call(name, body(b))
            assert reply.status in (403, 404), str(reply)
            no_other(three, a, name, bytes_of(reply))
    a.sup.upload(b.incident).must(404)
    a.sup.get("attachments/{attachment_id}", attachment_id=b.attachment).must(404)
    a.sup.get("incidents/{incident_id}/summary.pdf", incident_id=b.incident).must(404)
    assert b.sup.ok("incidents/details", {"incident_id": b.incident})["update_time"] == before
    assert b.sup.ok("responses/list", {})[0]["status"] == "New"


def test_a_token_does_not_open_another_path(three):
    a, b = three[:2]
    for api in (a.sup, a.soc):
        for name, body in READS:
            reply = api.at(client_id=b.id).call(name, body).must(403)
            no_other([t for t in three if t is not b], a, name, bytes_of(reply))
            assert b.canary.encode() not in bytes_of(reply)
    path = f"/api/v1/{b.id}/attachments/{b.attachment}"
    assert a.sup.call("session/ticket", {"path": path}).status in (400, 403, 404)


def test_errors_hold_no_canary(three):
    for one in three:
        for reply in (one.sup.call("incidents/list", {"sort": "x"}), one.sup.call("incidents/list", raw=b"{"),
                      one.sup.call("incidents/create", {"affected_hosts": [f"SAME-HOST:{'0x' + 'f' * 32}"], "summary": "x",
                                                        "client_description": "x"}),
                      one.sup.call("tenants/create", {"tenant_name": TENANT, "description": ""}),
                      one.sup.call("incidents/close", {"incident_id": one.custom, "resolution_status": "TRUE_POSITIVE",
                                                       "summary": ""})):
            assert reply.status >= 400
            no_other(three, one, "error", bytes_of(reply))
            for word in (b"psql", b"SELECT", b"select ", b"relation", b".c:", b"postgres"):
                assert word not in reply.body, reply.body


def test_the_same_keys_stay_apart(three):
    for one in three:
        assert one.sup.ok("incidents/count", {"external_refs": ["SAME-REF"]}) == {"count": 1}
        assert one.sup.ok("assets/count", {"host_names": ["same-host"]}) == {"count": 3}
        again = one.soc.ok("incidents/ingest", {"external_ref": "SAME-REF", "summary": f"Same again {one.canary}", "priority": "LOW",
                                                "description": one.canary, "affected_hosts": [f"SAME-HOST:{ASSET_IDS[0]}"]})
        assert again["incident_id"] == one.incident
    a, b = three[:2]
    key = {"incident_id": a.incident, "text": "x"}
    a.sup.call("comments/create", key, Idempotency_Key="same").must()
    b.sup.call("comments/create", {"incident_id": b.incident, "text": "x"}, Idempotency_Key="same").must()


def test_the_log_holds_no_text_and_no_token(three, gateway):
    text = gateway.log_text()
    for one in three:
        assert one.canary not in text
        for api in one.roles.values():
            assert api.access_token not in text and api.refresh_token not in text
            assert api.access_token.split(".")[2] not in text


# ---- the second wall: row-level security ----

LINT = {
    "a table with client_id lacks ENABLE or FORCE": """
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'client_id' and not a.attisdropped
         where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
           and not (c.relrowsecurity and c.relforcerowsecurity)""",
    "a table lacks a permissive policy or a restrictive one on its client, with USING and WITH CHECK": """
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'client_id' and not a.attisdropped
         where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and not (
             exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd = '*'
                       and p.polqual is not null and p.polwithcheck is not null)
             and exists (select from pg_policy p where p.polrelid = c.oid and not p.polpermissive and p.polcmd = '*'
                       and pg_get_expr(p.polqual, p.polrelid) like '%client_id = current_setting(''mdr.client''%'
                       and pg_get_expr(p.polwithcheck, p.polrelid) like '%client_id = current_setting(''mdr.client''%'))""",
    "a table with tenants lacks the policy on them": """
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
         where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
           and not exists (select from pg_policy p where p.polrelid = c.oid and not p.polpermissive
                             and pg_get_expr(p.polqual, p.polrelid) like '%mdr.tenants%'
                             and pg_get_expr(p.polwithcheck, p.polrelid) like '%mdr.tenants%')""",
    "a table without client_id that the serving role can read": """
        select c.relname from pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relnamespace = 'public'::regnamespace
           and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'client_id' and not a.attisdropped)
           and has_table_privilege('mdr_serve', c.oid, 'select') and c.relname not in ('schema_migrations')""",
    "the serving role is too mighty": """
        select rolname from pg_roles where rolname in ('mdr_serve', 'mdr_worker')
           and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication or rolinherit and rolname = 'mdr_serve')""",
    "the serving role owns something": """
        select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname in ('mdr_serve', 'mdr_worker')
        union all select n.nspname from pg_namespace n join pg_roles r on r.oid = n.nspowner where r.rolname in ('mdr_serve', 'mdr_worker')
        union all select p.proname from pg_proc p join pg_roles r on r.oid = p.proowner where r.rolname in ('mdr_serve', 'mdr_worker')
        union all select d.datname from pg_database d join pg_roles r on r.oid = d.datdba where r.rolname in ('mdr_serve', 'mdr_worker')""",
    "the serving role may create things": """
        select 'schema public' where has_schema_privilege('mdr_serve', 'public', 'create')
        union all select 'database' where has_database_privilege('mdr_serve', current_database(), 'create')
        union all select 'truncate ' || c.relname from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
              and (has_table_privilege('mdr_serve', c.oid, 'truncate') or has_table_privilege('mdr_serve', c.oid, 'trigger')
                   or has_table_privilege('mdr_serve', c.oid, 'references'))""",
    "the ledger can be changed": """
        select privilege from unnest(array['update', 'delete', 'truncate']) privilege
         where has_table_privilege('mdr_serve', 'ledger', privilege)""",
    "the serving role is a member of more than the worker": """
        select g.rolname from pg_auth_members m join pg_roles g on g.oid = m.roleid join pg_roles u on u.oid = m.member
         where u.rolname in ('mdr_serve', 'mdr_worker') and g.rolname <> 'mdr_worker'""",
    "a key does not contain client_id": """
        select k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid
         where k.contype in ('p', 'u') and c.relnamespace = 'public'::regnamespace
           and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'client_id')
           and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'client_id' and a.attnum = any (k.conkey))""",
    "a unique index does not contain client_id": """
        select i.indexrelid::regclass from pg_index i join pg_class c on c.oid = i.indrelid
         where i.indisunique and c.relnamespace = 'public'::regnamespace
           and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'client_id')
           and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'client_id' and a.attnum = any (i.indkey))""",
    "a foreign key does not contain client_id on both sides": """
        select k.conname from pg_constraint k where k.contype = 'f'
           and not exists (select from unnest(k.conkey, k.confkey) x(near, far)
                             join pg_attribute n on n.attrelid = k.conrelid and n.attnum = x.near and n.attname = 'client_id'
                             join pg_attribute f on f.attrelid = k.confrelid and f.attnum = x.far and f.attname = 'client_id')""",
    "a view without security_invoker": """
        select c.relname from pg_class c where c.relkind = 'v' and c.relnamespace = 'public'::regnamespace
           and not coalesce(c.reloptions::text like '%security_invoker=true%' or c.reloptions::text like '%security_invoker=on%', false)""",
    "a SECURITY DEFINER function": """
        select p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef""",
    "a materialized view": """
        select c.relname from pg_class c where c.relkind = 'm' and c.relnamespace = 'public'::regnamespace""",
    "the worker sees more than ids, times and positions": """
        select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relnamespace = 'public'::regnamespace
           and has_column_privilege('mdr_worker', c.oid, a.attnum, 'select')
           and (c.relname, a.attname) not in (('due', 'client_id'), ('due', 'kind'), ('due', 'object_id'), ('due', 'due_at'),
               ('readers', 'client_id'), ('readers', 'kind'), ('readers', 'reader_id'), ('readers', 'position'), ('readers', 'due_at'),
               ('readers', 'failures'), ('clocks', 'client_id'), ('clocks', 'position'))
        union all select polrelid::regclass::text from pg_policy
         where polpermissive and polroles @> array['mdr_worker'::regrole::oid]
           and (polcmd <> 'r' or polrelid::regclass::text not in ('due', 'readers', 'clocks'))""",
    "a permissive policy for PUBLIC": """
        select polname from pg_policy where polpermissive and polroles = '{0}'""",
}


def lint(cursor):
    found = []
    for what, sql in LINT.items():
        cursor.execute(sql)
        found += [f"{what}: {row[0]}" for row in cursor.fetchall()]
    return found


def test_schema_lint(gateway):
    with gateway.psql() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_policy")
        assert cursor.fetchone()[0] > 20
        assert lint(cursor) == []


BREAK = {
    "no FORCE": "alter table incidents no force row level security",
    "no ENABLE": "alter table comments disable row level security",
    "policy dropped": "drop policy own_client on responses",
    "tenant policy dropped": "drop policy own_tenants on incidents",
    "policy without check": "drop policy own_client on assets; create policy own_client on assets as restrictive for all to public"
                            " using (client_id = current_setting('mdr.client', true)) with check (true)",
    "bypassrls": "alter role mdr_serve bypassrls",
    "owner": "alter table comments owner to mdr_serve",
    "grant": "grant create on schema public to mdr_serve",
    "ledger": "grant update on ledger to mdr_serve",
    "view": "create view bad as select * from incidents",
    "definer": "create function bad() returns int language sql security definer return 1",
    "materialized": "create materialized view bad as select * from incidents",
    "unique index": "alter table incidents add bad text; create unique index bad on incidents (bad)",
    "foreign key": "alter table incidents add bad text unique; alter table comments add bad text references incidents (bad)",
    "new table": "create table bad (client_id text primary key)",
    "worker's columns": "grant select (snapshot) on ledger to mdr_worker",
    "worker's policy": "create policy bad on ledger as permissive for select to mdr_worker using (true)",
    "unguarded table": "create table bad (x text); grant select on bad to mdr_serve",
}


@pytest.mark.parametrize("what", BREAK)
def test_the_lint_catches(what, gateway):
    """Known-bad controls, each in a transaction that is rolled back."""
    connection = gateway.psql()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("set local lock_timeout = '10s'")
        cursor.execute(BREAK[what])
        found = lint(cursor)
    connection.rollback()
    connection.close()
    assert found, f"the lint does not notice: {BREAK[what]}"


def tables(gateway):
    return [r[0] for r in gateway.query("select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
                                        " and a.attname = 'client_id' where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace")]


def rows_seen(gateway, client, tenants="*"):
    """Of each table, how many rows the serving role sees under these settings."""
    connection = gateway.psql("mdr_serve")
    out = {}
    with connection.cursor() as cursor:
        if client is not None:
            cursor.execute("select set_config('mdr.client', %s, false), set_config('mdr.tenants', %s, false)", [client, tenants])
        for table in tables(gateway):
            cursor.execute(f"select count(*), count(*) filter (where client_id is distinct from %s) from {table}", [client])
            out[table] = cursor.fetchone()
    connection.close()
    return out


def test_rows_under_the_wrong_client(three, gateway):
    assert all(n == (0, 0) for n in rows_seen(gateway, None).values()), "without a client nothing is visible"
    assert all(n == (0, 0) for n in rows_seen(gateway, "").values())
    assert all(n == (0, 0) for n in rows_seen(gateway, "no-such-client").values())
    own = rows_seen(gateway, three[0].id)
    assert all(foreign == 0 for _, foreign in own.values()), own
    assert all(own[t][0] for t in ("incidents", "comments", "attachments", "responses", "assets", "ledger")), "the control"
    nowhere = rows_seen(gateway, three[0].id, "t-none")
    assert all(nowhere[t][0] == 0 for t in ("incidents", "comments", "attachments", "responses", "assets", "ledger")), nowhere


def test_writes_into_another_client_are_refused(three, gateway):
    a, b = three[:2]
    connection = gateway.psql("mdr_serve")
    with connection.cursor() as cursor:
        cursor.execute("select set_config('mdr.client', %s, false), set_config('mdr.tenants', '*', false)", [a.id])
        cursor.execute("update incidents set summary = 'stolen' where client_id = %s", [b.id])
        assert cursor.rowcount == 0
        cursor.execute("delete from comments where client_id = %s", [b.id])
        assert cursor.rowcount == 0
        for sql in ("update comments set client_id = %s where client_id <> ''",
                    "insert into tenants (client_id, tenant_id, tenant_name, creation_time) values (%s, 't-x', 'x', 1)"):
            with pytest.raises(psycopg2.Error):
                cursor.execute(sql, [b.id])
        for sql in ("alter table incidents disable row level security", "create table x (y int)", "set role mdr_owner",
                    "update ledger set snapshot = ''", "delete from ledger", "truncate incidents", "set session_replication_role = replica",
                    "copy incidents to program 'cat'", "select pg_read_file('/etc/passwd')"):
            with pytest.raises(psycopg2.Error):
                cursor.execute(sql)
        cursor.execute("set role mdr_worker")
        for table in tables(gateway):
            if table == "due":
                continue
            with pytest.raises(psycopg2.Error):
                cursor.execute(f"select * from {table} limit 1")
    connection.close()


def test_no_setting_stays_on_a_pooled_connection(three, gateway):
    """After many requests of several clients, the server's own connections carry no client any more."""
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        jobs = [(one, name, body) for one in three for name, body in READS] * 3
        replies = list(pool.map(lambda j: (j[0], j[0].sup.call(j[1], j[2])), jobs))
    for one, reply in replies:
        no_other(three, one, reply.path, bytes_of(reply))
    wait_for(lambda: gateway.query("select count(*) from pg_stat_activity where state = 'idle in transaction'"
                                   " and usename = 'mdr_serve'")[0][0] == 0, 10)
