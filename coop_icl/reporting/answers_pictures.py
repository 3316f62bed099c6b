"""Two pictures of what the learners of many runs answered: how far they infer, and why they cooperate."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes

from coop_icl.evaluation.mechanism import LABELS
from coop_icl.reporting.answers import Runs, labels, numbers
from coop_icl.reporting.pictures import COLOURS, plt, save

INFERENCE = {
    "share of what inference can gain": "with tabular agents: 0 blind, 1 Bayes-optimal",
    "late cooperation with TFT": "rounds 71 to 90 of 100",
    "score, held-out suite": "families never met: 1 best response",
}
"""Questions, and what their scale is."""


def draw_inference(runs: Runs, path: Path) -> None:
    """A panel a question, a column an experiment, a dot a learner; learners of a seed stand above each other."""
    figure, axes = plt.subplots(1, len(INFERENCE), figsize=(3.5 * len(INFERENCE), 3.0), squeeze=False)
    for axis, (question, scale) in zip(axes[0], INFERENCE.items(), strict=True):
        _dots(axis, runs, question)
        axis.set_title(question, fontsize=10)
        axis.set_xlabel(scale, fontsize=8)
        axis.set_ylim(min(-0.03, axis.get_ylim()[0]), 1.03)
    save(figure, path)


def draw_reasons(runs: Runs, path: Path) -> None:
    """Left: learners of each run by why they cooperate; right: slope of payoffs with tabular agents."""
    figure, (bars, slopes) = plt.subplots(1, 2, figsize=(10.5, 3.2), width_ratios=(2, 1))
    places, ticks = _places(runs)
    below = [0] * len(runs)
    for label, colour in zip(LABELS, (*COLOURS, "0.6"), strict=True):
        counts = [labels(run)[label] for run in runs.values()]
        if any(counts):
            bars.bar(places, counts, bottom=below, color=colour, width=0.85, label=label)
            below = [low + count for low, count in zip(below, counts, strict=True)]
    bars.set_xticks([where for where, _ in ticks], [name for _, name in ticks], fontsize=9)
    bars.set(ylabel="learners, a bar a seed", ylim=(0, max(1, *below) * 1.35))
    bars.set_title("why it cooperates, by interventions on the history", fontsize=10)
    bars.legend(fontsize=7.5, ncols=2, loc="upper left")
    _dots(slopes, runs, "slope of payoffs with tabular agents (above 1 extorts)")
    slopes.axhline(1, color="0.4", lw=1, ls="--")
    slopes.set_title("own payoff by the tabular agent's: slope", fontsize=10)
    slopes.set_xlabel("above the dashed line it extorts", fontsize=8)
    save(figure, path)


def _dots(axis: Axes, runs: Runs, question: str) -> None:
    places, ticks = _places(runs)
    colours = {name: COLOURS[at % len(COLOURS)] for at, (_, name) in enumerate(ticks)}
    for place, ((name, _), run) in zip(places, runs.items(), strict=True):
        found = numbers(run, question)
        axis.scatter([place] * len(found), found, s=14, color=colours[name], alpha=0.7, linewidths=0)
    axis.set_xticks([where for where, _ in ticks], [name for _, name in ticks], fontsize=8)
    axis.grid(alpha=0.25, axis="y")
    axis.tick_params(labelsize=8)


def _places(runs: Runs) -> tuple[list[float], list[tuple[float, str]]]:
    """Where each run stands, and where the name of each experiment does: in the middle of its seeds."""
    places: list[float] = []
    groups: dict[str, list[float]] = {}
    for name, _ in runs:
        gap = 1.0 if places and name not in groups else 0.0
        places.append((places[-1] + 1 if places else 0.0) + gap)
        groups.setdefault(name, []).append(places[-1])
    return places, [(sum(group) / len(group), name) for name, group in groups.items()]
