"""`serve --demo` says how to call it, and what it says works when pasted; a load that broke off is cleared by the next; a large one
leaves everything in order."""
import os
import re
import secrets
import subprocess

import pytest

from lib.gateway import BINARY, Gateway, wait_for


@pytest.fixture(scope="module")
def demo():
    one = Gateway().start("--demo")
    yield one
    one.stop()


def welcome(gateway):
    """What was said last."""
    wait_for(lambda: "Ctrl-C stops the gateway" in gateway.log_text())
    return gateway.log_text().rpartition("mdr-gateway serves")[2]


def paste(gateway, tmp_path):
    lines = welcome(gateway).partition("\nMDR=")[2].rpartition("\nCtrl-C")[0]
    script = "set -e -o pipefail\nMDR=" + lines.replace("curl -sS", "curl -sS --fail-with-body")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def connections(gateway):
    client_id = re.search(r"client id +(\S+)", welcome(gateway))[1]
    return gateway.query("select session_name from sessions where client_id = %s", client_id, client=client_id)


def test_what_is_printed_works_when_pasted(demo, tmp_path):
    said = paste(demo, tmp_path)
    assert '"incident_number":1034598' in said and '"status":"Confirmed"' in said and "os-release" in said
    assert (tmp_path / "K-1034598.pdf").read_bytes().startswith(b"%PDF")


def test_it_works_again_after_each_start(demo, tmp_path):
    for _ in range(2):
        assert demo.terminate() == 0
        os.truncate(demo.log_path, 0)
        demo.start("--demo")
        assert "Loading the demo" not in demo.log_text()
        said = paste(demo, tmp_path)  # the second time both example responses are decided and none is offered
        assert "os-release" in said
    assert connections(demo) == [("SOAR example",)]


def test_an_earlier_starts_token_goes_on_working(demo):
    from lib.api import Api
    text = welcome(demo)
    client_id, token = re.search(r"client id +(\S+)", text)[1], re.search(r"refresh token +(\S+)", text)[1]
    demo.terminate()
    demo.start("--demo")
    caller = Api(demo.url, client_id, token).confirm()
    assert caller.ok("incidents/count")["count"] == 400


def test_a_load_that_broke_off_is_cleared_by_the_next(gateway):
    client_id = secrets.token_hex(17)
    words = ["demo", "--client", client_id, "--assets", "10", "--incidents", "20"]
    gateway.cli(*words)
    with gateway.psql() as connection, connection.cursor() as cursor:
        cursor.execute("delete from ledger where client_id = %s", [client_id])
        cursor.execute("update clocks set position = 0, hash = '', stamp = 0 where client_id = %s", [client_id])
        cursor.execute("update pg_index set indisready = false, indisvalid = false where indexrelid = 'incidents_search'::regclass")
    connection.close()
    gateway.cli(*words)
    assert gateway.query("select count(*) from pg_index where not indisvalid or not indisready") == [(0,)]
    assert gateway.cli("ledger", "verify", "--client", client_id)["ok"]


def test_a_load_with_search_indexes_off_leaves_them_on_and_right(gateway):
    client_id = secrets.token_hex(17)
    gateway.cli("demo", "--client", client_id, "--assets", "50", "--incidents", "3500", "--seed", "3")
    assert gateway.query("select count(*) from pg_index where not indisvalid or not indisready") == [(0,)]
    with gateway.psql() as connection, connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
        found = "select count(*) from incidents where client_id = %s and search_text like '%%ransomware%%'"
        cursor.execute("explain " + found, [client_id])
        cursor.execute(found, [client_id])
        by_index = cursor.fetchone()
        cursor.execute("select count(*) from incidents where client_id = %s and position('ransomware' in search_text) > 0", [client_id])
        assert by_index == cursor.fetchone() and by_index[0] > 0
        cursor.execute("select relallvisible >= relpages / 2 from pg_class where oid = 'incidents'::regclass")
        assert cursor.fetchone() == (True,), "counting looks at every row"
    connection.close()
    assert gateway.cli("ledger", "verify", "--client", client_id)["ok"]


def test_changes_beside_a_load_leave_no_key_twice(gateway, fresh):
    """The key of incident_keys is switched off meanwhile, and has to be built afterwards."""
    told = {"mitre_techniques": ["T1059: Command and Scripting Interpreter"], "threat_classes": ["malware"]}
    incident = fresh.new_incident(**told)["incident_id"]
    keys = lambda: gateway.query("select kind, key from incident_keys where incident_id = %s order by 1, 2", incident, client=fresh.id)  # noqa: E731
    before = keys()
    with gateway.psql() as connection, connection.cursor() as cursor:
        cursor.execute("update pg_index set indisready = false, indisvalid = false where indexrelid = 'incident_keys_pkey'::regclass")
    connection.close()
    try:
        fresh.soc.ok("incidents/update", {"incident_id": incident, **told})
        assert keys() == before and len(before) > 2
    finally:
        with gateway.psql() as connection, connection.cursor() as cursor:
            cursor.execute("reindex index incident_keys_pkey")
        connection.close()


RENDERED = """
select (select count(*) from incidents i where client_id = %(c)s),
       (select count(*) from incidents i where client_id = %(c)s and body is distinct from incident_body(i)),
       (select count(*) from incidents i where client_id = %(c)s and search_text is distinct from search_fold(concat_ws(E'\n', summary,
               'K-' || incident_number, host_names(affected_hosts), description, client_description))),
       (select count(*) from incidents i where client_id = %(c)s and search_pairs is distinct from search_spread(search_text)),
       (select count(*) from comments c where client_id = %(c)s and body is distinct from comment_body(c)),
       (select count(*) from attachments a where client_id = %(c)s and body is distinct from attachment_body(a)),
       (select count(*) from responses p where client_id = %(c)s and body is distinct from response_body(p)),
       (select count(*) from responses p where client_id = %(c)s and execution::text is distinct from response_execution(p)::text),
       (select count(*) from responses p where client_id = %(c)s and content_hash is distinct from response_content_hash(p))"""

HANGING = """
select count(*) from incidents i where client_id = %%(c)s and %s is distinct from coalesce((select
       string_agg(body, ',' order by creation_time) from %s h where h.client_id = i.client_id and h.incident_id = i.incident_id), '')"""

NEWEST_RECORDS_THAT_DIFFER = """
with newest as (select distinct on (object_id) object_id, snapshot from ledger where client_id = %(c)s order by object_id, position desc),
     objects as (select incident_id as id, body from incidents where client_id = %(c)s
                 union all select comment_id, body from comments where client_id = %(c)s
                 union all select attachment_id, body from attachments where client_id = %(c)s
                 union all select response_id, body from responses where client_id = %(c)s)
select count(*) from newest n full join objects o on o.id = n.object_id where n.snapshot is distinct from o.body"""


def test_what_the_load_renders_is_what_the_database_would_have(gateway):
    client_id = secrets.token_hex(17)
    gateway.cli("demo", "--client", client_id, "--assets", "40", "--incidents", "2500", "--seed", "5")
    with gateway.psql() as connection, connection.cursor() as cursor:
        cursor.execute(RENDERED, {"c": client_id})
        assert cursor.fetchone() == (2500, 0, 0, 0, 0, 0, 0, 0, 0)
        for what in ("comments", "attachments", "responses"):
            cursor.execute(HANGING % (what, what), {"c": client_id})
            assert cursor.fetchone() == (0,), what
        cursor.execute(NEWEST_RECORDS_THAT_DIFFER, {"c": client_id})
        assert cursor.fetchone() == (0,)
        cursor.execute("select kind, count(*) > 0 from due where client_id = %s group by kind order by kind", [client_id])
        assert cursor.fetchall() == [("close", True), ("decide", True), ("trim", True)]
    connection.close()


@pytest.mark.parametrize("text", ["plain ASCII", "Grün ÄÖÜ", "東京本社", "ＡＢＣ１２３％", "ｶﾞｷﾞ", "か\u3099", "e\u0301", "ﬁ ①", "İI ß", ""])
def test_folding_only_what_needs_it_changes_nothing(gateway, text):
    assert gateway.query("select search_fold(%s) = lower(normalize(%s, NFKC))", text, text) == [(True,)]


@pytest.mark.parametrize("words, said", [
    (["--assets", "2", "--incidents", "1"], "--assets must be at least 3"),
    (["--client", "no/slash", "--assets", "3", "--incidents", "1"], "client id"),
])
def test_wrong_orders_are_usage_errors(gateway, words, said):
    if "--client" not in words:
        words = ["--client", secrets.token_hex(17), *words]
    done = gateway.cli("demo", *words, check=False)
    assert done.returncode == 2 and said in done.stderr and not done.stdout
