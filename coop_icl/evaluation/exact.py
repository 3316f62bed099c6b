"""Exact values of memory-1 policies in two-player, two-action games, over a fixed number of rounds.

States are joint outcomes from the focal player's view: start, CC, CD, DC, DD. The co-player sees CD as DC.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIRROR = np.array([0, 1, 3, 2, 4])
"""Each joint outcome as the other player sees it."""


def pair_payoffs(
    focal: NDArray[np.floating], other: NDArray[np.floating], payoffs: NDArray[np.floating], rounds: int
) -> NDArray[np.float64]:
    """Expected payoffs of the focal player by round, [rounds], between memory-1 policies.

    Args:
        focal: five cooperation probabilities.
        other: the same of the co-player, in its own view.
        payoffs: [2, 2] by focal and co-player's action.
        rounds: length of the game.
    """
    after = _transitions(np.asarray(focal), np.asarray(other))
    state = np.eye(5)[0]
    values = np.concatenate([[0.0], np.asarray(payoffs, dtype=np.float64).reshape(-1)])
    series = []
    for _ in range(rounds):
        state = state @ after
        series.append(state @ values)
    return np.array(series)


def best_response(
    other: NDArray[np.floating], payoffs: NDArray[np.floating], rounds: int, gamma: float = 1.0
) -> tuple[float, NDArray[np.int64]]:
    """Value and actions of the best response to a *known* memory-1 policy, by backward induction.

    Args:
        other: five cooperation probabilities of the co-player, in its own view.
        payoffs: [2, 2] by focal and co-player's action.
        rounds: length of the game.
        gamma: discount per round.

    Returns:
        The discounted return from the start, and the best action [rounds, 5] by round and state (ties cooperate).
    """
    cooperates = np.asarray(other, dtype=np.float64)[MIRROR]
    table = np.asarray(payoffs, dtype=np.float64)
    value = np.zeros(5)
    actions = np.zeros((rounds, 5), dtype=np.int64)
    for t in range(rounds - 1, -1, -1):
        # outcome after (own action a, other's action b) is state 1 + 2 a + b
        total = table + gamma * value[1:].reshape(2, 2)
        choices = cooperates[:, None] * total[:, 0] + (1 - cooperates)[:, None] * total[:, 1]
        actions[t] = choices[:, 1] > choices[:, 0] + 1e-12
        value = choices.max(axis=1)
    return float(value[0]), actions


def _transitions(focal: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability [5, 5] of each joint outcome after each one."""
    mine, theirs = focal, other[MIRROR]
    after = np.zeros((5, 5))
    after[:, 1:] = np.stack(
        [mine * theirs, mine * (1 - theirs), (1 - mine) * theirs, (1 - mine) * (1 - theirs)], axis=1
    )
    return after
