"""Everyone against everyone (``evaluation.crossplay``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coop_icl.reporting.pictures import plt

ANNOTATED = 14
"""Largest matrix whose cells are written out."""


def draw_crossplay(result: Mapping[str, Any]) -> Figure:
    """Payoff and, where the game has any, cooperation of row against column, as heat maps."""
    names, size = result["players"], len(result["players"])
    width = min(24.0, 3.2 + 0.34 * size)
    shown = [("payoff", (None, None)), ("cooperation", (0, 1))][: 2 if has_cooperation(result) else 1]
    size_of = (len(shown) * width, width - 0.4)
    figure, axes = plt.subplots(1, len(shown), figsize=size_of, layout="constrained", squeeze=False)
    for axis, (key, limits) in zip(axes[0], shown, strict=True):
        values = np.array(result[key], dtype=float)
        image = axis.imshow(values, cmap="cividis", vmin=limits[0], vmax=limits[1])
        low, high = image.get_clim()
        axis.set_xticks(range(size), names, rotation=90, fontsize=7)
        axis.set_yticks(range(size), names, fontsize=7)
        axis.set_title(f"{key} of row against column", fontsize=10)
        figure.colorbar(image, ax=axis, shrink=0.75)
        for (row, column), value in np.ndenumerate(values) if size <= ANNOTATED else ():
            dark = value < low + 0.6 * (high - low)
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6.5, color="w" if dark else "k")
    return figure


def has_cooperation(result: Mapping[str, Any]) -> bool:
    """Whether the game says of anyone that it cooperated."""
    return bool(np.isfinite(np.array(result["cooperation"], dtype=float)).any())


def table_crossplay(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Payoff (standard error) of row against column, and the row's mean over all; means only of many players."""
    names, payoff = result["players"], np.array(result["payoff"])
    cooperation, error = np.array(result["cooperation"], dtype=float), np.array(result["payoff_error"])
    written = names if len(names) <= ANNOTATED else []
    header = (
        "player",
        "payoff, mean",
        "cooperation, mean",
        "payoff with itself",
        *(f"with {name}" for name in written),
    )
    rows = []
    for at, name in enumerate(names):
        cells = (f"{payoff[at, i]:.2f} ({error[at, i]:.2f})" for i in range(len(written)))
        means = (payoff[at].mean(), cooperation[at].mean(), payoff[at, at])
        rows.append((name, *(f"{x:.2f}" if np.isfinite(x) else "-" for x in means), *cells))
    return header, rows


def verdict_crossplay(result: Mapping[str, Any]) -> str:
    """Who earns most, and what is in equilibrium."""
    payoff, found = np.array(result["payoff"]), result["equilibria"]
    best, size = int(payoff.mean(1).argmax()), len(result["players"])
    pure = found["pure"]
    some = ", ".join(pure[:6]) + (f" and {len(pure) - 6} more" if len(pure) > 6 else "")
    return (
        f"of {size} players {result['players'][best]} earns most on average ({payoff[best].mean():.2f} a round); "
        f"best responses to themselves: {some or 'none'}; {len(found['found'])} equilibria found ({found['method']})"
    )
