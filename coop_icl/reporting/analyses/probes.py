"""The probes: cooperation by round with each co-player, and what it paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from coop_icl.reporting.pictures import COLOURS

COLUMNS = (
    ("cooperates", "cooperation"),
    ("round 1", "cooperation_first_round"),
    ("late", "cooperation_late"),
    ("last tenth", "cooperation_last_tenth"),
    ("co-player", "other_cooperation"),
    ("payoff", "payoff"),
    ("its payoff", "other_payoff"),
    ("best", "best_response"),
    ("gap", "gap"),
)
TELLING = ("tft", "allc", "alld")
"""Whoever infers its co-player treats these differently."""
APART = 0.5
"""Difference of late cooperation rates that counts as telling co-players apart."""
PANELS = 4
"""In a row."""


def draw_probes(result: Mapping[str, Any]) -> Figure:
    """Draw cooperation by round, a panel for each co-player; the last one has the fellow learners, a line each.

    Of games that do not say who cooperates, payoffs are drawn.
    """
    rates = [row["cooperation"] for row in (*result["probes"], *result["meetings"])]
    if all(rate is None for rate in rates):
        return _draw_payoffs(result)
    panels = [(row["co_player"], [row["by_round"]]) for row in result["probes"]]
    if result["meetings"]:
        panels.append(("fellow learners", [row["by_round"] for row in result["meetings"]]))
    wide = min(len(panels), PANELS)
    deep = -(-len(panels) // wide)
    figure, axes = plt.subplots(deep, wide, figsize=(2.1 * wide, 2.0 * deep), sharex=True, sharey=True, squeeze=False)
    for axis, (title, lines) in zip(axes.flat, panels, strict=False):
        for line in lines:
            axis.plot(range(1, len(line) + 1), line, color=COLOURS[0], lw=1.4, alpha=1 if len(lines) == 1 else 0.6)
        axis.set_title(title, fontsize=10)
        axis.set_ylim(-0.03, 1.03)
        axis.grid(alpha=0.25)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for column in range(wide):
        lowest = max(row for row in range(deep) if row * wide + column < len(panels))
        axes[lowest][column].set_xlabel("round")
        axes[lowest][column].tick_params(labelbottom=True)
    for axis in axes[:, 0]:
        axis.set_ylabel("cooperation rate")
    figure.tight_layout()
    return figure


def _draw_payoffs(result: Mapping[str, Any]) -> Figure:
    """Payoff a round with each co-player, and the co-player's."""
    named = [(row["co_player"], row) for row in result["probes"]] + [(row["second"], row) for row in result["meetings"]]
    figure, axis = plt.subplots(figsize=(5.6, 0.9 + 0.45 * len(named)))
    places = np.arange(len(named))
    for shift, key, colour, label in ((-0.2, "payoff", 0, "its own"), (0.2, "other_payoff", 1, "the co-player's")):
        axis.barh(places + shift, [row[key] for _, row in named], 0.36, color=COLOURS[colour], label=label)
    axis.set_yticks(places, [name for name, _ in named])
    axis.invert_yaxis()
    axis.set_xlabel("payoff a round")
    axis.legend(fontsize=8.5, frameon=False)
    figure.tight_layout()
    return figure


def table_probes(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A line a co-player; rates and payoffs are those of the policy unless it says otherwise."""
    labelled = [(row["co_player"], row) for row in result["probes"]]
    labelled += [(row["second"], row) for row in result["meetings"]]
    rows = [(label, *(_number(row[key]) for _, key in COLUMNS)) for label, row in labelled]
    return ("against", *(title for title, _ in COLUMNS)), rows


def verdict_probes(result: Mapping[str, Any]) -> str:
    """Whether it tells co-players apart, with the late rates."""
    late = {row["co_player"]: row["cooperation_late"] for row in result["probes"]}
    late = {kind: rate for kind, rate in late.items() if rate is not None}
    if not late:
        paid = _list([f"{row['payoff']:.2f} with {row['co_player']}" for row in result["probes"]])
        return f"The game does not say who cooperates; a round it earns {paid}."
    known = {kind: late[kind] for kind in TELLING if kind in late} or late
    rates = _list([f"{rate:.2f} with {kind}" for kind, rate in known.items()])
    text = f"late in an episode it cooperates at a rate of {rates}"
    if len(known) > 1:
        apart = max(known.values()) - min(known.values()) > APART
        text = f"It {'tells co-players apart' if apart else 'treats co-players much alike'}: {text}"
    if result["meetings"]:
        fellows = [row["cooperation"] for row in result["meetings"] if row["cooperation"] is not None]
        text += f", over whole episodes {np.mean(fellows):.2f} with its fellows" if fellows else ""
    return f"{text[0].upper()}{text[1:]}."


def _list(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
