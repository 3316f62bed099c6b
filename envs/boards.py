"""Pictures of a board: one moment of a game on a grid, as text and as an image; several of them as a strip or a GIF."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.rendering import BAR, action_colors

GAP = np.array((150, 150, 150), dtype=np.uint8)
"""Between the boards of a strip."""

CROWD = "*"
"""Several players on one cell."""


class Board(NamedTuple):
    """One moment of a game on a grid.

    Attributes:
        ground: int [H, W], rows of ``legend``.
        legend: a letter and an RGB colour for each kind of ground.
        places: row and column of each player.
        frozen: whether each player is; it is drawn with a dark frame.
    """

    ground: NDArray[np.int64]
    legend: Sequence[tuple[str, tuple[int, int, int]]]
    places: Sequence[tuple[int, int]]
    frozen: Sequence[bool]


@runtime_checkable
class Boarded(Protocol):
    """A game that is played on a board."""

    def board(self) -> Board:
        """The first game of the batch, to be drawn."""
        ...


def board_text(board: Board) -> str:
    """A line per row; players are their seats' numbers, ``*`` where several share a cell."""
    letters = np.array([letter for letter, _ in board.legend])[board.ground]
    for seat, place in enumerate(board.places):
        letters[place] = CROWD if board.places.count(place) > 1 else str(seat)
    return "\n".join("".join(row) for row in letters)


def board_image(board: Board, cell: int = 16) -> NDArray[np.uint8]:
    """Image uint8 [H * cell, W * cell, 3]: ground, and a square for each player, side by side where they share a cell.

    Args:
        board: what to draw.
        cell: pixels of a cell's side, at least 4.

    Raises:
        ValueError: if cells are too small.
    """
    if cell < 4:
        raise ValueError(f"cell must be at least 4 pixels, got {cell}")
    image = np.array([color for _, color in board.legend], dtype=np.uint8)[board.ground]
    image = image.repeat(cell, axis=0).repeat(cell, axis=1)
    colors, edge = action_colors(len(board.places)), cell // 4
    for seat, (row, column) in enumerate(board.places):
        sharing = [other for other, place in enumerate(board.places) if place == (row, column)]
        cuts = np.linspace(column * cell + edge, (column + 1) * cell - edge, len(sharing) + 1).round().astype(int)
        top, bottom = row * cell + edge, (row + 1) * cell - edge
        left, right = cuts[sharing.index(seat)], cuts[sharing.index(seat) + 1]
        if board.frozen[seat]:
            image[top - 1 : bottom + 1, left - 1 : right + 1] = BAR
        image[top:bottom, left:right] = colors[seat]
    return image


def film_strip(frames: Sequence[NDArray[np.uint8]], columns: int = 10, gap: int = 4) -> NDArray[np.uint8]:
    """Images uint8 [h, w, 3] of one size side by side, ``columns`` in a row, as one image.

    Raises:
        ValueError: if there are none, or of different sizes.
    """
    if len({frame.shape for frame in frames}) != 1 or columns < 1:
        raise ValueError(f"frames must be at least one image, all of one size, got {[f.shape for f in frames[:3]]}")
    height, width, _ = frames[0].shape
    columns = min(columns, len(frames))
    rows = -(-len(frames) // columns)
    strip = np.empty((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), dtype=np.uint8)
    strip[:] = GAP
    for i, frame in enumerate(frames):
        row, column = (i // columns) * (height + gap), (i % columns) * (width + gap)
        strip[row : row + height, column : column + width] = frame
    return strip


def save_gif(path: str | PathLike[str], frames: Sequence[NDArray[np.uint8]], seconds: float = 0.2) -> None:
    """Write images uint8 [h, w, 3] of one size as an endless GIF, each shown for so long.

    Raises:
        ValueError: if there are none, or of different sizes.
    """
    if len({frame.shape for frame in frames}) != 1:
        raise ValueError(f"frames must be at least one image, all of one size, got {[f.shape for f in frames[:3]]}")
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(path, format="GIF", save_all=True, append_images=others, duration=round(seconds * 1000), loop=0)
