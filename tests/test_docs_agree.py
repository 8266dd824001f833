"""What the documents say and what the program does are the same."""
import re
import subprocess

import pytest

from lib.contract import CONTRACT
from lib.gateway import BINARY, ROOT, Gateway, free_port, wait_for
from lib.http import exchange

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
needs_readme = pytest.mark.skipif(not README.exists(), reason="no README.md yet")


def program(*words):
    done = subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(markdown):
    """Cells of the rows of its tables."""
    lines = [line.strip() for line in markdown.splitlines() if line.strip().startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if not set(line) <= set("|-: ")]


def all_text():
    return "\n".join(p.read_text() for p in [README, *DOCS] if p.exists())


@needs_readme
def test_settings_table():
    wanted = [row for row in rows(program("config", "--markdown")) if row[0].startswith("`MDR_")]
    assert wanted
    text = all_text()
    found = [row for row in rows(text) if row[0].startswith("`MDR_")]
    assert {r[0] for r in wanted} <= {r[0] for r in found}, "settings that no document names"
    for row in wanted:
        assert row in found, f"the documents say otherwise about {row[0]}: {[r for r in found if r[0] == row[0]]}"


@needs_readme
def test_every_setting_that_documents_name_exists():
    known = set(re.findall(r"MDR_[A-Z_]+", program("config", "--markdown")))
    known |= {k + "_FILE" for k in known} | {"MDR_BINARY", "MDR_GATEWAY", "MDR_KEEP_LOGS"}
    named = set(re.findall(r"\bMDR_[A-Z][A-Z_]*[A-Z]\b", all_text()))
    assert named <= known, named - known


def test_help_names_every_command_and_setting():
    text = program("--help")
    source = (ROOT / "commands/commands.c").read_text()
    commands = re.findall(r'^    \{"([a-z ]+)", "', source, re.M)
    assert len(commands) >= 10
    for command in commands:
        assert f"  {command} " in text, command
        assert command in program(*command.split(), "--help")
    for name in re.findall(r"`(MDR_[A-Z_]+)`", program("config", "--markdown")):
        assert name in text


def error_table():
    text = (ROOT / "base/err.h").read_text()
    return re.findall(r'X\(ERR_\w+, (\d+), "(\w+)", "([^"]+)"\)', text)


def test_errors_are_documented(gateway):
    table = error_table()
    assert len(table) > 15
    page = exchange(gateway.url, "GET", "/docs").must().body.decode()
    for _, code, _ in table:
        assert f'id="error-{code}"' in page, f"/docs#error-{code} leads nowhere, but problems name it as their type"
    text = all_text()
    if "already_decided" in text:
        for _, code, _ in table:
            assert code in text, code


def test_every_operation_is_on_the_docs_page(gateway):
    page = exchange(gateway.url, "GET", "/docs").must().body.decode()
    for op in CONTRACT.operations:
        assert op.id in page or op.name in page, op.id


def test_the_served_description_is_the_file(gateway):
    assert exchange(gateway.url, "GET", "/openapi.yaml").must().body == (ROOT / "openapi.yaml").read_bytes()


def test_metrics_are_documented(gateway, org):
    org.sup.ok("incidents/count", {})
    text = exchange(f"http://127.0.0.1:{gateway.metrics_port}", "GET", "/metrics").must().body.decode()
    names = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    assert names and all(re.search(rf"^# HELP {n} \S", text, re.M) for n in names)
    values = {re.match(r"[a-zA-Z_:][\w:]*", line).group() for line in text.splitlines() if line and line[0] != "#"}
    typed = {re.sub(r"_(bucket|sum|count)$", "", v) for v in values}
    assert typed <= names | values and not [v for v in values if v not in names and re.sub(r"_(bucket|sum|count)$", "", v) not in names]
    assert "process_resident_memory_bytes" in names
    documents = all_text()
    if "process_resident_memory_bytes" in documents:
        assert [n for n in names if n not in documents] == [], "metrics that no document names"


@needs_readme
def test_commands_that_documents_show_exist():
    commands = re.findall(r'^    \{"([a-z ]+)", "', (ROOT / "commands/commands.c").read_text(), re.M)
    for line in re.findall(r"mdr-gateway ((?:[a-z]+ ?){1,2})", "\n".join(re.findall(r"```sh\n(.*?)```", all_text(), re.S))):
        words = line.split()
        assert " ".join(words) in commands or words[0] in commands or words[0] in ("help",), line


@needs_readme
def test_relative_links_lead_somewhere():
    for path in [README, *DOCS]:
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def tour():
    """The ```sh blocks of the README that call the API."""
    if not README.exists():
        return ""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.S)
    return "\n".join(b for b in blocks if re.search(r"\bcurl |\bmdr [a-z]+/", b))


@pytest.mark.skipif(not tour(), reason="the README shows no curl lines yet")
def test_the_readmes_tour_runs(tmp_path):
    """As a newcomer pastes it, against a demo gateway on the README's own address; its webhook receiver hears of the response."""
    one = Gateway(MDR_EGRESS_ALLOW="127.0.0.0/8").start("--demo")
    receiver, port = re.search(r"```python\n(.*?)```", README.read_text(), re.S).group(1), str(free_port())
    (tmp_path / "hook.py").write_text(receiver.replace("9000", port))
    try:
        wait_for(lambda: "refresh token" in one.log_text(), 30)
        script = tour().replace("http://127.0.0.1:8080", one.url).replace("/tmp/", f"{tmp_path}/").replace("build/mdr-gateway", BINARY)
        script = script.replace(":9000", f":{port}")
        script = ("set -euo pipefail\ncurl() { command curl --fail-with-body \"$@\"; }\n"
                  f"timeout() {{ command timeout \"$@\" || [ $? = 124 ]; }}\n{script}")
        done = subprocess.run(["bash", "-c", script], env=one.env, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert '{"type":"incident_response.create"' in done.stdout and "not from the gateway" not in done.stdout
    finally:
        one.stop()
