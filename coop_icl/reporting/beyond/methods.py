"""Part ``methods``: learning-aware methods beside in-context inference, with what each assumes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from coop_icl.errors import UserError
from coop_icl.learning_aware.methods import HEADINGS, Assumes
from coop_icl.learning_aware.methods import METHODS as KNOWN
from coop_icl.reporting.beyond.cells import (
    PAYOFF,
    RATE,
    by_seed,
    final,
    highest,
    numbers,
    spread,
    to_cooperation,
    with_others,
)
from coop_icl.reporting.beyond.document import picture
from coop_icl.reporting.beyond.measuring import measure, read
from coop_icl.reporting.beyond.panels import dots, dress
from coop_icl.reporting.beyond.part import Part, Setting
from coop_icl.reporting.paper.document import costs
from coop_icl.reporting.pictures import COLOURS, plt, save
from coop_icl.reporting.seed_data import Seed
from coop_icl.reporting.tables import markdown

PICTURE, PAIRS = "methods.png", "learning_aware"


@dataclass(frozen=True)
class Entry:
    """An experiment that shows a method.

    Attributes:
        label: in a few words.
        method: its name among ``learning_aware.methods``, None for learners that assume nothing.
    """

    label: str
    method: str | None

    @property
    def assumes(self) -> Assumes:
        """What it has to know or take for granted."""
        return KNOWN[self.method].assumes if self.method else Assumes()


ENTRIES = {
    "ipd_icl": Entry("in-context inference", "in_context"),
    "ipd_no_pool": Entry("policy gradient, no pool", None),
    "ipd_coala": Entry("COALA-PG", "coala"),
    "ipd_coala_large": Entry("COALA-PG, large batches", "coala"),
    "ipd_mfos": Entry("M-FOS's return", "mfos"),
    "ipd_mfos_large": Entry("M-FOS's return, large batches", "mfos"),
    "ipd_coala_unaware": Entry("batch-unaware COALA-PG", "batch_unaware"),
    "ipd_alignment": Entry("Advantage Alignment", "alignment"),
}
"""By experiment."""


def _measure(items: Sequence[str], runs: Path, folder: Path) -> None:
    for name in items:
        measure(name, runs, folder)


def pairs(folder: Path) -> list[dict[str, Any]]:
    """What pairs of memory-1 learners came to (``learning_aware.record``), which is kept beside ``folder``.

    Raises:
        UserError: if a file is something else.
    """
    found = []
    for path in sorted((folder.parent / PAIRS).glob("*.json")):
        try:
            one = json.loads(path.read_text(encoding="utf-8"))
            payoffs = np.array([row["payoff"] for row in one["seeds"]], dtype=np.float64)
            if payoffs.shape != (len(one["seeds"]), 2) or not len(payoffs):
                raise ValueError("payoffs")
            first, second = map(str, one["methods"])
            row = {"first": first, "second": second, "updates": int(one["updates"]), "payoffs": payoffs}
            found.append(row | {"cpu_seconds": float(one.get("cpu_seconds", "nan"))})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UserError(f"{path} is damaged; delete it, or record it again with coop-icl baselines") from None
    return found


def _draw(folder: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.6), sharey=True)
    for x, name in enumerate(ENTRIES):
        dots(left, x, numbers(read(folder, name), final(PAYOFF)), COLOURS[0])
    _ticks(left, [entry.label for entry in ENTRIES.values()])
    dress(left, "sequence policies among each other, a dot a seed", y="payoff a round", limits=(-0.35, 1.45))
    alike = [one for one in pairs(folder) if one["first"] == one["second"]]
    for x, one in enumerate(alike):
        dots(right, x, one["payoffs"].mean(1).tolist(), COLOURS[1])
    _ticks(right, [title(one["first"]) for one in alike])
    dress(right, "pairs of memory-1 policies, both alike, a dot a pair", limits=(-0.35, 1.45))
    save(figure, folder / PICTURE)


def _ticks(axis: Any, labels: Sequence[str]) -> None:
    axis.set_xticks(range(len(labels)), [label.replace(", ", ",\n") for label in labels], rotation=25, ha="right")


def title(pair: str) -> str:
    """What a method that learns in pairs is called, its name there if it is not known."""
    return next((one.title for one in KNOWN.values() if one.pairs == pair), pair)


def _text(folder: Path) -> str:
    data = {name: read(folder, name) for name in ENTRIES}
    shown = picture(folder, PICTURE, "Payoff with each other by method")
    parts = [shown, results(data), "What each needs to know of its co-players:", assumptions(), costs(list(data), data)]
    met = pairs(folder)
    parts += ["Pairs of memory-1 policies (`coop-icl baselines`):", pair_table(met)] if met else []
    return "\n\n".join(parts)


def results(data: dict[str, list[Seed]]) -> str:
    """A row an experiment: figures of the last tenth of training, and what it took."""
    header = (
        *("method", "cooperation with each other, by seed", "mean (95%)", "highest in training, by seed"),
        *("payoff with each other, by seed", "mean (95%)", "payoff with"),
        *("million rounds to lasting cooperation", "minutes to lasting cooperation"),
    )
    rows = []
    for name, entry in ENTRIES.items():
        seeds = data[name]
        cells = [by_seed(seeds, final(RATE)), spread(seeds, final(RATE)), by_seed(seeds, highest)]
        cells += [by_seed(seeds, final(PAYOFF)), spread(seeds, final(PAYOFF)), with_others(seeds, "payoff")]
        cells += [by_seed(seeds, to_cooperation("rounds", 1e6), 1)]
        cells += [by_seed(seeds, to_cooperation("seconds", 60), 1)]
        rows.append((entry.label, *(cells if seeds else ["not run", *["-"] * 7])))
    return markdown(header, rows)


def assumptions() -> str:
    """A row an experiment, a column an assumption."""
    names = [field.name for field in fields(Assumes)]
    rows = [
        (entry.label, *("yes" if getattr(entry.assumes, name) else "" for name in names)) for entry in ENTRIES.values()
    ]
    return markdown(("method", *(HEADINGS[name] for name in names)), rows)


def pair_table(met: Sequence[dict[str, Any]]) -> str:
    """A row a pair of methods: mean payoffs a round, deviation over pairs of policies."""
    rows = []
    for one in met:
        means, deviations = one["payoffs"].mean(0), one["payoffs"].std(0)
        spreads = [f"{mean:.2f} ± {std:.2f}" for mean, std in zip(means, deviations, strict=True)]
        both = int((one["payoffs"] > 0.9).all(1).sum())
        time = f"{one['cpu_seconds']:.1f}" if np.isfinite(one["cpu_seconds"]) else "-"
        cells = (f"{both} of {len(one['payoffs'])}", str(one["updates"]), time)
        rows.append((title(one["first"]), title(one["second"]), *spreads, *cells))
    header = ("first", "second", "payoff", "of the second", "both above .9", "updates", "CPU seconds, all pairs")
    return markdown(header, rows)


METHODS = Part("methods", "Other methods", {name: (Setting(name),) for name in ENTRIES}, _measure, _draw, _text)
