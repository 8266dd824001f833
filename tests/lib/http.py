"""Plain HTTP as the published clients speak it; every exchange goes to the recorder."""
import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass, field

from lib.recorder import RECORDER

TIMEOUT_S = 60
IDLE_S = 30  # after that a kept connection is not used again
_connections = threading.local()


@dataclass
class Reply:
    method: str
    path: str
    status: int
    headers: list
    body: bytes
    sent: bytes = field(default=b"", repr=False)

    def header(self, name, default=None):
        found = [v for k, v in self.headers if k.lower() == name.lower()]
        return found[0] if found else default

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """Of a problem; '' otherwise."""
        return self.json.get("code", "") if "json" in self.header("Content-Type", "") and self.status >= 400 else ""

    def must(self, status=200, code=None):
        assert self.status == status, f"{self}, wanted {status}"
        if code:
            assert self.code == code, f"{self}, wanted {code}"
        return self

    def __str__(self):
        return (f"{self.method} {self.path} {self.sent[:400]!r} -> {self.status} "
                f"{self.body[:600].decode(errors='replace')}")


def _connection(host, port, fresh):
    pool = _connections.__dict__.setdefault("pool", {})
    found = pool.get((host, port))
    if fresh or not found:
        if found:
            found.close()
        found = pool[(host, port)] = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    return found


def _send(connection, method, path, body, headers):
    connection.request(method, path, body=body, headers=headers)
    reply = connection.getresponse()
    if method == "GET" and (reply.getheader("Content-Type") or "").startswith("text/event-stream"):
        return reply, _first_block(connection, reply)
    return reply, reply.read()


def _first_block(connection, reply):
    """Of an event stream, which never ends by itself; lib/events.py follows one."""
    block = b""
    while (line := reply.readline()) not in (b"", b"\n"):
        block += line
    connection.close()
    return block + b"\n"


def _answer(host, port, method, path, body, headers):
    """A kept connection that the server closed meanwhile is opened anew, once; a failed one is never kept."""
    used = _connections.__dict__.setdefault("used", {})
    fresh = time.monotonic() - used.get((host, port), 0) > IDLE_S
    while True:
        connection = _connection(host, port, fresh)
        reused = connection.sock is not None
        try:
            answer = _send(connection, method, path, body, headers)
        except Exception as fault:
            connection.close()
            _connections.pool.pop((host, port), None)
            if not reused or not isinstance(fault, (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)):
                raise
            fresh = True
            continue
        used[(host, port)] = time.monotonic()
        return answer


def exchange(url, method, path, body=None, headers=None, record=True):
    """One request to http://HOST:PORT, recorded."""
    host, port = url.split("//")[1].split(":")
    headers = dict(headers or {})
    if body is not None:
        headers["Content-Length"] = str(len(body))
    reply, data = _answer(host, int(port), method, path, body, headers)
    result = Reply(method, path, reply.status, reply.getheaders(), data, body or b"")
    if record:
        RECORDER.add(method, path, headers, body or b"", result)
    return result


def multipart(parts):
    """[(name, file_name or None, media_type or None, bytes)] -> (content type, body)."""
    boundary = uuid.uuid4().hex
    out = b""
    for name, file_name, media_type, data in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{file_name}"' if file_name is not None else "")
        out += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n".encode()
        out += f"Content-Type: {media_type}\r\n".encode() if media_type else b""
        out += b"\r\n" + data + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", out + f"--{boundary}--\r\n".encode()
