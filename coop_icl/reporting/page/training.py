"""Training of a run in pictures: cooperation, or payoff, by kind of co-player, and who earned more than whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from coop_icl.reporting.pictures import COLOURS
from coop_icl.reporting.tables import printable

RATE, PAYOFF, GAP = "cooperation/learner-", "payoff/learner-", "payoff_gap/"
WIDEST = "payoff_gap/learners"
Rows = Sequence[dict[str, Any]]


def kinds_of(rows: Rows, prefix: str = RATE) -> list[str]:
    """Return the kinds of co-player with a tag that begins with ``prefix``, in the order of the rows."""
    return list(dict.fromkeys(tag.removeprefix(prefix) for row in rows for tag in row if tag.startswith(prefix)))


def has_gaps(rows: Rows) -> bool:
    """Whether learners met each other."""
    return any(WIDEST in row for row in rows)


def draw_by_kind(rows: Rows, prefix: str = RATE) -> Figure:
    """Draw learners' cooperation rate, or their payoff, over updates: a line for each kind of co-player."""
    figure, axis = plt.subplots(figsize=(5.6, 3.0))
    for index, kind in enumerate(kinds_of(rows, prefix)):
        colour = COLOURS[index % len(COLOURS)]
        axis.plot(*_points(rows, prefix + kind), color=colour, lw=1.6, label=f"with {printable(kind)}")
    if prefix == RATE:
        axis.set(xlabel="update", ylabel="cooperation rate", ylim=(-0.03, 1.03))
    else:
        axis.set(xlabel="update", ylabel="payoff a round")
    return _finished(figure, axis)


def draw_gap(rows: Rows) -> Figure:
    """Payoff of each learner minus that of the learners it met, and of the best one minus the worst one."""
    figure, axis = plt.subplots(figsize=(5.6, 3.0))
    tags = dict.fromkeys(tag for row in rows for tag in row if tag.startswith(GAP) and "-" not in tag)
    alone = [tag for tag in tags if tag != WIDEST]
    for index, tag in enumerate(alone):
        label = "each learner minus those it met" if index == 0 else None
        axis.plot(*_points(rows, tag), color=COLOURS[4], lw=0.9, alpha=0.8, label=label)
    axis.plot(*_points(rows, WIDEST), color=COLOURS[1], lw=1.8, label="best learner minus worst")
    axis.axhline(0, color="black", lw=0.7, alpha=0.5)
    axis.set(xlabel="update", ylabel="payoff a round")
    return _finished(figure, axis)


def last_of(rows: Rows, tag: str) -> float | None:
    """The last value of a tag."""
    values = _points(rows, tag)[1]
    return values[-1] if values else None


def _points(rows: Rows, tag: str) -> tuple[list[float], list[float]]:
    known = [(row["update"], row[tag]) for row in rows if row.get(tag) is not None]
    return [x for x, _ in known], [y for _, y in known]


def _finished(figure: Figure, axis: Any) -> Figure:
    axis.grid(alpha=0.2)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8.5, loc="upper center", bbox_to_anchor=(0.5, 1.17), ncols=3, frameon=False)
    figure.tight_layout()
    return figure
