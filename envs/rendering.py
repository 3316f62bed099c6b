"""Pictures of one episode, as text and as an image strip; shapes use T rounds and P players."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

PALETTE = np.array(
    [(0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66)],
    dtype=np.uint8,
)
"""Okabe and Ito's colour-blind-safe colours (2008): C is blue, D is orange."""

BLANK = np.array((235, 235, 235), dtype=np.uint8)
"""A round not played."""

BAR = np.array((60, 60, 60), dtype=np.uint8)
"""A payoff's bar."""

BAR_CELLS = 2
"""Height of a payoff row, in cells."""


def action_colors(count: int) -> NDArray[np.uint8]:
    """RGB colours [count, 3] of actions 0 to count - 1; the palette darkens each time it is used up."""
    actions = np.arange(count)
    shades = 0.6 ** (actions // len(PALETTE))
    return (PALETTE[actions % len(PALETTE)] * shades[:, None]).astype(np.uint8)


def episode_text(actions: ArrayLike, rewards: ArrayLike, labels: Sequence[str] | None = None) -> str:
    """One line per player: name, actions played, return.

    Args:
        actions: integers [T, P], the actions carried out.
        rewards: payoffs [T, P].
        labels: a name for each action; by default C and D if no action exceeds 1, else their numbers. Labels longer
            than one character are set apart by spaces.

    Raises:
        ValueError: naming the argument of the wrong shape or range.
    """
    chosen, paid = _checked(actions, rewards)
    count = int(chosen.max(initial=1)) + 1
    names = list(labels) if labels is not None else ["C", "D"] if count == 2 else [str(a) for a in range(count)]
    if len(names) < int(chosen.max(initial=-1)) + 1:
        raise ValueError(f"labels must name {count} actions, got {names}")
    space = " " if any(len(label) > 1 for label in names) else ""
    totals = paid.sum(axis=0)
    return "\n".join(
        f"player_{seat}  {space.join(names[a] for a in chosen[:, seat])}  total {totals[seat]:.1f}"
        for seat in range(chosen.shape[1])
    )


def episode_strip(
    actions: ArrayLike,
    rewards: ArrayLike,
    *,
    cell: int = 8,
    columns: int | None = None,
    payoff_range: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Image uint8 [H, W, 3]: a column per round, a row of colours per player, then a row of payoff bars per player.

    W is ``cell * max(columns, T, 1)`` and H is ``cell * 3 * P``.

    Args:
        actions: integers [T, P], the actions carried out.
        rewards: payoffs [T, P].
        cell: width of a round and height of an action row, in pixels; a payoff row is twice as high.
        columns: least number of columns; those beyond T are left blank, so that growing episodes keep one size.
        payoff_range: payoffs drawn as an empty and as a full bar; by default the episode's own extremes.

    Raises:
        ValueError: naming the argument of the wrong shape or range.
    """
    chosen, paid = _checked(actions, rewards)
    if cell < 1:
        raise ValueError(f"cell must be at least 1 pixel, got {cell}")
    low, high = payoff_range or (float(paid.min(initial=np.inf)), float(paid.max(initial=-np.inf)))
    if payoff_range and not low < high:
        raise ValueError(f"payoff_range must be (low, high) with low < high, got {payoff_range}")
    played, players = chosen.shape
    blanks = max(columns or 0, played, 1) - played
    colors = action_colors(int(chosen.max(initial=1)) + 1)[chosen.T]  # [P, T, 3]
    height = BAR_CELLS * cell
    share = (paid.T - low) / (high - low) if high > low else np.ones_like(paid.T)
    filled = np.rint(np.clip(share, 0, 1) * (height - 1)) + 1  # the lowest payoff keeps one pixel, to be seen as played
    above = np.arange(height, 0, -1)  # pixel rows counted from the foot of the bar
    bars = np.where((above[:, None] <= filled[:, None, :])[..., None], BAR, BLANK)  # [P, height, T, 3]
    rows = np.concatenate([colors.repeat(cell, axis=0), bars.reshape(players * height, played, 3)])
    rows = np.concatenate([rows, np.broadcast_to(BLANK, (rows.shape[0], blanks, 3))], axis=1)
    return rows.repeat(cell, axis=1)


def save_png(path: str | PathLike[str], strip: NDArray[np.uint8]) -> None:
    """Write an image uint8 [H, W, 3] to ``path`` as PNG, whatever the file is called."""
    Image.fromarray(strip).save(path, format="PNG")


def _checked(actions: ArrayLike, rewards: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    chosen, paid = np.asarray(actions), np.asarray(rewards, dtype=np.float64)
    if chosen.ndim != 2 or chosen.shape[1] == 0:
        raise ValueError(f"actions must have shape [rounds, players], got {list(chosen.shape)}")
    if chosen.size and (not np.issubdtype(chosen.dtype, np.integer) or chosen.min() < 0):
        raise ValueError("actions must be integers from 0")
    if paid.shape != chosen.shape:
        raise ValueError(f"rewards must have the shape of actions {list(chosen.shape)}, got {list(paid.shape)}")
    return chosen.astype(np.int64), paid
