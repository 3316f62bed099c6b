"""The paper's numbers beside ours, and the word for each: ``pass``, ``falls short`` or ``not run``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coop_icl.reporting.intervals import Interval, interval
from coop_icl.reporting.paper.data import Seed
from coop_icl.reporting.paper.figures import ALGORITHMS, Figure, Row, at_scale

HEAD = ("experiment", "number", "paper", "passes", "ours, by seed", "mean", "IQM", "95% interval", "verdict")


@dataclass(frozen=True)
class Verdict:
    """One row of a figure.

    Attributes:
        experiment: with its scale.
        seeds: our value by seed, None where a seed has none.
        found: mean of those there are, None if there is none.
    """

    row: Row
    experiment: str
    seeds: dict[int, float | None]
    found: Interval | None

    @property
    def word(self) -> str:
        """``pass`` if the mean over seeds lies in the band."""
        if self.found is None:
            return "not run"
        low, high = self.row.band
        return "pass" if low <= round(self.found.mean, 4) <= high else "falls short"


def judge(figure: Figure, scale: str, data: Mapping[str, Sequence[Seed]]) -> list[Verdict]:
    """A verdict a row of the figure; ``data`` holds the seeds of each experiment by its name at that scale."""
    verdicts = []
    for row in figure.rows:
        name = at_scale(row.experiment, scale)
        values = {seed["seed"]: row.of(seed) for seed in data.get(name, ())}
        found = [float(value) for value in values.values() if value is not None]
        verdicts.append(Verdict(row, name, values, interval(found) if found else None))
    return verdicts


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts in Markdown, readable in a terminal."""
    rows = [HEAD, *(_cells(verdict) for verdict in verdicts)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _cells(verdict: Verdict) -> tuple[str, ...]:
    row, found = verdict.row, verdict.found
    algorithm = ALGORITHMS[row.experiment.split("_")[0]]
    paper = row.paper if isinstance(row.paper, str) else f"{row.paper:.4g}"
    low, high = row.band
    band = f"above {low:g}" if high > 10 else f"{low:.2f} to {high:.2f}"
    cells = (f"`{verdict.experiment}`", row.label, f"{paper} ({algorithm})", band)
    if found is None:
        return (*cells, "-", "-", "-", "-", verdict.word)
    spread = "-" if found.low is None else f"{found.low:.2f} to {found.high:.2f}"
    values = " ".join("-" if value is None else f"{value:.2f}" for value in verdict.seeds.values())
    return (*cells, values, f"{found.mean:.2f}", f"{found.iqm:.2f}", spread, verdict.word)
