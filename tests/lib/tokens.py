"""Forged and altered JWTs."""
import base64
import hashlib
import hmac
import json
import time
import uuid


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def decode(token):
    """(header, payload), unverified."""
    header, payload, _ = token.split(".")
    return json.loads(unb64(header)), json.loads(unb64(payload))


def sign(header, payload, secret, digest=hashlib.sha256):
    """header, payload: objects, or ready bytes."""
    parts = [p if isinstance(p, bytes) else json.dumps(p, separators=(",", ":")).encode() for p in (header, payload)]
    text = b64(parts[0]) + "." + b64(parts[1])
    return text + "." + b64(hmac.new(secret, text.encode(), digest).digest())


def resign(token, gateway, header=None, **claims):
    """The same token with other claims (None removes one), signed with the gateway's real key."""
    kid, secret = gateway.key()
    old_header, payload = decode(token)
    payload = {k: v for k, v in {**payload, **claims}.items() if v is not None}
    return sign({**old_header, "kid": kid, **(header or {})}, payload, secret)


def expired(token, gateway):
    now = int(time.time())
    return resign(token, gateway, iat=now - 4000, exp=now - 400, jti=uuid.uuid4().hex)
