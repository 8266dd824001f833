"""GET events: the ledger's rows as Server-Sent Events, on every node, for as long as the right to see them lasts (contract B5)."""
import socket
import time

import pytest

from lib import tokens
from lib.api import Api
from lib.events import Stream
from lib.gateway import Gateway, is_sanitized, wait_for
from lib.http import exchange
from lib.organisation import Organisation


def newest(by):
    return by.ok("changes/list", {"after": -1})["next"]


@pytest.fixture
def small(gateway):
    """A gateway on the same database with room for few streams."""
    one = Gateway(data_dir=gateway.data_dir, MDR_WORKERS="off", MDR_STREAM_LIMIT=5, MDR_STREAMS_PER_CLIENT=4).start()
    yield one
    one.stop()


# ---- what comes ----

def test_headers_and_first_block(org):
    stream = Stream(org.sup).wait_open()
    assert stream.reply.getheader("Content-Type") == "text/event-stream; charset=utf-8"
    assert stream.reply.getheader("Cache-Control") == "no-store" and stream.reply.getheader("X-Accel-Buffering") == "no"
    assert stream.blocks[0]["id"] and not stream.blocks[0]["data"], "a new stream says where it begins"
    assert stream.raw.startswith("retry: 2000\nid: ")
    stream.close()


def test_an_event_is_the_row_of_changes_list(fresh):
    begin = newest(fresh.sup)
    stream = Stream(fresh.sup).wait_open()
    assert stream.last_id == begin
    fresh.new_comment(text="改行\n\r\u2028と \"引用\"")
    fresh.new_response()
    rows = fresh.sup.ok("changes/list", {"after": begin})["changes"]
    assert stream.wait_rows(len(rows)) == rows and len(rows) >= 5
    events = [b for b in stream.blocks if b["data"]]
    assert [(int(b["id"]), b["event"]) for b in events] == [(r["position"], r["kind"]) for r in rows]
    stream.close()


def test_it_comes_at_once_and_from_the_other_gateway(gateway, second, fresh):
    here, there = Stream(fresh.sup).wait_open(), Stream(fresh.sup, url=second.url).wait_open()
    for n in range(1, 6):
        time.sleep(0.3)
        written = time.time()
        fresh.new_incident()
        wait_for(lambda n=n: len(here.rows) >= n and len(there.rows) >= n, 5, every=0.005)
        last = lambda s: [b for b in s.blocks if b["data"]][-1]["at"] - written  # noqa: E731
        assert last(here) < 0.5 and last(there) < 1.5, (last(here), last(there))
    assert here.rows == there.rows
    here.close()
    there.close()


def test_resuming(fresh):
    begin = newest(fresh.sup)
    for _ in range(4):
        fresh.new_incident()
    first = Stream(fresh.sup, f"?after={begin}")
    rows = first.wait_rows(4)
    first.close()
    for query, last_id in (("", rows[1]["position"]), (f"?after={begin}", rows[1]["position"]), (f"?after={rows[1]['position']}", None)):
        stream = Stream(fresh.sup, query, last_id=last_id)
        assert stream.wait_rows(2) == rows[2:]
        stream.close()
    whole = Stream(fresh.sup, "?after=0")
    assert whole.wait_rows(rows[-1]["position"])[0]["position"] == 1
    whole.close()


@pytest.mark.parametrize("given", ["abc", "-1", "1.5", "1e3", " ", "1 2", "99999999999999999999", "9" * 300, "0x10", "１"])
def test_garbage_as_last_id(org, given):
    stream = Stream(org.sup, last_id=given.encode().decode("latin-1"))
    assert stream.status == (400 if given.strip() else 200), given
    stream.close()


def test_beyond_the_newest(org):
    assert Stream(org.sup, last_id=newest(org.sup) + 10 ** 6).status == 400
    assert Stream(org.sup, f"?after={newest(org.sup) + 10 ** 6}").status == 400
    for query in ("?after=x", "?after=-1", "?kinds=incident", "?ignore_self=yes", "?no_such=1", "?kinds=asset,nothing"):
        assert Stream(org.sup, query).status == 400, query


def test_filters(fresh):
    begin = newest(fresh.sup)
    incident = fresh.new_incident()["incident_id"]
    fresh.new_comment(incident, by=fresh.sup)
    fresh.new_incident()
    for query, wanted in (("&kinds=incident_comment", 1), ("&kinds=incident_comment,incident_details", 4), (f"&incident_id={incident}", 3),
                          ("&ignore_self=true", 2), ("&kinds=", 4)):
        stream = Stream(fresh.sup, f"?after={begin}{query}")
        stream.wait_rows(wanted)
        time.sleep(0.3)
        assert len(stream.rows) == wanted, query
        stream.close()
    assert Stream(fresh.officer, "?kinds=user").status == 403


def test_heartbeat_moves_the_id_past_what_is_left_out(fresh):
    stream = Stream(fresh.sup, "?kinds=user").wait_open()
    fresh.new_incident()
    end = newest(fresh.sup)
    wait_for(lambda: any(b["comment"] for b in stream.blocks), 20)
    assert not stream.rows and stream.last_id == end
    stream.close()


def test_tenants(fresh):
    by = fresh.new_caller("OFFICER", tenants=[fresh.tenants["Tokyo"]])
    stream = Stream(by).wait_open()
    made = [fresh.new_incident(t)["incident_id"] for t in ("", "Tokyo", "Osaka", "Tokyo")]
    assert [r["object_id"] for r in stream.wait_rows(2)] == [made[1], made[3]]
    stream.close()


def test_streams_at_one_position_share_looks_and_nothing_else(gateway, fresh):
    """Of one client, open at once and woken by the same changes: what each may see and wants to see differs."""
    tokyo, osaka = (fresh.new_caller("OFFICER", tenants=[fresh.tenants[t]]) for t in ("Tokyo", "Osaka"))
    incident = fresh.new_incident("Tokyo")["incident_id"]
    queries = {"all": (fresh.sup, ""), "tokyo": (tokyo, ""), "osaka": (osaka, ""), "comments": (fresh.sup, "?kinds=incident_comment"),
               "incident": (fresh.sup, f"?incident_id={incident}"), "others'": (tokyo, "?ignore_self=true"),
               "not sup's": (fresh.sup, "?ignore_self=true&kinds=incident_details"),
               "not soc's": (fresh.soc, "?ignore_self=true&kinds=incident_details")}
    streams = {name: [Stream(by, query).wait_open() for _ in range(4)] for name, (by, query) in queries.items()}
    looks = {shared: gateway.metric(f'mdr_event_looks_total{{shared="{shared}"}}') for shared in ("false", "true")}
    fresh.new_comment(incident, by=tokyo)
    fresh.new_incident("Osaka")
    fresh.new_incident("Tokyo")
    rows = streams["all"][0].wait_rows(4)
    assert [r["kind"] for r in rows] == ["incident_comment", *["incident_details"] * 3]
    wanted = {"all": rows, "tokyo": [rows[0], rows[1], rows[3]], "osaka": [rows[2]], "comments": rows[:1], "incident": rows[:2],
              "others'": [rows[3]], "not sup's": rows[1:], "not soc's": rows[1:2]}
    for name, expected in wanted.items():
        for stream in streams[name]:
            stream.wait_rows(len(expected))
    time.sleep(1)
    for name, expected in wanted.items():
        for stream in streams[name]:
            mine = {tokyo: rows[:2], fresh.soc: rows[2:]}.get(queries[name][0], [])
            assert [(r["position"], r["self"]) for r in stream.rows] == [(r["position"], r in mine) for r in expected], name
    more = {shared: gateway.metric(f'mdr_event_looks_total{{shared="{shared}"}}') - n for shared, n in looks.items()}
    assert more["true"] > more["false"] / 2, more
    for stream in sum(streams.values(), []):
        stream.close()


def test_clients_at_one_position_share_no_look(gateway, fresh):
    """The look of one is there, newer and from the same position, when the other's stream opens."""
    twin = Organisation(gateway, "Twin")
    begin = newest(fresh.sup)
    assert newest(twin.sup) == begin
    theirs = Stream(fresh.sup).wait_open()
    made = twin.new_incident()["incident_id"]
    fresh.new_incident()
    theirs.wait_rows(1)
    ours = Stream(twin.sup, f"?after={begin}")
    assert [r["object_id"] for r in ours.wait_rows(1)] == [made]
    theirs.close()
    ours.close()


# ---- how it ends ----

def test_revocation_ends_it(gateway, second, fresh):
    """Within 5 s, also on the node that did not hear of it."""
    made = fresh.new_connection("OFFICER")
    by = Api.of(gateway.url, made, fresh.id)
    streams = [Stream(by, url=url).wait_open() for url in (gateway.url, second.url)]
    revoked = time.monotonic()
    fresh.sup.ok("robot_sessions/delete", {"session_id": made["session_id"]})
    for stream in streams:
        assert stream.over.wait(10) and time.monotonic() - revoked < 5.5
        assert [e["code"] for e in stream.errors] == ["token_invalid"] and stream.clean
    time.sleep(max(0, revoked + 5 - time.monotonic()))
    before = [len(s.rows) for s in streams]
    fresh.new_incident()
    time.sleep(1)
    assert [len(s.rows) for s in streams] == before


def test_other_rights_end_it(fresh):
    login = fresh.new_user("OFFICER")
    fresh.sup.ok("users/accept", {"token": login["invitation_token"], "password": "correct horse battery staple"}, token=None)
    pair = fresh.sup.ok("session/login", {"email": login["user"]["email"], "password": "correct horse battery staple"}, token=None)
    by = Api(fresh.sup.url, fresh.id, access_token=pair["access_token"])
    stream = Stream(by).wait_open()
    fresh.sup.ok("users/update", {"user_id": login["user"]["user_id"], "tenants": [{"tenant_id": fresh.tenants["Tokyo"]}]})
    assert stream.over.wait(6)
    assert stream.errors[0]["code"] == "token_invalid"


def test_expiry_ends_it(gateway, org):
    header, claims = tokens.decode(org.sup.access_token)
    claims["exp"] = int(time.time()) + 4
    _, key = gateway.key()
    by = Api(org.sup.url, org.id, access_token=tokens.sign(header, claims, key))
    stream = Stream(by).wait_open()
    assert stream.over.wait(8) and stream.errors[0]["code"] == "token_invalid" and stream.clean
    assert time.time() >= claims["exp"] - 1


def test_the_gateway_stops(gateway, fresh):
    one = Gateway(data_dir=gateway.data_dir, MDR_WORKERS="off").start()
    streams = [Stream(fresh.sup, url=one.url).wait_open() for _ in range(5)]
    begun = time.monotonic()
    one.stop()
    assert time.monotonic() - begun < 8
    for stream in streams:
        assert stream.over.wait(1) and stream.clean
        assert ": the gateway is stopping\n" in stream.raw or stream.raw.count("id: ") >= 1


def test_a_reader_that_goes_away_is_noticed(gateway, fresh):
    before = gateway.metric("mdr_event_streams")
    streams = [Stream(fresh.sup, read=False) for _ in range(4)]
    wait_for(lambda: gateway.metric("mdr_event_streams") >= before + 4)
    for stream in streams:
        stream.close()
    wait_for(lambda: gateway.metric("mdr_event_streams") <= before, 5)


def test_head_leaves_no_stream(gateway, org):
    before = gateway.metric("mdr_event_streams")
    reply = org.sup.get("events", method="HEAD").must()
    assert reply.body == b"" and reply.header("Content-Type").startswith("text/event-stream")
    wait_for(lambda: gateway.metric("mdr_event_streams") <= before, 5)


# ---- tickets ----

def test_ticket(fresh):
    ticket = fresh.sup.ok("session/ticket", {"path": fresh.sup.path("events") + "?after=0"})["ticket"]
    stream = Stream(fresh.sup, f"?ticket={ticket}&after=0&kinds=asset", token=None)
    stream.wait_rows(3)
    assert Stream(fresh.sup, f"?ticket={ticket}", token=None).status == 403, "opens once"
    assert not stream.over.wait(6), "lives on after the recheck"
    fresh.new_assets(1)
    wait_for(lambda: len(stream.rows) >= 8)
    stream.close()


def test_ticket_dies_with_its_makers_token(gateway, fresh):
    header, claims = tokens.decode(fresh.officer.access_token)
    claims["exp"] = int(time.time()) + 5
    _, key = gateway.key()
    maker = Api(fresh.sup.url, fresh.id, access_token=tokens.sign(header, claims, key))
    ticket = maker.ok("session/ticket", {"path": maker.path("events")})["ticket"]
    stream = Stream(maker, f"?ticket={ticket}", token=None).wait_open()
    assert stream.over.wait(9) and stream.errors[0]["code"] == "token_invalid"


def test_what_is_refused_is_a_problem(org, other):
    """Asked as plain requests, so that they are held against openapi.yaml."""
    for query in ("?after=x", "?after=-2", "?unknown=1", "?after=9007199254740990"):
        org.sup.get("events", query=query).must(400)
    org.sup.get("events", headers={"Last-Event-ID": "x"}).must(400)
    foreign = other.new_incident()["incident_id"]
    org.sup.get("events", query=f"?incident_id={foreign}").must(404)


# ---- many, slow, dead ----

def test_limits(gateway, small, fresh, other):
    two = [Stream(fresh.sup, url=small.url).wait_open() for _ in range(2)]
    refused = exchange(small.url, "GET", fresh.sup.path("events"), None, fresh.sup.headers()).must(429, "rate_limited")
    assert refused.header("Retry-After")
    after = newest(fresh.sup)
    waiting = fresh.sup.at(url=small.url)
    waiting.call("changes/list", {"after": after, "wait_s": 5}).must(429, "rate_limited")
    assert waiting.call("changes/list", {"after": after}).must().json["changes"] == [], "who does not wait is answered"
    three = [Stream(fresh.officer, url=small.url).wait_open() for _ in range(2)]  # half is left to the others of the client
    exchange(small.url, "GET", fresh.senior.path("events"), None, fresh.senior.headers()).must(429, "rate_limited")
    three.append(Stream(other.sup, url=small.url).wait_open())
    assert exchange(small.url, "GET", other.sup.path("events"), None, other.sup.headers()).must(503).header("Retry-After")
    two[0].close()
    wait_for(lambda: Stream(fresh.sup, url=small.url).status == 200, 5)
    for stream in (*two, *three):
        stream.close()


def raw_stream(by, after):
    """A caller that does not read."""
    host, port = by.url.split("//")[1].split(":")
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect((host, int(port)))
    s.sendall(f"GET {by.path('events')}?after={after} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {by.access_token}\r\n\r\n".encode())
    return s


def test_slow_readers_hold_nothing(gateway, fresh):
    """More of them than database connections, each with megabytes before it: others go on, memory stays."""
    for i in range(60):
        fresh.new_incident(description="x" * 8000, recommendations="y" * 8000)
    wait_for(lambda: gateway.metric("mdr_event_streams") == 0, 10)
    before = gateway.metric("process_resident_memory_bytes")
    sockets = [raw_stream(fresh.sup, 0) for _ in range(20)]
    wait_for(lambda: gateway.metric("mdr_event_streams") == 20)
    time.sleep(2)
    begun = time.monotonic()
    for _ in range(5):
        fresh.new_comment()
        fresh.sup.ok("incidents/list", {"page_size": 10})
    assert time.monotonic() - begun < 5
    grown = gateway.metric("process_resident_memory_bytes") - before
    assert is_sanitized() or grown < 4 * 1024 * 1024, f"{grown} bytes"  # the sanitizers keep what was freed
    live = Stream(fresh.sup).wait_open()
    fresh.new_incident()
    live.wait_rows(1)
    live.close()
    for s in sockets:
        s.close()
    wait_for(lambda: gateway.metric("mdr_event_streams") == 0, 20)


def test_a_slow_reader_gets_everything(fresh):
    for i in range(30):
        fresh.new_incident(description="d" * 8000, recommendations=f"{i}" * 4000)
    end = newest(fresh.sup)
    s, data = raw_stream(fresh.sup, 0), b""
    while f"id: {end}\n".encode() not in data:
        data += s.recv(30000)
        time.sleep(0.001)
    s.close()
    ids = [int(line[4:]) for line in data.split(b"\n") if line.startswith(b"id: ")]
    assert ids == list(range(0, end + 1))


def test_the_database_goes_away(gateway):
    """Streams stay, and go on behind the last row when it is back."""
    import os
    import signal
    one = Gateway().start()
    try:
        org = Organisation(one, "Alone")
        stream = Stream(org.sup).wait_open()
        one.expect_errors("cluster_died", "database_error")
        os.kill(one.postmaster_pid(), signal.SIGKILL)
        time.sleep(6)
        wait_for(one.is_ready, 60)
        wait_for(lambda: org.soc.call("incidents/ingest", org.ingest_body(), record=False).status == 200, 30)
        assert stream.wait_rows(1, 20) and not stream.errors and not stream.over.is_set()
        stream.close()
    finally:
        one.stop()
