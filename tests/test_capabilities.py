"""Connectors declare what they carry out beyond the table of types and systems: it counts for what they see, and for nothing else."""
import concurrent.futures
import contextlib
import json
import time

from lib.connector import content_hash
from lib.gateway import wait_for
from lib.organisation import new_asset_id, now_ms

LINUX = {"os_version": "Ubuntu 22.04.3 LTS"}
KILL = {"type": "KILL_PROCESS", "parameters": {"path": "/tmp/miner"}}
ALL = {"type": "KILL_PROCESS", "systems": ["linux"]}


def declare(api, *capabilities):
    return api.ok("tasks/declare", {"capabilities": list(capabilities)})["capabilities"]


def lease(api, **more):
    return [t["response_id"] for t in api.ok("tasks/lease", more)]


def linux(org, **more):
    return org.new_assets(1, **{**LINUX, **more})[0]["asset_id"]


def proposal(org, asset_id, tenant="", **more):
    return org.response_body(org.new_incident(tenant)["incident_id"], **{**KILL, "asset_id": asset_id, **more})


def accepted(org, asset_id, by=None, **more):
    """Is it? The preview must say the same."""
    body = proposal(org, asset_id, **more)
    [host] = org.officer.ok("responses/preview", {k: v for k, v in body.items() if k != "description"})["hosts"]
    reply = (by or org.soc).call("responses/create", body)
    assert reply.status == 200 or reply.code == "unsupported_on_asset", str(reply)
    assert host["unsupported"] is (reply.status != 200)
    return reply.status == 200


def task(org, asset_id, **more):
    return org.sup.ok("responses/create", proposal(org, asset_id, **more))["response_id"]


def execution(org, response_id):
    rows = org.sup.ok("responses/list", {"statuses": ["New", "Confirmed", "Declined"], "page_size": 10000})
    return next(r for r in rows if r["response_id"] == response_id)["execution"]


def told(org, api):
    """Of the connection's ledger rows: what was declared."""
    rows = org.gateway.query("select snapshot, changed_by from ledger where client_id = %s and kind = 'connection' and object_id = %s"
                             " order by position", org.id, api.session_id, client=org.id)
    return [(json.loads(snapshot)["capabilities"], by) for snapshot, by in rows]


def listed(org, api):
    return next(c for c in org.sup.ok("robot_sessions/list") if c["session_id"] == api.session_id)["capabilities"]


# ---- declaring ----

def test_a_declaration_replaces_the_earlier_one_and_is_told_once(fresh):
    asset, connector = new_asset_id(), fresh.connector
    first = [{"type": "KILL_PROCESS", "systems": ["linux", "macos"], "asset_ids": []},
             {"type": "RUN_SCRIPT", "systems": ["linux"], "asset_ids": [asset]}]
    assert listed(fresh, connector) == []
    given = [{"type": "KILL_PROCESS", "systems": ["linux", "macos", "linux"]},
             {"type": "RUN_SCRIPT", "systems": "linux", "asset_ids": [asset.upper().replace("X", "x"), asset]}]
    assert declare(connector, *given) == declare(connector, *given) == first == listed(fresh, connector)
    assert told(fresh, connector) == [([], "Supervisor"), (first, "Connector")], "what changes nothing is no change"
    assert declare(connector, ALL) == [{**ALL, "asset_ids": []}] == listed(fresh, connector)
    assert declare(connector) == [] == listed(fresh, connector) == told(fresh, connector)[-1][0]
    assert len(told(fresh, connector)) == 4
    assert fresh.gateway.cli("ledger", "verify", "--client", fresh.id)["ok"]


def test_a_declaration_is_checked_and_bounded(org):
    for capabilities, pointer in (([{**ALL, "type": "NO_SUCH"}], "/capabilities/0/type"), ([ALL, {**ALL, "type": "kill_process"}], "/capabilities/1/type"),
                                  ([{**ALL, "systems": ["linux", "beos"]}], "/capabilities/0/systems/1"), ([{**ALL, "systems": []}], "/capabilities/0/systems"),
                                  ([{"type": "KILL_PROCESS"}], "/capabilities/0/systems"), ([{**ALL, "asset_ids": ["x"]}], "/capabilities/0/asset_ids/0"),
                                  ([{**ALL, "assets": []}], "/capabilities/0/assets"), ([ALL] * 101, "/capabilities"),
                                  ([{**ALL, "asset_ids": [new_asset_id() for _ in range(501)]}] * 2, "/capabilities")):
        reply = org.connector.call("tasks/declare", {"capabilities": capabilities}).must(400, "invalid")
        assert [e["pointer"] for e in reply.json["errors"]] == [pointer]
    declare(org.connector, *[{**ALL, "asset_ids": [new_asset_id() for _ in range(500)]}] * 2)
    declare(org.connector)


def test_others_declare_nothing(org):
    for role in ("sup", "senior", "officer", "soc"):
        getattr(org, role).call("tasks/declare", {"capabilities": [ALL]}).must(403, "forbidden")


# ---- proposing ----

def test_a_declared_type_is_accepted_there(fresh):
    host, mac = linux(fresh), linux(fresh, os_version="macOS 13.4")
    callers = (fresh.soc, fresh.senior, fresh.sup)
    assert not any(accepted(fresh, host, by) for by in callers)
    declare(fresh.connector, ALL)
    assert all(accepted(fresh, host, by) for by in callers)
    assert not accepted(fresh, mac), "another system"
    assert not accepted(fresh, host, type="RUN_SCRIPT", parameters={"interpreter": "sh", "script": "id"}), "another type"
    both = {**proposal(fresh, host), "asset_ids": [fresh.asset()["asset_id"], host, mac]}
    del both["asset_id"]
    reply = fresh.soc.call("responses/create", both).must(400, "unsupported_on_asset")
    assert [e["pointer"] for e in reply.json["errors"]] == ["/asset_ids/2"]
    declare(fresh.connector, {**ALL, "systems": ["macos"]}, ALL)
    assert len(fresh.soc.ok("responses/create", both)) == 3
    declare(fresh.connector)
    assert not accepted(fresh, host)


def test_a_declaration_may_be_about_some_assets(fresh):
    host, twin = linux(fresh), linux(fresh)
    declare(fresh.connector, {**ALL, "asset_ids": [host]})
    assert accepted(fresh, host) and not accepted(fresh, twin)
    kept = task(fresh, host)
    declare(fresh.connector, {**ALL, "asset_ids": [twin]})
    assert lease(fresh.connector) == [] and accepted(fresh, twin)
    declare(fresh.connector, {**ALL, "asset_ids": [host]})
    assert lease(fresh.connector) == [kept]


def test_a_declaration_counts_in_its_tenants_alone(fresh):
    """Whatever it says: a connector of Tokyo that names hosts of Osaka and of the root."""
    hosts = {name: linux(fresh, tenant_name=name) if name else linux(fresh) for name in ("Tokyo", "Osaka", "")}
    tokyo = fresh.new_caller("CONNECTOR", tenants=[fresh.tenants["Tokyo"]])
    for capability in (ALL, {**ALL, "asset_ids": list(hosts.values())}):
        declare(tokyo, capability)
        assert [accepted(fresh, hosts[name], tenant=name) for name in hosts] == [True, False, False]
    assert not accepted(fresh, hosts["Tokyo"]), "it does not see the root's incident, so it would never get the task"
    both = fresh.new_caller("CONNECTOR", tenants=["-", fresh.tenants["Tokyo"]])
    declare(both, ALL)
    assert [accepted(fresh, hosts[name]) for name in hosts] == [True, False, True]


def test_a_declaration_counts_in_its_client_alone(fresh, other):
    """The same host in both."""
    host = linux(fresh)
    other.soc.ok("assets/upsert", {"assets": [{"asset_id": host, "host_name": "TWIN", **LINUX}]})
    before = other.connector
    declare(before, ALL, {**ALL, "asset_ids": [host]})
    try:
        assert accepted(other, host) and not accepted(fresh, host)
        declare(fresh.connector, ALL)
        waiting = task(fresh, host)
        assert waiting not in lease(before, max=100) and lease(fresh.connector) == [waiting]
    finally:
        declare(before)


def test_a_revoked_connections_declaration_counts_no_more(fresh):
    host, connector, heir = linux(fresh), fresh.new_caller("CONNECTOR"), fresh.new_caller("CONNECTOR")
    declare(connector, ALL)
    waiting = task(fresh, host)
    fresh.sup.ok("robot_sessions/delete", {"session_id": connector.session_id})
    assert not accepted(fresh, host)
    connector.call("tasks/declare", {"capabilities": [ALL]}).must(403, "token_invalid")
    assert lease(heir) == []
    declare(heir, ALL)
    assert accepted(fresh, host) and lease(heir) == [waiting]


def test_a_declaration_weakens_nothing_else(fresh):
    host, guarded = linux(fresh), linux(fresh, tags=["critical"])
    declare(fresh.connector, {**ALL, "systems": ["windows", "linux", "macos"]}, {"type": "RUN_SCRIPT", "systems": ["linux"]})
    for parameters, code in (({"path": "/sbin/init"}, "critical_object"), ({"path": "/tmp/x", "pid": 1}, "critical_object"), ({}, "invalid"),
                             ({"path": "/tmp/x", "no_such": 1}, "invalid")):
        for by in (fresh.soc, fresh.senior):
            by.call("responses/create", proposal(fresh, host, parameters=parameters)).must(400, code)
    fresh.officer.call("responses/create", proposal(fresh, host)).must(403)
    assert fresh.soc.ok("responses/create", proposal(fresh, host))["status"] == "New"
    own = fresh.sup.ok("responses/create", proposal(fresh, guarded))
    assert own["status"] == "New" and lease(fresh.connector) == [], "it takes two people"
    fresh.senior.ok("response/update", {"comment": "", "response_id": own["response_id"], "status": "Confirmed"})
    assert lease(fresh.connector) == [own["response_id"]]


# ---- handing out ----

def test_only_who_declared_it_gets_it(fresh):
    host, able, plain = linux(fresh), fresh.new_caller("CONNECTOR"), fresh.connector
    declare(able, ALL)
    declare(fresh.new_caller("CONNECTOR"), {**ALL, "systems": ["macos"]}, {"type": "RUN_SCRIPT", "systems": ["linux"]},
            {**ALL, "asset_ids": [new_asset_id()]})
    rests = [task(fresh, host, execute_within_s=60) for _ in range(3)]
    usual = fresh.new_task(execute_within_s=3600)["response_id"]
    elsewhere = fresh.new_task(asset_id=host, type="GET_FILE", parameters={"path": "/tmp/x"}, execute_within_s=3600)["response_id"]
    assert sorted(lease(plain, max=1) + lease(plain, max=1)) == sorted([usual, elsewhere]), "what is more urgent is not in their way"
    assert lease(plain, max=100) == []
    [first, *others] = able.ok("tasks/lease", {"max": 100})
    assert sorted(t["response_id"] for t in [first, *others]) == sorted(rests) and first["content_hash"] == content_hash(first)


def test_what_was_declared_away_waits_for_who_can(fresh):
    host, first, second = linux(fresh), fresh.connector, fresh.new_caller("CONNECTOR")
    declare(first, ALL)
    waiting = task(fresh, host)
    declare(first)
    assert lease(first) == [] and execution(fresh, waiting)["state"] == "pending"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        polling = pool.submit(lease, second, wait_s=20)
        time.sleep(0.7)
        began = time.monotonic()
        declare(second, ALL)
        assert polling.result() == [waiting] and time.monotonic() - began < 5
    declare(first, ALL)
    lost = task(fresh, host, execute_within_s=1)
    declare(first)
    declare(second)
    wait_for(lambda: execution(fresh, lost)["state"] == "expired", message="who waits for nobody expires")


def test_what_runs_is_answered_for_though_declared_away(fresh):
    host, connector = linux(fresh), fresh.connector
    declare(connector, ALL)
    task(fresh, host)
    [begun] = connector.ok("tasks/lease")
    held = {"response_id": begun["response_id"], "epoch": begun["epoch"]}
    connector.ok("tasks/report", {**held, "state": "running"})
    declare(connector)
    fresh.gateway.query("update responses set lease_until = %s where client_id = %s and response_id = %s", now_ms() - 1, fresh.id,
                        begun["response_id"], client=fresh.id)
    assert lease(connector) == [begun["response_id"]]
    connector.ok("tasks/report", {**held, "epoch": 2, "state": "succeeded"})


def test_a_host_that_runs_another_system_since(fresh):
    declare(fresh.connector, {**ALL, "systems": ["linux", "macos"]})
    host = linux(fresh)
    waiting = task(fresh, host)
    fresh.soc.ok("assets/upsert", {"assets": [{"asset_id": host, "os_version": "macOS 14"}]})
    assert lease(fresh.connector) == []
    now = execution(fresh, waiting)
    assert (now["state"], now["code"], now["attempts"]) == ("failed", "unsupported", 0)


def test_an_undo_needs_its_own_declaration(fresh):
    mac = linux(fresh, os_version="macOS 13.4")
    declare(fresh.connector, {"type": "PREVENT_EXECUTION", "systems": ["macos"]})
    done = task(fresh, mac, type="PREVENT_EXECUTION", parameters={"md5": "b" * 32, "mode": "block"})
    [begun] = fresh.connector.ok("tasks/lease")
    held = {"response_id": done, "epoch": begun["epoch"]}
    for state in ("running", "succeeded"):
        fresh.connector.ok("tasks/report", {**held, "state": state})
    undo = {"response_id": done, "comment": ""}
    fresh.sup.call("responses/undo", undo).must(400, "unsupported_on_asset")
    able = fresh.new_caller("CONNECTOR")
    declare(able, {"type": "ALLOW_EXECUTION", "systems": ["macos"]})
    back = fresh.sup.ok("responses/undo", undo)
    assert back["type"] == "ALLOW_EXECUTION" and lease(fresh.connector) == [] and lease(able) == [back["response_id"]]


# ---- at once ----

@contextlib.contextmanager
def client_held(org):
    """The client's lock in somebody's hands; yields what runs statements there, committed at the end."""
    connection = org.gateway.psql()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("select set_config('mdr.client', %s, true), set_config('mdr.tenants', '*', true)", [org.id])
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [org.id])  # write_lock_client()
        yield cursor.execute
    connection.commit()
    connection.close()


def meanwhile(org, call, *statement):
    """What is answered to a call that had to wait for the client's lock, while the statement changed something."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with client_held(org) as run:
            waiting = pool.submit(call)
            time.sleep(1)
            assert not waiting.done(), "it did not wait"
            run(*statement)
        return waiting.result()


def test_a_declaration_is_looked_at_again_when_it_is_handed_out(fresh):
    """The lease found the task, then waited; meanwhile the declaration went."""
    declare(fresh.connector, ALL)
    waiting = task(fresh, linux(fresh))
    gone = "update sessions set capabilities = '[]' where client_id = %s and session_id = %s", [fresh.id, fresh.connector.session_id]
    assert meanwhile(fresh, lambda: lease(fresh.connector), *gone) == []
    assert execution(fresh, waiting)["state"] == "pending"


def test_declaring_waits_for_who_hands_out(fresh):
    """And a connection that was revoked while it waited declares nothing."""
    assert meanwhile(fresh, lambda: declare(fresh.connector, ALL), "select 1") == [{**ALL, "asset_ids": []}]
    doomed = fresh.new_caller("CONNECTOR")
    revoked = "update sessions set revoked_at = 1 where client_id = %s and session_id = %s", [fresh.id, doomed.session_id]
    meanwhile(fresh, lambda: doomed.call("tasks/declare", {"capabilities": [ALL]}), *revoked).must(403, "token_invalid")
    assert [c for c, _ in told(fresh, doomed)] == [[]]
