"""What co-players in games on a grid share: reading the grid, ways to what they want, and choices that last a while.

Shapes use B games, C planes, A actions. States are structured arrays, one row a game.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from envs.batched import BatchedGame
from envs.cells import MOVES
from envs.grid import GridGame

STEP = (np.sqrt(5) - 1) / 2
"""Of the sequence in ``drawn``: the golden ratio's fractional part spreads the most evenly."""


@dataclass(frozen=True)
class Sight:
    """Where an observation has its grid, and how its cells hang together.

    Attributes:
        start: first column of the grid.
        shape: planes and cells.
        next_cell: the cell that each action leads to, [cells, A].
        distance: moves from cell to cell.
        walks: actions that only move or stay, [A].
        players: P, the first planes.
    """

    start: int
    shape: tuple[int, int]
    next_cell: NDArray[np.int64]
    distance: NDArray[np.int64]
    walks: NDArray[np.bool_]
    players: int

    def planes(self, seen: NDArray[np.float32]) -> NDArray[np.bool_]:
        """The grid of observations [B, F], as bool [B, C, cells]."""
        planes, cells = self.shape
        return seen[:, self.start : self.start + planes * cells].reshape(-1, planes, cells) > 0.5

    def towards(
        self, place: NDArray[np.int64], targets: NDArray[np.bool_], barred: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Moves that remain after each action, [B, A], from cells [B] to the nearest target [B, cells].

        Ways lead around cells that are ``barred`` [B, cells]. Where there is no way, it is the number of cells; after
        actions that enter a barred cell or do more than walk, one more.
        """
        cells = self.shape[1]
        barred = np.zeros_like(targets) if barred is None else barred
        field = np.where(targets & ~barred, 0, cells)
        neighbours, reached = self.next_cell[:, : len(MOVES)], targets & ~barred
        for step in range(1, cells):
            new = reached[:, neighbours].any(axis=2) & ~reached & ~barred
            if not new.any():
                break
            field[new], reached = step, reached | new
        batch, ways = np.arange(len(place))[:, None], self.next_cell[place]
        entered = barred[batch, ways] & (ways != place[:, None])
        return np.where(self.walks & ~entered, field[batch, ways], cells + 1)


def sight(game: BatchedGame) -> Sight:
    """How to see in ``game``.

    Raises:
        ValueError: one line, if it does not show the grid.
    """
    at = 0
    for part, width in game.spec.features:
        if part == "grid" and game.spec.grid is not None:
            planes, height, length = game.spec.grid
            grid = cast("GridGame", game)
            walks = np.array([name != "zap" for name in grid.actions])
            return Sight(at, (planes, height * length), grid.next_cell, grid.distance, walks, game.spec.num_players)
        at += width
    raise ValueError(f"{game.spec.name} does not show its grid; add 'grid' to game.options.observe")


def least(costs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The cheapest actions of each game, [B, A]."""
    return costs == costs.min(axis=1, keepdims=True)


def choose(among: NDArray[np.bool_], uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
    """One of the actions marked in ``among`` [B, A], each as likely; small numbers [B] choose the first."""
    counts = among.cumsum(axis=1)
    return (counts > (uniforms * counts[:, -1]).astype(np.int64)[:, None]).argmax(axis=1)


def drawn(shift: NDArray[np.float64], count: NDArray[np.integer], chance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Choices number ``count`` [B] of an episode, each True with probability ``chance`` [B].

    Made by an evenly spread sequence that starts at an episode's own number ``shift`` in [0, 1), so that a choice which
    lasts for several rounds needs no number of its own. Over an episode True comes about as often as it should.
    """
    return (shift + STEP * count) % 1.0 < chance


def checked(kind: str, given: object, count: int) -> NDArray[np.float64]:
    """``given`` as so many probabilities.

    Raises:
        ValueError: one line, if it is anything else.
    """
    try:
        table = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        table = np.zeros(0)
    if table.shape != (count,) or not ((table >= 0) & (table <= 1)).all():
        raise ValueError(f"probabilities of '{kind}' must be {count} numbers in [0, 1], got {given!r}")
    return table
