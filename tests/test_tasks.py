"""Confirmed responses are carried out: at most once, at least once while there is time and a connector (contract B3)."""


def test_a_task_from_confirmation_to_its_end(fresh):
    made = fresh.new_response()
    assert made["execution"]["state"] == "none"
    done = fresh.sup.ok("response/update", {"comment": "", "response_id": made["response_id"], "status": "Confirmed"})
    assert done["execution"]["state"] == "pending" and done["execution"]["not_after"] - done["update_time"] == 86_400_000
    [task] = fresh.connector.ok("tasks/lease")
    assert task["response_id"] == made["response_id"] and task["epoch"] == 1
    held = {"response_id": task["response_id"], "epoch": 1}
    assert fresh.connector.ok("tasks/report", {**held, "state": "running"})["state"] == "running"
    assert fresh.connector.ok("tasks/report", {**held, "state": "succeeded", "result": {"a": 1}})["state"] == "succeeded"
    [row] = fresh.sup.ok("responses/list", {"incident_id": fresh.sup.ok("incidents/list")[0]["incident_id"]})
    assert row["execution"]["state"] == "succeeded" and row["execution"]["result"] == {"a": 1}, row
