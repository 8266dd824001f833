"""A response is decided exactly once, by whoever has the right, in time (contract A7, security.md "Response actions")."""
import concurrent.futures
import random
from collections import Counter

import pytest

from lib.api import Api
from lib.gateway import wait_for
from lib.organisation import DAY_MS, now_ms

TIMEOUT_COMMENT = "Automatically rejected, because the task timeout has expired"


def decide(api, response_id, status="Confirmed", comment="because", **more):
    return api.call("response/update", {"comment": comment, "response_id": response_id, "status": status}, **more)


ANY = {"statuses": ["New", "Confirmed", "Declined"], "page_size": 10000}  # without it: what waits for a decision


def state(org, response_id):
    return next(r for r in org.sup.ok("responses/list", ANY) if r["response_id"] == response_id)


def ledger_rows(org, response_id):
    return org.gateway.query("select operation, changed_by, snapshot from ledger where client_id = %s and object_id = %s"
                             " order by position", org.id, response_id, client=org.id)


def many(org, n, incident=None):
    incident = incident or org.new_incident()["incident_id"]
    assets = [a["asset_id"] for a in org.new_assets(50)]
    made = []
    while len(made) < n:
        body = {k: v for k, v in org.response_body(incident).items() if k != "asset_id"}
        made += org.soc.ok("responses/create", {**body, "asset_ids": assets[:n - len(made)]})
    return made


def decide_at_last(api, response_id, status):
    """As a client does that is told to come back: 503 decides nothing."""
    return wait_for(lambda: (r := decide(api, response_id, status)).status != 503 and r, 60, 0.5)


def race(org, urls, responses, threads=64):
    """Each response is accepted and rejected at once by several; returns the replies by response."""
    jobs = [(r["response_id"], status, urls[i % len(urls)]) for r in responses
            for i, status in enumerate(("Confirmed", "Declined", "Declined", "Confirmed"))]
    # neighbours contend, but not in the same order everywhere
    dice = random.Random(1)
    for at in range(0, len(jobs), 64):
        block = jobs[at:at + 64]
        dice.shuffle(block)
        jobs[at:at + 64] = block
    callers = [org.sup, org.senior]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        replies = list(pool.map(lambda job: (job, decide_at_last(callers[hash(job) % 2].at(url=job[2]), job[0], job[1])), jobs))
    out = {}
    for job, reply in replies:
        out.setdefault(job[0], []).append((job, reply))
    return out


def check_race(org, replies):
    final = {r["response_id"]: r for r in org.sup.ok("responses/list", ANY)}
    for response_id, answers in replies.items():
        statuses = Counter(reply.status for _, reply in answers)
        assert statuses[200] == 1 and statuses[409] == len(answers) - 1, (response_id, statuses)
        [(winner, _)] = [a for a in answers if a[1].status == 200]
        assert final[response_id]["status"] == winner[1]
        for _, reply in answers:
            if reply.status == 409:
                assert reply.code == "already_decided" and reply.json["response"]["status"] == winner[1]
    rows = org.gateway.query("select object_id, count(*) from ledger where client_id = %s and kind = 'incident_response'"
                             " and operation = 'update' group by 1", org.id, client=org.id)
    assert dict(rows) == {response_id: 1 for response_id in replies}, "exactly one decision row each"


def test_500_responses_accepted_and_rejected_at_once(fresh):
    check_race(fresh, race(fresh, [fresh.gateway.url], many(fresh, 500)))


def test_the_same_over_two_gateways(fresh, second):
    check_race(fresh, race(fresh, [fresh.gateway.url, second.url], many(fresh, 200)))


def test_a_decision_and_the_one_too_late(fresh):
    made = fresh.new_response()
    done = decide(fresh.senior, made["response_id"], "Declined", "no thanks").must().json
    assert (done["status"], done["comment"]) == ("Declined", "no thanks")
    assert done["decided_by"]["kind"] == "connection" and done["decided_by"]["name"] == "Senior"
    assert done["update_time"] > made["update_time"] and done["creation_time"] == made["creation_time"]
    late = decide(fresh.sup, made["response_id"]).must(409, "already_decided").json
    assert late["response"]["response_id"] == made["response_id"] and late["response"]["status"] == "Declined"
    decide(fresh.officer, made["response_id"]).must(403, "forbidden")


def test_an_empty_comment_confirms_and_a_lacking_one_does_not(fresh):
    made = fresh.new_response()["response_id"]
    fresh.sup.call("response/update", {"response_id": made, "status": "Confirmed"}).must(400)
    fresh.sup.call("response/update", {"response_id": made, "status": "New", "comment": ""}).must(400)
    decide(fresh.sup, made, comment="").must()


def test_all_or_nothing(fresh):
    made = [r["response_id"] for r in many(fresh, 3)]
    decide(fresh.sup, made[1], "Declined").must()
    body = {"comment": "all", "responses_ids": made, "status": "Confirmed"}
    refused = fresh.sup.call("responses/update", body).must(409, "already_decided").json
    assert [r["response_id"] for r in refused["responses"]] == [made[1]]
    assert [state(fresh, r)["status"] for r in made] == ["New", "Declined", "New"]
    done = fresh.sup.ok("responses/update", {**body, "responses_ids": [made[2], made[0]]})
    assert {r["response_id"] for r in done} == {made[0], made[2]} and {r["status"] for r in done} == {"Confirmed"}
    fresh.sup.call("responses/update", {**body, "responses_ids": made[:1] * 2}).must(409)


def test_many_in_opposite_orders_do_not_deadlock(fresh):
    made = [r["response_id"] for r in many(fresh, 40)]
    bodies = [{"comment": "x", "responses_ids": order, "status": s} for order, s in
              ((made, "Confirmed"), (made[::-1], "Declined"))] * 8
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda b: fresh.sup.call("responses/update", b).status, bodies))
    assert statuses == {200: 1, 409: 15}


def test_two_people_for_a_critical_asset(fresh):
    [asset] = fresh.new_assets(1, tags=["critical"])
    made = fresh.new_response(asset_id=asset["asset_id"])["response_id"]
    first = decide(fresh.sup, made).must().json
    assert first["status"] == "New" and [a["name"] for a in first["decided_by"]["approvals"]] == ["Supervisor"]
    decide(fresh.sup, made).must(409, "second_person_required")
    done = decide(fresh.senior, made).must().json
    assert done["status"] == "Confirmed" and len(done["decided_by"]["approvals"]) >= 1
    made = fresh.new_response(asset_id=asset["asset_id"])["response_id"]
    decide(fresh.sup, made).must()
    assert decide(fresh.senior, made, "Declined").must().json["status"] == "Declined", "a decline ends it"


def test_one_user_with_many_connections_is_one_person(fresh, second):
    """Signed in twice, two connections, and one that a connection made: whichever confirmed first, the others are not another."""
    login = fresh.new_login("SUPERVISOR")
    users = [Api(fresh.gateway.url, fresh.id, access_token=fresh.sup.ok("session/login", login, token=None)["access_token"])
             for _ in range(2)]
    made_by = lambda api: Api.of(api.url, api.ok("robot_session/create", {  # noqa: E731
        "session_name": "made", "role": "SUPERVISOR", "tenants": []}), fresh.id)
    mine = [*users, made_by(users[0]), made_by(users[1])]
    mine.append(made_by(mine[2]))
    [asset] = fresh.new_assets(1, tags=["critical"])
    for first in mine[1:]:
        made = fresh.new_response(asset_id=asset["asset_id"])["response_id"]
        assert decide(first, made).must().json["status"] == "New"
        for again in mine:
            decide(again, made).must(409, "second_person_required")
            decide(again.at(second.url), made).must(409, "second_person_required")
        assert decide(fresh.senior, made).must().json["status"] == "Confirmed"
    own = mine[2].ok("responses/create", fresh.response_body(asset_id=asset["asset_id"]))
    assert own["status"] == "New" and len(own["decided_by"]["approvals"]) == 1
    decide(mine[3], own["response_id"]).must(409, "second_person_required")
    assert decide(fresh.senior, own["response_id"]).must().json["status"] == "Confirmed"


def test_two_people_at_once(fresh):
    """32 confirmations by two people: New after the one, Confirmed after the other, everything else 409."""
    [asset] = fresh.new_assets(1, tags=["critical"])
    made = fresh.new_response(asset_id=asset["asset_id"])["response_id"]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda i: decide((fresh.sup, fresh.senior)[i % 2], made), range(32)))
    good = [r.json["status"] for r in replies if r.status == 200]
    assert sorted(good) == ["Confirmed", "New"], Counter(r.status for r in replies)
    assert {r.status for r in replies} == {200, 409}


def test_auto_response_accepts_at_birth_but_never_the_critical(fresh):
    fresh.sup.ok("settings/auto_response/set", {"auto_response": True})
    made = fresh.new_response()
    assert made["status"] == "Confirmed" and made["decided_by"]["kind"] == "setting"
    rows = ledger_rows(fresh, made["response_id"])
    assert [r[0] for r in rows] == ["create", "update"], "two records"
    assert '"status":"New"' in rows[0][2].replace(" ", "")
    [asset] = fresh.new_assets(1, tags=["critical"])
    assert fresh.new_response(asset_id=asset["asset_id"])["status"] == "New"
    fresh.sup.ok("settings/auto_response/set", {"mode": "selected", "tenants": [fresh.tenants["Tokyo"]]})
    assert fresh.new_response(tenant="Tokyo")["status"] == "Confirmed"
    assert fresh.new_response(tenant="Osaka")["status"] == "New"
    assert fresh.new_response()["status"] == "New"
    fresh.sup.ok("settings/auto_response/set", {"mode": "selected", "tenants": ["-"]})
    assert fresh.new_response()["status"] == "Confirmed"
    fresh.sup.ok("settings/auto_response/set", {"auto_response": False})
    assert fresh.new_response()["status"] == "New"


def test_what_a_customer_creates_is_confirmed_by_that_act(fresh):
    made = fresh.senior.ok("responses/create", fresh.response_body())
    assert made["status"] == "Confirmed" and made["origin"] == "Client"
    [asset] = fresh.new_assets(1, tags=["critical"])
    made = fresh.senior.ok("responses/create", fresh.response_body(asset_id=asset["asset_id"]))
    assert made["status"] == "New", "unless the asset is critical"
    fresh.officer.call("responses/create", fresh.response_body()).must(403)


# ---- deadlines ----

def test_a_deadline_declines_with_exactly_this_comment(fresh):
    made = fresh.new_response(decide_within_s=1)
    assert made["decide_until"] - made["creation_time"] == pytest.approx(1000, abs=500)
    done = wait_for(lambda: next((r for r in fresh.sup.ok("responses/list", {"statuses": ["Declined"]})), None), 15)
    assert done["comment"] == TIMEOUT_COMMENT and done["decided_by"]["kind"] == "deadline"
    assert [r[0] for r in ledger_rows(fresh, made["response_id"])] == ["create", "update"]


def test_a_decision_after_the_deadline_is_409_even_if_no_worker_has_passed(fresh, gateway):
    made = fresh.new_response()
    gateway.query("delete from due where client_id = %s and object_id = %s", fresh.id, made["response_id"], client=fresh.id)
    gateway.query("update responses set decide_until = %s where client_id = %s and response_id = %s", now_ms() - 1, fresh.id,
                  made["response_id"], client=fresh.id)
    for status in ("Confirmed", "Declined"):
        late = decide(fresh.sup, made["response_id"], status).must(409, "deadline_passed")
        assert late.json["response"]["response_id"] == made["response_id"]


def test_deadlines_per_type_are_a_setting(fresh):
    fresh.sup.ok("settings/general/set", {"response_deadlines": [{"type": "KILL_PROCESS", "decide_within_s": 3600},
                                                                 {"type": "GET_FILE", "decide_within_s": 0}]})
    made = fresh.new_response()
    assert made["decide_until"] - made["creation_time"] == pytest.approx(3_600_000, abs=2000)
    assert fresh.new_response(type="GET_FILE", parameters={"path": "C:\\x"})["decide_until"] == 0
    script = fresh.new_response(type="RUN_SCRIPT", parameters={"interpreter": "cmd"})
    assert script["decide_until"] - script["creation_time"] == pytest.approx(600_000, abs=2000)
    own = fresh.new_response(decide_within_s=60)
    assert own["decide_until"] - own["creation_time"] == pytest.approx(60_000, abs=2000)
    assert {d["type"]: d["decide_within_s"] for d in fresh.sup.ok("settings/general/get")["response_deadlines"]}["GET_FILE"] == 0


def test_many_deadlines_at_once_over_two_gateways(fresh, gateway):
    """Two workers look for due work: each response is declined once."""
    from lib.gateway import Gateway
    worker = Gateway(data_dir=gateway.data_dir).start()
    try:
        made = many(fresh, 60)
        gateway.query("update responses set decide_until = 1 where client_id = %s", fresh.id, client=fresh.id)
        gateway.query("update due set due_at = 1 where client_id = %s and kind = 'decide'", fresh.id, client=fresh.id)
        wait_for(lambda: len(fresh.sup.ok("responses/list", {"statuses": ["Declined"]})) == len(made), 30)
    finally:
        worker.stop()
    rows = gateway.query("select count(*) from ledger where client_id = %s and kind = 'incident_response' and operation = 'update'",
                         fresh.id, client=fresh.id)
    assert rows == [(len(made),)]


# ---- what can be proposed ----

def test_parameters_are_checked_against_the_type(fresh):
    for kind, parameters, code in (
            ("KILL_PROCESS", {}, "invalid"), ("KILL_PROCESS", {"path": "C:\\x", "no_such": 1}, "invalid"),
            ("KILL_PROCESS", {"path": 5}, "invalid"), ("GET_FILE", {"path": "C:\\x", "max_size_bytes": 10737418241}, "invalid"),
            ("MEMORY_DUMP", {}, "invalid"), ("PREVENT_EXECUTION", {"sha256": "zz"}, "invalid"),
            ("ISOLATE_HOST", {"duration_s": 5}, "invalid"), ("RELEASE_HOST", {"x": 1}, "invalid"),
            ("ISOLATE_HOST", {"exclusions": [{"name": "dns", "direction": "sideways", "protocol": "UDP"}]}, "invalid"),
            ("KILL_PROCESS", {"path": "C:\\Windows\\System32\\svchost.exe"}, "critical_object"),
            ("KILL_PROCESS", {"path": "c:/windows/system32/../System32/SVCHOST.EXE"}, "critical_object"),
            ("DELETE_FILE", {"path": "C:\\Windows\\System32\\ntoskrnl.exe"}, "critical_object"),
            ("QUARANTINE_FILE", {"path": "C:\\Windows\\System32\\lsass.exe"}, "critical_object")):
        reply = fresh.soc.call("responses/create", fresh.response_body(type=kind, parameters=parameters))
        assert (reply.status, reply.code) == (400, code), f"{kind} {parameters}: {reply}"
        if code == "invalid":
            assert all(e["pointer"].startswith("/parameters") for e in reply.json["errors"]), reply.body


def test_a_type_must_fit_the_system(fresh):
    [linux] = fresh.new_assets(1, os_version="Ubuntu 22.04", installed_product_info="Kaspersky Endpoint Security for Linux 11.4",
                               product_map={"KESL": "11.4.0.1096"})
    body = fresh.response_body(asset_id=linux["asset_id"], type="DELETE_REGISTRY_KEY", parameters={"key": "HKLM\\X"})
    fresh.soc.call("responses/create", body).must(400, "unsupported_on_asset")
    body = fresh.response_body(asset_id=linux["asset_id"], type="KILL_PROCESS", parameters={"path": "/sbin/init"})
    assert fresh.soc.call("responses/create", body).status == 400
    fresh.soc.call("responses/create", fresh.response_body(asset_id=linux["asset_id"], type="QUARANTINE_FILE",
                                                           parameters={"path": "/sbin/init"})).must(400, "critical_object")
    fresh.soc.call("responses/create", fresh.response_body(asset_id=linux["asset_id"], type="GET_FILE",
                                                           parameters={"path": "/tmp/x"})).must()


def test_a_group_shares_its_id(fresh):
    body = fresh.response_body()
    asset = body.pop("asset_id")
    made = fresh.soc.ok("responses/create", {**body, "asset_ids": [fresh.asset()["asset_id"], fresh.assets[""][1]["asset_id"]]})
    assert len({r["group_id"] for r in made}) == 1 and made[0]["group_id"]
    assert len({r["creation_time"] for r in made}) == 2, "one stamp per created object"
    assert fresh.soc.ok("responses/create", {**body, "asset_id": asset})["group_id"] == ""
    fresh.soc.call("responses/create", {**body, "asset_id": asset, "asset_ids": [asset]}).must(400)
    fresh.soc.call("responses/create", body).must(400)


def test_the_inbox(fresh):
    first, second = fresh.new_response(), fresh.new_response(type="GET_FILE", parameters={"path": "C:\\x"})
    decide(fresh.sup, first["response_id"]).must()
    assert [r["response_id"] for r in fresh.sup.ok("responses/list", {"statuses": ["New"]})] == [second["response_id"]]
    assert fresh.sup.ok("responses/list", {}) == fresh.sup.ok("responses/list", {"statuses": ["New"]}), "what waits"
    asset = fresh.asset()["asset_id"]
    assert len(fresh.sup.ok("responses/list", {**ANY, "asset_ids": [asset]})) == 2
    assert fresh.sup.ok("responses/list", {**ANY, "asset_ids": [fresh.assets[""][2]["asset_id"]]}) == []
    assert [r["response_id"] for r in fresh.sup.ok("responses/list", {**ANY, "sort": "creation_time:desc"})] == [
        second["response_id"], first["response_id"]]
    assert len(fresh.sup.ok("responses/list", {**ANY, "page": 2, "page_size": 1})) == 1


def test_asset_deadlines_do_not_depend_on_the_gateways_clock(fresh):
    made = fresh.new_response(decide_within_s=7 * 24 * 3600)
    assert made["decide_until"] - made["creation_time"] == pytest.approx(7 * DAY_MS, abs=1000)
