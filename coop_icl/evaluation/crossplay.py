"""Everyone against everyone: policies of runs, of checkpoints and of pairs of learners, and scripted co-players.

Players change seats after half of the games, so the empirical game that this makes is symmetric whatever the game is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.errors import UserError
from coop_icl.evaluation.batches import as_co_player, nobody
from coop_icl.evaluation.common_game import CommonGame, common_game, narrowed, sight_of
from coop_icl.evaluation.equilibria import equilibria
from coop_icl.evaluation.pair_files import Table
from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import LoadedPolicy
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.telling import is_told
from coop_icl.seeding import Purpose, SeedNode
from envs.batched import BatchedGame

Player = LoadedPolicy | Table | CoPlayer


def crossplay(
    players: Mapping[str, Player],
    co_players: Sequence[str] = (),
    episodes: int = 100,
    seed: int = 0,
    game: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Play every pair, a player with itself too, ``episodes`` times.

    Args:
        players: by label, policies of the same game, and memory-1 policies that learned in it.
        co_players: names of scripted ones (``populations.registry``).
        episodes: per pair, at least 2; seed: of the evaluation.
        game: options of the game to be played, e.g. ``{"rounds": 100}``, for policies that were trained in variations
            of it (``common_game``); None plays the one that all were trained in.

    Returns:
        ``players`` [n]; [n, n] of row against column: ``payoff`` and ``cooperation`` a round (NaN where nobody did
        either that or the opposite), and their standard errors ``payoff_error`` and ``cooperation_error``;
        ``equilibria`` of the empirical game.

    Raises:
        UserError: one line, if players do not fit together or a name is unknown.
    """
    common = common_game({name: one for name, one in players.items() if isinstance(one, LoadedPolicy)}, game)
    shown = common.shown()
    if episodes < 2:
        raise UserError(f"episodes must be at least 2, got {episodes}")
    scripted = {name: _scripted(name, shown) for name in co_players}
    clash = sorted(set(players) & set(scripted))
    if clash:
        raise UserError(f"'{clash[0]}' is both a policy and a co-player; rename the folder")
    everyone: dict[str, LoadedPolicy | CoPlayer] = {
        name: one.co_player(shown) if isinstance(one, Table) else one for name, one in players.items()
    }
    everyone |= scripted
    names, size = list(everyone), len(everyone)
    figures = np.zeros((2, 2, size, size))  # payoff and cooperation, mean and standard error
    node = SeedNode(seed).child(Purpose.EVALUATE)
    for row in range(size):
        own, other = _play_row(common, everyone, names[row:], episodes, node.child(row))
        own[:, 0] = (own[:, 0] + other[:, 0]) / 2  # with itself: both seats
        for line, column, values in ((row, slice(row, None), own), (slice(row, None), row, other)):
            figures[:, 0, line, column], figures[:, 1, line, column] = _mean_and_error(values)
        figures[:, 0, row, row], figures[:, 1, row, row] = _mean_and_error(own[:, 0])
    (payoff, payoff_error), (cooperation, cooperation_error) = figures
    return {
        "game": shown.spec.name,
        "options": dict(common.options),
        "episodes": episodes,
        "seed": seed,
        "players": names,
        "scripted": list(scripted),
        "payoff": _short(payoff),
        "payoff_error": _short(payoff_error),
        "cooperation": _short(cooperation),
        "cooperation_error": _short(cooperation_error),
        "equilibria": equilibria(payoff, names),
    }


def _play_row(
    common: CommonGame,
    everyone: Mapping[str, LoadedPolicy | CoPlayer],
    names: Sequence[str],
    episodes: int,
    node: SeedNode,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first of ``names`` against each of them: payoff and cooperation a round, [2, n, E], its own and theirs.

    Those that have to be shown the same are played in one go.
    """
    sights = [common.sight(everyone[names[0]], everyone[name]) for name in names]
    both = np.zeros((2, 2, len(names), episodes))
    for number, sight in enumerate(dict.fromkeys(sights)):
        game, places = common.shown(sight), [at for at, one in enumerate(sights) if one == sight]
        columns = [names[at] for at in places]
        seated = {name: _facing(everyone[name], name, common, game) for name in dict.fromkeys((names[0], *columns))}
        both[:, :, places] = _play_batch(game, seated, columns, episodes, node.child(number) if number else node)
    return both[:, 0].copy(), both[:, 1]


def _facing(
    player: LoadedPolicy | CoPlayer, name: str, common: CommonGame, game: BatchedGame
) -> LoadedPolicy | CoPlayer:
    """A player as it takes its seat in a game that may show it more than it knows."""
    if not isinstance(player, LoadedPolicy) or common.shown(common.sight(player)).spec.features == game.spec.features:
        return player
    return narrowed(as_co_player(name, player.policy, game), sight_of(player), game)


def _play_batch(
    game: BatchedGame,
    players: Mapping[str, LoadedPolicy | CoPlayer],
    columns: Sequence[str],
    episodes: int,
    node: SeedNode,
) -> NDArray[np.float64]:
    """The first of ``players`` against each of ``columns``: payoff and cooperation a round [2, own or other, n, E]."""
    order = sorted(players, key=lambda name: not isinstance(players[name], LoadedPolicy))
    stacked = [one.policy for one in players.values() if isinstance(one, LoadedPolicy)]
    kinds = tuple(LEARNER if isinstance(players[name], LoadedPolicy) else name for name in order)
    if not stacked:
        stacked, order, kinds = [nobody(game)], ["nobody", *order], (LEARNER, *kinds)
    row = order.index(next(iter(players)))
    seats = np.array([[row] * len(columns), [order.index(name) for name in columns]])
    seats = np.repeat(seats, episodes, axis=1).astype(np.int16)
    swapped = np.tile(np.arange(episodes) % 2 == 1, len(columns))
    matchups = Matchups(tuple(order), kinds, len(stacked), np.where(swapped, seats[::-1], seats))
    agents = {at: one for at, name in enumerate(order) if not isinstance(one := players.get(name), LoadedPolicy | None)}
    modules = [[at] for at in range(len(stacked))]
    told = is_told(stacked[0], game)
    played = play(game, matchups, PolicyStack(stacked), modules, agents, node, opponent_id=told)
    cooperated, chose = played.cooperation()
    both = np.stack(
        [
            played.rewards.sum(0, dtype=np.float64) / played.mask.sum(0),
            np.where(chose.any(0), cooperated.sum(0) / np.maximum(chose.sum(0), 1), np.nan),
        ]
    )
    return np.where(swapped, both[:, ::-1], both).reshape(2, 2, len(columns), episodes)


def _mean_and_error(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over episodes [..., E] and its standard error; episodes without a figure (NaN) are left out."""
    if np.isfinite(values).all():
        return values.mean(-1), values.std(-1, ddof=1) / np.sqrt(values.shape[-1])
    there = np.ma.masked_invalid(values)
    error = there.std(-1, ddof=1) / np.sqrt(np.maximum(there.count(-1), 1))
    return there.mean(-1).filled(np.nan), error.filled(np.nan)


def _scripted(name: str, game: BatchedGame) -> CoPlayer:
    try:
        return make_co_player(name, game)
    except ValueError as error:
        raise UserError(str(error)) from None


def _short(values: NDArray[np.float64]) -> list[list[float]]:
    return np.round(values, 4).tolist()
