"""Too many requests: 429 with Retry-After, for whom they come from and for nobody else; deciding and stopping are still possible."""
import time
import uuid

import pytest

from lib.api import Api
from lib.contract import CONTRACT
from lib.gateway import Gateway
from lib.http import exchange, multipart

API = [op for op in CONTRACT.operations if op.path.startswith("/api/")]
BURST = 10  # seconds' worth at once; here one request a second
RESERVE = {"response_update", "responses_update", "responses_undo", "settings_auto_response_set", "settings_freeze"}


@pytest.fixture(scope="module")
def limited(gateway):
    """On the same database, behind a proxy: each test sends as another address."""
    one = Gateway(data_dir=gateway.data_dir, MDR_WORKERS="off", MDR_RATE_PER_SESSION=1, MDR_RATE_PER_ADDRESS=1,
                  MDR_TRUSTED_PROXIES="127.0.0.0/8").start()
    yield one
    one.stop()


def refused(limited, limit):
    return limited.metric(f'mdr_rate_refused_total{{limit="{limit}"}}')


def until_429(send, most=3 * BURST):
    """Sends until it is refused; returns the replies before, and the refusal."""
    before = []
    for _ in range(most):
        reply = send()
        if reply.status == 429:
            assert reply.code == "rate_limited" and int(reply.header("Retry-After")) > 0
            return before, reply
        before.append(reply)
    raise AssertionError(f"never refused: {before[-1]}")


def nothing(by, op, token, address):
    """A request that gets past the limit but does nothing: an unreadable body, an unknown argument."""
    headers = {**by.headers(token=token), "X-Forwarded-For": address}
    path = by.path(op.name, incident_id="A" * 20, attachment_id="A" * 20)
    if op.method == "GET":
        return exchange(by.url, "GET", path + "?no_such=1", None, headers)
    data, kind = b"[]", "application/json"
    if op.multipart:
        kind, data = multipart([("meta", None, None, b"[]"), ("file", "a", None, b"a")])
    return exchange(by.url, "POST", path, data, {**headers, "Content-Type": kind})


@pytest.mark.parametrize("op", API, ids=str)
def test_every_operation_is_limited(op, org, limited):
    by = org.caller_for(op).at(url=limited.url)
    before, _ = until_429(lambda: nothing(by, op, None if op.public else by.access_token, "198.51.100.1"))
    assert len(before) < 2 * BURST and {r.status for r in before} <= {400}, [str(r) for r in before]


def drained(api):
    """Whose ordinary requests are used up."""
    until_429(lambda: api.call("session/whoami", {}))
    return api


def test_deciding_and_stopping_have_a_limit_of_their_own(fresh, limited):
    made = [fresh.new_response()["response_id"] for _ in range(3)]
    api, used_up = drained(fresh.senior.at(url=limited.url)), refused(limited, "reserve")
    api.ok("response/update", {"comment": "", "response_id": made[0], "status": "Confirmed"})
    api.ok("responses/update", {"comment": "no", "responses_ids": made[1:], "status": "Declined"})
    api.ok("settings/auto_response/set", {"auto_response": False})
    api.call("incidents/count", {}).must(429)
    again = {"comment": "", "response_id": made[0], "status": "Confirmed"}
    before, _ = until_429(lambda: api.call("response/update", again))
    assert {r.status for r in before} == {409} and refused(limited, "reserve") == used_up + 1
    assert {op.id for op in API if op.raw.get("x-reserve")} == RESERVE


def test_a_limit_is_the_callers_own(fresh, limited):
    """A user is one, however often signed in; another connection of the same client is another."""
    login = fresh.new_login("SUPERVISOR")
    signed_in = [Api(limited.url, fresh.id, access_token=fresh.sup.ok("session/login", login, token=None)["access_token"])
                 for _ in range(2)]
    drained(signed_in[0])
    signed_in[1].call("session/whoami", {}).must(429)
    fresh.senior.at(url=limited.url).ok("session/whoami", {})
    made = signed_in[1].at(url=fresh.gateway.url).ok("robot_session/create", {"session_name": "x", "role": "OFFICER", "tenants": []})
    Api.of(fresh.gateway.url, made, fresh.id).at(url=limited.url).ok("session/whoami", {})


def test_after_retry_after_there_is_room(fresh, limited):
    api, counted = fresh.officer.at(url=limited.url), refused(limited, "session")
    _, reply = until_429(lambda: api.call("incidents/count", {}))
    assert refused(limited, "session") == counted + 1
    time.sleep(int(reply.header("Retry-After")))
    api.ok("incidents/count", {})


def test_bad_tokens_are_limited_by_address_and_good_ones_are_not(fresh, limited):
    api = fresh.sup.at(url=limited.url)
    ask = lambda token, address: api.call("session/whoami", {}, token=token, X_Forwarded_For=address)  # noqa: E731
    for token, status in (("bad", 403), (None, 401)):
        address = f"2001:db8:{uuid.uuid4().hex[:4]}::1"
        before, _ = until_429(lambda: ask(token, address))  # noqa: B023
        assert {r.status for r in before} == {status} and len(before) >= BURST
        ask(api.access_token, address).must(200)
        assert ask("bad", address[:-1] + "2").status == 429, "the same network"
        assert ask("bad", "2001:db8:ffff:1::1").status == 403, "another one"
    assert refused(limited, "address") >= 2


def test_who_lacks_a_right_uses_up_their_own_limit_only(fresh, limited):
    """A known caller's refusals are not the address's: others behind it go on."""
    officer, counted = fresh.officer.at(url=limited.url), refused(limited, "address")
    before, _ = until_429(lambda: officer.call("users/list", {}, X_Forwarded_For="203.0.113.77"))
    assert {r.status for r in before} == {403} and refused(limited, "address") == counted
    assert fresh.sup.at(url=limited.url).call("session/whoami", {}, token="bad", X_Forwarded_For="203.0.113.77").status == 403


def test_what_needs_no_token_is_limited_before_anything_is_looked_up(fresh, limited):
    """Refresh tokens, passwords and tickets cannot be tried without end, and a right one waits too."""
    api = fresh.sup.at(url=limited.url)
    connection = fresh.new_connection()["refresh_token"]
    attachment = fresh.new_attachment()["attachment_id"]
    ticket = fresh.sup.ok("session/ticket", {"path": f"/api/v1/{fresh.id}/attachments/{attachment}"})["ticket"]
    confirm = lambda token: api.call("session/confirm", {"refresh_token": token}, token=None, X_Forwarded_For="203.0.113.31")  # noqa: E731
    download = lambda t: api.get("attachments/{attachment_id}", token=None, query=f"?ticket={t}", attachment_id=attachment,  # noqa: E731
                                 headers={"X-Forwarded-For": "203.0.113.32"})
    for send, bad, good in ((confirm, "x.y.z", connection), (download, "A" * 20, ticket)):
        before, refusal = until_429(lambda: send(bad))  # noqa: B023
        assert {r.status for r in before} == {403}
        send(good).must(429)
        time.sleep(int(refusal.header("Retry-After")) + 1)
        send(good).must(200)
    authorised = lambda: api.call("session/confirm", {"refresh_token": "x.y.z"}, X_Forwarded_For="203.0.113.33")  # noqa: E731
    until_429(authorised)


def test_the_servers_own_pages_are_not_limited(limited):
    for path in ("/healthz", "/readyz", "/openapi.yaml"):
        assert {exchange(limited.url, "GET", path).status for _ in range(2 * BURST)} == {200}


def test_zero_is_no_limit(gateway, org):
    assert {org.sup.call("session/whoami", {}).status for _ in range(5 * BURST)} == {200}
    assert {org.sup.call("session/whoami", {}, token="bad").status for _ in range(5 * BURST)} == {403}
