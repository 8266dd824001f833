"""Hostile input: JSON that nobody here wrote, strings that break things, and HTTP that is not quite HTTP."""
import json
import re
import socket
import time
import uuid

import pytest

from lib.gateway import ROOT, wait_for

DATA = ROOT.parent / "shared/data"
SUITE = sorted((DATA / "json-test-suite").glob("*.json"))
NAUGHTY = DATA / "naughty-strings.json"
CASES = [("assets/list", "search_phrase"), ("comments/create", "text")]


@pytest.mark.skipif(not SUITE, reason="no JSON suite beside the project")
@pytest.mark.parametrize("start", ["y_", "n_", "i_"])
def test_json_suite_as_bodies(start, org):
    for path in (p for p in SUITE if p.name.startswith(start)):
        data = path.read_bytes()
        reply = org.sup.call("incidents/list", raw=data)
        blank = not data.strip(b" \t\r\n")
        if blank:
            assert reply.status == 200, "an empty body is legal"
        elif start == "n_":
            assert reply.status == 400, f"{path.name}: {reply}"
        else:
            assert reply.status in (200, 400, 413), f"{path.name}: {reply}"
        assert start != "y_" or reply.status == 400 or data.lstrip()[:1] == b"{", f"{path.name}: {reply}"


@pytest.mark.skipif(not SUITE, reason="no JSON suite beside the project")
@pytest.mark.parametrize("start", ["y_", "n_", "i_"])
def test_json_suite_as_values(start, org):
    """Each text as the value of a member: never more than 400, and never taken for something else."""
    for path in (p for p in SUITE if p.name.startswith(start)):
        body = b'{"search_phrase":' + path.read_bytes() + b"}"
        reply = org.sup.call("incidents/count", raw=body)
        assert reply.status in (200, 400, 413), f"{path.name}: {reply}"
        if reply.status == 200:
            value = json.loads(body)["search_phrase"]
            assert value is None or isinstance(value, str), f"{path.name}: {reply}"


def naughty():
    return json.loads(NAUGHTY.read_text()) if NAUGHTY.exists() else []


@pytest.mark.skipif(not NAUGHTY.exists(), reason="no naughty strings beside the project")
def test_naughty_strings(fresh):
    incident = fresh.new_incident()["incident_id"]
    stored = []
    for text in naughty():
        reply = fresh.sup.call("comments/create", {"incident_id": incident, "text": text})
        assert reply.status in (200, 400), f"{text!r}: {reply}"
        if reply.status == 200:
            assert reply.json["text"] == text, repr(text)
            stored.append(text)
        for name in ("incidents/count", "assets/suggestion")[len(text) % 2:]:
            reply = fresh.sup.call(name, {"search_phrase": text})
            assert reply.status in (200, 400), f"{name} {text!r}: {reply}"
    assert [c["text"] for c in fresh.sup.ok("comments/list", {"incident_id": incident})] == stored
    assert len(stored) > len(naughty()) * 0.9
    fresh.sup.ok("comments/list", {"incident_id": incident, "markdown_to_html": True})
    fresh.sup.get("incidents/{incident_id}/summary.pdf", incident_id=incident).must()


@pytest.mark.skipif(not NAUGHTY.exists(), reason="no naughty strings beside the project")
def test_naughty_strings_elsewhere(fresh):
    for text in naughty()[::3]:
        line = text[:100] or "x"
        for name, body in (("tenants/create", {"tenant_name": line, "description": text[:2000]}),
                           ("incidents/create", {"affected_hosts": [fresh.host()], "client_description": text, "summary": text or "x",
                                                 "no_sla_flag": True}),
                           ("incidents/list", {"tenants_names": [text], "mitre_tactics": [text], "external_refs": [text[:200]],
                                               "page_size": 1}),
                           ("assets/list", {"host_names": [line], "domain": line, "product": line, "network_interface": text})):
            reply = fresh.sup.call(name, body)
            assert reply.status in (200, 400, 409), f"{name} {text!r}: {reply}"
            if name == "incidents/create" and reply.status == 200:
                assert reply.json["summary"] == (text or "x") and reply.json["client_description"] == text
    fresh.sup.ok("incidents/list", {"search_phrase": "undefined"})


def test_a_search_finds_only_what_holds_it(fresh):
    for text in ("100%", "a_b", "a\\b", "back\\", "%_%", "'; drop table x; --", "ＦＵＬＬ", "ﬁne", "İstanbul", "ß", "ﾊﾟｿｺﾝ"):
        incident = fresh.new_incident(summary=f"<<{text}>>")["incident_id"]
        found = [i["incident_id"] for i in fresh.sup.ok("incidents/list", {"search_phrase": f"<<{text}>>"})]
        assert found == [incident], text
    assert fresh.sup.ok("incidents/count", {"search_phrase": "<<a%b>>"}) == {"count": 0}
    assert fresh.sup.ok("incidents/count", {"search_phrase": "<<aXb>>"}) == {"count": 0}


def test_markdown_bombs_end_in_time(fresh):
    incident = fresh.new_incident()["incident_id"]
    bombs = ["|" * 8192, "[" * 8192, "*a" * 4096, "> " * 4096, "`" * 8191, "<" * 8192, "![" * 4096, "a|b\n-|-\n" + "|" * 8000,
             "- " * 4096, "&" * 8192, "_" * 8192, "[a](" * 2048, "~" * 8192, "http://" * 1170, "\\" * 8192, "$" * 8192]
    for bomb in bombs:
        fresh.sup.ok("comments/create", {"incident_id": incident, "text": bomb, "markdown_to_html": True})
    began = time.monotonic()
    fresh.sup.ok("comments/list", {"incident_id": incident, "markdown_to_html": True})
    fresh.sup.ok("incidents/details", {"incident_id": incident, "markdown_to_html": True})
    assert time.monotonic() - began < 20


# ---- HTTP by hand ----

def talk(gateway, data, seconds=20, port=None):
    """Everything that the server says to these bytes, until it closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port or gateway.port), timeout=seconds) as s:
        try:
            for piece in [data] if isinstance(data, bytes) else data:
                s.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return hear(s)


def hear(s):
    said = b""
    s.settimeout(3)
    try:
        while got := s.recv(65536):
            said += got
    except (TimeoutError, ConnectionResetError):
        pass
    return said


def statuses(said):
    return [int(n) for n in re.findall(rb"HTTP/1\.[01] (\d{3})", said)]


@pytest.fixture
def request_head(org):
    def make(*more, path=None, method="POST", close=True):
        lines = [f"{method} {path or org.sup.path('incidents/count')} HTTP/1.1", "Host: x",
                 f"Authorization: Bearer {org.sup.access_token}"]
        lines += ["Connection: close"] if close else []
        return ("\r\n".join([*lines, *more]) + "\r\n\r\n").encode()
    return make


def test_a_plain_request_is_the_control(gateway, request_head):
    assert statuses(talk(gateway, request_head("Content-Length: 2") + b"{}")) == [200]
    assert statuses(talk(gateway, request_head("Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n")) == [200]
    kept = request_head("Content-Length: 2", close=False) + b"{}"
    assert statuses(talk(gateway, kept + request_head("Content-Length: 2") + b"{}")) == [200, 200]


HEADERS = {
    "both lengths": ("Content-Length: 2", "Transfer-Encoding: chunked"),
    "both lengths, other order": ("Transfer-Encoding: chunked", "Content-Length: 2"),
    "two lengths": ("Content-Length: 2", "Content-Length: 3"), "two equal lengths": ("Content-Length: 2", "Content-Length: 2"),
    "list of lengths": ("Content-Length: 2, 2",), "negative length": ("Content-Length: -2",), "plus length": ("Content-Length: +2",),
    "hex length": ("Content-Length: 0x2",), "length with blank": ("Content-Length: 2 2",), "huge length": ("Content-Length: 99999999999999999999",),
    "gzip": ("Transfer-Encoding: gzip",), "gzip, chunked": ("Transfer-Encoding: gzip, chunked",), "identity": ("Transfer-Encoding: identity",),
    "two encodings": ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), "xchunked": ("Transfer-Encoding: xchunked",),
    "chunked by another name": ("Transfer-Encoding: chunked, identity",),
    "two authorizations": ("Authorization: Bearer x", "Content-Length: 2"), "two hosts": ("Host: y", "Content-Length: 2"),
    "two content types": ("Content-Type: a/b", "Content-Type: c/d", "Content-Length: 2"),
}


@pytest.mark.parametrize("what", HEADERS)
def test_ambiguous_headers_400(what, gateway, request_head):
    body = b"2\r\n{}\r\n0\r\n\r\n" if "chunked" in " ".join(HEADERS[what]) else b"{}"
    said = talk(gateway, request_head(*HEADERS[what], close=False) + body)
    assert statuses(said)[:1] == ([413] if what == "huge length" else [400]), said[:300]
    assert b"connection: close" in said.lower() and 200 not in statuses(said)
    assert not HEADERS[what][0].startswith("Transfer-Encoding") or b"Transfer-Encoding" in said, "it says what is wrong"


def test_an_authorization_that_stands_twice_is_none(gateway, request_head, org):
    """Even the right one twice: which of two counts is not the same to everyone."""
    assert statuses(talk(gateway, request_head(f"Authorization: Bearer {org.sup.access_token}", "Content-Length: 2") + b"{}")) == [400]
    assert statuses(talk(gateway, request_head(f"AUTHORIZATION: Bearer {org.sup.access_token}", "Content-Length: 2") + b"{}")) == [400]


FORWARDED = {  # lines of X-Forwarded-For: whose request it is behind a trusted proxy
    ("203.0.113.9",): "203.0.113.9", ("2001:db8::7",): "2001:db8::7", ("198.51.100.1, 203.0.113.9",): "203.0.113.9",
    ("203.0.113.9, 127.0.0.5",): "203.0.113.9", ("198.51.100.1", "203.0.113.9"): "203.0.113.9", ("evil",): "127.0.0.1",
    ("203.0.113.9, evil",): "127.0.0.1", ("",): "127.0.0.1", ("127.0.0.1",): "127.0.0.1"}


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-for"])
@pytest.mark.parametrize("lines", FORWARDED, ids=str)
def test_whose_address_counts(lines, name, gateway, second, request_head):
    """Without a trusted proxy the header is anybody's word; behind one what the proxy added counts, never what stood before."""
    for where, address in ((gateway, "127.0.0.1"), (second, FORWARDED[lines])):
        request_id = uuid.uuid4().hex
        head = request_head(*(f"{name}: {line}" for line in lines), f"Request-ID: {request_id}", "Content-Length: 1")
        assert statuses(talk(where, head + b"x")) == [400]
        [event] = wait_for(lambda: [e for e in where.log_events() if e.get("request_id") == request_id])  # noqa: B023
        assert event["address"] == address


def test_smuggled_request_is_not_served(gateway, request_head, org):
    hidden = request_head("Content-Length: 2", path=org.sup.path("incidents/list")) + b"{}"
    for framing in (("Content-Length: 4", "Transfer-Encoding: chunked"), ("Transfer-Encoding: xchunked",),
                    ("Transfer-Encoding : chunked",), ("Transfer-Encoding:\x0bchunked",),
                    ("Content-Length: 0", f"Content-Length: {len(hidden)}")):
        first = request_head(*framing, close=False) + (b"" if "0" in framing[0] else b"0\r\n\r\n") + hidden
        assert 200 not in statuses(talk(gateway, first)), first[:200]


@pytest.mark.parametrize("raw", [
    b"GET / HTTP/1.1\r\n\r\n", b"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"\x00\x01\x02\r\n\r\n",
    b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"TRACE /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /healthz\r\n\r\n", b"GET  /healthz  HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\r\nBad Header: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n folded: x\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\nHost: x\n\n", b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://other/healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz?" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=lambda r: r[:24].decode("latin-1").encode("unicode_escape").decode())
def test_odd_requests_do_no_harm(raw, gateway):
    for status in statuses(talk(gateway, raw)):
        assert status < 500 or status in (501, 505), status
    assert gateway.is_ready()


def test_unknown_methods(gateway, request_head):
    for method in ("BREW", "PROPFIND", "TRACE", "get", "post"):
        said = talk(gateway, request_head("Content-Length: 2", method=method) + b"{}")
        assert statuses(said)[:1] in ([400], [405], [501]), said[:200]


def test_a_header_block_over_16_kb(gateway, request_head):
    for more in (("X-Long: " + "a" * 17000,), tuple(f"X-{i}: {'a' * 100}" for i in range(200)), ("X-Long: " + "a" * 100_000,)):
        said = talk(gateway, request_head(*more, "Content-Length: 2") + b"{}")
        assert statuses(said)[:1] in ([431], [413], [400], []), said[:200]
    assert statuses(talk(gateway, request_head("X-Long: " + "a" * 8000, "Content-Length: 2") + b"{}")) == [200]


def test_bodies_that_lie_about_their_length(gateway, request_head):
    assert statuses(talk(gateway, request_head("Content-Length: 1") + b"{}", 5))[:1] == [400]
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as s:
        s.sendall(request_head("Content-Length: 100") + b"{}")
        s.shutdown(socket.SHUT_WR)
        assert 200 not in statuses(hear(s)), "a body cut short never reaches a handler"


@pytest.mark.parametrize("chunks", [b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
                                    b"2\r\n{}x\r\n0\r\n\r\n", b"2;ext=\"\r\n{}\r\n0\r\n\r\n"])
def test_broken_chunks(chunks, gateway, request_head):
    said = talk(gateway, request_head("Transfer-Encoding: chunked") + chunks)
    assert all(s in (200, 400, 413) for s in statuses(said)), said[:200]
    assert chunks.startswith(b"2;") or 200 not in statuses(said)[:1], said[:200]


def test_chunked_bodies_are_bounded_too(gateway, request_head):
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    said = talk(gateway, [request_head("Transfer-Encoding: chunked"), *[chunk] * 6, b"0\r\n\r\n"])
    assert statuses(said)[:1] == [413], said[:200]


def test_slow_requests_are_cut_by_a_deadline():
    """One byte per second is no inactivity; the deadline cuts it all the same."""
    from lib.gateway import Gateway
    gateway = Gateway(MDR_HEADER_TIMEOUT_S=2, MDR_REQUEST_TIMEOUT_S=3).start()
    try:
        sockets = []
        for head in (b"POST /api/v1/x/incidents/list HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"G", b""):
            s = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
            s.sendall(head)
            sockets.append(s)
        began = time.monotonic()
        for s in sockets:
            ended = False
            s.settimeout(0.5)
            while time.monotonic() - began < 25 and not ended:
                try:
                    if s is not sockets[2]:
                        s.sendall(b"a")
                    ended = s.recv(1000) == b"" or ended
                except TimeoutError:
                    continue
                except OSError:
                    ended = True
            assert ended or s is sockets[2], "never cut"
            s.close()
        assert gateway.is_ready()
    finally:
        gateway.stop()


def test_many_idle_connections_do_not_shut_others_out(gateway, org):
    held = [socket.create_connection(("127.0.0.1", gateway.port), timeout=10) for _ in range(200)]
    org.sup.ok("incidents/count", {})
    for s in held:
        s.close()


def test_no_body_of_any_kind_is_logged(gateway, org):
    org.sup.call("incidents/list", {"search_phrase": "LOGGEDPHRASE", "sort": "LOGGEDSORT"})
    org.sup.call("incidents/list", raw=b'{"LOGGEDRAW')
    text = gateway.log_text()
    assert "LOGGEDPHRASE" not in text and "LOGGEDSORT" not in text and "LOGGEDRAW" not in text
    assert not [e for e in gateway.log_events() if "authorization" in json.dumps(e).lower()]
