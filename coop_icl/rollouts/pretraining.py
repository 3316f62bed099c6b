"""The first data of PPI: two co-players that do not learn, drawn anew for each episode, seen by the first of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from coop_icl.phase_data import Lived
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.memory_one import Memory1CoPlayer
from coop_icl.rollouts.telling import tell
from coop_icl.seeding import SeedNode, Stream
from envs.batched import BatchedGame

CHUNK = 4096
"""Games played at once."""


def pretraining(game: BatchedGame, co_player: CoPlayer, count: int, node: SeedNode, opponent_id: bool) -> Lived:
    """``count`` trajectories of ``co_player`` against another of its kind, both seats taken in turn.

    Args:
        game: of two players and a fixed length; any state it has is overwritten.
        co_player: plays both sides.
        count: how many.
        node: place in the seed tree; the same node gives the same trajectories.
        opponent_id: whether what was told of the co-player is kept, as learners are told (``telling``).
    """
    parts = [
        _play(game, co_player, min(CHUNK, count - first), node.child(first // CHUNK), opponent_id)
        for first in range(0, count, CHUNK)
    ]
    return Lived(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("symbols", "seats", "told")))


def _play(game: BatchedGame, co_player: CoPlayer, games: int, node: SeedNode, opponent_id: bool) -> Lived:
    spec = game.spec
    outcomes = game.reset(node.rng(Stream.GAME).random((games, game.num_uniforms)))
    uniforms = node.rng(Stream.ACTION).random((spec.max_rounds, 2, games))
    begin = [node.child(Stream.CO_PLAYER).rng(side).random((games, co_player.num_parameters)) for side in (0, 1)]
    states = [co_player.initial_state(numbers) for numbers in begin]
    told = np.zeros((2, games, 2 * spec.num_outcomes if opponent_id else 0), np.float32)
    if opponent_id and isinstance(co_player, Memory1CoPlayer):
        tables = [(np.full(games, side), np.arange(games), states[side]) for side in (0, 1)]
        told = tell(told.shape, tables)  # type: ignore[arg-type]
    symbols = np.empty((spec.max_rounds, 2, games), np.int8)
    for t in range(spec.max_rounds):
        actions = np.empty((2, games), np.int64)
        for side in (0, 1):
            sees: Any = outcomes[side] if co_player.observes == "outcomes" else game.encode(outcomes[side], t, side)
            actions[side], states[side] = co_player.act(sees, states[side], uniforms[t, side])
        outcomes = game.step(actions).outcomes
        symbols[t] = outcomes
    seats, every = np.arange(games) % 2, np.arange(games)
    return Lived(symbols[:, seats, every].T, seats.astype(np.int8), told[seats, every])
