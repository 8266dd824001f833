"""Uploads: the limit to the byte, whatever way the bytes come; nothing left behind; names that can be written to a disk."""
import hashlib
import json
import re
import socket
import time
import unicodedata

import pytest

from lib.gateway import is_sanitized, wait_for
from lib.http import exchange, multipart

LIMIT = 10_485_760


def stored(org):
    """(attachments, pieces) of this client in the database."""
    one = lambda table: org.gateway.query(f"select count(*) from {table} where client_id = %s", org.id, client=org.id)[0][0]  # noqa: E731
    return one("attachments"), one("attachment_pieces")


@pytest.fixture
def incident(fresh):
    return fresh.new_incident()["incident_id"]


def form(incident, data, file_name="f.bin", meta_first=True):
    parts = [("meta", None, None, json.dumps({"incident_id": incident}).encode()), ("file", file_name, "application/x-any", data)]
    return multipart(parts if meta_first else parts[::-1])


def raw(org, content_type, pieces, length=None, chunked=False, close_after=None, read=True):
    """Speaks HTTP by hand: pieces are sent as they are (or as chunks); returns (status, body)."""
    with socket.create_connection(("127.0.0.1", org.gateway.port), timeout=60) as s:
        head = (f"POST {org.sup.path('attachments/upload')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {org.sup.access_token}\r\n"
                f"Content-Type: {content_type}\r\n")
        head += "Transfer-Encoding: chunked\r\n\r\n" if chunked else f"Content-Length: {length}\r\n\r\n"
        s.sendall(head.encode())
        sent = 0
        try:
            for piece in pieces:
                if close_after is not None and sent >= close_after:
                    return None, b""
                s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                sent += len(piece)
            if chunked:
                s.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        if not read:
            return None, b""
        return read_reply(s)


def read_reply(s):
    data = b""
    while b"\r\n\r\n" not in data:
        got = s.recv(65536)
        if not got:
            return None, data
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    while len(body) < length:
        got = s.recv(65536)
        if not got:
            break
        body += got
    return int(head.split()[1]), body


def split(data, size=65536):
    return [data[i:i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 70_000])
@pytest.mark.parametrize("chunked,meta_first", [(False, False), (True, True), (False, True)],
                         ids=["length-file-first", "chunked-meta-first", "length-meta-first"])
def test_limit_to_the_byte(size, chunked, meta_first, fresh, incident):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    content_type, body = form(incident, data, meta_first=meta_first)
    status, answer = raw(fresh, content_type, split(body), len(body), chunked)
    if size > LIMIT:
        assert status == 413, (status, answer[:300])
        assert json.loads(answer)["code"] == "too_large"
        assert stored(fresh) == (0, 0)
        return
    assert status == 200, (status, answer[:300])
    made = json.loads(answer)
    assert made["file_size"] == size
    assert stored(fresh)[1] == -(-size // 262144)
    got = fresh.sup.call("attachments/download", {"attachment_id": made["attachment_id"]}).must()
    assert got.body == data and int(got.header("Content-Length")) == size
    sha = fresh.gateway.query("select sha256 from attachments where client_id = %s", fresh.id, client=fresh.id)[0][0]
    assert sha == hashlib.sha256(data).hexdigest()


def test_one_byte_too_many_says_so(fresh, incident):
    fresh.sup.upload(incident, b"x" * (LIMIT + 1)).must(413, "too_large")
    assert stored(fresh) == (0, 0)


def test_far_over_the_limit(fresh, incident):
    content_type, body = form(incident, b"x" * (40 * 1024 * 1024))
    status, _ = raw(fresh, content_type, split(body, 1 << 20), len(body))
    assert status in (413, None)
    assert stored(fresh) == (0, 0)


def test_lying_length_and_cut_connections_store_nothing(fresh, incident):
    content_type, body = form(incident, b"y" * 500_000)
    raw(fresh, content_type, split(body), len(body), close_after=200_000)
    raw(fresh, content_type, split(body), len(body) + 1000, read=False)
    raw(fresh, content_type, split(body), chunked=True, close_after=200_000)
    status, answer = raw(fresh, content_type, [body[:300_000]], 300_000)
    assert status == 400, (status, answer[:300])
    closing = body[:body.rindex(b"\r\n--")]
    for cut in (closing, closing + b"\r\n", body[:-4], body[:-6]):
        status, answer = raw(fresh, content_type, split(cut), len(cut))
        assert status == 400, f"a missing closing boundary was taken: {cut[-60:]!r} {status} {answer[:200]}"
    time.sleep(0.3)
    assert stored(fresh) == (0, 0)
    assert fresh.sup.ok("attachments/list", {"incident_id": incident}) == []


def test_forms_that_are_wrong(fresh, incident):
    meta = json.dumps({"incident_id": incident}).encode()
    file = ("file", "a.txt", "text/plain", b"data")
    wrong = {
        "no meta": [file], "no file": [("meta", None, None, meta)], "two files": [("meta", None, None, meta), file, file],
        "two metas": [("meta", None, None, meta), ("meta", None, None, meta), file],
        "another part": [("meta", None, None, meta), file, ("extra", None, None, b"x")],
        "another file": [("meta", None, None, meta), file, ("extra", "x.txt", None, b"x")],
        "meta no JSON": [("meta", None, None, b"{"), file], "meta array": [("meta", None, None, b"[]"), file],
        "meta unknown member": [("meta", None, None, b'{"incident_id":"x","x":1}'), file],
        "meta without incident": [("meta", None, None, b"{}"), file], "meta empty": [("meta", None, None, b""), file],
        "meta number": [("meta", None, None, b'{"incident_id":5}'), file],
        "meta duplicate": [("meta", None, None, meta[:-1] + b"," + meta[1:]), file],
        "meta NUL": [("meta", None, None, b'{"incident_id":"a\\u0000"}'), file],
        "caption too long": [("meta", None, None, json.dumps({"incident_id": incident, "caption": "x" * 2001}).encode()), file],
    }
    for what, parts in wrong.items():
        content_type, body = multipart(parts)
        reply = exchange(fresh.sup.url, "POST", fresh.sup.path("attachments/upload"), body,
                         {**fresh.sup.headers(), "Content-Type": content_type})
        assert reply.status == 400, f"{what}: {reply}"[:400]
    for kind in ("application/json", "text/plain", "application/octet-stream"):
        reply = exchange(fresh.sup.url, "POST", fresh.sup.path("attachments/upload"), b"{}",
                         {**fresh.sup.headers(), "Content-Type": kind})
        reply.must(415, "unsupported_media_type")
    assert stored(fresh) == (0, 0)


def test_a_meta_part_with_a_file_name_counts_as_meta(fresh, incident):
    content_type, body = multipart([("file", "a.txt", "text/plain", b"data"),
                                    ("meta", "meta.json", "application/json", json.dumps({"incident_id": incident}).encode())])
    reply = exchange(fresh.sup.url, "POST", fresh.sup.path("attachments/upload"), body,
                     {**fresh.sup.headers(), "Content-Type": content_type}).must()
    assert reply.json["full_name"] == "a.txt"


def test_multipart_without_a_boundary(fresh, incident):
    _, body = form(incident, b"data")
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 300,
                 "multipart/form-data; boundary=other"):
        status, _ = raw(fresh, kind, [body], len(body))
        assert status in (400, 413, None), (kind, status)
    assert stored(fresh) == (0, 0)
    fresh.sup.ok("incidents/count", {})


def test_no_token_no_bytes(fresh, incident):
    content_type, body = form(incident, b"x" * LIMIT)
    for headers, status in (({}, 401), (fresh.sup.headers(token="bad"), 403), (fresh.connector.headers(), 400)):
        assert exchange(fresh.sup.url, "POST", fresh.sup.path("attachments/upload"), body,
                        {**headers, "Content-Type": content_type}).status == status
    assert stored(fresh) == (0, 0)


NAMES = ["plain.txt", "日本語の名前.pdf", "../../etc/passwd", "..\\..\\windows\\system.ini", "/etc/passwd", "C:\\Users\\a.txt", "a/b/c.txt",
         "nul\u0001\u001f.txt", "tab\tname.txt", "cr\rlf.txt", "rtl\u202etxt.exe", "\u2066iso\u2069.txt", "zero\u200bwidth.txt",
         "ガギグ.txt", "é combined.txt", "x" * 250 + ".txt", "長" * 120 + ".txt", "", ".", "..", "...", " ", "~", "-rf", "con", "a.txt.",
         "emoji😀.png", "quote's.txt", "semi;colon.txt", "per%2e%2e%2fcent.txt", "ＦＵＬＬ.txt", "\u2028.txt", "a:b|c?.txt", "\ufeffbom.txt"]


@pytest.mark.parametrize("name", NAMES, ids=lambda n: n[:20].encode("unicode_escape").decode() or "empty")
def test_file_names(name, fresh, incident, tmp_path):
    reply = fresh.sup.upload(incident, b"data", name.replace("\r", "\x0b"))  # a CR would end the part's header
    if not name:
        assert reply.status in (200, 400)
        if reply.status == 400:
            return
    made = reply.must().json
    full = made["full_name"]
    assert full and full not in (".", "..") and "/" not in full and "\\" not in full
    assert not any(unicodedata.category(c) == "Cc" for c in full), repr(full)
    assert not any(c in full for c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"), repr(full)
    assert len(full.encode()) <= 255 and unicodedata.normalize("NFC", full) == full
    (tmp_path / full).write_bytes(b"data")
    assert (tmp_path / full).resolve().parent == tmp_path.resolve()
    if re.fullmatch(r"[\w .]+", name) and len(name.encode()) <= 255 and name.strip(" .") == name:
        assert full == unicodedata.normalize("NFC", name)
    got = fresh.sup.call("attachments/download", {"attachment_id": made["attachment_id"]}).must()
    disposition = got.header("Content-Disposition")
    assert disposition.startswith("attachment") and "filename*=UTF-8''" in disposition and disposition.isascii()
    assert got.header("X-Content-Type-Options") == "nosniff" and "sandbox" in got.header("Content-Security-Policy")


def test_a_lost_upload_reply_is_answered_again(fresh, incident):
    first = fresh.sup.upload(incident, b"a" * 300_000, Idempotency_Key="up").must()
    again = fresh.sup.upload(incident, b"a" * 300_000, Idempotency_Key="up").must()
    assert again.header("Idempotent-Replayed") == "true" and again.body == first.body
    fresh.sup.upload(incident, b"a" * 299_999 + b"b", Idempotency_Key="up").must(409, "idempotency_mismatch")
    fresh.sup.upload(incident, b"a" * 300_000, file_name="other.txt", Idempotency_Key="up").must(409)
    assert stored(fresh) == (1, 2)


def test_memory_of_uploads_and_downloads(fresh, incident, gateway):
    if is_sanitized():
        pytest.skip("the sanitizer keeps freed memory: the figure says nothing")
    import concurrent.futures
    content_type, body = form(incident, b"m" * LIMIT)
    raw(fresh, content_type, split(body), len(body))
    before = gateway.metric("process_resident_memory_bytes")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = [s for s, _ in pool.map(lambda _: raw(fresh, content_type, split(body), len(body)), range(16))]
    assert statuses == [200] * 16
    assert gateway.metric("process_resident_memory_bytes") - before < 16 * 1024 * 1024


def test_slow_and_half_uploads_hold_no_database_connection(fresh, incident):
    content_type, body = form(incident, b"z" * 200_000)
    held = []
    for _ in range(30):
        s = socket.create_connection(("127.0.0.1", fresh.gateway.port), timeout=30)
        s.sendall((f"POST {fresh.sup.path('attachments/upload')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                   f"{fresh.sup.access_token}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
                  + body[:100_000])
        held.append(s)
    fresh.sup.ok("incidents/list", {})
    fresh.new_comment(incident)
    for s in held:
        s.close()
    wait_for(lambda: fresh.sup.call("incidents/count", {}).status == 200)
    assert stored(fresh) == (0, 0)
