"""The one game of a cross-play: what everyone was trained in, or one that is named for players of its variations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.errors import UserError
from coop_icl.policy_store import LoadedPolicy
from coop_icl.populations.coplayer import CoPlayer, State
from coop_icl.rollouts.telling import FEATURE, is_told
from envs.batched import BatchedGame
from envs.registry import make_game
from envs.repeated import FEATURES

VARIES = ("rounds", "inner_rounds", "observe")
"""Options in which the games of policies may differ when the game that is played is named."""
Sight = tuple[str, ...]
"""Parts of an observation, by name."""


@dataclass(frozen=True)
class CommonGame:
    """A game that shows each pair of players what these need.

    Attributes:
        name, options: as ``make_game`` takes them.
    """

    name: str
    options: Mapping[str, Any]

    def shown(self, sight: Sight | None = None) -> BatchedGame:
        """An instance, showing ``sight`` and not what ``options`` say, unless that is None."""
        more = {} if sight is None else {"observe": list(sight)}
        try:
            return make_game(self.name, **{**self.options, **more})
        except (ValueError, TypeError) as error:
            raise UserError(f"cannot play {self.name}: {error}") from None

    def sight(self, *players: LoadedPolicy | CoPlayer) -> Sight | None:
        """What players need to be shown together; None stands for what the options say."""
        seen = [sight_of(one) for one in players if isinstance(one, LoadedPolicy)]
        if "observe" not in self.options or not seen:
            return None
        parts = {part for sight in seen for part in sight}
        return seen[0] if len(set(seen)) == 1 else tuple(part for part in FEATURES if part in parts)


@dataclass(frozen=True)
class Narrowed:
    """A player that is shown more than it was trained to see, and sees its own part of it.

    Attributes:
        player: what plays; columns: of the observation, those it knows, in its order.
    """

    player: CoPlayer
    columns: tuple[int, ...]
    observes: Literal["outcomes", "observations"] = "observations"

    @property
    def kind(self) -> str:
        """The player's."""
        return self.player.kind

    @property
    def num_parameters(self) -> int:
        """The player's."""
        return self.player.num_parameters

    def initial_state(self, uniforms: NDArray[np.float64]) -> State:
        """The player's."""
        return self.player.initial_state(uniforms)

    def act(self, seen: NDArray, state: State, uniforms: NDArray[np.float64]) -> tuple[NDArray[np.int64], State]:
        """The player's, from its columns of observations [B, F]."""
        return self.player.act(np.ascontiguousarray(seen[:, self.columns]), state, uniforms)


def narrowed(player: CoPlayer, sight: Sight, game: BatchedGame) -> Narrowed:
    """``player``, which sees ``sight``, for a game that shows more."""
    places, at = {}, 0
    for name, width in game.spec.features:
        places[name], at = range(at, at + width), at + width
    return Narrowed(player, tuple(column for part in sight for column in places[part]))


def sight_of(loaded: LoadedPolicy) -> Sight:
    """What a policy is shown of the game."""
    return tuple(name for name, _ in loaded.info.features if name != FEATURE)


def common_game(policies: Mapping[str, LoadedPolicy], named: Mapping[str, Any] | None = None) -> CommonGame:
    """The game in which all of ``policies`` meet.

    Args:
        policies: by label.
        named: options of the game, e.g. ``{"rounds": 100}``. Policies may then differ in ``VARIES``; what is observed
            is up to them, inner episodes there are only if named, and other options are theirs unless named. Without
            policies the game is the iterated prisoner's dilemma. None plays the game that all were trained in.

    Raises:
        UserError: one line, if they have no game in common, it is not one of two, or somebody cannot play it.
    """
    if not policies and named is None:
        raise UserError("cross-play needs at least one policy, or a game that is named (--rounds)")
    if named is not None and "observe" in named:
        raise UserError("players see what they were trained to see; leave out observe")
    games = {label: (one.info.game_name, _kept(one.info.game_options, named)) for label, one in policies.items()}
    first, (name, options) = next(iter(games.items()), ("", ("ipd_v0", {})))
    for label, game in games.items():
        if game != (name, options):
            variations = "" if named is not None or not _alike(policies.values()) else " or name the game (--rounds)"
            raise UserError(
                f"{label} and {first} were trained in different games; cross-play those of one game at a time"
                + variations
            )
    if named is not None:
        rounds = {one.info.game_options.get("rounds") for one in policies.values()}
        options = {**options, **({"rounds": rounds.pop()} if len(rounds) == 1 else {}), **named}
        options = {option: value for option, value in options.items() if value is not None}
        sights = {sight_of(one) for one in policies.values()}
        if len(sights) > 1 and any(set(sight) - set(FEATURES) for sight in sights):
            raise UserError(f"players of {name} see different things; cross-play those that see the same")
        if sights and set(next(iter(sights))) <= set(FEATURES):
            options["observe"] = list(next(iter(sights)))
    found = CommonGame(name, options)
    _check(found, policies)
    return found


def _kept(options: Mapping[str, Any], named: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options that must be the same for all."""
    may_differ = () if named is None else (*VARIES, *named)
    return {option: value for option, value in options.items() if option not in may_differ}


def _alike(policies: Sequence[LoadedPolicy] | Any) -> bool:
    games = [(one.info.game_name, _kept(one.info.game_options, {})) for one in policies]
    return all(game == games[0] for game in games)


def _check(common: CommonGame, policies: Mapping[str, LoadedPolicy]) -> None:
    game = common.shown()
    if game.spec.num_players != 2:
        raise UserError(f"cross-play is of games of two players, {game.spec.name} has {game.spec.num_players}")
    sights = {sight_of(one) for one in policies.values()}
    told = {}
    for label, one in policies.items():
        own = common.shown(common.sight(one))
        told[label] = is_told(one.policy, own)
        if tuple(part for part in one.info.features if part[0] != FEATURE) != own.spec.features:
            raise UserError(f"{label} does not see what {game.spec.name} shows; cross-play those that do")
        if one.policy.config.core == "transformer" and one.policy.max_rounds < game.spec.max_rounds:
            raise UserError(
                f"{label} is a transformer that remembers {one.policy.max_rounds} rounds, not {game.spec.max_rounds}; "
                "name a shorter game, or leave it out"
            )
        first = next(iter(told))
        if told[label] != told[first]:
            raise UserError(f"of {label} and {first} one is told who its co-player is; cross-play one kind at a time")
    if len(sights) > 1 and any(told.values()):
        raise UserError("players that are told who they play must see the same; cross-play one kind at a time")
