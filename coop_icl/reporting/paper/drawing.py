"""The pictures of figures 1 to 4, each from per-seed data alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coop_icl.matchups import LEARNER
from coop_icl.reporting.paper.data import Seed
from coop_icl.reporting.paper.figures import ALGORITHMS, RATE, Figure, at_scale
from coop_icl.reporting.paper.panels import by_round, dress, extortion, over_training
from coop_icl.reporting.pictures import COLOURS, plt, save

Data = Mapping[str, Sequence[Seed]]
"""Seeds by experiment, without the scale; none of what was not run."""
PAYOFFS = (-0.35, 1.45)
POPULATIONS = {"icl": "mixed pool", "opponent_id": "opponent ID", "no_pool": "no tabular agents"}
PROBES = {"tft": "TFT", "allc": "ALLC", "alld": "ALLD", "tabular": "tabular"}


def draw(figure: Figure, scale: str, data: Data, path: Path) -> None:
    """Draw a figure; ``data`` holds the seeds of each experiment by its name at that scale."""
    here = {name: data.get(at_scale(name, scale), ()) for name in figure.experiments}
    picture = {"1": _pools, "3": _early}.get(figure.name, _mechanism)(figure, here)
    title = f"Figure {figure.name}. {figure.title}" + ("" if scale == "laptop" else f" ({scale} scale)")
    recipe = " Ours: PPO for the paper's A2C." if scale == "laptop" and any("ipd" in name for name in here) else ""
    picture.suptitle(f"{title}\n{figure.caption}{recipe}", fontsize=10)
    save(picture, path)


def _grid(rows: int, columns: int) -> tuple[Any, Any]:
    return plt.subplots(rows, columns, figsize=(3.1 * columns, 2.7 * rows + 0.5), squeeze=False)


def _pools(figure: Figure, data: Data) -> Any:
    """Figure 1: a row an algorithm, a colour a population."""
    columns = [
        (f"{name}/learner-{kind}", f"{name} with {words}")
        for kind, words in ((LEARNER, "each other"), ("tabular", "tabular agents"))
        for name in ("payoff", "cooperation")
    ]
    picture, axes = _grid(len(ALGORITHMS), len(columns))
    numbers = {(row.experiment, row.label): sum(row.band) / 2 for row in figure.rows}
    for line, (prefix, algorithm) in zip(axes, ALGORITHMS.items(), strict=True):
        for axis, (tag, title) in zip(line, columns, strict=True):
            for colour, (population, words) in zip(COLOURS, POPULATIONS.items(), strict=False):
                name = f"{prefix}_{population}"
                over_training(axis, data[name], tag, colour, words, numbers.get((name, title)))
            payoff = tag.startswith("payoff")
            dress(axis, f"{algorithm}: {title}", tag.split("/")[0], PAYOFFS if payoff else (-0.03, 1.03))
    return picture


def _early(figure: Figure, data: Data) -> Any:
    """Figure 3: a row an algorithm, a column a moment of training."""
    moments = {name: sorted({int(u) for s in data[name] for u in s.get("along", {})}) for name in figure.experiments}
    picture, axes = _grid(len(figure.experiments), max(1, *map(len, moments.values())))
    for line, name in zip(axes, figure.experiments, strict=True):
        algorithm = ALGORITHMS[name.split("_")[0]]
        for axis, moment in zip(line, [*moments[name], *[None] * len(line)], strict=False):
            along = [s["along"][str(moment)] for s in data[name] if str(moment) in s.get("along", {})]
            for colour, (kind, words) in zip(COLOURS, {LEARNER: "each other", **PROBES}.items(), strict=False):
                by_round(axis, [some[kind] for some in along if kind in some], colour, words)
            if moment is None and moments[name]:
                axis.set_visible(False)
            title = f"{algorithm}: after {moment} updates" if moment else algorithm
            dress(axis, title, "cooperation", legend=axis is line[0])
    return picture


def _mechanism(figure: Figure, data: Data) -> Any:
    """Figures 2 and 4: steps 1 to 3."""
    picture, axes = _grid(2, 3)
    (responses, payoffs, rates), (fit, before, after) = axes
    one, two, three = (data[name] for name in figure.experiments)
    numbers = {row.label: row.paper for row in figure.rows if isinstance(row.paper, float)}
    for colour, (kind, words) in zip(COLOURS, PROBES.items(), strict=False):
        by_round(responses, _curves(one, kind), colour, words)
    dress(responses, "Step 1: cooperation with", "cooperation")
    for axis, name in ((payoffs, "payoff"), (rates, "cooperation")):
        for colour, pair, words in zip(
            COLOURS, ("learner-fixed_icl", "fixed_icl-learner"), ("learner", "frozen policy"), strict=False
        ):
            over_training(axis, two, f"{name}/{pair}", colour, words, numbers.get(f"{name} of the {words}"))
        dress(axis, f"Step 2: {name}", name, PAYOFFS if name == "payoff" else (-0.03, 1.03))
    extortion(fit, two)
    dress(fit, "Step 2: cooperation with the frozen policy", "cooperation")
    by_round(before, _curves(two, LEARNER), COLOURS[0], "extortioners")
    dress(before, "Step 3: by round, before training", "cooperation")
    over_training(after, three, RATE, COLOURS[0], "cooperation", numbers.get("cooperation, end"))
    over_training(after, three, "payoff_gap/learners", COLOURS[1], "payoff, highest less lowest")
    dress(after, "Step 3: extortioners learning", "cooperation, payoff", (-0.05, 1.65))
    return picture


def _curves(seeds: Sequence[Seed], kind: str) -> list[list[float]]:
    return [s["probes"][kind]["by_round"] for s in seeds if kind in s.get("probes", {})]
