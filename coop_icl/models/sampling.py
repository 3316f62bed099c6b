"""From action scores and uniform numbers to actions: the one place where a policy's choice is defined."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray

LEAST = -104.0
"""Logit below which a probability is 0 in single precision."""


def thresholds(uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logit of uniform numbers in [0, 1): of two actions the first is taken where its lead in score is larger."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(uniforms) - np.log1p(-uniforms), LEAST)


def log_probabilities(scores: torch.Tensor) -> torch.Tensor:
    """Log-softmax of scores [..., A].

    The same bits for a row whatever its place in memory and the number of rows (``torch.log_softmax`` treats the last
    few apart), so that an episode replays exactly; and faster for few actions.
    """
    planes = scores.movedim(-1, 0)
    shifted = planes - planes.detach().amax(0)
    total = functools.reduce(torch.add, shifted.exp().unbind(0))
    return (shifted - total.log()).movedim(0, -1)


def sample(scores: torch.Tensor, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Actions [N] by inverting the distribution of scores [N, A] at uniforms [N]; small ones take action 0."""
    if scores.shape[1] == 2:
        return (thresholds(uniforms) >= (scores[:, 0] - scores[:, 1]).numpy()).astype(np.int64)
    below = torch.softmax(scores, 1).cumsum(1)[:, :-1].numpy()
    return (uniforms[:, None] >= below).sum(1)
