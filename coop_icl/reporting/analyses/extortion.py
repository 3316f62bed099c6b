"""Whether an agent extorts (``evaluation.payoff_lines``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coop_icl.reporting.pictures import COLOURS, plt


def draw_extortion(result: Mapping[str, Any]) -> Figure:
    """Own payoff against the co-player's, within what is feasible, with the line that the points are nearest to."""
    figure, axis = plt.subplots(figsize=(5.6, 4.2))
    region = np.array([*result["region"], result["region"][0]])
    axis.fill(region[:, 1], region[:, 0], color="0.93", zorder=0)
    axis.plot(region[:, 1], region[:, 0], color="0.6", lw=0.8, label="feasible")
    points = np.array(result["points"])
    axis.scatter(points[:, 1], points[:, 0], s=14, color=COLOURS[4], alpha=0.8, label="tabular co-players")
    for learner, colour, marker, words in ((False, COLOURS[1], "s", "named"), (True, COLOURS[0], "o", "learners")):
        some = [fit for fit in result["fits"] if fit["learner"] is learner]
        pairs = [(fit["other_payoff"], fit["payoff"]) for fit in some]
        if pairs:
            axis.scatter(*zip(*pairs, strict=True), s=32, color=colour, marker=marker, label=words, zorder=3)
        for fit in some if not learner else ():
            where = (fit["other_payoff"], fit["payoff"])
            axis.annotate(fit["co_player"], where, fontsize=7, xytext=(4, 3), textcoords="offset points")
    base, slope = result["baseline"], result["line"]["chi"]["value"]
    low, high = region[:, 1].min(), region[:, 1].max()
    across = np.array([low, high])
    style = "-" if result["line"]["straight"] else ":"
    axis.plot(across, base + slope * (across - base), style, color=COLOURS[2], lw=1.2, label=f"slope {slope:.2f}")
    axis.plot(across, across, color="0.7", lw=0.7, ls="--", label="equal payoffs")
    axis.set(xlim=(low - 0.1, high + 0.1), ylim=(region[:, 0].min() - 0.1, region[:, 0].max() + 0.1))
    axis.set(xlabel="payoff of the co-player, a round", ylabel="payoff of the agent, a round")
    axis.legend(fontsize=7)
    axis.grid(alpha=0.25)
    figure.tight_layout()
    return figure


def table_extortion(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row a co-player: payoffs, the memory-1 summary, and the nearest extortioner."""
    header = ("co-player", "payoff", "its payoff", "after CC, CD, DC, DD", "chi", "phi", "residual", "at random")
    rows = []
    for fit in result["fits"]:
        after = ", ".join("-" if p is None else f"{p:.2f}" for p in fit["after"])
        chi = "-" if fit["chi"] is None else f"{fit['chi']:.2f}"
        figures = (fit["phi"], fit["residual"], fit["random_residual"])
        pays = (f"{fit['payoff']:.2f}", f"{fit['other_payoff']:.2f}")
        rows.append((fit["co_player"], *pays, after, chi, *(f"{x:.2f}" for x in figures)))
    return header, rows


def verdict_extortion(result: Mapping[str, Any]) -> str:
    """Whether its payoffs lie on an extortioner's line, and whether it is ahead of learners."""
    line, ahead = result["line"], result["with_learners"]
    chi = line["chi"]
    slope = f"slope {chi['value']:.2f} [{chi['low']:.2f}, {chi['high']:.2f}], {line['explained']:.2f} explained"
    if line["straight"] and chi["low"] > 1:
        words = f"it extorts tabular co-players: payoffs lie on a line ({slope})"
    elif line["straight"]:
        words = (
            f"it does not extort tabular co-players: payoffs lie on a line that does not rise faster than 1 ({slope})"
        )
    else:
        words = f"it enforces no line on tabular co-players ({slope})"
    return words if ahead is None else f"{words}; with other learners it is {ahead:+.2f} a round ahead"
