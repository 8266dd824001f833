"""Receivers of webhooks: an HTTP server that does what a test tells it, and an own check of signatures."""
import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lib.gateway import wait_for


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        """The other side may leave when it likes."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        got = Got(self.path, dict(self.headers), body)
        with receiver.lock:
            receiver.all.append(got)
        receiver.answer(self, got)

    def do_GET(self):
        self.server.receiver.gets.append(self.path)
        self.reply(200)

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Got:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body, self.at = path, {k.lower(): v for k, v in headers.items()}, body, time.time()
        self.status = None

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def position(self):
        return self.json["data"]["position"]

    def signed_by(self, secret):
        """Standard Webhooks 1.0, written from its text: is one of the signatures made with this secret, and lately?"""
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        text = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        right = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        given = [s.partition(",") for s in self.headers["webhook-signature"].split(" ")]
        return abs(int(self.headers["webhook-timestamp"]) - self.at) < 300 and any(
            version == "v1" and hmac.compare_digest(right, value) for version, _, value in given)


class Receiver:
    """`answer(handler, got)` replies; the default is 204."""

    def __init__(self, answer=None, certificate=None):
        self.all, self.gets, self.lock = [], [], threading.Lock()
        self.answer = answer or status(204)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.receiver = self
        self.port = self.server.server_port
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def accepted(self):
        return [g for g in self.all if g.status and 200 <= g.status < 300]

    def wait(self, n, seconds=20):
        wait_for(lambda: len(self.all) >= n, seconds, message=f"{len(self.all)} of {n} requests")
        return self.all[:n]

    def wait_accepted(self, n, seconds=20):
        wait_for(lambda: len(self.accepted()) >= n, seconds, message=f"{len(self.accepted())} of {n} accepted, {len(self.all)} requests")
        return self.accepted()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# ---- answers ----

def status(code, body=b"", **headers):
    def answer(handler, got):
        got.status = code
        handler.reply(code, body, **headers)
    return answer


def hang(seconds=60):
    """No answer for so long, then the connection is closed."""
    def answer(handler, got):
        handler.close_connection = True
        time.sleep(seconds)
    return answer


def drip(seconds=60, every=0.3):
    """A reply that comes byte by byte."""
    def answer(handler, got):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(int(seconds / every)):
            handler.wfile.write(b"x")
            time.sleep(every)
    return answer


def endless(handler, got):
    """As fast as it can, for ever."""
    got.status = 200
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    got.sent = 0
    while True:
        handler.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        got.sent += 65536


def endless_head(handler, got):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")


def cut(handler, got):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
