"""Memory-1 co-players: a probability of cooperating for each symbol that a round can end with.

In games of two players and two actions these are five, after start, CC, CD, DC, DD (own action first).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from coop_icl.populations.coplayer import State

Table = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From uniform numbers [B, n] to probabilities [B, S]."""


@dataclass(frozen=True)
class Memory1CoPlayer:
    """A co-player that is one table of cooperation probabilities an episode.

    Args:
        kind: family name.
        num_parameters: uniform numbers an episode consumes.
        table: maps uniforms [B, num_parameters] to probabilities [B, S] of action 0 (cooperate), S = 5 of two players.
    """

    kind: str
    num_parameters: int
    table: Table
    observes: Literal["outcomes", "observations"] = "outcomes"

    def initial_state(self, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """The episode's cooperation probabilities [B, S]."""
        return self.table(uniforms)

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """Cooperate (0) where the uniform number lies below the probability for the outcome seen [B]."""
        cooperate = state[np.arange(len(seen)), seen]
        return (uniforms >= cooperate).astype(np.int64), state


def fixed(kind: str, probabilities: Sequence[float], symbols: int = 5) -> Memory1CoPlayer:
    """A memory-1 policy that is the same in every episode.

    Raises:
        ValueError: unless there are as many probabilities in [0, 1] as symbols.
    """
    table = np.asarray(probabilities, dtype=np.float64)
    if table.shape != (symbols,) or not ((table >= 0) & (table <= 1)).all():  # so put, NaN is refused too
        number = "five" if symbols == 5 else str(symbols)
        raise ValueError(f"probabilities of '{kind}' must be {number} numbers in [0, 1], got {list(probabilities)}")
    return Memory1CoPlayer(kind, 0, lambda uniforms: np.tile(table, (len(uniforms), 1)))


def tabular(alpha: float = 1.0, beta: float = 1.0, kind: str = "tabular", symbols: int = 5) -> Memory1CoPlayer:
    """Tabular agents: probabilities drawn from Beta(alpha, beta) for each episode; (1, 1) is uniform (paper)."""
    return Memory1CoPlayer(kind, symbols, beta_prior(alpha, beta, kind))


def beta_prior(alpha: float, beta: float, kind: str) -> Table:
    """From uniform numbers to probabilities drawn from Beta(alpha, beta), whatever their shape.

    Raises:
        ValueError: unless both are positive and finite; ``kind`` is whose they are.
    """
    if not (0 < alpha < np.inf and 0 < beta < np.inf):
        raise ValueError(f"alpha and beta of '{kind}' must be positive numbers, got {alpha} and {beta}")
    if alpha == beta == 1.0:
        return lambda uniforms: uniforms
    return lambda uniforms: betaincinv(alpha, beta, uniforms)


def zero_determinant(
    chi: float, payoffs: NDArray[np.floating], phi: float | None = None, generous: bool = False, kind: str = ""
) -> Memory1CoPlayer:
    """A zero-determinant strategy (Press & Dyson 2012; generous: Stewart & Plotkin 2013).

    Enforces own - l = chi * (other - l) on the long-run mean payoffs of any co-player, with l = P (extortion) or
    l = R (generous: it bears chi times the loss), by p - (1, 1, 0, 0) = phi * ((own - l) - chi * (other - l)).

    Args:
        chi: slope of the enforced line, at least 1.
        payoffs: own payoffs [2, 2] by own and other action, a prisoner's dilemma with T > R > P > S.
        phi: scale of the strategy; None takes half of the largest feasible one.
        generous: enforce the line through (R, R) instead of (P, P).
        kind: family name; by default ``extort_<chi>`` or ``generous_<chi>``.

    Raises:
        ValueError: if the game is no prisoner's dilemma, chi < 1, or phi is out of reach.
    """
    (r, s), (t, p) = np.asarray(payoffs, dtype=np.float64)
    if not t > r > p > s:
        raise ValueError("zero-determinant co-players need a prisoner's dilemma (T > R > P > S)")
    if not 1 <= chi < np.inf:
        raise ValueError(f"chi must be at least 1, got {chi}")
    level = r if generous else p
    own, other = np.array([r, s, t, p]), np.array([r, t, s, p])
    direction = (own - level) - chi * (other - level)
    base = np.array([1.0, 1.0, 0.0, 0.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(direction > 0, (1 - base) / direction, np.where(direction < 0, base / -direction, np.inf))
    largest = float(room.min())
    chosen = largest / 2 if phi is None else phi
    name = kind or f"{'generous' if generous else 'extort'}_{chi:g}"
    if not 0 < chosen <= largest * (1 + 1e-9):
        raise ValueError(f"phi of '{name}' must be in (0, {largest:.4g}], got {chosen:.4g}")
    table = np.clip(base + chosen * direction, 0.0, 1.0)
    return fixed(name, (1.0 if generous else 0.0, *table.tolist()))
