"""Cross-play by method (``evaluation.crossplay_groups``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coop_icl.evaluation.crossplay_groups import VERDICTS
from coop_icl.reporting.pictures import plt

LEGEND = "   ".join(f"{letter} {name}" for name, letter in VERDICTS.items())
NOTABLE = 0.25
"""Share of pairs from which it is said that a group extorts or exploits another."""
FORWARD = ("extorts", "exploits")
"""Verdicts by which a row is ahead."""


def letters_of(cell: Mapping[str, Any]) -> str:
    """A verdict's letter; of a split one those of the two most frequent: ``C/x``."""
    if cell["verdict"] in VERDICTS:
        return VERDICTS[cell["verdict"]]
    most = sorted(cell["shares"], key=lambda name: -cell["shares"][name])[:2]
    return "/".join(VERDICTS[name] for name in most)


def draw_groups(found: Mapping[str, Any]) -> Figure:
    """Payoff and cooperation of row against column, as heat maps with figures and verdicts."""
    names = [group["name"] for group in found["groups"]]
    size = len(names)
    width = 3.4 + 0.56 * size
    figure, axes = plt.subplots(1, 2, figsize=(2 * width, 0.86 * width), layout="constrained")
    for axis, key, limits in ((axes[0], "payoff", (None, None)), (axes[1], "cooperation", (0, 1))):
        values = _values(found, key)
        image = axis.imshow(values, cmap="cividis", vmin=limits[0], vmax=limits[1])
        low, high = image.get_clim()
        axis.set_xticks(range(size), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=9)
        axis.set_yticks(range(size), names, fontsize=9)
        axis.set_title(f"{key} of row against column", fontsize=11)
        figure.colorbar(image, ax=axis, shrink=0.7)
        for (row, column), value in np.ndenumerate(values):
            letter = letters_of(found["cells"][row][column])
            colour = "w" if value < low + 0.6 * (high - low) else "k"
            axis.text(column, row, f"{letter}\n{value:.2f}", ha="center", va="center", fontsize=7.5, color=colour)
    figure.supxlabel(f"{LEGEND}  (row's view, of most pairs of players; x/y: of none of them most)", fontsize=9)
    return figure


def table_groups(found: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row a group: its mean over all groups, then payoff, cooperation and verdict with each."""
    names = [group["name"] for group in found["groups"]]
    payoff, cooperation = _values(found, "payoff"), _values(found, "cooperation")
    header = ("group", "players", "runs", "payoff, mean", "cooperation, mean", *(f"with {name}" for name in names))
    rows = []
    for at, group in enumerate(found["groups"]):
        cells = (f"{one['payoff']:.2f}/{one['cooperation']:.2f} {letters_of(one)}" for one in found["cells"][at])
        counts = (str(group["players"]), str(group["runs"]))
        rows.append((group["name"], *counts, f"{payoff[at].mean():.2f}", f"{cooperation[at].mean():.2f}", *cells))
    return header, rows


def words_groups(found: Mapping[str, Any]) -> list[str]:
    """Who cooperates with its own kind, who with whom else, who extorts and who exploits whom: a line each."""
    names, cells = [group["name"] for group in found["groups"]], found["cells"]
    own = [name for at, name in enumerate(names) if cells[at][at]["verdict"] == "cooperate"]
    lines = [f"cooperate with their own kind: {', '.join(own) or 'none'}"]
    others = [
        f"{name} and {names[to]}"
        for at, name in enumerate(names)
        for to in range(at + 1, len(names))
        if cells[at][to]["verdict"] == "cooperate"
    ]
    lines.append(f"cooperate with each other: {', '.join(others) or 'none'}")
    for verdict in FORWARD:
        for at, name in enumerate(names):
            to = [
                f"{names[i]} ({share:.0%} of pairs; {one['payoff']:.2f} to {cells[i][at]['payoff']:.2f} over all)"
                if i != at
                else f"its own kind ({share:.0%} of pairs)"
                for i, one in enumerate(cells[at])
                if (share := one["shares"].get(verdict, 0)) >= NOTABLE
            ]
            lines += [f"{name} {verdict} {', '.join(to)}"] if to else []
    return lines


def _values(found: Mapping[str, Any], key: str) -> np.ndarray:
    return np.array([[one[key] for one in row] for row in found["cells"]], dtype=np.float64)
