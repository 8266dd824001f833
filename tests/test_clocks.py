"""Clocks that jump: a node whose wall clock is hours off neither sends a mail twice nor keeps one back.

The clock is shifted by a library of a few lines that is preloaded into that one gateway (lib/clock_shift.c).
"""
import subprocess
import time
from collections import Counter

import pytest

from lib.gateway import ROOT, Gateway, sanitizer_env, wait_for
from lib.mail import MailSink
from lib.organisation import Organisation

HOUR_S = 3600


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """Settings of a gateway whose clock is so many seconds ahead (behind: negative)."""
    folder = tmp_path_factory.mktemp("clock")
    library = folder / "clock_shift.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(ROOT / "tests/lib/clock_shift.c")], check=True)
    asan = sanitizer_env()["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
    return lambda seconds: {"LD_PRELOAD": library, "CLOCK_SHIFT_S": seconds, "ASAN_OPTIONS": asan}


@pytest.fixture
def place():
    """A gateway that does no work, so that others with clocks of their own do it; its organisation; the mail relay."""
    sink = MailSink()
    one = Gateway(MDR_SMTP_URL=sink.url, MDR_WORKERS="off", MDR_EGRESS_ALLOW="127.0.0.0/8").start()
    yield one, Organisation(one, "Clocks"), sink
    one.stop()
    sink.stop()


def queue(org, n):
    incident = str(org.new_incident()["incident_number"])
    to = [f"reader{i}@example.jp" for i in range(n)]
    for address in to:
        org.sup.ok("incidents/send/email", {"issue_key": incident, "issue_type": "thehive", "user_email": address})
    return to


def worker(one, sink, **settings):
    return Gateway(data_dir=one.data_dir, MDR_SMTP_URL=sink.url, **settings).start(wait=False)


def log_time(gateway):
    return gateway.log_events()[-1]["time"][:13]


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_node_with_a_wrong_clock_sends_at_once(place, shifted, hours):
    one, org, sink = place
    to = queue(org, 1)
    off = worker(one, sink, **shifted(hours * HOUR_S))
    try:
        sink.wait_for(lambda recipients, _: recipients == to)
        shown = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + hours * HOUR_S))
        assert log_time(off) == shown, "the clock was not shifted, so nothing was shown"
    finally:
        off.stop()


def test_what_a_node_puts_off_or_queues_is_not_kept_for_as_long_as_its_clock_is_ahead(place, shifted):
    one, org, sink = place
    off = Gateway(data_dir=one.data_dir, MDR_SMTP_URL=sink.url, **shifted(HOUR_S // 2)).start()
    waiting = "select d.due_at - (extract(epoch from now()) * 1000)::bigint, m.attempts from due d"\
              " join mails m on m.client_id = d.client_id and m.mail_id = d.object_id where d.client_id = %s and d.kind = 'mail'"
    try:
        sink.refuse = "451 later"
        org.sup.at(url=off.url).ok("users/create", {"email": "new@example.jp", "name": "New", "role": "OFFICER"})
        wait_for(lambda: [a for _, a in one.query(waiting, org.id, client=org.id)] == [1])
        [(left_ms, _)] = one.query(waiting, org.id, client=org.id)
        assert 0 < left_ms <= 40_000, "the first retry follows after half a minute"
    finally:
        off.stop()


def test_a_webhook_that_just_began_to_fail_is_not_switched_off_by_a_node_that_is_days_ahead(place, shifted):
    one, org, sink = place
    webhook = org.new_webhook()
    failures = "select failures from readers where client_id = %s and reader_id = %s"
    mine = (org.id, webhook["webhook_id"])
    off = worker(one, sink, MDR_EGRESS_ALLOW="127.0.0.0/8", **shifted(96 * HOUR_S))
    try:
        org.new_incident()
        for n in (1, 2):
            wait_for(lambda n=n: one.query(failures, *mine, client=org.id) == [(n,)], message="it failed and was given up")
            one.query("update readers set due_at = 0 where client_id = %s and reader_id = %s", *mine, client=org.id)
        assert [w["enabled"] for w in org.sup.ok("webhooks/list")] == [True]
    finally:
        off.stop()


def test_two_nodes_whose_clocks_differ_send_each_mail_once(place, shifted):
    one, org, sink = place
    to = queue(org, 8)
    sink.slow_s = 0.7
    workers = [worker(one, sink), worker(one, sink, **shifted(2 * HOUR_S)), worker(one, sink, **shifted(-2 * HOUR_S))]
    try:
        wait_for(lambda: len(sink.messages) >= len(to), 30)
        time.sleep(2)
        assert Counter(r for got, _, _ in sink.messages for r in got) == Counter(to)
        sent = [sum(e.get("event") == "mail_sent" for e in w.log_events()) for w in workers]
        assert sum(n > 0 for n in sent) > 1, f"only one of them sent at all, so nothing was shown: {sent}"
    finally:
        for w in workers:
            w.stop()
