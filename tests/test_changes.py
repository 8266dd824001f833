"""changes/list, consumers: whoever follows sees what the ledger holds, in its order, each row once (contract B5)."""
import json
import random
import secrets
import threading
import time

import pytest

from lib.api import Api
from lib.contract import CONTRACT
from lib.events import Stream
from lib.gateway import wait_for
from lib.organisation import new_asset_id

WRITERS, SECONDS = 8, 6
KINDS = CONTRACT.schemas["change_kind"]["enum"]


def ledger(gateway, client_id, where="true"):
    """What is true: positions and kinds by SQL."""
    return gateway.query(f"select position, kind, object_id, operation from ledger where client_id = %s and {where} order by position",
                         client_id, client=client_id)


def brief(row):
    return row["position"], row["kind"], row["object_id"], row["operation"]


def follow(by, **body):
    """All rows there are now, and where it got."""
    rows, after = [], body.pop("after", 0)
    while True:
        page = by.ok("changes/list", {"after": after, **body})
        rows += page["changes"]
        assert page["next"] >= after
        after = page["next"]
        if not page["more"]:
            return rows, after


# ---- under load ----

class Load:
    """Writers of every kind, through both gateways."""

    def __init__(self, org, urls):
        self.org, self.urls, self.until, self.faults = org, urls, time.monotonic() + SECONDS, []
        self.incidents = [org.new_incident()["incident_id"] for _ in range(4)]
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(WRITERS)]

    def run(self, number):
        dice, url = random.Random(number), self.urls[number % len(self.urls)]
        try:
            while time.monotonic() < self.until:
                self.change(dice, url)
        except Exception as fault:  # noqa: BLE001
            self.faults.append(f"{type(fault).__name__}: {fault}")

    def change(self, dice, url):
        incident, soc, sup = dice.choice(self.incidents), self.org.soc.at(url=url), self.org.sup.at(url=url)
        what = dice.randrange(6)
        if what == 0:
            soc.ok("incidents/ingest", self.org.ingest_body(dice.choice(["", "Tokyo", "Osaka"])))
        elif what == 1:
            soc.ok("assets/upsert", {"assets": [{"asset_id": new_asset_id(), "host_name": f"h{dice.random()}"} for _ in range(3)]})
        elif what == 2:
            sup.ok("settings/general/set", {"offline_after_days": dice.randrange(2, 30)})
        elif what == 3:
            soc.ok("responses/create", self.org.response_body(incident))
        else:
            sup.ok("comments/create", {"incident_id": incident, "text": f"{dice.random()} 日本語"})

    def running(self):
        return any(t.is_alive() for t in self.threads)


class Poller(threading.Thread):
    def __init__(self, by, newest, **body):
        super().__init__()
        self.by, self.newest, self.body, self.rows, self.after, self.fault = by, newest, body, [], 0, None

    def run(self):
        try:
            while self.after < self.newest():
                page = self.by.ok("changes/list", {"after": self.after, **self.body})
                self.rows += page["changes"]
                self.after = page["next"]
        except Exception as fault:  # noqa: BLE001
            self.fault = fault


class Reconnecting(threading.Thread):
    """An event stream that is cut again and again, and goes to the other gateway."""

    def __init__(self, by, urls, newest):
        super().__init__()
        self.by, self.urls, self.newest, self.rows, self.cuts = by, urls, newest, [], 0

    def run(self):
        dice, last = random.Random(7), 0
        while last < self.newest():
            stream = Stream(self.by, url=self.urls[self.cuts % len(self.urls)], last_id=last)
            stream.over.wait(dice.uniform(0.05, 0.6))
            stream.close()
            stream.over.wait(10)
            self.rows += stream.rows
            last = stream.last_id if stream.last_id is not None else last
            self.cuts += 1


def test_followers_end_with_the_ledgers_sequence(gateway, second, fresh):
    urls = [gateway.url, second.url]
    load = Load(fresh, urls)

    def newest():
        """Unreachable while anybody writes."""
        return 10 ** 9 if load.running() else ledger(gateway, fresh.id)[-1][0]
    [t.start() for t in load.threads]
    readers = [Poller(fresh.sup.at(url=urls[0]), newest, limit=7), Poller(fresh.sup.at(url=urls[1]), newest, wait_s=2, limit=1000),
               Reconnecting(fresh.sup, urls, newest)]
    [r.start() for r in readers]
    [t.join() for t in load.threads + readers]
    assert not load.faults, load.faults[:3]
    truth = ledger(gateway, fresh.id)
    assert len(truth) > 100 and [t[0] for t in truth] == list(range(1, len(truth) + 1))
    for reader in readers:
        assert not getattr(reader, "fault", None), reader.fault
        assert [brief(r) for r in reader.rows] == truth, type(reader).__name__
    assert readers[2].cuts > 3


# ---- what a row is ----

def test_a_row_holds_what_history_holds(org):
    incident = org.new_incident()
    org.new_comment(incident["incident_id"])
    org.new_response(incident["incident_id"])
    org.new_attachment(incident["incident_id"])
    rows, _ = follow(org.sup, incident_id=incident["incident_id"])
    history = org.sup.ok("incidents/history", {"incident_id": incident["incident_id"]})
    assert [(r["operation"], r["changed_at"], r["changed_by"], r["entity"]) for r in rows] == \
           [(h["operation"], h["changed_at"], h["changed_by"], h["entity"]) for h in history]
    assert len(rows) == 7 and all(list(r["entity"]) == [r["kind"]] for r in rows)
    assert org.sup.call("changes/list", {"incident_id": incident["incident_id"], "after": rows[0]["position"]}).json["changes"] == rows[1:]


def test_every_kind_has_its_rows(gateway, fresh):
    fresh.new_comment()
    fresh.new_attachment()
    fresh.new_response()
    fresh.new_user()
    fresh.sup.ok("settings/general/set", {"offline_after_days": 9})
    rows, newest = follow(fresh.sup, limit=1000)
    truth = ledger(gateway, fresh.id)
    assert [brief(r) for r in rows] == truth and newest == truth[-1][0]
    assert {t[1] for t in truth} <= set(KINDS), "a kind that nobody gets to see"
    for kind in KINDS:
        some, end = follow(fresh.sup, kinds=[kind], limit=3)
        assert [brief(r) for r in some] == [t for t in truth if t[1] == kind], kind
        assert end == newest, "next moves past rows that were left out"
    follow(fresh.sup, kinds=KINDS)
    fresh.sup.call("changes/list", {"kinds": ["incident"]}).must(400)


def test_who_may_see_which_kind(fresh):
    fresh.new_user()
    fresh.new_webhook()  # its URL may be as good as a password
    fresh.sup.ok("settings/general/set", {"offline_after_days": 9})
    secret = {"connection", "user", "webhook"}
    for role, by in fresh.roles.items():
        if role == "CONNECTOR":
            by.call("changes/list", {}).must(403, "forbidden")
            continue
        kinds = {r["kind"] for r in follow(by)[0]}
        assert (secret <= kinds) is (role == "SUPERVISOR"), role
        assert {"setting", "tenant", "asset"} <= kinds
        for kind in secret if role != "SUPERVISOR" else ():
            by.call("changes/list", {"kinds": [kind]}).must(403, "forbidden")
            by.call("changes/list", {"kinds": ["asset", kind]}).must(403, "forbidden")


def test_a_token_of_some_tenants_sees_theirs(gateway, fresh):
    for tenant in ("", "Tokyo", "Osaka", "Tokyo"):
        fresh.new_comment(fresh.new_incident(tenant)["incident_id"])
    fresh.new_user()
    tokyo = fresh.tenants["Tokyo"]
    by = fresh.new_caller("SUPERVISOR", tenants=[tokyo])
    rows, newest = follow(by, limit=2)
    assert [brief(r) for r in rows] == ledger(gateway, fresh.id, f"tenant_id = '{tokyo}'")
    assert {r["tenant_id"] for r in rows} == {tokyo} and newest == ledger(gateway, fresh.id)[-1][0]
    root = fresh.new_caller("SUPERVISOR", tenants=["-", tokyo])
    kinds = {r["kind"] for r in follow(root)[0]}
    assert "asset" in kinds and not kinds & {"connection", "user", "setting"}, "these are about everybody"
    root.call("changes/list", {"kinds": ["connection"]}).must(403)


def test_no_row_of_another_client(org, other):
    canary = "CANARY" + secrets.token_hex(8)
    other.new_comment(text=canary)
    stream = Stream(org.sup, "?after=0").wait_open()
    rows, _ = follow(org.sup, limit=1000)
    end = rows[-1]["position"]
    org.new_comment()
    wait_for(lambda: stream.last_id > end)
    assert canary not in json.dumps(rows) and canary not in stream.raw and other.id not in stream.raw
    assert canary in json.dumps(follow(other.sup, limit=1000)[0])
    stream.close()


def test_ignore_self_and_self(fresh):
    incident = fresh.new_incident()["incident_id"]
    fresh.new_comment(incident, by=fresh.officer)
    rows, _ = follow(fresh.officer, incident_id=incident)
    assert [r["self"] for r in rows] == [False, True, True]
    assert [r["self"] for r in follow(fresh.officer, incident_id=incident, ignore_self=True)[0]] == [False]


def test_incidents_of_others_are_missing(org, other):
    for incident in ("AAAAAAAAAAAAAAAAAAAA", other.new_incident()["incident_id"]):
        org.sup.call("changes/list", {"incident_id": incident}).must(404)
        assert Stream(org.sup, f"?incident_id={incident}").status == 404


# ---- where it begins ----

def test_where_it_begins(fresh):
    first = fresh.sup.ok("changes/list", {"limit": 1})
    assert first["changes"][0]["position"] == 1 and first["next"] == 1 and first["more"]
    assert fresh.sup.ok("changes/list", {"after": 0, "limit": 1}) == first
    end = fresh.sup.ok("changes/list", {"after": -1})
    assert end["changes"] == [] and not end["more"]
    made = fresh.new_incident()
    page = fresh.sup.ok("changes/list", {"after": end["next"]})
    assert [r["object_id"] for r in page["changes"]] == [made["incident_id"]]
    reply = fresh.sup.call("changes/list", {"after": page["next"] + 1}).must(400)
    assert reply.json["errors"][0]["pointer"] == "/after"


def test_few_rows_among_very_many(gateway, fresh):
    """One look goes over 20,000 rows; a filter that leaves out all of them still gets to the end, and next moves."""
    gateway.query("insert into ledger select client_id, position + n, changed_at, tenant_id, incident_id, 'asset', object_id, operation, changed_by,"
                  " connection, snapshot, hash from (select l.* from ledger l where client_id = %s and kind = 'asset' limit 1) l,"
                  " generate_series((select position from clocks where client_id = l.client_id) - l.position + 1,"
                  "                 (select position from clocks where client_id = l.client_id) - l.position + 50000) n",
                  fresh.id, client=fresh.id)
    gateway.query("update clocks set position = position + 50000 where client_id = %s", fresh.id, client=fresh.id)
    made = fresh.new_incident()
    begun = time.monotonic()
    rows, newest = follow(fresh.sup, kinds=["incident_details"])
    assert [r["object_id"] for r in rows] == [made["incident_id"]] and newest > 50000
    assert time.monotonic() - begun < 20
    stream = Stream(fresh.sup, "?after=0&kinds=incident_details")
    assert stream.wait_rows(1)[0]["object_id"] == made["incident_id"]
    stream.close()


# ---- waiting ----

def test_waiting_ends_with_the_change(gateway, second, fresh):
    """Written on one gateway, waited for on the other."""
    for url in (gateway.url, second.url):
        after = fresh.sup.ok("changes/list", {"after": -1})["next"]
        got = {}

        def wait(url=url, after=after, got=got):
            got["page"], got["at"] = fresh.sup.at(url=url).ok("changes/list", {"after": after, "wait_s": 20}), time.monotonic()
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(1)
        assert thread.is_alive()
        made = fresh.new_incident()
        written = time.monotonic()
        thread.join()
        assert [r["object_id"] for r in got["page"]["changes"]] == [made["incident_id"]]
        assert got["at"] - written < 1.5, "the other gateway looks every 500 ms"


def test_waiting_ends_with_its_time(fresh):
    after = fresh.sup.ok("changes/list", {"after": -1})["next"]
    for wait_s, body in ((0, {}), (1, {}), (2, {"kinds": ["user"]})):
        begun = time.monotonic()
        assert fresh.sup.ok("changes/list", {"after": after, "wait_s": wait_s, **body}) == {"changes": [], "next": after, "more": False}
        assert wait_s <= time.monotonic() - begun < wait_s + 2


def test_a_change_that_is_left_out_moves_next(fresh):
    after = fresh.sup.ok("changes/list", {"after": -1})["next"]
    threading.Timer(0.5, fresh.new_incident).start()
    page = fresh.sup.ok("changes/list", {"after": after, "wait_s": 2, "kinds": ["user"]})
    assert page["changes"] == [] and page["next"] == after + 1


def test_a_revoked_connection_waits_in_vain(gateway, second, fresh):
    made = fresh.new_connection("OFFICER")
    by = Api.of(gateway.url, made, fresh.id)
    after = by.ok("changes/list", {"after": -1})["next"]
    got = {}
    thread = threading.Thread(target=lambda: got.update(reply=by.at(url=second.url).call("changes/list", {"after": after, "wait_s": 15})))
    thread.start()
    time.sleep(0.5)
    fresh.sup.ok("robot_sessions/delete", {"session_id": made["session_id"]})
    fresh.new_incident()
    thread.join()
    got["reply"].must(403, "token_invalid")


def test_waiting_holds_no_database_connection(gateway, fresh):
    """More wait than there are connections, and others are answered meanwhile."""
    after = fresh.sup.ok("changes/list", {"after": -1})["next"]
    threads = [threading.Thread(target=lambda: fresh.sup.call("changes/list", {"after": after, "wait_s": 4, "kinds": ["user"]}).must()) for _ in range(30)]
    [t.start() for t in threads]
    wait_for(lambda: gateway.metric("mdr_long_polls") >= 30)
    begun = time.monotonic()
    fresh.sup.ok("incidents/list", {"page_size": 1})
    fresh.new_incident()
    assert time.monotonic() - begun < 2
    [t.join() for t in threads]
    wait_for(lambda: gateway.metric("mdr_long_polls") == 0)


# ---- consumers ----

def consumer(by, name):
    found = [c for c in by.ok("consumers/list") if c["name"] == name]
    return found[0] if found else None


def test_a_consumer_keeps_its_place(fresh):
    by = fresh.new_caller("OFFICER", name="SIEM")
    incident = fresh.new_incident()["incident_id"]
    page = by.ok("changes/list", {"limit": 5, "consumer": "siem"})
    assert page == by.ok("changes/list", {"limit": 5}), "from the oldest row on"
    made = by.ok("consumers/ack", {"name": "siem", "after": page["next"]})
    assert made["after"] == page["next"] and made["lag_rows"] > 0 and made["lag_ms"] > 0 and made["owner_name"] == "SIEM"
    again = by.ok("changes/list", {"limit": 5, "consumer": "siem"})
    assert again["changes"][0]["position"] > page["next"]
    newest = by.ok("changes/list", {"after": -1})["next"]
    done = by.ok("consumers/ack", {"name": "siem", "after": newest})
    assert (done["lag_rows"], done["lag_ms"]) == (0, 0) and done["last_seen"] >= made["last_seen"]
    assert by.ok("consumers/ack", {"name": "siem", "after": 1})["after"] == newest, "never back"
    assert by.ok("consumers/ack", {"name": "siem", "after": 1, "rewind": True})["after"] == 1
    assert consumer(by, "siem")["after"] == 1
    reply = by.call("consumers/ack", {"name": "siem", "after": newest + 10 ** 6}).must(400)
    assert reply.json["errors"][0]["pointer"] == "/after"
    by.call("changes/list", {"consumer": "siem", "after": 3}).must(400)
    fresh.new_comment(incident)
    assert [brief(r) for r in follow(by)[0]][-1][0] == newest + 2, "acknowledging is no change"


def test_whose_consumers_are_whose(fresh, other):
    one, two = fresh.new_caller("OFFICER"), fresh.new_caller("OFFICER")
    one.ok("consumers/ack", {"name": "mine", "after": 3})
    two.ok("consumers/ack", {"name": "mine", "after": 5})
    assert consumer(one, "mine")["after"] == 3 and consumer(two, "mine")["after"] == 5
    assert sorted(c["after"] for c in fresh.sup.ok("consumers/list")) == [3, 5], "an administrator sees all"
    limited = fresh.new_caller("SUPERVISOR", tenants=[fresh.tenants["Tokyo"]])
    assert limited.ok("consumers/list") == []
    assert not [c for c in other.sup.ok("consumers/list") if c["name"] == "mine"]
    one.ok("consumers/delete", {"name": "mine"})
    one.ok("consumers/delete", {"name": "mine"})
    assert consumer(one, "mine") is None and consumer(two, "mine")


def test_how_many_consumers(fresh):
    by = fresh.new_caller("OFFICER")
    for i in range(50):
        by.ok("consumers/ack", {"name": f"c{i}", "after": 0})
    by.call("consumers/ack", {"name": "one more", "after": 0}).must(409)
    by.ok("consumers/ack", {"name": "c7", "after": 1})
    by.ok("consumers/delete", {"name": "c8"})
    by.ok("consumers/ack", {"name": "one more", "after": 0})


def test_a_forgotten_consumer(gateway, fresh):
    by = fresh.new_caller("OFFICER")
    by.ok("consumers/ack", {"name": "old", "after": 1})
    gateway.query("update consumers set last_seen = last_seen - 366 * 86400000::bigint where client_id = %s", fresh.id, client=fresh.id)
    by.ok("consumers/ack", {"name": "new", "after": 1})
    assert [c["name"] for c in by.ok("consumers/list")] == ["new"]
