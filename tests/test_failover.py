"""PostgreSQL fails over to its synchronous standby while everybody works: nothing is lost, nothing comes twice, and the gateways
find the new primary by themselves."""
import concurrent.futures
import contextlib
import random
import signal
import threading
import time

import pytest

from lib.connector import Connector
from lib.events import Stream
from lib.executions import executions_of, faults, ledger_of
from lib.gateway import Gateway, wait_for
from lib.organisation import Organisation
from lib.pair import Pair
from lib.writers import Approver, Clients

WELL_AGAIN_S = 10  # after the promotion, without a restart
RESPONSES = 60
KINDS = ["incident_details", "incident_comment", "incident_response", "incident_attachment"]
ENDED = {"succeeded", "failed", "expired", "unknown", "cancelled"}


@contextlib.contextmanager
def gateways_of(pair, folder, n=2, **settings):
    """They share keys, and know the database by one URL that names both servers."""
    folder.chmod(0o755)
    settings = {"MDR_DATABASE_URL": pair.url(), "MDR_MIGRATE_URL": pair.url("mdr_owner"), "MDR_TASK_LEASE_S": 2, **settings}
    started = []
    try:
        for _ in range(n):
            started.append(Gateway(data_dir=folder / "keys", **settings))
            started[-1].start()
        yield started
        for one in started:
            one.stop()
    finally:
        for one in [g for g in started if g.process]:
            one.terminate()
            one.remove()


@pytest.fixture
def pair():
    one = Pair()
    yield one
    one.remove()


# ---- who goes on meanwhile ----

class Follower:
    """Follows on a thread of its own; each answer that is neither 200 nor 503 with Retry-After is a fault."""

    def __init__(self, org, urls, dice):
        self.org, self.urls, self.dice = org, urls, dice
        self.rows, self.faults, self.statuses, self.over, self.stream = [], [], set(), threading.Event(), None
        self.after = org.sup.ok("changes/list", {"after": -1})["next"]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.is_set():
            try:
                self.follow(self.org.sup.at(url=self.dice.choice(self.urls)))
            except Exception as fault:  # noqa: BLE001
                self.faults.append(repr(fault))

    def answered(self, status, retry_after):
        self.statuses.add(status)
        if status != 200 and not (status == 503 and int(retry_after or 0) > 0):
            self.faults.append(f"{type(self).__name__}: {status}, Retry-After {retry_after}")
        if status != 200:
            time.sleep(0.1)
        return status == 200

    def brief(self):
        return [(r["position"], r["kind"], r["operation"]) for r in self.rows]


class Poller(Follower):
    def follow(self, by):
        reply = by.call("changes/list", {"after": self.after, "kinds": KINDS, "wait_s": 1})
        if self.answered(reply.status, reply.header("Retry-After")):
            self.rows += reply.json["changes"]
            self.after = reply.json["next"]


class Streamer(Follower):
    def follow(self, by):
        self.stream = Stream(by, f"?after={self.after}")
        if not self.answered(self.stream.status, self.stream.reply.headers["Retry-After"]):
            return
        while not self.over.is_set() and not self.stream.over.wait(0.1):
            self.take()
        self.stream.close()
        self.take()

    def take(self):
        rows = [r for r in self.stream.rows if r["position"] > self.after]
        self.rows += [r for r in rows if r["kind"] in KINDS]
        self.after = max([self.after] + [r["position"] for r in rows])


class Everybody:
    """Writers, deciders, a connector, a poller and a stream, at two gateways."""

    def __init__(self, gateways, folder):
        self.gateways, self.folder, self.urls = gateways, folder, [g.url for g in gateways]
        self.org = Organisation(gateways[0], "Fail-over")
        dice = random.Random(5)
        incident = self.org.new_incident()["incident_id"]
        self.ids = [self.org.new_response(incident, asset_id=a["asset_id"])["response_id"] for a in self.org.new_assets(RESPONSES)]
        self.begin = self.org.sup.ok("changes/list", {"after": -1})["next"]
        self.followers = [Poller(self.org, self.urls, dice), Streamer(self.org, self.urls, dice)]
        self.connector = Connector(self.urls[1], self.org.connector.access_token, self.org.id, folder / "journal",
                                   folder / "executions", max_tasks=3)
        self.work = concurrent.futures.ThreadPoolExecutor(1).submit(self.connector.run)
        self.writers = Clients(self.org, self.urls)
        self.deciders = concurrent.futures.ThreadPoolExecutor(4)
        self.answers = {job: self.deciders.submit(self.decide, *job) for job in
                        [(r, status) for r in self.ids for status in dice.sample(("Confirmed", "Declined"), 2)]}

    def decide(self, response_id, status):
        time.sleep(0.25)
        return Approver(self.org, random.choice(self.urls)).decide(response_id, status)

    def progress(self):
        return [len(self.writers.acknowledged), sum(a.done() for a in self.answers.values()),
                sum(len(e) for e in executions_of(self.folder / "executions").values()), *(len(f.rows) for f in self.followers)]

    def wait_progress(self, n, seconds=30):
        """Each of them got so much further."""
        before = self.progress()
        wait_for(lambda: all(b - a >= n for a, b in zip(before, self.progress())), seconds,
                 message=f"not {n} further than {before}")

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        """Whatever happened, no thread stays."""
        self.connector.stop.set()
        for follower in self.followers:
            follower.over.set()
        self.writers.ended.set()
        self.deciders.shutdown(wait=False, cancel_futures=True)

    def finish(self):
        """Lets everything that was begun come to its end."""
        self.writers.stop()
        self.answers = {job: answer.result(60) for job, answer in self.answers.items()}
        confirmed = [r for r in self.ids if self.state(r)[0] == "Confirmed"]
        wait_for(lambda: all(self.state(r)[1] in ENDED for r in confirmed), 60)
        self.connector.stop.set()
        self.work.result(30)
        return confirmed

    def state(self, response_id):
        last = ledger_of(self.org.gateway, self.org.id)[response_id][-1]
        return last.status, last.state

    def truth(self):
        return self.org.gateway.query("select position, kind, operation from ledger where client_id = %s and kind = any(%s)"
                                      " and position > %s order by position", self.org.id, KINDS, self.begin, client=self.org.id)


# ---- the fail-over ----

def test_the_primary_dies_and_its_standby_takes_over(pair, tmp_path):
    with gateways_of(pair, tmp_path) as gateways, Everybody(gateways, tmp_path) as everybody:
        writers, followers = everybody.writers, everybody.followers
        everybody.wait_progress(5)
        pair.a.kill()
        writers.statuses.clear()
        wait_for(lambda: 503 in writers.statuses)
        time.sleep(1)
        assert not any(one.is_ready() for one in gateways)
        pair.b.promote()
        for one in gateways:
            one.wait_ready(WELL_AGAIN_S)
        everybody.wait_progress(5, WELL_AGAIN_S)
        confirmed = everybody.finish()
        truth = everybody.truth()
        for follower in followers:
            wait_for(lambda f=follower: len(f.brief()) >= len(truth), message=f"{len(follower.brief())} of {len(truth)} rows")

        writers.check()
        for follower in followers:
            assert not follower.faults, follower.faults[:3]
            assert follower.brief() == truth, type(follower).__name__
        assert followers[0].statuses == {200, 503}, "the stream waits it out, a poller is told"
        for response_id in everybody.ids:
            given = {status: everybody.answers[response_id, status] for status in ("Confirmed", "Declined")}
            assert sorted(given.values()) == [200, 409], (response_id, given)
            assert given[everybody.state(response_id)[0]] == 200
        executions = executions_of(tmp_path / "executions")
        assert not faults(ledger_of(gateways[0], everybody.org.id), executions)
        assert set(executions) == set(confirmed)
        assert gateways[0].cli("ledger", "verify", "--client", everybody.org.id)["ok"] is True


# ---- servers that are not what they were: one pair for all, which only the last test uses up ----

def write(org, text, told, seconds=40):
    """One comment, sent until it is acknowledged; what else was answered, which may only be 503, goes to told."""
    key, until = text.encode().hex(), time.monotonic() + seconds
    while time.monotonic() < until:
        reply = org.sup.call("comments/create", {"incident_id": org.incident, "text": text}, Idempotency_Key=key)
        if reply.status == 200:
            org.written.append(text)
            return
        if reply.code != "idempotency_running":  # the one before was committed by now
            told.append(reply.must(503).status)
        time.sleep(0.1)
    raise AssertionError(f"{text} was never acknowledged: {told}")


def texts(org):
    """Of the comments; None where the gateway says 503."""
    reply = org.sup.call("comments/list", {"incident_id": org.incident})
    return [c["text"] for c in reply.json] if reply.status == 200 else reply.must(503) and None


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One gateway that gives the database a second for a statement, and its organisation."""
    pair = Pair()
    try:
        with gateways_of(pair, tmp_path_factory.mktemp("place"), n=1, MDR_REQUEST_TIMEOUT_S=1, MDR_POOL_CONNECTIONS=4) as [gateway]:
            org = Organisation(gateway, "Servers")
            org.incident, org.written = org.new_incident()["incident_id"], []
            yield pair, gateway, org
    finally:
        pair.remove()


SESSIONS = "select pid from pg_stat_activity where usename = 'mdr_serve'"
WAIT_FOR_STANDBY = SESSIONS + " and wait_event = 'SyncRep'"


@contextlib.contextmanager
def written_meanwhile(org, text):
    """On a thread; gives the answers on the way, which are there when it ends."""
    told = []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        job = pool.submit(write, org, text, told)
        yield told
        job.result(60)


@contextlib.contextmanager
def waiting_for_the_standby(place, text):
    """It is away, and the write waits for it at its commit; afterwards it is back, and all that was acknowledged is there."""
    pair, _, org = place
    pair.b.kill()
    with written_meanwhile(org, text) as told:
        try:
            wait_for(lambda: pair.a.query(WAIT_FOR_STANDBY))
            yield pair, org, told
        finally:
            pair.b.start()
    assert texts(org) == org.written


def test_without_its_standby_nothing_is_acknowledged_and_reading_goes_on(place):
    with waiting_for_the_standby(place, "waits for the standby") as (_, org, told):
        assert texts(org) == org.written, "what is not on the standby is not shown either"
        wait_for(lambda: told, 15)
        assert texts(org) == org.written


def test_a_commit_whose_wait_for_the_standby_was_broken_off_is_not_acknowledged(place):
    with waiting_for_the_standby(place, "broken off") as (pair, org, told):
        pair.a.query(WAIT_FOR_STANDBY.replace("pid", "pg_cancel_backend(pid)", 1))
        wait_for(lambda: told or "broken off" in org.written)
        assert told


def test_a_server_that_became_read_only_is_left(place):
    pair, _, org = place
    before = set(pair.a.query(SESSIONS))
    pair.a.set("default_transaction_read_only", "on")
    with written_meanwhile(org, "not read-only any more") as told:
        try:
            wait_for(lambda: told)
            wait_for(lambda: before - set(pair.a.query(SESSIONS)), message="the connection that was refused is kept")
        finally:
            pair.a.set_back("default_transaction_read_only")
    assert texts(org) == org.written


def test_a_primary_that_hangs_is_given_up_and_refused_when_it_comes_back(place):
    """A machine that was suspended: it neither answers nor dies; awake again it still takes itself for the primary, and is named first."""
    pair, gateway, org = place
    write(org, "before", [])
    pair.a.signal(signal.SIGSTOP)
    pair.b.promote()
    write(org, "after", [])
    assert "database_silent" in gateway.log_text(), "it was not noticed, so nothing was shown"
    gateway.wait_ready(WELL_AGAIN_S)
    pair.a.signal(signal.SIGCONT)
    seen = []
    for _ in range(8):
        pair.b.query(SESSIONS.replace("pid", "pg_terminate_backend(pid)", 1))
        seen += [texts(org) for _ in range(6)]
    assert all(s is None or s == org.written for s in seen), f"the state of a server that was replaced was shown: {seen}"
    assert "database_replaced" in gateway.log_text()
    pair.a.kill()
    write(org, "fenced", [], WELL_AGAIN_S)
    assert texts(org) == org.written


# ---- known bad: the checker must see it ----

def test_the_checker_sees_what_a_standby_that_is_not_synchronous_loses(tmp_path):
    pair = Pair(synchronous=False)
    try:
        with gateways_of(pair, tmp_path, n=1) as gateways:
            writers = Clients(Organisation(gateways[0], "Not synchronous"), [gateways[0].url], n=2)
            try:
                wait_for(lambda: len(writers.acknowledged) > 10)
                pair.b.set("primary_conninfo", "")
                wait_for(lambda: not pair.a.query("select from pg_stat_replication"))
                before = len(writers.acknowledged)
                wait_for(lambda: len(writers.acknowledged) > before + 10)
                pair.a.kill()
                pair.b.promote()
                gateways[0].wait_ready(WELL_AGAIN_S)
            finally:
                writers.stop()
            with pytest.raises(AssertionError, match="an acknowledged write was lost"):
                writers.check()
    finally:
        pair.remove()
