"""Every operation of openapi.yaml against what every operation must keep: tokens, roles, members, ids, repeats, methods."""
import copy
import json
import uuid

import pytest

from lib import tokens
from lib.contract import CONTRACT
from lib.http import exchange, multipart
from lib.organisation import RIGHT, THROWAWAY, caller, get_ids, new_asset_id, send_right

API = [op for op in CONTRACT.operations if op.path.startswith("/api/")]
GUARDED = [op for op in API if not op.public]
WITH_BODY = [op for op in API if op.method == "POST" and not op.multipart]
ROLES = ["SUPERVISOR", "SENIOR_OFFICER", "OFFICER", "SOC_ANALYST", "CONNECTOR"]
JSON_LIMIT = 256 * 1024

each = lambda ops: pytest.mark.parametrize("op", ops, ids=str)  # noqa: E731


def some_ids(op):
    return {name: "AAAAAAAAAAAAAAAAAAAA" for name in ("incident_id", "attachment_id") if "{" + name + "}" in op.path}


def send_raw(by, op, data, token="own", content_type="application/json", method=None, **headers):
    """Any bytes to an operation's path."""
    sent = by.headers(**({} if token == "own" else {"token": token}), **headers)
    if data is not None:
        sent["Content-Type"] = content_type
    return exchange(by.url, method or op.method, by.path(op.name, **some_ids(op)), data, sent)


def empty_request(op):
    """Bytes and content type that reach the gate of tokens of any operation."""
    if op.method == "GET":
        return None, ""
    if op.multipart:
        content_type, body = multipart([("meta", None, None, b'{"incident_id":"x"}'), ("file", "a", None, b"a")])
        return body, content_type
    return b"{}", "application/json"


# ---- right ----

@each(API)
def test_right_request(op, org):
    send_right(org, op).must(200)


@each([op for op in CONTRACT.operations if not op.path.startswith("/api/")])
def test_server_page(op, gateway):
    url = f"http://127.0.0.1:{gateway.metrics_port}" if op.metrics else gateway.url
    reply = exchange(url, "GET", op.path).must(200)
    head = exchange(url, "HEAD", op.path).must(200)
    assert head.body == b"" and head.header("Content-Type") == reply.header("Content-Type")
    assert exchange(url, "GET", op.path + "?no_such=1").status == 400
    assert exchange(url, "POST", op.path, b"{}").must(405).header("Allow").startswith("GET")


def test_metrics_are_not_public(gateway):
    exchange(gateway.url, "GET", "/metrics", record=False).must(404)


# ---- tokens, roles ----

@each(GUARDED)
def test_without_token_401(op, org):
    data, kind = empty_request(op)
    reply = send_raw(org.sup, op, data, token=None, content_type=kind).must(401, "unauthenticated")
    assert reply.header("WWW-Authenticate")


@each(GUARDED)
def test_bad_tokens_403(op, org, other, gateway):
    data, kind = empty_request(op)
    access = caller_of(op, org).access_token
    bad = {"garbage": "garbage", "empty": " ", "dots": "..", "refresh token": org.sup.refresh_token,
           "expired": tokens.expired(access, gateway), "cut": access[:-5], "of another client": caller_of(op, other).access_token,
           "other key": tokens.sign(*tokens.decode(access), b"k" * 32)}
    for name, token in bad.items():
        reply = send_raw(org.sup, op, data, token=token, content_type=kind)
        assert reply.status == 403, f"{name}: {reply}"


def caller_of(op, org):
    """Like caller(), but nothing will end the session, since the request never passes."""
    return org.caller_for(op)


@each([op for op in GUARDED if op.roles])
def test_wrong_role_403(op, org):
    data, kind = empty_request(op)
    for role in ROLES:
        reply = send_raw(org.roles[role], op, data, content_type=kind)
        if role in op.roles:
            assert reply.status != 403, f"{role} has the right: {reply}"
        else:
            reply.must(403, "forbidden")


@each([op for op in API if op.method == "POST"])
def test_unknown_client(op, org):
    data, kind = empty_request(op)
    stranger = org.sup.at(client_id="no-such-client")
    token = None if op.public else "own"
    assert send_raw(stranger, op, data, token=token, content_type=kind).status in (400, 403)


# ---- members ----

def wrong_values(schema):
    """(what, value) that a member of this schema must refuse."""
    kind = schema.get("type")
    if isinstance(kind, list) or kind is None:
        return []
    out = [("object", {"a": 1})] if kind != "object" else [("text", "text"), ("array", [])]
    if kind == "string":
        out += [("number", 5), ("boolean", True), ("array", ["a"])]
        if "enum" in schema:
            out += [("no such value", "no_such_value"), ("empty", "")]
        if "pattern" in schema or "format" in schema:
            out.append(("garbage", "garbage ::"))
        if "maxLength" in schema and "enum" not in schema:
            out.append(("too long", "x" * (schema["maxLength"] + 1)))
        if schema.get("minLength"):
            out.append(("empty", ""))
        if schema.get("x-line"):
            out += [("two lines", "a\nb"), ("a control", "a\u0007b")]
    if kind == "integer":
        out += [("text", "1"), ("fraction", 1.5), ("boolean", True), ("huge", 10 ** 30), ("very large", 2 ** 62), ("array", [1])]
        out += [("too small", schema["minimum"] - 1)] if "minimum" in schema else []
        out += [("too large", schema["maximum"] + 1)] if "maximum" in schema else []
    if kind == "boolean":
        out += [("text", "true"), ("number", 1), ("array", [True])]
    if kind == "array":
        items = schema.get("items", {})
        out.append(("number", 5))
        out += [] if items.get("type") == "string" else [("text", "text")]
        out += [("too few", [])] if schema.get("minItems") else []
        out += [(f"item {what}", [value]) for what, value in wrong_values(items) if value != []]
    if kind == "object" and not schema.get("x-json"):
        out.append(("unknown inside", {"no_such_member": 1}))
        for name, inner in schema.get("properties", {}).items():
            out += [(f"{name} {what}", {name: value}) for what, value in wrong_values(inner)]
        if schema.get("required"):
            out.append(("empty", {}))
    return out


def wrong_bodies(op, right):
    """(what, body, pointer) that the operation must refuse with an error at the pointer."""
    for name, schema in op.request["properties"].items():
        if name in op.request.get("required", []):
            yield f"{name} missing", {k: v for k, v in right.items() if k != name}, f"/{name}"
            yield f"{name} null", {**right, name: None}, f"/{name}"
        if schema.get("x-ignored"):
            continue
        for what, value in wrong_values(schema):
            yield f"{name} {what}", {**right, name: value}, f"/{name}"
    yield "unknown member", {**right, "no_such_member": 1}, "/no_such_member"
    yield "unknown member null", {**right, "no_such_member": None}, "/no_such_member"
    yield "awkward member", {**right, "a/b~c": 1}, "/a~1b~0c"


def pointers(reply):
    return [e["pointer"] for e in reply.json.get("errors", [])]


@each(WITH_BODY)
def test_wrong_members_400(op, org):
    right = RIGHT[op.name](org)
    by, failures = caller_of(op, org), []
    for what, body, pointer in wrong_bodies(op, right):
        reply = by.call(op.name, body, **({"token": None} if op.public else {}))
        named = any(p == pointer or p.startswith(pointer + "/") for p in pointers(reply))
        if reply.status != 400 or not (named or what.endswith(" huge")):  # no JSON number of this program: malformed
            failures.append(f"{what}: {json.dumps(body)[:200]} -> {reply.status} {reply.body[:300].decode(errors='replace')}")
    assert not failures, "\n".join(failures)


@each([op for op in WITH_BODY if op.request["properties"]])
def test_misspelt_member_names_the_nearest(op, org):
    name = max(op.request["properties"], key=len)
    misspelt = name[:-2] + name[-1]
    if misspelt in op.request["properties"]:
        pytest.skip("the misspelling is another member")
    reply = caller_of(op, org).call(op.name, {**RIGHT[op.name](org), misspelt: "x"}, **({"token": None} if op.public else {}))
    reply.must(400, "invalid")
    assert "/" + misspelt in pointers(reply)
    assert any(name in e["detail"] for e in reply.json["errors"]), reply.body


@each([op for op in WITH_BODY if op.request["properties"]])
def test_null_members_count_as_absent(op, org):
    body = RIGHT[op.name](org)
    groups = op.request.get("x-one-of-required", [])
    nulls = {k: None for k in op.request["properties"] if k not in body and k not in sum(groups, [])}
    send_right(org, op, {**body, **nulls}).must(200)


@each([op for op in WITH_BODY if not op.request.get("required") and not op.request.get("x-one-of-required")])
def test_empty_body_is_an_empty_object(op, org):
    by = caller(org, op)
    first = by.call(op.name, raw=b"").must(200)
    if op.name not in THROWAWAY:
        for raw in (b"{}", b" \r\n\t ", b" {} "):
            by.call(op.name, raw=raw).must(200)
    assert first.status == 200


# ---- bodies ----

HOSTILE = {
    "array": b"[]", "text": b'"text"', "number": b"1", "null": b"null", "two objects": b"{}{}", "trailing": b"{} x",
    "duplicate": b'{"page":1,"page":1}', "truncated": b'{"page":', "NUL in text": b'{"search_phrase":"a\\u0000b"}',
    "raw NUL": b'{"search_phrase":"a\x00b"}', "NUL after": b"{}\x00", "invalid UTF-8": b'{"search_phrase":"\xff\xfe"}',
    "overlong UTF-8": b'{"search_phrase":"\xc0\xaf"}', "surrogate": b'{"search_phrase":"\\ud800"}',
    "raw surrogate": b'{"search_phrase":"\xed\xa0\x80"}', "BOM": b"\xef\xbb\xbf{}",
    "deep": b'{"a":' * 40 + b"1" + b"}" * 40, "deep arrays": b'{"a":' + b"[" * 100 + b"]" * 100 + b"}",
    "deeper than any stack": b"[" * 100000, "many nodes": b'{"statuses":[' + b'"a",' * 20000 + b'"a"]}',
    "form": b"page=1&page_size=2", "NaN": b'{"page":NaN}', "single quotes": b"{'page':1}", "key twice by escape":
    b'{"page":1,"p\\u0061ge":2}', "lone": b"{", "comment": b"{/**/}", "control in text": b'{"search_phrase":"a\nb"}',
}


@each(WITH_BODY)
def test_hostile_bodies_400(op, org):
    failures = []
    for what, data in HOSTILE.items():
        reply = send_raw(caller_of(op, org), op, data, token=None if op.public else "own")
        if reply.status != 400:
            failures.append(f"{what}: {reply}"[:500])
    assert not failures, "\n".join(failures)


@each([op for op in API if op.method == "POST" and not op.multipart])
def test_too_large_body_413(op, org):
    limit, token = op.raw.get("x-max-body-bytes", JSON_LIMIT), None if op.public else "own"
    by = caller_of(op, org)
    send_raw(by, op, b"{}" + b" " * (limit - 1), token=token).must(413, "too_large")
    assert send_raw(by, op, b"[]" + b" " * (limit - 2), token=token).status == 400, "the limit itself is inside"


@each(WITH_BODY)
def test_json_whatever_the_content_type(op, org):
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/octet-stream", "multipart/form-data"):
        body = json.dumps(RIGHT[op.name](org)).encode()
        by = caller(org, op)
        if kind == "multipart/form-data":
            continue  # a multipart type without boundary is no JSON by anyone's reading
        by.call(op.name, raw=body, content_type=kind, **({"token": None} if op.public else {})).must(200)


# ---- methods ----

@each([op for op in API if op.method == "POST"])
def test_wrong_method_405(op, org):
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        reply = exchange(org.sup.url, method, org.sup.path(op.name), None, org.sup.headers())
        if method in ("GET", "HEAD") and op.name.startswith("attachments/"):
            reply.must(404)  # the same path is GET attachments/{attachment_id}
            continue
        reply.must(405)
        assert "POST" in reply.header("Allow"), reply
        assert method != "HEAD" or reply.body == b""


@each([op for op in API if op.method == "GET"])
def test_head_answers_like_get(op, org):
    ids = get_ids(org, op)
    got = org.sup.get(op.name, **ids).must(200)
    head = org.sup.get(op.name, method="HEAD", **ids).must(200)
    assert head.body == b""
    assert head.header("Content-Type") == got.header("Content-Type")
    for method in ("PUT", "DELETE"):
        reply = exchange(org.sup.url, method, org.sup.path(op.name, **ids), None, org.sup.headers()).must(405)
        assert "GET" in reply.header("Allow")


# ---- ids ----

ID_MEMBERS = {"incident_id", "comment_id", "attachment_id", "response_id", "asset_id", "tenant_id", "session_id", "user_id",
              "responses_ids", "asset_ids", "affected_hosts", "issue_key", "schedule_id", "rule_id",
              "rule_ids", "webhook_id"}
# Where an id only filters, or where "unknown" means "make it".
# What a new object refers to: 400 with a pointer is as good an answer, as long as it is the same for unknown and foreign.
REFERENCES = {"affected_hosts", "asset_id", "asset_ids", "tenant_id"}
FILTERS = {("assets/upsert", "assets"), ("responses/list", "asset_ids"), ("incidents/list", "affected_hosts")}


def refers(op, member):
    return member in REFERENCES and op.name not in ("assets/details", "tenants/delete")


def id_of(kind, organisation):
    """Of an object that exists there."""
    o = organisation
    make = {"incident_id": lambda: o.new_incident()["incident_id"], "comment_id": lambda: o.new_comment()["comment_id"],
            "attachment_id": lambda: o.new_attachment()["attachment_id"], "response_id": lambda: o.new_response()["response_id"],
            "asset_id": lambda: o.asset()["asset_id"], "tenant_id": lambda: o.tenants["Tokyo"],
            "session_id": lambda: o.new_connection()["session_id"], "user_id": lambda: o.new_user()["user"]["user_id"],
            "responses_ids": lambda: [o.new_response()["response_id"]], "asset_ids": lambda: [o.asset()["asset_id"]],
            "affected_hosts": lambda: [o.host()], "issue_key": lambda: str(10 ** 9),
            "schedule_id": lambda: o.new_schedule()["schedule_id"],
            "rule_id": lambda: o.new_rule()["rule_id"], "rule_ids": lambda: [o.new_rule()["rule_id"]],
            "webhook_id": lambda: o.new_webhook()["webhook_id"]}
    return make[kind]()


def unknown_id(kind):
    unknown = {"asset_id": new_asset_id(), "responses_ids": [f"MDR_{uuid.uuid4()}"], "asset_ids": [new_asset_id()],
               "affected_hosts": [f"NOBODY:{new_asset_id()}"], "rule_ids": ["A" * 20], "response_id": f"MDR_{uuid.uuid4()}",
               "session_id": str(uuid.uuid4()), "issue_key": "999999999"}
    return unknown.get(kind, "AAAAAAAAAAAAAAAAAAAA")


def same_apart_from_id(a, b):
    strip = lambda r: {k: v for k, v in r.json.items() if k != "request_id"}  # noqa: E731
    assert a.status == b.status and strip(a) == strip(b), f"unknown and foreign differ:\n{a}\n{b}"
    names = lambda r: sorted(k for k, _ in r.headers if k != "Content-Length")  # noqa: E731
    assert names(a) == names(b)


@each([op for op in WITH_BODY if 404 in op.statuses and "incidents/history" != op.name])
def test_unknown_and_foreign_ids_404(op, org, other):
    right = RIGHT[op.name](org)
    by, looked_at = caller_of(op, org), 0
    for member in sorted(ID_MEMBERS & set(op.request["properties"])):
        if (op.name, member) in FILTERS:
            continue
        base = {k: v for k, v in right.items() if not (member == "asset_ids" and k == "asset_id")}
        unknown = by.call(op.name, {**base, member: unknown_id(member)})
        foreign = by.call(op.name, {**base, member: id_of(member, other)})
        assert unknown.status == 404 or (refers(op, member) and unknown.status == 400), str(unknown)
        same_apart_from_id(unknown, foreign)
        looked_at += 1
    assert looked_at or op.name in ("settings/auto_response/set", "robot_session/create", "users/create"), "no id member"


@each([op for op in API if op.method == "GET" and some_ids(op)])
def test_get_of_unknown_and_foreign_id_404(op, org, other):
    member = "incident_id" if "{incident_id}" in op.path else "attachment_id"
    unknown = org.sup.get(op.name, **{member: unknown_id(member)}).must(404, "not_found")
    foreign = org.sup.get(op.name, **get_ids(other, op)).must(404)
    same_apart_from_id(unknown, foreign)
    for bad in ("%00", "a%2Fb", "..", "%ff", "x" * 300, "%E3%81%82"):
        reply = exchange(org.sup.url, "GET", org.sup.path(op.name, **{member: bad}), None, org.sup.headers())
        assert reply.status in (400, 404), f"{bad}: {reply}"
    org.sup.get(op.name, query="?no_such=1", **get_ids(org, op)).must(400)


@each([op for op in API if op.roles and "SENIOR_OFFICER" in op.roles and (op.method == "GET" or
       ID_MEMBERS & set((op.request or {}).get("properties", {}))) and 404 in op.statuses and (some_ids(op) or op.method == "POST")])
def test_ids_of_another_tenant_404(op, org):
    """A caller of Tokyo with the ids of Osaka's objects, and of the root's."""
    role = "SUPERVISOR" if "SENIOR_OFFICER" not in op.roles else "SENIOR_OFFICER"
    tokyo = org.new_caller(role, tenants=[org.tenants["Tokyo"]])
    for tenant in ("Osaka", ""):
        incident = org.new_incident(tenant)["incident_id"]
        ids = {"incident_id": lambda: incident, "comment_id": lambda: org.new_comment(incident)["comment_id"],
               "attachment_id": lambda: org.new_attachment(incident)["attachment_id"],
               "response_id": lambda: org.new_response(incident, tenant)["response_id"],
               "responses_ids": lambda: [org.new_response(incident, tenant)["response_id"]],
               "asset_id": lambda: org.asset(tenant)["asset_id"], "affected_hosts": lambda: [org.host(tenant)],
               "issue_key": lambda: str(org.sup.ok("incidents/details", {"incident_id": incident})["incident_number"])}
        if op.method == "GET":
            member = "incident_id" if "{incident_id}" in op.path else "attachment_id"
            unknown = tokyo.get(op.name, **{member: unknown_id(member)}).must(404)
            same_apart_from_id(unknown, tokyo.get(op.name, **{member: ids[member]()}))
            continue
        members = [m for m in op.request["properties"] if m in ids and (op.name, m) not in FILTERS]
        right = RIGHT[op.name](org) if op.name != "incidents/create" else {
            **RIGHT[op.name](org), "tenant_id": org.tenants["Tokyo"], "affected_hosts": [org.host("Tokyo")]}
        if not op.multipart:
            for member in members:
                unknown = tokyo.call(op.name, {**right, member: unknown_id(member)})
                assert unknown.status == 404 or (refers(op, member) and unknown.status == 400), str(unknown)
                same_apart_from_id(unknown, tokyo.call(op.name, {**right, member: ids[member]()}))
        else:
            same_apart_from_id(tokyo.upload("AAAAAAAAAAAAAAAAAAAA").must(404), tokyo.upload(incident))


# ---- repeats ----

@each([op for op in API if op.idempotent])
def test_idempotency_key(op, org):
    by, key = caller_of(op, org), uuid.uuid4().hex
    body = RIGHT[op.name](org)
    first = send_right(org, op, body, by=by, Idempotency_Key=key).must(200)
    assert first.header("Idempotent-Replayed") is None
    if not op.multipart:  # its boundary differs, the content does not
        again = send_right(org, op, body, by=by, Idempotency_Key=key).must(200)
    else:
        again = by.upload(None, b"bytes", meta=body, Idempotency_Key=key).must(200)
    assert again.header("Idempotent-Replayed") == "true", again.headers
    assert again.body == first.body
    assert again.header("Content-Type") == first.header("Content-Type")
    different = copy.deepcopy(RIGHT[op.name](org))
    send_right(org, op, different, by=by, Idempotency_Key=key).must(409, "idempotency_mismatch")
    for bad in ("", "x" * 256, "a\tb", "\u00e9".encode("latin-1").decode("latin-1")):
        assert send_right(org, op, body, by=by, Idempotency_Key=bad).status == 400, repr(bad)


@each([op for op in API if op.write and not op.idempotent])
def test_no_replay_where_secrets_are_replied(op, org):
    """The header is no part of these operations: what it names is not kept, and the second answer is a new one."""
    key, by = uuid.uuid4().hex, caller(org, op)
    first = send_right(org, op, by=by, Idempotency_Key=key).must(200)
    assert first.header("Idempotent-Replayed") is None
    if op.name not in THROWAWAY:
        second = send_right(org, op, by=by, Idempotency_Key=key).must(200)
        assert second.header("Idempotent-Replayed") is None


# ---- paths ----

@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/api/v1/{c}", "/api/v1/{c}/", "/api/v1/{c}/incidents", "//api/v1/{c}/incidents/list",
                                  "/api/v1/{c}/incidents/list/", "/api/v1/{c}//incidents/list", "/api/v2/{c}/incidents/list",
                                  "/api/v1/{c}/incidents%2Flist", "/api/v1/{c}%00/incidents/list", "/API/V1/{c}/incidents/list",
                                  "/api/v1/%zz/incidents/list", "/api/v1/{c}/../{c}/incidents/list", "/openapi.yaml/", "/healthz/x"])
def test_no_such_path_404(path, org):
    for method in ("GET", "POST"):
        reply = exchange(org.sup.url, method, path.format(c=org.id), b"{}" if method == "POST" else None, org.sup.headers())
        assert reply.status == 404, str(reply)


def test_request_id_is_echoed_when_sane(org):
    for given, echoed in (("abc-123_x.y:z", True), ("x" * 100, True), ("x" * 101, False), ("with blank", False),
                          ("quote\"", False), ("<script>", False)):
        reply = org.sup.call("incidents/count", {}, Request_ID=given).must(200)
        assert (reply.header("Request-ID") == given) is echoed, (given, reply.header("Request-ID"))
        assert reply.header("Request-ID")


def test_security_headers(org):
    for reply in (org.sup.call("incidents/count", {}), org.sup.call("incidents/nothing", {}), org.sup.call("incidents/count", {"x": 1})):
        assert reply.header("X-Content-Type-Options") == "nosniff"
        assert reply.header("Access-Control-Allow-Origin") is None


def test_cors_is_for_the_named_origins_exactly(org, second):
    there = org.sup.at(url=second.url)
    path, portal = there.path("incidents/count"), "https://portal.example.jp"
    asked = {"Origin": portal, "Access-Control-Request-Method": "POST"}
    reply = exchange(second.url, "OPTIONS", path, None, asked).must(204)
    assert reply.header("Access-Control-Allow-Origin") == portal and "POST" in reply.header("Access-Control-Allow-Methods")
    assert "authorization" in reply.header("Access-Control-Allow-Headers").lower()
    reply = there.call("incidents/count", {}, Origin=portal).must()
    assert reply.header("Access-Control-Allow-Origin") == portal and "Origin" in reply.header("Vary")
    for origin in ("https://portal.example.jp.evil.test", "http://portal.example.jp", "https://portal.example.jp/", "null", "*",
                   "https://PORTAL.example.jp", "https://portal.example.j", ""):
        for got in (there.call("incidents/count", {}, Origin=origin), exchange(second.url, "OPTIONS", path, None, {"Origin": origin})):
            assert got.header("Access-Control-Allow-Origin") is None, origin
    assert org.sup.call("incidents/count", {}, Origin=portal).header("Access-Control-Allow-Origin") is None
