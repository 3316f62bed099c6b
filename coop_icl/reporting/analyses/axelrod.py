"""Of the analysis ``axelrod``: scores against the strategies of the Axelrod library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from coop_icl.reporting.analyses.suite import scores


def draw_axelrod(result: Mapping[str, Any]) -> Figure:
    """Scores of families with their intervals."""
    figure, axis = plt.subplots(figsize=(6.4, 3.0))
    scores(axis, result["families"])
    axis.axvline(0, color="black", lw=0.8)
    axis.set_xlabel("payoff a round less that of the best of the panel")
    figure.tight_layout()
    return figure


def table_axelrod(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row a family, then one a strategy, the worst first."""
    rows = []
    for one in result["families"]:
        interval = f"{one['score']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"
        rows.append((f"{one['family']} ({one['strategies']})", interval, f"{one['over_alld']:+.2f}", "", "", ""))
    for one in sorted(result["members"], key=lambda member: member["score"]):
        over = f"{one['payoff'] - one['alld']:+.2f}"
        best = f"{one['panel_best']:.2f} ({one['panel_best_by']})"
        rows.append(
            (
                f"· {one['strategy']}",
                f"{one['score']:.2f}",
                over,
                f"{one['payoff']:.2f}",
                best,
                f"{one['cooperation']:.2f}",
            )
        )
    return ("strategies", "score", "over ALLD", "payoff", "best of panel", "cooperates"), rows


def verdict_axelrod(result: Mapping[str, Any]) -> str:
    """The mean payoff, beside those of the panel."""
    panel = sorted(result["panel"].items(), key=lambda item: -item[1])
    beaten = [name for name, payoff in panel if payoff < result["payoff"]]
    listed = ", ".join(f"{name} {payoff:.2f}" for name, payoff in panel)
    return (
        f"Against {len(result['members'])} strategies of the Axelrod library it earns {result['payoff']:.2f} a round, "
        f"more than {len(beaten)} of {len(panel)} references ({listed})."
    )
