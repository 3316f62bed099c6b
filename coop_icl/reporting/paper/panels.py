"""What a panel can show, from per-seed data: curves over training, rates by round, the fit of extortion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from coop_icl.reporting.paper.data import Seed
from coop_icl.reporting.pictures import COLOURS

OUTCOMES = ("CC", "CD", "DC", "DD")


def over_training(
    axis: Axes, seeds: Sequence[Seed], tag: str, colour: str, label: str, paper: float | None = None
) -> None:
    """A tag over training: a thin line a seed, thick their mean as far as all go; dashed the paper's value."""
    lines = [(s["training"]["update"], s["training"][tag]) for s in seeds if tag in s["training"]]
    for x, y in lines:
        axis.plot(x, _numbers(y), color=colour, lw=0.6, alpha=0.45)
    if lines:
        x = min((x for x, _ in lines), key=len)
        ys = [np.interp(x, at, _numbers(y)) for at, y in lines]
        axis.plot(x, np.mean(ys, axis=0), color=colour, lw=2, label=label)
        axis.set_xlabel("update", fontsize=8)
    if paper is not None and lines:
        axis.axhline(paper, color=colour, lw=1, ls=(0, (4, 3)), alpha=0.9)


def by_round(axis: Axes, curves: Sequence[Sequence[float]], colour: str, label: str) -> None:
    """Rates by round: a thin line a seed, thick their mean."""
    for curve in curves:
        axis.plot(range(1, len(curve) + 1), curve, color=colour, lw=0.6, alpha=0.45)
    if curves:
        axis.plot(range(1, len(curves[0]) + 1), np.mean(curves, axis=0), color=colour, lw=2, label=label)
        axis.set_xlabel("round", fontsize=8)


def extortion(axis: Axes, seeds: Sequence[Seed]) -> None:
    """Cooperation after each outcome, dots a learner, beside that of the extortioner nearest to it, dashes."""
    fits = [fit for seed in seeds for some in seed.get("extortion", {}).values() for fit in some]
    for place, fit in enumerate(fits):
        shift = (place - (len(fits) - 1) / 2) * min(0.07, 0.7 / len(fits))
        x = np.arange(4) + shift
        axis.scatter(x, _numbers(fit["after"]), s=16, color=COLOURS[0], zorder=3, label=None if place else "learner")
        axis.scatter(
            x,
            fit["fitted"],
            s=42,
            color=COLOURS[1],
            marker="_",
            zorder=2,
            label=None if place else "nearest extortioner",
        )
    if fits:
        slopes = [_slope(fit) for fit in fits]
        error, chance = (np.mean([fit[key] for fit in fits]) for key in ("residual", "random_residual"))
        rows = [" ".join(slopes[first : first + 10]) for first in range(0, len(slopes), 10)]
        text = "\n".join([f"chi {rows[0]}", *rows[1:], f"residual {error:.2f}, at random {chance:.2f}"])
        axis.text(0.98, 0.78, text, transform=axis.transAxes, fontsize=6, ha="right", va="top")
        axis.set_xticks(range(4), [f"after {outcome}" for outcome in OUTCOMES], fontsize=7)


def dress(axis: Axes, title: str, what: str, limits: tuple[float, float] = (-0.03, 1.03), legend: bool = True) -> None:
    """Title, grid, limits and legend; a panel without data says so."""
    axis.set_title(title, fontsize=9)
    axis.set_ylabel(what, fontsize=8)
    axis.tick_params(labelsize=7)
    axis.set_ylim(*limits)
    axis.grid(alpha=0.25)
    if not axis.has_data():
        axis.set_xticks([])
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", va="center", fontsize=10, color="0.5")
    elif legend and axis.get_legend_handles_labels()[1]:
        axis.legend(fontsize=7, loc="best", framealpha=0.7)


def _slope(fit: Mapping[str, Any]) -> str:
    """Slope chi in short; without bound where the nearest extortioner is the limit phi 0 of the family."""
    if fit["chi"] is not None:
        return f"{fit['chi']:.1f}" if fit["chi"] < 100 else "∞"
    return "∞" if fit["phi"] < 0.001 else "-"


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
