"""What linear read-outs find in an agent's memory (``evaluation.state_probes``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coop_icl.reporting.pictures import COLOURS, plt

LINES = (("state", "-", "from the state"), ("posterior", "--", "Bayesian"), ("shuffled", ":", "shuffled labels"))


def draw_state_probes(result: Mapping[str, Any]) -> Figure:
    """R^2 of each of the co-player's parameters, and AUC of learner-or-tabular, by rounds seen."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.3), layout="constrained")
    seen = range(len(result["seen"]))
    for which, style, words in LINES:
        for at, (name, colour) in enumerate(zip(result["parameters"], COLOURS, strict=False)):
            values = [row[at] for row in result["r2"][which]]
            label = f"{name}, {words}" if which == "state" else (words if at == 0 else None)
            left.plot(seen, values, style, color=colour if which == "state" or at else "0.4", label=label, lw=1.4)
    left.set(ylabel="R² on held-out episodes", ylim=(-0.15, 1.0), title="the co-player's probabilities")
    learner = result["learner"]
    for key, style, words in (("auc", "-", "state"), ("counts", "--", "counts"), ("shuffled", ":", "shuffled labels")):
        right.plot(seen, learner[key], style, color=COLOURS[0], label=words, lw=1.4)
    right.set(ylabel="AUC on held-out episodes", ylim=(0.4, 1.02), title="a learner, or a tabular agent")
    for axis in (left, right):
        axis.set_xticks(list(seen), [str(n) for n in result["seen"]])
        axis.set_xlabel("rounds seen")
        axis.grid(alpha=0.25)
    left.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    right.legend(fontsize=7)
    return figure


def table_state_probes(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row a round: R^2 (and what a Bayesian reaches) of each parameter, AUC of learner-or-tabular."""
    header = (
        "rounds seen",
        *(f"{name} (Bayesian)" for name in result["parameters"]),
        "shuffled",
        "learner AUC (counts)",
    )
    r2, learner, rows = result["r2"], result["learner"], []
    for at, seen in enumerate(result["seen"]):
        pairs = zip(r2["state"][at], r2["posterior"][at], strict=True)
        found = [f"{state:.2f} ({posterior:.2f})" for state, posterior in pairs]
        auc = f"{learner['auc'][at]:.2f} ({learner['counts'][at]:.2f})"
        rows.append((str(seen), *found, f"{np.mean(r2['shuffled'][at]):.2f}", auc))
    return header, rows


def verdict_state_probes(result: Mapping[str, Any]) -> str:
    """How much of what can be known the memory knows."""
    state, posterior, shuffled = (np.array(result["r2"][name]) for name, _, _ in LINES)
    best = int(state.mean(1).argmax())
    learner = result["learner"]["auc"]
    soon = next((n for n, auc in zip(result["seen"], learner, strict=True) if auc >= 0.95), None)
    told = "; it is told who its co-player is" if result["told"] else ""
    when = f"from round {soon} on" if soon is not None else "at no round"
    return (
        f"after {result['seen'][best]} rounds a linear read-out explains {state[best].mean():.2f} of the variance of "
        f"the co-player's probabilities, where a Bayesian explains {posterior[best].mean():.2f} and shuffled labels "
        f"{shuffled[best].mean():.2f}; it tells learners from tabular agents (AUC of .95) {when}{told}"
    )
