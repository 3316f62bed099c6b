"""Numbers of one seed, as functions of its data (``data.Seed``)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coop_icl.matchups import LEARNER
from coop_icl.reporting.paper.data import Seed

Value = Callable[[Seed], float | None]
"""A number of one seed; None if its run has not left what it takes."""


def final(tag: str) -> Value:
    """A figure of the last tenth of training."""
    return lambda seed: seed["final"].get(tag)


def probed(kind: str, key: str) -> Value:
    """What the trained learners did with a kind of co-player."""
    return lambda seed: seed.get("probes", {}).get(kind, {}).get(key)


def in_round(kind: str, number: int) -> Value:
    """Their cooperation rate with it in a round; 1 is the first, -1 the last, and a shorter game lacks it."""

    def found(seed: Seed) -> float | None:
        curve = seed.get("probes", {}).get(kind, {}).get("by_round", [])
        place = number - 1 if number > 0 else len(curve) + number
        return curve[place] if 0 <= place < len(curve) else None

    return found


def peak(tag: str) -> Value:
    """The highest value over training."""
    return lambda seed: max((v for v in seed["training"].get(tag, []) if v is not None), default=None)


def first(tag: str) -> Value:
    """The first value over training."""
    return lambda seed: next((v for v in seed["training"].get(tag, []) if v is not None), None)


def rise(tag: str) -> Value:
    """The highest value over training less the first."""

    def found(seed: Seed) -> float | None:
        top, start = peak(tag)(seed), first(tag)(seed)
        return None if top is None or start is None else top - start

    return found


def difference(one: str, two: str) -> Value:
    """Of two figures of the last tenth of training."""

    def found(seed: Seed) -> float | None:
        a, b = seed["final"].get(one), seed["final"].get(two)
        return None if a is None or b is None else a - b

    return found


def extorting(key: str) -> Value:
    """A figure of the fit of extortion to play with the frozen policy, the least of all learners of the seed."""

    def found(seed: Seed) -> float | None:
        fits = [fit[key] for some in seed.get("extortion", {}).values() for fit in some if fit[key] is not None]
        return min(fits, default=None)

    return found


def responds_early(seed: Seed) -> float | None:
    """Late cooperation with TFT less that with ALLD, at its largest among policies exported along the way.

    Of those only that still cooperate with each other in less than half of the rounds.
    """
    found = []
    for rates in seed.get("along", {}).values():
        if LEARNER in rates and np.mean(rates[LEARNER]) < 0.5:
            late = {kind: np.mean(rates[kind][-30:-10]) for kind in ("tft", "alld")}
            found.append(float(late["tft"] - late["alld"]))
    return max(found, default=None)
