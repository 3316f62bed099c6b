"""What can be earned against a memory-1 co-player that is unknown: its five probabilities are drawn from Beta(a, b).

The Bayes-optimal value is that of a decision problem whose state is the last joint outcome and how often the co-player
has cooperated and defected after each one (Duff 2002, Bayes-adaptive MDP). It is computed exactly for short games; for
longer ones it lies between two values, both of a coarser state:

- above: the player is told the co-player's probability after an outcome once that outcome has occurred ``visits``
  times, which can only help;
- below: a policy that acts by those values as if it had been told the mean of its belief, played out by simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.beliefs import Beliefs, known_beliefs, told_beliefs
from coop_icl.seeding import Purpose, SeedNode, Stream

EXACT_ROUNDS = 16
"""Games no longer than this are solved exactly."""
EPISODES, BATCH = 100_000, 20_000
"""Simulated for the lower bound."""
UPPER = (6, 10)
LOWER = ((4, 16), (3, 12), (2, 9), (2, 5))
"""Visits before a probability is told, and how many values it can then have; below, the first that fits."""
MEMORY = 400e6
"""Bytes that the values of the lower bound may take."""


@dataclass(frozen=True)
class Ceiling:
    """What best responses earn a round, on average over the prior.

    Attributes:
        blind: the better of always cooperating and always defecting.
        lower, lower_error: of the Bayes-optimal value, and the standard error of the simulation.
        upper, upper_error: of the same, and the size of the error of its quadrature.
        exact: whether both bounds are the value itself.
        known: the best response to a co-player whose probabilities are known.
    """

    blind: float
    lower: float
    lower_error: float
    upper: float
    upper_error: float
    exact: bool
    known: float


def ceiling(
    payoffs: NDArray[np.floating], rounds: int, alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0
) -> Ceiling:
    """What can be earned; takes about ten seconds for long games, and is remembered.

    Args:
        payoffs: own ones [2, 2] by own and other action.
        rounds: length of the game.
        alpha: of the prior; beta: of the prior.
        gamma: discount per round; values are discounted returns over the sum of discounts.

    Raises:
        ValueError: if an argument is out of range.
    """
    if rounds < 1 or not (0 < alpha < np.inf and 0 < beta < np.inf) or not 0 < gamma <= 1:
        raise ValueError(
            f"rounds, alpha and beta must be positive and gamma in (0, 1], got {rounds, alpha, beta, gamma}"
        )
    table = np.asarray(payoffs, dtype=np.float64)
    return _ceiling(tuple(table.reshape(-1).tolist()), rounds, float(alpha), float(beta), float(gamma))


@lru_cache(maxsize=64)
def _ceiling(flat: tuple[float, ...], rounds: int, alpha: float, beta: float, gamma: float) -> Ceiling:
    payoffs = np.array(flat).reshape(2, 2)
    horizon = float(np.sum(gamma ** np.arange(rounds)))
    blind = max(fixed_value(payoffs, rounds, alpha, beta, action, gamma) for action in (0, 1)) / horizon
    known = known_value(payoffs, rounds, alpha, beta, gamma) / horizon
    if rounds <= EXACT_ROUNDS:
        value = exact_value(payoffs, rounds, alpha, beta, gamma) / horizon
        return Ceiling(blind, value, 0.0, value, 0.0, True, known)
    upper = upper_bound(payoffs, rounds, alpha, beta, gamma) / horizon
    rough = [upper_bound(payoffs, rounds, alpha, beta, gamma, (3, count)) for count in (UPPER[1], UPPER[1] + 4)]
    lower, error = lower_bound(payoffs, rounds, alpha, beta, gamma)
    quadrature = abs(rough[0] - rough[1]) / horizon
    return Ceiling(blind, lower / horizon, error / horizon, upper, quadrature, False, known)


def exact_value(payoffs: NDArray[np.float64], rounds: int, alpha: float, beta: float, gamma: float = 1.0) -> float:
    """The Bayes-optimal return, by backward induction over all counts that can occur; for a dozen rounds or so."""
    states = np.array([[outcome, *[0] * 8] for outcome in range(4)])  # last outcome, then counts [4, (C, D)]
    places = (rounds + 1) ** np.arange(8)
    layers = []
    for _ in range(rounds - 1):
        rows, last = np.arange(len(states)), states[:, 0]
        cooperated, defected = states[rows, 1 + 2 * last], states[rows, 2 + 2 * last]
        children = []
        for outcome in range(4):
            child = states.copy()
            child[rows, 1 + 2 * last + outcome % 2] += 1
            child[:, 0] = outcome
            children.append(child)
        every = np.concatenate(children)
        codes = every[:, 0] + 4 * (every[:, 1:] @ places)
        _, first, where = np.unique(codes, return_index=True, return_inverse=True)
        chance = (alpha + cooperated) / (alpha + beta + cooperated + defected)
        layers.append((chance, where.reshape(4, -1)))
        states = every[first]
    value = np.zeros(len(states))
    for chance, where in reversed(layers):
        value = _best(payoffs, chance, gamma * value[where])
    return float(_best(payoffs, np.array(alpha / (alpha + beta)), gamma * value[:4]))


def fixed_value(
    payoffs: NDArray[np.float64], rounds: int, alpha: float, beta: float, action: int, gamma: float = 1.0
) -> float:
    """Mean return of always taking one action, by a quadrature that is exact for games of up to 127 rounds.

    It is not the action's payoff against the mean: a co-player that has cooperated may be one that goes on doing so.
    """
    beliefs, weights = known_beliefs(min(rounds // 2 + 1, 64), alpha, beta)
    after_c, after_d = (grid.reshape(-1) for grid in np.meshgrid(beliefs.chance, beliefs.chance, indexing="ij"))
    likely = np.outer(weights, weights).reshape(-1)
    chance = np.full(len(likely), alpha / (alpha + beta))
    total = 0.0
    for t in range(rounds):
        mean = float(likely @ chance)
        total += gamma**t * float(payoffs[action] @ [mean, 1 - mean])
        chance = chance * after_c + (1 - chance) * after_d
    return total


def known_value(
    payoffs: NDArray[np.float64], rounds: int, alpha: float, beta: float, gamma: float = 1.0, count: int = 12
) -> float:
    """Mean return of the best response to a known co-player, by quadrature with ``count`` nodes a probability."""
    beliefs, weights = known_beliefs(count, alpha, beta)
    following = np.zeros((4, *[count] * 4)) if rounds == 1 else _last(beliefs, payoffs, rounds, gamma)
    for _ in range(4):
        following = following @ weights
    return float(sum(w * _best(payoffs, p, gamma * following) for w, p in zip(weights, beliefs.chance, strict=True)))


def upper_bound(
    payoffs: NDArray[np.float64],
    rounds: int,
    alpha: float,
    beta: float,
    gamma: float = 1.0,
    size: tuple[int, int] = UPPER,
) -> float:
    """A return that no policy exceeds (up to the quadrature): probabilities are told after ``size[0]`` visits."""
    return _from_start(_last(told_beliefs(*size, alpha, beta), payoffs, rounds, gamma), payoffs, alpha, beta, gamma)


def lower_bound(
    payoffs: NDArray[np.float64], rounds: int, alpha: float, beta: float, gamma: float = 1.0
) -> tuple[float, float]:
    """Return of a policy, and its standard error.

    The values by which it acts serve as a control variate: what chance did to them in an episode is taken off its
    return, which leaves the mean as it is.
    """
    fitting = [size for size in LOWER if 8 * rounds * told_beliefs(*size, alpha, beta).size ** 4 <= MEMORY]
    beliefs = told_beliefs(*(fitting or LOWER[-1:])[0], alpha, beta)
    series = [np.zeros((4, *[beliefs.size] * 4), dtype=np.float16)]
    for value in beliefs.backward(payoffs, rounds, gamma):
        series.append(value.astype(np.float16))
    node = SeedNode(0).child(Purpose.EVALUATE)
    found = [
        _simulate(beliefs, series[::-1], payoffs, gamma, min(BATCH, EPISODES), node.child(part).rng(Stream.CO_PLAYER))
        for part in range(max(1, EPISODES // BATCH))
    ]
    returns = np.concatenate(found)
    return float(returns.mean()), float(returns.std() / np.sqrt(len(returns)))


def _simulate(
    beliefs: Beliefs,
    series: list[NDArray[np.float16]],
    payoffs: NDArray[np.float64],
    gamma: float,
    episodes: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Returns of episodes less what chance did; ``series[t]`` are values [4, I, I, I, I] after round t."""
    alpha, beta = beliefs.prior
    places = beliefs.places(len(series))
    rows = np.arange(episodes)
    cooperated, seen = np.zeros((episodes, 4), dtype=np.int64), np.zeros((episodes, 4), dtype=np.int64)
    believed = np.full((episodes, 4), places[0, 0])
    last = None
    returns = np.zeros(episodes)
    for t, value in enumerate(series):
        chance = np.full(episodes, alpha / (alpha + beta))
        if last is not None:
            chance = (alpha + cooperated[rows, last]) / (alpha + beta + seen[rows, last])
        following = np.zeros((4, episodes))
        for reply in (0, 1):
            new = believed.copy()
            if last is not None:
                new[rows, last] = places[cooperated[rows, last] + 1 - reply, seen[rows, last] + 1]
            for action in (0, 1):
                following[2 * action + reply] = value[2 * action + reply][tuple(new.T)]
        expected = _choices(payoffs, chance, gamma * following)
        action = (expected[1] >= expected[0]).astype(np.int64)
        reply = (rng.random(episodes) >= chance).astype(np.int64)
        happened = payoffs[action, reply] + gamma * following[2 * action + reply, rows]
        returns += gamma**t * (payoffs[action, reply] - happened + expected[action, rows])
        if last is not None:
            cooperated[rows, last] += 1 - reply
            seen[rows, last] += 1
            believed[rows, last] = places[cooperated[rows, last], seen[rows, last]]
        last = 2 * action + reply
    return returns


def _last(beliefs: Beliefs, payoffs: NDArray[np.float64], rounds: int, gamma: float) -> NDArray[np.floating]:
    """Values [4, I, I, I, I] after the first round."""
    value = np.zeros((4, *[beliefs.size] * 4))
    for later in beliefs.backward(payoffs, rounds, gamma):
        value = later
    return value


def _from_start(
    value: NDArray[np.floating], payoffs: NDArray[np.float64], alpha: float, beta: float, gamma: float
) -> float:
    """The return from the first round on, when nothing is known."""
    return float(_best(payoffs, np.array(alpha / (alpha + beta)), gamma * value[:, 0, 0, 0, 0].astype(np.float64)))


def _choices(
    payoffs: NDArray[np.float64], chance: NDArray[np.floating], following: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Values [2, ...] of both actions when the co-player cooperates with ``chance`` [...]; following [4, ...]."""
    return np.stack(
        [
            chance * (payoffs[mine, 0] + following[2 * mine])
            + (1 - chance) * (payoffs[mine, 1] + following[2 * mine + 1])
            for mine in (0, 1)
        ]
    )


def _best(
    payoffs: NDArray[np.float64], chance: NDArray[np.floating] | float, following: NDArray[np.floating]
) -> NDArray[np.float64]:
    return _choices(payoffs, np.asarray(chance), following).max(0)
