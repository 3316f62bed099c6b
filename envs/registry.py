"""Every game by name."""

from __future__ import annotations

from typing import Any

from envs import (
    bach_or_stravinsky_v0,
    chicken_v0,
    cleanup_lite_v0,
    coin_game_v0,
    harvest_lite_v0,
    ipd_v0,
    matching_pennies_v0,
    public_goods_v0,
    redrawn_v0,
    stag_hunt_v0,
    third_party,
)
from envs.batched import BatchedGame
from envs.factory import GameFactory, MatrixGameFactory, unknown_name
from envs.parallel_env import GameParallelEnv

MATRIX_GAMES: dict[str, GameFactory] = {
    "ipd": ipd_v0.FACTORY,
    "stag_hunt": stag_hunt_v0.FACTORY,
    "chicken": chicken_v0.FACTORY,
    "matching_pennies": matching_pennies_v0.FACTORY,
    "bach_or_stravinsky": bach_or_stravinsky_v0.FACTORY,
    "matrix_game": MatrixGameFactory("matrix_game", None),
}
"""Games of two players that are one table of payoffs; ``matrix_game`` has none of its own."""

GAMES: dict[str, GameFactory] = {
    **MATRIX_GAMES,
    "public_goods": public_goods_v0.FACTORY,
    "redrawn": redrawn_v0.FACTORY,
    "coin_game": coin_game_v0.FACTORY,
    "cleanup_lite": cleanup_lite_v0.FACTORY,
    "harvest_lite": harvest_lite_v0.FACTORY,
    "pettingzoo": third_party.FACTORY,
}
"""Every factory by the name used in experiments; ``pettingzoo`` is any environment that others wrote."""


def make_game(name: str, **options: Any) -> BatchedGame:
    """Build the batched game ``name``, with or without its version (``ipd`` or ``ipd_v0``).

    Args:
        name: a key of ``GAMES``, or the ``spec.name`` of one of its games.
        options: the factory's; of matrix games see ``GameOptions``.

    Raises:
        ValueError: if the name or an option is unknown (with the nearest valid one), missing or out of range.
    """
    return _factory(name).batched_game(**options)


def make_parallel_env(name: str, render_mode: str | None = None, **options: Any) -> GameParallelEnv:
    """Build the PettingZoo view of one game; arguments and errors as ``make_game`` and ``GameParallelEnv``."""
    return _factory(name).parallel_env(render_mode, **options)


def action_names(name: str, count: int) -> tuple[str, ...]:
    """What the ``count`` actions of the game ``name`` are called; errors as ``make_game``."""
    known = _factory(name).actions
    return known[:count] if len(known) >= count else tuple(f"action {index}" for index in range(count))


def _factory(name: str) -> GameFactory:
    for key, factory in GAMES.items():
        if name in (key, factory.name):
            return factory
    raise unknown_name("game", name, GAMES)
