"""update_time is the synchronisation clock (contract A5): a poller that asks for last + 1 under concurrent writers sees
every change, none twice; with one gateway and with two. A writer that stamps before it commits must make the check fail."""
import random
import threading
import time

import pytest

WRITERS, SECONDS, LAG_S = 8, 8, 3


class Writers:
    """Threads that change incidents of one client and note each update_time that they were told."""

    def __init__(self, org, urls, seconds):
        self.org, self.urls, self.until = org, urls, time.monotonic() + seconds
        self.incidents = [org.new_incident()["incident_id"] for _ in range(6)]
        self.lock, self.made, self.faults = threading.Lock(), [], []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(WRITERS)]

    def run(self, number):
        api = self.org.soc.at(url=self.urls[number % len(self.urls)])
        dice = random.Random(number)
        try:
            while time.monotonic() < self.until:
                self.note(*self.change(api, dice))
        except Exception as fault:  # noqa: BLE001
            self.faults.append(f"{type(fault).__name__}: {fault}")

    def change(self, api, dice):
        """(kind, id, stamp) of something new."""
        what, incident = dice.randrange(4), dice.choice(self.incidents)
        if what == 0:
            made = api.ok("incidents/ingest", self.org.ingest_body())
            return "incident", made["incident_id"], made["update_time"]
        if what == 1:
            made = api.ok("incidents/update", {"incident_id": incident, "attack_stage": f"stage {dice.random()}"})
            return "update", incident, made["update_time"]
        if what == 2:
            made = api.ok("responses/create", self.org.response_body(incident))
            return "response", made["response_id"], made["creation_time"]
        made = api.ok("comments/create", {"incident_id": incident, "text": f"{dice.random()}"})
        return "comment", made["comment_id"], made["creation_time"]

    def note(self, *one):
        with self.lock:
            self.made.append(one)

    def running(self):
        return any(t.is_alive() for t in self.threads)


class Follower:
    """Asks for what is newer than what it saw, and keeps what it saw."""

    def __init__(self, api):
        self.api, self.last, self.seen, self.doubled, self.stamps = api, 1, {}, [], []

    def round(self):
        newest = self.last
        for incident in self.api.ok("incidents/list", {"min_update_time": self.last + 1, "page_size": 10000}):
            self.stamps.append(incident["update_time"])
            newest = max(newest, incident["update_time"])
            self.take("incident", incident["incident_id"], incident["creation_time"])
            for kind in ("comment", "response"):
                for child in incident[kind + "s"]:
                    self.take(kind, child[kind + "_id"], child["creation_time"])
            self.versions(incident)
        self.last = newest

    def take(self, kind, object_id, created):
        """Like published clients: only what is newer than the last stamp is new."""
        if created <= self.last and self.last > 1:
            return
        if (kind, object_id) in self.seen:
            self.doubled.append((kind, object_id))
        self.seen[(kind, object_id)] = created

    def versions(self, incident):
        self.seen.setdefault(("version", incident["incident_id"]), 0)
        self.seen[("version", incident["incident_id"])] = max(self.seen[("version", incident["incident_id"])], incident["update_time"])


def missed(follower, made):
    """What was written and the follower does not know."""
    out = []
    for kind, object_id, stamp in made:
        if kind == "update":
            if follower.seen.get(("version", object_id), 0) < stamp:
                out.append((kind, object_id, stamp))
        elif (kind, object_id) not in follower.seen:
            out.append((kind, object_id, stamp))
    return out


def follow(org, urls, seconds, during=None):
    follower = Follower(org.officer.at(url=urls[-1]))
    follower.round()
    writers = Writers(org, urls, seconds)
    follower.last = 1
    follower.seen.clear()
    for t in writers.threads:
        t.start()
    extra = threading.Thread(target=during) if during else None
    if extra:
        extra.start()
    while writers.running() or (extra and extra.is_alive()):
        follower.round()
    assert not writers.faults, writers.faults
    settle(follower, writers)
    return follower, writers


def settle(follower, writers):
    """What another gateway wrote may take a second to show (not longer: see LAG_S)."""
    until = time.monotonic() + LAG_S
    follower.round()
    while missed(follower, writers.made) and time.monotonic() < until:
        follower.round()


def check(follower, writers):
    stamps = [s for kind, _, s in writers.made if kind != "response"]
    assert len(writers.made) > 50, f"only {len(writers.made)} changes: too few to say anything"
    assert len(set(stamps)) == len(stamps), "two changes with one stamp"
    assert not missed(follower, writers.made), missed(follower, writers.made)[:5]
    assert not follower.doubled, follower.doubled[:5]
    assert len(set(follower.stamps)) == len(follower.stamps), "one version came twice"


def test_one_gateway(fresh):
    check(*follow(fresh, [fresh.gateway.url], SECONDS))


def test_two_gateways(fresh, second):
    check(*follow(fresh, [fresh.gateway.url, second.url], SECONDS))


def stamp_before_commit(org, made, seconds):
    """The mistake: takes its stamp from the wall, without the clock row, and commits later."""
    connection = org.gateway.psql()
    connection.autocommit = False
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("select set_config('mdr.client', %s, true), set_config('mdr.tenants', '*', true)", [org.id])
            cursor.execute("update incidents set attack_stage = 'late', update_time = (extract(epoch from clock_timestamp())"
                           " * 1000)::bigint where client_id = %s and incident_id = %s returning update_time",
                           [org.id, made[1]])
            stamp = cursor.fetchone()[0]
            time.sleep(0.3)  # while this transaction stays open, others overtake it
        connection.commit()
        made[0].append(("update", made[1], stamp))
    connection.close()


def test_known_bad_writer_is_caught(fresh):
    victim, late = fresh.new_incident()["incident_id"], []
    follower, _ = follow(fresh, [fresh.gateway.url], 4, lambda: stamp_before_commit(fresh, (late, victim), 4))
    assert late and missed(follower, late), "the check does not notice a writer that stamps before it commits"


def test_the_ledger_is_gapless_and_in_order(fresh):
    follow(fresh, [fresh.gateway.url], 2)
    rows = fresh.gateway.query("select position, changed_at from ledger where client_id = %s order by position", fresh.id,
                               client=fresh.id)
    positions, times = [r[0] for r in rows], [r[1] for r in rows]
    assert positions == list(range(1, len(rows) + 1))
    assert times == sorted(times)
    newest = dict(fresh.gateway.query("select incident_id, max(changed_at) from ledger where client_id = %s and incident_id <> ''"
                                      " group by 1", fresh.id, client=fresh.id))
    for incident in fresh.sup.ok("incidents/list", {}):
        assert incident["update_time"] == newest[incident["incident_id"]]


def test_ledger_verify_notices_a_change(fresh):
    fresh.new_comment()
    done = fresh.gateway.cli("ledger", "verify", "--client", fresh.id, check=False)
    assert done.returncode == 0, done.stderr
    last = fresh.gateway.query("select max(position) from ledger where client_id = %s", fresh.id, client=fresh.id)[0][0]
    fresh.gateway.query("update ledger set changed_by = 'Nobody' where client_id = %s and position = %s", fresh.id, last - 1,
                        client=fresh.id)
    done = fresh.gateway.cli("ledger", "verify", "--client", fresh.id, check=False)
    assert done.returncode == 1, "a changed row went unnoticed"


@pytest.mark.parametrize("reader", ["incidents/history", "incidents/list"])
def test_walking_pages_while_writers_run(fresh, reader):
    """Pages of one connection and filter join without gap also under load."""
    before = [fresh.new_incident()["incident_id"] for _ in range(20)]
    writers = Writers(fresh, [fresh.gateway.url], 3)
    for t in writers.threads:
        t.start()
    size = {"page_size": 7}
    walks = 0
    while writers.running():
        seen, page = set(), 1
        while got := fresh.officer.ok(reader, {**size, "page": page}):
            seen |= {i["incident_id"] if "incident_id" in i else i["entity"].get("incident_details", {}).get("incident_id")
                     for i in got}
            page += 1
            if page > 60:
                break
        assert set(before) <= seen or page > 60
        walks += 1
    assert walks and not writers.faults, writers.faults
