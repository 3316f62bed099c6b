"""Zapping, where a game has it: who is hit waits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RANGE, SUCCESS, FREEZE = 2, 0.9, 5
"""How far a zap reaches, in moves; how often it hits; how many rounds it freezes (the paper's CleanUp-lite)."""


def zap(
    zapping: NDArray[np.bool_],
    positions: NDArray[np.int64],
    frozen: NDArray[np.int64],
    distance: NDArray[np.int64],
    numbers: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Rounds to wait [P, B] after the zaps of a round.

    A zap has no direction: it reaches every other player at most ``RANGE`` moves away, and hits all of them or none.
    It does nothing to who is frozen already, so nobody is kept frozen for ever. All zaps of a round are simultaneous.

    Args:
        zapping: who zaps [P, B]; players that are frozen must not be among them.
        positions: cells [P, B].
        frozen: rounds still to wait [P, B].
        distance: moves from cell to cell.
        numbers: uniforms [P, B], one a player; below ``SUCCESS`` its zap hits.
    """
    hits = zapping & (numbers < SUCCESS)
    if not hits.any():
        return frozen
    near = distance[positions[:, None], positions[None, :]] <= RANGE  # [who zaps, whom, B]
    near &= ~np.eye(len(positions), dtype=np.bool_)[:, :, None]
    hit = (near & hits[:, None]).any(axis=0)
    return np.where(hit & (frozen == 0), FREEZE, frozen)


def first_to(arrived: NDArray[np.bool_], positions: NDArray[np.int64], numbers: NDArray[np.float64]) -> NDArray:
    """Who gets what lies on a cell, bool [P, B], where several have ``arrived`` [P, B]: each of them as likely.

    Args:
        arrived: who could get something.
        positions: cells [P, B].
        numbers: uniforms [P, B]; the least number of those on a cell wins.
    """
    numbers = np.where(arrived, numbers, 2.0)
    together = positions[:, None] == positions[None, :]
    least = np.where(together, numbers[None, :], 2.0).min(axis=1)
    return arrived & (numbers == least)
