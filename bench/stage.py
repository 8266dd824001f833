"""What is measured: a gateway with its own embedded PostgreSQL and made-up data, and the servers it is compared with."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

from tools import BUILD, HERE, say, wait_until

BINARY = os.environ.get("MDR_BINARY", str(HERE.parent / "build/mdr-gateway"))
NEWEST = '{"page_size":100}'


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port, path="/"):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5)
    except urllib.error.HTTPError as refused:
        return refused.code != 503
    except OSError:
        return False
    return True


class Server:
    """A process that listens on a port."""

    def __init__(self, words, env=None, ready="/"):
        self.process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = int(words[-1])
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(lambda: answers(self.port, ready), 30, f"{words[0]} does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def hello(size=2):
    BUILD.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-o", BUILD / "hello", HERE / "hello.c", "-lulfius", "-lmicrohttpd"], check=True)
    return Server([str(BUILD / "hello"), str(size), str(free_port())])


def fastify(stage):
    folder = BUILD / "fastify"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "server.js"):
        shutil.copy(HERE / "fastify" / name, folder / name)
    if not (folder / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--loglevel=error"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    env = {**os.environ, "NODE_ENV": "production", "BENCH_SECRET": stage.secret(), "BENCH_PUBLIC_URL": stage.url,
           "BENCH_DATABASE": json.dumps({"host": stage.socket_dir, "port": 5432, "database": "mdr", "user": "mdr_serve"})}
    return Server(["node", str(folder / "server.js"), str(free_port())], env, "/nothing")


class Stage:
    """clients b001, b002, ...: the first has half of all incidents."""

    def __init__(self, folder, incidents, clients):
        self.folder, self.incidents, self.clients = pathlib.Path(folder), incidents, [f"b{n:03}" for n in range(1, clients + 1)]
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in (self.folder, self.folder.parent):
            part.chmod(0o755)  # the gateway leaves root behind and must still get in
        self.port, self.metrics_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("MDR_")}
        self.env.update({"MDR_DATA_DIR": str(self.folder / "data"), "MDR_LISTEN": f"127.0.0.1:{self.port}",
                         "MDR_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}", "MDR_LOG_LEVEL": "warn",
                         "MDR_RATE_PER_SESSION": "0", "MDR_RATE_PER_ADDRESS": "0"})
        self.start()
        self.load()
        self.tokens = {client: self.command("token", "--client", client, "--role", "SUPERVISOR").strip() for client in self.clients}

    # ---- the gateway ----

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([BINARY, "serve"], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        wait_until(lambda: answers(self.port, "/readyz"), 120, f"the gateway is not ready: {self.folder}/log says why")
        self.socket_dir = (self.folder / "data/postgres/postmaster.pid").read_text().splitlines()[4]

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def command(self, *words):
        done = subprocess.run([BINARY, *words], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
        assert done.returncode == 0, f"mdr-gateway {' '.join(words)}: {done.stderr}"
        return done.stdout

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as reply:
            return next(float(line.split()[-1]) for line in reply.read().decode().splitlines() if line.startswith(name + " "))

    def secret(self):
        return json.loads((self.folder / "data/keys.json").read_text())["keys"][0]["secret"]

    # ---- its database ----

    def database(self, user="mdr_serve"):
        return f"host={self.socket_dir} port=5432 dbname=mdr user={user}"

    def sql(self, text):
        """As the owner, a superuser, whom row-level security does not bind."""
        done = subprocess.run(["psql", "-XqAtv", "ON_ERROR_STOP=1", self.database("mdr_owner")], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def load(self):
        """Once; the folder is kept for the next run."""
        there = set(self.sql("select client_id from clients"))
        first = self.incidents // 2 if len(self.clients) > 1 else self.incidents
        for n, client in enumerate(self.clients):
            if client in there:
                continue
            count = first if n == 0 else (self.incidents - first) // (len(self.clients) - 1)
            say(f"loading {count} incidents of {client}")
            self.command("demo", "--client", client, "--assets", "1000", "--incidents", str(count), "--seed", str(n + 1))
        if not there.issuperset(self.clients):
            self.sql("vacuum analyze")
        self.sql(POOLS)
        self.sql("checkpoint")

    def reopen_responses(self):
        self.sql("update responses r set status = 'New', decide_until = 0, decided_by = default, execution_state = 'none' from bench_responses b"
                 " where b.client_id = r.client_id and b.response_id = r.response_id and (r.status <> 'New' or decide_until > 0);"
                 "delete from due d using bench_responses b"
                 " where d.client_id = b.client_id and d.kind in ('decide', 'execute') and d.object_id = b.response_id")

    # ---- its API ----

    def path(self, operation, client="b001"):
        return f"/api/v1/{client}/{operation}"

    def request(self, operation, body, client="b001"):
        return ("POST", self.path(operation, client), self.tokens[client], body)

    def call(self, operation, body, client="b001", url=None, content_type="application/json"):
        request = urllib.request.Request((url or self.url) + self.path(operation, client), body.encode() if isinstance(body, str) else body,
                                         {"Authorization": "Bearer " + self.tokens[client], "Content-Type": content_type})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read()


# What the writes write to: pool 1 = incidents (responses) of b001, 0 = of all others, numbered from 1 in no order of theirs.
POOLS = """
set client_min_messages = warning;
drop table if exists bench_incidents, bench_responses;
create table bench_incidents as
    select pool, row_number() over (partition by pool order by md5(incident_id)) as n, client_id, incident_id
      from (select (client_id = 'b001')::integer as pool, client_id, incident_id from incidents where client_id ~ '^b[0-9]{3}$'
             order by md5(incident_id) limit 60000) i;
create table bench_responses as
    select pool, row_number() over (partition by pool order by md5(response_id)) as n, client_id, incident_id, response_id, asset_id
      from (select (r.client_id = 'b001')::integer as pool, r.client_id, r.incident_id, r.response_id, r.asset_id
              from responses r join assets a using (client_id, asset_id)
             where r.client_id ~ '^b[0-9]{3}$' and not r.critical and not ('critical' = any (a.tags))
             order by md5(response_id) limit 60000) r;
-- an earlier run took decisions back behind the incidents' backs
update incidents i set responses = p.bodies
  from (select r.client_id, r.incident_id, string_agg(r.body, ',' order by r.creation_time, r.response_id) as bodies
          from responses r where (r.client_id, r.incident_id) in (select client_id, incident_id from bench_responses) group by 1, 2) p
 where i.client_id = p.client_id and i.incident_id = p.incident_id and i.responses <> p.bodies;
alter table bench_incidents add primary key (pool, n);
alter table bench_responses add primary key (pool, n);
analyze bench_incidents, bench_responses;
grant select on bench_incidents, bench_responses to mdr_serve;
"""
