"""The games and options that the tests of this folder run over."""

from __future__ import annotations

import numpy as np
import pytest

from envs.registry import GAMES, MATRIX_GAMES

# three actions, not symmetric, no two payoffs alike: any mix-up of players, rows or columns shows
THREE_BY_THREE = np.array([[[1, -2, 3], [4, 5.5, -6], [7, 8, 9]], [[-10, 11, 12], [13, -14, 15], [16, 17, -18.25]]])

MATRIX_OPTIONS = {
    "default": {"rounds": 7},
    "continuation": {"rounds": 9, "continuation": 0.7},
    "noise": {"rounds": 6, "noise": 0.3},
    "all": {"rounds": 8, "continuation": 0.8, "noise": 0.2, "observe": ("round", "reward", "outcome", "action")},
}

OPTIONS = {
    **dict.fromkeys(MATRIX_GAMES, MATRIX_OPTIONS),
    "public_goods": {**MATRIX_OPTIONS, "eight": {"rounds": 5, "players": 8, "multiplier": 3.5}},
    "redrawn": {**MATRIX_OPTIONS, "family": {"rounds": 5, "family": "corners"}},
    "coin_game": {
        "default": {"rounds": 25},
        "all": {
            "rounds": 20,
            "size": 4,
            "colors": "random",
            "wrap": False,
            "stay": True,
            "observe": ("round", "reward", "grid", "outcome", "action"),
        },
    },
    "cleanup_lite": {
        "default": {"rounds": 30},
        "all": {
            "rounds": 30,
            "players": 3,
            "observe": ("frozen", "round", "reward", "grid", "outcome", "action"),
        },
    },
    "harvest_lite": {
        "default": {"rounds": 30},
        "all": {
            "rounds": 30,
            "players": 4,
            "growth": 0.1,
            "zap": True,
            "observe": ("outcome", "frozen", "round", "reward", "grid", "action"),
        },
    },
}
"""Options to test each game with, by a name for them; a game not named here is played by its defaults."""


def needed(name: str) -> dict:
    """The options ``name`` cannot do without."""
    env = "pettingzoo.classic.rps_v2:parallel_env"
    return {"matrix_game": {"payoffs": THREE_BY_THREE}, "pettingzoo": {"env": env}}.get(name, {})


CASES = [
    pytest.param(name, options, id=f"{name}-{key}")
    for name in sorted(GAMES)
    for key, options in OPTIONS.get(name, {"default": {"rounds": 7}}).items()
]
every_game = pytest.mark.parametrize("name", sorted(GAMES))
every_case = pytest.mark.parametrize(("name", "options"), CASES)
every_grid_game = pytest.mark.parametrize("name", ["coin_game", "cleanup_lite", "harvest_lite"])
