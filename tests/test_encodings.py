"""Text is UTF-8 wherever it is read or written, whatever the user's locale."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("coop_icl", "envs", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]

TEXT = {"read_text": 0, "write_text": 1}
"""Methods that are always text, by the position of ``encoding``."""

OPENERS = {"open", "fdopen", "NamedTemporaryFile", "TemporaryFile"}
"""Calls that are text unless their mode has a ``b``."""

PROCESSES = {"run", "Popen", "check_output"}
"""Calls that are text if they say so."""


def name_of(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def is_text(call, own):
    """Whether a call reads or writes text by the locale's encoding; ``own`` are functions of the module itself."""
    name, keywords = name_of(call), {word.arg: word.value for word in call.keywords}
    if "encoding" in keywords or name in own:
        return False
    if name in TEXT:
        return isinstance(call.func, ast.Attribute) and len(call.args) <= TEXT[name]
    if name in PROCESSES:
        return any(getattr(keywords.get(word), "value", False) for word in ("text", "universal_newlines"))
    if name not in OPENERS:
        return False
    modes = [*call.args[:2], *([keywords["mode"]] if "mode" in keywords else [])]
    words = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    modes = [word for word in words if word and set(word) <= set("rwaxbt+")]
    binary = any("b" in mode for mode in modes) or (name.endswith("File") and not modes)
    return not binary and (bool(modes) or (name == "open" and isinstance(call.func, ast.Name)))


def offences(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} | imported
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if is_text(call, own - TEXT.keys() if is_method(call) else own)]


def is_method(call):
    return isinstance(call.func, ast.Attribute)


@pytest.mark.kind("the locale", case="44 reads and writes of text without an encoding")
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_read_and_write_of_text_names_its_encoding(path):
    assert offences(path) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("path.read_text()", [1]),
        ("path.read_text(encoding='utf-8')", []),
        ("path.write_text(text)", [1]),
        ("path.open('a')", [1]),
        ("path.open('rb')", []),
        ("open(path)", [1]),
        ("open(path, mode='wb')", []),
        ("os.fdopen(handle, 'w')", [1]),
        ("os.open(os.devnull, os.O_WRONLY)", []),
        ("subprocess.run(command, text=True)", [1]),
        ("subprocess.run(command)", []),
    ],
)
def test_the_check_itself(tmp_path, code, found):
    (tmp_path / "module.py").write_text(code, encoding="utf-8")
    assert offences(tmp_path / "module.py") == found
