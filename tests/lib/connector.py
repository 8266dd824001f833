#!/usr/bin/python3
"""A small connector: what stands at the customer's side and carries out confirmed responses. Also a process of its own.

    connector.py URL ACCESS_TOKEN CLIENT_ID JOURNAL EXECUTIONS [options]
        --name TEXT            written into every execution (default: the process id)
        --seconds S            end after so long (default 3600); --once: end when there is nothing to do
        --crash-at POINT       kill itself (SIGKILL) at: leased, journaled, running, acted, before_report, reported
        --crash-after N        at the N-th passing of that point (default 1)
        --no-journal           known bad: acts again after a crash
        --ignore-epochs        known bad: acts without waiting for the 200 of its report `running`
        --work-ms MS           how long acting takes; --wait-s S: of tasks/lease; --max N

    Connector(url, token, client_id, journal, executions, ...).step() does one round of lease, act, report and returns how many
    tasks it was handed; run() goes on until stop is set.

Acting means appending one line of JSON to EXECUTIONS: {response_id, epoch, asset_id, type, by, at}; count its lines per
response_id. JOURNAL holds lines {response_id, step: begun|done, ...}, each on the disk (fsync) before what follows it:

    leased -> report running, 200 (point `running`) -> journal `begun` (point `journaled`) -> act (point `acted`) -> journal `done`
    (point `before_report`) -> report the end (point `reported`)

A task that is handed out again is answered from the journal: done -> its stored end; begun only -> nobody knows whether it acted,
so it does not act again and says nothing: at not_after the response becomes `unknown`. Connection faults are waited out.
"""
import sys

if __name__ == "__main__":
    sys.path.pop(0)  # the http.py beside this file is not Python's

import argparse  # noqa: E402
import hashlib  # noqa: E402
import http.client  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

POINTS = ("leased", "running", "journaled", "acted", "before_report", "reported")


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem}")
        self.status, self.code = status, problem.get("code", "")


def content_hash(task):
    text = json.dumps(task["parameters"], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256("\n".join((task["response_id"], task["asset_id"], task["type"], text)).encode()).hexdigest()


class Connector:
    def __init__(self, url, token, client_id, journal, executions, name=None, journaling=True, epochs=True, crash_at=None,
                 crash_after=1, work_ms=0, wait_s=1, max_tasks=10, types=None):
        self.host, self.port = url.split("//")[1].split(":")
        self.token, self.client_id, self.name = token, client_id, name or str(os.getpid())
        self.journal_path, self.executions_path = str(journal), str(executions)
        self.journaling, self.epochs = journaling, epochs
        self.crash_at, self.crashes_left = crash_at, crash_after
        self.work_ms, self.wait_s, self.max_tasks, self.types = work_ms, wait_s, max_tasks, types
        self.stop = threading.Event()
        self.connection = None
        self.journal = self.read_journal()

    # ---- the gateway ----

    def call(self, operation, body):
        """The reply; waits out lost connections and 503. Repeating is safe: every report names its epoch."""
        data = json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        while True:
            try:
                self.connection = self.connection or http.client.HTTPConnection(self.host, int(self.port), timeout=60)
                self.connection.request("POST", f"/api/v1/{self.client_id}/{operation}", data, headers)
                reply = self.connection.getresponse()
                value = json.loads(reply.read() or b"{}")
            except (OSError, http.client.HTTPException):
                self.connection = None
                value, reply = None, None
            if reply is not None and reply.status == 200:
                return value
            if reply is not None and reply.status != 503:
                raise Refused(reply.status, value)
            if self.stop.wait(0.1):
                raise Refused(503, {"code": "stopped"})

    def report(self, task, state, **more):
        return self.call("tasks/report", {"response_id": task["response_id"], "epoch": task["epoch"], "state": state, **more})

    # ---- the disk ----

    def append(self, path, line):
        """One line, on the disk before this returns."""
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(fd, (json.dumps(line) + "\n").encode())
            os.fsync(fd)
        finally:
            os.close(fd)

    def read_journal(self):
        """The last step of each response; a line cut off by a crash was never relied on."""
        known = {}
        if not self.journaling or not os.path.exists(self.journal_path):
            return known
        with open(self.journal_path, encoding="utf-8") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                known[entry["response_id"]] = entry
        return known

    def note(self, task, step, **more):
        entry = {"response_id": task["response_id"], "epoch": task["epoch"], "step": step, **more}
        if self.journaling:
            self.journal[task["response_id"]] = entry
            self.append(self.journal_path, entry)

    def point(self, name):
        if name != self.crash_at:
            return
        self.crashes_left -= 1
        if self.crashes_left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    # ---- the work ----

    def begin(self, task):
        """May it act? Only after the gateway took `running`."""
        try:
            self.report(task, "running")
        except Refused:
            return not self.epochs
        return True

    def act(self, task):
        if self.work_ms:
            time.sleep(self.work_ms / 1000)
        self.append(self.executions_path, {"response_id": task["response_id"], "epoch": task["epoch"], "by": self.name,
                                           "asset_id": task["asset_id"], "type": task["type"], "at": time.time()})

    def end(self, task, state="succeeded", **more):
        self.point("before_report")
        try:
            self.report(task, state, **more)
        except Refused:
            return
        self.point("reported")

    def work(self, task):
        self.point("leased")
        known = self.journal.get(task["response_id"])
        if known and known["step"] == "done":
            return self.end(task, known["state"], message=known["message"])
        if known:
            return None
        if content_hash(task) != task["content_hash"]:
            return self.end(task, "failed", code="refused", message="the content is not what was decided about")
        if not self.begin(task):
            return None
        self.point("running")
        self.note(task, "begun")
        self.point("journaled")
        self.act(task)
        self.point("acted")
        self.note(task, "done", state="succeeded", message="done")
        return self.end(task, message="done")

    def step(self):
        body = {"wait_s": self.wait_s, "max": self.max_tasks, **({"types": self.types} if self.types else {})}
        tasks = self.call("tasks/lease", body)
        for task in tasks:
            self.work(task)
        return len(tasks)

    def run(self, seconds=3600, once=False):
        until = time.monotonic() + seconds
        while not self.stop.is_set() and time.monotonic() < until:
            if not self.step() and once:
                return


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("url", "token", "client_id", "journal", "executions"):
        words.add_argument(name)
    words.add_argument("--name")
    words.add_argument("--seconds", type=float, default=3600)
    words.add_argument("--once", action="store_true")
    words.add_argument("--crash-at", choices=POINTS)
    words.add_argument("--crash-after", type=int, default=1)
    words.add_argument("--no-journal", action="store_true")
    words.add_argument("--ignore-epochs", action="store_true")
    words.add_argument("--work-ms", type=int, default=0)
    words.add_argument("--wait-s", type=int, default=1)
    words.add_argument("--max", type=int, default=10)
    given = words.parse_args()
    Connector(given.url, given.token, given.client_id, given.journal, given.executions, given.name, not given.no_journal,
              not given.ignore_epochs, given.crash_at, given.crash_after, given.work_ms, given.wait_s,
              given.max).run(given.seconds, given.once)


if __name__ == "__main__":
    main()
