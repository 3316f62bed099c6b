"""How near a policy is to a zero-determinant extortioner: its memory-1 summary, and the fit of Press & Dyson's family.

W. Press and F. Dyson, "Iterated Prisoner's Dilemma contains strategies that dominate any evolutionary opponent", PNAS
109 (2012), equation 11. Payoffs are T > R > P > S; the baseline is P.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

BASE = np.array([1.0, 1.0, 0.0, 0.0])
"""The policy that repeats its own last action, at phi 0."""
RANDOM_POLICIES = 200
"""Drawn from U(0,1)^4 to say how well the family fits by chance."""
LEAST = 1e-4
"""Below this phi the slope chi is not determined."""


@dataclass(frozen=True)
class ExtortionFit:
    """The extortioner nearest to a policy.

    Attributes:
        phi: scale of the strategy, as Press and Dyson write it (times P - S).
        chi: slope of the line that it enforces; None where phi is 0 or too few outcomes occurred to tell.
        fitted: its cooperation probabilities after CC, CD, DC, DD.
        residual: root mean square distance to the policy, over the outcomes that occurred.
        random_residual: median of the same for policies drawn at random.
        worse_at_random: share of those that the family fits worse.
    """

    phi: float
    chi: float | None
    fitted: NDArray[np.float64]
    residual: float
    random_residual: float
    worse_at_random: float


def memory1_response(
    outcomes: NDArray[np.integer], actions: NDArray[np.integer], mask: NDArray[np.bool_], num_outcomes: int = 5
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cooperation frequency [K] after each joint outcome that a player saw, and how often it saw each [K].

    Args:
        outcomes: [T, N], what was seen before the round; actions: [T, N], 0 is cooperation; mask: bool [T, N].
        num_outcomes: K.

    Returns:
        Frequencies, NaN for an outcome that did not occur.
    """
    seen, cooperated = outcomes[mask], actions[mask] == 0
    visits = np.bincount(seen, minlength=num_outcomes)
    sums = np.bincount(seen[cooperated], minlength=num_outcomes)
    return np.where(visits > 0, sums / np.maximum(visits, 1), np.nan), visits.astype(np.int64)


def extortioner(phi: float, chi: float, payoffs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cooperation probabilities [4] after CC, CD, DC, DD; ``payoffs`` are own ones [2, 2] by own and other action."""
    return BASE + _directions(payoffs) @ np.array([phi, phi * (chi - 1)])


def fit_extortion(policy: NDArray[np.floating], payoffs: NDArray[np.floating]) -> ExtortionFit:
    """The extortioner nearest to ``policy`` in least squares, with all its probabilities in [0, 1] and chi >= 1.

    Args:
        policy: cooperation probabilities [4] after CC, CD, DC, DD, NaN where unknown.
        payoffs: own ones [2, 2] by own and other action.

    Raises:
        ValueError: if the game is no prisoner's dilemma, or nothing is known of the policy.
    """
    known = np.isfinite(policy)
    if not known.any():
        raise ValueError("a fit needs at least one known probability")
    target = np.asarray(policy, dtype=np.float64)
    weights, residual = _nearest(target, _directions(payoffs), known)
    random = _random_residuals(np.asarray(payoffs, dtype=np.float64).tobytes(), tuple(known.tolist()))
    determined = weights[0] > LEAST and np.linalg.matrix_rank(_directions(payoffs)[known]) == 2
    return ExtortionFit(
        phi=float(weights[0]),
        chi=float(1 + weights[1] / weights[0]) if determined else None,
        fitted=BASE + _directions(payoffs) @ weights,
        residual=residual,
        random_residual=float(np.median(random)),
        worse_at_random=float(np.mean(random > residual)),
    )


def _directions(payoffs: NDArray[np.floating]) -> NDArray[np.float64]:
    """[4, 2]: a policy of the family is ``BASE`` + this @ (phi, phi (chi - 1)), linear in both."""
    (r, s), (t, p) = np.asarray(payoffs, dtype=np.float64)
    if not t > r > p > s:
        raise ValueError("extortion is of a prisoner's dilemma (T > R > P > S)")
    reward, temptation = (r - p) / (p - s), (t - p) / (p - s)
    return np.array([[0, -reward], [-1 - temptation, -temptation], [1 + temptation, 1.0], [0, 0]])


def _nearest(
    target: NDArray[np.float64], directions: NDArray[np.float64], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """Weights [2] of the directions, and the root mean square residual over ``known``: a convex quadratic program."""
    design, aim = directions[known], (target - BASE)[known]
    bounded = np.sign(directions.sum(1))  # probabilities that start at 1 must not fall below 0, nor those at 0 exceed 1
    rows = directions[bounded != 0] * bounded[bounded != 0, None]
    found = minimize(
        lambda x: ((design @ x - aim) ** 2).sum(),
        np.zeros(2),
        jac=lambda x: 2 * design.T @ (design @ x - aim),
        method="SLSQP",
        bounds=[(0, None), (0, None)],
        constraints={"type": "ineq", "fun": lambda x: 1 - rows @ x, "jac": lambda x: -rows},
        options={"ftol": 1e-14, "maxiter": 200},
    )
    weights = np.maximum(found.x, 0.0)
    return weights, float(np.sqrt(((design @ weights - aim) ** 2).mean()))


@lru_cache(maxsize=32)
def _random_residuals(payoffs: bytes, known: tuple[bool, ...]) -> NDArray[np.float64]:
    """Residuals of ``RANDOM_POLICIES`` policies, over the outcomes that are known."""
    directions = _directions(np.frombuffer(payoffs).reshape(2, 2))
    draws = np.random.default_rng(0).random((RANDOM_POLICIES, 4))  # of the comparison only
    return np.array([_nearest(draw, directions, np.array(known))[1] for draw in draws])
