"""Mail to users about what happens: to whom, about what, grouped, in whose language, and never about one's own doing."""
import time
import uuid

import pytest

from lib.api import Api
from lib.gateway import Gateway, wait_for
from lib.mail import MailSink
from lib.organisation import PASSWORD, Organisation, now_ms


class Person:
    """A user who signed in, and the mails that came."""

    def __init__(self, org, sink, role="OFFICER", language="en", tenants=(), **preferences):
        self.org, self.sink = org, sink
        self.email = f"{uuid.uuid4().hex}@example.jp"
        made = org.sup.ok("users/create", {"email": self.email, "name": f"Person {role}", "role": role, "language": language,
                                           "tenants": [{"tenant_id": org.tenants[t]} for t in tenants]})
        self.id = made["user"]["user_id"]
        org.sup.ok("users/accept", {"token": made["invitation_token"], "password": PASSWORD}, token=None)
        pair = org.sup.ok("session/login", {"email": self.email, "password": PASSWORD}, token=None)
        self.api = Api(org.gateway.url, org.id, pair["refresh_token"], pair["access_token"])
        if preferences:
            self.api.ok("users/notifications/set", {"user_id": self.id, **preferences})

    def mails(self):
        return [m for to, m, _ in list(self.sink.messages) if self.email in to and "nvit" not in m["Subject"] and "招待" not in m["Subject"]]

    def wait_for_mails(self, n):
        wait_for(lambda: len(self.mails()) >= n, 20, message=f"{n} mails wanted, {len(self.mails())} came")
        return self.mails()

    def text(self):
        return "\n".join(m["Subject"] + "\n" + m.get_body().get_content() for m in self.mails())


def settle(org):
    """Everything that was written so far is marked, and what is marked is told, whatever pause is due."""
    wait_for(lambda: org.gateway.query("select r.position = c.position from readers r join clocks c using (client_id) where r.client_id = %s"
                                       " and r.kind = 'notify'", org.id, client=org.id)[0][0])
    org.gateway.query("update due set due_at = 0 where client_id = %s and kind = 'notify'", org.id, client=org.id)
    wait_for(lambda: org.gateway.query("select count(*) from due where client_id = %s and kind in ('notify', 'mail')", org.id, client=org.id)[0][0] == 0)


@pytest.fixture
def quiet(fresh):
    """An organisation whose mails hold the texts too."""
    fresh.sup.ok("settings/general/set", {"extended_notifications": True})
    return fresh


def test_preferences(fresh, mail):
    person = Person(fresh, mail)
    mine = {"user_id": person.id}
    assert person.api.ok("users/notifications/get", mine) == {"user_id": person.id, "language": "en", "timezone": "UTC", "incidents": True,
                                                              "responses": True, "comments": True, "licence": True}
    changed = person.api.ok("users/notifications/set", {**mine, "timezone": "Asia/Tokyo", "language": "ja", "comments": False, "licence": False})
    assert changed == {"user_id": person.id, "language": "ja", "timezone": "Asia/Tokyo", "incidents": True, "responses": True, "comments": False,
                       "licence": False}
    changed = person.api.ok("users/notifications/set", {**mine, "comments": True})
    assert changed["comments"] and not changed["licence"] and fresh.sup.ok("users/notifications/get", mine) == changed
    other = {"user_id": Person(fresh, mail, "SENIOR_OFFICER").id}
    person.api.call("users/notifications/get", other).must(403)
    person.api.call("users/notifications/set", {**other, "incidents": False}).must(403)
    fresh.officer.call("users/notifications/set", {**mine, "incidents": False}).must(403)
    fresh.sup.ok("users/notifications/set", {**mine, "incidents": False})
    fresh.sup.call("users/notifications/set", {**mine, "timezone": "Mars/Base"}).must(400)
    tokyo = fresh.new_caller("SUPERVISOR", tenants=[fresh.tenants["Tokyo"]])
    tokyo.call("users/notifications/get", mine).must(404)


def test_a_new_incident_at_once(quiet, mail):
    en, ja = Person(quiet, mail), Person(quiet, mail, language="ja")
    incident = quiet.new_incident(summary="不審な通信", priority="HIGH")
    message, = en.wait_for_mails(1)
    assert message["Subject"] == f"[MDR] 1 new incident: K-{incident['incident_number']} (High priority)"
    text = message.get_body().get_content()
    assert "不審な通信" in text and quiet.name in text and quiet.gateway.url in text and "Security Team" in text
    message, = ja.wait_for_mails(1)
    assert message["Subject"] == f"[MDR] 新規インシデント 1 件: K-{incident['incident_number']}（優先度 高）"
    assert message.get_body().get_content_charset() == "utf-8" and "コンソール" in message.get_body().get_content()
    assert not list(message.iter_attachments())


def test_without_extended_notifications_no_texts(fresh, mail):
    person = Person(fresh, mail, "SENIOR_OFFICER")
    incident = fresh.new_incident(summary="SECRETSUMMARY")
    fresh.new_comment(incident["incident_id"], fresh.soc, "SECRETCOMMENT")
    fresh.new_response(incident["incident_id"], description="SECRETRESPONSE")
    settle(fresh)
    text = person.text()
    assert f"K-{incident['incident_number']}" in text and "decide until" in text and "SECRET" not in text and fresh.asset()["host_name"] not in text


def test_responses_say_until_when_and_go_to_deciders_only(quiet, mail):
    senior = Person(quiet, mail, "SENIOR_OFFICER", timezone="Asia/Tokyo", incidents=False)
    officer = Person(quiet, mail, "OFFICER", incidents=False)
    response = quiet.new_response(description="End the process", decide_within_s=3600)
    message, = senior.wait_for_mails(1)
    text = message.get_body().get_content()
    import datetime
    import zoneinfo
    until = datetime.datetime.fromtimestamp(response["decide_until"] // 1000, zoneinfo.ZoneInfo("Asia/Tokyo"))
    assert f"decide until {until:%Y-%m-%d %H:%M} JST ({until.astimezone(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC)" in text, text
    assert "Terminate process" in text and "response to decide" in message["Subject"]
    assert "response/update" not in text and "ticket" not in text
    settle(quiet)
    assert officer.mails() == []


def test_decided_meanwhile_is_not_announced(quiet, mail):
    senior = Person(quiet, mail, "SENIOR_OFFICER", incidents=False, comments=False)
    quiet.new_response()
    senior.wait_for_mails(1)
    late = quiet.new_response(description="LATE")
    quiet.sup.ok("response/update", {"response_id": late["response_id"], "status": "Declined", "comment": "no"})
    settle(quiet)
    assert "LATE" not in senior.text() and len(senior.mails()) == 1


def test_what_has_to_be_decided_anew_is_announced(quiet, mail):
    """A rule accepted it; its asset became critical before a connector came. Told once, whether or not its making falls into the same mail."""
    quiet.new_rule(mode="enforce", when={"types": ["KILL_PROCESS"]})
    senior = Person(quiet, mail, "SENIOR_OFFICER", incidents=False, comments=False)
    for n in (1, 2):
        [asset] = quiet.new_assets(1)
        assert quiet.new_response(asset_id=asset["asset_id"], description=f"ANEW-{n}")["status"] == "Confirmed"
        if n == 1:
            settle(quiet)
            assert senior.mails() == []
        quiet.soc.ok("assets/upsert", {"assets": [{"asset_id": asset["asset_id"], "tags": ["critical"]}]})
        assert quiet.connector.ok("tasks/lease", {}) == []
        settle(quiet)
        message = senior.wait_for_mails(n)[-1]
        assert "1 response to decide" in message["Subject"] and f"ANEW-{n}" in message.get_body().get_content()
    assert len(senior.mails()) == 2


def test_own_changes_are_silent(quiet, mail):
    one, other = Person(quiet, mail, "SENIOR_OFFICER"), Person(quiet, mail)
    incident = quiet.new_custom_incident(by=one.api, summary="By one")["incident_id"]
    one.api.ok("comments/create", {"incident_id": incident, "text": "Own words"})
    one.api.ok("incidents/close", {"incident_id": incident, "resolution_status": "TRUE_POSITIVE", "summary": "done"})
    settle(quiet)
    assert one.mails() == []
    text = other.text()
    assert "By one" in text and "Own words" in text and "Closed" in text
    other.api.ok("comments/create", {"incident_id": incident, "text": "An answer"})
    settle(quiet)
    assert "An answer" in one.text() and "Own words" not in one.text() and "An answer" not in other.text()


def test_tenants(quiet, mail):
    tokyo, osaka, everyone = Person(quiet, mail, tenants=["Tokyo"]), Person(quiet, mail, tenants=["Osaka"]), Person(quiet, mail)
    for tenant in ("Tokyo", "Osaka", ""):
        incident = quiet.new_incident(tenant, summary=f"IN-{tenant or 'ROOT'}")
        quiet.new_comment(incident["incident_id"], quiet.soc, f"SAID-{tenant or 'ROOT'}")
    settle(quiet)
    assert "IN-Tokyo" in tokyo.text() and "SAID-Tokyo" in tokyo.text() and "Osaka" not in tokyo.text() and "ROOT" not in tokyo.text()
    assert "IN-Osaka" in osaka.text() and "Tokyo" not in osaka.text() and "ROOT" not in osaka.text()
    assert all(f"IN-{t}" in everyone.text() for t in ("Tokyo", "Osaka", "ROOT"))


def test_preferences_are_respected(quiet, mail):
    comments = Person(quiet, mail, incidents=False, responses=False)
    nothing = Person(quiet, mail, "SUPERVISOR", incidents=False, responses=False, comments=False)
    incident = quiet.new_incident(summary="AN-INCIDENT")["incident_id"]
    quiet.new_comment(incident, quiet.soc, "A-COMMENT")
    quiet.new_response(incident)
    settle(quiet)
    assert "A-COMMENT" in comments.text() and "AN-INCIDENT" not in comments.text() and nothing.mails() == []


def test_status_changes(quiet, mail):
    person = Person(quiet, mail, comments=False)
    incident = quiet.new_incident(summary="Ups and downs")["incident_id"]
    person.wait_for_mails(1)
    quiet.soc.ok("incidents/update", {"incident_id": incident, "status": "On hold", "status_description": "Waiting"})
    quiet.soc.ok("incidents/update", {"incident_id": incident, "recommendations": "No change of status"})
    quiet.new_comment(incident, quiet.soc)
    settle(quiet)
    message = person.mails()[1]
    assert message["Subject"].startswith("[MDR] 1 change of status: K-") and "On hold" in message.get_body().get_content()
    quiet.soc.ok("incidents/update", {"incident_id": incident, "recommendations": "Still none"})
    settle(quiet)
    assert len(person.mails()) == 2


def test_many_make_a_handful(quiet, mail):
    """The first at once, then everything that came within five minutes in one."""
    person = Person(quiet, mail)
    before = now_ms()
    incidents = [quiet.new_incident(summary="The first")["incident_number"]]
    person.wait_for_mails(1)
    incidents += [quiet.new_incident(summary=f"Burst {i}")["incident_number"] for i in range(149)]
    due, = quiet.gateway.query("select due_at from due where client_id = %s and kind = 'notify' and object_id = %s", quiet.id, person.id,
                               client=quiet.id)[0]
    assert due >= before + 5 * 60_000
    time.sleep(1.5)
    assert len(person.mails()) == 1
    settle(quiet)
    first, second = person.mails()
    told = [n for n in incidents if f"K-{n} " in person.text()]
    n = sum(int(m["Subject"].split()[1]) for m in (first, second))
    assert n == 150 and len(told) == 101 and " more" in second.get_body().get_content()
    settle(quiet)
    assert len(person.mails()) == 2, "nothing is told twice"


def test_removed_disabled_and_cut_users_get_nothing_more(quiet, mail):
    """Neither what happens later nor what waits in the queue."""
    people = [Person(quiet, mail) for _ in range(4)]
    mail.refuse = "451 later"
    try:
        quiet.new_incident(summary="QUEUED")
        tried = "select count(*) from mails where client_id = %s and kind = 'notification' and attempts > 0"
        wait_for(lambda: quiet.gateway.query(tried, quiet.id, client=quiet.id)[0][0] == 4)
        quiet.sup.ok("users/delete", {"user_id": people[0].id})
        quiet.sup.ok("users/update", {"user_id": people[1].id, "disabled": True})
        quiet.sup.ok("users/update", {"user_id": people[2].id, "tenants": [{"tenant_id": quiet.tenants["Osaka"]}]})
    finally:
        mail.refuse = None
    quiet.gateway.query("update due set due_at = 0 where client_id = %s and kind = 'mail'", quiet.id, client=quiet.id)
    people[3].wait_for_mails(1)
    quiet.new_incident(summary="LATER")
    settle(quiet)
    assert "LATER" in people[3].text() and [p.mails() for p in people[:3]] == [[], [], []]


def test_two_gateways_one_mail_and_an_outage():
    """Two gateways' workers, the relay away, one gateway killed: each incident is told of in exactly one mail."""
    sink = MailSink()
    a = Gateway(MDR_SMTP_URL=sink.url).start()
    b = Gateway(data_dir=a.data_dir, MDR_SMTP_URL=sink.url).start()
    try:
        org = Organisation(a, "Two")
        person = Person(org, sink)
        sink.refuse = "451 later"
        for i in range(20):
            org.new_incident(summary=f"N{i}")
            if i == 10:
                b.kill()
        wait_for(lambda: a.query("select count(*) from mails where client_id = %s and kind = 'notification' and attempts > 0", org.id, client=org.id)[0][0])
        sink.refuse = None
        a.query("update due set due_at = 0 where client_id = %s", org.id, client=org.id)
        settle(org)
        a.query("update due set due_at = 0 where client_id = %s", org.id, client=org.id)
        settle(org)
        by_id = {m["Message-ID"]: m for m in person.mails()}
        assert sum(int(m["Subject"].split()[1]) for m in by_id.values()) == 20
    finally:
        if b.process:
            b.stop()
        else:
            b.remove()
        a.stop()
        sink.stop()


def test_clients_stay_apart(gateway, mail):
    orgs = [Organisation(gateway, f"CANARY{i}{uuid.uuid4().hex[:8]}") for i in range(2)]
    people = []
    for org in orgs:
        org.sup.ok("settings/general/set", {"extended_notifications": True})
        people.append(Person(org, mail, "SENIOR_OFFICER"))
        org.new_comment(org.new_response(description=org.name)["response_id"] and org.new_incident(summary=org.name)["incident_id"], org.soc, org.name)
    for org, person, other in zip(orgs, people, orgs[::-1]):
        settle(org)
        assert org.name in person.text() and other.name not in person.text() and other.id not in person.text()


def look_at_licences(org):
    org.gateway.query("update due set due_at = 0 where client_id = %s and kind = 'licence'", org.id, client=org.id)
    wait_for(lambda: org.gateway.query("select due_at from due where client_id = %s and kind = 'licence'", org.id, client=org.id)[0][0] > 0)
    time.sleep(0.5)
    settle(org)


def test_licence(fresh, mail):
    """To administrators, of their tenants, once for each change."""
    day = 86_400_000
    expiring = fresh.sup.ok("tenants/create", {"tenant_name": "Expiring 支社", "description": "", "expiration_time": now_ms() + 5 * day})["tenant_id"]
    fresh.sup.ok("tenants/create", {"tenant_name": "Healthy", "description": "", "expiration_time": now_ms() + 300 * day, "asset_limit": 10})
    fresh.sup.ok("tenants/create", {"tenant_name": "Full", "description": "", "asset_limit": 2})
    fresh.new_assets(2, tenant_name="Full")
    admin, ja = Person(fresh, mail, "SUPERVISOR"), Person(fresh, mail, "SUPERVISOR", language="ja")
    limited, senior = Person(fresh, mail, "SUPERVISOR", tenants=["Tokyo"]), Person(fresh, mail, "SENIOR_OFFICER")
    silent = Person(fresh, mail, "SUPERVISOR", licence=False)
    look_at_licences(fresh)
    message, = admin.wait_for_mails(1)
    text = message.get_body().get_content().replace("\r\n", "\n")
    assert message["Subject"] == "[MDR] Licence: tenants that need attention: 2"
    assert "Expiring 支社\n    expires on 20" in text and "Full\n    2 assets of at most 2" in text and "Healthy" not in text, text
    assert "有効期限 20" in ja.wait_for_mails(1)[0].get_body().get_content()
    look_at_licences(fresh)
    assert len(admin.mails()) == 1 and [p.mails() for p in (limited, senior, silent)] == [[], [], []]
    fresh.gateway.query("update tenants set expiration_time = 1000 where client_id = %s and tenant_id = %s", fresh.id, expiring, client=fresh.id)
    look_at_licences(fresh)
    assert "expired on 1970-01-01" in admin.wait_for_mails(2)[1].get_body().get_content()
