"""A caller of the API: base URL, client id, and the tokens that it was given."""
import json

from lib.contract import CONTRACT
from lib.http import exchange, multipart

MISSING = object()


class Api:
    def __init__(self, url, client_id, refresh_token=None, access_token=None, session_id=None):
        self.url, self.client_id, self.session_id = url, client_id, session_id
        self.refresh_token, self.access_token = refresh_token, access_token

    @classmethod
    def of(cls, url, connection, client_id=None):
        """From what `connection create` or robot_session/create replied; already confirmed."""
        client_id = client_id or connection["client_id"]
        return cls(url, client_id, connection["refresh_token"], session_id=connection["session_id"]).confirm()

    def confirm(self):
        pair = self.call("session/confirm", {"refresh_token": self.refresh_token}, token=None).must().json
        self.refresh_token, self.access_token = pair["refresh_token"], pair["access_token"]
        return self

    def at(self, url=None, client_id=None):
        """The same caller at another gateway or with another client in the path."""
        return Api(url or self.url, client_id or self.client_id, self.refresh_token, self.access_token, self.session_id)

    def path(self, name, **ids):
        op = CONTRACT.by_name.get(name)
        template = op.path if op else f"/api/v1/{{client_id}}/{name}"
        return template.format(client_id=self.client_id, **ids)

    def headers(self, token=MISSING, **more):
        token = self.access_token if token is MISSING else token
        out = {"Authorization": f"Bearer {token}"} if token is not None else {}
        out.update({k.replace("_", "-"): v for k, v in more.items()})
        return out

    def call(self, name, body=None, token=MISSING, raw=None, content_type="application/json", record=True, **headers):
        """POSTs JSON (or raw bytes) to an operation, e.g. call("incidents/list", {...}, Idempotency_Key="k")."""
        data = raw if raw is not None else json.dumps({} if body is None else body).encode()
        sent = self.headers(token, **headers)
        sent.setdefault("Content-Type", content_type)
        return exchange(self.url, "POST", self.path(name), data, sent, record)

    def ok(self, name, body=None, **more):
        return self.call(name, body, **more).must().json

    def get(self, name, token=MISSING, method="GET", query="", headers=None, **ids):
        sent = {**self.headers(token), **(headers or {})}
        return exchange(self.url, method, self.path(name, **ids) + query, None, sent)

    def upload(self, incident_id, data=b"data", file_name="file.txt", media_type="application/octet-stream", meta=None,
               token=MISSING, meta_first=True, **headers):
        if meta is None:
            meta = {"incident_id": incident_id, "caption": "caption"}
        parts = [("meta", None, None, json.dumps(meta).encode()), ("file", file_name, media_type, data)]
        content_type, body = multipart(parts if meta_first else parts[::-1])
        sent = {**self.headers(token, **headers), "Content-Type": content_type}
        return exchange(self.url, "POST", self.path("attachments/upload"), body, sent)
