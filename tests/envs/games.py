"""The games and options that the tests of this folder run over."""

from __future__ import annotations

import numpy as np
import pytest

from envs.registry import GAMES

# three actions, not symmetric, no two payoffs alike: any mix-up of players, rows or columns shows
THREE_BY_THREE = np.array([[[1, -2, 3], [4, 5.5, -6], [7, 8, 9]], [[-10, 11, 12], [13, -14, 15], [16, 17, -18.25]]])

OPTIONS = {
    "default": {"rounds": 7},
    "continuation": {"rounds": 9, "continuation": 0.7},
    "noise": {"rounds": 6, "noise": 0.3},
    "all": {"rounds": 8, "continuation": 0.8, "noise": 0.2, "observe": ("round", "reward", "outcome", "action")},
}


def needed(name: str) -> dict:
    """The options ``name`` cannot do without."""
    return {"payoffs": THREE_BY_THREE} if name == "matrix_game" else {}


every_game = pytest.mark.parametrize("name", sorted(GAMES))
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
