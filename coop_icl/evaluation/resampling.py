"""Intervals over episodes: the bootstrap of means, and of what is computed from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coop_icl.seeding import SeedNode, Stream

RESAMPLES, LEVEL = 2000, 0.95


def resampled_means(values: NDArray[np.floating], node: SeedNode) -> NDArray[np.float64]:
    """Means [R, C] of R samples, drawn with replacement, of episodes [E, C].

    Episodes are drawn whole: columns of one row stay together. The first of the R is the sample itself.
    """
    number = len(values)
    counts = node.rng(Stream.GAME).multinomial(number, np.full(number, 1 / number), RESAMPLES)
    return np.concatenate([np.ones((1, number)), counts]) @ np.asarray(values, dtype=np.float64) / number


def interval(samples: NDArray[np.floating]) -> dict[str, float]:
    """``value`` of the sample itself (the first of [R]) and the 95% percentile interval, ``low`` and ``high``."""
    low, high = np.quantile(samples[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {key: round(float(x), 4) for key, x in (("value", samples[0]), ("low", low), ("high", high))}
