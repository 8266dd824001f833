"""PostgreSQL, or its host, says nothing any more and closes nothing: whoever in the gateway waits for it is told so, in time."""
import concurrent.futures
import contextlib
import secrets
import time

import pytest

from lib.gateway import DatabaseDoor, Gateway, wait_for

PLACES = 4
SILENCE_S = 5    # beyond the time of a statement
VANISHED_S = 10  # without a sign of life the kernel takes the host for gone
CONNECT_S = 3    # to one host
LOCK_S = 8       # for a locked row
SLACK_S = 5


@contextlib.contextmanager
def behind(gateway, *doors, **settings):
    """A gateway that finds the database behind the first of these doors, or else behind the next."""
    urls = [",".join(values) for values in zip(*[(door.host, str(door.port)) for door in doors])]
    url = "host={} port={} dbname=mdr".format(*urls)
    one = Gateway(MDR_DATABASE_URL=f"{url} user=mdr_serve", MDR_MIGRATE_URL=f"{url} user=mdr_owner", MDR_WORKERS="off",
                  MDR_KEY_FILE=gateway.data_dir / "keys.json", MDR_POOL_CONNECTIONS=PLACES, **settings).start()
    try:
        yield one
    finally:
        for door in doors:
            door.release()
        one.stop()


@pytest.fixture
def door(gateway):
    one = DatabaseDoor(gateway.database_socket())
    yield one
    one.close()


@pytest.fixture
def tcp_doors(gateway):
    both = [DatabaseDoor(gateway.database_socket(), tcp=True) for _ in range(2)]
    yield both
    for one in both:
        one.close()


@contextlib.contextmanager
def at_once(*calls):
    """Each on a thread of its own; gives the jobs, which have ended at the end."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        yield [pool.submit(call) for call in calls]


def answered(jobs, seconds):
    """The statuses, when all are there; how long that took is told where it was too long."""
    done, waiting = concurrent.futures.wait(jobs, seconds)
    assert not waiting, f"{len(waiting)} of {len(jobs)} still wait after {seconds} s"
    return [job.result().status for job in done]


@contextlib.contextmanager
def all_in_set_up(here, door):
    """Every connection of the pool was let in anew, and waits for the answer to the first that it asks; gives the requests."""
    door.shut()
    door.hold("pg_walfile_name")
    door.open()
    with at_once(*[lambda: here.call("incidents/count", {})] * PLACES) as jobs:
        try:
            wait_for(lambda: door.held == PLACES)
            yield jobs
        finally:
            door.release()


def test_a_server_that_hangs_while_connections_are_set_up(gateway, door, fresh):
    with behind(gateway, door) as one:
        here = fresh.sup.at(url=one.url)
        here.ok("incidents/count", {})
        with all_in_set_up(here, door) as jobs:
            door.let_new_through()
            assert set(answered(jobs, SILENCE_S + SLACK_S)) == {503}
            here.ok("incidents/count", {})
        assert "database_silent" in one.log_text()


def test_a_server_that_stops_reading(gateway, door, fresh):
    """In the middle of what it is sent, which is more than the sockets between them take. Nothing of it was done: it is sent again."""
    incident = fresh.new_incident()["incident_id"]
    data = b"held back " + secrets.token_hex(8).encode() + bytes(1024 * 1024)
    with behind(gateway, door, MDR_REQUEST_TIMEOUT_S=1) as one:
        here = fresh.sup.at(url=one.url)
        here.ok("incidents/count", {})
        door.hold(data[:26].decode())
        with at_once(lambda: here.upload(incident, data)) as jobs:
            wait_for(lambda: door.held)
            door.let_new_through()
            try:
                assert answered(jobs, 1 + SILENCE_S + SLACK_S) == [200]
            finally:
                door.release()
        [attachment] = here.ok("attachments/list", {"incident_id": incident})
        assert here.call("attachments/download", {"attachment_id": attachment["attachment_id"]}).must().body == data


def test_a_host_that_vanishes(gateway, tcp_doors, fresh):
    """No packet is acknowledged, none refused: neither of who sends, nor of who waits for a reply, nor of who connects."""
    incident = fresh.new_incident()["incident_id"]
    comment = {"incident_id": incident, "text": "waits for its turn"}
    with behind(gateway, *tcp_doors) as one, gateway.psql() as locker, locker.cursor() as cursor:
        here = fresh.sup.at(url=one.url)
        here.ok("incidents/count", {})
        with all_in_set_up(here, tcp_doors[0]):
            pass
        cursor.execute("begin")
        cursor.execute("select set_config('mdr.client', %s, true), set_config('mdr.tenants', '*', true)", [fresh.id])
        cursor.execute("select from incidents where incident_id = %s for update", [incident])
        with at_once(lambda: here.call("comments/create", comment)) as waiting:
            wait_for(lambda: gateway.query("select pid from pg_stat_activity where usename = 'mdr_serve' and wait_event_type = 'Lock'"))
            tcp_doors[0].vanish()
            with at_once(*[lambda: here.call("incidents/count", {})] * (PLACES - 1)) as asking:
                assert set(answered(asking, VANISHED_S + CONNECT_S + SLACK_S)) == {200}, "the second door is open"
            assert answered(waiting, LOCK_S + SLACK_S) == [503]
        cursor.execute("rollback")
        here.ok("comments/create", comment)
