"""The load generators, and what is made of their figures."""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BENCH_BUILD", HERE.parent / "build/bench"))
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"
PROGRAMS = {"wrk": "wrk", "curl": "curl", PGBENCH: "postgresql-15", "npm": "npm", "gcc": "gcc"}


def check_programs():
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        sys.exit(f"bench/run needs: apt-get install {' '.join(missing)}")


def say(text):
    print(text, file=sys.stderr, flush=True)


@dataclass
class Load:
    """What a generator saw."""
    per_s: float
    mean_ms: float = 0
    p99_ms: float = 0
    bytes_per_request: float = 0


def wrk(url, requests, seconds, connections=8, once=False):
    """requests: (method, path, token or "-", body) each. Anything but 200 fails the run: an error is quick to answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
        file.writelines("\t".join(r) + "\n" for r in requests)
        file.flush()
        threads = 2 if connections > 1 and len(requests) > 1 else 1
        env = {**os.environ, "BENCH_REQUESTS": file.name, "BENCH_ONCE": "1" if once else "0", "BENCH_THREADS": str(threads)}
        done = subprocess.run(["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s", "--latency",
                               "-s", str(HERE / "requests.lua"), url], env=env, capture_output=True, text=True)
    found = re.search(r"^BENCH (.*)$", done.stdout, re.M)
    assert found, done.stdout + done.stderr
    n, micros, size, refused, broken, p50, p99 = map(int, found[1].split())
    assert n and not refused and not broken, f"{requests[0][1]}: {refused} of {n} replies were errors, {broken} never came"
    assert not once or n <= len(requests), f"{requests[0][1]}: more than the {len(requests)} prepared writes were wanted"
    return Load(n / micros * 1e6, micros / 1000 * connections / n, p99 / 1000, size / n)


def pgbench(database, script, seconds, variables, connections=8):
    """database: a libpq connection string. The settings are those of the gateway's own connections (base/db.c)."""
    env = {**os.environ, "PGOPTIONS": "-c plan_cache_mode=force_generic_plan -c jit=off"}
    words = [word for name, value in variables.items() for word in ("-D", f"{name}={value}")]
    done = subprocess.run([PGBENCH, "-n", "-M", "prepared", "-c", str(connections), "-j", "2", "-T", str(seconds), "-f",
                           str(HERE / "sql" / script), *words, database], env=env, capture_output=True, text=True)
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    assert done.returncode == 0 and rate and int(failed[1]) == 0, f"{script}: {done.stdout}{done.stderr}"
    return Load(float(rate[1]), 1000 * connections / float(rate[1]))


def alternate(rounds, *measures):
    """Each measure once a round, in turn; per measure the list of its loads."""
    loads = [[] for _ in measures]
    for _ in range(rounds):
        for i, measure in enumerate(measures):
            loads[i].append(measure())
    return loads


def median(loads, member="per_s"):
    return statistics.median(getattr(load, member) for load in loads)


def ratio(ours, theirs, member="per_s"):
    """The median of the rounds' own ratios: what disturbs the machine disturbs both of a round."""
    return statistics.median(getattr(a, member) / getattr(b, member) for a, b in zip(ours, theirs))


def wait_until(what, seconds, message):
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            sys.exit(message)
        time.sleep(0.1)
