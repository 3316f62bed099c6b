"""Figures over seeds: means with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import bootstrap, trim_mean

RESAMPLES, LEVEL = 9999, 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over seeds.

    Attributes:
        mean: of all; iqm: interquartile mean, without the lowest and the highest quarter.
        low, high: 95% bootstrap interval of the mean (percentile), None for one seed.
    """

    mean: float
    iqm: float
    low: float | None
    high: float | None


def interval(values: Sequence[float]) -> Interval:
    """The mean of one figure of several seeds; the same values give the same interval.

    Raises:
        ValueError: of no values.
    """
    if not len(values):
        raise ValueError("an interval needs at least one value")
    return _interval(tuple(float(value) for value in values))


@lru_cache(maxsize=1024)
def _interval(values: tuple[float, ...]) -> Interval:
    data = np.asarray(values, dtype=np.float64)
    mean, iqm = float(data.mean()), float(trim_mean(data, 0.25))
    if len(data) == 1:
        return Interval(mean, iqm, None, None)
    rng = np.random.default_rng(0)  # of the resampling only
    found = bootstrap((data,), np.mean, n_resamples=RESAMPLES, confidence_level=LEVEL, method="percentile", rng=rng)
    return Interval(mean, iqm, float(found.confidence_interval.low), float(found.confidence_interval.high))
