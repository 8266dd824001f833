"""The product's promise in one piece, and its feeds in a storm.

The SOC proposes -> a rule accepts -> a connector carries out -> it reports -> webhook, event stream and changes/list each saw each step
exactly once, in the ledger's order.
"""
import os
import random
import threading
import time

from lib.connector import Connector
from lib.events import Stream
from lib.executions import executions_of, faults, ledger_of
from lib.gateway import Gateway, wait_for
from lib.organisation import Organisation
from lib.receiver import Receiver

KINDS = ["incident_details", "incident_comment", "incident_response", "incident_attachment"]
STORM_SECONDS = int(os.environ.get("MDR_STORM_SECONDS", "10"))


def newest(by):
    return by.ok("changes/list", {"after": -1})["next"]


def ledger(org, after):
    """(position, kind, operation) by SQL."""
    return org.gateway.query("select position, kind, operation from ledger where client_id = %s and kind = any(%s) and position > %s"
                             " order by position", org.id, KINDS, after, client=org.id)


def brief(row):
    return row["position"], row["kind"], row["operation"]


def poll(by, after, **more):
    """changes/list to its end."""
    rows = []
    while True:
        page = by.ok("changes/list", {"after": after, "kinds": KINDS, **more})
        rows += page["changes"]
        after = page["next"]
        if not page["more"]:
            return rows, after


def test_from_the_proposal_to_the_report(fresh, tmp_path):
    org = fresh
    rule = org.sup.ok("auto_rules/create", {
        "name": "夜間の隔離", "mode": "enforce", "effect": "accept",
        "when": {"types": ["ISOLATE_HOST"], "threat_classes": ["ransomware"]}, "limits": {"per_hour": 5}})
    asset = org.new_assets(1)[0]["asset_id"]
    begin = newest(org.sup)
    with Receiver() as receiver:
        webhook = org.new_webhook(receiver.url)
        stream = Stream(org.sup, f"?after={begin}").wait_open()
        incident = org.new_incident(threat_classes=["ransomware"])["incident_id"]
        accepted = org.soc.ok("responses/create", {"incident_id": incident, "type": "ISOLATE_HOST", "asset_id": asset, "parameters": {},
                                                   "description": "ホストを隔離します。"})
        assert accepted["status"] == "Confirmed"
        assert accepted["comment"] == 'Automatically accepted by rule "夜間の隔離"'
        assert (accepted["decided_by"]["kind"], accepted["decided_by"]["id"]) == ("rule", rule["rule_id"])
        waiting = org.soc.ok("responses/create", {"incident_id": incident, "type": "KILL_PROCESS", "asset_id": asset,
                                                  "parameters": {"path": "C:\\temp\\x.exe"}, "description": "no rule for this"})
        assert waiting["status"] == "New"

        connector = Connector(org.gateway.url, org.connector.access_token, org.id, tmp_path / "journal", tmp_path / "executions", "c")
        assert connector.step() == 1
        done, = [r for r in org.sup.ok("responses/list", {"incident_id": incident}) if r["response_id"] == accepted["response_id"]]
        assert done["execution"]["state"] == "succeeded" and done["execution"]["connector"] == "Connector"
        shown = org.sup.ok("assets/details", {"asset_id": asset})
        assert shown["isolation"] is True and "ISOLATED FROM NETWORK" in shown["tags"]

        truth = ledger(org, begin)
        by_poll, _ = poll(org.sup, begin)
        assert [brief(r) for r in by_poll] == truth
        wait_for(lambda: len([r for r in stream.rows if r["kind"] in KINDS]) >= len(truth))
        assert [brief(r) for r in stream.rows if r["kind"] in KINDS] == truth
        stream.close()
        from_webhook_on = [t for t in truth if t[0] > webhook["progress"]["position"]]
        got = receiver.wait(len(from_webhook_on))
        assert [brief(g.json["data"]) for g in got] == from_webhook_on
        assert all(g.signed_by(webhook["secret"]) for g in got)

        # each step of the response, once, in this order, in each of the three
        steps = ["none", "pending", "leased", "running", "succeeded"]
        for rows in (by_poll, stream.rows, [g.json["data"] for g in got]):
            seen = [r["entity"]["incident_response"] for r in rows if r["object_id"] == accepted["response_id"]]
            assert [s["execution"]["state"] for s in seen] == steps
            assert [s["status"] for s in seen] == ["New"] + ["Confirmed"] * 4
        time.sleep(0.5)
        assert len(receiver.all) == len(from_webhook_on), "each once"
    assert not faults(ledger_of(org.gateway, org.id), executions_of(tmp_path / "executions"))
    verified = org.gateway.cli("ledger", "verify", "--client", org.id)
    assert verified["ok"] is True


# ---- feeds in a storm ----

class Follower:
    """One way of following, with what it takes to go on after a fault."""

    def __init__(self, run):
        self.rows, self.over = [], threading.Event()
        self.thread = threading.Thread(target=run, args=(self,), daemon=True)
        self.thread.start()


def test_three_ways_of_following_end_with_the_ledgers_sequence(gateway, tmp_path):
    """8 writers; a poller, a stream that is cut again and again, a webhook whose receiver fails every fifth time; gateways killed."""
    org = Organisation(gateway, "Feeds in a storm")
    dice = random.Random(11)
    storm = [Gateway(data_dir=gateway.data_dir, MDR_EGRESS_ALLOW="127.0.0.0/8").start() for _ in range(2)]
    begin = newest(org.sup)

    def flaky(handler, got):
        got.status = 500 if dice.random() < 0.2 else 204
        handler.reply(got.status)

    def by_polling(me):
        after = begin
        while not me.over.is_set():
            try:
                rows, after = poll(org.sup.at(url=dice.choice(storm).url), after, wait_s=1)
                me.rows += rows
            except Exception:  # noqa: BLE001 - a gateway was killed under it
                time.sleep(0.05)

    def by_streaming(me):
        last = begin
        while not me.over.is_set():
            try:
                stream = Stream(org.sup, f"?after={last}", url=dice.choice(storm).url)
                stream.over.wait(dice.uniform(0.2, 1.5))
                stream.close()
                time.sleep(0.02)
                rows = [r for r in stream.rows if r["position"] > last]
                me.rows += [r for r in rows if r["kind"] in KINDS]
                last = rows[-1]["position"] if rows else last
            except Exception:  # noqa: BLE001
                time.sleep(0.05)

    def write(number):
        hand = random.Random(number)
        until = time.monotonic() + STORM_SECONDS
        while time.monotonic() < until:
            time.sleep(hand.uniform(0.5, 3.5))  # bounded: each fifth delivery costs the webhook a retry, one after the other
            try:
                by = org.soc.at(url=hand.choice([g.url for g in storm] + [gateway.url]))
                incident = by.ok("incidents/ingest", org.ingest_body(), record=False)["incident_id"]
                by.ok("comments/create", {"incident_id": incident, "text": f"嵐の中の {number}"}, record=False)
            except Exception:  # noqa: BLE001
                time.sleep(0.05)

    with Receiver(flaky) as receiver:
        webhook = org.new_webhook(receiver.url, kinds=KINDS)
        followers = [Follower(by_polling), Follower(by_streaming)]
        writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        try:
            for writer in writers:
                writer.start()
            kills = 0
            while any(w.is_alive() for w in writers):
                time.sleep(dice.uniform(0.5, 2.0))
                victim = storm[kills % 2]
                victim.kill()
                victim.start()
                kills += 1
            assert kills >= 4
            truth = ledger(org, begin)
            assert len(truth) > 100
            for follower in followers:
                wait_for(lambda f=follower: len(f.rows) >= len(truth), 60, message=f"{[len(f.rows) for f in followers]} of {len(truth)}")
                follower.over.set()
                follower.thread.join(30)
                assert [brief(r) for r in follower.rows] == truth
            last = truth[-1][0]
            wait_for(lambda: any(g.position == last for g in receiver.accepted()), 240,
                     message=f"{len(receiver.accepted())} accepted of {len(truth)}")
            from_webhook_on = [t for t in truth if t[0] > webhook["progress"]["position"]]
            told = [g for g in receiver.all if g.status == 204]
            order = list(dict.fromkeys(g.position for g in told))
            assert order == [t[0] for t in from_webhook_on], "in order and without a gap"
            assert len({g.id for g in told}) == len(order), "what comes twice comes under the same id"
            assert all(g.signed_by(webhook["secret"]) for g in told)
        finally:
            for follower in followers:
                follower.over.set()
            for one in storm:
                one.stop()
    assert gateway.cli("ledger", "verify", "--client", org.id)["ok"] is True
