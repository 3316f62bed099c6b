"""Faults that users met, by kind: what the markers of the tests say, for docs/results/reliability.md.

``python -m tests.kinds`` writes the document anew.
"""

import ast
import json
from pathlib import Path

TESTS = Path(__file__).parent
RESULTS = TESTS.parent / "docs" / "results"

KINDS = {
    "state outlives an episode": "every game and co-player of the registries plays one seed on a used and a fresh copy",
    "given and not used": "settings that would have no effect are refused, with their key",
    "containers and paths in configs": "each key of the schema with values of each wrong sort: one line, key and place",
    "the locale": "every read and write of text in the source names its encoding",
    "some errors of a block": "every command that writes, in places that others own, that are full or read-only",
    "paths as patterns": "paths with spaces, brackets and commas, and folders that were moved",
    "values that must not travel": "what one shares holds nothing of the environment or the home folder",
    "numbers that do not fit": "actions, outcomes, buffers, ports and sizes at and beyond their limits",
    "conformance at the edges": "every registered game before its reset, after its end, and with wrong actions",
    "games without cooperation": "payoffs stand in wherever a game does not say who cooperates",
    "hints without make": "every message in the source, and commands that can be pasted",
    "wrong advice": "advice names the cause that was seen",
    "other code than was sent": "a job on a head that was started in another checkout, by the hash of what ran",
    "exposed": "sockets in a network of their own, and who can read the token",
    "hangs and silence": "what is not there is refused; what is busy is waited for in words",
    "lost or misreported": "starts that failed, nodes that left, jobs that failed",
    "signals": "each command that goes on, told to end in its midst, and a training at each moment of its start",
    "first hour": "a wheel in an empty environment, another user, an ASCII locale (`.ci/first_hour`)",
    "round one": "ten public reports from trackers of other tools",
    "round two": "ten further ones",
}
"""How each kind of fault is covered, in the order of the document."""


def rows():
    """Kind, case and test (``file::function``) of every marker ``kind``, in the order of files."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = path.relative_to(TESTS.parent).as_posix()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                marks = [mark for decorator in node.decorator_list for mark in ast.walk(decorator)]
                found += [(*said, f"{name}::{node.name}") for said in _kinds(marks)]
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "pytestmark":
                found += [(*said, name) for said in _kinds(ast.walk(node.value))]
    return found


def _kinds(nodes):
    """Kind and case of those syntax nodes that are ``pytest.mark.kind(kind, case=case)``."""
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.kind":
            words = {keyword.arg: keyword.value for keyword in node.keywords}
            yield ast.literal_eval(node.args[0]), ast.literal_eval(words["case"])


def section():
    """The part of the document on kinds, as Markdown; kinds without a test are named."""
    found = rows()
    lines = [
        "## Faults that users met, by kind",
        "",
        "Cases are from users of this project and from public reports on other tools. Each is kept as a test with the",
        "right value. Written by `python -m tests.kinds` from the markers of the tests.",
        "",
        "| kind | covered by | case | test |",
        "|---|---|---|---|",
    ]
    for kind, how in KINDS.items():
        for number, (_, case, test) in enumerate(row for row in found if row[0] == kind):
            first = (kind, how) if number == 0 else ("", "")
            cells = (*first, case.replace("|", "&#124;"), f"`{test.removeprefix('tests/')}`")
            lines.append(f"| {' | '.join(cells)} |")
    missing = [kind for kind in KINDS if kind not in {row[0] for row in found}]
    if missing:
        lines += ["", f"Without a test yet: {'; '.join(missing)}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from tests.faults.reliability import write

    write(RESULTS, json.loads((RESULTS / "reliability.json").read_text(encoding="utf-8")))
