"""PostgreSQL dies, gateways die, connections are cut while clients write: no acknowledged write is lost, none is doubled,
and everything recovers by itself."""
import concurrent.futures
import itertools
import os
import shutil
import signal
import subprocess
import time
import uuid

import pytest

from lib import tokens
from lib.contract import CONTRACT
from lib.gateway import ROOT, DatabaseDoor, Gateway, wait_for
from lib.http import exchange
from lib.organisation import RIGHT, THROWAWAY, Organisation, get_ids, send_right
from lib.writers import Clients

SECONDS = 4


@pytest.fixture
def alone():
    """A gateway with a database of its own, to be harmed."""
    one = Gateway(MDR_SHUTDOWN_TIMEOUT_S=15).start()
    yield one
    one.stop()


def is_alive(pid):
    """A zombie that nobody waits for is dead."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_postgresql_is_killed_while_clients_write(alone):
    alone.expect_errors("database_lost", "postgres_died", "cluster_died", "database_unreachable")
    clients = Clients(Organisation(alone), [alone.url])
    for _ in range(2):
        wait_for(lambda: len(clients.acknowledged) > 20)
        os.kill(alone.postmaster_pid(), signal.SIGKILL)
        before = len(clients.acknowledged)
        wait_for(lambda: len(clients.acknowledged) > before + 20, 60)  # noqa: B023
    clients.stop()
    clients.check()
    assert 503 in clients.statuses, "the fault was never noticed, so nothing was shown"


def test_backends_are_killed_while_clients_write(alone):
    clients = Clients(Organisation(alone), [alone.url])
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        alone.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'mdr_serve' and random() < 0.5")
        time.sleep(0.2)
    clients.stop()
    clients.check()


def test_the_way_to_postgresql_is_cut_again_and_again(alone):
    door = DatabaseDoor(alone.database_socket())
    behind = Gateway(MDR_DATABASE_URL=door.url(), MDR_KEY_FILE=alone.data_dir / "keys.json", MDR_WORKERS="off",
                     MDR_MIGRATE_URL=door.url("mdr_owner")).start()
    try:
        clients = Clients(Organisation(alone), [behind.url])
        for _ in range(5):
            wait_for(lambda: clients.acknowledged)
            door.shut()
            wait_for(lambda: not behind.is_ready())
            door.open()
            wait_for(behind.is_ready)
            time.sleep(0.3)
        clients.stop()
        clients.check()
    finally:
        door.open()
        behind.stop()
        door.close()


def test_without_a_database_every_operation_is_503(gateway, org):
    """And /healthz still says that the process lives."""
    door = DatabaseDoor(gateway.database_socket())
    behind = Gateway(MDR_DATABASE_URL=door.url(), MDR_KEY_FILE=gateway.data_dir / "keys.json", MDR_WORKERS="off",
                     MDR_SMTP_URL=gateway.env["MDR_SMTP_URL"], MDR_EGRESS_ALLOW=gateway.env["MDR_EGRESS_ALLOW"],
                     MDR_MIGRATE_URL=door.url("mdr_owner")).start()
    operations = [op for op in CONTRACT.operations if 503 in op.statuses and op.path.startswith("/api/")]
    bodies = {op.id: RIGHT[op.name](org) for op in operations if op.method == "POST"}
    ids = {op.id: get_ids(org, op) for op in operations if op.method == "GET"}
    callers = {op.id: org.new_caller() if op.name in THROWAWAY else org.caller_for(op) for op in operations}
    try:
        for api in callers.values():
            api.at(url=behind.url).call("session/whoami")
        door.shut()
        for op, known in itertools.product(operations, (True, False)):
            by = callers[op.id].at(url=behind.url)
            if not known:
                by.access_token = tokens.resign(by.access_token, gateway, jti=uuid.uuid4().hex)
            reply = by.get(op.name, **ids[op.id]) if op.method == "GET" else send_right(org, op, bodies[op.id], by=by)
            if known and op.id in ("responses_types", "session_whoami"):
                reply.must(200)  # a caller known already, and nothing asked of the database
                continue
            assert reply.status == 503, f"{op.id}: {reply}"
            assert int(reply.header("Retry-After")) > 0
        exchange(behind.url, "GET", "/healthz").must(200)
        exchange(behind.url, "GET", "/readyz").must(503)
        door.open()
        wait_for(behind.is_ready, 20)
        send_right(org, CONTRACT.by_name["incidents/list"], url=behind.url).must(200)
    finally:
        door.open()
        behind.stop()
        door.close()


def test_sigterm_finishes_what_runs(alone):
    """Requests in flight are answered; new connections are not taken."""
    org = Organisation(alone)
    incident = org.new_incident()["incident_id"]
    org.sup.upload(incident, b"x" * 10_000_000).must()
    attachment = org.sup.ok("attachments/list", {"incident_id": incident})[0]["attachment_id"]
    answered, refused = [], []

    def work(number):
        for n in range(10_000):
            try:
                if number % 3 == 0:
                    got = org.sup.call("attachments/download", {"attachment_id": attachment})
                    assert len(got.body) == 10_000_000 or got.status == 503
                elif number % 3 == 1:
                    org.sup.upload(incident, b"y" * 1_000_000)
                else:
                    org.sup.call("comments/create", {"incident_id": incident, "text": f"{number} {n}"})
                answered.append(1)
            except (ConnectionRefusedError, ConnectionResetError, ConnectionAbortedError, BrokenPipeError) as fault:
                refused.append(fault)
                return
            except Exception as fault:  # noqa: BLE001
                # a kept connection that was closed between two requests is no broken promise
                if "Remote end closed connection without response" not in str(fault):
                    answered.append(fault)
                refused.append(fault)
                return

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        jobs = [pool.submit(work, i) for i in range(9)]
        wait_for(lambda: len(answered) > 20)
        began = time.monotonic()
        code = alone.terminate()
        took = time.monotonic() - began
        for job in jobs:
            job.result()
    alone.process = None
    assert code == 0, alone.log_tail()
    assert took < 20
    broken = [a for a in answered if a != 1]
    assert not broken, broken[:3]
    assert len(refused) == 9


def test_kill_and_start_again_takes_over(alone):
    """PostgreSQL goes on without its gateway; the next start takes it over, with all that was acknowledged."""
    org = Organisation(alone)
    clients = Clients(org, [alone.url], n=4)
    wait_for(lambda: len(clients.acknowledged) > 30)
    postmaster = alone.postmaster_pid()
    alone.kill()
    alone.start()
    assert alone.postmaster_pid() == postmaster
    before = len(clients.acknowledged)
    wait_for(lambda: len(clients.acknowledged) > before + 20, 30)
    clients.stop()
    clients.check()


def test_two_gateways_one_is_killed(alone):
    other = Gateway(data_dir=alone.data_dir).start()
    org = Organisation(alone)
    clients = Clients(org, [alone.url, other.url])
    try:
        wait_for(lambda: len(clients.acknowledged) > 20)
        other.kill()
        before = len(clients.acknowledged)
        wait_for(lambda: len(clients.acknowledged) > before + 20, 60)
        other.start()
        clients.stop()
        clients.check()
    finally:
        clients.ended.set()
        other.stop()
    org.sup.ok("incidents/count", {})


def test_the_last_one_out_stops_postgresql():
    first = Gateway().start()
    second = Gateway(data_dir=first.data_dir).start()
    postmaster = first.postmaster_pid()
    assert first.terminate() == 0
    assert is_alive(postmaster) and second.is_ready()
    assert second.terminate() == 0
    wait_for(lambda: not is_alive(postmaster), 5)
    for one in (second, first):
        one.process = None
        one.stop()


def test_wrong_starts_say_why(tmp_path):
    tmp_path.chmod(0o755)
    for settings, word in (({"MDR_LISTEN": "nowhere"}, "MDR_LISTEN"), ({"MDR_POOL_CONNECTIONS": "0"}, "MDR_POOL_CONNECTIONS"),
                           ({"MDR_WORKERS": "maybe"}, "MDR_WORKERS")):
        one = Gateway(data_dir=tmp_path / "d", **settings).start(wait=False)
        assert one.process.wait(30) == 2
        assert word in one.log_text()
        one.process = None
        one.remove()


def test_an_address_in_use_says_so(gateway):
    one = Gateway(data_dir=gateway.data_dir, MDR_LISTEN=f"127.0.0.1:{gateway.port}").start(wait=False)
    try:
        wait_for(lambda: one.process.poll() is not None or "serving" in one.log_text(), 30)
        assert one.process.poll() == 1 or one.process.wait(10) == 1, "two gateways share one address"
        assert "listen" in one.log_text()
    finally:
        one.terminate()
        one.remove()
    assert gateway.is_ready()


def test_commands_beside_a_serving_gateway(gateway, org):
    said = gateway.cli("token", "--client", org.id, "--role", "OFFICER", check=False)
    assert said.returncode == 0, said.stderr
    token = said.stdout.strip().strip('"') if said.stdout.startswith('"') or "{" not in said.stdout else None
    if token is None:
        import json
        token = json.loads(said.stdout)["access_token"]
    assert org.sup.ok("session/whoami", {}, token=token)["role"] == "OFFICER"
    assert gateway.cli("version")["version"]
    assert gateway.cli("ledger", "verify", "--client", org.id, check=False).returncode == 0
    assert gateway.cli("client", "create", "--name", "x", "--id", org.id, check=False).returncode == 1
    assert gateway.cli("connection", "create", "--client", "none", "--name", "x", "--role", "OFFICER", check=False).returncode == 1
    assert gateway.cli("connection", "create", "--client", org.id, "--name", "x", "--role", "KING", check=False).returncode in (1, 2)


def owner_of_memory(pid):
    """Root's, where the process may not be dumped."""
    return os.stat(f"/proc/{pid}/mem").st_uid


def test_memory_goes_into_no_core_file(gateway):
    """Started by the service user, as systemd does: whoever leaves root behind is not dumped anyway. The program is the one without
    sanitizers, since those read the memory too."""
    user = gateway.data_dir.stat().st_uid
    program = shutil.copy(ROOT / "build/mdr-gateway", gateway.folder)
    log = gateway.folder / "worker.log"
    with open(log, "wb") as out:
        worker = subprocess.Popen([program, "work"], env=gateway.env, stdin=subprocess.DEVNULL, stderr=out, cwd="/",
                                  user=user if os.geteuid() == 0 else None)
    try:
        wait_for(lambda: '"working"' in log.read_text(), message=log.read_text())
        assert owner_of_memory(worker.pid) == 0
        assert owner_of_memory(gateway.postmaster_pid()) == user, "nothing was shown: nobody's memory is dumped here"
    finally:
        worker.terminate()
        assert worker.wait(30) == 0


def test_migrations_change_nothing_twice(gateway):
    schema = lambda: gateway.query("select md5(string_agg(x, '' order by x)) from (select relname || coalesce(reloptions::text, '')"  # noqa: E731
                                   " from pg_class where relnamespace = 'public'::regnamespace union all"
                                   " select polname || pg_get_expr(polqual, polrelid) from pg_policy) y(x)")
    before = schema()
    assert gateway.cli("migrate", check=False).returncode == 0
    assert schema() == before
