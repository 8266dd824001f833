"""The life of a response as a model (models/lifecycle.pml), checked exhaustively; its names are those of the program."""
import re
import subprocess

import pytest

from lib.gateway import ROOT

MODEL = ROOT / "tests/models/lifecycle.pml"
CONTROLS = {"NO_EPOCH": "executions<=1", "NO_JOURNAL": "executions<=1", "NO_FENCE": "executions<=1", "ANY_CONNECTOR": "executions<=1",
            "NO_SECOND": "!(started_unapproved)", "NO_TENANT": "!(started_unapproved)"}


def explore(folder, *defines):
    """Number of errors and of states that spin found."""
    def run(*words):
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    (folder / MODEL.name).write_text(MODEL.read_text())
    run("spin", *defines, "-a", MODEL.name)
    run("gcc", "-O2", "-w", "-DSAFETY", "-o", "pan", "pan.c")
    text = run("./pan", "-m100000")
    assert "max search depth too small" not in text
    found = {what: int(n) for n, what in re.findall(r"(\d+) states, (stored)", text)}
    return int(re.search(r"errors: (\d+)", text).group(1)), found["stored"], text


def test_model_holds(tmp_path):
    errors, states, text = explore(tmp_path)
    assert errors == 0, text
    assert states > 100_000
    for proctype, n in re.findall(r"unreached in proctype (\w+)\n\t\((\d+) of", text):
        assert n == "0", f"{proctype} has states that nothing reaches\n{text}"


@pytest.mark.parametrize("control", CONTROLS)
def test_model_catches(tmp_path, control):
    errors, _, text = explore(tmp_path, f"-D{control}")
    assert errors >= 1 and CONTROLS[control] in text, text


def test_names_are_the_programs():
    names = re.search(r"mtype:execution = \{([^}]*)\}", MODEL.read_text()).group(1)
    table = re.search(r"#define EXECUTION_STATES\(X\)(.*?)\n\n", (ROOT / "responses/execution.h").read_text(), re.S).group(1)
    assert re.findall(r"\w+", names) == re.findall(r'X\(\w+, "(\w+)"\)', table)
