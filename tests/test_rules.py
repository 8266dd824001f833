"""What is decided automatically, by which rule and why (contract B4)."""
import concurrent.futures
import datetime
import json
import random
import time
import zoneinfo
from collections import Counter

import pytest

from lib.gateway import wait_for
from lib.organisation import Organisation, new_asset_id, now_ms

KILL = {"types": ["KILL_PROCESS"]}
HOUR_MS = 3_600_000


def explain(org, response, by=None):
    return (by or org.sup).ok("responses/explain", {"response_id": response["response_id"]})


def pointers(reply):
    return [e["pointer"] for e in reply.json["errors"]]


def enforce(org, **more):
    return org.new_rule(**{"mode": "enforce", "when": KILL, **more})


def propose(org, assets, url=None, incident=None, **more):
    body = org.response_body(incident or org.new_incident()["incident_id"], **more)
    del body["asset_id"]
    soc = org.soc.at(url) if url else org.soc
    return soc.ok("responses/create", {**body, "asset_ids": [a["asset_id"] for a in assets]})


# ---- the rules themselves ----

def test_an_example_comes_with_every_client(fresh):
    [example] = fresh.sup.ok("auto_rules/list")
    assert example["mode"] == "off" and example["effect"] == "accept" and example["readable"]
    assert example["when"]["threat_classes"] == ["ransomware", "worm", "c2"] and example["when"]["local_time"]["outside"]
    assert set(example["when"]["types"]) == {"ISOLATE_HOST", "GET_FILE"}


def test_create_update_reorder_delete_and_their_ledger_rows(fresh):
    example = fresh.sup.ok("auto_rules/list")[0]["rule_id"]
    when = {"host_globs": "dc-*", "types": [], "local_time": {"timezone": "Asia/Tokyo", "windows": [
        {"days": ["mon"], "from": "22:00", "to": "06:00"}]}}
    one = fresh.new_rule(when=when, limits={"per_hour": 3})
    assert one["position"] == 2 and one["limits"] == {"per_hour": 3} and one["changed_by"] == "Supervisor"
    assert one["when"] == {"host_globs": ["dc-*"], "local_time": {**when["local_time"], "outside": False}}, "[] is no condition"
    two = fresh.senior.ok("auto_rules/create", fresh.rule_body())
    changed = fresh.sup.ok("auto_rules/update", {"rule_id": one["rule_id"], "mode": "shadow", "expires_at": 5})
    assert changed == {**one, "mode": "shadow", "expires_at": 5, "update_time": changed["update_time"]}
    assert changed["update_time"] > one["update_time"]
    order = [two["rule_id"], example, one["rule_id"]]
    fresh.sup.ok("auto_rules/reorder", {"rule_ids": order})
    listed = fresh.officer.ok("auto_rules/list")
    assert [(r["rule_id"], r["position"]) for r in listed] == [(rule, n + 1) for n, rule in enumerate(order)]
    fresh.sup.call("auto_rules/reorder", {"rule_ids": order[:2]}).must(409, "conflict")
    assert pointers(fresh.sup.call("auto_rules/reorder", {"rule_ids": order + order[:1]}).must(400)) == ["/rule_ids/3"]
    fresh.sup.call("auto_rules/reorder", {"rule_ids": order[:2] + ["no-such-rule"]}).must(404)
    fresh.sup.ok("auto_rules/delete", {"rule_id": two["rule_id"]})
    fresh.sup.call("auto_rules/delete", {"rule_id": two["rule_id"]}).must(404)
    rows = fresh.gateway.query("select operation, object_id, changed_by, snapshot from ledger where client_id = %s and kind = 'auto_rule'"
                               " order by position", fresh.id, client=fresh.id)
    assert [r[:3] for r in rows] == [("create", one["rule_id"], "Supervisor"), ("create", two["rule_id"], "Senior"),
                                     ("update", one["rule_id"], "Supervisor"), ("update", "order", "Supervisor"),
                                     ("delete", two["rule_id"], "Supervisor")]
    assert json.loads(rows[0][3]) == one and json.loads(rows[3][3]) == {"rule_ids": order}


WINDOW = {"days": ["mon"], "from": "09:00", "to": "18:00"}
BAD = {
    "zone": ({"local_time": {"timezone": "Asia/Tokio", "windows": [WINDOW]}}, "/when/local_time/timezone"),
    "zone file": ({"local_time": {"timezone": "../etc/passwd", "windows": [WINDOW]}}, "/when/local_time/timezone"),
    "no window": ({"local_time": {"timezone": "Asia/Tokyo", "windows": []}}, "/when/local_time/windows"),
    "no days": ({"local_time": {"timezone": "UTC", "windows": [{**WINDOW, "days": []}]}}, "/when/local_time/windows/0/days"),
    "day": ({"local_time": {"timezone": "UTC", "windows": [WINDOW, {**WINDOW, "days": ["Monday"]}]}}, "/when/local_time/windows/1/days/0"),
    "hour": ({"local_time": {"timezone": "UTC", "windows": [{**WINDOW, "to": "24:00"}]}}, "/when/local_time/windows/0/to"),
    "short hour": ({"local_time": {"timezone": "UTC", "windows": [{**WINDOW, "from": "9:00"}]}}, "/when/local_time/windows/0/from"),
    "minute": ({"local_time": {"timezone": "UTC", "windows": [{**WINDOW, "from": "09:60"}]}}, "/when/local_time/windows/0/from"),
    "glob class": ({"host_globs": ["ok", "[ab]*"]}, "/when/host_globs/1"),
    "glob with id": ({"host_globs": ["HOST:0x00"]}, "/when/host_globs/0"),
    "glob empty": ({"host_globs": [""]}, "/when/host_globs/0"),
    "type": ({"types": ["ISOLATE"]}, "/when/types/0"),
    "tenant": ({"tenants": ["-", "no-such-tenant"]}, "/when/tenants/1"),
    "condition": ({"host_glob": ["x"]}, "/when/host_glob"),
    "nothing": ({}, "/when"),
    "only empty lists": ({"types": [], "tenants": []}, "/when"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_rules_are_refused_and_not_stored(what, org, other):
    when, pointer = BAD[what]
    before = org.sup.ok("auto_rules/list")
    assert pointers(org.sup.call("auto_rules/create", org.rule_body(when=when)).must(400, "invalid")) == [pointer]
    assert pointers(org.sup.call("auto_rules/backtest", {"rule": org.rule_body(when=when), "since": 0}).must(400)) == ["/rule" + pointer]
    rule = org.new_rule()
    assert pointers(org.sup.call("auto_rules/update", {"rule_id": rule["rule_id"], "when": when}).must(400)) == [pointer]
    assert org.sup.ok("auto_rules/list") == before + [rule]
    org.sup.ok("auto_rules/delete", {"rule_id": rule["rule_id"]})
    foreign = org.rule_body(when={"tenants": [other.tenants["Tokyo"]]})
    assert pointers(org.sup.call("auto_rules/create", foreign).must(400)) == ["/when/tenants/0"]


def test_a_rule_that_holds_may_have_no_condition_but_cannot_turn_into_one_that_accepts(fresh):
    rule = fresh.new_rule(effect="hold", when={})
    assert pointers(fresh.sup.call("auto_rules/update", {"rule_id": rule["rule_id"], "effect": "accept"}).must(400)) == ["/effect"]


def test_at_most_200_rules(fresh):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(lambda _: fresh.sup.call("auto_rules/create", fresh.rule_body()).status, range(205)))
    assert statuses == {200: 199, 409: 6}


def test_a_token_of_some_tenants(fresh):
    tokyo, osaka = fresh.tenants["Tokyo"], fresh.tenants["Osaka"]
    both = fresh.new_rule(when={"tenants": [tokyo, osaka]})
    fresh.new_rule(name="only Osaka", when={"tenants": [osaka]})
    fresh.new_rule(name="Osaka's host", when={"asset_ids": [fresh.asset("Osaka")["asset_id"]]})
    anyone = enforce(fresh)
    enforce(fresh, name="hidden from Tokyo", when={"tenants": [osaka]})
    limited = fresh.new_caller("SUPERVISOR", tenants=[tokyo])
    seen = {r["rule_id"]: r for r in limited.ok("auto_rules/list")}
    assert seen[both["rule_id"]]["when"] == {"tenants": [tokyo]} and anyone["rule_id"] in seen
    text = json.dumps([*seen.values()])
    assert osaka not in text and "Osaka" not in text and fresh.asset("Osaka")["asset_id"] not in text and len(seen) == 3
    for name, body in (("create", fresh.rule_body()), ("update", {"rule_id": both["rule_id"], "name": "x"}),
                       ("delete", {"rule_id": both["rule_id"]}), ("reorder", {"rule_ids": [both["rule_id"]]})):
        limited.call(f"auto_rules/{name}", body).must(403, "forbidden")
    enforce(fresh, name="another host hidden", when={"asset_ids": [fresh.asset("Osaka")["asset_id"]], "types": ["GET_FILE"]})
    made = fresh.new_response(tenant="Tokyo")
    told = explain(fresh, made, limited)
    assert told["decision"] == "accept" and [look["name"] for look in told["rules"]] == [anyone["name"]]
    assert {look["name"] for look in explain(fresh, made)["rules"]} == {anyone["name"], "hidden from Tokyo", "another host hidden"}


# ---- deciding ----

def ledger_rows(org, response):
    return org.gateway.query("select operation, changed_by, snapshot from ledger where client_id = %s and object_id = %s"
                             " order by position", org.id, response["response_id"], client=org.id)


def test_accept_decline_hold(fresh):
    rule = enforce(fresh, name='夜間 "A"')
    made = fresh.new_response()
    assert (made["status"], made["comment"]) == ("Confirmed", 'Automatically accepted by rule "夜間 "A""')
    assert made["decided_by"] == {"kind": "rule", "id": rule["rule_id"], "name": rule["name"], "approvals": []}
    rows = ledger_rows(fresh, made)
    assert [r[:2] for r in rows][0][0] == "create" and rows[1][:2] == ("update", "MDR gateway"), "two records"
    assert json.loads(rows[0][2].replace("\x01", "").replace("\x02", "").split(',"was_read"')[0] + "}")["status"] == "New"
    told = explain(fresh, made)
    assert (told["decision"], told["decided_by"], told["rule_id"], told["reason"]) == ("accept", "rule", rule["rule_id"], "")
    assert told["rules"] == [{"rule_id": rule["rule_id"], "name": rule["name"], "mode": "enforce", "effect": "accept",
                              "verdict": "matched", "failed_condition": "", "limits": []}]
    decline = enforce(fresh, effect="decline", name="never")
    made = fresh.new_response()
    assert (made["status"], made["comment"]) == ("Declined", 'Automatically declined by rule "never"')
    assert made["decided_by"]["id"] == decline["rule_id"]
    fresh.sup.ok("auto_rules/update", {"rule_id": decline["rule_id"], "effect": "hold"})
    made = fresh.new_response()
    assert made["status"] == "New" and made["decided_by"]["kind"] == "" and made["decide_until"] > 0
    assert (explain(fresh, made)["decision"], explain(fresh, made)["reason"]) == ("hold", "rule")
    fresh.sup.ok("response/update", {"response_id": made["response_id"], "status": "Confirmed", "comment": ""})
    assert [r["uses"] for r in fresh.sup.ok("auto_rules/list")][1:] == [
        {"accepted": 1, "held": 0, "declined": 0, "would_accept": 0, "would_hold": 0, "would_decline": 0},
        {"accepted": 0, "held": 1, "declined": 1, "would_accept": 0, "would_hold": 0, "would_decline": 0}]


def test_the_setting_decides_only_where_no_rule_matches(fresh):
    fresh.sup.ok("settings/auto_response/set", {"auto_response": True})
    rule = enforce(fresh, effect="hold", when={"priorities": ["HIGH"]})
    low, high = fresh.new_incident(priority="LOW")["incident_id"], fresh.new_incident(priority="HIGH")["incident_id"]
    accepted, held = fresh.new_response(low), fresh.new_response(high)
    assert accepted["decided_by"]["kind"] == "setting" and held["status"] == "New"
    told = explain(fresh, accepted)
    assert (told["decision"], told["decided_by"], told["rules"][0]["failed_condition"]) == ("accept", "setting", "priorities")
    assert explain(fresh, held)["rule_id"] == rule["rule_id"]


def test_what_the_customer_creates_is_not_judged(fresh):
    enforce(fresh, effect="decline")
    made = fresh.senior.ok("responses/create", fresh.response_body())
    assert made["status"] == "Confirmed" and explain(fresh, made)["evaluated_at"] == 0


def test_critical_assets_are_never_accepted(fresh):
    enforce(fresh)
    [asset] = fresh.new_assets(1, tags=["Critical"])
    made = fresh.new_response(asset_id=asset["asset_id"])
    assert made["status"] == "New" and explain(fresh, made)["reason"] == "critical"
    enforce(fresh, effect="decline")
    assert fresh.new_response(asset_id=asset["asset_id"])["status"] == "Declined"


def test_each_host_of_a_proposal_is_judged_by_itself(fresh):
    one = enforce(fresh, name="one", when={"host_globs": ["one*"]})
    two = enforce(fresh, name="two", when={"host_globs": ["two*"]})
    enforce(fresh, effect="decline", name="no", when={"host_globs": ["no*"]})
    assets = [fresh.new_assets(1, host_name=n)[0] for n in ("one-1", "no-1", "two-1", "else", "one-2", "no-2")]
    made = propose(fresh, assets)
    assert [(r["status"], r["decided_by"]["name"]) for r in made] == [
        ("Confirmed", "one"), ("Declined", "no"), ("Confirmed", "two"), ("New", ""), ("Confirmed", "one"), ("Declined", "no")]
    assert made[0]["decided_by"]["id"] == one["rule_id"] and made[2]["decided_by"]["id"] == two["rule_id"]
    stamps = [r["update_time"] for r in made if r["status"] != "New"]
    assert len(set(stamps)) == 5


def minutes_from_now(zone, minutes):
    local = datetime.datetime.now(zoneinfo.ZoneInfo(zone)) + datetime.timedelta(minutes=minutes)
    return ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][local.weekday()], local.strftime("%H:%M")


def window(zone, begin, end, outside=False):
    (day, start), (_, stop) = minutes_from_now(zone, begin), minutes_from_now(zone, end)
    return {"local_time": {"timezone": zone, "windows": [{"days": [day], "from": start, "to": stop}], "outside": outside}}


INCIDENT = {"priority": "HIGH", "threat_classes": ["ransomware"], "mitre_tactics": ["TA0005: Defense Evasion"],
            "mitre_techniques": ["T1036: Masquerading"], "detection_technology": "Behavior Detection"}
ASSET = {"host_name": "ＷＳ-Tokyo-7", "tags": ["Finance"]}
CONDITIONS = [  # (that holds, that fails)
    ({"types": ["GET_FILE", "KILL_PROCESS"]}, {"types": ["GET_FILE"]}),
    ({"priorities": "HIGH"}, {"priorities": ["LOW", "NORMAL"]}),
    (lambda o: {"tenants": [o.tenants["Tokyo"]]}, lambda o: {"tenants": ["-", o.tenants["Osaka"]]}),
    (lambda o: {"asset_ids": [o.asset_7["asset_id"].upper().replace("X", "x")]}, {"asset_ids": [new_asset_id()]}),
    ({"host_globs": ["ws-*-?"]}, {"host_globs": ["ws-?", "dc*"]}),
    ({"asset_tags": ["finance"]}, {"asset_tags": ["hr"]}),
    ({"threat_classes": ["worm", "ransomware"]}, {"threat_classes": ["worm"]}),
    ({"mitre_tactics": ["TA0005"]}, {"mitre_tactics": ["TA0006"]}),
    ({"mitre_techniques": ["masquerading"]}, {"mitre_techniques": ["T1036.005"]}),
    ({"detection_technologies": ["behavior detection"]}, {"detection_technologies": ["IDS"]}),
    ({"risk_at_most": "medium"}, {"risk_at_most": "low"}),
    (lambda _: window("Asia/Tokyo", -60, 60), lambda _: window("Asia/Tokyo", -60, 60, outside=True)),
    (lambda _: window("America/New_York", -120, -60, outside=True), lambda _: window("Europe/London", 60, 120)),
]


@pytest.fixture(scope="module")
def judged(gateway):
    o = Organisation(gateway, "Judged")
    [o.asset_7] = o.new_assets(1, tenant_name="Tokyo", **ASSET)
    o.incident_7 = o.new_incident("Tokyo", **INCIDENT)["incident_id"]
    return o


@pytest.mark.parametrize("holds, fails", CONDITIONS, ids=lambda c: next(iter(c)) if isinstance(c, dict) else "of the client")
def test_each_condition(judged, holds, fails):
    holds, fails = (c(judged) if callable(c) else c for c in (holds, fails))
    [name] = fails
    good, bad = enforce(judged, when=holds), enforce(judged, effect="decline", when={**holds, **fails})
    try:
        made = judged.new_response(judged.incident_7, "Tokyo", asset_id=judged.asset_7["asset_id"])
    finally:
        for rule in (good, bad):
            judged.sup.ok("auto_rules/delete", {"rule_id": rule["rule_id"]})
    assert made["status"] == "Confirmed" and made["decided_by"]["id"] == good["rule_id"]
    assert [(l["verdict"], l["failed_condition"]) for l in explain(judged, made)["rules"]] == [("matched", ""), ("failed", name)]


def test_a_rule_expires(fresh):
    rule = enforce(fresh, expires_at=now_ms() + 1500)
    assert fresh.new_response()["status"] == "Confirmed"
    wait_for(lambda: now_ms() > rule["expires_at"] + 100, 5)
    made = fresh.new_response()
    assert made["status"] == "New" and explain(fresh, made)["rules"][0]["verdict"] == "expired"


def test_shadow_records_and_decides_nothing(fresh):
    rule = enforce(fresh, mode="shadow", limits={"per_hour": 2})
    made = propose(fresh, fresh.new_assets(3))
    assert {r["status"] for r in made} == {"New"}
    looks = [explain(fresh, r) for r in made]
    assert {told["decision"] for told in looks} == {"none"} and looks[0]["rules"][0]["verdict"] == "matched"
    assert [told["rules"][0]["limits"][0]["over"] for told in looks] == [False, False, True]
    assert fresh.sup.ok("auto_rules/list")[-1]["uses"] == {"accepted": 0, "held": 0, "declined": 0, "would_accept": 2,
                                                           "would_hold": 1, "would_decline": 0}
    fresh.sup.ok("auto_rules/update", {"rule_id": rule["rule_id"], "mode": "enforce"})
    assert fresh.new_response()["status"] == "Confirmed", "what it would have accepted does not count against it"


DAMAGE = ["conditions = ''", "conditions = '{'", "conditions = '[]'", "conditions = '{}'", """conditions = '{"types":[]}'""",
          """conditions = '{"types":["KILL_PROCESS"],"moon":["full"]}'""", """conditions = '{"types":["KILL_PROCES"]}'""",
          """limits = '{"per_hour":"many"}'""", "limits = 'none'"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_rule_accepts_nothing(damage, fresh):
    accept = enforce(fresh)
    fresh.gateway.query(f"update auto_rules set {damage} where client_id = %s and rule_id = %s", fresh.id, accept["rule_id"],
                        client=fresh.id)
    made = fresh.new_response()
    assert made["status"] == "New" and explain(fresh, made)["rules"][0]["verdict"] == "unreadable"
    assert [r["readable"] for r in fresh.sup.ok("auto_rules/list")] == [True, False]
    enforce(fresh)
    assert fresh.new_response()["status"] == "Confirmed", "others still do"
    if damage == "conditions = '{}'":
        return
    hold = enforce(fresh, effect="decline", when={"priorities": ["LOW"]})
    fresh.gateway.query(f"update auto_rules set {damage} where client_id = %s and rule_id = %s", fresh.id, hold["rule_id"],
                        client=fresh.id)
    made = fresh.new_response()
    assert made["status"] == "New" and explain(fresh, made)["reason"] == "unreadable", "what it was to keep back nobody knows"
    fresh.sup.ok("auto_rules/update", {"rule_id": hold["rule_id"], "mode": "off"})
    assert fresh.new_response()["status"] == "Confirmed", "it can be switched off"


# ---- keeping ----

def test_what_rules_did_long_ago_is_trimmed(fresh, gateway):
    """And what still counts is not: acceptances that may be running, 90 days of the others, explanations of a year."""
    day = 24 * HOUR_MS
    rule = enforce(fresh)
    made = propose(fresh, fresh.new_assets(4))
    ids = [r["response_id"] for r in made]

    def age(table, column, response_id, days, **more):
        gateway.query(f"update {table} set {column} = {column} - %s {more.get('also', '')} where client_id = %s and response_id = %s",
                      days * day, fresh.id, response_id, client=fresh.id)

    for response_id, days in zip(ids, (91, 91, 89, 0)):
        age("rule_uses", "used_at", response_id, days, also=", open = false" if response_id != ids[1] else "")
    for response_id, days in zip(ids, (401, 399, 0, 0)):
        age("rule_evaluations", "evaluated_at", response_id, days)
    for mail, days, state in (("old", 31, "sent"), ("older", 31, "failed"), ("new", 29, "sent"), ("waits", 31, "waiting")):
        gateway.query("insert into mails (client_id, mail_id, recipient, kind, state, creation_time, finished_at)"
                      " values (%s, %s, 'a@example.jp', 'invitation', %s, 1, %s)", fresh.id, mail, state, now_ms() - days * day,
                      client=fresh.id)
    gateway.query("update due set due_at = 0 where client_id = %s and kind = 'trim'", fresh.id, client=fresh.id)
    kept = lambda what, table: {k for (k,) in gateway.query(f"select {what} from {table} where client_id = %s", fresh.id, client=fresh.id)}  # noqa: E731
    wait_for(lambda: kept("mail_id", "mails") == {"new", "waits"})
    assert gateway.query("select 1 from due where client_id = %s and kind = 'trim' and due_at > 0", fresh.id, client=fresh.id)
    assert kept("response_id", "rule_uses") == set(ids[1:])
    assert kept("response_id", "rule_evaluations") == set(ids[1:])
    assert explain(fresh, made[0])["rules"] == [] and explain(fresh, made[1])["rule_id"] == rule["rule_id"]


def test_what_cannot_be_trimmed_does_not_keep_back_mail(fresh, gateway):
    gateway.query("insert into mails (client_id, mail_id, recipient, kind, state, creation_time, finished_at)"
                  " values (%s, 'held', 'a@example.jp', 'invitation', 'sent', 1, 1), (%s, 'waits', 'a@example.jp', 'invitation', 'waiting', 1, 0)",
                  fresh.id, fresh.id, client=fresh.id)
    connection = gateway.psql()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("select set_config('mdr.client', %s, true), set_config('mdr.tenants', '*', true)", [fresh.id])
        cursor.execute("select from mails where mail_id = 'held' for update")
        gateway.query("update due set due_at = 0 where client_id = %s and kind = 'trim'", fresh.id, client=fresh.id)
        gateway.query("insert into due (client_id, kind, object_id, due_at) values (%s, 'mail', 'waits', 1)", fresh.id, client=fresh.id)
        taken = "select 1 from due where client_id = %s and object_id = 'waits' and due_at = 1"
        wait_for(lambda: not gateway.query(taken, fresh.id, client=fresh.id), seconds=25)
    connection.close()


# ---- limits ----

def test_limits_hold_with_the_reason(fresh):
    rule = enforce(fresh, limits={"per_hour": 2})
    made = propose(fresh, fresh.new_assets(4))
    assert [r["status"] for r in made] == ["Confirmed", "Confirmed", "New", "New"]
    told = explain(fresh, made[3])
    assert (told["decision"], told["reason"], told["rule_id"]) == ("hold", "per_hour", rule["rule_id"])
    assert told["rules"][0]["limits"] == [{"limit": "per_hour", "allowed": 2, "count": 2, "over": True}]
    # an hour later there is room again
    fresh.gateway.query("update rule_uses set used_at = used_at - %s where client_id = %s", HOUR_MS, fresh.id, client=fresh.id)
    assert fresh.new_response()["status"] == "Confirmed"


def test_concurrent_counts_what_is_not_finished(fresh):
    enforce(fresh, limits={"concurrent": 2})
    made = propose(fresh, fresh.new_assets(3))
    assert [r["status"] for r in made] == ["Confirmed", "Confirmed", "New"]
    assert explain(fresh, made[2])["reason"] == "concurrent"
    lease = next(t for t in fresh.connector.ok("tasks/lease", {"max": 100}) if t["response_id"] == made[0]["response_id"])
    task = {"response_id": lease["response_id"], "epoch": lease["epoch"]}
    fresh.connector.ok("tasks/report", {**task, "state": "running"})
    assert fresh.new_response()["status"] == "New", "handed out and running are not finished"
    fresh.connector.ok("tasks/report", {**task, "state": "succeeded"})
    assert fresh.new_response()["status"] == "Confirmed"
    still = fresh.gateway.query("select count(*) from rule_uses where client_id = %s and open", fresh.id, client=fresh.id)
    assert still == [(2,)], "what is finished is not looked at again"


def test_share_of_assets(fresh):
    fresh.new_assets(3, tenant_name="Tokyo")  # 5 of them now, 3 of the root
    assets = [fresh.asset("Tokyo"), *fresh.new_assets(5, tenant_name="Tokyo")]
    enforce(fresh, limits={"max_percent_of_assets": 20})
    incident = fresh.new_incident("Tokyo")["incident_id"]
    first = propose(fresh, assets[:2], incident=incident)
    assert [r["status"] for r in first] == ["Confirmed", "Confirmed"], "2 of 10 are 20 %"
    second = propose(fresh, [assets[0], assets[2]], incident=incident)
    assert [r["status"] for r in second] == ["Confirmed", "New"], "the first counts already"
    look = explain(fresh, second[1])["rules"][0]["limits"][0]
    assert (look["count"], look["over"]) == (30, True)
    assert fresh.new_response()["status"] == "New", "of the root's three hosts one is a third"


def stream(org, urls, incidents, rounds, seed):
    """Random proposals at several gateways at once; returns everything that was made."""
    dice = random.Random(seed)
    assets = org.new_assets(40)
    jobs = [(dice.choice(urls), dice.choice(incidents), dice.sample(assets, dice.randint(1, 4))) for _ in range(rounds)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return sum(pool.map(lambda job: propose(org, job[2], url=job[0], incident=job[1]), jobs), [])


def violations(org, rule_id, made, limit):
    """Moments at which more than `limit` had been accepted by the rule within an hour."""
    at = sorted(r["creation_time"] for r in made if r["decided_by"]["id"] == rule_id)
    return sum(1 for i, t in enumerate(at) if sum(t - HOUR_MS < u <= t for u in at[:i + 1]) > limit)


def test_limits_are_exact_on_two_gateways_at_once(fresh, second):
    incidents = [fresh.new_incident()["incident_id"] for _ in range(8)]
    urls = [fresh.gateway.url, second.url]
    found = {}
    for name, allowed in (("per_hour", 7), ("concurrent", 11), ("max_percent_of_assets", 30)):
        rule = enforce(fresh, name=name, limits={name: allowed})
        made = stream(fresh, urls, incidents, 40, name)
        fresh.sup.ok("auto_rules/delete", {"rule_id": rule["rule_id"]})
        mine = [r for r in made if r["decided_by"]["id"] == rule["rule_id"]]
        if name == "max_percent_of_assets":
            total = fresh.sup.ok("assets/count", {"tenants_names": ["-"]})["count"]
            busy = {r[0] for r in fresh.gateway.query(
                "select distinct p.asset_id from rule_uses u join responses p on p.response_id = u.response_id where u.client_id = %s"
                " and u.effect = 'accept'", fresh.id, client=fresh.id)}
            found[name] = len(busy) * 100 > allowed * total, len(busy), total
        else:
            assert len(mine) == allowed, (name, len(mine), "as many as it may, and no more")
            found[name] = violations(fresh, rule["rule_id"], made, allowed) > 0, len(mine)
        assert {explain(fresh, r)["reason"] for r in made if r["status"] == "New"} == {name}
    assert not any(v[0] for v in found.values()), found


# ---- freeze ----

def test_freeze_holds_rules_and_the_setting(fresh):
    rule = enforce(fresh, when={"priorities": ["HIGH"]})
    fresh.sup.ok("settings/auto_response/set", {"auto_response": True})
    assert fresh.sup.ok("settings/freeze/get") == {"frozen": False, "reason": "", "frozen_by": "", "frozen_at": 0, "tenants": []}
    state = fresh.soc.ok("settings/freeze", {"frozen": True, "reason": "点検"})
    assert (state["frozen"], state["reason"]) == (True, "点検") and state["frozen_at"] > 0
    high = fresh.new_response(fresh.new_incident(priority="HIGH")["incident_id"])
    low = fresh.new_response(fresh.new_incident(priority="LOW")["incident_id"])
    assert {high["status"], low["status"]} == {"New"}
    assert [(explain(fresh, r)["reason"], explain(fresh, r)["decided_by"]) for r in (high, low)] == [("frozen", "rule"), ("frozen", "setting")]
    assert explain(fresh, high)["rule_id"] == rule["rule_id"]
    fresh.soc.call("settings/freeze", {"frozen": False}).must(403, "forbidden")
    fresh.officer.call("settings/freeze", {"frozen": True}).must(403)
    again = fresh.senior.ok("settings/freeze", {"frozen": True, "reason": "still"})
    assert again["frozen_at"] == state["frozen_at"] and again["frozen_by"] == "Senior"
    fresh.senior.ok("settings/freeze", {"frozen": False})
    assert fresh.new_response(fresh.new_incident(priority="HIGH")["incident_id"])["status"] == "Confirmed"
    rows = fresh.gateway.query("select snapshot::json ->> 'frozen' from ledger where client_id = %s and kind = 'setting' and"
                               " object_id = 'freeze' order by position", fresh.id, client=fresh.id)
    assert [r[0] for r in rows] == ["true", "true", "false"]


def test_freeze_of_a_tenant(fresh):
    enforce(fresh)
    tokyo, osaka = fresh.tenants["Tokyo"], fresh.tenants["Osaka"]
    limited = fresh.new_caller("SUPERVISOR", tenants=[tokyo])
    limited.call("settings/freeze", {"frozen": True}).must(403)
    assert pointers(limited.call("settings/freeze", {"frozen": True, "tenants": [tokyo, osaka]}).must(400)) == ["/tenants/1"]
    assert pointers(fresh.sup.call("settings/freeze", {"frozen": True, "tenants": ["no"]}).must(400)) == ["/tenants/0"]
    limited.ok("settings/freeze", {"frozen": True, "reason": "Tokyo", "tenants": [tokyo]})
    fresh.sup.ok("settings/freeze", {"frozen": True, "reason": "Osaka", "tenants": [osaka]})
    assert [t["reason"] for t in limited.ok("settings/freeze/get")["tenants"]] == ["Tokyo"]
    assert {t["tenant_id"] for t in fresh.sup.ok("settings/freeze/get")["tenants"]} == {tokyo, osaka}
    assert fresh.new_response(tenant="Tokyo")["status"] == "New" and fresh.new_response()["status"] == "Confirmed"
    # the root's incident that concerns a host of Tokyo
    assert fresh.new_response(fresh.new_incident()["incident_id"], tenant="Tokyo")["status"] == "New"
    fresh.sup.ok("settings/freeze", {"frozen": True})
    fresh.sup.ok("settings/freeze", {"frozen": False})
    assert fresh.new_response(tenant="Tokyo")["status"] == "New", "tenants frozen one by one stay so"
    limited.ok("settings/freeze", {"frozen": False, "tenants": [tokyo]})
    assert fresh.new_response(tenant="Tokyo")["status"] == "Confirmed"


def test_after_the_reply_of_a_freeze_nothing_is_accepted_on_any_gateway(fresh, second):
    """Proposals go in at two gateways all the time; what is accepted has a stamp before the freeze's, or after its end's."""
    enforce(fresh)
    incidents = [fresh.new_incident()["incident_id"] for _ in range(6)]
    made, going = [], [True]

    def propose_on(n):
        while going[0]:
            made.append(fresh.soc.at([fresh.gateway.url, second.url][n % 2]).ok("responses/create", fresh.response_body(incidents[n])))

    frozen = []
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(propose_on, n) for n in range(6)]
        for n in range(8):
            time.sleep(.25)
            by = fresh.sup.at(second.url if n % 2 else fresh.gateway.url)
            began = by.ok("settings/freeze", {"frozen": True, "reason": str(n)})["frozen_at"]
            time.sleep(.15)
            by.ok("settings/freeze", {"frozen": False})
            frozen.append((began, None))
        going[0] = False
        for job in jobs:
            job.result()
    rows = fresh.gateway.query("select changed_at, snapshot::json ->> 'frozen' from ledger where client_id = %s and object_id = 'freeze'"
                               " order by position", fresh.id, client=fresh.id)
    spans = [(a[0], b[0]) for a, b in zip(rows[::2], rows[1::2])]
    inside = [r["status"] for r in made if any(a < r["creation_time"] < b for a, b in spans)]
    outside = [r["status"] for r in made if not any(a <= r["creation_time"] <= b for a, b in spans)]
    assert len(inside) > 10 and set(inside) == {"New"}, Counter(inside)
    assert len(outside) > 10 and set(outside) == {"Confirmed"}, Counter(outside)


def test_metrics(fresh):
    before = fresh.gateway.metric('mdr_automatic_decisions_total{decision="accept"}')
    enforce(fresh)
    fresh.new_response()
    assert fresh.gateway.metric('mdr_automatic_decisions_total{decision="accept"}') == before + 1
    frozen = fresh.gateway.metric('mdr_freezes_total{frozen="true"}')
    fresh.sup.ok("settings/freeze", {"frozen": True})
    assert fresh.gateway.metric('mdr_freezes_total{frozen="true"}') == frozen + 1


# ---- trying out ----

def test_preview_says_what_create_then_does_and_stores_nothing(fresh):
    enforce(fresh, name="few", limits={"per_hour": 2})
    [critical] = fresh.new_assets(1, tags=["critical"])
    [linux] = fresh.new_assets(1, os_version="Ubuntu 22.04.3 LTS")
    [isolated] = fresh.new_assets(1, isolation=True)
    assets = [*fresh.new_assets(1), critical, isolated, *fresh.new_assets(1)]
    body = fresh.response_body()
    waiting = fresh.new_response(body["incident_id"], asset_id=critical["asset_id"])
    del body["asset_id"]
    ids = [a["asset_id"] for a in assets]
    before = fresh.gateway.query("select position from clocks where client_id = %s", fresh.id, client=fresh.id)
    shown = fresh.officer.ok("responses/preview", {**body, "asset_ids": ids})
    assert fresh.gateway.query("select position from clocks where client_id = %s", fresh.id, client=fresh.id) == before
    assert [(h["decision"], h["reason"], h["critical"], h["isolated"]) for h in shown["hosts"]] == [
        ("accept", "", False, False), ("hold", "critical", True, False), ("accept", "", False, True), ("hold", "per_hour", False, False)]
    assert shown["hosts"][0]["rule_name"] == "few" and shown["hosts"][0]["host_name"] == assets[0]["host_name"]
    assert shown["hosts"][1]["open_responses"] == [{"response_id": waiting["response_id"], "type": "KILL_PROCESS", "status": "New"}]
    total = fresh.sup.ok("assets/count", {"tenants_names": ["-"]})["count"]
    assert shown["tenants"] == [{"tenant_id": "-", "assets": total, "isolated": 1, "isolated_percent": pytest.approx(100 / total)}]
    made = propose(fresh, assets, incident=body["incident_id"])
    assert [r["status"] for r in made] == ["Confirmed", "New", "Confirmed", "New"]
    [one] = fresh.officer.ok("responses/preview", {**body, "asset_id": linux["asset_id"]})["hosts"]
    assert one["unsupported"]
    bad = fresh.sup.call("responses/preview", {**body, "asset_id": linux["asset_id"], "parameters": {"pth": "x"}}).must(400)
    assert "/parameters/pth" in pointers(bad)
    assert pointers(fresh.sup.call("responses/preview", {**body, "asset_ids": ids, "asset_id": ids[0]}).must(400)) == ["/asset_ids"]
    tokyo = fresh.new_caller("OFFICER", tenants=[fresh.tenants["Tokyo"]])
    tokyo.call("responses/preview", {**body, "asset_ids": ids}).must(404)


def test_backtest(fresh):
    [keep], [reject], [wait], [apart] = (fresh.new_assets(1) for _ in range(4))
    incident = fresh.new_incident(priority="HIGH")["incident_id"]
    since = now_ms() - 1
    made = [fresh.new_response(incident, asset_id=a["asset_id"]) for a in (keep, reject, wait)]
    other = fresh.new_response(fresh.new_incident(priority="LOW")["incident_id"], asset_id=apart["asset_id"])
    for response, status in zip([*made[:2], other], ["Confirmed", "Declined", "Confirmed"]):
        fresh.sup.ok("response/update", {"response_id": response["response_id"], "status": status, "comment": "x"})
    late = fresh.new_response(incident, asset_id=keep["asset_id"], decide_within_s=1)
    wait_for(lambda: fresh.sup.ok("responses/list", {"statuses": ["Declined"], "asset_ids": [keep["asset_id"]]}), 20)
    rule = fresh.rule_body(when={"priorities": ["HIGH"]})
    ran = fresh.sup.ok("auto_rules/backtest", {"rule": rule, "since": since})
    numbers = {k: v for k, v in ran.items() if k not in ("samples", "median_saved_ms")}
    assert numbers == {"looked_at": 4, "left_out": 0, "matched": 3, "accepted": 3, "over_limit": 0, "confirmed_by_people": 1,
                       "rejected_by_people": 1, "undecided_in_time": 1}
    assert [s["response_id"] for s in ran["samples"]] == [r["response_id"] for r in (made[1], late, made[0])]
    took = sorted(s["decided_at"] - s["creation_time"] for s in ran["samples"] if s["decided_by"] == "connection")
    assert ran["median_saved_ms"] == sum(took) // 2 > 0
    capped = fresh.sup.ok("auto_rules/backtest", {"rule": {**rule, "limits": {"per_hour": 2}}, "since": since})
    assert (capped["matched"], capped["accepted"], capped["over_limit"]) == (3, 2, 1)
    assert fresh.sup.ok("auto_rules/backtest", {"rule": rule, "since": now_ms() + 1000})["looked_at"] == 0
    held = fresh.sup.ok("auto_rules/backtest", {"rule": {**rule, "effect": "hold"}, "since": since})
    assert (held["matched"], held["accepted"], held["over_limit"]) == (3, 0, 0)


def test_judging_takes_no_more_than_a_few_seconds(fresh):
    """Names and patterns that match nearly, again and again; without a bound this takes minutes, with the client locked."""
    globs = [f"*{'a' * 120}{i:03}" for i in range(100)]
    for _ in range(60):
        enforce(fresh, when={"host_globs": globs})
    assets = fresh.new_assets(1000, host_name="a" * 250)
    began = time.monotonic()
    fresh.sup.call("responses/preview", {"incident_id": fresh.new_incident()["incident_id"], "type": "KILL_PROCESS",
                                         "asset_ids": [a["asset_id"] for a in assets]}).must(413, "too_large")
    assert time.monotonic() - began < 20
