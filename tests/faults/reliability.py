"""The table of docs/results/reliability.md: what is injected, how often, and what must hold."""

import json
from dataclasses import asdict, dataclass

from tests.kinds import section

ROWS = {
    "SIGKILL an env runner mid-iteration": (
        20,
        "all finish; runner back within 15 s (p95); no round lost or counted twice",
    ),
    "SIGKILL the driver at random points, resume": (10, "identical hashes"),
    "SIGKILL during checkpoint save": (50, "the latest checkpoint always loads"),
    "corrupt a checkpoint": (200, "detected, file named; resume falls back to the previous one"),
    "malicious files": (12, "refused in one line, nothing executed"),
    "NaN or Inf in reward, observation, logits, gradient": (
        40,
        "weights stay finite; counted and reported; stops with a clear error after 3 in a row",
    ),
    "disk full while saving": (10, "previous checkpoint intact; clear error"),
    "malformed configs": (1000, "rejected before Ray starts, no traceback"),
    "every key misspelt by one edit": (1000, "rejected before Ray starts; nearest key named in 95%"),
    "node leaves and another joins during training": (5, "finishes; new node used within 60 s"),
    "env that raises or stalls": (10, "recovers, or stops naming the env; never hangs over 60 s"),
    "SIGINT or SIGTERM, once and twice": (10, "checkpoint and exit within 20 s; at once; no process left behind"),
    "two processes on one run directory": (10, "the second refused"),
    "soak: 2,000 small iterations": (1, "memory growth under 5%, file descriptors flat"),
}
"""Times and what must hold, by what is injected."""


@dataclass(frozen=True)
class Row:
    """What came of one kind of fault."""

    injected: str
    times: int
    held: int
    figure: str


def update(folder, row):
    """Put a row in its place in ``reliability.json``, and write ``reliability.md`` anew from it."""
    path = folder / "reliability.json"
    rows = {one["injected"]: one for one in (json.loads(path.read_text()) if path.is_file() else ())}
    rows[row.injected] = asdict(row)
    ordered = [rows[name] for name in ROWS if name in rows]
    path.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
    write(folder, ordered)


def write(folder, rows):
    """Write ``reliability.md``: the rows, and the kinds of faults that the tests' markers name."""
    (folder / "reliability.md").write_text(f"{table(rows)}\n{section()}", encoding="utf-8")


def table(rows):
    """The rows as Markdown."""
    lines = [
        "# Reliability",
        "",
        "Faults injected for real, and what held. Written by `make test-faults` (`tests/faults/`) from",
        "[reliability.json](reliability.json); a row is written only if its fault was injected as often as stated.",
        "",
        "| injected | times | must hold | held | figure |",
        "|---|---:|---|---:|---|",
        *(
            f"| {one['injected']} | {one['times']:,} | {ROWS[one['injected']][1]} | {one['held']:,} | {one['figure']} |"
            for one in rows
        ),
    ]
    missing = [name for name in ROWS if name not in {one["injected"] for one in rows}]
    if missing:
        lines += ["", f"Not measured yet: {'; '.join(missing)}."]
    return "\n".join(lines) + "\n"
