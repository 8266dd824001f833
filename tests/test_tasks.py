"""Confirmed responses are carried out: at most once, at least once while there is time and a connector (contract B3)."""
import concurrent.futures
import hashlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from lib.connector import Connector, content_hash
from lib.gateway import ROOT, Gateway, wait_for
from lib.organisation import new_asset_id, now_ms

TAG = "ISOLATED FROM NETWORK"
ANY = {"statuses": ["New", "Confirmed", "Declined"], "page_size": 10000}


@pytest.fixture(scope="module")
def quick(gateway):
    """A gateway whose leases last a second."""
    one = Gateway(data_dir=gateway.data_dir, MDR_TASK_LEASE_S=1).start()
    yield one
    one.stop()


def shown(org, response_id):
    return next(r for r in org.sup.ok("responses/list", ANY) if r["response_id"] == response_id)


def execution(org, response_id):
    return shown(org, response_id)["execution"]


def in_state(org, response_id, state, seconds=20):
    wait_for(lambda: execution(org, response_id)["state"] == state, seconds,
             message=f"not {state}: {execution(org, response_id)}")
    return execution(org, response_id)


def states_told(org, response_id):
    """Of the response's ledger rows, in order."""
    rows = org.gateway.query("select snapshot from ledger where client_id = %s and object_id = %s order by position", org.id,
                             response_id, client=org.id)
    return [text.split('"execution":{"state":"')[1].split('"')[0] for (text,) in rows]


def held(task):
    return {"response_id": task["response_id"], "epoch": task["epoch"]}


def report(api, task, state, status=200, problem=None, **more):
    return api.call("tasks/report", {**held(task), "state": state, **more}).must(status, problem)


def report_status(api, task, state):
    return api.call("tasks/report", {**held(task), "state": state}).status


def lease(api, **more):
    return api.ok("tasks/lease", more)


def many_tasks(org, n):
    incident = org.new_incident()["incident_id"]
    assets = [a["asset_id"] for a in org.new_assets(50)]
    body = {k: v for k, v in org.response_body(incident).items() if k != "asset_id"}
    made = []
    while len(made) < n:
        made += org.sup.ok("responses/create", {**body, "asset_ids": assets[:n - len(made)]})
    return made


def carry_out(org, response_id=None, by=None, **end):
    """Leases everything, and reports the beginning and the end of it."""
    by = by or org.connector
    tasks = [t for t in lease(by, max=100) if response_id in (None, t["response_id"])]
    for task in tasks:
        report(by, task, "running")
        report(by, task, **{"state": "succeeded", **end})
    return tasks


# ---- the way ----

def test_a_task_from_confirmation_to_its_end(fresh):
    made = fresh.new_response()
    assert made["execution"] == {"state": "none", "connector": "", "attempts": 0, "started_at": 0, "finished_at": 0, "message": "",
                                 "result": {}, "code": "", "not_after": 0, "epoch": 0}
    assert lease(fresh.connector) == [], "nothing is carried out unconfirmed"
    done = fresh.sup.ok("response/update", {"comment": "", "response_id": made["response_id"], "status": "Confirmed"})
    assert done["execution"]["state"] == "pending" and done["execution"]["not_after"] - done["update_time"] == 86_400_000
    [task] = lease(fresh.connector)
    assert (task["response_id"], task["epoch"], task["asset_id"]) == (made["response_id"], 1, made["asset_id"])
    assert task["parameters"] == made["parameters"] and task["content_hash"] == content_hash(task)
    assert 0 < task["lease_until"] - now_ms() <= 60_000
    assert lease(fresh.connector) == [], "it is out"
    assert report(fresh.connector, task, "running", message="on it").json["state"] == "running"
    now = execution(fresh, task["response_id"])
    assert now["started_at"] and now["connector"] == "Connector" and now["attempts"] == 1 and now["message"] == "on it"
    ended = report(fresh.connector, task, "succeeded", message="1 process", result={"pids": [4711], "ホスト": "東京"}).json
    assert ended["state"] == "succeeded" and ended["lease_until"] == 0
    now = execution(fresh, task["response_id"])
    assert now["result"] == {"pids": [4711], "ホスト": "東京"} and now["finished_at"] >= now["started_at"] and now["code"] == ""
    assert states_told(fresh, task["response_id"]) == ["none", "pending", "leased", "running", "succeeded"]


def test_each_step_moves_the_incident_and_agrees_with_the_history(fresh):
    incident = fresh.new_incident()["incident_id"]
    task = fresh.new_task(incident_id=incident)
    since = fresh.sup.ok("incidents/details", {"incident_id": incident})["update_time"]
    carry_out(fresh)
    after = fresh.sup.ok("incidents/details", {"incident_id": incident})
    assert after["update_time"] > since and after["responses"][0]["execution"]["state"] == "succeeded"
    records = fresh.sup.ok("incidents/history", {"incident_id": incident, "min_record_time": since + 1})
    steps = [r["entity"]["incident_response"]["execution"]["state"] for r in records if "incident_response" in r["entity"]]
    assert steps == ["leased", "running", "succeeded"]
    assert [next(iter(r["entity"])) for r in records] == ["incident_response", "incident_details"] * 3
    assert {r["changed_by"] for r in records} == {"Connector"}
    report_ = json.loads(fresh.gateway.cli("ledger", "verify", "--client", fresh.id, check=False).stdout)
    assert report_["ok"], report_
    assert task["execution"]["state"] == "pending"


def test_what_accepts_by_itself_makes_tasks_too(fresh):
    fresh.sup.ok("settings/auto_response/set", {"auto_response": True})
    auto = fresh.new_response()
    own = fresh.new_task(execute_within_s=60)
    assert auto["execution"]["state"] == own["execution"]["state"] == "pending"
    assert own["execution"]["not_after"] - own["update_time"] == 60_000
    assert {t["response_id"] for t in lease(fresh.connector)} == {auto["response_id"], own["response_id"]}


def test_an_approval_and_a_decline_make_none(fresh):
    [asset] = fresh.new_assets(1, tags=["critical"])
    first = fresh.new_response(asset_id=asset["asset_id"])["response_id"]
    other = fresh.new_response()["response_id"]
    fresh.sup.ok("response/update", {"comment": "", "response_id": first, "status": "Confirmed"})
    fresh.sup.ok("response/update", {"comment": "no", "response_id": other, "status": "Declined"})
    assert lease(fresh.connector) == []
    fresh.senior.ok("response/update", {"comment": "", "response_id": first, "status": "Confirmed"})
    assert [t["response_id"] for t in lease(fresh.connector)] == [first]


def test_a_waiting_connector_is_woken(fresh, second):
    for url in (fresh.gateway.url, second.url):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            began = time.monotonic()
            waiting = pool.submit(lease, fresh.connector.at(url=url), wait_s=20)
            time.sleep(0.7)
            made = fresh.new_task()
            assert [t["response_id"] for t in waiting.result()] == [made["response_id"]]
            assert time.monotonic() - began < 8
    began = time.monotonic()
    assert lease(fresh.connector, wait_s=1) == [] and 0.9 < time.monotonic() - began < 5


def test_waiting_connectors_hold_no_database_connection(fresh):
    """More of them than the pool has connections, and everybody else is served."""
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        waiting = [pool.submit(lease, fresh.connector, wait_s=4) for _ in range(24)]
        time.sleep(1)
        began = time.monotonic()
        for _ in range(20):
            fresh.sup.ok("incidents/count")
        assert time.monotonic() - began < 2
        assert all(w.result() == [] for w in waiting)


def test_types_and_assets_are_filters_and_max_is_a_limit(fresh):
    kill, get = fresh.new_task(), fresh.new_task(type="GET_FILE", parameters={"path": "C:\\x"})
    assert lease(fresh.connector, types=["ISOLATE_HOST"]) == [] and lease(fresh.connector, asset_ids=[new_asset_id()]) == []
    assert [t["response_id"] for t in lease(fresh.connector, types=["file"])] == [get["response_id"]]
    many_tasks(fresh, 4)
    assert len(lease(fresh.connector, max=2)) == 2
    assert kill["response_id"] in [t["response_id"] for t in lease(fresh.connector, asset_ids=kill["asset_id"])] or \
        execution(fresh, kill["response_id"])["state"] == "leased"


def test_the_most_urgent_first(fresh):
    late, soon = fresh.new_task(execute_within_s=3600), fresh.new_task(execute_within_s=600)
    assert [t["response_id"] for t in lease(fresh.connector, max=1)] == [soon["response_id"]]
    assert [t["response_id"] for t in lease(fresh.connector, max=1)] == [late["response_id"]]


# ---- at most once ----

def test_16_connectors_lease_200_tasks_from_two_gateways(fresh, second):
    made = {r["response_id"] for r in many_tasks(fresh, 200)}
    connectors = [fresh.new_caller("CONNECTOR").at(url=(fresh.gateway.url, second.url)[i % 2]) for i in range(16)]

    def take(api):
        got = []
        while True:
            tasks = lease(api, max=7)
            if not tasks:
                return got
            got += tasks

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = [task for tasks in pool.map(take, connectors) for task in tasks]
    assert Counter(t["response_id"] for t in got) == Counter(made), "each exactly once"
    assert {t["epoch"] for t in got} == {1}
    assert {execution(fresh, r)["attempts"] for r in list(made)[:3]} == {1}


def test_two_starts_of_one_task_at_once(fresh, second):
    """A connector that asks both gateways at once: both are told yes, the ledger tells of one beginning."""
    task = fresh.new_lease()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: report(fresh.connector.at(url=(fresh.gateway.url, second.url)[i % 2]), task, "running"), range(8)))
        list(pool.map(lambda i: report(fresh.connector.at(url=(fresh.gateway.url, second.url)[i % 2]), task, "succeeded"), range(8)))
    assert states_told(fresh, task["response_id"]) == ["none", "pending", "leased", "running", "succeeded"]


def test_nobody_else_reports_or_renews(fresh):
    task, stranger = fresh.new_lease(), fresh.new_caller("CONNECTOR")
    for state in ("running", "succeeded", "failed"):
        report(stranger, task, state, 409, "stale_epoch")
        report(fresh.connector, {**task, "epoch": 2}, state, 409, "stale_epoch")
    stranger.call("tasks/renew", held(task)).must(409, "stale_epoch")
    waiting = fresh.new_task()
    report(fresh.connector, {"response_id": waiting["response_id"], "epoch": 1}, "running", 409, "stale_epoch")
    new = fresh.new_response()
    report(fresh.connector, {"response_id": new["response_id"], "epoch": 1}, "succeeded", 409, "stale_epoch")


def test_a_lease_that_ends_goes_to_another_under_a_higher_epoch(fresh, quick):
    first, other = fresh.connector.at(url=quick.url), fresh.new_caller("CONNECTOR").at(url=quick.url)
    fresh.new_task()
    [task] = lease(first)
    assert in_state(fresh, task["response_id"], "pending", 10)["connector"] == "Connector"
    [again] = lease(other, wait_s=10)
    assert (again["response_id"], again["epoch"]) == (task["response_id"], 2)
    report(first, task, "running", 409, "stale_epoch")
    report(first, task, "succeeded", 409, "stale_epoch")
    report(other, again, "running")
    report(other, again, "failed", code="not_found", message="no such file")
    now = execution(fresh, task["response_id"])
    assert (now["state"], now["code"], now["message"], now["attempts"], now["epoch"]) == ("failed", "not_found", "no such file", 2, 2)
    assert states_told(fresh, task["response_id"]) == ["none", "pending", "leased", "pending", "leased", "running", "failed"]


def test_a_start_after_the_lease_is_refused_though_nobody_else_has_it(fresh, quick, gateway):
    task = fresh.new_lease()
    gateway.query("update responses set lease_until = %s where client_id = %s and response_id = %s", now_ms() - 1, fresh.id,
                  task["response_id"], client=fresh.id)
    report(fresh.connector, task, "running", 409, "lease_ended")
    fresh.connector.call("tasks/renew", held(task)).must(409, "lease_ended")


def test_what_runs_is_never_handed_to_another(fresh, quick):
    first, other = fresh.connector.at(url=quick.url), fresh.new_caller("CONNECTOR").at(url=quick.url)
    fresh.new_task(execute_within_s=8)
    [task] = lease(first)
    report(first, task, "running")
    assert lease(other, wait_s=3) == []
    assert execution(fresh, task["response_id"])["state"] == "running"
    [again] = lease(first)
    assert again["epoch"] == 2 and execution(fresh, task["response_id"])["state"] == "running"
    report(first, task, "succeeded", 409, "stale_epoch")
    assert in_state(fresh, task["response_id"], "unknown", 20)["finished_at"]
    assert lease(other) == [] and lease(first) == []
    report(first, again, "running", 409, "execution_over")
    report(first, again, "succeeded", message="it was done after all")
    assert execution(fresh, task["response_id"])["state"] == "succeeded"


def test_renewing_keeps_a_task(fresh, quick):
    first, other = fresh.connector.at(url=quick.url), fresh.new_caller("CONNECTOR").at(url=quick.url)
    fresh.new_task()
    [task] = lease(first)
    told = len(states_told(fresh, task["response_id"]))
    for _ in range(6):
        time.sleep(0.4)
        assert first.ok("tasks/renew", held(task))["lease_until"] > now_ms()
        assert lease(other) == []
    assert len(states_told(fresh, task["response_id"])) == told, "renewing alone is told to nobody"
    report(first, task, "running")


def test_a_repeated_report_is_answered_alike_and_another_end_is_not(fresh):
    task = fresh.new_lease()
    end = {"message": "done", "result": {"b": [1, 2.5, None], "a": "x"}}
    first = report(fresh.connector, task, "running").json
    assert report(fresh.connector, task, "running").json["state"] == first["state"]
    done = report(fresh.connector, task, "succeeded", **end).json
    assert report(fresh.connector, task, "succeeded", **end).json == done
    report(fresh.connector, task, "succeeded", 409, "execution_over", message="otherwise")
    report(fresh.connector, task, "failed", 409, "execution_over")
    report(fresh.connector, task, "running", 409, "execution_over")
    fresh.connector.call("tasks/renew", held(task)).must(409, "execution_over")
    assert states_told(fresh, task["response_id"])[-2:] == ["running", "succeeded"]


# ---- the clock ----

def test_what_nobody_takes_expires(fresh):
    made = fresh.new_task(execute_within_s=1)
    assert in_state(fresh, made["response_id"], "expired")["attempts"] == 0
    assert lease(fresh.connector) == [] and states_told(fresh, made["response_id"]) == ["none", "pending", "expired"]


def test_a_lease_does_not_outlive_not_after(fresh):
    fresh.new_task(execute_within_s=2)
    [task] = lease(fresh.connector)
    assert task["lease_until"] == task["not_after"]
    in_state(fresh, task["response_id"], "expired")
    report(fresh.connector, task, "running", 409, "execution_over")
    report(fresh.connector, task, "failed", message="refused: late")
    assert execution(fresh, task["response_id"])["state"] == "failed"


def test_a_late_start_is_refused_even_if_no_worker_has_passed(fresh, gateway):
    task = fresh.new_lease()
    gateway.query("delete from due where client_id = %s and kind = 'execute'", fresh.id, client=fresh.id)
    gateway.query("update responses set not_after = %s where client_id = %s and response_id = %s", now_ms() - 1, fresh.id,
                  task["response_id"], client=fresh.id)
    report(fresh.connector, task, "running", 409, "not_after_passed")
    fresh.connector.call("tasks/renew", held(task)).must(409, "not_after_passed")
    assert lease(fresh.connector) == []


# ---- what is handed out ----

def test_a_changed_order_is_not_handed_out(fresh, gateway):
    made = fresh.new_task()
    gateway.query("update responses set parameters = '{\"path\":\"C:\\\\other.exe\"}' where client_id = %s and response_id = %s",
                  fresh.id, made["response_id"], client=fresh.id)
    assert lease(fresh.connector) == []
    now = execution(fresh, made["response_id"])
    assert (now["state"], now["code"], now["attempts"]) == ("failed", "refused", 0)


def test_critical_objects_are_looked_at_again(fresh, gateway):
    """As when the lists grew between proposal and hand-out."""
    made, fine = fresh.new_task(), fresh.new_task()
    gateway.query("update responses set parameters = %s where client_id = %s and response_id = %s",
                  json.dumps({"path": "C:\\Windows\\System32\\svchost.exe"}), fresh.id, made["response_id"], client=fresh.id)
    gateway.query("update responses p set content_hash = response_content_hash(p) where client_id = %s", fresh.id, client=fresh.id)
    assert [t["response_id"] for t in lease(fresh.connector)] == [fine["response_id"]]
    now = execution(fresh, made["response_id"])
    assert (now["state"], now["code"]) == ("failed", "critical_object") and now["finished_at"]
    assert states_told(fresh, made["response_id"])[-1] == "failed"


def test_the_hash_is_of_what_is_told(fresh):
    task = fresh.new_lease(type="RUN_SCRIPT", parameters={"interpreter": "cmd", "script": "echo 東京 \"x\"\n\t/", "timeout_s": 5})
    text = fresh.gateway.query("select parameters::text from responses where client_id = %s and response_id = %s", fresh.id,
                               task["response_id"], client=fresh.id)[0][0]
    whole = "\n".join((task["response_id"], task["asset_id"], task["type"], text))
    assert hashlib.sha256(whole.encode()).hexdigest() == task["content_hash"] == content_hash(task)


# ---- what became critical since ----

def tag(org, asset_id, *tags):
    org.soc.ok("assets/upsert", {"assets": [{"asset_id": asset_id, "tags": list(tags)}]})


def decide(api, response_id, status="Confirmed"):
    return api.call("response/update", {"comment": "", "response_id": response_id, "status": status})


def names(response):
    return [a["name"] for a in response["decided_by"]["approvals"]]


def test_what_a_rule_accepted_needs_two_people_once_its_asset_is_critical(fresh):
    fresh.new_rule(mode="enforce", when={"types": ["KILL_PROCESS"]})
    [asset] = fresh.new_assets(1)
    made = fresh.new_response(asset_id=asset["asset_id"])
    assert made["status"] == "Confirmed" and made["decided_by"]["kind"] == "rule"
    incident = fresh.new_incident()["incident_id"]
    late = fresh.new_response(incident, asset_id=asset["asset_id"], decide_within_s=1)
    tag(fresh, asset["asset_id"], "Critical")
    assert lease(fresh.connector) == [], "it is not handed out"
    now = shown(fresh, made["response_id"])
    assert now["status"] == "New" and now["execution"] == {**made["execution"], "state": "none", "not_after": 0}
    assert now["decided_by"] == {"kind": "", "id": "", "name": "", "approvals": []}
    assert now["comment"] == "The asset is critical by now: two people have to confirm."
    assert now["decide_until"] - now["update_time"] == made["decide_until"] - made["creation_time"], "the whole time to decide"
    assert made["response_id"] in [r["response_id"] for r in fresh.sup.ok("responses/list")], "it is in the inbox"
    [*_, (told, by)] = fresh.gateway.query("select snapshot, changed_by from ledger where client_id = %s and object_id = %s"
                                           " order by position", fresh.id, made["response_id"], client=fresh.id)
    assert '"status":"New"' in told and by == "MDR gateway"
    assert fresh.sup.ok("incidents/details", {"incident_id": incident})["responses"][0]["status"] in ("New", "Declined")
    assert decide(fresh.sup, made["response_id"]).must().json["status"] == "New"
    decide(fresh.sup, made["response_id"]).must(409, "second_person_required")
    assert lease(fresh.connector) == []
    assert decide(fresh.senior, made["response_id"]).must().json["status"] == "Confirmed"
    [task] = lease(fresh.connector)
    assert task["response_id"] == made["response_id"]
    report(fresh.connector, task, "running")
    wait_for(lambda: shown(fresh, late["response_id"])["status"] == "Declined")
    assert json.loads(fresh.gateway.cli("ledger", "verify", "--client", fresh.id, check=False).stdout)["ok"]


def test_what_one_person_confirmed_needs_another_one(fresh):
    [asset] = fresh.new_assets(1)
    made = fresh.new_task(asset_id=asset["asset_id"], execute_within_s=600)
    tag(fresh, asset["asset_id"], "critical")
    assert lease(fresh.connector) == []
    now = shown(fresh, made["response_id"])
    assert now["status"] == "New" and names(now) == ["Supervisor"]
    tag(fresh, asset["asset_id"])
    decide(fresh.sup, made["response_id"]).must(409, "second_person_required")
    done = decide(fresh.senior, made["response_id"]).must().json
    assert names(done) == ["Supervisor", "Senior"] and done["execution"]["not_after"] == done["update_time"] + 600_000
    assert len(carry_out(fresh)) == 1


def test_what_two_people_confirmed_is_handed_out(fresh):
    [asset] = fresh.new_assets(1, tags=["critical"])
    made = fresh.new_task(asset_id=asset["asset_id"])
    decide(fresh.senior, made["response_id"]).must()
    assert len(carry_out(fresh)) == 1


def test_what_was_handed_out_does_not_start_on_what_became_critical(fresh, quick):
    connector = fresh.connector.at(url=quick.url)
    [asset] = fresh.new_assets(1)
    fresh.new_task(asset_id=asset["asset_id"])
    [task] = lease(connector)
    tag(fresh, asset["asset_id"], "critical")
    report(connector, task, "running", 409, "second_person_required")
    wait_for(lambda: lease(connector) or shown(fresh, task["response_id"])["status"] == "New")
    assert execution(fresh, task["response_id"])["state"] == "none"
    for state in ("running", "succeeded"):
        report(connector, task, state, 409, "stale_epoch")
    decide(fresh.senior, task["response_id"]).must()
    [again] = lease(connector)
    assert again["epoch"] == 2
    report(connector, task, "running", 409, "stale_epoch")
    report(connector, again, "running")


def test_what_runs_already_is_ended(fresh, quick):
    connector = fresh.connector.at(url=quick.url)
    [asset] = fresh.new_assets(1)
    fresh.new_task(asset_id=asset["asset_id"])
    [task] = lease(connector)
    report(connector, task, "running")
    tag(fresh, asset["asset_id"], "critical")
    report(connector, task, "running", 409, "second_person_required")
    [again] = wait_for(lambda: lease(connector))
    report(connector, again, "succeeded")
    assert execution(fresh, task["response_id"])["state"] == "succeeded"


def test_a_release_does_not_wait_for_a_second_person(fresh):
    [asset] = fresh.new_assets(1)
    fresh.new_task(type="RELEASE_HOST", parameters={}, asset_id=asset["asset_id"])
    tag(fresh, asset["asset_id"], "critical")
    assert len(carry_out(fresh)) == 1


@pytest.mark.parametrize("change, after", [(lambda org, asset_id: tag(org, asset_id, "critical"), '"tags":["critical"]'),
                                           (lambda org, asset_id: move(org, asset_id, "Osaka"), '"tenant_name":"Osaka"')],
                         ids=["tagging", "moving"])
def test_changing_an_asset_and_handing_out_at_once(fresh, second, change, after):
    """Whatever was let start was let start before its asset was critical, or another tenant's."""
    made = many_tasks(fresh, 20)

    def carry(i):
        api, started = fresh.connector.at(url=(fresh.gateway.url, second.url)[i % 2]), []
        for task in lease(api, max=5):
            if report_status(api, task, "running") == 200:
                started.append(task["response_id"])
        return started

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        carried = [pool.submit(carry, i) for i in range(6)]
        for asset_id in {r["asset_id"] for r in made}:
            pool.submit(change, fresh, asset_id)
    started = {r for c in carried for r in c.result()}
    rows = fresh.gateway.query("select object_id, position, snapshot from ledger where client_id = %s and kind in"
                               " ('asset', 'incident_response') order by position", fresh.id, client=fresh.id)
    changed = {object_id: position for object_id, position, text in rows if after in text}
    begun = {object_id: position for object_id, position, text in rows if '"execution":{"state":"running"' in text}
    assert set(begun) == started and {r["asset_id"] for r in made} <= set(changed)
    assert all(begun[r["response_id"]] < changed[r["asset_id"]] for r in made if r["response_id"] in begun)


# ---- what moved to another tenant since ----

MOVED = "The asset belongs to another tenant by now: it has to be confirmed for that one."


def move(org, asset_id, tenant):
    org.soc.ok("assets/upsert", {"assets": [{"asset_id": asset_id, "tenant_id": org.tenants[tenant]}]})


def officer_of(org, *tenants):
    """Who may decide in the root, whose incidents concern hosts of several tenants, and in these."""
    return org.new_caller("SENIOR_OFFICER", "of " + " and ".join(tenants), ["-", *(org.tenants[t] for t in tenants)])


def reopened(org, response_id):
    now = shown(org, response_id)
    return (now["status"], now["comment"], now["decided_by"], now["execution"]["state"]) == (
        "New", MOVED, {"kind": "", "id": "", "name": "", "approvals": []}, "none")


def test_what_one_tenant_confirmed_is_not_handed_out_in_another(fresh):
    tokyo, osaka = officer_of(fresh, "Tokyo"), officer_of(fresh, "Osaka")
    moved, stays = fresh.new_assets(2, tenant_name="Tokyo")
    body = {k: v for k, v in fresh.response_body(fresh.new_incident()["incident_id"], execute_within_s=600).items() if k != "asset_id"}
    made, other = tokyo.ok("responses/create", {**body, "asset_ids": [moved["asset_id"], stays["asset_id"]]})
    move(fresh, moved["asset_id"], "Osaka")
    assert [t["response_id"] for t in lease(fresh.connector)] == [other["response_id"]], "of a group, only the host that moved is kept back"
    assert reopened(fresh, made["response_id"])
    now = shown(fresh, made["response_id"])
    assert now["decide_until"] - now["update_time"] == made["decide_until"] - made["creation_time"], "the whole time to decide"
    [*_, (told, by)] = fresh.gateway.query("select snapshot, changed_by from ledger where client_id = %s and object_id = %s"
                                           " order by position", fresh.id, made["response_id"], client=fresh.id)
    assert '"status":"New"' in told and by == "MDR gateway"
    decide(tokyo, made["response_id"]).must(404)
    done = decide(osaka, made["response_id"]).must().json
    assert done["status"] == "Confirmed" and names(done) == ["of Osaka"] and done["execution"]["not_after"] == done["update_time"] + 600_000
    [task] = carry_out(fresh)
    assert task["response_id"] == made["response_id"]
    assert json.loads(fresh.gateway.cli("ledger", "verify", "--client", fresh.id, check=False).stdout)["ok"]


def test_what_a_rule_accepted_for_one_tenant_waits_for_people_in_another(fresh):
    fresh.new_rule(mode="enforce", when={"tenants": [fresh.tenants["Tokyo"]]})
    [asset] = fresh.new_assets(1, tenant_name="Tokyo")
    made = fresh.new_response(asset_id=asset["asset_id"])["response_id"]
    assert shown(fresh, made)["decided_by"]["kind"] == "rule"
    move(fresh, asset["asset_id"], "Osaka")
    assert lease(fresh.connector) == [] and reopened(fresh, made)
    assert decide(fresh.sup, made).must().json["status"] == "Confirmed"
    assert len(carry_out(fresh)) == 1


def test_what_came_back_is_handed_out(fresh):
    """Nobody asked for a task meanwhile; it was confirmed for the tenant that the host has."""
    [asset] = fresh.new_assets(1, tenant_name="Tokyo")
    fresh.new_task(asset_id=asset["asset_id"])
    for tenant in ("Osaka", "Tokyo"):
        move(fresh, asset["asset_id"], tenant)
    assert len(carry_out(fresh)) == 1


def test_what_was_handed_out_does_not_start_in_another_tenant(fresh, quick):
    connector = fresh.connector.at(url=quick.url)
    [asset] = fresh.new_assets(1, tenant_name="Tokyo")
    fresh.new_task(asset_id=asset["asset_id"])
    [task] = lease(connector)
    move(fresh, asset["asset_id"], "Osaka")
    report(connector, task, "running", 409, "asset_moved")
    wait_for(lambda: lease(connector) or shown(fresh, task["response_id"])["status"] == "New")
    assert reopened(fresh, task["response_id"])
    for state in ("running", "succeeded"):
        report(connector, task, state, 409, "stale_epoch")
    decide(officer_of(fresh, "Osaka"), task["response_id"]).must()
    [again] = lease(connector)
    assert again["epoch"] == 2
    report(connector, again, "running")
    move(fresh, asset["asset_id"], "Tokyo")
    report(connector, again, "running", 409, "asset_moved")
    report(connector, again, "succeeded")
    assert execution(fresh, task["response_id"])["state"] == "succeeded", "what runs already is ended"


def test_two_people_confirm_for_the_same_tenant(fresh):
    """The first while the critical host is Tokyo's, the others when it is Osaka's: of these two are needed."""
    [asset] = fresh.new_assets(1, tenant_name="Tokyo", tags=["critical"])
    made = officer_of(fresh, "Tokyo").ok("responses/create", fresh.response_body(asset_id=asset["asset_id"]))["response_id"]
    move(fresh, asset["asset_id"], "Osaka")
    first, both = officer_of(fresh, "Osaka"), officer_of(fresh, "Tokyo", "Osaka")
    now = decide(first, made).must().json
    assert now["status"] == "New" and names(now) == ["of Osaka"]
    decide(first, made).must(409, "second_person_required")
    assert names(decide(both, made).must().json) == ["of Osaka", "of Tokyo and Osaka"]
    move(fresh, asset["asset_id"], "Tokyo")
    assert lease(fresh.connector) == [] and reopened(fresh, made)
    now = decide(both, made).must().json
    assert now["status"] == "New" and names(now) == ["of Tokyo and Osaka"], "who confirmed for Osaka may confirm for Tokyo"
    move(fresh, asset["asset_id"], "Osaka")
    assert names(decide(both, made).must().json) == ["of Tokyo and Osaka"], "and again while it is not final"
    assert decide(first, made).must().json["status"] == "Confirmed"
    assert len(carry_out(fresh)) == 1


def test_what_takes_an_isolation_back_goes_with_the_host(fresh):
    """By people, and by the gateway after its time: ordered in Tokyo, carried out in Osaka."""
    [asset] = fresh.new_assets(1, tenant_name="Tokyo")
    made = isolate(fresh, asset["asset_id"])["response_id"]
    undo(fresh, made)
    move(fresh, asset["asset_id"], "Osaka")
    assert len(carry_out(fresh)) == 1 and asset_of(fresh, asset["asset_id"])["isolation"] is False
    made = isolate(fresh, asset["asset_id"], duration_s=3600)["response_id"]
    looked(fresh, made)
    move(fresh, asset["asset_id"], "Tokyo")
    assert len(carry_out(fresh)) == 1 and asset_of(fresh, asset["asset_id"])["isolation"] is False


def test_what_isolates_a_host_in_its_new_tenant_is_not_ended_from_the_old_one(fresh):
    """Neither by a release that names no isolation, nor by the undoing of another one, nor by one whose time is over."""
    [asset] = fresh.new_assets(1, tenant_name="Tokyo")
    host = {"asset_id": asset["asset_id"], "parameters": {}}
    first = isolate(fresh, asset["asset_id"], duration_s=3600)["response_id"]
    plain = fresh.new_task(type="RELEASE_HOST", **host)["response_id"]
    undoing = undo(fresh, first).json["response_id"]
    move(fresh, asset["asset_id"], "Osaka")
    fresh.new_task(type="ISOLATE_HOST", **host)
    [task] = lease(fresh.connector, types=["ISOLATE_HOST"])
    report(fresh.connector, task, "running")
    report(fresh.connector, task, "succeeded")
    assert lease(fresh.connector) == []
    assert reopened(fresh, plain) and reopened(fresh, undoing)
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True
    decide(officer_of(fresh, "Osaka"), plain).must()
    assert len(carry_out(fresh)) == 1 and asset_of(fresh, asset["asset_id"])["isolation"] is False


def test_an_ended_isolations_release_fails_in_the_new_tenant_too(fresh):
    [asset] = fresh.new_assets(1, tenant_name="Tokyo")
    made = isolate(fresh, asset["asset_id"], duration_s=3600)["response_id"]
    looked(fresh, made)
    [back] = releases(fresh)
    move(fresh, asset["asset_id"], "Osaka")
    fresh.new_task(type="ISOLATE_HOST", parameters={}, asset_id=asset["asset_id"])
    [task] = lease(fresh.connector, types=["ISOLATE_HOST"])
    report(fresh.connector, task, "running")
    report(fresh.connector, task, "succeeded")
    assert lease(fresh.connector) == [] and execution(fresh, back["response_id"])["code"] == "already_done"
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True


# ---- whose ----

def test_a_connector_of_a_tenant_gets_that_tenants_tasks(fresh):
    tokyo = fresh.new_caller("CONNECTOR", tenants=[fresh.tenants["Tokyo"]])
    there, elsewhere, root = fresh.new_task(tenant="Tokyo"), fresh.new_task(tenant="Osaka"), fresh.new_task()
    assert [t["response_id"] for t in lease(tokyo, max=100)] == [there["response_id"]]
    unknown = report(tokyo, {"response_id": "MDR_00000000-0000-4000-8000-000000000000", "epoch": 1}, "running", 404)
    for foreign in (elsewhere, root):
        same = report(tokyo, {"response_id": foreign["response_id"], "epoch": 1}, "running", 404)
        assert {**same.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert {t["response_id"] for t in lease(fresh.connector, max=100)} == {elsewhere["response_id"], root["response_id"]}


def test_a_task_of_a_foreign_host_needs_its_tenant(fresh):
    """An incident of the root may name a host of a tenant: who may not see the host gets no order for it."""
    incident = fresh.new_incident()["incident_id"]
    made = fresh.new_task(incident_id=incident, asset_id=fresh.asset("Tokyo")["asset_id"])
    root = fresh.new_caller("CONNECTOR", tenants=["-"])
    assert lease(root) == []
    both = fresh.new_caller("CONNECTOR", tenants=["-", fresh.tenants["Tokyo"]])
    assert [t["response_id"] for t in lease(both)] == [made["response_id"]]


def test_tasks_of_another_client_are_missing(fresh, other):
    task = other.new_lease()
    report(fresh.connector, task, "running", 404)
    fresh.connector.call("tasks/renew", held(task)).must(404)
    fresh.sup.call("responses/undo", {"response_id": task["response_id"], "comment": ""}).must(404)
    assert task["response_id"] not in [t["response_id"] for t in lease(fresh.connector, max=100)]


def test_a_revoked_connection_gets_nothing_though_it_waits(fresh):
    connector = fresh.new_caller("CONNECTOR")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(connector.call, "tasks/lease", {"wait_s": 15})
        time.sleep(0.5)
        fresh.sup.ok("robot_sessions/delete", {"session_id": connector.session_id})
        made = fresh.new_task()
        waiting.result().must(403, "token_invalid")
    assert execution(fresh, made["response_id"])["state"] == "pending"


# ---- results ----

def test_results_are_bounded_and_kept_as_told(fresh):
    task = fresh.new_lease()
    report(fresh.connector, task, "running")
    for body, pointer in (({"state": "succeeded", "result": {"x": "y" * 65536}}, "/result"), ({"state": "succeeded", "code": "error"}, "/code"),
                          ({"state": "failed", "code": "because"}, "/code"), ({"state": "running", "result": {"a": 1}}, "/result"),
                          ({"state": "failed", "message": "x" * 2001}, "/message"), ({"state": "done"}, "/state")):
        reply = fresh.connector.call("tasks/report", {**held(task), **body}).must(400)
        assert pointer in [e["pointer"] for e in reply.json["errors"]]
    report(fresh.connector, task, "failed")
    assert execution(fresh, task["response_id"])["code"] == "error"
    big = fresh.new_lease()
    report(fresh.connector, big, "succeeded", result={"x": "y" * 65000})
    assert len(execution(fresh, big["response_id"])["result"]["x"]) == 65000


def test_no_result_is_taken_for_a_mark(fresh):
    """What the gateway fills into a stored body stands between marks: no connector's text becomes one."""
    incident = fresh.new_incident()["incident_id"]
    fresh.new_task(incident_id=incident)
    [task] = lease(fresh.connector)
    report(fresh.connector, task, "running")
    told = {"a": 1, "x": "\x01x", "b": {"was_read": "\x01", "x": "\x01x"}, "c": 2}
    report(fresh.connector, task, "succeeded", result=told)
    assert execution(fresh, task["response_id"])["result"] == told
    [inside] = fresh.sup.ok("incidents/details", {"incident_id": incident})["responses"]
    assert inside["execution"]["result"] == told


def test_an_end_is_taken_where_its_result_has_no_room(fresh):
    incident = fresh.new_incident()["incident_id"]
    for i in range(66):
        fresh.new_task(incident_id=incident)
    left_out = 0
    for task in lease(fresh.connector, max=100):
        report(fresh.connector, task, "succeeded", result={"x": "y" * 65000})
        left_out += "left_out" in execution(fresh, task["response_id"])["result"]
        report(fresh.connector, task, "succeeded", result={"x": "y" * 65000})  # who had no answer says it again
    assert 0 < left_out < 10


# ---- freezing ----

def freeze(org, tenant="*"):
    org.gateway.query("insert into freezes values (%s, %s, 'test', 'test', 1)", org.id, tenant, client=org.id)


def thaw(org):
    org.gateway.query("delete from freezes where client_id = %s", org.id, client=org.id)


def test_a_frozen_client_is_handed_nothing_and_starts_nothing(fresh):
    waiting, task, begun = fresh.new_task(), fresh.new_lease(), fresh.new_lease()
    fresh.connector.ok("tasks/report", {**held(begun), "state": "running"})
    freeze(fresh)
    assert lease(fresh.connector, wait_s=1) == []
    report(fresh.connector, task, "running", 409, "frozen")
    report(fresh.connector, begun, "succeeded")
    assert execution(fresh, begun["response_id"])["state"] == "succeeded", "what was begun may end"
    thaw(fresh)
    report(fresh.connector, task, "running")
    assert waiting["response_id"] in [t["response_id"] for t in lease(fresh.connector)]


def test_a_frozen_tenant_is_frozen_alone(fresh):
    fresh.new_task(tenant="Tokyo")
    osaka = fresh.new_task(tenant="Osaka")
    fresh.new_task(asset_id=fresh.asset("Tokyo")["asset_id"])
    freeze(fresh, fresh.tenants["Tokyo"])
    assert [t["response_id"] for t in lease(fresh.connector)] == [osaka["response_id"]]


def test_who_freezes_is_passed_by_nobody(fresh, second, quick):
    """One connector's lease is under way on one node when somebody freezes on another; the leases that come after that, on a third, do
    not go first."""
    incidents = [fresh.new_incident()["incident_id"] for _ in range(2)]
    assets = [fresh.new_task(incident_id=i, asset_id=fresh.new_assets(1)[0]["asset_id"])["asset_id"] for i in incidents]
    holding = [fresh.gateway.psql() for _ in incidents]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for connection, incident in zip(holding, incidents):
            connection.autocommit = False
            cursor = connection.cursor()
            cursor.execute("set local mdr.client = '%s'" % fresh.id)
            cursor.execute("select 1 from incidents where client_id = %s and incident_id = %s for update", [fresh.id, incident])
        first = pool.submit(lease, fresh.connector, asset_ids=assets[:1])
        time.sleep(0.5)
        freezing = pool.submit(fresh.sup.at(url=second.url).ok, "settings/freeze", {"frozen": True, "reason": "now"})
        time.sleep(0.5)
        late = pool.submit(lease, fresh.connector.at(url=quick.url), asset_ids=assets[1:])
        time.sleep(0.5)
        assert not first.done() and not freezing.done() and not late.done()
        holding[0].rollback()
        assert len(first.result()) == 1
        freezing.result(2)
        holding[1].rollback()
        assert late.result() == []
    for connection in holding:
        connection.close()


def test_freezing_answers_while_16_connectors_are_at_work(fresh, second):
    tasks = [fresh.new_lease() for _ in range(16)]
    over_ = threading.Event()

    def work(i):
        api = fresh.connector.at(url=(fresh.gateway.url, second.url)[i % 2])
        while not over_.is_set():
            report_status(api, tasks[i], "running")

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for i in range(16):
            pool.submit(work, i)
        longest, until = 0, time.monotonic() + 5
        while time.monotonic() < until:
            began = time.monotonic()
            fresh.sup.at(url=second.url).ok("settings/freeze", {"frozen": True, "reason": "now"})
            longest = max(longest, time.monotonic() - began)
            fresh.sup.ok("settings/freeze", {"frozen": False, "reason": "on"})
        over_.set()
    assert longest < 2


def test_who_freezes_waits_for_what_is_being_handed_out(fresh, gateway):
    """The lock that makes freezing exact: a lease waits for whoever holds the client's lock."""
    fresh.new_task()
    connection = gateway.psql()
    connection.autocommit = False
    with connection.cursor() as cursor, concurrent.futures.ThreadPoolExecutor(1) as pool:
        cursor.execute("set local mdr.client = '%s'" % fresh.id)
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [fresh.id])
        waiting = pool.submit(lease, fresh.connector)
        time.sleep(1)
        assert not waiting.done()
        cursor.execute("insert into freezes values (%s, '*', 'test', 'test', 1)", [fresh.id])
        connection.commit()
        assert waiting.result() == []
    connection.close()


# ---- taking back ----

def undo(org, response_id, status=200, by=None, **more):
    return (by or org.sup).call("responses/undo", {"response_id": response_id, "comment": "not needed", **more}).must(status)


def links(org, response_id):
    rows = org.sup.ok("responses/list", {**ANY, "fields": ["response_id", "undo_of", "undone_by"]})
    return next((r["undo_of"], r["undone_by"]) for r in rows if r["response_id"] == response_id)


def test_what_waits_is_cancelled(fresh):
    made = fresh.new_task()
    done = undo(fresh, made["response_id"]).json
    assert done["response_id"] == made["response_id"] and done["execution"]["state"] == "cancelled"
    assert done["status"] == "Confirmed" and done["execution"]["message"] == "not needed"
    assert lease(fresh.connector) == [] and states_told(fresh, made["response_id"]) == ["none", "pending", "cancelled"]
    undo(fresh, made["response_id"], 409)


def test_leasing_and_cancelling_at_once(fresh, second):
    """Each task is either handed out or cancelled."""
    made = [r["response_id"] for r in many_tasks(fresh, 40)]
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        took = [pool.submit(lease, fresh.connector.at(url=second.url), max=5) for _ in range(8)]
        undone = list(pool.map(lambda r: fresh.sup.call("responses/undo", {"response_id": r, "comment": ""}).status, made))
        leased = [t["response_id"] for t in sum((t.result() for t in took), [])]
    assert set(undone) <= {200, 409}
    cancelled = {r for r, status in zip(made, undone) if status == 200}
    assert cancelled.isdisjoint(leased) and cancelled | set(leased) == set(made) and len(set(leased)) == len(leased)


def test_what_a_connector_has_is_not_taken_back_yet(fresh):
    task = fresh.new_lease()
    undo(fresh, task["response_id"], 409)
    report(fresh.connector, task, "running")
    undo(fresh, task["response_id"], 409)


def test_what_was_done_gets_a_response_against_it(fresh):
    made = fresh.new_task(type="QUARANTINE_FILE", parameters={"path": "C:\\Users\\x\\bad.exe", "sha256": "a" * 64})
    carry_out(fresh)
    back = undo(fresh, made["response_id"]).json
    assert back["type"] == "RESTORE_FILE" and back["parameters"] == made["parameters"] and back["asset_id"] == made["asset_id"]
    assert back["status"] == "Confirmed" and back["execution"]["state"] == "pending" and back["decided_by"]["name"] == "Supervisor"
    assert links(fresh, back["response_id"]) == (made["response_id"], "") and links(fresh, made["response_id"]) == ("", back["response_id"])
    undo(fresh, made["response_id"], 409)
    undo(fresh, back["response_id"])
    assert undo(fresh, made["response_id"]).json["response_id"] != back["response_id"], "the first one was cancelled"


def test_the_undoing_of_a_prevention_drops_what_the_other_does_not_take(fresh):
    fresh.new_task(type="PREVENT_EXECUTION", parameters={"md5": "b" * 32, "mode": "block"})
    [task] = carry_out(fresh)
    assert undo(fresh, task["response_id"]).json["parameters"] == {"md5": "b" * 32}


def test_what_cannot_be_taken_back(fresh):
    killed = fresh.new_task()
    carry_out(fresh)
    undo(fresh, killed["response_id"], 409)
    undo(fresh, fresh.new_response()["response_id"], 409)
    late = fresh.new_task(execute_within_s=1)
    in_state(fresh, late["response_id"], "expired")
    undo(fresh, late["response_id"], 409)
    undo(fresh, killed["response_id"], 403, by=fresh.officer)
    undo(fresh, killed["response_id"], 403, by=fresh.soc)


def test_undoing_works_on_closed_incidents_and_after_failures(fresh):
    incident = fresh.new_incident()["incident_id"]
    made = fresh.new_task(incident_id=incident, type="ISOLATE_HOST", parameters={})
    carry_out(fresh, state="failed", code="timeout")
    fresh.sup.ok("incidents/close", {"incident_id": incident, "resolution_status": "TRUE_POSITIVE", "summary": "done"})
    assert undo(fresh, made["response_id"]).json["type"] == "RELEASE_HOST"


def test_a_critical_asset_takes_two_people_to_undo_as_well(fresh):
    [asset] = fresh.new_assets(1, tags=["critical"])
    made = fresh.new_task(type="ISOLATE_HOST", parameters={}, asset_id=asset["asset_id"])
    fresh.senior.ok("response/update", {"comment": "", "response_id": made["response_id"], "status": "Confirmed"})
    carry_out(fresh)
    back = undo(fresh, made["response_id"]).json
    assert back["status"] == "New" and len(back["decided_by"]["approvals"]) == 1 and back["execution"]["state"] == "none"
    undo(fresh, made["response_id"], 409)
    done = fresh.senior.ok("response/update", {"comment": "", "response_id": back["response_id"], "status": "Confirmed"})
    assert done["execution"]["state"] == "pending"


# ---- isolation ----

def asset_of(org, asset_id):
    return org.sup.ok("assets/details", {"asset_id": asset_id})


def isolate(org, asset_id, **parameters):
    made = org.new_task(type="ISOLATE_HOST", parameters=parameters, asset_id=asset_id)
    carry_out(org)
    return made


def test_isolation_shows_on_the_asset_until_its_release(fresh):
    [asset] = fresh.new_assets(1, tags=["server"])
    made = isolate(fresh, asset["asset_id"])
    now = asset_of(fresh, asset["asset_id"])
    assert now["isolation"] is True and now["tags"] == ["server", TAG]
    assert fresh.sup.ok("assets/count", {"is_isolated": True}) == {"count": 1}
    told = fresh.gateway.query("select operation, changed_by, snapshot from ledger where client_id = %s and object_id = %s order by position",
                               fresh.id, asset["asset_id"], client=fresh.id)
    assert [r[:2] for r in told] == [("create", "Security Team"), ("update", "Connector")] and json.loads(told[1][2])["isolation"]
    undo(fresh, made["response_id"])
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True, "released when it is done, not when it is ordered"
    carry_out(fresh)
    now = asset_of(fresh, asset["asset_id"])
    assert now["isolation"] is False and now["tags"] == ["server"]


def test_a_failed_isolation_isolates_nothing(fresh):
    [asset] = fresh.new_assets(1)
    fresh.new_task(type="ISOLATE_HOST", parameters={}, asset_id=asset["asset_id"])
    carry_out(fresh, state="failed")
    assert asset_of(fresh, asset["asset_id"])["isolation"] is False


def test_the_socs_reports_do_not_undo_an_isolation(fresh):
    [asset] = fresh.new_assets(1)
    made = isolate(fresh, asset["asset_id"])
    for reported in ({"isolation": False}, {"tags": ["x"]}, {"isolation": False, "tags": []}, {"last_seen": now_ms()}):
        fresh.soc.ok("assets/upsert", {"assets": [{"asset_id": asset["asset_id"], **reported}]})
        now = asset_of(fresh, asset["asset_id"])
        assert now["isolation"] is True and TAG in now["tags"], reported
    undo(fresh, made["response_id"])
    carry_out(fresh)
    fresh.soc.ok("assets/upsert", {"assets": [{"asset_id": asset["asset_id"], "isolation": True}]})
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True, "afterwards they count again"


def test_a_host_that_moved_out_of_the_connectors_sight_is_kept_true(fresh):
    """Between start and report, and between hand-out and start."""
    tokyo = fresh.new_caller("CONNECTOR", name="Tokyo's", tenants=["-", fresh.tenants["Tokyo"]])
    [asset] = fresh.new_assets(1, tenant_name="Tokyo")
    incident = fresh.new_incident()["incident_id"]
    made = fresh.new_task(incident_id=incident, type="ISOLATE_HOST", parameters={}, asset_id=asset["asset_id"])
    [task] = lease(tokyo)
    report(tokyo, task, "running")
    move(fresh, asset["asset_id"], "Osaka")
    report(tokyo, task, "running", 404)
    report(tokyo, task, "succeeded")
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True
    snapshots = fresh.gateway.query("select tenant_id, changed_by from ledger where client_id = %s and object_id = %s order by position",
                                    fresh.id, asset["asset_id"], client=fresh.id)
    assert snapshots[-1] == (fresh.tenants["Osaka"], "Tokyo's")
    undo(fresh, made["response_id"])
    assert lease(tokyo) == [], "nothing new for a host out of sight"
    move(fresh, asset["asset_id"], "Tokyo")
    [task] = lease(tokyo)
    move(fresh, asset["asset_id"], "Osaka")
    report(tokyo, task, "running", 404)
    move(fresh, asset["asset_id"], "Tokyo")
    report(tokyo, task, "running")
    move(fresh, asset["asset_id"], "Osaka")
    report(tokyo, task, "succeeded")
    now = asset_of(fresh, asset["asset_id"])
    assert now["isolation"] is False and now["tags"] == [] and now["tenant_name"] == "Osaka"


def over(org, response_id):
    """The time of the isolation is over."""
    [(due_at,)] = org.gateway.query("select due_at from due where client_id = %s and kind = 'release' and object_id = %s", org.id,
                                    response_id, client=org.id)
    org.gateway.query("update due set due_at = 1 where client_id = %s and kind = 'release'", org.id, client=org.id)
    return due_at


def releases(org):
    return [r for r in org.sup.ok("responses/list", ANY) if r["type"] == "RELEASE_HOST"]


def test_isolation_for_a_time_ends_by_itself_once(fresh, quick):
    """Two processes look for what is due."""
    [asset] = fresh.new_assets(1)
    made = isolate(fresh, asset["asset_id"], duration_s=3600)
    ended = execution(fresh, made["response_id"])["finished_at"]
    assert over(fresh, made["response_id"]) == ended + 3_600_000
    [back] = wait_for(lambda: releases(fresh))
    assert back["decided_by"] == {"kind": "duration", "id": made["response_id"], "name": "MDR gateway", "approvals": []}
    assert back["status"] == "Confirmed" and links(fresh, made["response_id"]) == ("", back["response_id"])
    carry_out(fresh)
    assert asset_of(fresh, asset["asset_id"])["isolation"] is False
    time.sleep(1.5)
    assert len(releases(fresh)) == 1


MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def release_due(org):
    """In how many ms from now the gateway looks again, None = never."""
    rows = org.gateway.query("select due_at - (extract(epoch from now()) * 1000)::bigint from due where client_id = %s and kind = 'release'",
                             org.id, client=org.id)
    return rows[0][0] if rows else None


def looked(org, response_id):
    """The time comes, and the gateway has looked."""
    over(org, response_id)
    wait_for(lambda: (release_due(org) or 1) > 0)


def long_ago(org, ms):
    """All releases ended that much earlier."""
    org.gateway.query("update responses set finished_at = finished_at - %s where client_id = %s and type = 'RELEASE_HOST'"
                      " and finished_at > 0", ms, org.id, client=org.id)


def test_a_release_that_failed_is_ordered_again_at_growing_pauses(fresh):
    [asset] = fresh.new_assets(1)
    made = isolate(fresh, asset["asset_id"], duration_s=3600)["response_id"]
    for n in range(1, 8):
        looked(fresh, made)
        [*_, last] = releases(fresh)
        assert len(releases(fresh)) == n and links(fresh, made) == ("", last["response_id"])
        looked(fresh, made)
        assert len(releases(fresh)) == n, "while one is on its way there is no other"
        carry_out(fresh, state="failed", code="timeout")
        pause = 10 * MINUTE_MS if n <= 6 else HOUR_MS
        looked(fresh, made)
        assert pause - 30_000 < release_due(fresh) <= pause
        long_ago(fresh, pause - 30_000)
        looked(fresh, made)
        assert len(releases(fresh)) == n and 0 < release_due(fresh) <= 30_000
        long_ago(fresh, 30_000)
    looked(fresh, made)
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True
    carry_out(fresh)
    assert asset_of(fresh, asset["asset_id"])["isolation"] is False
    looked(fresh, made)
    assert release_due(fresh) is None and len(releases(fresh)) == 8
    assert {r["decided_by"]["kind"] for r in releases(fresh)} == {"duration"}


def test_a_release_that_expired_in_a_freeze_is_ordered_again(fresh, gateway):
    [asset] = fresh.new_assets(1)
    made = isolate(fresh, asset["asset_id"], duration_s=3600)["response_id"]
    fresh.sup.ok("settings/freeze", {"frozen": True, "reason": "a long one"})
    looked(fresh, made)
    [first] = releases(fresh)
    assert lease(fresh.connector) == []
    gateway.query("update responses set not_after = 1 where client_id = %s and response_id = %s", fresh.id, first["response_id"], client=fresh.id)
    gateway.query("update due set due_at = 1 where client_id = %s and kind = 'execute'", fresh.id, client=fresh.id)
    in_state(fresh, first["response_id"], "expired")
    long_ago(fresh, 10 * MINUTE_MS)
    looked(fresh, made)
    assert [r["execution"]["state"] for r in releases(fresh)] == ["expired", "pending"]
    fresh.sup.ok("settings/freeze", {"frozen": False, "reason": "over"})
    carry_out(fresh)
    assert asset_of(fresh, asset["asset_id"])["isolation"] is False


def test_who_cancels_a_release_keeps_the_host_isolated(fresh):
    [asset] = fresh.new_assets(1)
    made = isolate(fresh, asset["asset_id"], duration_s=3600)["response_id"]
    looked(fresh, made)
    [back] = releases(fresh)
    undo(fresh, back["response_id"])
    long_ago(fresh, HOUR_MS)
    looked(fresh, made)
    assert release_due(fresh) is None and len(releases(fresh)) == 1
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True


def test_an_undo_that_waits_for_its_second_person_is_withdrawn_by_the_release(fresh):
    [asset] = fresh.new_assets(1, tags=["critical"])
    made = fresh.new_task(type="ISOLATE_HOST", parameters={"duration_s": 3600}, asset_id=asset["asset_id"])["response_id"]
    decide(fresh.senior, made).must()
    carry_out(fresh)
    waiting = undo(fresh, made).json
    assert waiting["status"] == "New"
    looked(fresh, made)
    gone, back = releases(fresh)
    assert (gone["response_id"], gone["status"]) == (waiting["response_id"], "Declined")
    assert gone["comment"] == "Withdrawn: the host is released after the ordered duration"
    assert (gone["decided_by"]["kind"], gone["decided_by"]["id"]) == ("duration", made) and gone["execution"]["state"] == "none"
    assert back["status"] == "Confirmed" and links(fresh, made) == ("", back["response_id"])
    decide(fresh.senior, gone["response_id"]).must(409, "already_decided")
    assert [t["response_id"] for t in carry_out(fresh)] == [back["response_id"]]
    assert asset_of(fresh, asset["asset_id"])["isolation"] is False
    assert json.loads(fresh.gateway.cli("ledger", "verify", "--client", fresh.id, check=False).stdout)["ok"]


def test_a_host_released_or_isolated_anew_meanwhile_is_left_alone(fresh):
    [asset] = fresh.new_assets(1)
    made = isolate(fresh, asset["asset_id"], duration_s=3600)
    undo(fresh, made["response_id"])
    carry_out(fresh)
    over(fresh, made["response_id"])
    due = "select count(*) from due where client_id = %s and kind = 'release'"
    wait_for(lambda: fresh.gateway.query(due, fresh.id, client=fresh.id) == [(0,)])
    first = isolate(fresh, asset["asset_id"], duration_s=3600)
    isolate(fresh, asset["asset_id"])
    over(fresh, first["response_id"])
    wait_for(lambda: fresh.gateway.query(due, fresh.id, client=fresh.id) == [(0,)])
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True and len(releases(fresh)) == 1


def test_a_release_that_waits_does_not_end_a_newer_isolation(fresh):
    [asset] = fresh.new_assets(1)
    made = isolate(fresh, asset["asset_id"], duration_s=3600)["response_id"]
    looked(fresh, made)
    [back] = releases(fresh)
    fresh.new_task(type="ISOLATE_HOST", parameters={}, asset_id=asset["asset_id"])
    [task] = lease(fresh.connector, types=["ISOLATE_HOST"])
    report(fresh.connector, task, "running")
    report(fresh.connector, task, "succeeded")
    assert lease(fresh.connector) == []
    done = execution(fresh, back["response_id"])
    assert (done["state"], done["code"]) == ("failed", "already_done")
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True
    looked(fresh, made)
    assert release_due(fresh) is None and len(releases(fresh)) == 1


def test_a_release_that_was_handed_out_does_not_end_a_newer_isolation(fresh, quick):
    connector = fresh.connector.at(url=quick.url)
    [asset] = fresh.new_assets(1)
    made = isolate(fresh, asset["asset_id"], duration_s=3600)["response_id"]
    looked(fresh, made)
    [task] = lease(connector)
    isolate(fresh, asset["asset_id"])
    report(connector, task, "running", 409, "conflict")
    wait_for(lambda: lease(connector) == [] and execution(fresh, task["response_id"])["state"] == "failed")
    assert execution(fresh, task["response_id"])["code"] == "already_done"
    assert asset_of(fresh, asset["asset_id"])["isolation"] is True


def test_a_late_word_of_an_isolation_that_was_taken_back_isolates_nothing(fresh, gateway):
    """Its connector was silent until not_after; somebody released the host; then it tells of its success."""
    [asset] = fresh.new_assets(1)
    made = fresh.new_task(type="ISOLATE_HOST", parameters={"duration_s": 3600}, asset_id=asset["asset_id"])
    [task] = lease(fresh.connector)
    report(fresh.connector, task, "running")
    gateway.query("update responses set not_after = 1 where client_id = %s and response_id = %s", fresh.id, made["response_id"], client=fresh.id)
    gateway.query("update due set due_at = 1 where client_id = %s and kind = 'execute'", fresh.id, client=fresh.id)
    in_state(fresh, made["response_id"], "unknown")
    undo(fresh, made["response_id"])
    carry_out(fresh)
    report(fresh.connector, task, "succeeded")
    assert execution(fresh, made["response_id"])["state"] == "succeeded"
    assert asset_of(fresh, asset["asset_id"])["isolation"] is False
    over(fresh, made["response_id"])
    due = "select count(*) from due where client_id = %s and kind = 'release'"
    wait_for(lambda: gateway.query(due, fresh.id, client=fresh.id) == [(0,)])
    assert len(releases(fresh)) == 1


# ---- files ----

def upload(api, **meta):
    return api.upload(None, b"fetched bytes", "sample.bin", meta=meta)


def test_a_connector_brings_the_file_of_its_task(fresh, other):
    incident = fresh.new_incident()["incident_id"]
    fresh.new_task(incident_id=incident, type="GET_FILE", parameters={"path": "C:\\x"})
    [task] = lease(fresh.connector)
    report(fresh.connector, task, "running")
    made = upload(fresh.connector, response_id=task["response_id"], caption="sample").must().json
    assert made["author_name"] == "Connector" and made["origin"] == "Client"
    [there] = fresh.sup.ok("attachments/list", {"incident_id": incident})
    assert there["attachment_id"] == made["attachment_id"] and there["file_size"] == 13
    upload(fresh.connector, response_id=task["response_id"], incident_id=incident).must()
    upload(fresh.connector, response_id=task["response_id"], incident_id=fresh.new_incident()["incident_id"]).must(404)
    upload(fresh.connector, incident_id=incident).must(400)
    upload(fresh.new_caller("CONNECTOR"), response_id=task["response_id"]).must(404)
    upload(other.connector, response_id=task["response_id"]).must(404)
    upload(fresh.sup, response_id=task["response_id"]).must(400)
    upload(fresh.sup, response_id=task["response_id"], incident_id=incident).must(400)
    report(fresh.connector, task, "succeeded")
    upload(fresh.connector, response_id=task["response_id"]).must(404)


# ---- crashes ----

def start_connector(org, folder, url, *words, name="c"):
    return subprocess.Popen([sys.executable, str(ROOT / "tests/lib/connector.py"), url, org.connector.access_token, org.id,
                             f"{folder}/{name}.journal", f"{folder}/executions", "--name", name, *words])


def acted(folder):
    path = folder / "executions"
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(json.loads(line)["response_id"] for line in lines)


@pytest.mark.parametrize("point", ["leased", "running", "journaled", "acted", "before_report", "reported"])
def test_a_connector_that_dies_acts_at_most_once(fresh, quick, tmp_path, point):
    made = fresh.new_task(execute_within_s=6)["response_id"]
    assert start_connector(fresh, tmp_path, quick.url, "--crash-at", point).wait(30) == -9
    again = start_connector(fresh, tmp_path, quick.url, "--seconds", "9")
    want = "unknown" if point in ("journaled", "acted") else "succeeded"
    in_state(fresh, made, want, 20)
    again.wait(30)
    assert acted(tmp_path) == ({} if point == "journaled" else {made: 1})


def test_without_a_journal_it_acts_twice(fresh, quick, tmp_path):
    """The control: it is the journal that prevents it."""
    made = fresh.new_task(execute_within_s=8)["response_id"]
    assert start_connector(fresh, tmp_path, quick.url, "--crash-at", "acted", "--no-journal").wait(30) == -9
    start_connector(fresh, tmp_path, quick.url, "--seconds", "5", "--no-journal").wait(30)
    assert acted(tmp_path) == {made: 2}


def test_without_epochs_two_act(fresh, quick, tmp_path):
    """The control: it is waiting for the answer to `running` that prevents it."""
    made = fresh.new_task()["response_id"]
    slow = Connector(quick.url, fresh.connector.access_token, fresh.id, tmp_path / "slow", tmp_path / "executions", "slow", epochs=False)
    [task] = slow.call("tasks/lease", {})
    time.sleep(1.3)
    other = Connector(quick.url, fresh.new_caller("CONNECTOR").access_token, fresh.id, tmp_path / "o", tmp_path / "executions", "other")
    wait_for(other.step)
    slow.work(task)
    assert acted(tmp_path) == {made: 2}


def test_a_gateway_that_restarts_in_the_middle(mail, tmp_path):
    """Its own gateway is killed again and again under a connector: every task is carried out once."""
    from lib.organisation import Organisation
    one = Gateway(MDR_TASK_LEASE_S=1).start()
    try:
        org = Organisation(one, "Restarted")
        made = [r["response_id"] for r in many_tasks(org, 30)]
        connector = start_connector(org, tmp_path, one.url, "--seconds", "120", "--work-ms", "50", "--max", "5")
        for _ in range(3):
            time.sleep(1.2)
            one.kill()
            one.start()
        wait_for(lambda: all(execution(org, r)["state"] == "succeeded" for r in made), 60)
        connector.kill()
        connector.wait()
        assert acted(tmp_path) == Counter(made)
    finally:
        one.stop()
