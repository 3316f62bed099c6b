"""What a panel can show: a line a seed over training, a dot a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from coop_icl.reporting.beyond.cells import RATE
from coop_icl.reporting.pictures import plt
from coop_icl.reporting.seed_data import Seed

GREY = "0.55"
UNIT = (-0.03, 1.03)


def grid(panels: int, columns: int) -> tuple[Any, list[Axes]]:
    """A figure of so many panels."""
    columns = min(columns, panels)
    rows = -(-panels // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.3 * columns, 2.7 * rows), squeeze=False)
    for axis in axes.flat[panels:]:
        axis.set_visible(False)
    return figure, list(axes.flat[:panels])


def over_training(axis: Axes, seeds: Sequence[Seed], colour: str, label: str, tag: str = RATE) -> None:
    """A tag over training, a line a seed."""
    lines = [(seed["training"]["update"], seed["training"][tag]) for seed in seeds if tag in seed["training"]]
    for place, (x, y) in enumerate(lines):
        values = np.array(y, dtype=np.float64)  # None becomes NaN
        axis.plot(x, values, color=colour, lw=1.2, alpha=0.75, label=None if place else label)


def dots(axis: Axes, x: float, values: Sequence[float], colour: str, width: float = 0.3, **options: Any) -> None:
    """A dot a seed side by side around ``x``, and a bar at their mean."""
    if values:
        places = x + np.linspace(-width, width, len(values)) * (len(values) > 1)
        axis.scatter(places, values, s=14, color=colour, alpha=0.8, zorder=3, **options)
        axis.hlines(float(np.mean(values)), x - 1.2 * width, x + 1.2 * width, color=colour, lw=1.5, alpha=0.6)


def dress(axis: Axes, title: str, x: str = "", y: str = "", limits: tuple[float, float] | None = None) -> None:
    """Title, labels, grid and legend; a panel without data says so."""
    axis.set_title(title, fontsize=9)
    axis.set_xlabel(x, fontsize=8)
    axis.set_ylabel(y, fontsize=8)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.25)
    if limits:
        axis.set_ylim(*limits)
    if not axis.has_data():
        axis.set_xticks([])
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", va="center", fontsize=10, color="0.5")
    elif axis.get_legend_handles_labels()[1]:
        axis.legend(fontsize=7, loc="best", framealpha=0.7)
