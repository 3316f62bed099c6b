"""The cells of a grid, numbered row by row: moves between them, and drawing one of them.

Shapes use P players and B games.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOVES = (("right", 0, 1), ("left", 0, -1), ("down", 1, 0), ("up", -1, 0))
"""The first four actions: name, rows, columns."""


def next_cells(shape: tuple[int, int], actions: int, wrap: bool) -> NDArray[np.int64]:
    """The cell that each action leads to, [cells, actions]; actions after ``MOVES`` stay."""
    height, width = shape
    rows, columns = np.divmod(np.arange(height * width), width)
    found = np.tile(np.arange(height * width)[:, None], (1, actions))
    for action, (_, down, right) in enumerate(MOVES):
        row, column = rows + down, columns + right
        if wrap:
            row, column = row % height, column % width
        else:
            row, column = row.clip(0, height - 1), column.clip(0, width - 1)
        found[:, action] = row * width + column
    return found


def distances(next_cell: NDArray[np.int64]) -> NDArray[np.int64]:
    """Moves from cell to cell, [cells, cells], along ``next_cells``."""
    cells = len(next_cell)
    steps = np.zeros((cells, cells), dtype=np.bool_)
    steps[np.arange(cells)[:, None], next_cell] = True
    found = np.where(np.eye(cells, dtype=np.bool_), 0, cells)
    reached, length = np.eye(cells, dtype=np.bool_), 0
    while not reached.all():
        length += 1
        reached = reached @ steps | reached
        found = np.where(reached & (found == cells), length, found)
    return found


def pick(among: NDArray[np.bool_], numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """One of the cells marked in ``among`` [B, cells], each as likely, by numbers [B] in [0, 1); -1 if none is."""
    counts = among.cumsum(axis=1)
    wanted = (numbers * counts[:, -1]).astype(np.int64)  # below the count, as a number is below 1
    return np.where(counts[:, -1] > 0, (counts > wanted[:, None]).argmax(axis=1), -1)


def occupied(positions: NDArray[np.int64], cells: int) -> NDArray[np.bool_]:
    """Cells on which a player stands, [B, cells], from positions [P, B]."""
    found = np.zeros((positions.shape[1], cells), dtype=np.bool_)
    found[np.arange(positions.shape[1]), positions] = True
    return found
