"""What is kept of a finished run for pictures and tables: JSON lines, one a seed, read by all that draws."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.files import read_rows, write_rows
from coop_icl.runs.finding import find_runs
from coop_icl.runs.reading import DONE, provenance_of, rows_of, summary_of

Seed = dict[str, Any]
"""The data of one seed."""
TAGS = re.compile(r"(cooperation|payoff)/(learner-\w+|\w+-learner)|payoff_gap/learners|outcomes/learner-learner/\w+")
POINTS = 150
"""Rows of training that are kept."""
KINDS = {"experiment": str, "seed": int, "updates": int, "rounds": int | float, "seconds": int | float, "final": dict}
"""What every seed's data holds."""


def read(path: Path, also: Sequence[str] = ()) -> list[Seed]:
    """The rows of a file of per-seed data, by seed; none if there is no such file.

    Args:
        path: of the file.
        also: keys that each row must have besides those of ``KINDS``.

    Raises:
        UserError: if the file is something else, or cut short.
    """
    if not path.is_file():
        return []
    try:
        rows, lines = read_rows(path), len(path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError, RecursionError):
        rows, lines = [], 0
    if not rows or len(rows) < lines or not all(_is_whole(row, also) for row in rows):
        raise UserError(f"{path} is damaged; delete it, or measure again with TRAIN=1")
    return sorted(rows, key=lambda row: row["seed"])


def _is_whole(row: Any, also: Sequence[str]) -> bool:
    if not isinstance(row, dict) or set(also) - set(row):
        return False
    training: Any = row.get("training", {"update": []})
    if not all(isinstance(row.get(key), kind) for key, kind in KINDS.items()) or not isinstance(training, dict):
        return False
    if not all(isinstance(value, list) for value in training.values()) or "update" not in training:
        return False
    curves = [value for values in training.values() for value in values]
    return all(isinstance(value, int | float | None) for value in [*row["final"].values(), *curves]) and (
        len({len(values) for values in training.values()}) == 1
    )


def merge(path: Path, rows: Sequence[Seed], key: Sequence[str]) -> None:
    """Add ``rows`` to a file; of two with the same values of ``key`` the new one stays, all others are kept.

    Raises:
        UserError: if the file is damaged.
    """
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    every = {tuple(str(row.get(name)) for name in key): row for row in [*read(path), *rows]}
    write_rows(path, [every[name] for name in sorted(every, key=lambda name: (*name[:-1], int(name[-1])))])


def finished(folder: Path) -> list[RunDirectory]:
    """Runs in a folder that have come to their end, none if there is no such folder.

    Raises:
        RunError: if the summary of one is damaged.
    """
    try:
        runs = find_runs([folder])
    except RunError:
        return []
    return [run for run in runs if run.summary.is_file() and summary_of(run)["finished"]]


def seed_of(run: RunDirectory) -> Seed:
    """``experiment``, ``seed``, ``updates``, ``rounds``, ``seconds``, ``commit``, ``final`` and ``training``.

    ``final`` holds figures of the last tenth of training by tag, ``training`` the update and the same tags in at most
    ``POINTS`` rows.

    Raises:
        RunError: if a file of the run is damaged.
    """
    summary, made = summary_of(run, DONE), provenance_of(run)
    return {
        "experiment": summary["experiment"],
        "seed": summary["seed"],
        "updates": summary["updates"],
        "rounds": summary["rounds"],
        "seconds": round(summary["seconds"], 1),
        "commit": (made.get("git") or {}).get("commit"),
        "final": {tag: round(value, 4) for tag, value in summary["final"].items() if TAGS.fullmatch(tag)},
        "training": thinned(rows_of(run)),
    }


def thinned(rows: Sequence[dict[str, Any]]) -> dict[str, list[float | None]]:
    """The tags of ``TAGS`` over training, every so many rows and the last one."""
    step = max(1, -(-len(rows) // POINTS))
    kept = list(rows[len(rows) - 1 :: -step])[::-1]
    tags = sorted({tag for row in kept for tag in row if TAGS.fullmatch(tag)})
    curves = {tag: [None if row.get(tag) is None else round(row[tag], 3) for row in kept] for tag in tags}
    return {"update": [row["update"] for row in kept], **curves}
