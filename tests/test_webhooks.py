"""Webhooks against real receivers: signed, in order, at least once, whatever the receivers do; and only where they may go."""
import concurrent.futures
import json
import pathlib
import random
import re
import subprocess
import tempfile
import threading
import time

import pytest

from lib.gateway import Gateway, free_port, wait_for
from lib.organisation import Organisation
from lib.receiver import Receiver, cut, drip, endless, endless_head, hang, status

LOOPBACK = {"MDR_EGRESS_ALLOW": "127.0.0.0/8"}


@pytest.fixture
def receiver():
    with Receiver() as one:
        yield one


def progress(org, webhook):
    found, = [w for w in org.sup.ok("webhooks/list") if w["webhook_id"] == webhook["webhook_id"]]
    return found


def deliveries(org, webhook, **more):
    return org.sup.ok("webhooks/deliveries", {"webhook_id": webhook["webhook_id"], **more})


def ledger(org, kinds=("incident_details", "incident_comment", "incident_response", "incident_attachment"), after=0):
    rows = org.gateway.query("select position from ledger where client_id = %s and kind = any(%s) and position > %s order by position",
                             org.id, list(kinds), after)
    return [r[0] for r in rows]


def positions(got):
    return [g.position for g in got]


# ---- what is sent ----

def test_delivery(fresh, receiver):
    webhook = fresh.new_webhook(receiver.url)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", webhook["secret"])
    began = time.time()
    incident = fresh.new_incident(summary="メモリ内の不審な活動", priority="HIGH")
    comment = fresh.new_comment(incident["incident_id"])
    first, second, third = receiver.wait(3)
    assert first.at - began < 2
    for got in (first, second, third):
        assert got.signed_by(webhook["secret"])
        assert got.id == f"msg_{webhook['webhook_id']}_{got.position}"
        assert got.headers["content-type"] == "application/json"
        assert set(got.json) == {"type", "timestamp", "data"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", got.json["timestamp"])
    assert [g.json["type"] for g in (first, second, third)] == ["incident_details.create", "incident_comment.create", "incident_details.update"]
    history = fresh.sup.ok("incidents/history", {"incident_id": incident["incident_id"]})
    for got, record in zip((first, second, third), history):
        assert got.json["data"]["entity"] == record["entity"]
        assert got.json["data"]["changed_at"] == record["changed_at"]
        assert got.json["data"]["changed_by"] == record["changed_by"]
    assert second.json["data"]["object_id"] == comment["comment_id"]
    assert second.json["data"]["incident_id"] == incident["incident_id"]
    wait_for(lambda: progress(fresh, webhook)["progress"]["position"] == third.position)
    log = wait_for(lambda: [d for d in deliveries(fresh, webhook) if d["state"] == "delivered"][2:] and deliveries(fresh, webhook))
    assert [d["position"] for d in log] == positions([third, second, first])
    assert all(d["status"] == 204 and d["attempt"] == 1 and d["error"] == "" and d["retry_at"] == 0 for d in log)


def test_signatures_say_no_to_others(fresh, receiver):
    """The control of the check above."""
    webhook = fresh.new_webhook(receiver.url)
    fresh.new_incident()
    got = receiver.wait(1)[0]
    other = fresh.new_webhook()
    assert got.signed_by(webhook["secret"]) and not got.signed_by(other["secret"])
    got.body += b" "
    assert not got.signed_by(webhook["secret"])


def test_kinds_and_filter(fresh):
    with Receiver() as comments, Receiver() as tokyo, Receiver() as high, Receiver() as settings:
        fresh.new_webhook(comments.url, kinds=["incident_comment"])
        fresh.new_webhook(tokyo.url, filter={"tenants_names": ["Tokyo"]}, kinds=["incident_details"])
        fresh.new_webhook(high.url, filter={"priorities": ["HIGH"], "statuses": ["Open"]})
        fresh.new_webhook(settings.url, kinds=["tenant", "webhook"])
        normal = fresh.new_incident("Tokyo")["incident_id"]
        urgent = fresh.new_incident("Osaka", priority="HIGH")["incident_id"]
        fresh.new_comment(normal)
        fresh.new_comment(urgent)
        fresh.new_tenant()
        assert [g.json["data"]["incident_id"] for g in comments.wait(2)] == [normal, urgent]
        assert [g.json["data"]["incident_id"] for g in tokyo.wait(2)] == [normal, normal]
        assert [g.json["data"]["incident_id"] for g in high.wait(3)] == [urgent] * 3
        assert [g.json["type"] for g in settings.wait(2)] == ["webhook.create", "tenant.create"]
        assert "whsec_" not in settings.all[0].body.decode()
        time.sleep(1)
        assert [len(r.all) for r in (comments, tokyo, high, settings)] == [2, 2, 3, 2]


def test_order_under_many_writers(fresh, receiver):
    webhook = fresh.new_webhook(receiver.url)
    incident = fresh.new_incident()["incident_id"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: fresh.new_comment(incident, text=f"comment {n}"), range(60)))
    wanted = ledger(fresh)
    assert positions(receiver.wait_accepted(len(wanted))) == wanted
    assert len(wanted) == 121 and all(g.signed_by(webhook["secret"]) for g in receiver.all)


def test_other_clients_see_nothing(fresh, other):
    with Receiver() as ours, Receiver() as theirs:
        fresh.new_webhook(ours.url)
        other.new_webhook(theirs.url)
        fresh.new_incident(summary="canary-ours")
        other.new_incident(summary="canary-theirs")
        ours.wait(1)
        theirs.wait(1)
        time.sleep(0.5)
        assert all(b"canary-theirs" not in g.body for g in ours.all) and all(b"canary-ours" not in g.body for g in theirs.all)
        assert len(ours.all) == 1


# ---- receivers that fail ----

def test_one_in_five_fails(fresh):
    dice = random.Random(7)

    def answer(handler, got):
        status(500 if dice.random() < 0.2 else 200)(handler, got)

    with Receiver(answer) as receiver:
        webhook = fresh.new_webhook(receiver.url)
        incident = fresh.new_incident()["incident_id"]
        for n in range(12):
            fresh.new_comment(incident)
        wanted = ledger(fresh)
        got = receiver.wait_accepted(len(wanted), 60)
        assert positions(got) == wanted, "each accepted once and in order"
        tried = [g.position for g in receiver.all]
        assert tried == sorted(tried) and len(tried) > len(wanted)
        assert len({(g.position, g.id, g.body) for g in receiver.all}) == len(wanted), "a repeat has the id and the bytes of the first"
        log = wait_for(lambda: deliveries(fresh, webhook)[0]["position"] == wanted[-1] and deliveries(fresh, webhook, page_size=1000))
        assert sum(d["state"] == "retrying" for d in log) == len(tried) - len(wanted)
        assert all(d["retry_at"] > d["attempted_at"] for d in log if d["state"] == "retrying")


@pytest.mark.parametrize("what, answer, wanted", [
    ("500", status(500, b"broken \xff\x00 here"), {"status": 500, "error": "", "reply_text": "broken    here"}),
    ("404", status(404), {"status": 404, "error": ""}),
    ("redirect", None, {"status": 302, "error": ""}),
    ("cut", cut, {"status": 200, "error": "protocol"}),
    ("endless head", endless_head, {"error": "protocol"}),
], ids=lambda v: v if isinstance(v, str) else "")
def test_failures(what, answer, wanted, fresh, receiver):
    if what == "redirect":
        answer = status(302, Location=receiver.url)
    with Receiver(answer) as failing:
        webhook = fresh.new_webhook(failing.url)
        fresh.new_incident()
        failing.wait(2)
        log = deliveries(fresh, webhook)
        assert log[-1]["attempt"] == 1 and log[-1]["state"] == "retrying"
        assert {k: log[-1][k] for k in wanted} == wanted, log[-1]
        state = progress(fresh, webhook)["progress"]
        assert state["failures"] >= 1 and state["failing_since"] > 0 and state["retry_at"] > 0
        assert state["position"] < failing.all[0].position
        assert not receiver.all and not receiver.gets, "a redirect is not followed"
        failing.answer = status(200)
        failing.wait_accepted(1)
        wait_for(lambda: progress(fresh, webhook)["progress"]["failures"] == 0)
        fresh.sup.ok("webhooks/delete", {"webhook_id": webhook["webhook_id"]})


@pytest.mark.parametrize("answer", [status(200, b"x" * 5_000_000), endless], ids=["huge", "endless"])
def test_replies_are_not_read_for_ever(answer, fresh):
    with Receiver(answer) as receiver:
        webhook = fresh.new_webhook(receiver.url)
        fresh.new_incident()
        log = wait_for(lambda: deliveries(fresh, webhook), 5)
        assert log[0]["state"] == "delivered" and log[0]["status"] == 200 and log[0]["duration_ms"] < 5000
        assert getattr(receiver.all[0], "sent", 0) < 20_000_000


def test_receivers_that_keep_us_waiting(fresh):
    with Receiver(hang()) as hanging, Receiver(drip()) as dripping:
        webhooks = [fresh.new_webhook(r.url) for r in (hanging, dripping)]
        fresh.new_incident()
        for webhook in webhooks:
            log = wait_for(lambda: deliveries(fresh, webhook), 20)
            assert log[0]["error"] == "timeout" and 14_000 < log[0]["duration_ms"] < 17_000
            fresh.sup.ok("webhooks/delete", {"webhook_id": webhook["webhook_id"]})


def test_nobody_listens(fresh):
    webhook = fresh.new_webhook(f"http://127.0.0.1:{free_port()}/")
    fresh.new_incident()
    log = wait_for(lambda: deliveries(fresh, webhook), 10)
    assert (log[0]["error"], log[0]["status"]) == ("connect", 0)


def test_gone_switches_off(fresh):
    with Receiver(status(410)) as receiver:
        webhook = fresh.new_webhook(receiver.url)
        fresh.new_incident()
        now = wait_for(lambda: (w := progress(fresh, webhook))["enabled"] is False and w)
        assert now["disabled_reason"] == "gone" and now["progress"]["position"] < receiver.all[0].position
        assert deliveries(fresh, webhook)[0]["state"] == "failed"
        rows = fresh.gateway.query("select operation, changed_by, snapshot from ledger where client_id = %s and kind = 'webhook'"
                                   " order by position", fresh.id)
        assert [r[:2] for r in rows] == [("create", "Supervisor"), ("update", "MDR gateway")]
        assert json.loads(rows[1][2])["disabled_reason"] == "gone"
        fresh.new_incident()
        time.sleep(1.5)
        assert len(receiver.all) == 1
        receiver.answer = status(200)
        again = fresh.sup.ok("webhooks/update", {"webhook_id": webhook["webhook_id"], "enabled": True})
        assert again["enabled"] and again["disabled_reason"] == ""
        assert positions(receiver.wait_accepted(2)) == ledger(fresh), "it goes on where it stood"


def test_three_days_of_failures_switch_off(fresh):
    with Receiver(status(500)) as receiver:
        webhook = fresh.new_webhook(receiver.url)
        fresh.new_incident()
        receiver.wait(2)
        fresh.gateway.query("update readers set failing_since = failing_since - 86400000::bigint * 2, due_at = 0 where reader_id = %s",
                            webhook["webhook_id"])
        receiver.wait(3)
        assert progress(fresh, webhook)["enabled"], "two days are not enough"
        wait_for(lambda: fresh.gateway.query("update readers set failing_since = failing_since - 86400001, due_at = 0 where reader_id = %s"
                                             " and due_at > (extract(epoch from now()) * 1000)::bigint and failures >= 3 returning 1",
                                             webhook["webhook_id"]))
        now = wait_for(lambda: (w := progress(fresh, webhook))["enabled"] is False and w)
        assert now["disabled_reason"] == "failing"
        assert deliveries(fresh, webhook)[0]["state"] == "failed"


# ---- one does not hold up the others ----

def test_a_dead_receiver_delays_nobody(fresh, other):
    """Hundreds that hang, failing for the first time and for the second; a healthy one is told within a second all the while."""
    organisations = [fresh, other]
    with Receiver(hang(20)) as dead, Receiver() as healthy:
        made = [(o, o.new_webhook(dead.url, description=f"dead {n}")) for o in organisations for n in range(9)]
        fresh.new_webhook(healthy.url, kinds=["incident_details"])
        latencies = []
        for n in range(40):
            began = time.time()
            for o in organisations:
                o.new_incident()
            wait_for(lambda: len(healthy.all) > n, 5)
            latencies.append(healthy.all[n].at - began)
            time.sleep(0.4)
        latencies.sort()
        assert latencies[len(latencies) // 2] < 0.5 and latencies[-1] < 2, latencies
        assert len(dead.all) >= len(made)
        for o, webhook in made:
            o.sup.ok("webhooks/delete", {"webhook_id": webhook["webhook_id"]})


# ---- changes on the way ----

def test_rotation(fresh, receiver):
    webhook = fresh.new_webhook(receiver.url)
    fresh.new_incident()
    before = receiver.wait(1)[0]
    rotated = fresh.sup.ok("webhooks/rotate_secret", {"webhook_id": webhook["webhook_id"]})
    assert rotated["secret"] != webhook["secret"] and rotated["old_secret_until"] > time.time() * 1000
    fresh.new_incident()
    during = receiver.wait(2)[1]
    assert during.signed_by(webhook["secret"]) and during.signed_by(rotated["secret"])
    assert before.signed_by(webhook["secret"]) and not before.signed_by(rotated["secret"])
    fresh.gateway.query("update webhooks set old_secret_until = 1 where webhook_id = %s", webhook["webhook_id"])
    fresh.new_incident()
    after = receiver.wait(3)[2]
    assert not after.signed_by(webhook["secret"]) and after.signed_by(rotated["secret"])


def test_secrets_are_not_readable(fresh, receiver):
    webhook = fresh.new_webhook(receiver.url)
    fresh.sup.ok("webhooks/rotate_secret", {"webhook_id": webhook["webhook_id"]})
    import base64
    secret = base64.b64decode(webhook["secret"][6:])
    sealed = fresh.gateway.query("select secret_sealed, old_secret_sealed from webhooks where client_id = %s", fresh.id)[0]
    assert all(secret not in bytes(s) and webhook["secret"].encode() not in bytes(s) for s in sealed)
    ledger_text = "".join(r[0] for r in fresh.gateway.query("select snapshot from ledger where client_id = %s and kind = 'webhook'", fresh.id))
    assert "whsec_" not in ledger_text and "secret_sealed" not in ledger_text and webhook["webhook_id"] in ledger_text
    assert "whsec_" not in json.dumps(fresh.sup.ok("webhooks/list")) and "whsec_" not in fresh.gateway.log_text()
    two = fresh.new_webhook()
    fresh.gateway.query("update webhooks w set secret_sealed = o.secret_sealed from webhooks o where o.webhook_id = %s and w.webhook_id = %s",
                        two["webhook_id"], webhook["webhook_id"])
    fresh.gateway.expect_errors("webhook_broken")
    fresh.new_incident()
    wait_for(lambda: "webhook_broken" in fresh.gateway.log_text())
    assert not receiver.all, "a secret of another row does not open"


def test_delete_while_pending(fresh):
    with Receiver(hang(3)) as slow:
        webhook = fresh.new_webhook(slow.url)
        fresh.new_incident()
        slow.wait(1)
        fresh.sup.ok("webhooks/delete", {"webhook_id": webhook["webhook_id"]})
        fresh.new_incident()
        time.sleep(4)
        assert len(slow.all) == 1
        fresh.sup.call("webhooks/deliveries", {"webhook_id": webhook["webhook_id"]}).must(404, "not_found")
        for table in ("webhooks", "webhook_deliveries", "readers where kind = 'webhook'"):
            rows = fresh.gateway.query(f"select client_id from {table}")
            assert fresh.id not in [r[0] for r in rows], table


def test_disabled_and_moved(fresh, receiver):
    webhook = fresh.new_webhook(receiver.url, kinds=["incident_details"])
    fresh.new_incident()
    receiver.wait(1)
    off = fresh.sup.ok("webhooks/update", {"webhook_id": webhook["webhook_id"], "enabled": False})
    assert (off["enabled"], off["disabled_reason"]) == (False, "request")
    fresh.new_incident()
    time.sleep(1)
    assert len(receiver.all) == 1
    fresh.sup.ok("webhooks/update", {"webhook_id": webhook["webhook_id"], "enabled": True})
    receiver.wait(2)
    wanted = ledger(fresh, ["incident_details"])
    assert positions(receiver.all) == wanted
    ids = [g.id for g in receiver.all]
    wait_for(lambda: progress(fresh, webhook)["progress"]["position"] >= wanted[-1])
    fresh.sup.ok("webhooks/update", {"webhook_id": webhook["webhook_id"], "position": 0})
    again = receiver.wait(4)[2:]
    assert positions(again) == wanted and [g.id for g in again] == ids, "all again, with the ids of the first time"
    ahead = fresh.sup.ok("webhooks/update", {"webhook_id": webhook["webhook_id"], "position": 9007199254740991})
    assert ahead["progress"]["position"] <= ahead["progress"]["newest"], "not ahead of the ledger"


def test_url_change_counts_at_once(fresh):
    with Receiver(status(500)) as old, Receiver() as new:
        webhook = fresh.new_webhook(old.url)
        fresh.new_incident()
        old.wait(1)
        fresh.sup.ok("webhooks/update", {"webhook_id": webhook["webhook_id"], "url": new.url, "enabled": True})
        assert positions(new.wait(1)) == ledger(fresh)


# ---- on request ----

def test_test_and_redeliver(fresh, receiver):
    webhook = fresh.new_webhook(receiver.url)
    one = fresh.sup.ok("webhooks/test", {"webhook_id": webhook["webhook_id"]})
    assert (one["state"], one["status"], one["position"], one["type"]) == ("delivered", 204, 0, "webhook.test")
    assert receiver.all[0].signed_by(webhook["secret"]) and receiver.all[0].id == one["delivery_id"]
    fresh.new_incident()
    sent = receiver.wait(2)[1]
    for body in ({"delivery_id": sent.id}, {"position": sent.position}):
        again = fresh.sup.ok("webhooks/redeliver", {"webhook_id": webhook["webhook_id"], **body})
        assert again["delivery_id"] == sent.id and again["state"] == "delivered"
        assert receiver.all[-1].body == sent.body and receiver.all[-1].id == sent.id and receiver.all[-1].signed_by(webhook["secret"])
    receiver.answer = status(503, "受け付けません".encode())
    failed = fresh.sup.ok("webhooks/redeliver", {"webhook_id": webhook["webhook_id"], "position": sent.position})
    assert (failed["state"], failed["status"], failed["reply_text"], failed["retry_at"]) == ("failed", 503, "受け付けません", 0)
    assert deliveries(fresh, webhook, states=["failed"]) == [failed]
    for bad in ("msg_x_1", f"msg_{webhook['webhook_id']}_0", f"msg_{webhook['webhook_id']}_999999", f"msg_{webhook['webhook_id']}_1x",
                sent.id.replace("msg", "MSG"), one["delivery_id"]):
        fresh.sup.call("webhooks/redeliver", {"webhook_id": webhook["webhook_id"], "delivery_id": bad}).must(404, "not_found")
    created = ledger(fresh, ["webhook"])[0]
    fresh.sup.call("webhooks/redeliver", {"webhook_id": webhook["webhook_id"], "position": created}).must(404, "not_found")


def test_requests_are_limited(fresh, receiver):
    webhook = fresh.new_webhook(receiver.url)
    fresh.new_incident()
    position = receiver.wait(1)[0].position
    replies = [fresh.sup.call("webhooks/test", {"webhook_id": webhook["webhook_id"]}) for _ in range(30)]
    assert sum(r.status == 200 for r in replies) <= 30
    for name, more in (("webhooks/test", {}), ("webhooks/redeliver", {"position": position})):
        refused = fresh.sup.call(name, {"webhook_id": webhook["webhook_id"], **more}).must(429, "rate_limited")
        assert 0 < int(refused.header("Retry-After")) <= 60


def test_hanging_tests_hold_no_database_connection(fresh):
    with Receiver(hang(4)) as slow:
        webhook = fresh.new_webhook(slow.url)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(fresh.sup.call, "webhooks/test", {"webhook_id": webhook["webhook_id"]}) for _ in range(8)]
            slow.wait(4)
            began = time.time()
            for _ in range(20):
                fresh.sup.ok("incidents/count", {})
            assert time.time() - began < 3
            codes = sorted(j.result().status for j in jobs)
        assert codes == [200] * 4 + [429] * 4
        assert all(json.loads(j.result().body)["state"] == "failed" for j in jobs if j.result().status == 200)


# ---- where they may go ----

REFUSED = ["ftp://example.com/", "https://user@example.com/", "https://user:pw@example.com/", "https://example.com/#part",
           "https://example.com:22/", "https://example.com:0/", "https://example.com:65536/", "https://", "example.com", "javascript:alert(1)",
           "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://0x0a000001/",
           "https://167772161/", "https://10.1/", "https://012.0.0.1/", "https://[fe80::1%25eth0]/", "https://exa mple.com/", "https://example.com\\@x/",
           "file:///etc/passwd", "gopher://example.com/", "https://192.168.1.1:8443/x", "http://10.0.0.1/", "https://[64:ff9b::a00:1]/",
           "https://ex\u00e4mple.com/", "smtp://example.com/", "https:///example.com/", "//example.com/"]


@pytest.mark.parametrize("url", REFUSED)
def test_urls_that_are_refused(url, org):
    n = len(org.sup.ok("webhooks/list"))
    reply = org.sup.call("webhooks/create", {"url": url}).must(400, "invalid")
    assert [e["pointer"] for e in reply.json["errors"]] == ["/url"]
    webhook = org.new_webhook()
    org.sup.call("webhooks/update", {"webhook_id": webhook["webhook_id"], "url": url}).must(400, "invalid")
    assert len([w for w in org.sup.ok("webhooks/list") if w["webhook_id"] != webhook["webhook_id"]]) <= n


def test_urls_that_are_taken(fresh):
    for url in ("https://example.com/", "https://hooks.example.co.jp:8443/a?b=c&d=%20", "HTTPS://Example.com", "https://127.0.0.1/x"):
        assert fresh.sup.ok("webhooks/create", {"url": url, "filter": {"priorities": ["LOW"]}})["url"] == url


@pytest.fixture(scope="module")
def strict():
    """A gateway that allows no private address, with a row that says otherwise."""
    one = Gateway().start()
    yield Organisation(one, "Strict")
    one.stop()


def set_url(org, webhook, url):
    org.gateway.query("update webhooks set url = %s where webhook_id = %s", url, webhook["webhook_id"])


def test_http_only_where_allowed(strict):
    for url in ("http://example.com/", "http://127.0.0.1:8080/", "http://localhost:8080/", "https://127.0.0.1:8080/"):
        strict.sup.call("webhooks/create", {"url": url}).must(400, "invalid")


def test_the_connected_address_is_checked(strict, receiver):
    """A name that resolves to a private address, and addresses that came past the first check, as by a changed name server."""
    webhook = strict.sup.ok("webhooks/create", {"url": f"https://localhost:{receiver.port}/"})
    for url in (f"https://localhost:{receiver.port}/", f"https://127.0.0.1:{receiver.port}/", f"http://127.0.0.1:{receiver.port}/",
                f"http://localhost:{receiver.port}/", f"https://[::1]:{receiver.port}/", f"http://0.0.0.0:{receiver.port}/",
                f"http://[::ffff:127.0.0.1]:{receiver.port}/"):
        set_url(strict, webhook, url)
        reply = strict.sup.ok("webhooks/test", {"webhook_id": webhook["webhook_id"]})
        assert (reply["error"], reply["status"], reply["state"]) == ("refused_address", 0, "failed"), url
    set_url(strict, webhook, f"http://127.0.0.1:{receiver.port}/")
    strict.new_incident()
    log = wait_for(lambda: [d for d in deliveries(strict, webhook) if d["position"]])
    assert log[0]["error"] == "refused_address"
    assert not receiver.all and not receiver.gets


def test_only_what_is_allowed_is_open(fresh, receiver):
    """127.0.0.0/8 is allowed: not ::1, and no name for it; http to a public address is not called either."""
    webhook = fresh.new_webhook(receiver.url)
    for url in (f"http://[::1]:{receiver.port}/", f"http://[::ffff:7f00:1]:{receiver.port}/", "http://8.8.8.8:8080/"):
        set_url(fresh, webhook, url)
        assert fresh.sup.ok("webhooks/test", {"webhook_id": webhook["webhook_id"]})["error"] == "refused_address", url
    for url in ("file:///etc/passwd", "ftp://127.0.0.1:2121/", "gopher://127.0.0.1:7070/", "smtp://127.0.0.1:2525/"):
        set_url(fresh, webhook, url)
        reply = fresh.sup.ok("webhooks/test", {"webhook_id": webhook["webhook_id"]})
        assert (reply["error"], reply["status"]) == ("protocol", 0), url


def make_certificate(folder, name):
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    f"subjectAltName={name}", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def readable():
    """A folder that the gateway can read when it has left root behind; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="mdr-test-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        yield folder


def test_tls_is_verified_and_no_proxy_asked(readable):
    good = make_certificate(readable, "IP:127.0.0.1")
    other = make_certificate(readable, "DNS:elsewhere.example.jp")
    bundle = readable / "authorities.pem"
    bundle.write_bytes(good[0].read_bytes() + other[0].read_bytes())
    bundle.chmod(0o644)
    with Receiver(certificate=good) as trusted, Receiver(certificate=other) as misnamed, Receiver() as proxy, Receiver() as plain:
        where = f"http://127.0.0.1:{proxy.port}"
        one = Gateway(**LOOPBACK, MDR_EGRESS_CA_FILE=bundle, http_proxy=where, https_proxy=where, ALL_PROXY=where, HTTPS_PROXY=where).start()
        two = Gateway(data_dir=one.data_dir, **LOOPBACK, MDR_WORKERS="off").start()
        try:
            org = Organisation(one, "Tls")
            right, wrong = org.new_webhook(trusted.url), org.new_webhook(misnamed.url)
            assert org.sup.ok("webhooks/test", {"webhook_id": right["webhook_id"]})["state"] == "delivered"
            assert org.sup.ok("webhooks/test", {"webhook_id": wrong["webhook_id"]})["error"] == "tls"
            untrusting = org.sup.at(url=two.url)
            assert untrusting.ok("webhooks/test", {"webhook_id": right["webhook_id"]})["error"] == "tls"
            assert len(trusted.all) == 1 and not misnamed.all
            assert org.sup.ok("webhooks/test", {"webhook_id": org.new_webhook(plain.url)["webhook_id"]})["state"] == "delivered"
            assert not proxy.all and not proxy.gets
        finally:
            two.stop()
            one.stop()


# ---- rights, limits ----

def test_only_a_token_of_all_tenants(fresh):
    limited = fresh.new_caller("SUPERVISOR", tenants=[fresh.tenants["Tokyo"]])
    webhook = fresh.new_webhook()["webhook_id"]
    for name, body in (("create", {"url": "https://example.com/"}), ("list", {}), ("update", {"webhook_id": webhook}),
                       ("delete", {"webhook_id": webhook}), ("rotate_secret", {"webhook_id": webhook}), ("test", {"webhook_id": webhook}),
                       ("deliveries", {"webhook_id": webhook}), ("redeliver", {"webhook_id": webhook, "position": 1})):
        limited.call(f"webhooks/{name}", body).must(403, "forbidden")


def test_twenty_at_most(fresh):
    for _ in range(20):
        fresh.sup.ok("webhooks/create", {"url": "https://example.com/", "kinds": ["tenant"]})
    fresh.sup.call("webhooks/create", {"url": "https://example.com/"}).must(409, "conflict")
    assert len(fresh.sup.ok("webhooks/list")) == 20


def test_update_keeps_what_is_not_named(fresh):
    made = fresh.new_webhook(kinds=["tenant"], filter={"priorities": ["LOW"]}, description="before")
    same = fresh.sup.ok("webhooks/update", {"webhook_id": made["webhook_id"]})
    unmoved = ("url", "kinds", "filter", "description", "enabled", "format", "creation_time")
    assert {k: same[k] for k in unmoved} == {k: made[k] for k in unmoved}
    changed = fresh.sup.ok("webhooks/update", {"webhook_id": made["webhook_id"], "filter": {}, "kinds": [], "description": "after"})
    assert changed["filter"] == {"priorities": [], "statuses": [], "tenants_names": []} and changed["description"] == "after"
    assert len(changed["kinds"]) == 4


# ---- gateways that die, two gateways ----

def test_a_gateway_killed_in_between(receiver):
    """Killed again and again while it delivers: each row arrives, in order of its first arrival, with one id."""
    one = Gateway(**LOOPBACK).start()
    two = Gateway(data_dir=one.data_dir, **LOOPBACK).start()
    try:
        org = Organisation(one, "Killed")
        writer = Organisation.__new__(Organisation)
        writer.__dict__.update(org.__dict__)
        receiver.answer = lambda handler, got: (time.sleep(0.02), status(200)(handler, got))
        org.new_webhook(receiver.url)
        incident = org.new_incident()["incident_id"]
        sup, done = org.sup, threading.Event()

        def write():
            for n in range(150):
                org.new_comment(incident, by=sup, text=f"n {n}")
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        for _ in range(3):
            time.sleep(0.6)
            two.kill()
            two.start()
        thread.join()
        two.kill()
        wanted = ledger(org)
        wait_for(lambda: {g.position for g in receiver.accepted()} >= set(wanted), 60)
        first = list(dict.fromkeys(positions(receiver.all)))
        assert first == wanted and len(wanted) == 301
        assert len({(g.position, g.id, g.body) for g in receiver.all}) == len(wanted)
        assert done.is_set()
    finally:
        one.stop()
        two.remove()


def test_two_gateways_share_the_work(receiver):
    """Neither sends what the other sends; what one wrote the other may deliver."""
    one = Gateway(**LOOPBACK).start()
    two = Gateway(data_dir=one.data_dir, **LOOPBACK).start()
    try:
        org = Organisation(one, "Shared")
        hooks = [org.new_webhook(receiver.url.replace("/hook", f"/{n}")) for n in range(6)]
        there = org.sup.at(url=two.url)
        incident = org.new_incident()["incident_id"]
        for n in range(20):
            org.new_comment(incident, by=(org.sup, there)[n % 2])
        wanted = ledger(org)
        receiver.wait_accepted(len(wanted) * len(hooks))
        time.sleep(1)
        for n in range(6):
            assert positions([g for g in receiver.all if g.path == f"/{n}"]) == wanted, "each once, in order"
        sent = [g.metric('mdr_webhook_deliveries_total{outcome="delivered"}') for g in (one, two)]
        assert sum(sent) == len(receiver.all)
    finally:
        two.stop()
        one.stop()


def test_other_nodes_writes_are_seen(second, org, gateway):
    """Written where no workers run: the other gateway delivers within a second or so."""
    with Receiver() as receiver:
        webhook = org.new_webhook(receiver.url)
        incident = org.new_incident()["incident_id"]
        receiver.wait(1)
        there, times = org.sup.at(url=second.url), []
        for n in range(5):
            began = time.time()
            org.new_comment(incident, by=there)
            receiver.wait(1 + 2 * (n + 1))
            times.append(receiver.all[1 + 2 * n].at - began)
        assert sorted(times)[2] < 1, times
        org.sup.ok("webhooks/delete", {"webhook_id": webhook["webhook_id"]})


def test_stopping_gives_the_work_back():
    """A gateway that stops while a receiver hangs leaves no lease behind."""
    with Receiver(hang(30)) as slow:
        one = Gateway(**LOOPBACK).start()
        two = Gateway(data_dir=one.data_dir, **LOOPBACK, MDR_WORKERS="off").start()
        org = Organisation(one, "Stopped")
        try:
            org.new_webhook(slow.url)
            org.new_incident()
            slow.wait(1)
            slow.answer = status(200)
            one_data = one.terminate()
            assert one_data == 0
            rows = wait_for(lambda: two.query("select due_at <= (extract(epoch from clock_timestamp()) * 1000)::bigint from readers"
                                              " where client_id = %s", org.id) if two.is_ready() else None, 60)
            assert rows == [(True,)]
        finally:
            two.stop()
            one.stop()
