"""The independent judge of executions: what connectors did (their own file of executions) against what the ledger allowed.

Knows nothing of the program: reads the lines that connectors wrote when they acted, and the ledger's rows as SQL gives them.
"""
import json
from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """One ledger row of a response: what it allowed from then on."""
    position: int
    status: str
    state: str
    epoch: int
    changed_at: int


def ledger_of(gateway, client_id):
    """response id -> its rows, in order."""
    rows = gateway.query("select object_id, position, changed_at, snapshot from ledger where client_id = %s"
                         " and kind = 'incident_response' order by position", client_id, client=client_id)
    told = defaultdict(list)
    for response_id, position, changed_at, snapshot in rows:
        # marks that depend on the reader stand between the bytes 1 and 2
        clean = snapshot
        while "\x01" in clean:
            start = clean.index("\x01")
            clean = clean[:start] + ("false" if clean[start - 1] == ":" else "") + clean[clean.index("\x02", start) + 1:]
        body = json.loads(clean)
        told[response_id].append(Told(position, body["status"], body["execution"]["state"], body["execution"]["epoch"], changed_at))
    return told


def executions_of(*paths):
    """response id -> the lines that connectors wrote when they acted."""
    found = defaultdict(list)
    for path in paths:
        if path.exists():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                found[entry["response_id"]].append(entry)
    return found


def faults(told, executions):
    """What may never have happened; empty = all is well."""
    found = []
    for response_id, acts in executions.items():
        rows = told.get(response_id, [])
        if len(acts) > 1:
            found.append(f"{response_id} was executed {len(acts)} times: {acts}")
        if not any(row.status == "Confirmed" for row in rows):
            found.append(f"{response_id} was executed without an approval: {rows}")
        for act in acts:
            started = [row for row in rows if row.state == "running" and row.epoch == act["epoch"]]
            if not started:
                found.append(f"{response_id} was executed under epoch {act['epoch']}, which never was granted: {rows}")
            elif min(row.changed_at for row in started) > act["at"] * 1000 + 50:
                found.append(f"{response_id} was executed before it was granted: {act} {started}")
    for response_id, rows in told.items():
        acts, last = executions.get(response_id, []), rows[-1]
        if last.state == "succeeded" and not acts:
            found.append(f"{response_id} is shown as succeeded and was never executed")
        if acts and last.state in ("none", "pending", "leased", "expired", "cancelled"):
            found.append(f"{response_id} was executed and is shown as {last.state}")
    return found
