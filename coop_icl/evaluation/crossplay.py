"""Everyone against everyone: policies of runs, seeds and checkpoints, and scripted co-players, as an empirical game.

Players change seats after half of the games, so the empirical game is symmetric whatever the game is.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.errors import UserError
from coop_icl.evaluation.batches import nobody
from coop_icl.evaluation.equilibria import equilibria
from coop_icl.evaluation.subjects import read
from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import DESCRIPTION, LoadedPolicy
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.telling import is_told
from coop_icl.runs.directory import RunError
from coop_icl.runs.finding import find_runs
from coop_icl.seeding import Purpose, SeedNode
from envs.batched import BatchedGame
from envs.registry import make_game


def policies_at(paths: Sequence[str | Path]) -> dict[str, LoadedPolicy]:
    """Policies by label: of finished runs, of folders of runs, of checkpoints (``RUN/policies/update_100``), or single.

    Labels are ``<experiment>/<seed>/<learner>``, with ``@<update>`` after the seed for checkpoints.

    Raises:
        UserError: if a path leads to no policy, or one cannot be read.
    """
    found: dict[str, LoadedPolicy] = {}
    for given in paths:
        folders = [folder for match in sorted(glob.glob(str(given))) for folder in _folders(Path(match))]
        if not folders:
            raise UserError(f"{given} has no exported policies; give finished runs, checkpoints or folders of policies")
        for folder in folders:
            label, number = _label(folder), 2
            while label in found:
                label, number = f"{_label(folder)}~{number}", number + 1
            found[label] = read(folder)
    return found


def crossplay(
    policies: Mapping[str, LoadedPolicy], co_players: Sequence[str] = (), episodes: int = 100, seed: int = 0
) -> dict[str, Any]:
    """Play every pair, a player with itself too, ``episodes`` times.

    Args:
        policies: by label, of the same game; co_players: names of scripted ones (``populations.registry``).
        episodes: per pair, at least 2; seed: of the evaluation.

    Returns:
        ``players`` [n]; [n, n] of row against column: ``payoff`` and ``cooperation`` a round (NaN where nobody did
        either that or the opposite), and their standard errors ``payoff_error`` and ``cooperation_error``;
        ``equilibria`` of the empirical game.

    Raises:
        UserError: one line, if players do not fit together or a name is unknown.
    """
    game = _game_of(policies)
    if episodes < 2:
        raise UserError(f"episodes must be at least 2, got {episodes}")
    scripted = {name: _scripted(name, game) for name in co_players}
    players: dict[str, LoadedPolicy | CoPlayer] = {**policies, **scripted}
    clash = sorted(set(policies) & set(scripted))
    if clash:
        raise UserError(f"'{clash[0]}' is both a policy and a co-player; rename the folder")
    names, size = list(players), len(players)
    figures = np.zeros((2, 2, size, size))  # payoff and cooperation, mean and standard error
    node = SeedNode(seed).child(Purpose.EVALUATE)
    for row in range(size):
        taking_part = {name: players[name] for name in names[row:]}
        own, other = _play_row(game, taking_part, episodes, node.child(row))
        own[:, 0] = (own[:, 0] + other[:, 0]) / 2  # with itself: both seats
        for line, column, values in ((row, slice(row, None), own), (slice(row, None), row, other)):
            figures[:, 0, line, column], figures[:, 1, line, column] = _mean_and_error(values)
        figures[:, 0, row, row], figures[:, 1, row, row] = _mean_and_error(own[:, 0])
    (payoff, payoff_error), (cooperation, cooperation_error) = figures
    return {
        "game": game.spec.name,
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
    game: BatchedGame, players: Mapping[str, LoadedPolicy | CoPlayer], episodes: int, node: SeedNode
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first of ``players`` against each of them: payoff and cooperation a round, [2, n, E], its own and theirs."""
    order = sorted(players, key=lambda name: not isinstance(players[name], LoadedPolicy))
    stacked = [one.policy for one in players.values() if isinstance(one, LoadedPolicy)]
    kinds = tuple(LEARNER if isinstance(players[name], LoadedPolicy) else name for name in order)
    if not stacked:
        stacked, order, kinds = [nobody(game)], ["nobody", *order], (LEARNER, *kinds)
    names = list(players)
    seats = np.array([[order.index(names[0])] * len(names), [order.index(name) for name in names]])
    seats = np.repeat(seats, episodes, axis=1).astype(np.int16)
    swapped = np.tile(np.arange(episodes) % 2 == 1, len(names))
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
    both = np.where(swapped, both[:, ::-1], both).reshape(2, 2, len(names), episodes)
    return both[:, 0].copy(), both[:, 1]


def _mean_and_error(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over episodes [..., E] and its standard error; episodes without a figure (NaN) are left out."""
    if np.isfinite(values).all():
        return values.mean(-1), values.std(-1, ddof=1) / np.sqrt(values.shape[-1])
    there = np.ma.masked_invalid(values)
    error = there.std(-1, ddof=1) / np.sqrt(np.maximum(there.count(-1), 1))
    return there.mean(-1).filled(np.nan), error.filled(np.nan)


def _game_of(policies: Mapping[str, LoadedPolicy]) -> BatchedGame:
    """The one game of all of them."""
    if not policies:
        raise UserError("cross-play needs at least one policy")
    first, info = next((name, loaded.info) for name, loaded in policies.items())
    game = make_game(info.game_name, **info.game_options)
    for name, loaded in policies.items():
        if (loaded.info.game_name, loaded.info.game_options) != (info.game_name, info.game_options):
            raise UserError(
                f"{name} and {first} were trained in different games; cross-play those of one game at a time"
            )
        if is_told(loaded.policy, game) != is_told(policies[first].policy, game):
            raise UserError(f"of {name} and {first} one is told who its co-player is; cross-play one kind at a time")
    if game.spec.num_players != 2:
        raise UserError(f"cross-play is of games of two players, {info.game_name} has {game.spec.num_players}")
    return game


def _scripted(name: str, game: BatchedGame) -> CoPlayer:
    try:
        return make_co_player(name, game)
    except ValueError as error:
        raise UserError(str(error)) from None


def _folders(path: Path) -> list[Path]:
    """Folders of exported policies at a path."""
    for folder in (path, path / "policies" / "final"):
        if (folder / DESCRIPTION).is_file():
            return [folder]
        inside = sorted(child for child in folder.glob("*") if child.is_dir() and not child.name.startswith("."))
        if folder.parent.name != "policies":  # there each folder has to be a policy, and one that is not is refused
            inside = [child for child in inside if (child / DESCRIPTION).is_file()]
        if inside:
            return inside
    if (path / "config.yaml").is_file():  # a run that has exported none
        return []
    try:
        return [folder for run in find_runs([path]) for folder in _folders(run.path)]
    except RunError:
        return []


def _label(folder: Path) -> str:
    parts = folder.resolve().parts
    if len(parts) < 6 or parts[-3] != "policies":
        return folder.resolve().name
    seed = parts[-4].removeprefix("seed_")
    update = "" if parts[-2] == "final" else f"@{parts[-2].removeprefix('update_')}"
    return f"{parts[-5]}/{seed}{update}/{parts[-1]}"


def _short(values: NDArray[np.float64]) -> list[list[float]]:
    return np.round(values, 4).tolist()
