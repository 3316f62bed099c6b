"""Of the analysis ``best_response``: payoffs beside what could have been earned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from coop_icl.reporting.pictures import COLOURS


def draw_best_response(result: Mapping[str, Any]) -> Figure:
    """Left, the payoff against tabular agents on a scale of ceilings; right, payoffs beside those of best responses."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=(1, 1.4))
    most, tabular = result["ceiling"], result["tabular"]
    marks = (("always C or always D", most["blind"], 3, "bottom"), ("best, agent known", most["known"], -3, "top"))
    for label, value, shift, side in marks:
        left.axhline(value, color="grey", lw=1, ls=":")
        left.annotate(label, (0.55, value), (0, shift), textcoords="offset points", fontsize=8, va=side, color="grey")
    left.axhspan(*most["bayes"], color=COLOURS[2], alpha=0.3, lw=0)
    left.annotate("best without knowing", (0.55, sum(most["bayes"]) / 2), fontsize=8, va="center", color=COLOURS[2])
    left.errorbar([0.25], [tabular["payoff"]], yerr=2 * tabular["payoff_error"], fmt="o", color=COLOURS[0], capsize=4)
    left.annotate(
        "policy", (0.25, tabular["payoff"]), (8, -4), textcoords="offset points", fontsize=8, color=COLOURS[0]
    )
    left.set_xlim(0, 1.6)
    left.set_xticks([])
    left.set_ylabel("payoff a round")
    left.set_title("against tabular agents", fontsize=10)
    names = [row["co_player"] for row in result["fixed"]]
    places = range(len(names))
    right.bar(
        [x - 0.2 for x in places], [row["payoff"] for row in result["fixed"]], 0.4, color=COLOURS[0], label="policy"
    )
    right.bar(
        [x + 0.2 for x in places],
        [row["best"] for row in result["fixed"]],
        0.4,
        color="lightgrey",
        label="best response",
    )
    right.set_xticks(list(places), names, rotation=35, ha="right", fontsize=8)
    right.axhline(0, color="black", lw=0.6)
    right.legend(fontsize=8)
    right.set_title("against fixed co-players", fontsize=10)
    figure.tight_layout()
    return figure


def table_best_response(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row a co-player: payoff, best response, gap with its standard error."""
    most, tabular = result["ceiling"], result["tabular"]
    error = tabular["payoff_error"]
    rows = [
        (
            "tabular",
            f"{tabular['payoff']:.3f}",
            f"{most['known']:.3f} (known)",
            f"{tabular['gap_to_known']:.3f} ± {error:.3f}",
        ),
        (
            "tabular",
            f"{tabular['payoff']:.3f}",
            f"{_range(most['bayes'])} (unknown)",
            f"{_range(tabular['gap_to_bayes'])}",
        ),
    ]
    for row in result["fixed"]:
        gap = f"{row['gap']:.3f} ± {row['gap_error']:.3f}"
        rows.append((row["co_player"], f"{row['payoff']:.3f}", f"{row['best']:.3f}", gap))
    return ("co-player", "payoff", "best response", "gap"), rows


def verdict_best_response(result: Mapping[str, Any]) -> str:
    """Where between playing blindly and the Bayes-optimal value the policy is."""
    tabular, most = result["tabular"], result["ceiling"]
    said = (
        f"Against tabular agents it earns {tabular['payoff']:.3f} ± {tabular['payoff_error']:.3f} a round; "
        f"playing blindly earns {most['blind']:.3f}, the best that can be done without knowing the agent "
        f"{_range(most['bayes'])}, the best response to a known one {most['known']:.3f}"
    )
    shares = tabular["share_of_bayes"]
    if None in shares:
        return f"{said}: there is nothing to gain from inference."
    return f"{said}: {_range([100 * share for share in shares], '.0f')}% of what inference can gain."


def _range(ends: list[float], form: str = ".3f") -> str:
    low, high = (format(end, form) for end in ends)
    return low if low == high else f"{low} to {high}"
