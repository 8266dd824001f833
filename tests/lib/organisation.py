"""Made-up client organisations with everything in them, made through the API only."""
import itertools
import json
import secrets

from lib.api import Api
from lib.contract import CONTRACT

_numbers = itertools.count(1)
DAY_MS = 86_400_000
CLOSED_PORT = "http://127.0.0.1:1025/nobody-listens"
PASSWORD = "correct horse battery staple"


def new_asset_id():
    return "0x" + secrets.token_hex(16)


def now_ms():
    import time
    return int(time.time() * 1000)


class Organisation:
    """One client: callers of every role (sup, senior, officer, soc, connector), tenants, assets."""

    def __init__(self, gateway, name="Example", client_id=None, tenants=("Tokyo", "Osaka")):
        self.gateway, self.name = gateway, name
        self.id = gateway.create_client(name, client_id or secrets.token_hex(17))
        self.sup = Api.of(gateway.url, gateway.create_connection(self.id, "SUPERVISOR", "Supervisor"))
        self.soc = Api.of(gateway.url, gateway.create_connection(self.id, "SOC_ANALYST", "Analyst"))
        self.senior = self.new_caller("SENIOR_OFFICER", name="Senior")
        self.officer = self.new_caller("OFFICER", name="Officer")
        self.connector = self.new_caller("CONNECTOR", name="Connector")
        self.roles = {"SUPERVISOR": self.sup, "SENIOR_OFFICER": self.senior, "OFFICER": self.officer,
                      "SOC_ANALYST": self.soc, "CONNECTOR": self.connector}
        self.tenants = {t: self.new_tenant(t)["tenant_id"] for t in tenants}
        self.assets = {"": self.new_assets(3)}
        for tenant in tenants:
            self.assets[tenant] = self.new_assets(2, tenant_name=tenant)

    # ---- callers ----

    def new_connection(self, role="SUPERVISOR", name=None, tenants=()):
        body = {"session_name": name or f"connection {next(_numbers)}", "role": role,
                "tenants": [{"tenant_id": t} for t in tenants]}
        return self.sup.ok("robot_session/create", body)

    def new_caller(self, role="SUPERVISOR", name=None, tenants=()):
        return Api.of(self.gateway.url, self.new_connection(role, name, tenants), self.id)

    def new_user(self, role="OFFICER", **more):
        n = next(_numbers)
        body = {"email": f"user{n}.{self.id[:8]}@example.jp", "name": f"User {n}", "role": role, **more}
        return self.sup.ok("users/create", body)

    def new_login(self, role="OFFICER"):
        made = self.new_user(role)
        self.sup.ok("users/accept", {"token": made["invitation_token"], "password": PASSWORD}, token=None)
        return {"email": made["user"]["email"], "password": PASSWORD}

    def caller_for(self, operation):
        """Someone who may call it."""
        if operation.roles is None:
            return self.sup
        for role in ("SUPERVISOR", "SOC_ANALYST", "SENIOR_OFFICER", "OFFICER", "CONNECTOR"):
            if role in operation.roles:
                return self.roles[role]
        raise AssertionError(operation.roles)

    # ---- objects ----

    def new_tenant(self, name=None):
        return self.sup.ok("tenants/create", {"tenant_name": name or f"Tenant {next(_numbers)}", "description": "made by a test"})

    def new_assets(self, n, **more):
        made = [{"asset_id": new_asset_id(), "host_name": f"HOST-{next(_numbers)}.example.jp", "domain": "example.jp",
                 "os_version": "Windows 11 Pro", "installed_product_info": "Kaspersky Endpoint Security 12.3",
                 "product_map": {"KES": "12.3.0.493"}, "last_seen": now_ms(), "first_seen": now_ms() - DAY_MS,
                 "network_interfaces": [{"ip": "192.0.2.7|2001:db8::7", "mac": "02:00:5e:00:53:01"}], **more}
                for _ in range(n)]
        self.soc.ok("assets/upsert", {"assets": made})
        return made

    def asset(self, tenant=""):
        return self.assets[tenant][0]

    def host(self, tenant="", i=0):
        asset = self.assets[tenant][i]
        return f"{asset['host_name']}:{asset['asset_id']}"

    def ingest_body(self, tenant="", **more):
        return {"summary": f"Incident {next(_numbers)}", "description": "What happened", "priority": "NORMAL",
                "affected_hosts": [self.host(tenant)], "tenant_id": self.tenants.get(tenant, ""), **more}

    def new_incident(self, tenant="", **more):
        """From the SOC."""
        return self.soc.ok("incidents/ingest", self.ingest_body(tenant, **more))

    def new_custom_incident(self, tenant="", by=None, **more):
        body = {"affected_hosts": [self.host(tenant)], "client_description": "Please look", "no_sla_flag": True,
                "summary": f"Custom {next(_numbers)}", "tenant_id": self.tenants.get(tenant, ""), **more}
        return (by or self.sup).ok("incidents/create", body)

    def new_comment(self, incident_id=None, by=None, text="A comment"):
        incident_id = incident_id or self.new_incident()["incident_id"]
        return (by or self.sup).ok("comments/create", {"incident_id": incident_id, "text": text})

    def new_attachment(self, incident_id=None, by=None, data=b"attached bytes", file_name="evidence.txt", **more):
        incident_id = incident_id or self.new_incident()["incident_id"]
        return (by or self.sup).upload(incident_id, data, file_name, **more).must().json

    def response_body(self, incident_id=None, tenant="", **more):
        return {"incident_id": incident_id or self.new_incident(tenant)["incident_id"], "type": "KILL_PROCESS",
                "asset_id": self.asset(tenant)["asset_id"], "parameters": {"path": "C:\\Users\\Public\\svch0st.exe"},
                "description": "End the process", **more}

    def schedule_body(self, **more):
        """Makes room first: a client has 50 at most."""
        schedules = self.sup.ok("schedules/list")
        for old in schedules[:-30] if len(schedules) > 40 else []:
            self.sup.ok("schedules/delete", {"schedule_id": old["schedule_id"]})
        return {"schedule_name": f"Schedule {next(_numbers)}", "type": "daily", "time": "09:00", "timezone": "Asia/Tokyo",
                "emails": ["ciso@example.jp"], **more}

    def new_schedule(self, by=None, **more):
        return (by or self.sup).ok("schedules/create", self.schedule_body(**more))

    def rule_body(self, **more):
        return {"name": f"Rule {next(_numbers)}", "mode": "off", "effect": "accept", "when": {"types": ["KILL_PROCESS"]}, **more}

    def new_rule(self, **more):
        """Off, unless mode says otherwise."""
        return self.sup.ok("auto_rules/create", self.rule_body(**more))

    def new_webhook(self, url=CLOSED_PORT, by=None, **more):
        """With its secret."""
        for old in self.sup.ok("webhooks/list")[:-10]:  # there may be 20
            self.sup.ok("webhooks/delete", {"webhook_id": old["webhook_id"]})
        return (by or self.sup).ok("webhooks/create", {"url": url, **more})

    def new_response(self, incident_id=None, tenant="", **more):
        """Proposed by the SOC, so New."""
        return self.soc.ok("responses/create", self.response_body(incident_id, tenant, **more))

    def new_task(self, by=None, **more):
        """A confirmed response that waits for a connector."""
        return (by or self.sup).ok("responses/create", self.response_body(**more))

    def new_lease(self, by=None, **more):
        """A task in the hands of the connector."""
        made = self.new_task(asset_id=self.new_assets(1)[0]["asset_id"], **more)
        leased = (by or self.connector).ok("tasks/lease", {"asset_ids": [made["asset_id"]]})
        return next(t for t in leased if t["response_id"] == made["response_id"])


# ---- one right request per operation: fresh objects each time, so that it can be sent and sent again ----

def _webhook(o, **more):
    return {"webhook_id": o.new_webhook()["webhook_id"], **more}


def _redeliver(o):
    webhook = o.new_webhook()
    o.new_incident()
    return {"webhook_id": webhook["webhook_id"], "position": webhook["progress"]["newest"] + 1}


def _close(o):
    return {"incident_id": o.new_incident()["incident_id"], "resolution_status": "TRUE_POSITIVE", "summary": "Done"}


def _incident(o):
    return {"incident_id": o.new_incident()["incident_id"]}


def _upsert(o):
    return {"assets": [{"asset_id": new_asset_id(), "host_name": f"NEW-{next(_numbers)}"}]}


def _custom(o):
    return {"affected_hosts": [o.host()], "client_description": "Please look", "summary": f"Custom {next(_numbers)}",
            "priority": "LOW", "tenant_id": "", "no_sla_flag": True}


def _email(o):
    return {"issue_key": str(o.new_incident()["incident_number"]), "issue_type": "thehive", "user_email": "hanako@example.jp"}


def _held(o):
    task = o.new_lease()
    return {"response_id": task["response_id"], "epoch": task["epoch"]}


def _lease(o):
    return {"asset_ids": [o.new_task(asset_id=o.new_assets(1)[0]["asset_id"])["asset_id"]]}


def _reorder(o):
    o.new_rule()
    return {"rule_ids": [r["rule_id"] for r in o.sup.ok("auto_rules/list")][::-1]}


RIGHT = {
    "incidents/count": lambda o: {"statuses": ["Open"], "page": 1},
    "incidents/list": lambda o: {"statuses": ["Open"], "page_size": 20},
    "incidents/details": _incident,
    "incidents/create": _custom,
    "incidents/close": _close,
    "incidents/send/email": _email,
    "incidents/sla_count": lambda o: {},
    "incidents/history": _incident,
    "incidents/ingest": lambda o: o.ingest_body(),
    "incidents/update": lambda o: {**_incident(o), "status": "On hold", "status_description": "Waiting"},
    "comments/list": _incident,
    "comments/create": lambda o: {**_incident(o), "text": "A comment"},
    "comments/delete": lambda o: {"comment_id": o.new_comment()["comment_id"]},
    "attachments/list": _incident,
    "attachments/download": lambda o: {"attachment_id": o.new_attachment()["attachment_id"]},
    "attachments/upload": _incident,
    "chat/list": _incident,
    "responses/list": lambda o: {"statuses": ["New"], "page_size": 20},
    "response/update": lambda o: {"comment": "", "response_id": o.new_response()["response_id"], "status": "Confirmed"},
    "responses/update": lambda o: {"comment": "no", "responses_ids": [o.new_response()["response_id"]], "status": "Declined"},
    "responses/create": lambda o: o.response_body(),
    "responses/types": lambda o: {},
    "responses/undo": lambda o: {"response_id": o.new_task()["response_id"], "comment": "not needed"},
    "tasks/lease": _lease,
    "tasks/declare": lambda o: {"capabilities": [{"type": "RUN_SCRIPT", "systems": ["macos"], "asset_ids": [new_asset_id()]}]},
    "tasks/renew": _held,
    "tasks/report": lambda o: {**_held(o), "state": "running"},
    "responses/explain": lambda o: {"response_id": o.new_response()["response_id"]},
    "responses/preview": lambda o: {k: v for k, v in o.response_body().items() if k != "description"},
    "auto_rules/list": lambda o: {},
    "auto_rules/create": lambda o: o.rule_body(),
    "auto_rules/update": lambda o: {"rule_id": o.new_rule()["rule_id"], "name": f"Renamed {next(_numbers)}"},
    "auto_rules/delete": lambda o: {"rule_id": o.new_rule()["rule_id"]},
    "auto_rules/reorder": _reorder,
    "auto_rules/backtest": lambda o: {"rule": o.rule_body(), "since": 0},
    "settings/freeze/get": lambda o: {},
    "settings/freeze": lambda o: {"frozen": False, "reason": f"Reason {next(_numbers)}"},
    "settings/auto_response/get": lambda o: {},
    "settings/auto_response/set": lambda o: {"mode": "off", "tenants": []} if next(_numbers) % 2 else {"auto_response": False},
    "assets/count": lambda o: {"statuses": ["OK"], "page": 1},
    "assets/list": lambda o: {"page_size": 20},
    "assets/details": lambda o: {"asset_id": o.asset()["asset_id"]},
    "assets/suggestion": lambda o: {"search_phrase": "HOST"},
    "assets/upsert": _upsert,
    "tenants/list": lambda o: {},
    "tenants/create": lambda o: {"tenant_name": f"Tenant {next(_numbers)}", "description": ""},
    "tenants/delete": lambda o: {"tenant_id": o.new_tenant()["tenant_id"]},
    "settings/general/get": lambda o: {},
    "settings/general/set": lambda o: {"offline_after_days": 7 + next(_numbers) % 3},
    "schedules/list": lambda o: {},
    "schedules/create": lambda o: o.schedule_body(),
    "schedules/update": lambda o: {"schedule_id": o.new_schedule()["schedule_id"], "time": "10:30"},
    "schedules/delete": lambda o: {"schedule_id": o.new_schedule()["schedule_id"]},
    "schedules/run": lambda o: {"schedule_id": o.new_schedule()["schedule_id"]},
    "changes/list": lambda o: {"limit": 20},
    "consumers/ack": lambda o: {"name": f"reader {next(_numbers)}", "after": 0},
    "consumers/list": lambda o: {},
    "consumers/delete": lambda o: {"name": f"reader {next(_numbers)}"},
    "webhooks/create": lambda o: {"url": o.new_webhook()["url"], "kinds": ["incident_comment"], "filter": {"priorities": ["HIGH"]}},
    "webhooks/list": lambda o: {},
    "webhooks/update": lambda o: _webhook(o, description=f"Webhook {next(_numbers)}"),
    "webhooks/delete": _webhook,
    "webhooks/rotate_secret": _webhook,
    "webhooks/test": _webhook,
    "webhooks/deliveries": _webhook,
    "webhooks/redeliver": _redeliver,
    "session/confirm": lambda o: {"refresh_token": o.new_connection()["refresh_token"]},
    "session/restart": lambda o: {},
    "session/login": lambda o: o.new_login(),
    "session/logout": lambda o: {},
    "session/ticket": lambda o: {"path": f"/api/v1/{o.id}/attachments/{o.new_attachment()['attachment_id']}"},
    "session/whoami": lambda o: {"client_time": now_ms()},
    "robot_session/create": lambda o: {"session_name": f"Robot {next(_numbers)}", "role": "OFFICER", "tenants": []},
    "robot_sessions/list": lambda o: {},
    "robot_sessions/delete": lambda o: {"session_id": o.new_connection()["session_id"]},
    "users/list": lambda o: {},
    "users/create": lambda o: {"email": f"made{next(_numbers)}@example.jp", "name": "Made", "role": "OFFICER"},
    "users/update": lambda o: {"user_id": o.new_user()["user"]["user_id"], "name": f"Renamed {next(_numbers)}"},
    "users/delete": lambda o: {"user_id": o.new_user()["user"]["user_id"]},
    "users/notifications/get": lambda o: {"user_id": o.new_user()["user"]["user_id"]},
    "users/notifications/set": lambda o: {"user_id": o.new_user()["user"]["user_id"], "timezone": "Asia/Tokyo", "comments": False},
    "users/accept": lambda o: {"token": o.new_user()["invitation_token"], "password": PASSWORD},
}
# These end the caller's own session.
THROWAWAY = {"session/restart", "session/logout"}


def caller(organisation, operation):
    return organisation.new_caller() if operation.name in THROWAWAY else organisation.caller_for(operation)


def send_right(organisation, operation, body=None, by=None, token=None, url=None, **headers):
    """The right request of any operation, whatever its kind."""
    by = by or caller(organisation, operation)
    by = by.at(url) if url else by
    more = {"token": token} if token is not None else {}
    if operation.method == "GET":
        return by.get(operation.name, **more, **get_ids(organisation, operation), **headers)
    body = body if body is not None else RIGHT[operation.name](organisation)
    if operation.multipart:
        return by.upload(None, b"bytes", meta=body, **more, **headers)
    if operation.public:
        more["token"] = None
    return by.call(operation.name, body, **more, **headers)


def get_ids(organisation, operation):
    if "{incident_id}" in operation.path:
        return {"incident_id": organisation.new_incident()["incident_id"]}
    if "{attachment_id}" in operation.path:
        return {"attachment_id": organisation.new_attachment()["attachment_id"]}
    return {}


def json_of(body):
    return json.dumps(body).encode()


assert set(RIGHT) == {op.name for op in CONTRACT.operations if op.method == "POST"}, \
    set(RIGHT) ^ {op.name for op in CONTRACT.operations if op.method == "POST"}
