"""openapi.yaml -> one page of HTML for people: no script, nothing fetched, readable offline.

    /usr/bin/python3 tools/docs.py openapi.yaml OUT.html

openapi.py embeds the same page into the server (GET /docs).
"""
import html
import json
import os
import re
import sys

import yaml

ERRORS = os.path.join(os.path.dirname(__file__), "..", "base", "err.h")
METHODS = ["get", "post", "put", "patch", "delete"]
BASE = "http://127.0.0.1:8080"
CLIENT = "$CLIENT"
STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--dim:#5b6878;--line:#d9e0e7;--soft:#f4f7fa;--page:#fff;--accent:#00705f;
--code:#0f1c2b;--codetext:#e3ecf5;--mono:ui-monospace,"DejaVu Sans Mono","IPAexGothic",monospace}
@media(prefers-color-scheme:dark){:root{--ink:#e4eaf1;--dim:#9aa8b8;--line:#2e3a48;--soft:#1a232e;--page:#121922;
--accent:#4cc9b0;--code:#0a1017}}
*{box-sizing:border-box}
body{margin:0;font:15px/1.55 system-ui,"Noto Sans JP","IPAexGothic",sans-serif;color:var(--ink);background:var(--page)}
nav{position:fixed;inset:0 auto 0 0;width:270px;overflow:auto;padding:20px 18px;background:var(--soft);
border-right:1px solid var(--line);font-size:13px}
nav b{display:block;margin:16px 0 4px;text-transform:capitalize;font-size:12px;letter-spacing:.06em;color:var(--dim)}
nav a{display:block;padding:2px 0;color:inherit;text-decoration:none;overflow-wrap:anywhere}
nav a:hover,nav a:focus{color:var(--accent);text-decoration:underline}
main{margin-left:270px;padding:28px 40px 80px;max-width:1060px}
h1{font-size:28px;margin:0 0 4px}h2{margin:52px 0 4px;font-size:22px;text-transform:capitalize}
article{margin:26px 0;padding:20px 22px;border:1px solid var(--line);border-radius:8px;scroll-margin-top:12px}
article h3{margin:0 0 6px;font-size:17px;font-weight:600}
h4{margin:18px 0 6px;font-size:12px;letter-spacing:.05em;text-transform:uppercase;color:var(--dim)}
.path{font:13px/1.5 var(--mono);overflow-wrap:anywhere}
.verb{display:inline-block;min-width:46px;margin-right:8px;padding:1px 7px;border-radius:4px;background:var(--accent);color:var(--page);
font-weight:700;text-align:center}
.dim{color:var(--dim)}
.tag{display:inline-block;margin:6px 6px 0 0;padding:1px 8px;border:1px solid var(--line);border-radius:10px;font-size:12px;
color:var(--dim)}
code{font:13px var(--mono);background:var(--soft);padding:1px 4px;border-radius:3px}
pre{margin:0;padding:12px 14px;border-radius:6px;background:var(--code);color:var(--codetext);overflow:auto;max-height:420px;
font:12.5px/1.5 var(--mono)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{text-align:left;vertical-align:top;padding:5px 12px 5px 0;border-bottom:1px solid var(--line)}
th{font-size:12px;color:var(--dim);font-weight:600}td:first-child{white-space:nowrap}
.must{color:#c0392b;font-weight:700}@media(prefers-color-scheme:dark){.must{color:#ff8a7a}}
@media(max-width:860px){nav{position:static;width:auto;border:0}main{margin:0;padding:20px 16px}}
@media print{nav{display:none}main{margin:0}}
"""


def esc(text):
    return html.escape(str(text), quote=True)


def prose(text):
    """The little Markdown of the descriptions: paragraphs, `code`, **bold**."""
    out = []
    for paragraph in re.split(r"\n\s*\n", (text or "").strip()):
        body = esc(paragraph)
        body = re.sub(r"`([^`]+)`", r"<code>\1</code>", body)
        out.append("<p>%s</p>" % re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", body))
    return "".join(out)


def inline(text):
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", esc(text or ""))


class Page:
    def __init__(self, document):
        self.document = document
        self.schemas = document["components"]["schemas"]

    def resolve(self, node):
        name = None
        while "$ref" in node:
            parts = node["$ref"].lstrip("#/").split("/")
            name, target = parts[-1], self.document
            for part in parts:
                target = target[part]
            node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        return node, name

    # ---- what a member may be, in words

    def kind(self, node):
        node, name = self.resolve(node)
        if node.get("x-ignored"):
            return "ignored"
        if "oneOf" in node or "anyOf" in node and "type" not in node:
            kinds = [self.kind(n) for n in node.get("oneOf", node.get("anyOf"))]
            return " or ".join(dict.fromkeys(kinds))
        if node.get("type") == "array":
            return "array of " + self.kind(node["items"])
        shown = node.get("x-format", node.get("format"))
        if shown and shown not in ("int64", "int32"):
            return "%s (%s)" % (self.type_name(node), shown)
        return name if name and self.is_object(node) else self.type_name(node)

    def is_object(self, node):
        return "properties" in node or "allOf" in node

    def type_name(self, node):
        kind = node.get("type", "object")
        return " or ".join(kind) if isinstance(kind, list) else kind

    def limits(self, node):
        node = self.resolve(node)[0]
        said = []
        if node.get("type") == "array":
            said += self.span(node.get("minItems"), node.get("maxItems"), "elements")
            node = self.resolve(node["items"])[0]
        if "enum" in node:
            said.append(" | ".join("<code>%s</code>" % esc(v if v != "" else '""') for v in node["enum"]))
        said += self.span(node.get("minLength"), node.get("maxLength"), "characters")
        said += self.span(node.get("minimum"), node.get("maximum"), "")
        return said

    def span(self, low, high, unit):
        if high is None:
            return [] if not low else ["at least %s %s" % (low, unit)]
        return [("%s to %s %s" % (low, high, unit) if low is not None else "at most %s %s" % (high, unit)).strip()]

    # ---- tables

    def members(self, node):
        """[(name, schema, required)] of an object, with those of its allOf."""
        node = self.resolve(node)[0]
        rows = []
        for part in node.get("allOf", []):
            rows += self.members(part)
        required = node.get("required", [])
        rows += [(n, p, n in required) for n, p in node.get("properties", {}).items() if isinstance(p, dict)]
        excluded = {n for n, p in node.get("properties", {}).items() if p is False}
        return [(n, p, r or n in required) for n, p, r in rows if n not in excluded]

    def member_row(self, name, node, required):
        full = self.resolve(node)[0]
        said = self.limits(node)
        if "default" in full:
            said.append("default <code>%s</code>" % esc(json.dumps(full["default"], ensure_ascii=False)))
        must = ' <span class="must" title="required">*</span>' if required else ""
        return "<tr><td><code>%s</code>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>" % (
            esc(name), must, self.linked(node), "<br>".join(said), inline(full.get("description")))

    def is_shown(self, name):
        """Is this component among the objects at the page's end?"""
        hidden = name.endswith("_request") or name.startswith("params_")
        return not hidden and self.is_object(self.schemas[name]) and bool(self.members(self.schemas[name]))

    def linked(self, node):
        text = esc(self.kind(node))
        for name in sorted(set(re.findall(r"\w+", text)), key=len, reverse=True):
            if name in self.schemas and self.is_shown(name):
                text = re.sub(r"\b%s\b(?![^<]*>)" % name, '<a href="#schema-%s">%s</a>' % (name, name), text)
        return text

    def table(self, rows):
        body = "".join(self.member_row(*row) for row in rows)
        return ('<div class="scroll"><table><thead><tr><th>Member</th><th>Type</th><th>Limits</th><th>Meaning</th></tr></thead>'
                "<tbody>%s</tbody></table></div>" % body)

    def needs(self, node):
        groups = self.resolve(node)[0].get("x-one-of-required")
        if not groups:
            return ""
        return "<p>At least one of: %s.</p>" % ", ".join(" with ".join("<code>%s</code>" % esc(n) for n in g) for g in groups)

    # ---- one operation

    def operation(self, path, method, node):
        parts = ['<article id="%s">' % node["operationId"], "<h3>%s</h3>" % inline(node["summary"]),
                 '<div class="path"><span class="verb">%s</span>%s</div>' % (method.upper(), esc(path)),
                 prose(node["description"]), self.rights(node)]
        rows = [(p["name"], {**p["schema"], "description": p.get("description", p["schema"].get("description", ""))}, p.get("required"))
                for p in (self.resolve(p)[0] for p in node.get("parameters", [])) if p["in"] == "query"]
        if rows:
            parts += ["<h4>Query</h4>", self.table(rows)]
        if "requestBody" in node:
            parts.append(self.request(node))
        parts += ["<h4>Example</h4>", "<pre>%s</pre>" % esc(self.curl(path, method, node)), self.reply(node), "</article>"]
        return "".join(parts)

    def rights(self, node):
        name = node["x-permission"]
        who = {"public": "no token", "any": "any access token"}.get(name)
        tags = ["Permission: %s" % (who or name)]
        if not who:
            tags += self.document["x-permissions"][name]
        if node.get("x-write") and node.get("x-idempotency", True):
            tags.append("takes Idempotency-Key")
        if node.get("x-ticket"):
            tags.append("or ?ticket=")
        if node.get("x-reserve"):
            tags.append("rate limit of its own")
        if node.get("x-listener"):
            tags.append("%s listener only" % node["x-listener"])
        return "<div>%s</div>" % "".join('<span class="tag">%s</span>' % esc(t) for t in tags)

    def request(self, node):
        (media, content), = node["requestBody"]["content"].items()
        schema = content["schema"]
        rows = self.members(schema)
        if media == "multipart/form-data":
            rows += [("meta." + n, p, r) for n, p, r in self.members(self.resolve(schema)[0]["properties"]["meta"])]
        if not rows:
            return "<h4>Request</h4><p>No members: <code>{}</code> or an empty body.</p>"
        return "<h4>Request, %s</h4>%s%s" % (esc(media), self.table(rows), self.needs(schema))

    def curl(self, path, method, node):
        url = "%s%s" % (BASE, path.replace("{client_id}", CLIENT))
        for p in (self.resolve(p)[0] for p in node.get("parameters", [])):
            if p["in"] == "path" and p["name"] != "client_id":
                url = url.replace("{%s}" % p["name"], p["example"])
        query = [self.resolve(p)[0] for p in node.get("parameters", [])]
        query = "&".join("%s=%s" % (p["name"], p["example"]) for p in query if p["in"] == "query")
        lines = ['curl -s "%s%s"' % (url, "?" + query if query else "")]
        if node["x-permission"] != "public":
            lines.append('-H "Authorization: Bearer $TOKEN"')
        return " \\\n  ".join(lines + self.curl_body(node))

    def curl_body(self, node):
        if "requestBody" not in node:
            return []
        (media, content), = node["requestBody"]["content"].items()
        example = content["example"]
        if media == "multipart/form-data":
            return ["-F 'file=@%s'" % example["file"].strip("()"), "-F 'meta=%s'" % json.dumps(example["meta"], ensure_ascii=False)]
        return ["-d '%s'" % json.dumps(example, ensure_ascii=False).replace("'", "'\\''")]

    def reply(self, node):
        parts = []
        for media, content in node["responses"]["200"]["content"].items():
            schema = content["schema"]
            parts.append("<h4>Reply, %s: %s</h4>" % (esc(media), self.linked(schema)))
            rows = self.members(schema)
            if rows and "$ref" not in schema:
                parts.append(self.table(rows))
            if "example" in content:
                example = content["example"]
                text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=2)
                parts.append("<pre>%s</pre>" % esc(text))
        said = ["<tr><td><code>%s</code></td><td>%s</td></tr>" % (esc(s), inline(self.resolve(r)[0]["description"]))
                for s, r in node["responses"].items()]
        return "".join(parts) + '<h4>Statuses</h4><div class="scroll"><table><tbody>%s</tbody></table></div>' % "".join(said)

    # ---- the page

    def operations(self, tag):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item and tag in item[method]["tags"]:
                    yield path, method, item[method]

    def navigation(self):
        parts = ['<nav aria-label="Contents"><a href="#top"><strong>%s</strong></a>' % esc(self.document["info"]["title"])]
        for tag in self.document["tags"]:
            parts.append("<b>%s</b>" % esc(tag["name"]))
            for path, method, node in self.operations(tag["name"]):
                short = path.replace("/api/v1/{client_id}/", "")
                parts.append('<a href="#%s">%s</a>' % (node["operationId"], esc(short)))
        parts.append('<b>Reference</b><a href="#types">Response types</a><a href="#roles">Permissions</a><a href="#errors">Errors</a><a href="#objects">Objects</a></nav>')
        return "".join(parts)

    def types(self):
        parts = ['<h2 id="types">Response types</h2>']
        for t in self.document["x-response-types"]:
            tags = "".join('<span class="tag">%s</span>' % esc(s) for s in
                           t["systems"] + ["risk: " + t["risk"]] + (["undo: " + t["undo"]] if "undo" in t else []))
            rows = self.members(t["parameters"])
            parts.append('<article id="type-%s"><h3><code>%s</code> %s</h3>%s<div>%s</div><h4>Parameters</h4>%s%s</article>' % (
                t["type"], t["type"], esc(t["title"]), prose(t["description"]), tags,
                self.table(rows) if rows else "<p>None.</p>", self.needs(t["parameters"])))
        return "".join(parts)

    def roles(self):
        given = self.document["x-permissions"]
        roles = list(dict.fromkeys(r for list_ in given.values() for r in list_))
        head = "".join("<th>%s</th>" % esc(r) for r in roles)
        rows = "".join("<tr><td><code>%s</code></td>%s</tr>" % (
            esc(n), "".join("<td>%s</td>" % ("yes" if r in list_ else '<span class="dim">no</span>') for r in roles)) for n, list_ in given.items())
        return ('<h2 id="roles">Permissions</h2><div class="scroll"><table><thead><tr><th>Permission</th>%s</tr></thead><tbody>%s</tbody></table></div>'
                % (head, rows))

    def errors(self):
        """The `type` of a problem points to its row here; the rows are the program's own table."""
        with open(ERRORS, encoding="utf-8") as source:
            rows = re.findall(r'X\(ERR_\w+, (\d+), "(\w+)", "([^"]+)"\)', source.read())
        return ('<h2 id="errors">Errors</h2><div class="scroll"><table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>%s'
                '</tbody></table></div>' % "".join(
                    '<tr id="error-%s"><td><code>%s</code></td><td>%s</td><td>%s</td></tr>' % (c, c, status, esc(title)) for status, c, title in rows))

    def objects(self):
        parts = ['<h2 id="objects">Objects</h2>']
        for name, node in self.schemas.items():
            if self.is_shown(name):
                parts.append('<article id="schema-%s"><h3>%s</h3>%s%s</article>' % (
                    name, name, prose(node.get("description")), self.table(self.members(node))))
        return "".join(parts)

    def render(self):
        info = self.document["info"]
        body = ['<main id="top"><h1>%s</h1><p class="dim">%s Version %s. Formal description: <a href="/openapi.yaml">openapi.yaml</a>.</p>%s' % (
            esc(info["title"]), esc(info["summary"]), esc(info["version"]), prose(info["description"])),
            '<p><span class="must">*</span> marks what is required.</p>']
        for tag in self.document["tags"]:
            body.append("<h2>%s</h2>%s" % (esc(tag["name"]), prose(tag["description"])))
            body += [self.operation(*o) for o in self.operations(tag["name"])]
        body += [self.types(), self.roles(), self.errors(), self.objects(), "</main>"]
        return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
                '<title>%s</title><style>%s</style></head>\n<body>%s\n%s</body></html>\n'
                % (esc(info["title"]), STYLE, self.navigation(), "\n".join(body)))


def render(document):
    return Page(document).render()


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: docs.py openapi.yaml OUT.html")
    with open(sys.argv[1], encoding="utf-8") as source, open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write(render(yaml.safe_load(source)))


if __name__ == "__main__":
    main()
