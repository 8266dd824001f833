"""`ledger verify`: whoever changes history behind the gateway's back is found. `demo`: what it loads is sound and goes on."""
import json
import secrets

import pytest

from lib.api import Api

ACCEPTED = "Automatically rejected, because the task timeout has expired"


def load(gateway, assets=20, incidents=30, seed=1):
    client_id = secrets.token_hex(17)
    gateway.cli("demo", "--client", client_id, "--assets", str(assets), "--incidents", str(incidents), "--seed", str(seed))
    return client_id


def verify(gateway, client_id):
    done = gateway.cli("ledger", "verify", "--client", client_id, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1), done.stderr
    assert ("problem" in report) == (not report["ok"])
    return report


def tamper(gateway, *statements):
    """As someone with all rights in the database would."""
    connection = gateway.psql()
    connection.autocommit = False
    with connection, connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        for sql, *values in statements:
            cursor.execute(sql, values)
            assert cursor.rowcount > 0, sql
    connection.close()


# Forges the rest of the chain from a position on, so that only what lies outside the database can tell.
REHASH = """
do $do$
declare
    r ledger; head bytea := '';
begin
    for r in select * from ledger where client_id = '{client}' order by position loop
        head := ledger_hash(head, r.client_id, r.position, r.changed_at, r.tenant_id, r.incident_id, r.kind, r.object_id,
                            r.operation, r.changed_by, r.connection, r.snapshot);
        update ledger set hash = head where client_id = r.client_id and position = r.position;
    end loop;
    update clocks set hash = head, position = (select max(position) from ledger where client_id = '{client}')
     where client_id = '{client}';
end $do$"""


def rehash(gateway, client_id):
    with gateway.psql() as connection, connection.cursor() as cursor:
        cursor.execute(REHASH.format(client=client_id))
    connection.close()


@pytest.fixture()
def client_id(gateway):
    return load(gateway)


def test_a_sound_ledger_is_ok_and_signed(gateway, client_id):
    report = verify(gateway, client_id)
    assert report["ok"] and report["rows"] == report["head_position"] > 30 and len(report["head_hash"]) == 64
    head = json.loads((gateway.data_dir / "ledger-heads" / f"{client_id}.json").read_text())
    assert (head["position"], head["hash"]) == (report["head_position"], report["head_hash"])
    assert verify(gateway, client_id) == report


def test_writes_after_the_load_go_on(gateway, client_id):
    before = verify(gateway, client_id)
    caller = Api.of(gateway.url, gateway.create_connection(client_id, "SUPERVISOR", "after the load"))
    newest = caller.ok("incidents/list", {"page_size": 1, "sort": "update_time:desc"})[0]
    comment = caller.ok("comments/create", {"incident_id": newest["incident_id"], "text": "続き"})
    assert comment["creation_time"] > newest["update_time"]
    host = caller.ok("assets/list", {"page_size": 1})[0]
    made = caller.ok("incidents/create", {"affected_hosts": [f"{host['host_name']}:{host['asset_id']}"],
                                          "summary": "new", "client_description": "new", "priority": "LOW"})
    assert made["incident_number"] > 1034598
    caller.ok("incidents/close", {"incident_id": newest["incident_id"], "resolution_status": "TRUE_POSITIVE", "summary": "done"})
    after = verify(gateway, client_id)
    assert after["ok"] and after["rows"] >= before["rows"] + 5


def test_an_unknown_client_is_told(gateway):
    done = gateway.cli("ledger", "verify", "--client", "nobody", check=False)
    assert done.returncode == 1 and not done.stdout and "no client nobody" in done.stderr


TAMPERINGS = {
    "a snapshot is edited": (
        "row 7 was changed", ["update ledger set snapshot = replace(snapshot, 'a', 'b') where client_id = %s and position = 7"]),
    "who did it is edited": (
        "row 7 was changed", ["update ledger set changed_by = 'nobody' where client_id = %s and position = 7"]),
    "when it was is edited": (
        "row 7 was changed", ["update ledger set changed_at = changed_at + 1 where client_id = %s and position = 7"]),
    "a hash is edited": (
        "row 7 was changed", ["update ledger set hash = sha256('x') where client_id = %s and position = 7"]),
    "a row in the middle is deleted": ("row 9 is missing", ["delete from ledger where client_id = %s and position = 9"]),
    "the first row is deleted": ("row 1 is missing", ["delete from ledger where client_id = %s and position = 1"]),
    "two rows change places": (
        "row 5 was changed", ["update ledger set position = -position where client_id = %s and position in (5, 6)",
                              "update ledger set position = 11 + position where client_id = %s and position < 0"]),
    "a row is put in": (
        "row 1 is missing", ["insert into ledger select client_id, 0, changed_at, tenant_id, incident_id, kind, object_id, operation,"
                             " changed_by, connection, snapshot, hash from ledger where client_id = %s and position = 1"]),
    "the end is cut off": (
        "are missing", ["delete from ledger l using clocks c where l.client_id = %s and c.client_id = l.client_id"
                        " and l.position > c.position - 3"]),
    "the clock is set back": ("the clock does not stand", ["update clocks set position = position - 1 where client_id = %s"]),
    "the clock's stamp is set back": ("the clock is behind", ["update clocks set stamp = 1 where client_id = %s"]),
    "an incident is edited": (
        "incidents:", ["update incidents set priority = case priority when 'LOW' then 'HIGH' else 'LOW' end where client_id = %s"
                       " and incident_number = 127781"]),
    "a comment is edited": ("comments:", ["update comments set text = 'x' || text where client_id = %s"]),
    "an attachment is renamed": ("attachments:", ["update attachments set full_name = 'x.png' where client_id = %s"]),
    "a response is decided": (
        "responses:", ["update responses set status = 'Confirmed' where client_id = %s and status = 'New'"]),
    "a comment is deleted": ("is gone", ["delete from comments where client_id = %s"]),
    "a comment is made": (
        "has no history", ["insert into comments select client_id, 'x' || comment_id, incident_id, tenant_id, author_name,"
                           " author_reader, text, creation_time, origin, body from comments where client_id = %s limit 1"]),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found(gateway, client_id, what):
    said, statements = TAMPERINGS[what]
    tamper(gateway, *[(sql, client_id) for sql in statements])
    report = verify(gateway, client_id)
    assert not report["ok"] and said in report["problem"], report


def test_a_cut_end_with_a_forged_clock_is_found_by_the_signed_head(gateway, client_id):
    assert verify(gateway, client_id)["ok"]
    caller = Api.of(gateway.url, gateway.create_connection(client_id, "SUPERVISOR", "cut"))
    newest = caller.ok("incidents/list", {"page_size": 1})[0]
    made = caller.ok("comments/create", {"incident_id": newest["incident_id"], "text": "what shall vanish"})
    signed = verify(gateway, client_id)
    tamper(gateway,
           ("delete from comments where client_id = %s and comment_id = %s", client_id, made["comment_id"]),
           ("delete from ledger where client_id = %s and position > %s", client_id, signed["head_position"] - 2),
           ("update clocks c set position = l.position, hash = l.hash from ledger l where c.client_id = %s and"
            " l.client_id = c.client_id and l.position = %s", client_id, signed["head_position"] - 2))
    report = verify(gateway, client_id)
    assert not report["ok"] and "when the head was signed" in report["problem"], report


def test_a_rewritten_chain_is_found_by_the_signed_head(gateway, client_id):
    assert verify(gateway, client_id)["ok"]
    tamper(gateway, ("update ledger set changed_by = 'nobody' where client_id = %s and position = 7", client_id))
    rehash(gateway, client_id)
    report = verify(gateway, client_id)
    assert not report["ok"] and "rewritten since it was signed" in report["problem"], report


def test_without_a_signed_head_a_rewritten_chain_passes(gateway, client_id):
    """The control: it is the head that finds the forgery above."""
    tamper(gateway, ("update ledger set changed_by = 'nobody' where client_id = %s and position = 7", client_id))
    rehash(gateway, client_id)
    assert verify(gateway, client_id)["ok"]


def test_a_forged_head_is_found(gateway, client_id):
    assert verify(gateway, client_id)["ok"]
    path = gateway.data_dir / "ledger-heads" / f"{client_id}.json"
    head = json.loads(path.read_text())
    path.write_text(json.dumps({**head, "position": head["position"] - 1}))
    report = verify(gateway, client_id)
    assert not report["ok"] and "signed head" in report["problem"], report


# ---- demo ----

def bodies(gateway, client_id):
    """What was made, without what follows from the moment of loading."""
    return gateway.query("select incident_number, incident_id, summary, description, affected_hosts, mitre_techniques from incidents"
                         " where client_id = %s order by incident_number", client_id, client=client_id)


def test_same_seed_same_data(gateway, client_id):
    assert bodies(gateway, client_id) == bodies(gateway, load(gateway))
    assert bodies(gateway, client_id) != bodies(gateway, load(gateway, seed=2))


def test_a_client_with_incidents_is_refused(gateway, client_id):
    done = gateway.cli("demo", "--client", client_id, "--assets", "5", "--incidents", "5", check=False)
    assert done.returncode == 1 and "has incidents already" in done.stderr
    assert verify(gateway, client_id)["ok"]


def test_an_existing_client_with_connections_is_filled(gateway):
    client_id = gateway.create_client("filled")
    caller = Api.of(gateway.url, gateway.create_connection(client_id, "SUPERVISOR", "early"))
    gateway.cli("demo", "--client", client_id, "--assets", "10", "--incidents", "12")
    assert caller.ok("incidents/count") == {"count": 12}
    assert verify(gateway, client_id)["ok"]


def test_the_product_slides_incidents_are_there(gateway, client_id):
    caller = Api.of(gateway.url, gateway.create_connection(client_id, "SUPERVISOR", "slides"))

    def numbered(number):
        return next(i for i in caller.ok("incidents/list", {"search_phrase": str(number)}) if i["incident_number"] == number)

    assert numbered(108656)["summary"] == "Carbanak/Cobalt-related attack on host JERRY.soc.lab"
    assert numbered(861376)["status"] == "On hold"
    document = numbered(127781)
    assert len(document["comments"]) == 2 and len(document["attachments"]) == 4
    picture = caller.call("attachments/download", {"attachment_id": document["attachments"][0]["attachment_id"]}).must().body
    assert picture.startswith(b"\x89PNG")
    responses = numbered(1034598)["responses"]
    assert [(r["type"], r["status"], r["decide_until"]) for r in responses] == [("GET_FILE", "New", 0), ("DELETE_REGISTRY_KEY", "New", 0)]
    assert responses[0]["parameters"] == {"path": "C:\\temp\\svchost.exe", "max_size_bytes": 10737418240}
    assert responses[0]["details"]["file_size_limit"] == 10737418240


def test_what_is_loaded_agrees_with_itself(gateway):
    client_id = load(gateway, assets=100, incidents=400)
    one = lambda sql: gateway.query(sql.replace("{c}", f"'{client_id}'"), client=client_id)[0][0]
    assert one("select count(*) from incidents where client_id = {c} and update_time < creation_time") == 0
    assert one("select count(*) - count(distinct update_time) from incidents where client_id = {c}") == 0
    assert one("select count(*) from incidents i where client_id = {c} and history_n <>"
               " (select count(*) from ledger l where l.client_id = {c} and l.incident_id = i.incident_id)") == 0
    assert one("select count(*) from incidents i where client_id = {c} and comments <> coalesce((select string_agg(body, ','"
               " order by creation_time, comment_id) from comments c where c.client_id = {c} and c.incident_id = i.incident_id), '')") == 0
    assert one("select count(*) from responses where client_id = {c} and comment = '" + ACCEPTED + "' and status = 'Declined'") > 0
    assert one("select count(*) from responses r where client_id = {c} and status = 'New' and decide_until > 0 and not exists"
               " (select from due where client_id = {c} and kind = 'decide' and object_id = response_id)") == 0
    assert one("select count(*) from due where client_id = {c} and due_at < extract(epoch from now()) * 1000") == 0
    assert one("select count(*) from attachments a where client_id = {c} and sha256 <> (select encode(sha256(data), 'hex')"
               " from attachment_pieces p where p.client_id = {c} and p.attachment_id = a.attachment_id)") == 0
    assert one("select count(*) from pg_index where not indisvalid or not indisready") == 0
    assert verify(gateway, client_id)["ok"]
