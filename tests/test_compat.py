"""What published clients of this API do, and each statement of the contract's part A, one by one."""
import html
import json
import pathlib
import re
import tempfile
import time
import uuid

import pytest

from lib import tokens
from lib.contract import CONTRACT
from lib.gateway import wait_for
from lib.organisation import DAY_MS, Organisation, new_asset_id, now_ms

INCIDENT_KEYS = [k for k in CONTRACT.deref(CONTRACT.schemas["incident"])["required"]]
FORM = "application/x-www-form-urlencoded"


def ids(incidents):
    return [i["incident_id"] for i in incidents]


# ---- a published client, as it runs all day ----

class Poller:
    """Counts, lists without page and sort, remembers the highest update_time, asks again from there + 1."""

    def __init__(self, api, folder):
        self.api, self.folder, self.last, self.known = api, pathlib.Path(folder), 0, {}

    def round(self):
        body = {"min_update_time": self.last + 1} if self.last else {"min_creation_time": 1}
        count = self.api.ok("incidents/count", body, content_type=FORM)["count"]
        listed = self.api.ok("incidents/list", body, content_type=FORM)
        assert len(listed) >= min(count, 1000) or self.last == 0
        for incident in listed:
            self.known[incident["incident_id"]] = incident
            self.last = max(self.last, incident["update_time"])
            self.fetch(incident)
        return listed

    def fetch(self, incident):
        for attachment in self.api.ok("attachments/list", {"incident_id": incident["incident_id"]}, content_type=FORM):
            data = self.api.call("attachments/download", {"attachment_id": attachment["attachment_id"]}).must().body
            path = self.folder / attachment["full_name"]
            path.write_bytes(data)
            assert path.resolve().parent == self.folder.resolve()
            assert len(data) == attachment["file_size"]

    def refresh(self):
        """Every 590 s, or on a 403."""
        self.api.confirm()


def test_a_published_client_runs(fresh, tmp_path):
    poller = Poller(fresh.new_caller("SUPERVISOR"), tmp_path)
    first = fresh.new_incident()["incident_id"]
    fresh.new_attachment(first, data=b"\x00\x01evidence", file_name="証拠 1.bin")
    assert first in ids(poller.round())
    assert poller.round() == []
    for _ in range(3):
        poller.refresh()
    fresh.new_comment(first, by=fresh.soc)
    second = fresh.new_custom_incident(by=poller.api)["incident_id"]
    assert set(ids(poller.round())) == {first, second}
    assert poller.round() == []
    assert (tmp_path / "証拠 1.bin").read_bytes() == b"\x00\x01evidence"
    fresh.sup.ok("incidents/close", {"incident_id": second, "resolution_status": "FALSE_POSITIVE", "summary": "ok"})
    [closed] = poller.round()
    assert closed["status"] == "Closed" and closed["resolution"] == "False positive"


def test_a_client_refreshes_on_403(fresh, gateway):
    api = fresh.new_caller()
    api.access_token = tokens.expired(api.access_token, gateway)
    reply = api.call("incidents/count", {})
    assert reply.status == 403
    api.confirm().ok("incidents/count", {})


# ---- A1 calling convention ----

def test_every_spelling_of_the_same_request(org):
    org.new_incident()
    body = {"statuses": ["Open"], "page_size": 3}
    wanted = org.sup.ok("incidents/list", body)
    for same in ({"statuses": "Open", "page_size": 3}, {**body, "priorities": [], "min_update_time": None, "sort": None},
                 {**body, "fields": [], "search_phrase": None}, {**body, "sort": "creation_time:desc"}):
        assert ids(org.sup.ok("incidents/list", same)) == ids(wanted), same
    for kind in (FORM, "text/plain", "application/json; charset=utf-8"):
        assert ids(org.sup.ok("incidents/list", body, content_type=kind)) == ids(wanted)


def test_count_takes_a_list_body(fresh):
    for _ in range(3):
        fresh.new_incident()
    body = {"statuses": ["Open"], "fields": ["incident_id"], "page": 1, "page_size": 1, "sort": "creation_time:asc",
            "markdown_to_html": True}
    assert fresh.sup.ok("incidents/count", body) == {"count": 3}
    body = {"fields": ["asset_id"], "page": 1, "page_size": 1, "sort": "host_name:asc"}
    assert fresh.sup.ok("assets/count", body)["count"] == 7


def test_page_past_the_end_is_empty(org):
    for name in ("incidents/list", "assets/list", "responses/list"):
        reply = org.sup.call(name, {"page": 1_000_000}).must()
        assert reply.json == [] and reply.header("Content-Type") == "application/json; charset=utf-8"


def test_fields_are_exactly_those(org):
    org.new_response()
    incident = org.new_incident()
    org.new_comment(incident["incident_id"])
    wanted = ["update_time", "incident_id", "counts", "sla", "external_ref", "threat_classes"]
    [got] = org.sup.ok("incidents/list", {"fields": wanted, "page_size": 1})
    assert set(got) == set(wanted)
    assert set(got["counts"]) == {"responses", "comments", "attachments", "history"}
    assert list(org.sup.ok("incidents/details", {"incident_id": incident["incident_id"], "fields": ["summary"]})) == ["summary"]
    assert list(org.sup.ok("incidents/details", {"incident_id": incident["incident_id"], "fields": "summary"})) == ["summary"]
    assert list(org.sup.ok("comments/list", {"incident_id": incident["incident_id"], "fields": ["text"]})[0]) == ["text"]
    assert list(org.sup.ok("assets/list", {"fields": ["host_name"], "page_size": 1})[0]) == ["host_name"]
    assert list(org.sup.ok("responses/list", {"fields": ["status"], "page_size": 1})[0]) == ["status"]
    for name in ("incidents/list", "assets/list", "responses/list"):
        reply = org.sup.call(name, {"fields": ["incident_id_"]}).must(400, "invalid")
        assert reply.json["errors"][0]["pointer"].startswith("/fields")


def test_every_field_alone(org):
    incident = org.new_incident()["incident_id"]
    org.new_comment(incident)
    org.new_attachment(incident)
    org.new_response(incident)
    plans = [("incidents/list", {"page_size": 1}, "incident_field"), ("assets/list", {"page_size": 1}, "asset_field"),
             ("incidents/details", {"incident_id": incident}, "incident_field"),
             ("assets/details", {"asset_id": org.asset()["asset_id"]}, "asset_field"),
             ("comments/list", {"incident_id": incident}, "comment_field"),
             ("attachments/list", {"incident_id": incident}, "attachment_field"),
             ("responses/list", {"incident_id": incident}, "response_field")]
    for name, body, kind in plans:
        for one in CONTRACT.schemas[kind]["enum"]:
            got = org.sup.ok(name, {**body, "fields": [one]})
            item = got[0] if isinstance(got, list) else got
            assert list(item) == [one], (name, one)


def test_incident_keys_and_their_order(fresh):
    incident = fresh.new_incident()
    assert list(incident) == INCIDENT_KEYS
    assert list(fresh.sup.ok("incidents/list", {})[0]) == INCIDENT_KEYS
    assert list(fresh.new_custom_incident()) == INCIDENT_KEYS


def test_sort_and_its_defaults(fresh):
    made = [fresh.new_incident()["incident_id"] for _ in range(4)]
    fresh.new_comment(made[0])
    assert ids(fresh.sup.ok("incidents/list", {})) == made[::-1]
    assert ids(fresh.sup.ok("incidents/list", {"sort": "creation_time:asc"})) == made
    assert ids(fresh.sup.ok("incidents/list", {"min_update_time": 1})) == made[1:] + made[:1]
    assert ids(fresh.sup.ok("incidents/list", {"sort": "update_time:desc"})) == made[:1] + made[:0:-1]
    assert ids(fresh.sup.ok("incidents/list", {"min_update_time": 1, "sort": "creation_time:desc"})) == made[::-1]
    for sort in ("creation_time", "summary:asc", "creation_time:up", "Creation_time:asc"):
        fresh.sup.call("incidents/list", {"sort": sort}).must(400)
    hosts = [a["host_name"] for a in fresh.sup.ok("assets/list", {"sort": "host_name:asc"})]
    assert hosts == sorted(hosts, key=str.lower)
    assert hosts == [a["host_name"] for a in fresh.sup.ok("assets/list", {"sort": "computer_name_hostname:asc"})]
    assert hosts[::-1] == [a["host_name"] for a in fresh.sup.ok("assets/list", {"sort": "computer_name_hostname:desc"})]
    for sort in ("first_seen", "last_seen"):
        times = [a[sort] for a in fresh.sup.ok("assets/list", {"sort": f"{sort}:desc"})]
        assert times == sorted(times, reverse=True)


def test_time_filters_are_inclusive(fresh):
    made = [fresh.new_incident() for _ in range(3)]
    middle = made[1]
    for name in ("creation_time", "update_time"):
        at = middle[name]
        assert ids(fresh.sup.ok("incidents/list", {f"min_{name}": at, f"max_{name}": at})) == [middle["incident_id"]]
        assert fresh.sup.ok("incidents/count", {f"min_{name}": at}) == {"count": 2}
        assert fresh.sup.ok("incidents/count", {f"min_{name}": at + 1}) == {"count": 1}
        assert fresh.sup.ok("incidents/count", {f"max_{name}": at - 1}) == {"count": 1}


def test_filters_are_or_within_and_between(fresh):
    high = fresh.new_incident(priority="HIGH")["incident_id"]
    low = fresh.new_incident(priority="LOW", threat_classes=["worm"])["incident_id"]
    normal = fresh.new_incident("Tokyo", detection_technology="Sandbox", external_ref="X-1")["incident_id"]
    custom = fresh.new_custom_incident(priority="HIGH")["incident_id"]
    fresh.new_response(low)

    def found(**filters):
        listed = set(ids(fresh.sup.ok("incidents/list", filters)))
        assert fresh.sup.ok("incidents/count", filters)["count"] == len(listed)
        return listed

    assert found(priorities=["HIGH", "LOW"]) == {high, low, custom}
    assert found(priorities=["HIGH"], origins=["Client"]) == {custom}
    assert found(priorities="LOW") == {low}
    assert found(threat_classes=["worm", "c2"]) == {low}
    assert found(detection_technologies=["Sandbox"]) == {normal}
    assert found(external_refs=["X-1", "X-2"]) == {normal}
    assert found(tenants_names=["Tokyo"]) == {normal}
    assert found(tenants_names=["-"]) == {high, low, custom}
    assert found(tenants_names=["-", "Tokyo"]) == {high, low, custom, normal}
    assert found(tenants_names=["Nowhere"]) == set()
    assert found(asset_ids=[fresh.asset("Tokyo")["asset_id"].upper().replace("0X", "0x")]) == {normal}
    assert found(affected_hosts=[fresh.host("Tokyo")]) == {normal}
    assert found(response_statuses=["New"]) == {low}
    assert found(response_statuses=["Confirmed"]) == set()
    assert found(response_types=["KILL_PROCESS"]) == {low}
    assert found(statuses=["Closed", "Resolved"]) == set()
    fresh.sup.ok("incidents/close", {"incident_id": high, "resolution_status": "TRUE_POSITIVE", "summary": "x"})
    assert found(statuses=["Closed"], resolutions=["True positive"]) == {high}
    assert found(resolutions=["False positive", "Other"]) == set()


def test_file_also_finds_get_file(fresh):
    incident = fresh.new_incident()["incident_id"]
    fresh.new_response(incident, type="GET_FILE", parameters={"path": "C:\\x.exe"})
    assert fresh.sup.ok("incidents/count", {"response_types": ["File"]}) == {"count": 1}
    assert len(fresh.sup.ok("responses/list", {"types": ["File"]})) == 1
    assert fresh.sup.ok("responses/list", {"types": ["SomethingElse"]}) == []


def test_mitre_filters_take_any_spelling(fresh):
    one = fresh.new_incident(mitre_tactics=["TA0005: Defense Evasion"], mitre_techniques=["T1036.005: Match Legitimate Name or Location"])
    fresh.new_incident(mitre_tactics=["TA0040: Impact"], mitre_techniques=["T1486: Data Encrypted for Impact"])
    for spelling in ("TA0005: Defense Evasion", "TA0005:Defense Evasion", "Defense evasion", "TA0005", "ta0005", "DEFENSE EVASION"):
        assert ids(fresh.sup.ok("incidents/list", {"mitre_tactics": [spelling]})) == [one["incident_id"]], spelling
    for spelling in ("T1036.005: Match Legitimate Name or Location", "T1036.005:Match legitimate name or location", "T1036.005",
                     "match legitimate name or location"):
        assert ids(fresh.sup.ok("incidents/list", {"mitre_techniques": spelling})) == [one["incident_id"]], spelling
    assert fresh.sup.ok("incidents/count", {"mitre_tactics": ["TA0005", "Impact"]}) == {"count": 2}
    assert fresh.sup.ok("incidents/count", {"mitre_tactics": ["TA0005"], "mitre_techniques": ["T1486"]}) == {"count": 0}
    assert one["mitre_tactics"] == ["TA0005: Defense Evasion"]


def test_search_phrase(fresh):
    japanese = fresh.new_incident(summary="経理部の端末で不審なプロセスを検出", description="ＡＢＣ全角と半角カナ ｶﾅ を含む")
    english = fresh.new_incident(summary="Suspicious PowerShell 100% CPU", description="under_score \\ back")
    custom = fresh.new_custom_incident(client_description="取引先から届いた請求書を開いた")

    def found(phrase):
        listed = ids(fresh.sup.ok("incidents/list", {"search_phrase": phrase}))
        assert fresh.sup.ok("incidents/count", {"search_phrase": phrase})["count"] == len(listed)
        return set(listed)

    j, e, c = (i["incident_id"] for i in (japanese, english, custom))
    for phrase in ("経", "経理", "経理部", "端末で不審な", "プロセスを検出", "検出"):
        assert found(phrase) == {j}, phrase
    for phrase in ("請", "求書", "取引先から届いた請求書を開いた"):
        assert found(phrase) == {c}, phrase
    for phrase in ("powershell", "POWERSHELL", "Power", "owerShel", "100%", "under_score", "\\ back", "pO"):
        assert found(phrase) == {e}, phrase
    for phrase in ("under-score", "100_", "%", "powerhell"):
        assert found(phrase) == ({e} if phrase == "%" else set()), phrase
    host = fresh.asset()["host_name"]
    assert found(host.lower()) == {j, e, c}
    number = english["incident_number"]
    for phrase in (str(number), f"K-{number}", f"k-{number}"):
        assert e in found(phrase), phrase
    assert found(f"K-{number}") == {e}
    assert found("") == {j, e, c}
    assert found("ありません") == set()


def test_times_are_milliseconds_and_ids_look_right(fresh):
    incident = fresh.new_incident()["incident_id"]
    comment, attachment, response = fresh.new_comment(incident), fresh.new_attachment(incident), fresh.new_response(incident)
    for value in (comment["creation_time"], attachment["creation_time"], response["creation_time"]):
        assert abs(value - now_ms()) < 600_000
    for value in (incident, comment["comment_id"], attachment["attachment_id"]):
        assert re.fullmatch(r"[A-Za-z0-9_-]{20}", value), value
    assert re.fullmatch(r"MDR_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", response["response_id"])


def test_chat_is_listed_oldest_first(fresh):
    incident = fresh.new_incident()["incident_id"]
    made = [fresh.new_comment(incident, text=f"Comment {i}")["comment_id"] for i in range(3)]
    files = [fresh.new_attachment(incident, file_name=f"{i}.txt")["attachment_id"] for i in range(3)]
    actions = [fresh.new_response(incident)["response_id"] for _ in range(3)]
    body = {"incident_id": incident}
    assert [c["comment_id"] for c in fresh.sup.ok("comments/list", body)] == made
    assert [a["attachment_id"] for a in fresh.sup.ok("attachments/list", body)] == files
    assert [a["attachment_id"] for a in fresh.sup.ok("attachments/list", {**body, "sort": "creation_time:desc"})] == files[::-1]
    assert [r["response_id"] for r in fresh.sup.ok("responses/list", body)] == actions
    details = fresh.sup.ok("incidents/details", body)
    assert [c["comment_id"] for c in details["comments"]] == made
    assert [a["attachment_id"] for a in details["attachments"]] == files
    assert [r["response_id"] for r in details["responses"]] == actions
    chat = fresh.sup.ok("chat/list", body)
    assert [e["kind"] for e in chat] == ["comment"] * 3 + ["attachment"] * 3
    assert [e[e["kind"]][e["kind"] + "_id"] for e in chat] == made + files
    times = [e["creation_time"] for e in chat]
    assert times == sorted(set(times))
    assert fresh.sup.ok("chat/list", {**body, "after": times[3]}) == chat[4:]
    assert fresh.sup.ok("chat/list", {**body, "page": 2, "page_size": 4}) == chat[4:]


# ---- was_read ----

def test_was_read(fresh):
    reader, second = fresh.new_caller("OFFICER"), fresh.new_caller("OFFICER")
    incident = fresh.new_incident()["incident_id"]
    fresh.new_comment(incident, by=fresh.soc)
    fresh.new_attachment(incident, by=fresh.soc)
    fresh.new_response(incident)
    body = {"incident_id": incident}

    def listed(api):
        [found] = [i for i in api.ok("incidents/list", {}) if i["incident_id"] == incident]
        return found

    before = listed(reader)
    assert before["was_read"] is False
    assert reader.ok("incidents/details", body)["was_read"] is False, "the value before that reading"
    assert reader.ok("incidents/details", body)["was_read"] is True
    assert listed(reader)["was_read"] is True
    assert listed(second)["was_read"] is False, "per reader"
    for name in ("comments/list", "attachments/list", "responses/list"):
        assert second.ok(name, body)[0]["was_read"] is False
        assert second.ok(name, body)[0]["was_read"] is True
    assert listed(second)["update_time"] == before["update_time"], "reading never moves update_time"
    fresh.new_comment(incident, by=fresh.soc)
    assert [c["was_read"] for c in second.ok("comments/list", body)] == [True, False]


def test_ones_own_writings_count_as_read(fresh):
    mine = fresh.new_caller("OFFICER")
    made = fresh.new_custom_incident(by=mine)
    comment = fresh.new_comment(made["incident_id"], by=mine)
    assert made["was_read"] is False and comment["was_read"] is False, "create replies say false"
    assert mine.ok("comments/list", {"incident_id": made["incident_id"]})[0]["was_read"] is True
    [listed] = [i for i in mine.ok("incidents/list", {}) if i["incident_id"] == made["incident_id"]]
    assert listed["was_read"] is True


# ---- A2 tokens, A3 roles ----

def test_tokens_decode_without_a_key(fresh):
    api = fresh.new_caller()
    for token, typ, life in ((api.access_token, "access", 3600), (api.refresh_token, "refresh", 7 * 86400)):
        _, claims = tokens.decode(token)
        assert claims["exp"] - claims["iat"] == life and claims["typ"] == typ
        client, session = claims["sub"].rsplit("+", 1)
        assert client == fresh.id and str(uuid.UUID(session)) == session
        assert {"jti", "iss", "role", "tenants"} <= set(claims)
    _, initial = tokens.decode(fresh.new_connection()["refresh_token"])
    assert initial["exp"] - initial["iat"] == 86400


def test_connections_and_their_states(fresh, gateway):
    made = fresh.new_connection("OFFICER", "SOAR 連携")

    def listed():
        return next(c for c in fresh.sup.ok("robot_sessions/list", {}) if c["session_id"] == made["session_id"])

    assert listed()["status"] == "Pending activation" and listed()["session_name"] == "SOAR 連携"
    pair = fresh.sup.ok("session/confirm", {"refresh_token": made["refresh_token"]}, token=None)
    assert set(pair) == {"access_token", "refresh_token"}
    assert listed()["status"] == "Active"
    gateway.query("update sessions set last_used = last_used - %s, activated_at = activated_at - %s where session_id = %s",
                  31 * DAY_MS, 31 * DAY_MS, made["session_id"], client=fresh.id)
    assert listed()["status"] == "Idle"
    fresh.sup.ok("robot_sessions/delete", {"session_id": made["session_id"]})
    fresh.sup.call("incidents/count", {}, token=pair["access_token"]).must(403)
    states = [c["status"] for c in fresh.sup.ok("robot_sessions/list", {}) if c["session_id"] == made["session_id"]]
    assert states in ([], ["Revoked"])


def test_author_name_is_the_session_name(fresh):
    mine = fresh.new_caller("OFFICER", name="夜間 SOAR")
    incident = fresh.new_incident()["incident_id"]
    assert fresh.new_comment(incident, by=mine)["author_name"] == "夜間 SOAR"
    comment = fresh.new_comment(incident, by=fresh.soc)
    assert comment["author_name"] == "Security Team" and comment["origin"] == "Service"


def test_whoami(fresh):
    scoped = fresh.new_caller("OFFICER", name="Scoped", tenants=[fresh.tenants["Tokyo"], "-"])
    said = scoped.ok("session/whoami", {"client_time": now_ms() - 5000})
    assert said["role"] == "OFFICER" and said["client_id"] == fresh.id and said["name"] == "Scoped"
    assert {t["tenant_name"] for t in said["tenants"]} == {"Tokyo", ""} and said["all_tenants"] is False
    assert -15000 < said["clock_skew_ms"] < -3000
    assert 0 < said["expires_at"] - now_ms() <= 3_600_000
    assert "incidents.read" in said["rights"] and "responses.decide" not in said["rights"]
    assert fresh.sup.ok("session/whoami")["clock_skew_ms"] is None


def test_a_scoped_token_sees_its_tenants_only(fresh):
    root, tokyo, osaka = (fresh.new_incident(t)["incident_id"] for t in ("", "Tokyo", "Osaka"))
    scoped = fresh.new_caller("SENIOR_OFFICER", tenants=[fresh.tenants["Tokyo"]])
    both = fresh.new_caller("OFFICER", tenants=[fresh.tenants["Osaka"], "-"])
    assert ids(scoped.ok("incidents/list", {})) == [tokyo]
    assert set(ids(both.ok("incidents/list", {}))) == {root, osaka}
    assert scoped.ok("incidents/count", {"tenants_names": ["Osaka", "-"]}) == {"count": 0}
    assert {a["tenant_name"] for a in scoped.ok("assets/list", {})} == {"Tokyo"}
    assert {a["tenant_name"] for a in both.ok("assets/list", {})} == {"", "Osaka"}
    assert all(s.split(":")[0] in {a["host_name"] for a in fresh.assets["Tokyo"]}
               for s in scoped.ok("assets/suggestion", {"search_phrase": "HOST"}))
    assert {t["tenant_name"] for t in scoped.ok("tenants/list", {})} <= {"Tokyo"}
    for host, tenant in (("Tokyo", "Osaka"), ("Osaka", "Tokyo"), ("", "Tokyo")):
        body = {"affected_hosts": [fresh.host(host)], "client_description": "x", "summary": "x", "tenant_id": fresh.tenants[tenant]}
        assert scoped.call("incidents/create", body).status in (400, 404)


def test_tenants(fresh):
    made = fresh.sup.ok("tenants/create", {"tenant_name": "名古屋", "description": "支社", "asset_limit": 10,
                                           "expiration_time": now_ms() + DAY_MS})
    assert made in fresh.sup.ok("tenants/list", {})
    fresh.sup.call("tenants/create", {"tenant_name": "名古屋", "description": ""}).must(409)
    fresh.sup.ok("tenants/delete", {"tenant_id": made["tenant_id"]})
    assert made["tenant_id"] not in [t["tenant_id"] for t in fresh.sup.ok("tenants/list", {})]
    fresh.sup.call("tenants/delete", {"tenant_id": made["tenant_id"]}).must(404)
    assert fresh.sup.call("tenants/delete", {"tenant_id": fresh.tenants["Tokyo"]}).status == 409, "it has assets"


# ---- A4 assets ----

def test_asset_object(fresh):
    asset = fresh.asset()
    for spelling in (asset["asset_id"], "0x" + asset["asset_id"][2:].upper()):
        got = fresh.sup.ok("assets/details", {"asset_id": spelling})
        assert got["asset_id"] == asset["asset_id"] and got["host_name"] == asset["host_name"]
    assert got["network_interfaces"] == [{"dsc": "", "dnsd": "", "defg": "", "mac": "02:00:5e:00:53:01", "ipcm": "",
                                          "ip": "192.0.2.7|2001:db8::7"}]
    assert got["product_map"] == {"KES": "12.3.0.493"} and got["isolation"] is False


def test_asset_filters(fresh):
    mac = [{"ip": "198.51.100.9", "mac": "02:00:5e:00:53:99"}]
    [odd] = fresh.new_assets(1, host_name="Odd-端末.example.jp", domain="odd.example.jp", os_version="Ubuntu 22.04",
                             network_interfaces=mac, isolation=True, tags=["vip", "critical"],
                             last_seen=now_ms() - 3 * DAY_MS, first_seen=1_600_000_000_000,
                             product_map={"KESL": "11.4.0"}, installed_product_info="Endpoint Security for Linux")
    odd = odd["asset_id"]
    incident = fresh.soc.ok("incidents/ingest", {**fresh.ingest_body(), "affected_hosts": ["Odd-端末.example.jp:" + odd]})

    def found(**filters):
        listed = {a["asset_id"] for a in fresh.sup.ok("assets/list", filters)}
        assert fresh.sup.ok("assets/count", filters)["count"] == len(listed)
        return listed

    for filters in ({"domain": "odd.example.jp"}, {"host_names": ["ODD-端末.EXAMPLE.jp"]}, {"host_names": "odd-端末.example.jp"},
                    {"is_isolated": True}, {"max_first_seen": 1_600_000_000_000}, {"max_last_seen": now_ms() - 2 * DAY_MS},
                    {"network_interface": "198.51.100"}, {"network_interface": "53:99"}, {"os_version": "ubuntu"},
                    {"product": "KESL"}, {"product": "for linux"}, {"related_incidents_ids": [incident["incident_id"]]},
                    {"search_phrase": "端末"}, {"search_phrase": "端"}, {"tags": ["vip", "none"]},
                    {"domain": "odd.example.jp", "is_isolated": True}):
        assert found(**filters) == {odd}, filters
    assert odd not in found(is_isolated=False) and len(found(is_isolated=False)) == 7
    assert found(host_names=["Odd-端末"]) == set(), "whole names"
    assert found(tenants_names=["Tokyo"]) == {a["asset_id"] for a in fresh.assets["Tokyo"]}
    assert found(tenants_names=["-"]) == {a["asset_id"] for a in fresh.assets[""]} | {odd}
    assert found(statuses=["BLOCKED"]) == set()
    assert found(version=1) == found(version=2) == found()
    assert fresh.sup.ok("assets/suggestion", {"search_phrase": "端末"}) == ["Odd-端末.example.jp:" + odd]
    assert fresh.sup.ok("assets/suggestion", {"search_phrase": "host-", "tenants_names": ["Osaka"]}) != []


def test_asset_statuses(fresh):
    components = lambda state, key: [{"name": "File protection", "key": key, "state": state}]  # noqa: E731
    plans = {"OK": {}, "WARNING": {"databases_time": now_ms() - 9 * DAY_MS}, "CRITICAL": {"components": components("off", True)},
             "OFFLINE": {"last_seen": now_ms() - 10 * DAY_MS}, "ABSENT": {"last_seen": now_ms() - 31 * DAY_MS,
                                                                          "first_seen": now_ms() - 40 * DAY_MS}}
    made = {status: fresh.new_assets(1, **more)[0]["asset_id"] for status, more in plans.items()}
    for status, asset_id in made.items():
        assert fresh.sup.ok("assets/details", {"asset_id": asset_id})["status"] == status
        assert asset_id in [a["asset_id"] for a in fresh.sup.ok("assets/list", {"statuses": [status]})]
    [vdi] = fresh.new_assets(1, device_kind="vdi", last_seen=now_ms() - 2 * DAY_MS, first_seen=now_ms() - 3 * DAY_MS)
    assert fresh.sup.ok("assets/details", {"asset_id": vdi["asset_id"]})["status"] == "ABSENT"
    before = fresh.sup.ok("assets/count", {})["count"]
    fresh.sup.ok("settings/general/set", {"hide_absent_assets": True})
    assert fresh.sup.ok("assets/count", {})["count"] == before - 2
    assert made["ABSENT"] not in [a["asset_id"] for a in fresh.sup.ok("assets/list", {})]
    assert not [s for s in fresh.sup.ok("assets/suggestion", {"search_phrase": "HOST"}) if made["ABSENT"] in s]
    fresh.sup.ok("settings/general/set", {"hide_absent_assets": False, "offline_after_days": 29})
    assert fresh.sup.ok("assets/details", {"asset_id": made["OFFLINE"]})["status"] == "OK"
    assert fresh.sup.ok("settings/general/get")["offline_after_days"] == 29


def test_upsert_counts_and_keeps_what_is_absent(fresh):
    asset = fresh.asset()
    said = fresh.soc.ok("assets/upsert", {"assets": [{"asset_id": asset["asset_id"], "os_version": "Windows 12"},
                                                     {"asset_id": new_asset_id(), "host_name": "NEW"}]})
    assert said == {"created": 1, "updated": 1}
    got = fresh.sup.ok("assets/details", {"asset_id": asset["asset_id"]})
    assert got["os_version"] == "Windows 12" and got["host_name"] == asset["host_name"]
    fresh.soc.call("assets/upsert", {"assets": [{"asset_id": new_asset_id()}]}).must(400)
    fresh.soc.call("assets/upsert", {"assets": [{"asset_id": new_asset_id(), "host_name": "x", "tenant_name": "none"}]}).must(400)


def test_a_heartbeat_writes_no_ledger_row(fresh, gateway):
    count = lambda: gateway.query("select count(*) from ledger where client_id = %s", fresh.id, client=fresh.id)[0][0]  # noqa: E731
    before = count()
    fresh.soc.ok("assets/upsert", {"assets": [{"asset_id": fresh.asset()["asset_id"], "last_seen": now_ms()}]})
    assert count() == before
    assert abs(fresh.sup.ok("assets/details", {"asset_id": fresh.asset()["asset_id"]})["last_seen"] - now_ms()) < 10000


# ---- A5 incidents ----

def test_create_is_found_at_once(fresh):
    made = fresh.new_custom_incident(summary="不審なメール")
    assert made["status"] == "Open" and made["origin"] == "Client" and made["update_time"] == made["creation_time"]
    assert made["resolution"] == "" and made["tenant_name"] == "" and made["priority"] == "NORMAL"
    assert made["affected_hosts_mappings"] == [{"host_id": fresh.asset()["asset_id"], "host_name": fresh.asset()["host_name"]}]
    assert made["incident_id"] in ids(fresh.sup.ok("incidents/list", {}))
    assert ids(fresh.sup.ok("incidents/list", {"search_phrase": str(made["incident_number"])})) == [made["incident_id"]]


def test_create_with_a_lone_host_and_a_tenant(fresh):
    made = fresh.sup.ok("incidents/create", {"affected_hosts": fresh.host("Tokyo"), "client_description": "x", "summary": "x",
                                             "tenant_id": fresh.tenants["Tokyo"], "priority": "HIGH"}, content_type=FORM)
    assert made["tenant_name"] == "Tokyo" and made["affected_hosts"] == [fresh.host("Tokyo")]


def test_close_and_close_again(fresh):
    for status, resolution in (("FALSE_POSITIVE", "False positive"), ("TRUE_POSITIVE", "True positive")):
        incident = fresh.new_incident()["incident_id"]
        body = {"incident_id": incident, "resolution_status": status, "summary": "**done**"}
        closed = fresh.officer.ok("incidents/close", body)
        assert (closed["status"], closed["resolution"], closed["status_description"]) == ("Closed", resolution, "**done**")
        fresh.officer.call("incidents/close", body).must(409, "conflict")
        fresh.sup.ok("comments/create", {"incident_id": incident, "text": "still open to comments"})
        reopened = fresh.soc.ok("incidents/update", {"incident_id": incident, "status": "Open"})
        assert reopened["status"] == "Open"
        fresh.officer.ok("incidents/close", body)


def test_resolved_always_has_a_resolution(fresh):
    incident = fresh.new_incident()["incident_id"]
    fresh.soc.call("incidents/update", {"incident_id": incident, "status": "Resolved"}).must(400)
    assert fresh.soc.ok("incidents/update", {"incident_id": incident, "status": "On hold"})["status"] == "On hold"
    done = fresh.soc.ok("incidents/update", {"incident_id": incident, "status": "Resolved", "resolution": "Other"})
    assert done["status"] == "Resolved" and done["resolution"] == "Other"


def test_resolved_closes_by_itself_after_72_hours(fresh, gateway):
    incident = fresh.new_incident()["incident_id"]
    fresh.soc.ok("incidents/update", {"incident_id": incident, "status": "Resolved", "resolution": "True positive"})
    gateway.query("update due set due_at = 1 where client_id = %s and kind = 'close' and object_id = %s", fresh.id, incident,
                  client=fresh.id)
    wait_for(lambda: fresh.sup.ok("incidents/list", {"statuses": ["Closed"]}), 15)
    last = fresh.sup.ok("incidents/history", {"incident_id": incident})[-1]
    assert last["entity"]["incident_details"]["status"] == "Closed"


def test_ingest_again_updates(fresh):
    first = fresh.new_incident(external_ref="SOC-1", summary="one")
    again = fresh.new_incident(external_ref="SOC-1", summary="two")
    assert again["incident_id"] == first["incident_id"] and again["summary"] == "two"
    assert again["update_time"] > first["update_time"] and again["creation_time"] == first["creation_time"]
    assert fresh.sup.ok("incidents/count", {}) == {"count": 1}


def test_sla_count(fresh, gateway):
    said = fresh.sup.ok("incidents/sla_count", {})
    assert said["limit"] == 10 and said["used"] == 0 and said["remaining"] == 10
    assert said["period_start"] <= now_ms() < said["period_end"] and said["period_end"] - said["period_start"] == 7 * DAY_MS
    applies = lambda i: fresh.sup.ok("incidents/details", {"incident_id": i["incident_id"], "fields": ["sla"]})["sla"]["applies"]  # noqa: E731
    assert applies(fresh.new_custom_incident(no_sla_flag=True)) is False
    made = [fresh.new_custom_incident(no_sla_flag=False) for _ in range(11)]
    assert [applies(i) for i in made] == [True] * 10 + [False]
    said = fresh.sup.ok("incidents/sla_count", {})
    assert (said["used"], said["remaining"]) == (10, 0)


def test_mail_of_a_report(fresh, mail):
    incident = fresh.new_incident(summary="経理部の端末で検出")
    number, address = incident["incident_number"], f"{uuid.uuid4().hex}@example.jp"
    fresh.sup.ok("incidents/send/email", {"issue_key": str(number), "issue_type": "thehive", "user_email": address})
    recipients, message, _ = mail.wait_for(lambda to, m: address in to)
    assert message["Subject"] == f"[Incident] MDR report K-{number}"
    [attachment] = list(message.iter_attachments())
    assert attachment.get_filename() == f"K-{number}.pdf" and attachment.get_content().startswith(b"%PDF")


def test_mail_is_in_the_language_of_its_receiver(fresh, mail):
    number, address = fresh.new_incident()["incident_number"], f"{uuid.uuid4().hex}@example.jp"
    made = fresh.sup.ok("users/create", {"email": address, "name": "佐藤", "role": "OFFICER", "language": "ja"})
    _, message, _ = mail.wait_for(lambda to, m: address in to and m["Subject"] == "[MDR] ご招待")
    assert made["invitation_link"] in message.get_body().get_content()
    fresh.sup.ok("incidents/send/email", {"issue_key": str(number), "issue_type": "thehive", "user_email": address})
    _, message, _ = mail.wait_for(lambda to, m: address in to and m["Subject"].startswith("[Incident]"))
    assert f"インシデント K-{number} の概要" in message.get_body().get_content()


def test_mail_survives_a_refusing_relay(fresh, mail, gateway):
    incident, address = fresh.new_incident(), f"{uuid.uuid4().hex}@example.jp"
    mail.refuse = "451 try later"
    try:
        fresh.sup.ok("incidents/send/email", {"issue_key": str(incident["incident_number"]), "issue_type": "thehive",
                                              "user_email": address})
        wait_for(lambda: gateway.query("select 1 from mails where recipient = %s and attempts > 0", address, client=fresh.id), 20)
    finally:
        mail.refuse = None
    gateway.query("update due set due_at = 1 where kind = 'mail' and client_id = %s", fresh.id, client=fresh.id)
    mail.wait_for(lambda to, m: address in to)


def pdf_text(data):
    import subprocess
    with tempfile.NamedTemporaryFile(suffix=".pdf") as f:
        f.write(data)
        f.flush()
        return subprocess.run(["pdftotext", "-layout", f.name, "-"], capture_output=True, check=True).stdout.decode()


def test_pdf(fresh):
    incident = fresh.new_incident(summary="経理部の端末で不審なプロセスを検出", description="# 見出し\n\n本文です。")
    for query, word in (("?lang=ja&tz=Asia/Tokyo", "経理部"), ("?lang=en&tz=UTC", "経理部"), ("", "経理部")):
        reply = fresh.sup.get("incidents/{incident_id}/summary.pdf", query=query, incident_id=incident["incident_id"]).must()
        assert reply.header("Content-Type") == "application/pdf"
        text = pdf_text(reply.body)
        assert word in re.sub(r"\s", "", text) and f"K-{incident['incident_number']}" in text
    for query in ("?lang=fr", "?tz=Mars/Base", "?lang=ja&lang=en", "?x=1"):
        fresh.sup.get("incidents/{incident_id}/summary.pdf", query=query, incident_id=incident["incident_id"]).must(400)


def test_markdown_to_html(fresh):
    text = "# Title\n\n**bold** <script>alert(1)</script> [x](javascript:alert(1)) [y](https://example.jp/)"
    incident = fresh.new_incident(description=text)["incident_id"]
    fresh.new_comment(incident, text=text)
    body = {"incident_id": incident}
    assert fresh.sup.ok("incidents/details", body)["description"] == text
    for got in (fresh.sup.ok("incidents/details", {**body, "markdown_to_html": True})["description"],
                fresh.sup.ok("incidents/list", {"markdown_to_html": True})[0]["description"],
                fresh.sup.ok("comments/list", {**body, "markdown_to_html": True})[0]["text"],
                fresh.sup.ok("comments/create", {**body, "text": text, "markdown_to_html": True})["text"],
                fresh.sup.ok("incidents/details", {**body, "markdown_to_html": True})["comments"][0]["text"]):
        assert "<strong>bold</strong>" in got and "<h1>Title</h1>" in got and 'href="https://example.jp/"' in got
        assert "<script" not in got and "javascript:" not in html.unescape(got)


# ---- history ----

def kinds(records):
    return [(r["operation"], next(iter(r["entity"]))) for r in records]


def test_history_of_an_incident_with_two_comments(fresh):
    incident = fresh.new_custom_incident()
    comments = [fresh.new_comment(incident["incident_id"], text=t) for t in ("one", "two")]
    body = {"incident_id": incident["incident_id"]}
    records = fresh.sup.ok("incidents/history", body)
    assert kinds(records) == [("create", "incident_details"), ("create", "incident_comment"), ("update", "incident_details"),
                              ("create", "incident_comment"), ("update", "incident_details")]
    assert [r["changed_at"] for r in records] == sorted(r["changed_at"] for r in records)
    assert records[1]["entity"]["incident_comment"] == comments[0]
    assert records[3]["entity"]["incident_comment"] == comments[1]
    assert list(records[0]["entity"]["incident_details"]) == INCIDENT_KEYS
    assert {r["changed_by"] for r in records} == {"Supervisor"}
    first, last = records[0]["entity"]["incident_details"], records[4]["entity"]["incident_details"]
    moved = {k for k in first if first[k] != last[k]} - {"comments"}
    assert moved == {"update_time"}
    for size_name in ("entity_type_page_size", "page_size"):
        pages = [fresh.sup.ok("incidents/history", {**body, size_name: 2, "page": p}) for p in (1, 2, 3)]
        assert [len(p) for p in pages] == [4, 1, 0]
        assert pages[1] == records[4:]
        assert all(p == sorted(p, key=lambda r: r["changed_at"]) for p in pages)
    at = comments[1]["creation_time"]
    assert records[3] in fresh.sup.ok("incidents/history", {**body, "min_record_time": at})
    assert records[3] not in fresh.sup.ok("incidents/history", {**body, "max_record_time": at - 1})
    at = incident["creation_time"]
    assert fresh.sup.ok("incidents/history", {**body, "min_record_time": at}) == records
    assert fresh.sup.ok("incidents/history", {**body, "max_record_time": at - 1}) == []
    fresh.sup.call("incidents/history", {**body, "page_size": 2, "entity_type_page_size": 3}).must(400)


def test_ignore_self(fresh):
    mine = fresh.new_caller("OFFICER")
    incident = fresh.new_incident()["incident_id"]
    fresh.new_comment(incident, by=mine)
    fresh.new_comment(incident, by=fresh.soc)
    body = {"incident_id": incident}
    assert len(mine.ok("incidents/history", body)) == 5
    others = mine.ok("incidents/history", {**body, "ignore_self": True})
    assert kinds(others) == [("create", "incident_details"), ("create", "incident_comment"), ("update", "incident_details")]
    assert len(fresh.sup.ok("incidents/history", {**body, "ignore_self": True})) == 5


def test_history_of_files_and_responses(fresh):
    incident = fresh.new_incident()["incident_id"]
    attachment = fresh.new_attachment(incident)
    response = fresh.new_response(incident)
    decided = fresh.sup.ok("response/update", {"comment": "go", "response_id": response["response_id"], "status": "Confirmed"})
    comment = fresh.new_comment(incident)
    fresh.sup.ok("comments/delete", {"comment_id": comment["comment_id"]})
    records = fresh.sup.ok("incidents/history", {"incident_id": incident})
    assert kinds(records) == [
        ("create", "incident_details"), ("create", "incident_attachment"), ("update", "incident_details"),
        ("create", "incident_response"), ("update", "incident_details"), ("update", "incident_response"),
        ("update", "incident_details"), ("create", "incident_comment"), ("update", "incident_details"),
        ("delete", "incident_comment"), ("update", "incident_details")]
    assert records[1]["entity"]["incident_attachment"] == attachment
    assert records[3]["entity"]["incident_response"] == response
    assert records[5]["entity"]["incident_response"] == decided
    assert records[3]["changed_by"] == "Security Team" and records[5]["changed_by"] == "Supervisor"
    counts = fresh.sup.ok("incidents/details", {"incident_id": incident, "fields": ["counts"]})["counts"]
    assert counts == {"responses": 1, "comments": 0, "attachments": 1, "history": 11}
    everything = fresh.sup.ok("incidents/history", {})
    assert everything == records, "without incident_id: of all"


def test_update_time_moves_with_every_change_and_never_on_reading(fresh):
    incident = fresh.new_incident()["incident_id"]
    body = {"incident_id": incident}
    stamps = []

    def stamp():
        stamps.append(fresh.officer.ok("incidents/details", body)["update_time"])

    stamp()
    comment = fresh.new_comment(incident)
    stamp()
    assert stamps[-1] >= comment["creation_time"] > stamps[-2]
    fresh.new_attachment(incident)
    stamp()
    response = fresh.new_response(incident)
    stamp()
    fresh.sup.ok("response/update", {"comment": "x", "response_id": response["response_id"], "status": "Declined"})
    stamp()
    fresh.sup.ok("comments/delete", {"comment_id": comment["comment_id"]})
    stamp()
    fresh.soc.ok("incidents/update", {**body, "status": "On hold"})
    stamp()
    fresh.sup.ok("incidents/close", {**body, "resolution_status": "FALSE_POSITIVE", "summary": "x"})
    stamp()
    assert stamps == sorted(set(stamps)), stamps
    for name in ("incidents/details", "comments/list", "attachments/list", "responses/list", "chat/list", "incidents/history"):
        fresh.sup.ok(name, body)
    assert fresh.sup.ok("incidents/details", body)["update_time"] == stamps[-1]


# ---- A6 comments, attachments ----

def test_comments_are_deleted_by_their_author_only(fresh):
    mine = fresh.new_caller("OFFICER")
    comment = fresh.new_comment(by=mine)["comment_id"]
    assert fresh.officer.call("comments/delete", {"comment_id": comment}).status in (403, 404, 409)
    assert fresh.sup.call("comments/delete", {"comment_id": comment}).status in (403, 404, 409)
    mine.ok("comments/delete", {"comment_id": comment})
    mine.call("comments/delete", {"comment_id": comment}).must(404)


def test_attachment_link_opens_with_a_token_or_a_ticket(fresh, gateway):
    made = fresh.new_attachment(data=b"\x89PNG evil <script>", file_name="名前 \u202etxt.exe", media_type="text/html")
    assert made["link"].startswith(gateway.url + "/api/v1/"), made["link"]
    path = made["link"][len(gateway.url):]
    from lib.http import exchange
    got = exchange(gateway.url, "GET", path, None, fresh.sup.headers()).must()
    assert got.body == b"\x89PNG evil <script>"
    assert got.header("Content-Disposition").startswith("attachment")
    assert got.header("X-Content-Type-Options") == "nosniff" and "sandbox" in got.header("Content-Security-Policy")
    exchange(gateway.url, "GET", path).must(401)
    ticket = fresh.sup.ok("session/ticket", {"path": path})
    assert ticket["expires_at"] - now_ms() <= 60_000
    exchange(gateway.url, "GET", f"{path}?ticket={ticket['ticket']}").must()
    exchange(gateway.url, "GET", f"{path}?ticket={ticket['ticket']}").must(403)
    another = fresh.new_attachment()["link"][len(gateway.url):]
    ticket = fresh.sup.ok("session/ticket", {"path": path})["ticket"]
    exchange(gateway.url, "GET", f"{another}?ticket={ticket}").must(403)


# ---- A7 settings ----

def test_auto_response_settings(fresh):
    assert fresh.sup.ok("settings/auto_response/get") == {"auto_response": False, "mode": "off", "tenants": []}
    fresh.senior.ok("settings/auto_response/set", {"auto_response": True})
    assert fresh.sup.ok("settings/auto_response/get") == {"auto_response": True, "mode": "all", "tenants": []}
    fresh.sup.ok("settings/auto_response/set", {"mode": "selected", "tenants": [fresh.tenants["Tokyo"]]})
    assert fresh.sup.ok("settings/auto_response/get") == {"auto_response": True, "mode": "selected",
                                                          "tenants": [fresh.tenants["Tokyo"]]}
    fresh.sup.ok("settings/auto_response/set", {"auto_response": False})
    assert fresh.sup.ok("settings/auto_response/get")["mode"] == "off"


def test_response_types(fresh):
    said = {t["type"]: t for t in fresh.sup.ok("responses/types")}
    assert set(said) == set(CONTRACT.schemas["response_type"]["enum"])
    import jsonschema
    for info in said.values():
        jsonschema.Draft202012Validator.check_schema(info["parameters"])
    assert said["ISOLATE_HOST"]["undo"] == "RELEASE_HOST" and said["RUN_SCRIPT"]["systems"] == ["windows"]


def test_a_response_as_old_clients_see_it(fresh):
    got = fresh.new_response(type="RUN_SCRIPT", parameters={"interpreter": "powershell", "workingDirectory": "C:\\Windows",
                                                            "interpreterParameters": None})
    assert got["details"] == {"file_path": "", "file_size_limit": 0}
    assert got["status"] == "New" and got["execution"]["state"] == "none" and got["comment"] == ""
    assert 595_000 < got["decide_until"] - got["creation_time"] <= 605_000
    kill = fresh.new_response()
    assert kill["decide_until"] - kill["creation_time"] == pytest.approx(7 * DAY_MS, abs=5000)
    file = fresh.new_response(type="GET_FILE", parameters={"path": "C:\\a.exe", "max_size_bytes": 1000})
    assert file["details"]["file_path"] == "C:\\a.exe" and file["details"]["file_size_limit"] == 1000


def test_clients_keep_only_newer_chat(fresh):
    """Clients keep only comments with creation_time above their last stamp; so those stamps come from the same clock."""
    incident = fresh.new_incident()
    last = incident["update_time"]
    for _ in range(5):
        made = fresh.new_comment(incident["incident_id"], by=fresh.soc)
        [listed] = fresh.sup.ok("incidents/list", {"min_update_time": last + 1})
        assert [c["comment_id"] for c in listed["comments"] if c["creation_time"] > last] == [made["comment_id"]]
        last = listed["update_time"]


def test_two_organisations_number_their_incidents_apart(fresh, gateway):
    twin = Organisation(gateway, "Twin")
    assert fresh.new_incident()["incident_number"] == twin.new_incident()["incident_number"]


def test_fast_enough_for_a_poll(fresh):
    """No figure of merit, only that an empty poll takes no seconds."""
    last = fresh.new_incident()["update_time"]
    began = time.monotonic()
    for _ in range(20):
        assert fresh.sup.ok("incidents/list", {"min_update_time": last + 1}) == []
    assert time.monotonic() - began < 10


def test_bodies_are_plain_utf8(fresh):
    made = fresh.new_comment(text="日本語 😀 \u2028 \"quoted\" \\ / \t tab")
    reply = fresh.sup.call("comments/list", {"incident_id": ids(fresh.sup.ok("incidents/list", {}))[0]}).must()
    assert json.loads(reply.body)[0]["text"] == made["text"] == "日本語 😀 \u2028 \"quoted\" \\ / \t tab"
