"""Several runs side by side in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coop_icl.runs.board import tensorboard_command
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.finding import find_runs, labels
from coop_icl.runs.progress import duration, short
from coop_icl.runs.reading import config_of, rows_of
from coop_icl.runs.summary import summarise

COLUMNS = tuple(f"{figure}/learner-{kind}" for figure in ("cooperation", "payoff") for kind in ("learner", "tabular"))


def compare(paths: Sequence[str | Path]) -> str:
    """Return a table of runs (rates and payoffs over the last tenth of each), and a command for TensorBoard.

    Cooperation rates get no columns if only games without cooperation were played.

    Raises:
        RunError: if a path leads to no run or a run's files cannot be read.
    """
    runs = find_runs(paths)
    found = [_summary(run) for run in runs]
    known = {tag.partition("/")[0] for summary in found for tag in summary["final"]}
    without = "payoff" in known and "cooperation" not in known
    columns = [column for column in COLUMNS if not (without and column.startswith("cooperation"))]
    header = ("run", *(column.replace("cooperation", "coop") for column in columns), "rounds", "time", "")
    rows = [header, *(_row(label, summary, columns) for label, summary in zip(labels(runs), found, strict=True))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", tensorboard_command(runs)])


def _summary(run: RunDirectory) -> dict[str, Any]:
    """A run's summary; of one that has not ended, what it would be by now."""
    return summarise(rows_of(run), config_of(run))


def _row(label: str, summary: dict[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    figures = [summary["final"].get(column) for column in columns]
    return (
        label,
        *("-" if figure is None else f"{figure:.3f}" for figure in figures),
        short(summary["rounds"]),
        duration(summary["seconds"]),
        "" if summary["finished"] else f"unfinished ({summary['updates']} updates)",
    )
