"""Per-seed data of an experiment: measured from finished runs once, kept as JSON lines (one a seed), read by all else.

A seed's data, plain JSON:

- ``experiment``, ``seed``, ``updates``, ``rounds``, ``seconds``, ``commit``;
- ``final``: figures of the last tenth of training by tag (``cooperation/learner-tabular``, ...);
- ``training``: ``update`` and the same tags over training, thinned to at most ``POINTS`` rows;
- ``probes``: what the trained learners did, by kind of co-player, means over learners, see ``Probe.row``, with the
  cooperation rate of both by round; ``learner`` is each other, and frozen co-players of the run come by their kind;
- ``extortion``: by frozen co-player, for each learner its cooperation after CC, CD, DC, DD and the nearest extortioner;
- ``along``: rates by round as in ``probes`` of policies exported on the way, by update.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from coop_icl.errors import UserError
from coop_icl.reporting.paper.probing import probes_of
from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.files import read_rows, write_rows
from coop_icl.runs.finding import find_runs
from coop_icl.runs.reading import DONE, config_of, provenance_of, rows_of, summary_of

Seed = dict[str, Any]
"""The data of one seed."""
TAGS = re.compile(r"(cooperation|payoff)/(learner-\w+|\w+-learner)|payoff_gap/learners|outcomes/learner-learner/\w+")
POINTS = 150
"""Rows of training that are kept."""


def path_of(folder: Path, experiment: str) -> Path:
    """The file of an experiment's data."""
    return folder / f"{experiment}.jsonl"


def read(folder: Path, experiment: str) -> list[Seed]:
    """The data of an experiment by seed, none if it has not been measured.

    Raises:
        UserError: if the file is not what ``measure`` writes.
    """
    path = path_of(folder, experiment)
    if not path.is_file():
        return []
    rows = read_rows(path)
    if not rows or any({"experiment", "seed", "final", "training"} - set(row) for row in rows):
        raise UserError(f"{path} is damaged; delete it, or measure again with TRAIN=1")
    return sorted(rows, key=lambda row: row["seed"])


def measure(experiment: str, runs: Path, folder: Path) -> int:
    """Write the data of all finished runs of ``experiment`` in ``runs``; returns how many there are.

    A file that is there is replaced if there is at least one finished run, and left alone otherwise.
    """
    try:
        found = [run for run in find_runs([runs / experiment]) if _is_finished(run)]
    except RunError:
        return 0
    if found:
        torch.set_num_threads(1)
        folder.mkdir(parents=True, exist_ok=True)
        write_rows(path_of(folder, experiment), [_seed(run) for run in found])
    return len(found)


def _is_finished(run: RunDirectory) -> bool:
    return run.summary.is_file() and bool(summary_of(run)["finished"])


def _seed(run: RunDirectory) -> Seed:
    summary, made, config = summary_of(run, DONE), provenance_of(run), config_of(run)
    data = {
        "experiment": summary["experiment"],
        "seed": summary["seed"],
        "updates": summary["updates"],
        "rounds": summary["rounds"],
        "seconds": round(summary["seconds"], 1),
        "commit": (made.get("git") or {}).get("commit"),
        "final": {tag: round(value, 4) for tag, value in summary["final"].items() if TAGS.fullmatch(tag)},
        "training": _training(rows_of(run)),
    }
    return data | probes_of(run, config)


def _training(rows: Sequence[dict[str, Any]]) -> dict[str, list[float | None]]:
    """The tags of ``TAGS`` over training, every so many rows and the last one."""
    step = max(1, -(-len(rows) // POINTS))
    kept = list(rows[len(rows) - 1 :: -step])[::-1]
    tags = sorted({tag for row in kept for tag in row if TAGS.fullmatch(tag)})
    curves = {tag: [None if row.get(tag) is None else round(row[tag], 3) for row in kept] for tag in tags}
    return {"update": [row["update"] for row in kept], **curves}
