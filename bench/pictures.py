"""``speed_peers.png`` and ``speed_growth.png``, functions of ``bench.json`` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullLocator

from bench.report import GROWTH, PEERS
from bench.table import short
from bench.timing import PHASES
from coop_icl.reporting.pictures import COLOURS

KINDS = {
    "ray": COLOURS[0],
    "plain_fused": COLOURS[4],
    "plain_pytorch": COLOURS[2],
    "jax": COLOURS[5],
    "stock": COLOURS[1],
}
"""Colours by the beginning of a program's name."""
AXES = {
    "games": "games an update",
    "rounds": "rounds a game",
    "hidden": "hidden size",
    "learners": "learners",
    "env_runners": "env runners (through Ray)",
}
LABELS = {"train": ("training", COLOURS[0]), "rollout": ("play only", COLOURS[1])}


def draw(sections: Mapping[str, Any], out: Path) -> None:
    """Write the pictures of the sections that there are into ``out``."""
    if "iteration" in sections:
        peers(sections["iteration"], out / PEERS)
    if "growth" in sections:
        growth(sections["growth"], out / GROWTH)


def peers(section: Mapping[str, Any], path: Path) -> None:
    """Training rates of all programs as bars, medians with the range of the samples."""
    found = {name: samples["train"] for name, samples in section["samples"].items()}
    names = sorted(found, key=lambda name: median(found[name]))
    figure, axis = plt.subplots(figsize=(9.6, 0.42 * len(names) + 1.1))
    for place, name in enumerate(names):
        rates, middle = found[name], median(found[name])
        colour = next((colour for kind, colour in KINDS.items() if name.startswith(kind)), "grey")
        axis.barh(place, middle, color=colour, height=0.68)
        axis.plot([min(rates), max(rates)], [place, place], color="black", lw=1.2)
        axis.annotate(short(middle), (max(rates), place), xytext=(6, 0), textcoords="offset points", va="center")
    labels = [section["workloads"][name]["label"] + (" *" if name == section["ours"] else "") for name in names]
    axis.set_yticks(range(len(names)), labels)
    axis.set_xscale("log")
    least, most = (pick(pick(rates) for rates in found.values()) for pick in (min, max))
    axis.set_xlim(least / 3, most * 2.2)
    axis.xaxis.set_major_formatter(lambda rate, _: short(rate))
    axis.set_xlabel("training, agent-steps a second (log scale; line: least to greatest; *: as shipped)")
    axis.grid(axis="x", alpha=0.25)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)
    _save(figure, path)


def growth(section: Mapping[str, Any], path: Path) -> None:
    """Microseconds an agent-step against each factor: a panel a factor, medians with the range of the samples."""
    factors = section["factors"]
    figure, axes = plt.subplots(1, len(factors), figsize=(2.15 * len(factors), 2.9), sharey=True, squeeze=False)
    for axis, (factor, points) in zip(axes[0], factors.items(), strict=True):
        values = [point["value"] for point in points]
        places = range(len(values))  # factors double from point to point, but for env runners
        for phase in PHASES:
            label, colour = LABELS[phase]
            rates = [point["samples"][phase] for point in points]
            axis.plot(places, _micro(rates, median), color=colour, marker="o", ms=4, lw=1.4, label=label)
            axis.fill_between(places, _micro(rates, max), _micro(rates, min), color=colour, alpha=0.18, lw=0)
        axis.set_xticks(places, [str(value) for value in values], fontsize=8 if len(values) < 6 else 7)
        axis.set_xlim(-0.3, len(values) - 0.7)
        axis.set_xlabel(AXES.get(factor, factor), fontsize=9)
        axis.set_yscale("log")
        axis.grid(alpha=0.25)
    axes[0][0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0][0].yaxis.set_major_formatter(lambda time, _: f"{time:g}")
    axes[0][0].yaxis.set_minor_locator(NullLocator())
    axes[0][0].set_ylabel("microseconds an agent-step", fontsize=9)
    axes[0][0].legend(fontsize=8)
    _save(figure, path)


def _micro(rates: Sequence[Sequence[float]], pick: Any) -> list[float]:
    return [1e6 / pick(some) for some in rates]


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
