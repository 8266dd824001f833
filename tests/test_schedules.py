"""Schedules of PDF reports: limits, rights, times, and each run mailed exactly once to each address."""
import concurrent.futures
import datetime
import re
import subprocess
import tempfile
import time
import uuid
import zoneinfo

import pytest

from lib.gateway import Gateway, wait_for
from lib.mail import MailSink
from lib.organisation import Organisation, now_ms

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def address():
    return f"{uuid.uuid4().hex}@example.jp"


def body(**more):
    return {"schedule_name": "Report", "type": "daily", "time": "09:00", "timezone": "Asia/Tokyo", "emails": [address()], **more}


def pdf_text(message):
    part, = message.iter_attachments()
    assert part.get_content_type() == "application/pdf"
    with tempfile.NamedTemporaryFile(suffix=".pdf") as f:
        f.write(part.get_content())
        f.flush()
        return subprocess.run(["pdftotext", "-layout", f.name, "-"], capture_output=True, check=True).stdout.decode()


def mails_to(sink, who):
    return [m for to, m, _ in list(sink.messages) if who in to]


def run_now(org, sink, schedule):
    who = schedule["emails"][0]
    org.sup.ok("schedules/run", {"schedule_id": schedule["schedule_id"]})
    return sink.wait_for(lambda to, m: who in to)[1]


# ---- what a schedule is ----

def test_create_list_update_delete(fresh):
    made = fresh.sup.ok("schedules/create", body(type="weekly", days=["MON", "FRI", "MON"], emails=["a@example.jp", "b@example.jp", "a@example.jp"],
                                                 tenants=[{"tenant_id": fresh.tenants["Tokyo"]}, {"tenant_id": "-"}]))
    assert made["days"] == ["MON", "FRI"] and made["emails"] == ["a@example.jp", "b@example.jp"] and made["language"] == "en"
    assert made["all_tenants"] is False and {t["tenant_id"] for t in made["tenants"]} == {fresh.tenants["Tokyo"], "-"}
    assert made["last_run_time"] == 0
    assert fresh.sup.ok("schedules/list") == fresh.officer.ok("schedules/list") == [made]
    changed = fresh.sup.ok("schedules/update", {"schedule_id": made["schedule_id"], "schedule_name": "月次", "language": "ja"})
    assert changed == {**made, "schedule_name": "月次", "language": "ja"}
    changed = fresh.sup.ok("schedules/update", {"schedule_id": made["schedule_id"], "type": "monthly", "days": ["31"], "tenants": []})
    assert changed["all_tenants"] and changed["tenants"] == [] and changed["days"] == ["31"]
    changed = fresh.sup.ok("schedules/update", {"schedule_id": made["schedule_id"], "type": "daily"})
    assert changed["days"] == []
    assert fresh.sup.ok("schedules/delete", {"schedule_id": made["schedule_id"]}) == {}
    assert fresh.sup.ok("schedules/list") == []
    fresh.sup.call("schedules/delete", {"schedule_id": made["schedule_id"]}).must(404)
    assert fresh.gateway.query("select count(*) from due where client_id = %s and kind = 'schedule'", fresh.id, client=fresh.id)[0][0] == 0
    rows = fresh.gateway.query("select operation, changed_by, snapshot from ledger where client_id = %s and kind = 'schedule'"
                               " order by position", fresh.id, client=fresh.id)
    assert [r[0] for r in rows] == ["create", "update", "update", "update", "delete"] and rows[0][1] == "Supervisor"
    assert fresh.gateway.cli("ledger", "verify", "--client", fresh.id)["ok"]


BAD = [({"type": "hourly"}, "/type"), ({"time": "24:00"}, "/time"), ({"time": "9:00"}, "/time"), ({"timezone": "Mars/Base"}, "/timezone"),
       ({"timezone": "../etc/passwd"}, "/timezone"), ({"emails": []}, "/emails"), ({"emails": ["a@example.jp", "x"]}, "/emails/1"),
       ({"emails": ["a@example.jp\r\nBcc: b@example.jp"]}, "/emails/0"), ({"emails": ["a@b.jp"] * 51}, "/emails"),
       ({"emails": ["\"a b\"@example.jp"]}, "/emails/0"), ({"schedule_name": "x" * 101}, "/schedule_name"), ({"schedule_name": ""}, "/schedule_name"),
       ({"schedule_name": "a\r\nBcc: x@example.jp"}, "/schedule_name"), ({"days": ["MON"]}, "/days"), ({"type": "weekly"}, "/days"),
       ({"type": "weekly", "days": []}, "/days"), ({"type": "weekly", "days": ["MON", "1"]}, "/days/1"), ({"type": "weekly", "days": ["mon"]}, "/days/0"),
       ({"type": "monthly", "days": ["0"]}, "/days/0"), ({"type": "monthly", "days": ["15", "32"]}, "/days/1"), ({"type": "monthly", "days": ["MON"]}, "/days/0"),
       ({"type": "monthly"}, "/days"), ({"language": "fr"}, "/language"), ({"tenants": [{"tenant_id": "t-none"}]}, "/tenants/0/tenant_id"), ({"day": ["MON"]}, "/day")]


@pytest.mark.parametrize("more,pointer", BAD, ids=[str(b[0])[:50] for b in BAD])
def test_bad_members_400_and_nothing_stored(org, more, pointer):
    before = len(org.sup.ok("schedules/list"))
    reply = org.sup.call("schedules/create", body(**more)).must(400)
    assert pointer in [e["pointer"] for e in reply.json["errors"]], reply.body
    assert len(org.sup.ok("schedules/list")) == before
    made = org.new_schedule()
    if more not in ({"emails": []}, {"type": "weekly", "days": []}):
        reply = org.sup.call("schedules/update", {"schedule_id": made["schedule_id"], **more}).must(400)
        assert pointer in [e["pointer"] for e in reply.json["errors"]], reply.body
    assert made in org.sup.ok("schedules/list")


def test_limits_also_at_once(fresh):
    """10 of a tenant, 50 of a client; twenty writers at once do not get past them."""
    tokyo = {"tenants": [{"tenant_id": fresh.tenants["Tokyo"]}]}
    osaka = {"tenants": [{"tenant_id": fresh.tenants["Osaka"]}]}
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: fresh.sup.call("schedules/create", body(**tokyo)), range(20)))
    assert sorted(r.status for r in replies) == [200] * 10 + [409] * 10
    assert "Tokyo" in [r for r in replies if r.status == 409][0].json["detail"]
    other = fresh.sup.ok("schedules/create", body(**osaka))
    fresh.sup.call("schedules/update", {"schedule_id": other["schedule_id"], **tokyo}).must(409)
    fresh.sup.ok("schedules/update", {"schedule_id": replies[0].json["schedule_id"] if replies[0].status == 200 else
                                      fresh.sup.ok("schedules/list")[0]["schedule_id"], **tokyo})
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: fresh.sup.call("schedules/create", body()).status, range(60)))
    assert statuses.count(200) == 39 and statuses.count(409) == 21
    assert len(fresh.sup.ok("schedules/list")) == 50


def test_rights_and_tenants(fresh):
    tokyo_id, osaka_id = fresh.tenants["Tokyo"], fresh.tenants["Osaka"]
    tokyo = fresh.new_caller("SUPERVISOR", tenants=[tokyo_id])
    own = tokyo.ok("schedules/create", body(tenants=[{"tenant_id": tokyo_id}]))
    for refs in ([], [{"tenant_id": osaka_id}], [{"tenant_id": tokyo_id}, {"tenant_id": "-"}]):
        tokyo.call("schedules/create", body(tenants=refs)).must(400)
        tokyo.call("schedules/update", {"schedule_id": own["schedule_id"], "tenants": refs}).must(400)
    tokyo.call("schedules/create", body()).must(400)
    wide = fresh.sup.ok("schedules/create", body())
    both = fresh.sup.ok("schedules/create", body(tenants=[{"tenant_id": tokyo_id}, {"tenant_id": osaka_id}]))
    assert tokyo.ok("schedules/list") == [own] and len(fresh.sup.ok("schedules/list")) == 3
    for foreign in (wide, both, {"schedule_id": "AAAAAAAAAAAAAAAAAAAA"}):
        for name, more in (("update", {"time": "10:00"}), ("delete", {}), ("run", {})):
            tokyo.call(f"schedules/{name}", {"schedule_id": foreign["schedule_id"], **more}).must(404)
    for role in ("SENIOR_OFFICER", "OFFICER", "SOC_ANALYST"):
        fresh.roles[role].ok("schedules/list")
        fresh.roles[role].call("schedules/create", body()).must(403)
        fresh.roles[role].call("schedules/run", {"schedule_id": wide["schedule_id"]}).must(403)


def test_next_run_time(fresh):
    """Against Python's own zones, minute by minute of the clock."""
    for zone, clock in (("Asia/Tokyo", "09:00"), ("America/New_York", "23:59"), ("Pacific/Chatham", "00:00"), ("UTC", "12:34")):
        before = now_ms()
        made = fresh.sup.ok("schedules/create", body(timezone=zone, time=clock))
        at = datetime.datetime.fromtimestamp(made["next_run_time"] / 1000, zoneinfo.ZoneInfo(zone))
        assert at.strftime("%H:%M:%S") == f"{clock}:00" and before < made["next_run_time"] <= before + DAY_MS + 3_600_000
    made = fresh.sup.ok("schedules/create", body(type="monthly", days=["31"], timezone="Europe/Berlin"))
    at = datetime.datetime.fromtimestamp(made["next_run_time"] / 1000, zoneinfo.ZoneInfo("Europe/Berlin"))
    assert (at + datetime.timedelta(days=1)).day == 1 and at.hour == 9
    later = fresh.sup.ok("schedules/update", {"schedule_id": made["schedule_id"], "schedule_name": "x"})
    assert later["next_run_time"] == made["next_run_time"]


# ---- what is mailed ----

def backdate(org, incident_id, ms):
    org.gateway.query("update incidents set creation_time = %s where client_id = %s and incident_id = %s", ms, org.id, incident_id, client=org.id)


def day_of(zone, days):
    """Noon, so many days from today there, in ms."""
    noon = datetime.datetime.now(zoneinfo.ZoneInfo(zone)).replace(hour=12, minute=0, second=0, microsecond=0)
    return int((noon + datetime.timedelta(days=days)).timestamp() * 1000)


def test_run_now_in_both_languages(fresh, mail):
    zone = "Asia/Tokyo"
    seen = fresh.new_incident("Tokyo", summary="昨日の不審な通信", priority="HIGH")
    today = fresh.new_incident("Tokyo", summary="Too young for the report")
    old = fresh.new_incident("Tokyo", summary="Too old for the report")
    elsewhere = fresh.new_incident("Osaka", summary="Of another tenant")
    backdate(fresh, seen["incident_id"], day_of(zone, -1))
    backdate(fresh, old["incident_id"], day_of(zone, -2))
    backdate(fresh, elsewhere["incident_id"], day_of(zone, -1))
    yesterday = (datetime.datetime.now(zoneinfo.ZoneInfo(zone)) - datetime.timedelta(days=1)).strftime("%Y-%m-%d")
    for language, words in (("en", ["Daily report", "Tokyo", "High", "Assets by status", "Deadline passed", "All tenants"]),
                            ("ja", ["日次レポート", "Tokyo", "優先度", "資産のステータス", "期限切れ", "すべてのテナント"])):
        some = fresh.sup.ok("schedules/create", body(schedule_name="朝の報告", language=language, tenants=[{"tenant_id": fresh.tenants["Tokyo"]}]))
        message = run_now(fresh, mail, some)
        text = pdf_text(message)
        assert message["Subject"] == f"[MDR] 朝の報告: {yesterday}"
        assert f"K-{seen['incident_number']}" in text and "昨日の不審な通信" in text and yesterday in text and "朝の報告" in text
        for incident in (today, old, elsewhere):
            assert f"K-{incident['incident_number']}" not in text and incident["summary"] not in text
        assert "Osaka" not in text and all(w in text for w in words[:-1]), text
        assert fresh.sup.ok("schedules/list")[-1]["last_run_time"] > 0
        everything = fresh.sup.ok("schedules/create", body(language=language))
        text = pdf_text(run_now(fresh, mail, everything))
        assert f"K-{elsewhere['incident_number']}" in text and words[-1] in text
        plain = message.get_body().get_content()
        assert fresh.name in plain and yesterday in plain and ("Incidents: 1 (1 of high" in plain or "インシデント: 1 件" in plain), plain
        part, = message.iter_attachments()
        assert part.get_filename() == f"MDR-report-{yesterday}.pdf"
    assert today["incident_number"] != old["incident_number"]


def test_hidden_assets_stay_out(fresh, mail):
    fresh.soc.ok("assets/upsert", {"assets": [{"asset_id": fresh.asset("Osaka")["asset_id"], "host_name": "GONE", "last_seen": now_ms() - 40 * DAY_MS,
                                               "first_seen": now_ms() - 90 * DAY_MS}]})
    fresh.gateway.query("update assets set last_seen = %s where client_id = %s and asset_id = %s", now_ms() - 40 * DAY_MS, fresh.id,
                        fresh.asset("Osaka")["asset_id"], client=fresh.id)
    some = fresh.sup.ok("schedules/create", body())
    text = pdf_text(run_now(fresh, mail, some))
    assert re.search(r"Absent\s+1 ", text) and "Assets: 7," in text, text
    fresh.sup.ok("settings/general/set", {"hide_absent_assets": True})
    some = fresh.sup.ok("schedules/create", body())
    text = pdf_text(run_now(fresh, mail, some))
    assert "Absent" not in text and "Assets: 6," in text, text


def test_responses_and_who_decided(fresh, mail):
    zone = "Asia/Tokyo"
    people = fresh.new_response()
    fresh.sup.ok("response/update", {"response_id": people["response_id"], "status": "Declined", "comment": "no"})
    fresh.new_response()
    fresh.sup.ok("settings/auto_response/set", {"mode": "all", "tenants": []})
    fresh.new_response()
    fresh.gateway.query("update responses set creation_time = %s where client_id = %s", day_of(zone, -1), fresh.id, client=fresh.id)
    text = pdf_text(run_now(fresh, mail, fresh.sup.ok("schedules/create", body())))
    assert "proposed in the period: 3; awaiting a decision: 1" in text
    assert re.search(r"People\s+· +1\n", text) and re.search(r"Automatic rules and settings\s+1 +·\n", text), text


def make_due(org, schedule_id, ms):
    org.gateway.query("update due set due_at = %s where client_id = %s and kind = 'schedule' and object_id = %s", ms, org.id, schedule_id, client=org.id)


def test_missed_runs_are_made_up_for_once(fresh, mail):
    """Down for five days: one mail, of the latest missed day, that says so; then the next time as ever."""
    zone = zoneinfo.ZoneInfo("Asia/Tokyo")
    now = datetime.datetime.now(zone)
    clock = (now - datetime.timedelta(hours=1)).strftime("%H:%M")
    made = fresh.sup.ok("schedules/create", body(time=clock))
    make_due(fresh, made["schedule_id"], made["next_run_time"] - 6 * DAY_MS)
    who = made["emails"][0]
    _, message, _ = mail.wait_for(lambda to, m: who in to)
    due = datetime.datetime.fromtimestamp((made["next_run_time"] - DAY_MS) / 1000, zone)
    assert message["Subject"].endswith((due - datetime.timedelta(days=1)).strftime("%Y-%m-%d"))
    assert f"was due at {due.strftime('%Y-%m-%d %H:%M')} (Asia/Tokyo) and is late" in message.get_body().get_content()
    time.sleep(1.5)
    assert len(mails_to(mail, who)) == 1
    assert fresh.sup.ok("schedules/list")[0]["next_run_time"] == made["next_run_time"]


def test_punctual_runs_do_not_apologise(fresh, mail):
    made = fresh.sup.ok("schedules/create", body())
    make_due(fresh, made["schedule_id"], now_ms() - 1000)
    _, message, _ = mail.wait_for(lambda to, m: made["emails"][0] in to)
    assert "late" not in message.get_body().get_content()


def test_what_was_taken_away_is_not_mailed_any_more(fresh, mail):
    """Mails that wait look at the schedule as it is when they are sent."""
    mail.refuse = "451 later"
    try:
        kept, dropped = address(), address()
        first = fresh.sup.ok("schedules/create", body(emails=[kept, dropped]))
        second = fresh.sup.ok("schedules/create", body())
        for s in (first, second):
            fresh.sup.ok("schedules/run", {"schedule_id": s["schedule_id"]})
        tried = "select count(*) from mails where client_id = %s and attempts > 0"
        wait_for(lambda: fresh.gateway.query(tried, fresh.id, client=fresh.id)[0][0] == 3)
        fresh.sup.ok("schedules/update", {"schedule_id": first["schedule_id"], "emails": [kept]})
        fresh.sup.ok("schedules/delete", {"schedule_id": second["schedule_id"]})
    finally:
        mail.refuse = None
    fresh.gateway.query("update due set due_at = 0 where client_id = %s and kind = 'mail'", fresh.id, client=fresh.id)
    mail.wait_for(lambda to, m: kept in to)
    states = "select state from mails where client_id = %s order by state"
    wait_for(lambda: [r[0] for r in fresh.gateway.query(states, fresh.id, client=fresh.id)] == ["failed", "failed", "sent"])
    assert not mails_to(mail, dropped) and not mails_to(mail, second["emails"][0])


def test_a_tenant_that_goes_leaves_the_schedules(fresh, mail):
    gone = fresh.new_tenant("Kobe")["tenant_id"]
    two = fresh.sup.ok("schedules/create", body(tenants=[{"tenant_id": gone}, {"tenant_id": fresh.tenants["Tokyo"]}]))
    one = fresh.sup.ok("schedules/create", body(tenants=[{"tenant_id": gone}]))
    fresh.sup.ok("tenants/delete", {"tenant_id": gone})
    listed = {s["schedule_id"]: s for s in fresh.sup.ok("schedules/list")}
    assert [t["tenant_name"] for t in listed[two["schedule_id"]]["tenants"]] == ["Tokyo"]
    assert listed[one["schedule_id"]]["tenants"] == [] and listed[one["schedule_id"]]["all_tenants"] is False
    fresh.sup.call("schedules/run", {"schedule_id": one["schedule_id"]}).must(409)
    make_due(fresh, one["schedule_id"], now_ms() - 1000)
    wait_for(lambda: {s["schedule_id"]: s for s in fresh.sup.ok("schedules/list")}[one["schedule_id"]]["next_run_time"] > now_ms())
    assert not mails_to(mail, one["emails"][0])


def test_what_lost_its_last_tenant_is_nobody_elses(fresh):
    """A schedule, user and connection of a tenant that was deleted do not turn up at the administrator of another tenant."""
    gone = fresh.new_tenant("Kobe")["tenant_id"]
    kobe = [{"tenant_id": gone}]
    schedule = fresh.sup.ok("schedules/create", body(schedule_name="Kobe canary", tenants=kobe))
    user = fresh.new_user("SUPERVISOR", tenants=kobe)["user"]
    connection = fresh.new_connection("SUPERVISOR", "Kobe canary", [gone])
    tokyo = fresh.new_caller("SUPERVISOR", tenants=[fresh.tenants["Tokyo"]])
    before = [tokyo.ok(f"{name}/list") for name in ("schedules", "users", "robot_sessions")]
    fresh.sup.ok("tenants/delete", {"tenant_id": gone})
    assert [tokyo.ok(f"{name}/list") for name in ("schedules", "users", "robot_sessions")] == before
    for name in ("update", "delete", "run"):
        tokyo.call(f"schedules/{name}", {"schedule_id": schedule["schedule_id"]}).must(404)
    tokyo.call("users/update", {"user_id": user["user_id"], "tenants": [{"tenant_id": fresh.tenants["Tokyo"]}]}).must(404)
    tokyo.call("users/delete", {"user_id": user["user_id"]}).must(404)
    tokyo.call("robot_sessions/delete", {"session_id": connection["session_id"]}).must(404)
    assert schedule["schedule_id"] in {s["schedule_id"] for s in fresh.sup.ok("schedules/list")}
    assert user["user_id"] in {u["user_id"] for u in fresh.sup.ok("users/list")}


def test_one_mail_per_run_from_two_gateways_and_a_crash():
    """Twelve runs due at once, two gateways' workers, one killed in the middle: each address gets each report once."""
    sink = MailSink()
    a = Gateway(MDR_SMTP_URL=sink.url, MDR_WORKERS="off").start()
    workers = [Gateway(data_dir=a.data_dir, MDR_SMTP_URL=sink.url) for _ in range(2)]
    try:
        org = Organisation(a, "Two")
        made = [org.sup.ok("schedules/create", body(emails=[address(), address()])) for _ in range(12)]
        a.query("update due set due_at = 0 where client_id = %s and kind = 'schedule'", org.id, client=org.id)
        for w in workers:
            w.start(wait=False)
        counted = "select count(*) from mails where client_id = %s"
        wait_for(lambda: a.query(counted, org.id, client=org.id)[0][0] > 0, 60, every=0.005)
        workers[0].kill()
        wanted = sorted(e for s in made for e in s["emails"])
        a.query("update due set due_at = least(due_at, 1) where client_id = %s and kind = 'mail'", org.id, client=org.id)
        wait_for(lambda: set(wanted) <= {to[0] for to, _, _ in list(sink.messages)}, 60)
        workers[1].wait_ready()
        time.sleep(2)
        assert a.query(counted, org.id, client=org.id)[0][0] == 24, "one row in the queue for each run and address"
        ids = {}
        for to, m, _ in list(sink.messages):
            ids.setdefault(to[0], set()).add(m["Message-ID"])
        assert sorted(ids) == wanted and all(len(v) == 1 for v in ids.values()), "a repeat after a crash has the same id"
    finally:
        for w in workers:
            if w.process:
                w.stop()
            else:
                w.remove()
        a.stop()
        sink.stop()


def test_without_a_relay():
    one = Gateway().start()
    try:
        org = Organisation(one, "No mail")
        made = org.sup.ok("schedules/create", body())
        org.sup.call("schedules/run", {"schedule_id": made["schedule_id"]}).must(409)
        make_due(org, made["schedule_id"], now_ms() - 1000)
        wait_for(lambda: org.sup.ok("schedules/list")[0]["next_run_time"] > now_ms())
        assert one.query("select count(*) from mails", client=org.id)[0][0] == 0
    finally:
        one.stop()


def test_reports_of_clients_stay_apart(gateway, mail):
    """The same names everywhere; no byte of one in the other's report."""
    orgs = [Organisation(gateway, f"CANARY{i}{uuid.uuid4().hex[:8]}") for i in range(2)]
    for org in orgs:
        incident = org.new_incident(summary=f"Same {org.name}")
        backdate(org, incident["incident_id"], day_of("Asia/Tokyo", -1))
    for one, other in (orgs, orgs[::-1]):
        message = run_now(one, mail, one.sup.ok("schedules/create", body(schedule_name="Same")))
        text = re.sub(r"\s", "", pdf_text(message)) + str(message)
        assert one.name in text and other.name not in text and other.id not in text
