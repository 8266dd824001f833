"""Decisions bound to what was seen: If-Match, expected_update_time, expected_update_times."""
import pytest


def decide(org, response, by=None, name="response/update", expected=None, status="Confirmed", **headers):
    body = {"response_id": response["response_id"], "status": status, "comment": "why"}
    if expected is not None:
        body["expected_update_time"] = expected
    return (by or org.sup).call(name, body, **headers)


def test_unchanged_is_decided(org):
    for more in ({}, {"If_Match": "*"}):
        response = org.new_response()
        decided = decide(org, response, expected=response["update_time"], **more).must(200).json
        assert decided["status"] == "Confirmed"
    for tag in ('"%d"', "%d"):
        response = org.new_response()
        decide(org, response, If_Match=tag % response["update_time"]).must(200)


def test_decided_meanwhile_is_412_with_the_difference(org):
    response = org.new_response()
    decide(org, response, status="Declined").must(200)
    for how in ({"expected": response["update_time"]}, {"If_Match": f'"{response["update_time"]}"'}):
        problem = decide(org, response, **how).must(412, "changed").json
        changed = problem["changed"][response["response_id"]]
        assert {"status", "comment", "update_time", "decided_by"} <= set(changed), changed
        assert not {"response_id", "type", "parameters", "asset_id", "description"} & set(changed), changed
        assert problem["response"]["status"] == "Declined"
        assert problem["errors"][0]["pointer"] == "/expected_update_time"
        assert "status" in problem["errors"][0]["detail"]


def test_first_approval_changes_what_the_second_person_saw(org):
    asset = org.new_assets(1, tags=["critical"])[0]
    incident = org.new_incident()
    response = org.new_response(incident["incident_id"], asset_id=asset["asset_id"])
    decide(org, response, by=org.senior, expected=response["update_time"]).must(200)
    problem = decide(org, response, expected=response["update_time"]).must(412, "changed").json
    assert "decided_by" in problem["changed"][response["response_id"]]
    seen = problem["response"]
    assert seen["status"] == "New"
    assert decide(org, response, expected=seen["update_time"]).must(200).json["status"] == "Confirmed"


def test_never_seen_state(org):
    response = org.new_response()
    problem = decide(org, response, expected=response["update_time"] - 1).must(412).json
    assert problem["changed"] == {response["response_id"]: ["update_time"]}


def test_several_are_all_or_none(org):
    a, b = org.new_response(), org.new_response()
    decide(org, b, status="Declined").must(200)
    body = {"responses_ids": [a["response_id"], b["response_id"]], "status": "Confirmed", "comment": "",
            "expected_update_times": {r["response_id"]: r["update_time"] for r in (a, b)}}
    problem = org.sup.call("responses/update", body).must(412, "changed").json
    assert list(problem["changed"]) == [b["response_id"]]
    assert [r["response_id"] for r in problem["responses"]] == [b["response_id"]]
    assert problem["errors"][0]["pointer"] == f"/expected_update_times/{b['response_id']}"
    listed = org.sup.ok("responses/list", {"statuses": ["New"], "page_size": 1000})
    assert a["response_id"] in [r["response_id"] for r in listed]
    body["responses_ids"] = [a["response_id"]]
    body["expected_update_times"] = {a["response_id"]: a["update_time"]}
    assert org.sup.ok("responses/update", body)[0]["status"] == "Confirmed"


@pytest.mark.parametrize("tag", ["abc", '""', 'W/"1"', '"1', '1"', "-1", '"1", "2"', "9" * 40, "1 2"])
def test_bad_tags(org, tag):
    response = org.new_response()
    assert decide(org, response, If_Match=tag).status == 400


def test_disagreement(org):
    response = org.new_response()
    problem = decide(org, response, expected=response["update_time"], If_Match='"1768208096052"').must(400).json
    assert problem["errors"][0]["pointer"] == "/expected_update_time"


def test_bad_expectations_of_several(org):
    response = org.new_response()
    body = {"responses_ids": [response["response_id"]], "status": "Confirmed", "comment": ""}
    for times, pointer in (({"MDR_other": 1}, "/expected_update_times"),
                           ({response["response_id"]: "1"}, f"/expected_update_times/{response['response_id']}"),
                           ({response["response_id"]: -1}, f"/expected_update_times/{response['response_id']}")):
        problem = org.sup.call("responses/update", {**body, "expected_update_times": times}).must(400).json
        assert problem["errors"][0]["pointer"] == pointer
    assert org.sup.call("responses/update", body, If_Match='"1"').status == 400


def test_foreign_is_missing_whatever_is_expected(org, other):
    response = other.new_response()
    assert decide(org, response, expected=1).status == 404
