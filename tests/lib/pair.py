"""Two real PostgreSQL servers, a primary and its synchronous streaming standby, as an operator sets them up."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import psycopg2

from lib.gateway import wait_for

PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))[-1]
START_SECONDS = 60


class Server:
    """One data folder and one folder of sockets; PostgreSQL does not run as root."""

    def __init__(self, folder, name):
        self.name, self.data, self.sockets = name, folder / name / "data", folder / name
        self.sockets.mkdir()
        self.log = folder / f"{name}.log"
        self.user = {"user": "postgres"} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(self.sockets, **self.user)
        self.process = None

    def program(self, name, *words):
        done = subprocess.run([PROGRAMS / name, *words], cwd=self.sockets, capture_output=True, text=True, timeout=120, **self.user)
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"

    def create(self):
        self.program("initdb", "-D", str(self.data), "--username=mdr_owner", "--auth=trust", "--encoding=UTF8",
                     "--locale=C.UTF-8", "--no-sync")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write("listen_addresses = ''\nwal_sender_timeout = 5s\nwal_receiver_timeout = 5s\nwal_retrieve_retry_interval = 200ms\n"
                       "shared_buffers = 32MB\ndynamic_shared_memory_type = mmap\ntimezone = 'UTC'\n")

    def copy_of(self, other):
        """A standby: everything of the other, and from then on what the other writes."""
        self.program("pg_basebackup", "-D", str(self.data), "-d", f"host={other.sockets} user=mdr_owner application_name={self.name}",
                     "--checkpoint=fast", "--write-recovery-conf", "--no-sync")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([PROGRAMS / "postgres", "-D", str(self.data), "-k", str(self.sockets)], cwd=self.sockets,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.user)
        wait_for(self.answers, START_SECONDS, message=f"{self.name} does not start:\n{self.log.read_text()[-3000:]}")
        return self

    def answers(self):
        try:
            return self.query("select true", database="postgres")
        except psycopg2.OperationalError:
            return False

    def query(self, sql, *values, database="mdr"):
        connection = psycopg2.connect(host=str(self.sockets), user="mdr_owner", dbname=database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def set(self, name, value):
        self.query(f"alter system set {name} = %s", value)
        self.query("select pg_reload_conf()")

    def set_back(self, name):
        self.query(f"alter system reset {name}")
        self.query("select pg_reload_conf()")

    def processes(self):
        """The postmaster and its children, which are no group of processes."""
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [self.process.pid, *(int(pid) for pid in listed.stdout.split())]

    def signal(self, number):
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self):
        """kill -9 of all its processes at once, as if the machine had died: no backend says another word."""
        self.signal(signal.SIGSTOP)
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self):
        if not self.process:
            return
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self.process = None

    def forget_memory(self):
        """What a killed postmaster leaves behind (line 7 of its postmaster.pid: key and id of a segment)."""
        left = self.data / "postmaster.pid"
        if left.exists():
            subprocess.run(["ipcrm", "-m", left.read_text().splitlines()[6].split()[1]], capture_output=True, check=False)

    def promote(self):
        assert self.query("select pg_promote(wait_seconds => 30)") == [(True,)]


class Pair:
    """a is the primary and b its standby, with the database of a gateway's own roles in it."""

    def __init__(self, synchronous=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mdr-pair-"))
        self.folder.chmod(0o755)
        self.a, self.b = Server(self.folder, "a"), Server(self.folder, "b")
        self.a.create()
        self.a.start().query("create database mdr", database="postgres")
        self.b.copy_of(self.a)
        self.b.start()
        if synchronous:
            self.a.set("synchronous_standby_names", self.b.name)
        state = "sync" if synchronous else "async"
        wait_for(lambda: self.a.query("select sync_state from pg_stat_replication") == [(state,)])

    def url(self, user="mdr_serve"):
        """As the README says, with folders of sockets where there would be names of hosts."""
        return f"host={self.a.sockets},{self.b.sockets} dbname=mdr user={user} target_session_attrs=read-write"

    def remove(self):
        for server in (self.a, self.b):
            if server.process:
                server.signal(signal.SIGCONT)
                server.stop()
            server.forget_memory()
        shutil.rmtree(self.folder, ignore_errors=True)
