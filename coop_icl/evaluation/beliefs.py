"""What is believed of one probability of a co-player, as a finite set of states; and values over four of them.

The same set serves for the probabilities after CC, CD, DC and DD. Outcomes are numbered as the focal player sees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Beliefs:
    """I states of belief about a probability drawn from Beta(a, b).

    Attributes:
        chance: [I], probability that the co-player cooperates, as believed.
        moves: [2, I, I], probability of the next belief after it cooperated (0) or defected (1).
        visits: observations before the probability itself is told; the first states are counts below that.
        prior: a and b.
    """

    chance: Floats
    moves: Floats
    visits: int
    prior: tuple[float, float]

    @property
    def size(self) -> int:
        """I."""
        return len(self.chance)

    def places(self, rounds: int) -> NDArray[np.int64]:
        """The state [rounds + 1, rounds + 1] nearest to a belief, by cooperations and observations."""
        cooperated, seen = np.meshgrid(np.arange(rounds + 1), np.arange(rounds + 1), indexing="ij")
        mean = (self.prior[0] + cooperated) / (sum(self.prior) + seen)
        counts = self.visits * (self.visits + 1) // 2
        told = counts + np.abs(self.chance[counts:] - mean[:, :, None]).argmin(2)
        return np.where(seen < self.visits, np.minimum(seen * (seen + 1) // 2 + cooperated, counts - 1), told)

    def backward(self, payoffs: Floats, rounds: int, gamma: float) -> Iterator[NDArray[np.float32]]:
        """Best values [4, I, I, I, I] by last outcome and beliefs after each, from the last round back to the second.

        Single precision: a value of a hundred rounds is right to about 1e-4.
        """
        size = self.size
        chances = np.stack([self.chance, 1 - self.chance]).astype(np.float32)
        moves = gamma * chances[:, :, None] * self.moves.astype(np.float32)
        value = np.zeros((4, size, size, size, size), dtype=np.float32)
        for _ in range(rounds - 1):
            earlier = np.empty_like(value)
            for last in range(4):
                choices = []
                for action in (0, 1):
                    paid = chances.T @ payoffs[action].astype(np.float32)
                    following = [
                        moves[reply] @ np.moveaxis(value[2 * action + reply], last, 0).reshape(size, -1)
                        for reply in (0, 1)
                    ]
                    choices.append(following[0] + following[1] + paid[:, None])
                best = np.maximum(*choices).reshape([size] * 4)
                earlier[last] = np.moveaxis(best, 0, last)
            value = earlier
            yield value


def told_beliefs(visits: int, count: int, alpha: float, beta: float) -> Beliefs:
    """Exact beliefs for fewer than ``visits`` observations; with the last of them the probability is told.

    What is told is one of ``count`` values: the prior is replaced by its Gauss quadrature, which has its first
    2 count - 1 moments.
    """
    values, weights = _quadrature(count, alpha, beta)
    counts = [(cooperated, seen) for seen in range(visits) for cooperated in range(seen + 1)]
    place = {pair: i for i, pair in enumerate(counts)}
    size = len(counts) + count
    chance, moves = np.zeros(size), np.zeros((2, size, size))
    chance[len(counts) :] = values
    for (cooperated, seen), i in place.items():
        chance[i] = (alpha + cooperated) / (alpha + beta + seen)
        for reply in (0, 1):
            new = cooperated + 1 - reply, seen + 1
            if new in place:
                moves[reply, i, place[new]] = 1.0
            else:
                likely = weights * values ** new[0] * (1 - values) ** (new[1] - new[0])
                moves[reply, i, len(counts) :] = likely / likely.sum()
    told = np.arange(len(counts), size)
    moves[:, told, told] = 1.0
    return Beliefs(chance, moves, visits, (alpha, beta))


def known_beliefs(count: int, alpha: float, beta: float) -> tuple[Beliefs, Floats]:
    """Probabilities that are known from the start, and the weight [count] of each."""
    values, weights = _quadrature(count, alpha, beta)
    return Beliefs(values, np.stack([np.eye(count)] * 2), 0, (alpha, beta)), weights


def _quadrature(count: int, alpha: float, beta: float) -> tuple[Floats, Floats]:
    """Values [count] and weights [count] that stand for Beta(alpha, beta)."""
    nodes, weights = roots_jacobi(count, beta - 1, alpha - 1)
    return (nodes + 1) / 2, weights / weights.sum()
