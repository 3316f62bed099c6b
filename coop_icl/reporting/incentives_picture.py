"""The picture of ``coop-icl incentives``: inference gains, and how many draws are worth cooperating with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from coop_icl.reporting.pictures import COLOURS, plt

Case = dict[str, Any]
PANELS = (
    ("two players", lambda case: case["game"] != "public_goods_v0"),
    ("public goods, multiplier 2", lambda case: _goods(case, 2.0)),
    ("public goods, multiplier (n + 1) / 2", lambda case: _goods(case, (case["players"] + 1) / 2)),
)
ROWS: tuple[tuple[str, Callable[[Case], dict[str, float]]], ...] = (
    ("inference gain, share of\nthe spread of payoffs", lambda case: case.get("partly_known", case)["relative"]),
    ("share of draws a best response\nmostly cooperates with", lambda case: case["response"]["cooperates_with"]),
)


def draw(cases: Sequence[Case]) -> Any:
    """A matplotlib figure: above gains, below cooperation, a colour a prior; bars are two standard errors.

    Where games are drawn, the gain is that of knowing the co-player, the game being known.
    """
    panels = [(name, found) for name, fits in PANELS if (found := [case for case in cases if fits(case)])]
    priors = list(dict.fromkeys(case["prior"] for case in cases))
    widths = [1.6 + max(2.4, 0.75 * len({_place(case) for case in found})) for _, found in panels]
    figure, axes = plt.subplots(
        2, len(panels), figsize=(sum(widths), 6.4), squeeze=False, sharey="row", sharex="col", width_ratios=widths
    )
    for column, (name, found) in enumerate(panels):
        places = list(dict.fromkeys(_place(case) for case in found))
        for row, (label, value) in enumerate(ROWS):
            axis = axes[row][column]
            for at, prior in enumerate(priors):
                some = [case for case in found if case["prior"] == prior]
                x = np.array([places.index(_place(case)) for case in some]) + 0.12 * (at - (len(priors) - 1) / 2)
                heights = [value(case)["value"] for case in some]
                errors = [2 * value(case)["error"] for case in some]
                axis.errorbar(
                    x,
                    heights,
                    errors,
                    fmt="o",
                    ms=4,
                    color=COLOURS[at % len(COLOURS)],
                    label=f"Beta({prior:g}, {prior:g})",
                )
            axis.set_xticks(range(len(places)), places, fontsize=8)
            axis.grid(alpha=0.25)
            axis.set_ylim(bottom=-0.01)
            if column == 0:
                axis.set_ylabel(label)
        axes[0][column].set_title(name, fontsize=10)
        axes[1][column].set_xlabel("players n" if name != PANELS[0][0] else "")
    axes[0][-1].legend(fontsize=8)
    return figure


def _goods(case: Case, multiplier: float) -> bool:
    return case["game"] == "public_goods_v0" and case["options"]["multiplier"] == multiplier


def _place(case: Case) -> str:
    """What stands below the axis."""
    if case["game"] == "public_goods_v0":
        return str(case["players"])
    name = case["game"].removesuffix("_v0").replace("_or_", " or\n").replace("_", "\n")
    return "\n".join([name, *(str(value).replace("_", "\n") for value in case["options"].values())])
