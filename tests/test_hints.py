"""Commands that messages advise can be pasted by whoever reads them, with a Makefile at hand or without."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from coop_icl.hints import BY_MAKE, how_to

ROOT = Path(__file__).parents[1]
ABOUT_THIS_PROJECT = ("reporting/paper", "reporting/beyond", "reporting/main_job.py", "hints.py")
"""Modules that write docs/results, whose commands are for a checkout."""

TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_a_user_of_make_is_told_of_make(monkeypatch):
    monkeypatch.setenv(BY_MAKE, "1")
    assert how_to("resume", "runs/smoke/seed_0") == "make resume RUN=runs/smoke/seed_0"
    assert how_to("train", runs="/shared/runs") == "make train RUNS_DIR=/shared/runs"
    assert how_to("submit") == "make submit"


@pytest.mark.kind("hints without make", case="twenty hints name make to users of a wheel")
def test_a_user_of_the_command_line_is_told_of_that(monkeypatch):
    monkeypatch.delenv(BY_MAKE, raising=False)
    assert how_to("resume", "runs/smoke/seed_0") == "coop-icl resume runs/smoke/seed_0"
    assert how_to("train", runs="/shared/runs") == "coop-icl train --runs /shared/runs"


@pytest.mark.kind("paths as patterns", case="a hint with a path that has a space")
@pytest.mark.parametrize("by_make", ["", "1"])
def test_a_path_with_a_space_is_quoted(monkeypatch, by_make):
    monkeypatch.setenv(BY_MAKE, by_make)
    assert how_to("resume", "my runs/seed_0") == "coop-icl resume 'my runs/seed_0'"


def test_make_says_that_it_is_make():
    shown = subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), "-pn", "help"], capture_output=True, encoding="utf-8", cwd=ROOT
    ).stdout
    assert re.search(rf"^export {BY_MAKE} := 1|^{BY_MAKE} := 1", shown, re.MULTILINE)


def strings_of(path):
    """Text of a module that is not a docstring, by line; parts of f-strings included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


@pytest.mark.kind("hints without make", case="no message names a target or a variable of the Makefile by itself")
def test_no_message_needs_a_makefile():
    sources = [
        path
        for folder in ("coop_icl", "envs")
        for path in (ROOT / folder).rglob("*.py")
        if not str(path.relative_to(ROOT / folder)).startswith(ABOUT_THIS_PROJECT)
    ]
    words = rf"\bmake ({'|'.join(TARGETS)})(?![\w.])|\b(SEEDS?|RUNS?|RUNS_DIR|EXP|ARGS|SWEEP)="
    found = [f"{path}:{line}: {text}" for path in sources for line, text in strings_of(path) if re.search(words, text)]
    assert found == []
