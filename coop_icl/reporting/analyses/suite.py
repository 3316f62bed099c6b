"""Of the analysis ``suite``: a score a family of held-out co-players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from coop_icl.reporting.pictures import COLOURS


def draw_suite(result: Mapping[str, Any]) -> Figure:
    """Scores with their intervals, a dot a co-player."""
    figure, axis = plt.subplots(figsize=(6.4, 3.2))
    scores(axis, result["families"])
    for place, family in enumerate(result["families"]):
        members = [member["score"] for member in family["members"]]
        axis.plot(members, [place] * len(members), "o", ms=4, color="grey", alpha=0.6)
    axis.set_xlim(-0.05, 1.05)
    axis.set_xlabel("score: 0 worst, 1 best response (grey: each co-player)")
    figure.tight_layout()
    return figure


def scores(axis: Any, families: Sequence[Mapping[str, Any]]) -> None:
    """A bar a family with its interval, the first on top."""
    for place, family in enumerate(families):
        axis.barh(place, family["score"], color=COLOURS[0], alpha=0.6)
        axis.plot([family["low"], family["high"]], [place, place], color="black", lw=1.6)
    axis.set_yticks(range(len(families)), [family["family"] for family in families], fontsize=9)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.25)


def table_suite(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row a family, and below it one a co-player."""
    rows = []
    for family in result["families"]:
        interval = f"{family['score']:.2f} [{family['low']:.2f}, {family['high']:.2f}]"
        rows.append((family["family"], interval, f"{family['over_alld']:+.2f}", "", "", ""))
        for one in family["members"]:
            over = one["payoff"] - one["alld"]
            paid = (f"{one[key]:.2f}" for key in ("payoff", "best", "cooperation"))
            rows.append((f"· {one['co_player']}", f"{one['score']:.2f}", f"{over:+.2f}", *paid))
    return ("co-players", "score", "over ALLD", "payoff", "best", "cooperates"), rows


def verdict_suite(result: Mapping[str, Any]) -> str:
    """The mean score, and the best and the worst family."""
    ordered = sorted(result["families"], key=lambda family: family["score"])
    over = sum(family["over_alld"] for family in ordered) / len(ordered)
    return (
        f"Against co-players that it never met it scores {result['score']:.2f} of 1 (best response), most with "
        f"{ordered[-1]['family']} ({ordered[-1]['score']:.2f}) and least with {ordered[0]['family']} "
        f"({ordered[0]['score']:.2f}); it earns {over:+.2f} a round over always defecting."
    )
