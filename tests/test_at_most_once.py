"""Crashes at every step from the approval to the report, again and again: nothing is executed twice or without a valid approval.

MDR_CRASH_ROUNDS says how many crashes at each point (default 50; `make soak` has more).
"""
import concurrent.futures
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from lib.connector import POINTS, Connector
from lib.executions import Told, executions_of, faults, ledger_of
from lib.gateway import ROOT, Gateway, wait_for
from lib.organisation import Organisation
from lib.writers import Approver

ROUNDS = int(os.environ.get("MDR_CRASH_ROUNDS", "50"))
ENDED = ("succeeded", "failed", "expired", "unknown", "cancelled")
EXECUTE_WITHIN_S = 3600


@pytest.fixture(scope="module")
def quick(gateway):
    """Leases of a second, so that a dead connector's tasks come again soon."""
    one = Gateway(data_dir=gateway.data_dir, MDR_TASK_LEASE_S=1).start()
    yield one
    one.stop()


def confirmed(org, n, execute_within_s=EXECUTE_WITHIN_S):
    """n confirmed responses, on hosts of their own."""
    incident = org.new_incident()["incident_id"]
    assets = [a["asset_id"] for a in org.new_assets(50)]
    body = {k: v for k, v in org.response_body(incident).items() if k != "asset_id"} | {"execute_within_s": execute_within_s}
    made = []
    while len(made) < n:
        made += org.sup.ok("responses/create", {**body, "asset_ids": assets[:n - len(made)]})
    return [r["response_id"] for r in made]


def run_connector(org, url, folder, name, *words):
    """One connector process; its journal outlives it."""
    return subprocess.run([sys.executable, str(ROOT / "tests/lib/connector.py"), url, org.connector.access_token, org.id,
                           str(folder / f"{name}.journal"), str(folder / "executions"), "--name", name, *words],
                          timeout=120, check=False).returncode


def states(org, ids):
    rows = org.gateway.query("select response_id, body from responses where client_id = %s and response_id = any(%s)", org.id,
                             list(ids), client=org.id)
    return {response_id: body.split('"execution":{"state":"')[1].split('"')[0] for response_id, body in rows}


@pytest.mark.parametrize("point", POINTS)
def test_connectors_that_die(gateway, quick, tmp_path, point):
    """Each process dies at the point; the next one goes on with its journal until nothing is left."""
    org = Organisation(gateway, f"Dying when {point}")
    made = confirmed(org, ROUNDS)
    died = 0
    while died < ROUNDS:
        code = run_connector(org, quick.url, tmp_path, "one", "--crash-at", point, "--max", "1", "--wait-s", "2", "--once")
        assert code in (-9, 0)
        died += code == -9
        if code == 0 and not set(states(org, made).values()) & {"pending", "leased"}:
            break
    assert died >= ROUNDS * 0.9, died
    run_connector(org, quick.url, tmp_path, "one", "--seconds", "3")
    told, executions = ledger_of(gateway, org.id), executions_of(tmp_path / "executions")
    assert not faults(told, executions)
    # A crash before acting loses nothing: it is done after all. Between journal and act nobody can know, and nothing pretends to.
    final = Counter(states(org, made).values())
    if point in ("journaled", "acted"):
        assert final["running"] >= died and final["running"] + final["succeeded"] == len(made), final
        assert len(executions) == (len(made) if point == "acted" else len(made) - died)
    else:
        assert final == {"succeeded": len(made)} and len(executions) == len(made), final


def test_what_died_between_journal_and_act_is_unknown_in_the_end(gateway, quick, tmp_path):
    org = Organisation(gateway, "Unknown")
    [response_id] = confirmed(org, 1, execute_within_s=2)
    assert run_connector(org, quick.url, tmp_path, "one", "--crash-at", "journaled", "--once", "--wait-s", "2") == -9
    wait_for(lambda: states(org, [response_id])[response_id] == "unknown", 20)
    assert not faults(ledger_of(gateway, org.id), executions_of(tmp_path / "executions"))


def test_two_connectors_that_die_anywhere(gateway, quick, tmp_path):
    """Two connectors with journals of their own, each dying at random points, at work on the same tasks."""
    org = Organisation(gateway, "Two that die")
    made = confirmed(org, ROUNDS)
    dice = random.Random(7)
    points = [dice.choice(POINTS) for _ in range(ROUNDS)]
    second = org.new_caller("CONNECTOR")

    def live(name, api, mine):
        for point in mine:
            words = [sys.executable, str(ROOT / "tests/lib/connector.py"), quick.url, api.access_token, org.id,
                     str(tmp_path / f"{name}.journal"), str(tmp_path / "executions"), "--name", name, "--crash-at", point,
                     "--max", "3", "--wait-s", "1", "--seconds", "3", "--crash-after", str(dice.randint(1, 3))]
            subprocess.run(words, timeout=120, check=False)
        subprocess.run(words[:9] + ["--seconds", "4"], timeout=120, check=False)

    threads = [threading.Thread(target=live, args=args) for args in (("a", org.connector, points[::2]), ("b", second, points[1::2]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    executions = executions_of(tmp_path / "executions")
    assert not faults(ledger_of(gateway, org.id), executions)
    final = Counter(states(org, made).values())
    assert not set(final) - {"succeeded", "running"}, final


# ---- the gateway dies while it approves and hands out ----

def test_a_gateway_that_dies_while_it_approves_hands_out_and_hears_reports(gateway, tmp_path):
    """kill -9 at random moments. Every answer that was given stays true, and each approved response is executed exactly once."""
    org = Organisation(gateway, "Storm")
    storm = Gateway(data_dir=gateway.data_dir, MDR_TASK_LEASE_S=2, MDR_WORKERS="off").start()
    dice = random.Random(3)
    kills = max(12, ROUNDS // 4)
    ids = [org.new_response(execute_within_s=EXECUTE_WITHIN_S)["response_id"] for _ in range(kills * 5)]
    connector = Connector(storm.url, org.connector.access_token, org.id, tmp_path / "journal", tmp_path / "executions", "steady")
    worker = threading.Thread(target=connector.run, daemon=True)
    answers, over = {}, threading.Event()

    def reap():
        for _ in range(kills):
            time.sleep(dice.uniform(0.02, 0.5))
            storm.kill()
            storm.start()
        over.set()

    try:
        worker.start()
        reaper = threading.Thread(target=reap)
        reaper.start()
        approver = Approver(org, storm.url)
        jobs = [(r, status) for r in ids for status in dice.sample(("Confirmed", "Declined"), 2)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for job, status in zip(jobs, pool.map(lambda job: (dice.random() < 0.3 and time.sleep(0.2)) or approver.decide(*job), jobs)):
                answers[job] = status
        reaper.join()
        assert over.is_set()
        statuses = {r: org.gateway.query("select status from responses where client_id = %s and response_id = %s", org.id, r,
                                         client=org.id)[0][0] for r in ids}
        approved = {r for r, status in statuses.items() if status == "Confirmed"}
        wait_for(lambda: not set(states(org, approved).values()) - set(ENDED), 90)
    finally:
        connector.stop.set()
        worker.join(30)
        storm.stop()
    for response_id in ids:
        given = {status: answers[response_id, status] for status in ("Confirmed", "Declined")}
        assert sorted(given.values()) == [200, 409], (response_id, given)
        assert given[statuses[response_id]] == 200, (response_id, given, statuses[response_id])
    executions = executions_of(tmp_path / "executions")
    assert not faults(ledger_of(gateway, org.id), executions)
    assert set(executions) == approved


# ---- known bad: the judge must see it ----

def test_the_judge_sees_a_connector_without_a_journal(gateway, quick, tmp_path):
    org = Organisation(gateway, "No journal")
    confirmed(org, 3)
    assert run_connector(org, quick.url, tmp_path, "bad", "--crash-at", "acted", "--no-journal", "--max", "1") == -9
    run_connector(org, quick.url, tmp_path, "bad", "--no-journal", "--once", "--wait-s", "3")
    found = faults(ledger_of(gateway, org.id), executions_of(tmp_path / "executions"))
    assert [f for f in found if "executed 2 times" in f], found


def test_the_judge_sees_a_connector_that_ignores_epochs(gateway, quick, tmp_path):
    org = Organisation(gateway, "No epochs")
    confirmed(org, 1)
    slow = Connector(quick.url, org.connector.access_token, org.id, tmp_path / "slow", tmp_path / "executions", "slow", epochs=False)
    [task] = slow.call("tasks/lease", {})
    time.sleep(1.3)
    other = Connector(quick.url, org.new_caller("CONNECTOR").access_token, org.id, tmp_path / "o", tmp_path / "executions", "other")
    wait_for(other.step)
    slow.work(task)
    found = faults(ledger_of(gateway, org.id), executions_of(tmp_path / "executions"))
    assert [f for f in found if "executed 2 times" in f] and [f for f in found if "never was granted" in f], found


def test_the_judge_sees_lies():
    ran = {"r": [{"response_id": "r", "epoch": 1, "at": 1.0}]}
    row = Told(1, "Confirmed", "running", 1, 1000)
    assert not faults({"r": [row]}, ran)
    assert faults({}, ran)
    assert faults({"r": [Told(1, "Declined", "running", 1, 1000)]}, ran)
    assert faults({"r": [Told(1, "Confirmed", "running", 2, 1000)]}, ran)
    assert faults({"r": [Told(1, "Confirmed", "running", 1, 5000)]}, ran)
    assert faults({"r": [row, Told(2, "Confirmed", "expired", 1, 2000)]}, ran)
    assert faults({"r": [row, Told(2, "Confirmed", "succeeded", 1, 2000)]}, {})
