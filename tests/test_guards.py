"""What keeps one caller from taking everything: memory, database connections, room in an incident. And what large lists look like."""
import concurrent.futures
import itertools
import json
import secrets
import socket
import threading

import pytest

from lib.api import Api
from lib.gateway import DatabaseDoor, Gateway, wait_for
from lib.organisation import Organisation

MIB = 1024 * 1024
ROOM = 4 * MIB  # of an incident's comments and responses


# ---- room in an incident ----

def large_responses(org, incident, each, n=3):
    """n responses at once, each with `each` bytes of parameters."""
    assets = [a["asset_id"] for a in org.assets[""][:n]]
    return org.soc.call("responses/create", {"incident_id": incident, "type": "IOC_SCAN", "asset_ids": assets, "description": "",
                                             "parameters": {"iocs": ["x" * each]}})


def fill(org, incident):
    """Leaves room for 10 to 20 kB."""
    def used():
        rows = org.gateway.query("select octet_length(comments) + octet_length(responses) from incidents where incident_id = %s",
                                 incident, client=org.id)
        return rows[0][0]
    while (left := ROOM - used()) > 20_000:
        large_responses(org, incident, min(150_000, left // 3 - 6_000)).must()
    assert left > 10_000


def test_an_incident_has_4_mib_for_comments_and_responses(fresh):
    incident = fresh.new_incident()["incident_id"]
    fill(fresh, incident)
    comment = {"incident_id": incident, "text": "\u3042" * 8192}  # 24 kB
    before = fresh.sup.ok("incidents/details", {"incident_id": incident, "fields": ["update_time", "counts"]})
    fresh.sup.call("comments/create", comment).must(409, "conflict")
    large_responses(fresh, incident, 8_000).must(409, "conflict")  # each of the three would fit
    assert fresh.sup.ok("incidents/details", {"incident_id": incident, "fields": ["update_time", "counts"]}) == before
    large_responses(fresh, incident, 8_000, n=1).must()
    small = fresh.new_comment(incident, text="short")
    fresh.sup.ok("comments/delete", {"comment_id": small["comment_id"]})
    fresh.new_comment(fresh.new_incident()["incident_id"], text=comment["text"])
    response = fresh.sup.ok("responses/list", {"incident_id": incident, "page_size": 1})[0]["response_id"]
    fresh.sup.ok("response/update", {"comment": "", "response_id": response, "status": "Confirmed"})  # deciding needs no room


# ---- memory ----

class SlowReader:
    """Asks for a list and never takes the answer."""

    def __init__(self, api, body=b"{}"):
        host, port = api.url.split("//")[1].split(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((host, int(port)))
        self.socket.sendall((f"POST {api.path('incidents/list')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.access_token}\r\n"
                             f"Content-Length: {len(body)}\r\n\r\n").encode() + body)

    def wait_answered(self):
        self.socket.settimeout(30)
        assert self.socket.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"
        return self

    def close(self):
        self.socket.close()


def test_slow_readers_do_not_fill_the_memory(fresh, gateway):
    """Past the limit reads are refused, writes are not; it is over with the readers."""
    incidents = [fresh.new_incident()["incident_id"] for _ in range(2)]
    for incident in incidents:
        fill(fresh, incident)
    small = Gateway(data_dir=gateway.data_dir, MDR_WORKERS="off", MDR_REPLY_MEMORY_MB=12).start()
    here, readers = fresh.sup.at(url=small.url), []
    try:
        here.ok("incidents/count", {})
        for _ in range(2):  # 8 MiB each
            readers.append(SlowReader(here).wait_answered())
        for name, body in (("incidents/list", {}), ("incidents/count", {}), ("session/whoami", {})):
            reply = here.call(name, body).must(503, "unavailable")
            assert int(reply.header("Retry-After")) > 0
        fresh.new_comment(fresh.new_incident()["incident_id"], by=here)
        assert here.get("/healthz").status == 200
        for reader in readers:
            reader.close()
        wait_for(lambda: here.call("incidents/count", {}).status == 200)
        assert len(here.ok("incidents/list", {})) == 3
    finally:
        for reader in readers:
            reader.close()
        small.stop()


# ---- database connections ----

@pytest.fixture
def behind_a_door(gateway):
    door = DatabaseDoor(gateway.database_socket())
    behind = Gateway(MDR_DATABASE_URL=door.url(), MDR_KEY_FILE=gateway.data_dir / "keys.json", MDR_WORKERS="off",
                     MDR_MIGRATE_URL=door.url("mdr_owner"), MDR_POOL_CONNECTIONS=6).start()
    yield door, behind
    door.release()
    behind.stop()
    door.close()


def at_once(calls):
    """Runs them in threads of their own; returns (threads, replies so far)."""
    replies = []
    threads = [threading.Thread(target=lambda c=c: replies.append(c())) for c in calls]
    for t in threads:
        t.start()
    return threads, replies


def test_lists_leave_connections_for_decisions(fresh, behind_a_door):
    """More lists at once than there are connections, none of which ends: who decides gets in all the same."""
    door, behind = behind_a_door
    made = [fresh.new_response()["response_id"] for _ in range(3)]
    here = [fresh.sup.at(url=behind.url), fresh.senior.at(url=behind.url)]
    text = "held back " + secrets.token_hex(8)
    door.hold(text)
    lists = [("incidents/list", {"search_phrase": text}), ("incidents/count", {"search_phrase": text}),
             ("assets/list", {"search_phrase": text}), ("assets/suggestion", {"search_phrase": text})]
    threads, replies = at_once([lambda n=n, b=b: here[0].call(n, b) for n, b in lists * 4])
    wait_for(lambda: door.held >= 4, 10)
    for api, response in zip(here * 2, made):
        api.ok("response/update", {"comment": "", "response_id": response, "status": "Confirmed"})
    here[1].ok("incidents/details", {"incident_id": fresh.new_incident()["incident_id"]})
    wait_for(lambda: len(replies) == 12, 20)
    assert door.held == 4 and {r.status for r in replies} == {503}, "what finds no connection is told so, in time"
    assert all(int(r.header("Retry-After")) > 0 for r in replies)
    door.release()
    for t in threads:
        t.join()
    assert sorted(r.status for r in replies) == [200] * 4 + [503] * 12
    here[0].ok("incidents/list", {"search_phrase": text})


def test_writers_of_many_clients_leave_connections_for_reads(gateway, behind_a_door):
    door, behind = behind_a_door
    organisations = [Organisation(gateway, "Many", tenants=()) for _ in range(6)]
    comments = [(o.sup.at(url=behind.url), o.new_incident()["incident_id"]) for o in organisations]
    readers = [(o.soc.at(url=behind.url), incident) for o, (_, incident) in zip(organisations, comments)]
    text = "held back " + secrets.token_hex(8)
    door.hold(text)
    threads, replies = at_once([lambda a=a, i=i: a.call("comments/create", {"incident_id": i, "text": text}) for a, i in comments])
    wait_for(lambda: door.held >= 4, 10)
    for api, incident in readers:
        api.ok("incidents/details", {"incident_id": incident})
    assert door.held == 4 and not replies
    door.release()
    for t in threads:
        t.join()
    assert [r.status for r in replies] == [200] * 6


# ---- lists of many slices ----

INCIDENTS = 1207  # three slices


@pytest.fixture(scope="module")
def large(gateway):
    """A client of the demo's data, and one caller."""
    client_id = secrets.token_hex(17)
    gateway.cli("demo", "--client", client_id, "--assets", "60", "--incidents", str(INCIDENTS), "--seed", "3")
    return Api.of(gateway.url, gateway.create_connection(client_id, "SUPERVISOR"))


def pages(api, size, **body):
    """The same list in pages of a size that is answered whole."""
    out = []
    for page in itertools.count(1):
        got = api.ok("incidents/list", {**body, "page": page, "page_size": size})
        out += got
        if len(got) < size:
            return out


WAYS = [{}, {"fields": ["incident_id", "summary"]}, {"fields": ["comments", "responses", "incident_number"]}, {"markdown_to_html": True},
        {"markdown_to_html": True, "fields": ["description", "comments", "incident_id"]}, {"sort": "creation_time:asc"},
        {"sort": "update_time:desc"}, {"sort": "update_time:asc"}, {"min_update_time": 1}]


@pytest.mark.parametrize("way", WAYS, ids=json.dumps)
def test_a_list_of_many_slices_is_the_sum_of_small_pages(way, large):
    reply = large.call("incidents/list", {**way, "page_size": 10000}).must()
    assert reply.header("Content-Type") == "application/json; charset=utf-8"
    whole = json.loads(reply.body)
    assert len(whole) == INCIDENTS
    assert whole == pages(large, 250, **way)


@pytest.mark.parametrize("size", [499, 500, 501, 999, 1000, 1001, 1206, 1207, 1208])
def test_ends_of_slices(size, large):
    """A page that ends with a slice, one row before and one after; and what follows it."""
    ids = {"fields": ["incident_id"]}
    whole = [i["incident_id"] for i in pages(large, 250, **ids)]
    first = [i["incident_id"] for i in large.ok("incidents/list", {**ids, "page_size": size})]
    second = [i["incident_id"] for i in large.ok("incidents/list", {**ids, "page_size": size, "page": 2})]
    assert first == whole[:size] and second == whole[size:2 * size]


@pytest.mark.parametrize("rows", [500, 1000])
def test_a_filter_that_ends_with_a_slice(rows, large):
    """The next slice is empty: no comma before the end."""
    times = [i["creation_time"] for i in pages(large, 250, fields=["creation_time"])]
    found = large.ok("incidents/list", {"min_creation_time": times[rows - 1], "page_size": 10000, "fields": ["creation_time"]})
    assert [i["creation_time"] for i in found] == [t for t in times if t >= times[rows - 1]]


def test_many_slices_for_many_at_once(large):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: large.call("incidents/list", {"page_size": 10000}).must().body, range(16)))
    assert len(set(replies)) == 1
