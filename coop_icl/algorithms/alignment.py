"""Advantage Alignment: advantages that also credit what is good for a co-player after it was good to play with it.

Duque et al. (2025), *Advantage Alignment Algorithms*, ICLR, arXiv 2406.14662. Shapes [T, ...], time first.
"""

from __future__ import annotations

from torch import Tensor

from coop_icl.algorithms.returns import discounted_sums


def aligned(own: Tensor, other: Tensor, gamma: float, weight: float) -> Tensor:
    """Own advantages plus ``weight`` times the discounted sum of the past ones times the co-player's present one.

    A*_t = A1_t + weight * (sum over k < t of gamma^(t - k) A1_k) * A2_t: after rounds that went better than expected
    the actions that are good for the co-player become likelier, after rounds that went worse those that are bad for it.

    Args:
        own: advantages [T, ...] of the learner.
        other: those of its co-player in the same rounds.
        gamma: discount.
        weight: beta in the paper; 0 gives the own advantages.
    """
    flat = own.reshape(len(own), -1)
    past = discounted_sums(flat.flip(0), gamma).flip(0) - flat
    return own + weight * past.view_as(own) * other
