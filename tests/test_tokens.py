"""Attacks on tokens through HTTP, and what rotation, revocation and new roles must do (contract A2, security.md "Tokens")."""
import base64
import concurrent.futures
import hashlib
import json
import time
import uuid

import pytest

from lib import tokens
from lib.api import Api
from lib.gateway import wait_for

TAKES_EFFECT_S = 5


def refused(org, token):
    reply = org.sup.call("incidents/count", {}, token=token)
    assert reply.status == 403, f"{token[:300]}: {reply}"
    return reply


def parts(org):
    header, payload = tokens.decode(org.sup.access_token)
    return header, payload, org.gateway.key()[1]


def test_a_resigned_token_is_good(org, gateway):
    """The control: what the attacks alter is accepted unaltered."""
    header, payload, secret = parts(org)
    org.sup.ok("incidents/count", {}, token=tokens.sign(header, payload, secret))
    org.sup.ok("incidents/count", {}, token=tokens.resign(org.sup.access_token, gateway, jti=uuid.uuid4().hex))


HEADERS = {
    "alg none": {"alg": "none"}, "alg NONE": {"alg": "NONE"}, "alg nOnE": {"alg": "nOnE"}, "alg empty": {"alg": ""},
    "alg missing": {"alg": None}, "alg HS384": {"alg": "HS384"}, "alg HS512": {"alg": "HS512"}, "alg RS256": {"alg": "RS256"},
    "alg ES256": {"alg": "ES256"}, "alg number": {"alg": 256}, "alg array": {"alg": ["HS256"]},
    "kid unknown": {"kid": "other"}, "kid missing": {"kid": None}, "kid path": {"kid": "../../../../dev/null"},
    "kid sql": {"kid": "' union select ''--"}, "kid number": {"kid": 1}, "kid long": {"kid": "k" * 5000},
    "jwk": {"jwk": {"kty": "oct", "k": "AA"}}, "jku": {"jku": "http://127.0.0.1/"}, "x5u": {"x5u": "http://127.0.0.1/"},
    "x5c": {"x5c": ["AA"]}, "crit": {"crit": ["exp"]}, "b64": {"b64": False, "crit": ["b64"]}, "zip": {"zip": "DEF"},
    "typ": {"typ": "at+jwt"}, "typ missing": {"typ": None}, "cty": {"cty": "JWT"},
}


@pytest.mark.parametrize("what", HEADERS)
def test_header_attacks(what, org):
    header, payload, secret = parts(org)
    header = {k: v for k, v in {**header, **HEADERS[what]}.items() if v is not None}
    for key, digest in ((secret, hashlib.sha256), (b"", hashlib.sha256), (secret, hashlib.sha384), (secret, hashlib.sha512)):
        refused(org, tokens.sign(header, payload, key, digest))
    unsigned = ".".join(tokens.sign(header, payload, b"").split(".")[:2])
    for token in (unsigned, unsigned + ".", unsigned + "." + tokens.b64(b"\0" * 32)):
        refused(org, token)


NOW = int(time.time())
CLAIMS = {
    "exp past": {"exp": NOW - 3600, "iat": NOW - 7200}, "exp text": {"exp": str(NOW + 600)}, "exp missing": {"exp": None},
    "exp float": {"exp": NOW + 600.5}, "exp huge": {"exp": 10 ** 18}, "exp negative": {"exp": -1}, "exp null": {"exp": [None]},
    "exp 1e99": {"exp": 1e99}, "iat ahead": {"iat": NOW + 3600, "exp": NOW + 7000}, "iat missing": {"iat": None},
    "iat after exp": {"iat": NOW + 4000, "exp": NOW + 3600}, "nbf ahead": {"nbf": NOW + 3600}, "nbf text": {"nbf": "0"},
    "life too long": {"exp": NOW + 400 * 86400}, "iss": {"iss": "someone"}, "iss missing": {"iss": None}, "iss array": {"iss": ["mdr-gateway"]},
    "sub missing": {"sub": None}, "sub empty": {"sub": ""}, "sub no plus": {"sub": "client"}, "sub no uuid": {"sub": "client+x"},
    "sub number": {"sub": 1}, "sub unknown session": {"sub": f"client+{uuid.uuid4()}"}, "jti missing": {"jti": None},
    "jti number": {"jti": 1}, "role missing": {"role": None}, "role array": {"role": ["SUPERVISOR"]},
    "tenants missing": {"tenants": None}, "tenants text": {"tenants": "*"}, "tenants object": {"tenants": {}},
    "typ missing": {"typ": None}, "typ refresh": {"typ": "refresh"}, "typ array": {"typ": ["access"]}, "typ Access": {"typ": "Access"},
    "another claim": {"admin": True},
}


@pytest.mark.parametrize("what", CLAIMS)
def test_claim_attacks(what, org):
    header, payload, secret = parts(org)
    payload = {k: v for k, v in {**payload, **CLAIMS[what]}.items() if v is not None}
    refused(org, tokens.sign(header, payload, secret))


def raw_json(value, extra):
    """The object's text with further members put in as they are."""
    return json.dumps(value, separators=(",", ":")).encode()[:-1] + extra + b"}"


def test_encoding_attacks(org):
    header, payload, secret = parts(org)
    good = tokens.sign(header, payload, secret)
    h, p, s = good.split(".")
    attacks = {
        "duplicate alg": tokens.sign(raw_json(header, b',"alg":"none"'), payload, secret),
        "duplicate exp": tokens.sign(header, raw_json(payload, b',"exp":99999999999'), secret),
        "duplicate by escape": tokens.sign(header, raw_json(payload, b',"\\u0065xp":99999999999'), secret),
        "payload array": tokens.sign(header, b"[]", secret), "payload text": tokens.sign(header, b'"a"', secret),
        "payload empty": tokens.sign(header, b"", secret), "payload cut": tokens.sign(header, b'{"exp":', secret),
        "NUL": tokens.sign(header, raw_json(payload, b',"x":"\\u0000"'), secret),
        "deep": tokens.sign(header, raw_json(payload, b',"x":' + b"[" * 500 + b"]" * 500), secret),
        "trailing": tokens.sign(header, json.dumps(payload).encode() + b" {}", secret),
        "padded": f"{h}.{p}.{s}=", "fourth part": good + ".x", "two parts": f"{h}.{p}", "five parts": f"{h}.{p}.{s}.{s}.{s}",
        "standard base64": f"{h}.{p}.{base64.b64encode(tokens.unb64(s)).decode()}x", "blank inside": f"{h}. {p}.{s}",
        "signature cut": good[:-4], "signature of another": f"{h}.{p}.{tokens.sign(header, {}, secret).split('.')[2]}",
        "swapped": f"{p}.{h}.{s}", "long": good + "A" * 8000, "JWE": ".".join(["e30"] * 5), "JSON form":
        json.dumps({"payload": p, "signatures": [{"protected": h, "signature": s}]}),
    }
    for what, token in attacks.items():
        reply = org.sup.call("incidents/count", {}, token=token)
        assert reply.status in (400, 403, 431), f"{what}: {reply}"
        assert what in ("long",) or reply.status == 403, f"{what}: {reply}"
    org.sup.ok("incidents/count", {}, token=good)
    tail = s[:-1] + chr(ord(s[-1]) + 1)  # other unused bits of the last character
    assert org.sup.call("incidents/count", {}, token=f"{h}.{p}.{tail}").status == 403


def test_every_flipped_bit_is_noticed(org):
    good = org.sup.access_token
    for i in range(0, len(good), 3):
        flipped = good[:i] + ("A" if good[i] != "A" else "B") + good[i + 1:]
        refused(org, flipped)


def test_schemes(org):
    from lib.http import exchange
    path, token = org.sup.path("incidents/count"), org.sup.access_token
    for value, status in ((f"bearer {token}", 200), (f"BEARER {token}", 200), (token, 403), (f"Basic {token}", 403),
                          (f"Bearer {token} x", 403), ("Bearer", 403), (f"Token {token}", 403)):
        reply = exchange(org.sup.url, "POST", path, b"{}", {"Authorization": value})
        assert reply.status == status, f"{value[:30]}: {reply}"


# ---- the life of a refresh token ----

def confirm(org, token):
    return org.sup.call("session/confirm", {"refresh_token": token}, token=None)


def test_32_parallel_confirms_make_one_pair(fresh):
    for _ in range(3):
        first = fresh.new_connection()
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            replies = list(pool.map(lambda _: confirm(fresh, first["refresh_token"]), range(32)))
        assert {r.status for r in replies} == {200}, {str(r) for r in replies}
        assert len({r.body for r in replies}) == 1
        rows = fresh.gateway.query("select count(*) from refresh_tokens where client_id = %s and session_id = %s", fresh.id,
                                   first["session_id"], client=fresh.id)
        assert rows == [(2,)], "the first and its one child"


def test_32_parallel_confirms_over_two_gateways(fresh, second):
    first = fresh.new_connection()["refresh_token"]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda i: fresh.sup.at(url=(second if i % 2 else fresh.gateway).url).call(
            "session/confirm", {"refresh_token": first}, token=None), range(32)))
    assert {r.status for r in replies} == {200} and len({r.body for r in replies}) == 1


def test_a_lost_reply_is_answered_again(fresh):
    first = fresh.new_connection()["refresh_token"]
    pair = confirm(fresh, first).must().json
    for _ in range(3):
        assert confirm(fresh, first).must().json == pair
    fresh.sup.ok("incidents/count", {}, token=pair["access_token"])
    assert confirm(fresh, first).must().json == pair, "using the access token changes nothing"


def test_reuse_after_the_successor_was_used_revokes_all(fresh):
    first = fresh.new_connection()["refresh_token"]
    pair = confirm(fresh, first).must().json
    newer = confirm(fresh, pair["refresh_token"]).must().json
    fresh.sup.ok("incidents/count", {}, token=newer["access_token"])
    confirm(fresh, first).must(403, "token_invalid")
    for token in (pair["refresh_token"], newer["refresh_token"]):
        confirm(fresh, token).must(403)
    wait_for(lambda: fresh.sup.call("incidents/count", {}, token=newer["access_token"]).status == 403, TAKES_EFFECT_S)
    fresh.sup.call("incidents/count", {}, token=pair["access_token"]).must(403)


def test_the_same_pair_only_within_24_hours(fresh, gateway):
    made = fresh.new_connection()
    confirm(fresh, made["refresh_token"]).must()
    gateway.query("update refresh_tokens set spent_at = spent_at - 86400001 where client_id = %s and spent_at > 0"
                  " and session_id = %s", fresh.id, made["session_id"], client=fresh.id)
    confirm(fresh, made["refresh_token"]).must(403)


def test_only_hashes_are_kept(fresh, gateway):
    made = fresh.new_connection()
    pair = confirm(fresh, made["refresh_token"]).must().json
    rows = gateway.query("select row_to_json(r)::text from refresh_tokens r where session_id = %s", made["session_id"],
                         client=fresh.id)
    text = "\n".join(r[0] for r in rows)
    for token in (made["refresh_token"], pair["refresh_token"], pair["access_token"]):
        assert token not in text and token.split(".")[2] not in text
    assert hashlib.sha256(made["refresh_token"].encode()).hexdigest() in text


def test_an_access_token_is_no_refresh_token(fresh):
    confirm(fresh, fresh.sup.access_token).must(403)
    confirm(fresh, "garbage").must(403)
    confirm(fresh, tokens.expired(fresh.sup.refresh_token, fresh.gateway)).must(403)


def test_another_clients_refresh_token(fresh, other):
    made = fresh.new_connection()["refresh_token"]
    confirm(other, made).must(403)
    confirm(fresh, made).must(200)


def test_restart_ends_the_chain(fresh):
    api = fresh.new_caller()
    old = api.refresh_token
    new = api.ok("session/restart")
    assert set(new) == {"refresh_token"}
    _, claims = tokens.decode(new["refresh_token"])
    assert claims["exp"] - claims["iat"] == 86400 and claims["typ"] == "refresh"
    confirm(fresh, old).must(403)
    confirm(fresh, new["refresh_token"]).must(200)


def test_deleting_a_connection_counts_at_once_and_elsewhere_within_5_s(fresh, second):
    api = fresh.new_caller("OFFICER")
    there = api.at(url=second.url)
    api.ok("incidents/count", {})
    there.ok("incidents/count", {})
    fresh.sup.ok("robot_sessions/delete", {"session_id": api.session_id})
    api.call("incidents/count", {}).must(403)
    wait_for(lambda: there.call("incidents/count", {}).status == 403, TAKES_EFFECT_S)
    confirm(fresh, api.refresh_token).must(403)
    api.at(url=second.url).call("session/confirm", {"refresh_token": api.refresh_token}, token=None).must(403)


def test_a_new_role_or_tenant_list_counts_within_5_s(fresh, second):
    made = fresh.new_login("OFFICER")
    pair = fresh.sup.ok("session/login", made, token=None)
    api = Api(fresh.gateway.url, fresh.id, access_token=pair["access_token"])
    there = api.at(url=second.url)
    user = next(u for u in fresh.sup.ok("users/list") if u["email"] == made["email"])
    fresh.new_incident("Tokyo")
    body = {"mode": "off"}
    for caller in (api, there):
        caller.call("settings/auto_response/set", body).must(403)
    fresh.sup.ok("users/update", {"user_id": user["user_id"], "role": "SENIOR_OFFICER"})
    for caller in (api, there):
        wait_for(lambda: caller.call("settings/auto_response/set", body).status == 200, TAKES_EFFECT_S)  # noqa: B023
    fresh.sup.ok("users/update", {"user_id": user["user_id"], "tenants": [{"tenant_id": fresh.tenants["Osaka"]}]})
    for caller in (api, there):
        wait_for(lambda: caller.ok("incidents/count", {}) == {"count": 0}, TAKES_EFFECT_S)  # noqa: B023
    fresh.sup.ok("users/update", {"user_id": user["user_id"], "disabled": True})
    for caller in (api, there):
        wait_for(lambda: caller.call("incidents/count", {}).status == 403, TAKES_EFFECT_S)  # noqa: B023


def test_rights_are_checked_anew_on_a_replay(fresh):
    made = fresh.new_login("SENIOR_OFFICER")
    api = Api(fresh.gateway.url, fresh.id, access_token=fresh.sup.ok("session/login", made, token=None)["access_token"])
    user = next(u for u in fresh.sup.ok("users/list") if u["email"] == made["email"])
    body = {"mode": "off"}
    api.call("settings/auto_response/set", body, Idempotency_Key="again").must()
    fresh.sup.ok("users/update", {"user_id": user["user_id"], "role": "OFFICER"})
    wait_for(lambda: api.call("settings/auto_response/set", body, Idempotency_Key="again").status == 403, TAKES_EFFECT_S)


def test_a_replay_does_not_show_what_the_tenants_no_longer_cover(fresh, second):
    """Nor to a deleted tenant's reader; and what is still covered is answered again."""
    made = fresh.new_login("SENIOR_OFFICER")
    api = Api(fresh.gateway.url, fresh.id, access_token=fresh.sup.ok("session/login", made, token=None)["access_token"])
    user = next(u for u in fresh.sup.ok("users/list") if u["email"] == made["email"])
    tenants = lambda *names: fresh.sup.ok("users/update", {  # noqa: E731
        "user_id": user["user_id"], "tenants": [{"tenant_id": fresh.tenants[n]} for n in names]})
    sees = lambda n: api.call("incidents/count", {}).json == {"count": n} and api.at(second.url).call("incidents/count", {}).json == {"count": n}  # noqa: E731
    incidents = {n: fresh.new_incident(n)["incident_id"] for n in ("Tokyo", "Osaka")}
    tenants("Tokyo", "Osaka")
    bodies = {n: {"incident_id": i, "text": f"CANARY of {n}"} for n, i in incidents.items()}
    wait_for(lambda: sees(2), TAKES_EFFECT_S)
    for n, body in bodies.items():
        api.call("comments/create", body, Idempotency_Key=n).must()
        assert api.call("comments/create", body, Idempotency_Key=n).must().header("Idempotent-Replayed") == "true"
    tenants("Osaka")
    wait_for(lambda: sees(1), TAKES_EFFECT_S)
    for here in (api, api.at(second.url)):
        for key in ("Tokyo", "another"):
            reply = here.call("comments/create", bodies["Tokyo"], Idempotency_Key=key)
            assert reply.status in (404, 409) and b"CANARY" not in reply.body, str(reply)
    texts = [c["text"] for c in fresh.sup.ok("comments/list", {"incident_id": incidents["Tokyo"]})]
    assert texts == ["CANARY of Tokyo"]


def test_an_idempotency_key_belongs_to_its_connection(fresh):
    incident = fresh.new_incident()["incident_id"]
    body = {"incident_id": incident, "text": "same key"}
    for api in (fresh.sup, fresh.officer):
        assert api.call("comments/create", body, Idempotency_Key="shared").must().header("Idempotent-Replayed") is None
    assert len(fresh.sup.ok("comments/list", {"incident_id": incident})) == 2


def test_one_key_32_times_at_once_writes_once(fresh):
    incident = fresh.new_incident()["incident_id"]
    body = {"incident_id": incident, "text": "once"}
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda _: fresh.sup.call("comments/create", body, Idempotency_Key="k"), range(32)))
    assert {r.status for r in replies} <= {200, 409}
    assert all(r.status == 200 or r.code == "idempotency_running" for r in replies)
    assert all(r.header("Retry-After") for r in replies if r.status == 409)
    assert len({r.body for r in replies if r.status == 200}) == 1
    assert len(fresh.sup.ok("comments/list", {"incident_id": incident})) == 1


# ---- people ----

def test_invitation_login_and_logout(fresh):
    made = fresh.new_user("OFFICER")
    email = made["user"]["email"]
    assert made["user"]["status"] == "invited"
    mails = "select state, parameters from mails where client_id = %s and recipient = %s"
    wait_for(lambda: fresh.gateway.query(mails, fresh.id, email, client=fresh.id) == [("sent", "{}")], message="the link is kept no longer than needed")
    login = {"email": email, "password": "correct horse battery staple"}
    fresh.sup.call("session/login", login, token=None).must(403, "credentials_invalid")
    fresh.sup.ok("users/accept", {"token": made["invitation_token"], "password": login["password"]}, token=None)
    assert fresh.sup.call("users/accept", {"token": made["invitation_token"], "password": "another pass word"}, token=None).status in (400, 403)
    pair = fresh.sup.ok("session/login", {**login, "email": email.upper()}, token=None)
    said = fresh.sup.ok("session/whoami", {}, token=pair["access_token"])
    assert said["kind"] == "user" and said["role"] == "OFFICER"
    fresh.sup.call("session/login", {**login, "password": "wrong"}, token=None).must(403, "credentials_invalid")
    fresh.sup.ok("session/logout", {}, token=pair["access_token"])
    fresh.sup.call("session/whoami", {}, token=pair["access_token"]).must(403)
    confirm(fresh, pair["refresh_token"]).must(403)


def test_ten_wrong_passwords_lock_account_and_address(fresh, org):
    login = fresh.new_login()
    strip = lambda reply: (reply.status, reply.body.split(b'"request_id"')[0])  # noqa: E731
    answers = {strip(fresh.sup.call("session/login", {**login, "password": f"wrong {i}"}, token=None)) for i in range(9)}
    answers.add(strip(org.sup.call("session/login", {"email": "nobody@example.jp", "password": "x"}, token=None)))
    assert len(answers) == 1, "an unknown user is answered the same"
    fresh.sup.call("session/login", {**login, "password": "wrong"}, token=None)
    locked = fresh.sup.call("session/login", login, token=None)
    assert locked.status in (403, 429), str(locked)
    assert locked.status == 403 or int(locked.header("Retry-After")) > 0
    user = next(u for u in fresh.sup.ok("users/list") if u["email"] == login["email"])
    assert user["status"] == "locked"


def test_behind_a_proxy_the_forwarded_address_counts(fresh, second):
    there = fresh.sup.at(url=second.url)
    login, wrong = fresh.new_login(), {"email": "nobody@example.jp", "password": "wrong"}
    for _ in range(11):
        last = there.call("session/login", wrong, token=None, X_Forwarded_For="203.0.113.7")
    assert last.status in (403, 429)
    assert there.call("session/login", login, token=None, X_Forwarded_For="203.0.113.7").status in (403, 429)
    there.call("session/login", login, token=None, X_Forwarded_For="203.0.113.8").must(200)
    # in front of the other gateway stands no proxy: there the header is anybody's word
    fresh.sup.call("session/login", login, token=None, X_Forwarded_For="203.0.113.7").must(200)


def test_one_user_per_address(fresh):
    made = fresh.new_user()
    body = {"email": made["user"]["email"].upper(), "name": "Again", "role": "OFFICER"}
    fresh.sup.call("users/create", body).must(409, "conflict")


def test_guessing_the_present_password_is_locked_too(fresh):
    login = fresh.new_login()
    token = fresh.sup.ok("session/login", login, token=None)["access_token"]
    me = fresh.sup.ok("session/whoami", {}, token=token)["user_id"]
    replies = [fresh.sup.call("users/update", {"user_id": me, "password": "another pass word", "current_password": f"wrong {i}"},
                              token=token) for i in range(12)]
    assert {r.status for r in replies[:9]} == {403} and replies[-1].status in (403, 429)
    last = fresh.sup.call("users/update", {"user_id": me, "password": "another pass word",
                                           "current_password": login["password"]}, token=token)
    assert last.status in (403, 429), str(last)


def test_two_factors(fresh):
    import hmac
    import struct
    import urllib.parse
    login = fresh.new_login()
    token = fresh.sup.ok("session/login", login, token=None)["access_token"]
    me = fresh.sup.ok("session/whoami", {}, token=token)["user_id"]

    def code(secret, step):
        digest = hmac.new(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", step), "sha1").digest()
        at = digest[-1] & 15
        return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 10 ** 6:06d}"

    began = fresh.sup.ok("users/update", {"user_id": me, "totp": "enable", "current_password": login["password"]}, token=token)
    secret = urllib.parse.parse_qs(urllib.parse.urlparse(began["totp_uri"]).query)["secret"][0]
    step = int(time.time()) // 30
    fresh.sup.ok("users/update", {"user_id": me, "totp": "confirm", "code": code(secret, step - 1),
                                  "current_password": login["password"]}, token=token)
    fresh.sup.call("users/update", {"user_id": me, "totp": "enable", "current_password": login["password"]}, token=token).must(409)
    fresh.sup.call("session/login", login, token=None).must(403)
    fresh.sup.call("session/login", {**login, "code": "000000"}, token=None).must(403)
    good = {**login, "code": code(secret, step)}
    fresh.sup.call("session/login", good, token=None).must(200)
    fresh.sup.call("session/login", good, token=None).must(403)


def test_who_may_make_administrators(fresh):
    for name, body in (("users/create", {"email": "x@example.jp", "name": "x", "role": "SUPERVISOR"}),
                       ("robot_session/create", {"session_name": "x", "role": "SUPERVISOR"})):
        for api in (fresh.senior, fresh.officer, fresh.soc, fresh.connector):
            api.call(name, body).must(403, "forbidden")
    scoped = fresh.new_caller("SUPERVISOR", tenants=[fresh.tenants["Tokyo"]])
    reply = scoped.call("robot_session/create", {"session_name": "wide", "role": "SUPERVISOR", "tenants": []})
    if reply.status == 200:
        assert [t["tenant_id"] for t in reply.json["tenants"]] == [fresh.tenants["Tokyo"]], "no wider than its maker"
    wide = scoped.call("robot_session/create", {"session_name": "other", "role": "OFFICER",
                                                "tenants": [{"tenant_id": fresh.tenants["Osaka"]}]})
    assert wide.status in (400, 403, 404), str(wide)


def test_the_soc_of_all_clients(gateway, org, other):
    made = gateway.create_connection("*", "SOC_ANALYST", "SOC of all")
    one = Api(gateway.url, org.id, refresh_token=made["refresh_token"]).confirm()
    one.ok("incidents/count", {})
    there = one.at(client_id=other.id)
    incident = there.ok("incidents/ingest", other.ingest_body())
    assert incident["origin"] == "Service"
    there.ok("comments/create", {"incident_id": incident["incident_id"], "text": "hello"})
    one.call("incidents/details", {"incident_id": incident["incident_id"]}).must(404)
    one.call("tenants/create", {"tenant_name": "x", "description": ""}).must(403)
    done = gateway.cli("connection", "create", "--client", "*", "--name", "x", "--role", "SUPERVISOR", check=False)
    assert done.returncode != 0
