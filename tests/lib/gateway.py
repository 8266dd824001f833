"""Starts and stops real gateways, each with its own embedded PostgreSQL, and says whether one misbehaved."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("MDR_BINARY") or os.environ.get("MDR_GATEWAY") or str(ROOT / "build/san/mdr-gateway")
READY_SECONDS = 90
STOP_SECONDS = 60
SO_ATTACH_FILTER, BPF_RET = 26, 6  # asm-generic/socket.h, linux/bpf_common.h
SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|runtime error:|UndefinedBehaviorSanitizer|assertion.*failed)", re.I)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, seconds=20, every=0.05, message=None):
    """Calls what() until it answers something true, and returns that."""
    until = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(message or f"not within {seconds} s: {getattr(what, '__name__', what)}")
        time.sleep(every)


def sanitizer_env():
    return {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1",
            "LSAN_OPTIONS": f"print_suppressions=0:suppressions={ROOT}/tests/lsan.supp"}


def is_sanitized():
    return "/san/" in BINARY


class Gateway:
    """One process. Several may share a data folder (base.data_dir), then they share its PostgreSQL."""

    everyone = []

    def __init__(self, data_dir=None, **settings):
        self.owns_folder = data_dir is None
        if self.owns_folder:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mdr-test-"))
            self.folder.chmod(0o755)  # the gateway leaves root behind and must still get in
            data_dir = self.folder / "data"
        self.data_dir = pathlib.Path(data_dir)
        self.log_path = pathlib.Path(tempfile.mkstemp(prefix="mdr-log-", suffix=".jsonl")[1])
        self.port, self.metrics_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("MDR_")}
        for k, v in sanitizer_env().items():
            self.env.setdefault(k, v)
        self.env.update({"MDR_DATA_DIR": str(self.data_dir), "MDR_LISTEN": f"127.0.0.1:{self.port}",
                         "MDR_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}"})
        self.env.update({"MDR_RATE_PER_SESSION": "0", "MDR_RATE_PER_ADDRESS": "0"})
        self.env.update({k: str(v) for k, v in settings.items()})
        self.announced = []
        self.process = None
        self.faults = []
        Gateway.everyone.append(self)

    # ---- life ----

    def start(self, *words, wait=True):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([BINARY, "serve", *words], env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, cwd="/")
        log.close()
        if wait:
            self.wait_ready()
        return self

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=5) as reply:
                return reply.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def wait_ready(self, seconds=READY_SECONDS):
        def ready_or_dead():
            if self.process.poll() is not None:
                raise AssertionError(f"the gateway ended with {self.process.returncode}:\n{self.log_text()[-4000:]}")
            return self.is_ready()
        wait_for(ready_or_dead, seconds, message=f"the gateway is not ready:\n{self.log_tail()}")

    def log_tail(self):
        return self.log_text()[-4000:]

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def log_events(self):
        events = []
        for line in self.log_text().splitlines():
            try:
                events.append(json.loads(line))
            except ValueError:
                pass
        return events

    def expect_errors(self, *events):
        """Announces error events that a test provokes."""
        self.announced += events

    def terminate(self):
        """SIGTERM; returns the exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS) if self.process else 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return -99

    def kill(self):
        """kill -9, as a crash would be."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def misbehaviour(self, code):
        text = self.log_text()
        found = []
        if code not in (0, None):
            found.append(f"ended with {code}")
        report = SANITIZER.search(text)
        if report:
            at = max(0, report.start() - 300)
            found.append(f"sanitizer report:\n{text[at:at + 3000]}")
        for event in self.log_events():
            if event.get("level") == "error" and event.get("event") not in self.announced:
                found.append(f"logged an error: {json.dumps(event)[:600]}")
        return found[:8]

    def stop(self):
        """Stops it properly and fails when it ever misbehaved."""
        code = self.terminate() if self.process else None
        self.process = None
        found = self.misbehaviour(code)
        self.remove()
        assert not found, f"gateway on port {self.port}: " + "\n".join(found)

    def remove(self):
        if self in Gateway.everyone:
            Gateway.everyone.remove(self)
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        if not os.environ.get("MDR_KEEP_LOGS"):
            self.log_path.unlink(missing_ok=True)

    @classmethod
    def stop_all(cls):
        """Last resort, so that nothing stays behind when a run is broken off."""
        for gateway in list(cls.everyone):
            if gateway.process and gateway.process.poll() is None:
                gateway.terminate()
            gateway.remove()

    # ---- beside it ----

    def cli(self, *words, check=True, text=None):
        """Runs a command beside the gateway; returns what it printed as JSON (check=False: the finished process)."""
        done = subprocess.run([BINARY, *words], env=self.env, capture_output=True, text=True, timeout=120, cwd="/",
                              input=text)
        if not check:
            return done
        assert done.returncode == 0, f"mdr-gateway {' '.join(words)}: {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout)

    def create_client(self, name, client_id=None):
        words = ["--name", name] + (["--id", client_id] if client_id else [])
        return self.cli("client", "create", *words)["client_id"]

    def create_connection(self, client_id, role, name="test", tenants=()):
        words = [word for tenant in tenants for word in ("--tenant", tenant)]
        return self.cli("connection", "create", "--client", client_id, "--name", name, "--role", role, *words)

    def socket_dir(self):
        """Of the embedded PostgreSQL; line 5 of its postmaster.pid."""
        return self.postmaster_lines()[4]

    def database_socket(self):
        return f"{self.socket_dir()}/.s.PGSQL.{self.postmaster_lines()[3]}"

    def postmaster_lines(self):
        return (self.data_dir / "postgres/postmaster.pid").read_text().splitlines()

    def postmaster_pid(self):
        return int(self.postmaster_lines()[0])

    def psql(self, user="mdr_owner", database="mdr"):
        """A connection of its own into the database; autocommit."""
        if "MDR_MIGRATE_URL" in self.env:
            connection = psycopg2.connect(self.env["MDR_MIGRATE_URL"], user=user, dbname=database)
        else:
            connection = psycopg2.connect(host=self.socket_dir(), port=self.postmaster_lines()[3], user=user, dbname=database)
        connection.autocommit = True
        return connection

    def query(self, sql, *values, client=None, user="mdr_owner"):
        """Rows of one statement; under FORCE row-level security even the owner sees only what `client` may."""
        with self.psql(user) as connection, connection.cursor() as cursor:
            if client is not None:
                cursor.execute("select set_config('mdr.client', %s, false), set_config('mdr.tenants', '*', false)", [client])
            cursor.execute(sql, values)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def key(self):
        """(kid, secret bytes) of the key that signs."""
        import base64
        path = pathlib.Path(self.env.get("MDR_KEY_FILE", self.data_dir / "keys.json"))
        key = json.loads(path.read_text())["keys"][0]
        return key["kid"], base64.urlsafe_b64decode(key["secret"] + "==")

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as reply:
            for line in reply.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[-1])
        return None


class DatabaseDoor:
    """A door between a gateway and PostgreSQL, at a unix socket or (tcp) at a port. It can be shut (cuts what runs and refuses what
    comes). It can keep connections back: hold(text) lets nothing more through of those that send the text (all of them: ""), until
    release(); let_new_through() ends that for those that did not send it yet. And it can vanish(), as a host that lost its power:
    no packet is acknowledged, none is refused."""

    def __init__(self, target, tcp=False):
        self.target = target
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mdr-door-"))
        self.folder.chmod(0o755)
        self.host, self.port = ("127.0.0.1", free_port()) if tcp else (str(self.folder), 5432)
        self.path = None if tcp else self.folder / f".s.PGSQL.{self.port}"
        self.open_pairs, self.lock, self.listener = set(), threading.Lock(), None
        self.held_text, self.held, self.released = None, 0, threading.Event()
        self.open()

    def open(self):
        if self.path:
            self.path.unlink(missing_ok=True)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(self.path))
            self.path.chmod(0o777)
            self.listener.listen(64)
        else:
            self.listener = socket.create_server((self.host, self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def shut(self):
        """shutdown() wakes those that wait in accept and recv; close() alone does not."""
        for action in (lambda: self.listener.shutdown(socket.SHUT_RDWR), self.listener.close):
            try:
                action()
            except OSError:
                pass
        if self.path:
            self.path.unlink(missing_ok=True)
        with self.lock:
            pairs, self.open_pairs = self.open_pairs, set()
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def hold(self, text):
        self.held_text, self.held = text.encode(), 0
        self.released.clear()

    def let_new_through(self):
        self.held_text = None

    def release(self):
        self.let_new_through()
        self.released.set()

    def vanish(self):
        """A filter of these sockets drops every packet before the kernel answers it."""
        self.hold("")
        program = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RET, 0, 0, 0))
        for end in [self.listener] + [near for near, _ in self.open_pairs]:
            end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))

    def close(self):
        self.release()
        self.shut()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, user="mdr_serve"):
        return f"host={self.host} port={self.port} user={user} dbname=mdr"

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.target)
            except OSError:
                near.close()
                continue
            with self.lock:
                self.open_pairs.add((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pass_or_hold(self, data):
        if self.held_text is None or self.held_text not in data:
            return
        with self.lock:
            self.held += 1
        self.released.wait()

    def _pump(self, a, b):
        """In pieces much smaller than what a socket takes, so that who is held back cannot send it all."""
        try:
            while data := a.recv(16384):
                self._pass_or_hold(data)
                b.sendall(data)
        except OSError:
            pass
        for end in (a, b):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
