"""Numbers of several seeds as cells of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from coop_icl.matchups import LEARNER
from coop_icl.reporting.intervals import interval
from coop_icl.reporting.seed_data import Seed

Value = Callable[[Seed], float | None]
"""A number of one seed; None if its run has none."""
RATE, PAYOFF, GAP = "cooperation/learner-learner", "payoff/learner-learner", "payoff_gap/learners"
COOPERATING = 0.5
"""Least final rate at which learners are said to cooperate with each other."""


def final(tag: str) -> Value:
    """A figure of the last tenth of training."""
    return lambda seed: seed["final"].get(tag)


def highest(seed: Seed) -> float | None:
    """Cooperation of learners with each other in the row of metrics in which it is highest."""
    return max((rate for rate in seed["training"].get(RATE, ()) if rate is not None), default=None)


def minutes(seed: Seed) -> float | None:
    """Until cooperation with each other stays at its final level."""
    return None if seed["lasting_at"] is None else seed["lasting_at"]["seconds"] / 60


def to_cooperation(key: str, unit: float = 1.0) -> Value:
    """``update``, ``rounds`` or ``seconds`` until learners cooperate with each other for good, counted in ``unit``."""

    def found(seed: Seed) -> float | None:
        rate, lasts = seed["final"].get(RATE), seed["lasting_at"]
        return None if lasts is None or rate is None or rate < COOPERATING else lasts[key] / unit

    return found


def numbers(seeds: Sequence[Seed], of: Value) -> list[float]:
    """Of the seeds that have it."""
    return [float(value) for value in map(of, seeds) if value is not None]


def by_seed(seeds: Sequence[Seed], of: Value, digits: int = 2) -> str:
    """Seed by seed, a dash where one has none."""
    found = [of(seed) for seed in seeds]
    texts = ["-" if value is None else f"{value:.{digits}f}" for value in found]
    return " ".join(texts) if any(text != "-" for text in texts) else "-"


def mean(seeds: Sequence[Seed], of: Value, digits: int = 2) -> str:
    """Mean over seeds."""
    found = numbers(seeds, of)
    return f"{np.mean(found):.{digits}f}" if found else "-"


def spread(seeds: Sequence[Seed], of: Value, digits: int = 2) -> str:
    """Mean over seeds, and its 95% interval."""
    found = numbers(seeds, of)
    if not found:
        return "-"
    one = interval(found)
    return f"{one.mean:.{digits}f}" + ("" if one.low is None else f" ({one.low:.{digits}f} to {one.high:.{digits}f})")


def with_others(seeds: Sequence[Seed], figure: str) -> str:
    """Cooperation or payoff of learners with each kind of co-player, means over seeds."""
    start = f"{figure}/{LEARNER}-"
    tags = sorted({tag for seed in seeds for tag in seed["final"] if tag.startswith(start)})
    found = [(tag.removeprefix(start), mean(seeds, final(tag))) for tag in tags if tag != start + LEARNER]
    return ", ".join(f"{kind} {value}" for kind, value in found) or "-"
