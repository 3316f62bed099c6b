"""From action scores and uniform numbers to actions: the one place where a policy's choice is drawn."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


def sample(scores: torch.Tensor, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Actions [N] by inverting the distribution of scores [N, A] at uniforms [N]; small ones take action 0."""
    if scores.shape[1] == 2:
        first = torch.sigmoid(scores[:, 0] - scores[:, 1]).numpy()
        return (uniforms >= first).astype(np.int64)
    below = torch.softmax(scores, 1).cumsum(1)[:, :-1].numpy()
    return (uniforms[:, None] >= below).sum(1)
