"""Co-players of the public goods game; each is a probability of contributing for every symbol.

Dimensions: n players, S = 1 + 2 n symbols: start, then the own action and how many of the others kept theirs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.memory_one import Memory1CoPlayer, fixed, tabular
from envs.batched import BatchedGame
from envs.checks import share


def conditional(game: BatchedGame, at_least: int | None = None, first: float = 1.0, kind: str = "") -> CoPlayer:
    """A conditional cooperator (Fischbacher, Gaechter & Fehr 2001), as a threshold.

    Args:
        game: what is played.
        at_least: contributes after rounds in which so many of the others did, from 0 to n - 1; by default half of
            them, rounded up.
        first: probability of contributing in the first round.
        kind: family name; by default ``conditional_<at_least>``.

    Raises:
        ValueError: naming what is out of range.
    """
    others = game.spec.num_players - 1
    least = (others + 1) // 2 if at_least is None else at_least
    share("first", first)
    if not isinstance(least, int) or not 0 <= least <= others:
        raise ValueError(f"at_least of 'conditional' must be a whole number from 0 to {others}, got {at_least!r}")
    follows = (others - np.arange(others + 1) >= least).astype(float).tolist()
    return fixed(kind or f"conditional_{least}", (first, *follows, *follows), game.spec.num_outcomes)


def _tabular(game: BatchedGame, alpha: float = 1.0, beta: float = 1.0, kind: str = "tabular") -> Memory1CoPlayer:
    return tabular(alpha, beta, kind, game.spec.num_outcomes)


def _always(kind: str, probability: float) -> Callable[[BatchedGame], CoPlayer]:
    return lambda game: fixed(kind, (probability,) * game.spec.num_outcomes, game.spec.num_outcomes)


def _random(game: BatchedGame, p: float = 0.5) -> CoPlayer:
    share("p", p)
    return fixed(f"random_{p:g}", (p,) * game.spec.num_outcomes, game.spec.num_outcomes)


CO_PLAYERS: dict[str, Callable[..., CoPlayer]] = {
    "allc": _always("allc", 1.0),
    "alld": _always("alld", 0.0),
    "random": _random,
    "tabular": _tabular,
    "conditional": conditional,
}
"""By name, as ``registry.CO_PLAYERS``."""
