"""openapi.yaml -> C: route table, argument structs, validators, handler prototypes, response types, and the two pages.

    /usr/bin/python3 tools/openapi.py openapi.yaml OUTDIR

Writes operations.h, operations.c, openapi_yaml.c, docs_html.c. What openapi.yaml may not say (an operation without a
permission, a construct that api/validate.c cannot check, an open reply object) ends the build with exit code 1.
The extensions are described at the top of openapi.yaml.
"""
import json
import os
import re
import sys

import yaml

import docs

ROLES = ["SUPERVISOR", "SENIOR_OFFICER", "OFFICER", "SOC_ANALYST", "CONNECTOR"]
SYSTEMS = ["windows", "linux", "macos"]
METHODS = ["get", "post", "put", "patch", "delete"]
API_PREFIX = "/api/v1/{client_id}/"
TIME_MAX_MS = 253402300799999
FORMATS = {"asset_id", "host_ref", "uuid", "email", "time_ms", "timezone", "sha256", "md5", "clock", "host_glob"}
KEYWORDS = set("""auto break case char const continue default do double else enum extern float for goto if inline int long
register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool asm typeof""".split())
SAID = {"description", "example", "examples", "x-alias-of", "x-ignored"}
KNOWN = {
    "string": {"type", "format", "x-format", "minLength", "maxLength", "enum", "x-same-as", "default", "x-line", "pattern"},
    "integer": {"type", "format", "x-format", "minimum", "maximum", "default"},
    "boolean": {"type", "default"},
    "array": {"type", "items", "minItems", "maxItems"},
    "object": {"type", "properties", "required", "additionalProperties", "unevaluatedProperties", "allOf", "anyOf", "x-json",
               "x-one-of-required"},
}


class Wrong(Exception):
    """Something that openapi.yaml may not say."""


def c_name(name):
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return plain + "_" if plain in KEYWORDS else plain


def c_text(text):
    """A C string literal; bytes outside printable ASCII as three octal digits, which never swallow what follows."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif 32 <= byte < 127 and char != "?":
            out.append(char)
        else:
            out.append("\\%03o" % byte)
    return '"' + "".join(out) + '"'


def c_optional(text):
    return "NULL" if text is None else c_text(text)


def c_bool(value):
    return "true" if value else "false"


class Api:
    def __init__(self, document):
        self.document = document
        self.schemas = document["components"]["schemas"]
        self.permissions = document["x-permissions"]

    def resolve(self, node):
        """The node with its $ref replaced by what it names (members beside $ref win), and the component's name or None."""
        name = None
        while "$ref" in node:
            prefix, name = node["$ref"].rsplit("/", 1)
            if prefix != "#/components/schemas" or name not in self.schemas:
                raise Wrong("unknown $ref %s" % node["$ref"])
            node = {**self.schemas[name], **{k: v for k, v in node.items() if k != "$ref"}}
        return node, name

    def parameter(self, node):
        if "$ref" not in node:
            return node
        return self.document["components"]["parameters"][node["$ref"].rsplit("/", 1)[1]]

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]

    def inlined(self, node):
        """The schema as plain JSON Schema: no $ref, none of our extensions."""
        if isinstance(node, list):
            return [self.inlined(n) for n in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            node = self.resolve(node)[0]
        plain = {k: self.inlined(v) for k, v in node.items() if not k.startswith("x-")}
        if "x-one-of-required" in node:
            plain["anyOf"] = [{"required": group} for group in node["x-one-of-required"]]
        return plain


class Member:
    """One row of a member table, and the lines that it adds to its struct."""

    def __init__(self, name, node, required):
        self.name, self.node, self.required = name, node, required
        self.field = c_name(name)
        self.prefix = ""
        self.kind, self.object, self.text = None, None, None

    def lines(self):
        f = self.field
        if self.kind == "KIND_IGNORED" or "x-alias-of" in self.node:
            return []
        return {
            "KIND_STRING": ["const char *%s;" % f],
            "KIND_INTEGER": ["int64_t %s;" % f, "bool has_%s;" % f],
            "KIND_BOOLEAN": ["bool %s;" % f, "bool has_%s;" % f],
            "KIND_STRINGS": ["struct strings %s;" % f],
            "KIND_OBJECT": ["const struct %s *%s;" % (self.object, f)],
            "KIND_OBJECTS": ["struct %s *%s;" % (self.object, f), "size_t %s_n;" % f],
            "KIND_JSON": ["json_t *%s;" % f],
        }[self.kind]

    def offsets(self, struct):
        if self.kind == "KIND_IGNORED":
            return "0", "0"
        field = c_name(self.node.get("x-alias-of", self.name))
        extra = {"KIND_INTEGER": "has_" + field, "KIND_BOOLEAN": "has_" + field, "KIND_OBJECTS": field + "_n"}.get(self.kind)
        at = "offsetof(struct %s, %s%s)"
        return at % (struct, self.prefix, field), at % (struct, self.prefix, extra) if extra else "0"


class Writer:
    """Collects the structs and tables of all request schemas, each written once, parts before wholes."""

    def __init__(self, api):
        self.api = api
        self.header, self.tables = [], []
        self.done = {}
        self.choices = {}

    # ---- one member

    def member(self, owner, name, node, required):
        node, ref = self.api.resolve(node)
        m = Member(name, node, required)
        if node.get("x-ignored"):
            m.kind = "KIND_IGNORED"
            return m
        kind = node.get("type")
        if kind not in KNOWN:
            raise Wrong("%s.%s: type %r is not supported" % (owner, name, kind))
        self.known("%s.%s" % (owner, name), node)
        getattr(self, "member_" + kind)(owner, m, node, ref)
        return m

    def known(self, where, node):
        more = set(node) - KNOWN[node["type"]] - SAID
        if more:
            raise Wrong("%s: not supported: %s" % (where, ", ".join(sorted(more))))
        if "pattern" in node and "x-format" not in node:
            raise Wrong("%s: pattern is not checked; say it by x-format" % where)
        wanted = node.get("x-format", node.get("format"))
        if wanted not in FORMATS | {None, "int64", "int32"}:
            raise Wrong("%s: unknown format %s" % (where, wanted))

    def member_string(self, owner, m, node, ref):
        m.kind, m.text = "KIND_STRING", node

    def member_integer(self, owner, m, node, ref):
        m.kind = "KIND_INTEGER"
        if node.get("maximum", 0) < 0:
            raise Wrong("%s.%s: negative maximum is not supported" % (owner, m.name))

    def member_boolean(self, owner, m, node, ref):
        m.kind = "KIND_BOOLEAN"

    def member_array(self, owner, m, node, ref):
        items, name = self.api.resolve(node["items"])
        if items.get("type") == "string":
            self.known("%s.%s[]" % (owner, m.name), items)
            m.kind, m.text = "KIND_STRINGS", items
        elif items.get("type") == "object":
            m.kind, m.object = "KIND_OBJECTS", self.struct(name or "%s_%s" % (owner, m.name), items)
        else:
            raise Wrong("%s.%s: arrays of %r are not supported" % (owner, m.name, items.get("type")))

    def member_object(self, owner, m, node, ref):
        if node.get("x-json"):
            m.kind = "KIND_JSON"
        else:
            m.kind, m.object = "KIND_OBJECT", self.struct(ref or "%s_%s" % (owner, m.name), node)

    # ---- one struct

    def own_members(self, name, node):
        required = node.get("required", [])
        members = [self.member(name, n, p, n in required) for n, p in node.get("properties", {}).items()]
        for m in members:
            target = m.node.get("x-alias-of")
            if target and target not in node["properties"]:
                raise Wrong("%s.%s: alias of unknown %s" % (name, m.name, target))
        return members

    def parts(self, name, node):
        """[(name of the embedded struct's member or None, struct or None, members)] of an allOf, or of a plain object."""
        if "allOf" not in node:
            return [(None, None, self.own_members(name, node))]
        parts = []
        for part in node["allOf"]:
            body, ref = self.api.resolve(part)
            if ref is None:
                parts.append((None, None, self.own_members(name, body)))
                continue
            members = self.own_members(ref, body)
            if any(m.lines() for m in members):
                parts.append((ref.rsplit("_", 1)[-1], self.struct(ref, body, embedded=True), members))
            else:
                parts.append((None, None, members))
        return parts

    def struct(self, name, node, embedded=False):
        """Writes struct and table of an object schema; returns the struct's name (no_args for one without fields)."""
        if name in self.done:
            return self.done[name]
        self.known(name, node)
        closed = node.get("unevaluatedProperties" if "allOf" in node else "additionalProperties") is False
        if not embedded and not closed:
            raise Wrong("%s: a request object must be closed (additionalProperties: false)" % name)
        lines, members = [], []
        for embed, struct, part in self.parts(name, node):
            if embed:
                lines.append("struct %s %s;" % (struct, c_name(embed)))
            for m in part:
                m.prefix = c_name(embed) + "." if embed else ""
                m.required = m.required or m.name in node.get("required", [])
                members.append(m)
                lines += [] if embed else m.lines()
        self.check_names(name, node, members)
        struct = c_name(name) if lines else "no_args"
        if lines:
            self.header.append("struct %s {\n%s\n};\n" % (struct, "\n".join("    " + line for line in lines)))
        if not embedded:
            self.table(c_name(name), struct, node, members)
        self.done[name] = struct
        return struct

    def check_names(self, name, node, members):
        names = [m.name for m in members]
        wanted = node.get("required", []) + [n for group in node.get("x-one-of-required", []) for n in group]
        for n in wanted:
            if n not in names:
                raise Wrong("%s: requires %s, which it has not" % (name, n))
        for n in names:
            if names.count(n) > 1:
                raise Wrong("%s: %s is there twice" % (name, n))

    # ---- its table

    def choice_table(self, node):
        same = node.get("x-same-as", {})
        rows = tuple((text, same.get(text, text)) for text in node["enum"])
        for text, value in rows:
            if not isinstance(text, str) or not isinstance(value, str):
                raise Wrong("enum %r: quote what YAML reads as something else" % (node["enum"],))
        if rows not in self.choices:
            self.choices[rows] = "choices_%d" % len(self.choices)
            body = "".join("    {%s, %s},\n" % (c_text(t), c_text(v)) for t, v in rows)
            self.tables.append("static const struct choice %s[] = {\n%s};\n" % (self.choices[rows], body))
        return self.choices[rows]

    def row(self, struct, m):
        node, offsets = m.node, m.offsets(struct)
        cells = [".name = %s" % c_text(m.name), ".kind = %s" % m.kind]
        if m.kind == "KIND_IGNORED":
            return "    {%s},\n" % ", ".join(cells)
        cells += [".required = %s" % c_bool(m.required), ".offset = %s" % offsets[0], ".extra_offset = %s" % offsets[1]]
        if "x-alias-of" in node:
            cells.append(".alias_of = %s" % c_text(node["x-alias-of"]))
        if m.text is not None:
            cells += self.text_cells(m.text)
        if m.kind == "KIND_INTEGER":
            time = node.get("x-format") == "time_ms"
            low = node.get("minimum", 0 if time else None)
            cells += [".min = %s" % ("INT64_MIN" if low is None else low),
                      ".max = %d" % node.get("maximum", TIME_MAX_MS if time else -1)]
        if m.kind in ("KIND_STRINGS", "KIND_OBJECTS"):
            cells += [".items_min = %d" % node.get("minItems", 0), ".items_max = %d" % node.get("maxItems", -1)]
        if m.object:
            cells.append(".object = &schema_%s" % m.object)
        if "default" in node:
            cells += self.default_cells(m)
        return "    {%s},\n" % ",\n     ".join(cells)

    def text_cells(self, node):
        wanted = node.get("x-format", node.get("format"))
        cells = [".min = %d" % node.get("minLength", 0), ".max = %d" % node.get("maxLength", -1)]
        if wanted:
            cells.append(".format = FORMAT_%s" % wanted.upper())
        if node.get("x-line"):
            cells.append(".line = true")
        if "enum" in node:
            cells += [".choices = %s" % self.choice_table(node), ".choices_n = %d" % len(node["enum"])]
        return cells

    def default_cells(self, m):
        value = m.node["default"]
        if m.kind == "KIND_STRING":
            return [".has_default = true", ".default_text = %s" % c_text(value)]
        if m.kind in ("KIND_INTEGER", "KIND_BOOLEAN"):
            return [".has_default = true", ".default_integer = %d" % int(value)]
        raise Wrong("%s: a default is not supported here" % m.name)

    def table(self, name, struct, node, members):
        rows = "".join([self.row(struct, m) for m in members])
        if members:
            self.tables.append("static const struct member members_%s[] = {\n%s};\n" % (name, rows))
        one_of = "NULL"
        groups = node.get("x-one-of-required")
        if groups:
            body = ", ".join("(const char *const[]){%s, NULL}" % ", ".join(map(c_text, g)) for g in groups)
            self.tables.append("static const char *const *const one_of_%s[] = {%s, NULL};\n" % (name, body))
            one_of = "one_of_" + name
        self.tables.append("static const struct schema schema_%s = {%s, %d, sizeof(struct %s), %s};\n" % (
            name, "members_" + name if members else "NULL", len(members), struct, one_of))


class Operation:
    def __init__(self, api, writer, path, method, node):
        self.path, self.method, self.node = path, method, node
        self.id = node.get("operationId")
        if not self.id or c_name(self.id) != self.id:
            raise Wrong("%s %s: operationId must be a C identifier" % (method, path))
        self.access, self.roles = self.rights(api)
        self.write = bool(node.get("x-write"))
        self.idempotent = self.write and node.get("x-idempotency", True)
        self.check_parameters(api)
        self.check_limited()
        self.body, self.required, schema = self.request(api)
        self.schema = self.id + "_args"
        self.args = writer.struct(self.schema, schema)

    def where(self):
        return "%s %s" % (self.method.upper(), self.path)

    def rights(self, api):
        permission = self.node.get("x-permission")
        if permission is None:
            raise Wrong("%s: no x-permission" % self.where())
        if (permission == "public") != (self.node.get("security") == []):
            raise Wrong("%s: security: [] and x-permission: public belong together" % self.where())
        if permission in ("public", "any"):
            return "ACCESS_" + permission.upper(), []
        if permission not in api.permissions:
            raise Wrong("%s: unknown permission %s" % (self.where(), permission))
        return "ACCESS_ROLES", api.permissions[permission]

    def check_parameters(self, api):
        given = [api.parameter(p) for p in self.node.get("parameters", [])]
        self.query = [p for p in given if p["in"] == "query"]
        in_path = re.findall(r"{(\w+)}", self.path)
        if sorted(in_path) != sorted(p["name"] for p in given if p["in"] == "path"):
            raise Wrong("%s: path parameters and path disagree" % self.where())
        if len(set(in_path) - {"client_id"}) > 1:
            raise Wrong("%s: more than one path parameter" % self.where())
        if self.idempotent != any(p["name"] == "Idempotency-Key" for p in given):
            raise Wrong("%s: a write takes Idempotency-Key unless x-idempotency: false; others do not" % self.where())
        ticket = {"ticketAuth": []} in self.node.get("security", [])
        if ticket != bool(self.node.get("x-ticket")):
            raise Wrong("%s: x-ticket and ticketAuth belong together" % self.where())

    def check_limited(self):
        if self.path.startswith(API_PREFIX) != ("429" in self.node["responses"]):
            raise Wrong("%s: whatever is under %s, and nothing else, may be answered 429" % (self.where(), API_PREFIX))

    def query_schema(self):
        properties = {}
        for p in self.query:
            properties[p["name"]] = {**p["schema"], "description": p.get("description", "")}
        if self.node.get("x-ticket"):
            properties["ticket"] = {"x-ignored": True}
        required = [p["name"] for p in self.query if p.get("required")]
        return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}

    def request(self, api):
        if self.method == "get":
            return "BODY_NONE", False, self.query_schema()
        if self.query:
            raise Wrong("%s: only GET takes query parameters" % self.where())
        body = self.node["requestBody"]
        (media, content), = body["content"].items()
        schema = api.resolve(content["schema"])[0]
        if media == "application/json":
            return "BODY_JSON", bool(body.get("required")), schema
        if media != "multipart/form-data" or set(schema["properties"]) != {"file", "meta"}:
            raise Wrong("%s: a body is JSON, or multipart of file and meta" % self.where())
        return "BODY_MULTIPART", True, api.resolve(schema["properties"]["meta"])[0]

    def csv_columns(self, api):
        """Names of the columns of a CSV reply: the members of an item of the JSON reply; None where there is no CSV."""
        content = self.node["responses"]["200"].get("content", {})
        if "text/csv" not in content:
            return None
        schema = api.resolve(content["application/json"]["schema"])[0]
        if schema["type"] == "object":
            schema, = [p for p in schema["properties"].values() if p.get("type") == "array"]
        item = api.resolve(schema["items"])[0]
        return api.resolve(item.get("anyOf", [item])[0])[0]["required"]

    def prototype(self):
        return "enum err %s(struct request *r, const struct %s *args, struct reply *out);" % (self.id, self.args)

    def trampoline(self):
        return ("static enum err call_%s(struct request *r, const void *args, struct reply *out) {\n    return %s(r, args, out);\n}\n"
                % (self.id, self.id))

    def row(self):
        return """    {.id = %s, .method = %s, .path = %s, .permission = %s,
     .api = %s, .roles = %s, .access = %s, .body = %s, .body_required = %s,
     .body_bytes_max = %d, .write = %s, .idempotent = %s, .ticket = %s, .reserve = %s, .metrics_listener = %s,
     .args = &schema_%s, .args_size = sizeof(struct %s), .handler = call_%s},
""" % (c_text(self.id), c_text(self.method.upper()), c_text(self.path), c_text(self.node["x-permission"]),
            c_bool(self.path.startswith(API_PREFIX)), role_mask(self.roles), self.access, self.body, c_bool(self.required),
            self.node.get("x-max-body-bytes", 262144), c_bool(self.write), c_bool(self.idempotent), c_bool(self.node.get("x-ticket")), c_bool(self.node.get("x-reserve")),
            c_bool(self.node.get("x-listener") == "metrics"), self.schema, self.args, self.id)


def role_mask(roles):
    for role in roles:
        if role not in ROLES:
            raise Wrong("unknown role %s" % role)
    return " | ".join("ROLE_" + r for r in roles) or "0"


# ---- checks of what only people and tests read

def check_closed(api, node, where):
    """Every object of a reply says what else it may hold."""
    if isinstance(node, list):
        for n in node:
            check_closed(api, n, where)
    if not isinstance(node, dict):
        return
    if "properties" in node and node.get("type") == "object" and "additionalProperties" not in node and not node.get("x-json"):
        raise Wrong("%s: a reply object must be closed" % where)
    for key, value in node.items():
        if key not in ("example", "examples", "x-response-types"):
            check_closed(api, value, where)


def check_replies(api):
    for path, method, node in api.operations():
        for status, reply in node["responses"].items():
            check_closed(api, reply, "%s %s %s" % (method, path, status))
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps([n["responses"] for _, _, n in api.operations()])))
    seen = set()
    while used - seen:
        name = (used - seen).pop()
        seen.add(name)
        check_closed(api, api.schemas[name], name)
        used |= set(re.findall(r"#/components/schemas/(\w+)", json.dumps(api.schemas[name])))


def check_fields(api):
    """X_field names the keys of X_part in their order; X requires all but those that it excludes."""
    for name, node in api.schemas.items():
        if not name.endswith("_field"):
            continue
        base = name[:-len("_field")]
        keys = list(api.schemas[base + "_part"]["properties"])
        if node["enum"] != keys:
            raise Wrong("%s does not name the keys of %s_part" % (name, base))
        excluded = api.schemas[base].get("properties", {})
        if api.schemas[base]["required"] != [k for k in keys if k not in excluded]:
            raise Wrong("%s does not require the keys of %s_part" % (base, base))


def check_unique(operations):
    for key in ("id", "path"):
        values = [getattr(o, key) if key == "id" else (o.method, o.path) for o in operations]
        for value in values:
            if values.count(value) > 1:
                raise Wrong("%s is there twice" % (value,))


# ---- response types

def response_type_json(api, t):
    info = {k: t[k] for k in ("type", "title", "description")}
    info["parameters"] = api.inlined(t["parameters"])
    info.update({k: t[k] for k in ("details", "systems", "undo", "risk") if k in t})
    return json.dumps(info, ensure_ascii=False, separators=(",", ":"))


def response_types(api, writer):
    rows = []
    for t in api.document["x-response-types"]:
        node, ref = api.resolve(t["parameters"])
        struct = writer.struct(ref, node)
        for detail in t["details"]:
            if detail not in node["properties"]:
                raise Wrong("%s: details name %s, which the parameters have not" % (t["type"], detail))
        systems = " | ".join("SYSTEM_" + s.upper() for s in t["systems"] if SYSTEMS.index(s) >= 0)
        rows.append("""    {.type = %s, .title = %s, .undo = %s, .risk = RISK_%s, .systems = %s, .decide_within_s = %d,
     .details = (const char *const[]){%sNULL},
     .parameters = &schema_%s, .parameters_size = sizeof(struct %s),
     .parameters_json = %s,
     .info_json = %s},
""" % (c_text(t["type"]), c_text(t["title"]), c_optional(t.get("undo")), t["risk"].upper(), systems, t["decide_within_s"],
            "".join(c_text(d) + ", " for d in t["details"]), ref, struct,
            c_text(json.dumps(api.inlined(t["parameters"]), ensure_ascii=False, separators=(",", ":"))),
            c_text(response_type_json(api, t))))
    if [t["type"] for t in api.document["x-response-types"]] != api.schemas["response_type"]["enum"]:
        raise Wrong("x-response-types and the schema response_type disagree")
    return "const struct response_type response_types[] = {\n%s};\nconst size_t response_types_n = %d;\n" % ("".join(rows), len(rows))


# ---- files

HEADER = """/* Generated by tools/openapi.py from openapi.yaml: do not edit. */
#ifndef GEN_OPERATIONS_H
#define GEN_OPERATIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/schema.h"
#include "auth/request.h"
#include "base/err.h"
#include "base/strings.h"

/* Who may call: everybody, any valid access token, the roles of a mask. */
enum access { ACCESS_PUBLIC, ACCESS_ANY, ACCESS_ROLES };
enum body { BODY_NONE, BODY_JSON, BODY_MULTIPART };

struct operation {
    const char *id, *method, *path;   /* path as a template: /api/v1/{client_id}/incidents/list */
    const char *permission;           /* name in permissions[], "public" or "any" */
    bool api;                         /* under /api/v1/{client_id}/ */
    unsigned roles;                   /* of enum role; 0 unless ACCESS_ROLES */
    enum access access;
    enum body body;
    bool body_required;
    size_t body_bytes_max;            /* of a JSON body */
    bool write, idempotent;           /* changes something; takes Idempotency-Key */
    bool ticket;                      /* may be opened by ?ticket= */
    bool reserve;                     /* has a rate limit of its own */
    bool metrics_listener;            /* on the metrics listener only */
    const struct schema *args;        /* of the JSON body, of meta (multipart), or of the query (GET); never NULL */
    size_t args_size;
    enum err (*handler)(struct request *r, const void *args, struct reply *out);
};
extern const struct operation operations[];
extern const size_t operations_n;

struct permission {
    const char *name;
    unsigned roles;
};
extern const struct permission permissions[];
extern const size_t permissions_n;

/* Kinds of response action (contract B2). */
enum system { SYSTEM_WINDOWS = 1, SYSTEM_LINUX = 2, SYSTEM_MACOS = 4 };
enum risk { RISK_LOW, RISK_MEDIUM, RISK_HIGH };
struct response_type {
    const char *type, *title;
    const char *undo;                   /* a type, or NULL */
    enum risk risk;
    unsigned systems;                   /* of enum system */
    int64_t decide_within_s;            /* where neither the response nor the client says */
    const char *const *details;         /* names of parameters that people are shown; ends with NULL */
    const struct schema *parameters;    /* for validate_at(r, "/parameters", ...); fills struct params_<TYPE> */
    size_t parameters_size;
    const char *parameters_json;        /* JSON Schema */
    const char *info_json;              /* the element of responses/types */
};
extern const struct response_type response_types[];
extern const size_t response_types_n;

/* The pages, each also ended by a NUL that len does not count. */
extern const char openapi_yaml[];
extern const size_t openapi_yaml_len;
extern const char docs_html[];
extern const size_t docs_html_len;

/* ---- arguments: how absence is told stands in api/schema.h */
struct no_args {
    char unused;
};

"""


def text_file(name, text):
    lines = "\n".join("    " + c_text(line) for line in text.splitlines(keepends=True))
    return ('/* Generated by tools/openapi.py: do not edit. */\n#include "operations.h"\n\nconst char %s[] =\n%s;\nconst size_t %s_len = sizeof %s - 1;\n'
            % (name, lines, name, name))


def columns_text(api, operations):
    tables = [(o.id, o.csv_columns(api)) for o in operations]
    return ["const struct strings %s_columns = {%d, (const char *[]){%s}};\n" % (name, len(names), ", ".join(map(c_text, names)))
            for name, names in tables if names]


def header_text(api, writer, operations):
    columns = "\n".join("extern const struct strings %s_columns;" % o.id for o in operations if o.csv_columns(api))
    handlers = "\n".join("/* %s */\n%s" % (o.where(), o.prototype()) for o in operations)
    return HEADER + "\n".join(writer.header) + "\n/* ---- columns of CSV replies */\n" + columns + "\n\n/* ---- handlers */\n" + handlers + "\n\n#endif\n"


def source_text(api, writer, operations, types):
    permissions = "".join("    {%s, %s},\n" % (c_text(n), role_mask(r)) for n, r in api.permissions.items())
    parts = ['/* Generated by tools/openapi.py from openapi.yaml: do not edit. */\n#include "operations.h"\n']
    parts += writer.tables
    parts += columns_text(api, operations)
    parts += [o.trampoline() for o in operations]
    parts.append("const struct operation operations[] = {\n%s};\nconst size_t operations_n = %d;\n"
                 % ("".join(o.row() for o in operations), len(operations)))
    parts.append("const struct permission permissions[] = {\n%s};\nconst size_t permissions_n = %d;\n" % (permissions, len(api.permissions)))
    parts.append(types)
    return "\n".join(parts)


def write(folder, name, text):
    path = os.path.join(folder, name)
    if os.path.exists(path) and open(path, encoding="utf-8").read() == text:
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def generate(source, folder):
    text = open(source, encoding="utf-8").read()
    api = Api(yaml.safe_load(text))
    writer = Writer(api)
    operations = [Operation(api, writer, *o) for o in api.operations()]
    types = response_types(api, writer)
    check_unique(operations)
    check_replies(api)
    check_fields(api)
    os.makedirs(folder, exist_ok=True)
    write(folder, "operations.h", header_text(api, writer, operations))
    write(folder, "operations.c", source_text(api, writer, operations, types))
    write(folder, "openapi_yaml.c", text_file("openapi_yaml", text))
    write(folder, "docs_html.c", text_file("docs_html", docs.render(api.document)))


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: openapi.py openapi.yaml OUTDIR")
    try:
        generate(sys.argv[1], sys.argv[2])
    except (Wrong, yaml.YAMLError) as wrong:
        sys.exit("%s: %s" % (sys.argv[1], wrong))


if __name__ == "__main__":
    main()
