"""Nash equilibria of an empirical symmetric game, each checked by its regret.

Enumeration of supports grows with 4^n and that of vertices exponentially too, and the path of Lemke and Howson pivots
beyond what floating point holds. Of larger games all pure equilibria are found, and those mixed ones at which
replicator dynamics come to rest. Payoffs are means of samples: what lies within their error of an equilibrium may be
one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.seeding import Purpose, SeedNode, Stream

SUPPORTS, VERTICES = 5, 8
"""Largest games whose supports, and whose vertices, are enumerated."""
KEPT = 20
"""Equilibria listed."""
REGRET = 1e-4
"""Largest regret of an equilibrium, as a share of the range of payoffs."""
STEPS, STARTS = 20_000, 32
"""Of the replicator dynamics; the first start is the uniform mixture."""


def equilibria(payoffs: NDArray[np.floating], names: Sequence[str]) -> dict[str, Any]:
    """Equilibria of the game in which row and column player have the same strategies and ``payoffs`` [n, n].

    Returns:
        ``method``: how they were looked for. ``found``: up to ``KEPT`` pairs of mixtures (``row``, ``column``, weights
        by name), whether they are ``symmetric``, both payoffs and the ``regret``, the most that either could gain.
        ``pure``: names of strategies that are best responses to themselves. ``replicator``: where the replicator
        dynamics go from the uniform mixture, with its regret; they need not come to rest.
    """
    game = np.asarray(payoffs, dtype=np.float64)
    limit = REGRET * float(np.ptp(game)) + 1e-12
    rests = _replicator(game)
    method, candidates = _candidates(game, rests, limit)
    found: list[dict[str, Any]] = []
    seen: set[tuple[float, ...]] = set()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of degenerate games, which ties between strategies make
        for row, column in islice(candidates, 50 * KEPT):
            pair = _mixtures(row, column, len(game))
            if pair is None or len(found) == KEPT or (regret := _regret(game, *pair)) > limit:
                continue
            one, two = sorted((pair[0], pair[1]), key=tuple, reverse=True)  # the game is symmetric
            key = tuple(np.round(np.concatenate([one, two]), 4))
            if key not in seen:
                seen.add(key)
                found.append(_described(game, one, two, regret, names))
    return {
        "method": method,
        "found": found,
        "pure": [names[i] for i in range(len(game)) if game[i, i] >= game[:, i].max() - limit],
        "replicator": {"mixture": _weights(rests[0], names), "regret": round(_regret(game, rests[0], rests[0]), 6)},
    }


def _candidates(
    game: NDArray[np.float64], rests: NDArray[np.float64], limit: float
) -> tuple[str, Iterable[tuple[Any, Any]]]:
    """How equilibria are looked for, and pairs of mixtures that may be some."""
    import nashpy

    both = nashpy.Game(game, game.T)
    if len(game) <= SUPPORTS:
        return "support enumeration", both.support_enumeration()
    best = game >= game.max(0) - limit  # row is a best response to column
    each = np.eye(len(game))
    pure = [(each[i], each[j]) for i, j in np.argwhere(best & best.T) if i <= j]
    few = [*pure[: 10 * KEPT], *((rest, rest) for rest in rests)]
    if len(game) <= VERTICES:  # which finds none where all is tied
        return "vertex enumeration", chain(few, _survive(both.vertex_enumeration()))
    return "pure ones, and rests of replicator dynamics", few


def _survive(candidates: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """What comes before an algorithm gives up, as these may in degenerate games."""
    try:
        yield from candidates
    except Exception as error:  # of qhull or numpy, which have no common base
        warnings.warn(f"search for equilibria ended early: {error}", stacklevel=2)


def _mixtures(row: Any, column: Any, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Both as distributions [n], None if they are none."""
    pair = []
    for one in (row, column):
        weights = np.asarray(one, dtype=np.float64)
        if weights.shape != (size,) or not np.isfinite(weights).all() or weights.min() < -1e-6:
            return None
        weights = np.maximum(weights, 0)
        if not 0.99 < weights.sum() < 1.01:
            return None
        pair.append(weights / weights.sum())
    return pair[0], pair[1]


def _regret(game: NDArray[np.float64], row: NDArray[np.float64], column: NDArray[np.float64]) -> float:
    """The most that either player could gain by another strategy."""
    of_row, of_column = game @ column, game @ row
    return float(max(of_row.max() - row @ of_row, of_column.max() - column @ of_column))


def _replicator(game: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where replicator dynamics (Taylor and Jonker 1978) are after many exponential steps, [STARTS, n]."""
    scaled = (game - game.min()) / max(np.ptp(game), 1e-12)
    drawn = SeedNode(0).child(Purpose.EVALUATE).rng(Stream.GAME).dirichlet(np.full(len(game), 0.5), STARTS - 1)
    mixtures = np.concatenate([np.full((1, len(game)), 1 / len(game)), np.maximum(drawn, 1e-9)])
    for _ in range(STEPS):
        mixtures = mixtures * np.exp(0.1 * (mixtures @ scaled.T))
        mixtures /= mixtures.sum(1, keepdims=True)
    return mixtures


def _described(
    game: NDArray[np.float64],
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    regret: float,
    names: Sequence[str],
) -> dict[str, Any]:
    return {
        "row": _weights(row, names),
        "column": _weights(column, names),
        "symmetric": bool(np.abs(row - column).max() < 1e-4),
        "payoffs": [round(float(row @ game @ column), 4), round(float(column @ game @ row), 4)],
        "regret": round(regret, 6),
    }


def _weights(mixture: NDArray[np.float64], names: Sequence[str]) -> dict[str, float]:
    return {name: round(float(w), 4) for name, w in zip(names, mixture, strict=True) if w > 5e-4}
