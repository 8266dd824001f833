"""Callers that go on whatever happens to gateways and databases, and know afterwards what they were promised."""
import http.client
import random
import threading
import time
import uuid


class Clients:
    """Write comments with an Idempotency-Key each, and repeat every unclear answer until it is clear."""

    def __init__(self, org, urls, n=6):
        self.org, self.urls, self.ended = org, urls, threading.Event()
        self.incident = org.new_incident()["incident_id"]
        self.lock, self.acknowledged, self.statuses, self.faults = threading.Lock(), {}, [], []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, number):
        dice = random.Random(number)
        while not self.ended.is_set():
            self.write(f"{number} {uuid.uuid4().hex}", dice)

    def write(self, text, dice):
        key, until = uuid.uuid4().hex, time.monotonic() + 90
        while time.monotonic() < until:
            try:
                reply = self.org.sup.at(url=dice.choice(self.urls)).call(
                    "comments/create", {"incident_id": self.incident, "text": text}, Idempotency_Key=key)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
                continue
            with self.lock:
                self.statuses.append(reply.status)
            if reply.status == 200:
                with self.lock:
                    self.acknowledged[text] = reply.json["comment_id"]
                return
            if reply.status == 503 and not reply.header("Retry-After"):
                self.faults.append("503 without Retry-After")
            if reply.status not in (503, 409):
                self.faults.append(str(reply))
                return
            time.sleep(0.1)
        self.faults.append(f"never answered: {text}")

    def stop(self):
        self.ended.set()
        for t in self.threads:
            t.join()
        assert not self.faults, self.faults[:5]

    def check(self):
        """Every acknowledged write is there, once, and nothing else is."""
        stored = self.org.sup.ok("comments/list", {"incident_id": self.incident})
        texts = [c["text"] for c in stored]
        assert len(texts) == len(set(texts)), "a write was doubled"
        assert set(self.acknowledged) - set(texts) == set(), "an acknowledged write was lost"
        assert set(texts) - set(self.acknowledged) == set(), "something unacknowledged was written"
        assert {c["text"]: c["comment_id"] for c in stored} == self.acknowledged
        rows = self.org.gateway.query("select position from ledger where client_id = %s order by 1", self.org.id, client=self.org.id)
        assert [r[0] for r in rows] == list(range(1, len(rows) + 1))


class Approver:
    """Sends a decision with an Idempotency-Key until it has an answer that is one, for a minute and a half at most."""

    def __init__(self, org, url):
        self.org, self.url, self.until = org, url, time.monotonic() + 90

    def decide(self, response_id, status):
        api = self.org.sup.at(url=self.url)
        body = {"response_id": response_id, "status": status, "comment": "in the storm"}
        while time.monotonic() < self.until:
            try:
                reply = api.call("response/update", body, record=False, Idempotency_Key=f"{response_id}-{status}")
            except Exception:  # the gateway is dead: what came of it is not known
                time.sleep(0.1)
                continue
            if reply.status == 503 or reply.code == "idempotency_running":
                time.sleep(0.1)
                continue
            return reply.status
        raise AssertionError(f"never answered: {response_id} {status}")
