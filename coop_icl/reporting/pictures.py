"""Pictures of runs; every seed is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's palette, safe for colour-blind readers."""


def curves(histories: Mapping[tuple[str, int], Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Cooperation over training, a panel an experiment, a line a seed.

    Args:
        histories: rows of metrics by (experiment, seed).
        path: of the PNG file.
    """
    experiments = list(dict.fromkeys(name for name, _ in histories))
    figure, axes = plt.subplots(1, len(experiments), figsize=(3.6 * len(experiments), 3.1), sharey=True, squeeze=False)
    for axis, experiment in zip(axes[0], experiments, strict=True):
        for (name, seed), rows in histories.items():
            if name != experiment:
                continue
            for tag, colour in (("learner-learner", COLOURS[0]), ("learner-tabular", COLOURS[1])):
                points = [(row["update"], row.get(f"cooperation/{tag}")) for row in rows]
                label = tag if seed == min(s for n, s in histories if n == experiment) else None
                values = [(x, y) for x, y in points if y is not None]
                if values:
                    axis.plot(*zip(*values, strict=True), color=colour, lw=1.2, alpha=0.75, label=label)
        axis.set_title(experiment, fontsize=10)
        axis.set_xlabel("update")
        axis.set_ylim(-0.03, 1.03)
        axis.grid(alpha=0.25)
    axes[0][0].set_ylabel("cooperation rate")
    axes[0][0].legend(fontsize=8, loc="center right")
    save(figure, path)


def adaptation(results: Mapping[int, Mapping[str, Any]], path: Path, title: str) -> None:
    """Cooperation by round against each fixed co-player: one thin line a learner of a seed, the mean thick.

    Args:
        results: what ``coop_icl.evaluation.probing.probe_path`` returns, by seed.
        path: of the PNG file.
        title: of the picture.
    """
    by_kind: dict[str, list[list[float]]] = {}
    for result in results.values():
        for rows in result["probes"].values():
            for row in rows:
                by_kind.setdefault(row["co_player"], []).append(row["by_round"])
        for row in result["meetings"]:
            by_kind.setdefault("each other", []).append(row["by_round"])
    figure, axes = plt.subplots(1, len(by_kind), figsize=(2.2 * len(by_kind), 2.5), sharey=True, squeeze=False)
    for axis, (kind, lines), colour in zip(axes[0], by_kind.items(), COLOURS * 3, strict=False):
        for line in lines:
            axis.plot(range(1, len(line) + 1), line, color=colour, lw=0.6, alpha=0.4)
        axis.plot(range(1, len(lines[0]) + 1), np.mean(lines, axis=0), color=colour, lw=2.2)
        axis.set_title(kind, fontsize=10)
        axis.set_xlabel("round")
        axis.set_ylim(-0.03, 1.03)
        axis.grid(alpha=0.25)
    axes[0][0].set_ylabel("cooperation rate")
    figure.suptitle(f"{title}: what the trained learners do against", fontsize=11)
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG and let go of it."""
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
