"""Holds every exchange against openapi.yaml and remembers which operation answered which status."""
import json
import os
import pathlib
import threading
from collections import Counter

CHECKED_EACH = 150  # exchanges of one operation and status checked per test; beyond that every 20th
NULL_BODY = object()
SEEN = os.environ.get("MDR_SEEN")  # a folder in which the processes of one run keep what they saw


class Recorder:
    def __init__(self):
        self.lock = threading.Lock()
        self.fresh = []
        self.seen = Counter()
        self.contract = None

    def add(self, method, path, headers, body, reply):
        with self.lock:
            self.fresh.append((method, path, headers, body, reply))

    def take(self):
        """Violations among the exchanges since the last call."""
        with self.lock:
            fresh, self.fresh = self.fresh, []
        found, counts = [], Counter()
        for item in fresh:
            key = self.note(*item)
            counts[key] += 1
            if counts[key] > CHECKED_EACH and counts[key] % 20:
                continue
            found += self.contract.violations(*item)
            if len(found) > 10:
                break
        return found

    def note(self, method, path, headers, body, reply):
        operation = self.contract.find(method, path)
        key = (operation.id if operation else None, reply.status)
        self.seen[key] += 1
        return key

    def keep(self):
        if SEEN and self.seen:
            text = json.dumps([[op, status, n] for (op, status), n in self.seen.items()])
            pathlib.Path(SEEN, f"{os.getpid()}.json").write_text(text)


def seen_by_all():
    """How often each operation answered each status, in all processes of the run."""
    total = Counter()
    for path in pathlib.Path(SEEN).iterdir():
        total.update({(op, status): n for op, status, n in json.loads(path.read_text())})
    return total


RECORDER = Recorder()


def parse(body):
    """JSON with the order of its members; NULL_BODY where there is none."""
    return json.loads(body) if body.strip() else NULL_BODY
