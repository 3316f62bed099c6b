"""Of the analysis ``adaptation``: curves by round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from coop_icl.reporting.pictures import COLOURS

COLUMNS = 4


def draw_adaptation(result: Mapping[str, Any]) -> Figure:
    """A panel a co-player: both cooperation rates and the shortfall by round; a line where the policy has adapted."""
    rows = result["co_players"]
    height = -(-len(rows) // COLUMNS)
    figure, axes = plt.subplots(height, COLUMNS, figsize=(10, 1.9 * height), sharex=True, sharey=True, squeeze=False)
    lines = (("cooperation", "policy", COLOURS[0]), ("other_cooperation", "co-player", COLOURS[5]))
    for axis, row in zip(axes.flat, rows, strict=False):
        rounds = range(1, result["rounds"] + 1)
        for key, label, colour in lines:
            axis.plot(rounds, row[key], color=colour, lw=1.4, label=f"{label} cooperates")
        axis.plot(rounds, row["shortfall_left"], color=COLOURS[1], lw=1, ls="--", label="shortfall from here on")
        if row["adapted_from"] is not None:
            axis.axvline(row["adapted_from"], color=COLOURS[2], lw=1.2)
        axis.set_title(row["co_player"], fontsize=9)
        axis.set_ylim(-0.05, 1.05)
        axis.grid(alpha=0.25)
    for axis in axes.flat[len(rows) :]:
        axis.axis("off")
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="lower right", fontsize=8)
    figure.supxlabel("round (green: adapted from here)", fontsize=9)
    figure.tight_layout()
    return figure


def table_adaptation(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row a co-player: payoff, cooperation in the first round and late, and the round of adaptation."""
    rows = []
    for row in result["co_players"]:
        tenth = max(1, result["rounds"] // 10)
        late = row["cooperation"][-3 * tenth : -tenth] or row["cooperation"]
        when = "not" if row["adapted_from"] is None else str(row["adapted_from"])
        rows.append(
            (
                row["co_player"],
                f"{row['payoff']:.2f}",
                f"{row['cooperation'][0]:.2f}",
                f"{sum(late) / len(late):.2f}",
                when,
            )
        )
    return ("co-player", "payoff", "cooperates in round 1", "late", "adapted from round"), rows


def verdict_adaptation(result: Mapping[str, Any]) -> str:
    """To how many co-players it adapts, and how soon."""
    rows = result["co_players"]
    rounds = sorted(row["adapted_from"] for row in rows if row["adapted_from"] is not None)
    missed = [row["co_player"] for row in rows if row["adapted_from"] is None]
    said = (
        f"It comes within {100 * result['within']:.0f}% of the best response from there on with {len(rounds)} of "
        f"{len(rows)} co-players"
    )
    if rounds:
        said += f", by round {rounds[len(rounds) // 2]} in the median"
    return said + (f"; not with {', '.join(missed)}." if missed else ".")
