"""The shipped HAProxy configuration, as it stands, in front of two gateways."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import time

import pytest

from lib.api import Api
from lib.gateway import ROOT, Gateway, free_port, wait_for
from lib.http import multipart
from lib.organisation import Organisation


class Proxy:
    def __init__(self, folder, gateways):
        self.port, self.pem = free_port(), folder / "proxy.pem"
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        self.pem.write_bytes(certificate.read_bytes() + key.read_bytes())
        self.trust = ssl.create_default_context(cafile=certificate)
        self.log_path = folder / "haproxy.log"
        env = {**os.environ, "MDR_PROXY_BIND": f"127.0.0.1:{self.port}", "MDR_PROXY_PEM": str(self.pem),
               "MDR_GATEWAY_1": f"127.0.0.1:{gateways[0].port}", "MDR_GATEWAY_2": f"127.0.0.1:{gateways[1].port}"}
        config = str(ROOT / "packaging/haproxy.cfg")
        checked = subprocess.run(["haproxy", "-c", "-f", config], env=env, capture_output=True, text=True, check=False)
        assert checked.returncode == 0 and "WARNING" not in checked.stderr, checked.stderr
        self.process = subprocess.Popen(["haproxy", "-db", "-f", config], env=env, stdout=self.log_path.open("wb"),
                                        stderr=subprocess.STDOUT)
        wait_for(lambda: self.get("/readyz")[0] == 200)

    def connect(self):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return self.trust.wrap_socket(raw, server_hostname="localhost")

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.trust)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        except OSError:
            return 0, {}, b""
        finally:
            connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def post(self, api, name, body, **headers):
        status, _, data = self.request("POST", api.path(name), json.dumps(body),
                                       {"Authorization": f"Bearer {api.access_token}", **headers})
        return status, json.loads(data or b"null")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def pair(gateway):
    """Two gateways of this module only, on the run's database, that believe the proxy."""
    both = [Gateway(data_dir=gateway.data_dir, MDR_WORKERS="off", MDR_TRUSTED_PROXIES="127.0.0.0/8", MDR_DRAIN_S=4).start() for _ in range(2)]
    yield both
    for one in both:
        one.stop()


@pytest.fixture(scope="module")
def proxy(pair, tmp_path_factory):
    one = Proxy(tmp_path_factory.mktemp("haproxy"), pair)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def client(gateway):
    return Organisation(gateway, "Behind the proxy")


def test_api_through_tls(proxy, client):
    status, incidents = proxy.post(client.sup, "incidents/list", {})
    assert status == 200 and incidents == []
    assert proxy.get("/metrics")[0] == 404
    status, headers, _ = proxy.get("/docs")
    assert status == 200 and headers["strict-transport-security"]


def test_slow_headers_end_after_three_seconds(proxy):
    with proxy.connect() as slow:
        began = time.monotonic()
        slow.sendall(b"POST /api/v1/x/incidents/list HTTP/1.1\r\nHost: localhost\r\n")
        reply = slow.recv(4096)
        assert 2 < time.monotonic() - began < 6
        assert not reply or b" 408 " in reply.split(b"\r\n")[0]


def test_smuggling_is_refused(proxy, pair):
    inner = b"POST /api/v1/x/session/whoami HTTP/1.1\r\nHost: smuggled\r\nContent-Length: 0\r\n\r\n"
    for headers in (b"Content-Length: 5\r\nContent-Length: 6\r\n", b"Transfer-Encoding: chunked, identity\r\n",
                    b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", b"Content-Length : 5\r\n"):
        with proxy.connect() as one:
            one.sendall(b"POST /api/v1/x/session/whoami HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n0\r\n\r\n" + inner)
            one.settimeout(10)
            data = b""
            try:
                while more := one.recv(65536):
                    data += more
            except (TimeoutError, OSError):
                pass
            assert data.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), (headers, data[:200])
            assert data.count(b"HTTP/1.1") == 1, (headers, data[:400])


def test_the_callers_address_cannot_be_made_up(proxy, pair, client):
    marker = f"made-up-{time.monotonic_ns()}"
    for headers in ({"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}):
        proxy.request("POST", client.sup.path("comments/create"), "{}",
                      {"Authorization": f"Bearer {client.sup.access_token}", "Request-ID": marker, **headers})
    seen = [e["address"] for g in pair for e in g.log_events() if e.get("request_id") == marker]
    assert seen == ["127.0.0.1", "127.0.0.1"]


def test_one_address_does_not_take_all_connections(proxy):
    """The last of 450 is closed long before the 3 s are over in which it may speak; a slow machine may need several tries."""
    def last_is_refused(idle):
        try:
            for _ in range(450):
                idle.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=1.5, source_address=("127.0.0.2", 0)))
            return idle[-1].recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    for _ in range(4):
        idle = []
        try:
            refused = last_is_refused(idle)
            served = proxy.get("/docs")[0] == 200
        finally:
            for one in idle:
                one.close()
        assert served, "other addresses are served"
        if refused:
            return
    raise AssertionError("450 connections of one address")


def test_an_ipv6_network_counts_as_one_address(tmp_path):
    """The shipped lines, but in the clear, and told by a PROXY line who is calling."""
    port = free_port()
    config = (ROOT / "packaging/haproxy.cfg").read_text()
    plain = config.replace('ssl crt "${MDR_PROXY_PEM}" alpn h2,http/1.1', "accept-proxy")
    assert plain != config
    (tmp_path / "plain.cfg").write_text(plain)
    env = {**os.environ, "MDR_PROXY_BIND": f"127.0.0.1:{port}", "MDR_GATEWAY_1": "127.0.0.1:1", "MDR_GATEWAY_2": "127.0.0.1:1"}

    def ask(address):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
            one.sendall(f"PROXY TCP6 {address} ::1 1 2\r\nGET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            return one.recv(4096).split()[1]

    def started():
        try:
            return ask("2001:db8:0:3::1")
        except OSError:
            return None

    with subprocess.Popen(["haproxy", "-db", "-f", str(tmp_path / "plain.cfg")], env=env, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(started)
            assert {ask(f"2001:db8:0:1::{n:x}") for n in range(1, 330)} == {b"404", b"429"}
            assert ask("2001:db8:0:2::1") == b"404", "the next network is another caller"
        finally:
            process.terminate()


def test_ten_megabytes_up_and_down(proxy, client):
    data = os.urandom(10_485_760)
    incident = client.new_incident()["incident_id"]
    content_type, body = multipart([("meta", None, None, json.dumps({"incident_id": incident}).encode()),
                                    ("file", "証拠.bin", "application/octet-stream", data)])
    auth = {"Authorization": f"Bearer {client.sup.access_token}"}
    status, _, reply = proxy.request("POST", client.sup.path("attachments/upload"), body, {**auth, "Content-Type": content_type})
    assert status == 200, reply
    attachment = json.loads(reply)
    assert attachment["full_name"] == "証拠.bin"
    path = client.sup.path("attachments/download")
    status, _, back = proxy.request("POST", path, json.dumps({"attachment_id": attachment["attachment_id"]}), auth)
    assert status == 200 and back == data


def test_a_gateway_goes_and_nothing_fails(proxy, pair, client):
    """One gateway stops properly: requests in flight end, later ones go to the other."""
    pair_used = [g for g in pair if any(e.get("event") == "request" for e in g.log_events())]
    leaving = pair_used[0]
    failed, asked = [], 0
    leaving.process.terminate()
    until = time.monotonic() + 7
    while time.monotonic() < until:
        status, _ = proxy.post(client.sup, "incidents/count", {})
        asked += 1
        if status != 200:
            failed.append(status)
    assert leaving.process.wait(60) == 0
    assert asked > 20 and not failed, (asked, failed)
    leaving.start()
