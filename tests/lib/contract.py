"""openapi.yaml as the tests see it: operations, their schemas, and what a recorded exchange violates."""
import csv
import io
import json
import re
from dataclasses import dataclass

import jsonschema
import yaml

from lib.gateway import ROOT
from lib.recorder import NULL_BODY, parse

LIST_HEAD, LIST_TAIL = 15, 5  # of long arrays only these items are checked


@dataclass
class Operation:
    id: str
    method: str
    path: str          # template
    permission: str
    roles: list        # that may; None = public or any
    write: bool
    idempotent: bool
    ticket: bool
    metrics: bool
    statuses: list
    request: dict      # flattened schema of the JSON body, or None
    raw: dict

    @property
    def name(self):
        """incidents/list; of paths without a client the path itself."""
        return self.path.replace("/api/v1/{client_id}/", "")

    @property
    def multipart(self):
        return "multipart/form-data" in self.raw.get("requestBody", {}).get("content", {})

    @property
    def public(self):
        return self.permission == "public"

    def __str__(self):
        return self.id


class Contract:
    def __init__(self):
        self.doc = yaml.safe_load((ROOT / "openapi.yaml").read_text())
        self.schemas = self.doc["components"]["schemas"]
        self.validators, self.orders = {}, {}
        self.operations = [self._operation(path, method, raw) for path, item in self.doc["paths"].items()
                           for method, raw in item.items() if method in ("get", "post", "put", "delete", "patch")]
        self.by_id = {op.id: op for op in self.operations}
        self.by_name = {op.name: op for op in self.operations}
        self.patterns = [(re.compile("^" + re.sub(r"\\{\w+\\}", "[^/%]+", re.escape(op.path)) + "$"), op)
                         for op in self.operations]

    def _operation(self, path, method, raw):
        permission = raw["x-permission"]
        content = raw.get("requestBody", {}).get("content", {})
        schema = next(iter(content.values()))["schema"] if content else None
        write = bool(raw.get("x-write"))
        return Operation(raw["operationId"], method.upper(), path, permission,
                         self.doc["x-permissions"].get(permission), write, write and raw.get("x-idempotency") is not False,
                         bool(raw.get("x-ticket")), raw.get("x-listener") == "metrics",
                         [int(s) for s in raw["responses"]], self.flat(schema) if schema else None, raw)

    # ---- schemas ----

    def at(self, ref):
        found = self.doc
        for part in ref.lstrip("#/").split("/"):
            found = found[part]
        return found

    def deref(self, schema):
        """A copy without any $ref; what stands beside a $ref wins."""
        if isinstance(schema, list):
            return [self.deref(s) for s in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            beside = {k: v for k, v in schema.items() if k != "$ref"}
            return {**self.deref(self.at(schema["$ref"])), **self.deref(beside)}
        return {k: v if k in ("example", "examples", "default", "enum") else self.deref(v) for k, v in schema.items()}

    def flat(self, schema):
        """deref, and allOf merged into one object: type, properties, required, ..."""
        return self._merge(self.deref(schema))

    def _merge(self, schema):
        if not isinstance(schema, dict):
            return schema
        out = {k: v for k, v in schema.items() if k != "allOf"}
        if "allOf" in schema:
            properties, required = {}, []
            for part in schema["allOf"]:
                part = self._merge(part)
                properties.update(part.get("properties", {}))
                required += part.get("required", [])
                out = {**{k: v for k, v in part.items() if k not in ("properties", "required")}, **out}
            properties.update(out.get("properties", {}))
            out["properties"] = properties
            out["required"] = required + [r for r in out.get("required", []) if r not in required]
        if out.pop("unevaluatedProperties", None) is False:
            out["additionalProperties"] = False
        if "properties" in out:
            out["properties"] = {k: self._merge(v) for k, v in out["properties"].items()}
        if "items" in out:
            out["items"] = self._merge(out["items"])
        return out

    def validator(self, key, make_schema):
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(make_schema())
        return self.validators[key]

    @staticmethod
    def choose(schema, narrowed):
        """anyOf [X, X_part]: X where everything was asked for, else X_part."""
        if schema.get("type") == "array" and "items" in schema:
            return {**schema, "items": Contract.choose(schema["items"], narrowed)}
        options = schema.get("anyOf", [])
        if len(options) == 2 and options[1].get("$ref", "") == options[0].get("$ref", "?") + "_part":
            return options[1 if narrowed else 0]
        return schema

    # ---- operations ----

    def find(self, method, path):
        method = "GET" if method == "HEAD" else method
        path = path.split("?")[0]
        for pattern, op in self.patterns:
            if op.method == method and pattern.match(path):
                return op
        return None

    # ---- checks ----

    def violations(self, method, path, headers, body, reply):
        where = f"{method} {path} -> {reply.status}"
        found = [] if reply.header("Request-ID") else [f"{where}: no Request-ID"]
        if reply.status >= 500 and reply.status != 503:
            found.append(f"{where}: {reply.body[:300]!r} for {body[:300]!r}")
        op = self.find(method, path)
        if not op:
            return found + self._problem(where, reply, method) if reply.status >= 400 else found
        if reply.status in (431,):
            return found
        if str(reply.status) not in op.raw["responses"]:
            return found + [f"{where}: status not declared for {op.id}: {reply.body[:300]!r}"]
        if reply.status >= 400:
            return found + self._problem(where, reply, method)
        sent = NULL_BODY
        if not op.multipart:
            sent = parse(body)
            found += self._request(op, where, sent)
        return found + self._reply(op, where, sent, reply, method)

    def _problem(self, where, reply, method):
        if reply.header("Content-Type") != "application/problem+json":
            return [f"{where}: content type {reply.header('Content-Type')}"]
        if method == "HEAD":
            return []
        problem = json.loads(reply.body)
        errors = self.validator("problem", lambda: self.deref(self.schemas["problem"])).iter_errors(problem)
        found = [f"{where}: {e.json_path} {e.message[:200]}" for e in errors]
        if problem.get("status") != reply.status:
            found.append(f"{where}: the problem says status {problem.get('status')}")
        if problem.get("request_id") != reply.header("Request-ID"):
            found.append(f"{where}: request_id {problem.get('request_id')} but Request-ID {reply.header('Request-ID')}")
        if reply.status in (429, 503) and not (reply.header("Retry-After") or "").isdigit():
            found.append(f"{where}: no Retry-After")
        return found

    def normalise(self, value, schema):
        """The three replacements of openapi.yaml's head: null = absent, [] = no filter, a lone string for an array."""
        kind = schema.get("type") if isinstance(schema, dict) else None
        if kind == "array" and isinstance(value, str):
            value = [value]
        if kind == "array" and isinstance(value, list):
            return [self.normalise(v, schema.get("items", {})) for v in value]
        if isinstance(value, dict) and schema.get("x-json"):
            return {k: v for k, v in value.items() if v is not None}
        if isinstance(value, dict) and isinstance(schema, dict) and "properties" in schema:
            properties = schema["properties"]
            return {k: self.normalise(v, properties.get(k, {})) for k, v in value.items()
                    if v is not None and not (v == [] and "minItems" not in properties.get(k, {}))}
        return value

    def _request(self, op, where, sent):
        if op.request is None:
            return []
        value = {} if sent is NULL_BODY else self.normalise(sent, op.request)
        errors = self.validator(("request", op.id), lambda: op.request).iter_errors(value)
        return [f"{where}: took a request that {op.id} does not allow: {e.json_path} {e.message[:200]}" for e in errors][:3]

    def _reply(self, op, where, sent, reply, method):
        content = op.raw["responses"]["200"].get("content", {})
        given = (reply.header("Content-Type") or "").split(";")[0].strip()
        if given not in content and "application/octet-stream" not in content:
            return [f"{where}: content type {given}, declared {list(content)}"]
        if given == "application/json" and given in content:
            if reply.header("Content-Type") != "application/json; charset=utf-8":
                return [f"{where}: content type {reply.header('Content-Type')}"]
            if method == "HEAD":
                return []
            return self._json_reply(op, where, sent, json.loads(reply.body), content[given]["schema"])
        if given in ("application/x-ndjson", "text/csv", "text/event-stream") and method != "HEAD":
            return self._items_reply(op, where, sent, given, reply)
        return []

    # ---- replies of one item after the other: each against the item of the JSON reply ----

    def _items_reply(self, op, where, sent, given, reply):
        wanted = {"application/x-ndjson": "application/x-ndjson; charset=utf-8", "text/csv": "text/csv; charset=utf-8; header=present",
                  "text/event-stream": "text/event-stream; charset=utf-8"}[given]
        if reply.header("Content-Type") != wanted:
            return [f"{where}: content type {reply.header('Content-Type')}"]
        content = op.raw["responses"]["200"]["content"]
        try:
            if given == "text/csv":
                schema = self.item_of(content["application/json"]["schema"])
                items = self.csv_items(reply.body, schema)
            else:
                schema = content[given]["schema"]
                items = self.ndjson_items(reply.body) if given == "application/x-ndjson" else \
                    [json.loads(e["data"]) for e in self.events(reply.body.decode()) if e["event"] not in ("", "error")]
        except ValueError as fault:
            return [f"{where}: {fault}: {reply.body[:300]!r}"]
        columns = list(items[0]) if items else []
        order = self.flat_item(schema)["properties"]
        if given == "text/csv" and not set(columns) <= set(order):
            return [f"{where}: columns {columns}"]
        if given == "text/csv":  # columns stand as `fields` asked for them
            items = [{k: item[k] for k in order if k in item} for item in items]
        return self._json_reply(op, where, sent, items, {"type": "array", "items": schema})

    def item_of(self, schema):
        schema = self.at(schema["$ref"]) if "$ref" in schema else schema
        if schema["type"] == "object":
            schema, = [p for p in schema["properties"].values() if p.get("type") == "array"]
        return schema["items"]

    def flat_item(self, schema):
        return self.flat(self.choose(schema, True))

    @staticmethod
    def ndjson_items(body):
        if body and not body.endswith(b"\n"):
            raise ValueError("the last line does not end")
        return [json.loads(line) for line in body.decode().split("\n")[:-1]]

    def csv_items(self, body, schema):
        """The objects again, by the types of the schema; says ValueError to what RFC 4180 does not allow."""
        text = body.decode()
        if not text.endswith("\r\n"):
            raise ValueError("lines end with CR LF")
        header, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
        properties = self.flat_item(schema)["properties"]
        return [{name: self.csv_value(cell, properties[name]) for name, cell in zip(header, row, strict=True)} for row in rows]

    @staticmethod
    def csv_value(cell, schema):
        if cell[:1] in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"):
            raise ValueError(f"a cell that a spreadsheet takes for a formula: {cell[:50]}")
        cell = cell[1:] if cell.startswith("'") else cell
        if schema.get("type", "string") == "string":
            return cell
        return json.loads(cell) if cell else None

    @staticmethod
    def events(text):
        """[{id, event, data}] of a stream's text, blocks without data included."""
        out = []
        for block in text.split("\n\n")[:-1]:
            members = {"id": "", "event": "", "data": ""}
            for line in block.split("\n"):
                name, _, value = line.partition(": ")
                if name in members:
                    members[name] = value
            out.append(members)
        return out

    def _json_reply(self, op, where, sent, value, schema):
        fields = sent.get("fields") if isinstance(sent, dict) else None
        if fields is not None and op.request and op.request["properties"].get("fields", {}).get("x-ignored"):
            fields = None
        fields = [fields] if isinstance(fields, str) else fields
        checker = self.validator((op.id, bool(fields), schema.get("type")), lambda: self.deref(self.choose(schema, bool(fields))))
        if isinstance(value, list) and len(value) > LIST_HEAD + LIST_TAIL:
            value = value[:LIST_HEAD] + value[-LIST_TAIL:]
        found = [f"{where}: {e.json_path} {e.message[:300]}" for e in checker.iter_errors(value)][:4]
        return found + self._keys(where, value, fields, self.key_order(op, checker.schema))

    def key_order(self, op, schema):
        key = (op.id, schema.get("type"))
        if key not in self.orders:
            self.orders[key] = list(self._merge(schema.get("items", schema)).get("properties", {}))
        return self.orders[key]

    @staticmethod
    def _keys(where, value, fields, order):
        """With `fields` exactly those; always in the order of the schema."""
        items = value if isinstance(value, list) else [value]
        for item in items:
            if not isinstance(item, dict) or not order:
                continue
            if fields and set(item) != set(fields):
                return [f"{where}: fields {fields} but keys {list(item)}"]
            if list(item) != [k for k in order if k in item]:
                return [f"{where}: keys are not in the order of the schema: {list(item)}"]
        return []


CONTRACT = Contract()
