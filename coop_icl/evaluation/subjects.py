"""Exported policies as subjects of an evaluation: found, read, and held against the game they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import Subject
from coop_icl.policy_store import DESCRIPTION, LoadedPolicy, PolicyError, load_policy
from coop_icl.populations.registry import nearest
from coop_icl.rollouts.telling import spec_of
from envs.batched import BatchedGame
from envs.registry import make_game

MOST_ROUNDS, MOST_ACTIONS, MOST_IMAGINED = 10_000, 16, 2**18
"""Largest games that are built, and most rounds that are imagined for an action, because a file says so."""


def policies_of(path: Path) -> dict[str, LoadedPolicy]:
    """Exported policies by name: the final ones of a run, the one in a folder, or all in a folder of such folders.

    Raises:
        UserError: if there are none, one cannot be read or does not fit its game, or they are of different games.
    """
    if (path / DESCRIPTION).is_file():
        return {path.resolve().name: read(path)}
    final = path / "policies" / "final"
    folder = final if final.is_dir() else path
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [one for one in inside if one.is_dir() and not one.name.startswith(".")]
    if folder is path:
        found = [one for one in found if (one / DESCRIPTION).is_file()]
    if not found:
        raise UserError(f"{path} has no exported policies; give a finished run or a folder with {DESCRIPTION}")
    loaded = {one.name: read(one) for one in found}
    games = {name: (one.info.game_name, one.info.game_options) for name, one in loaded.items()}
    first = next(iter(games))
    for name, game in games.items():
        if game != games[first]:
            raise PolicyError(f"{folder}: {first} and {name} were trained in different games; give them one by one")
    return loaded


def subjects_of(path: Path, learners: Sequence[str] = ()) -> list[Subject]:
    """The policies at ``path`` with their fellow learners; only those named in ``learners``, if any are.

    Raises:
        UserError: as ``policies_of``, or if there is no such learner.
    """
    loaded = policies_of(path)
    for name in learners:
        if name not in loaded:
            raise UserError(f"{path} has no learner '{name}'{nearest(name, loaded)}")
    return [Subject(name, loaded[name], _without(loaded, name)) for name in dict.fromkeys(learners or loaded)]


def read(folder: Path) -> LoadedPolicy:
    """``load_policy``, and the policy fits the game that it names.

    Raises:
        PolicyError: one line, if it cannot be read or does not fit.
    """
    loaded = load_policy(folder)
    game_of(loaded)
    return loaded


def game_of(loaded: LoadedPolicy) -> BatchedGame:
    """A new instance of the game that a policy was trained in.

    Raises:
        PolicyError: if there is no such game, it is too large to be played, or the policy is not one for it.
    """
    info, policy = loaded.info, loaded.policy
    file = info.folder / DESCRIPTION
    try:
        if policy.num_actions > MOST_ACTIONS or len((info.game_options.get("payoffs") or [[]])[0]) > MOST_ACTIONS:
            raise ValueError(f"at most {MOST_ACTIONS} actions can be played here")
        game = make_game(info.game_name, **info.game_options)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PolicyError(f"{file} names a game that cannot be played ({reason}); export it again") from None
    if game.spec.max_rounds > MOST_ROUNDS:
        raise PolicyError(f"{file} names a game of {game.spec.max_rounds} rounds; at most {MOST_ROUNDS} are played")
    planner = getattr(policy, "planner", None)
    if planner is not None and planner.rollouts * planner.horizon > MOST_IMAGINED:
        raise PolicyError(f"{file} plans {planner.rollouts} roll-outs of {planner.horizon} rounds; that is too many")
    seen = (game.spec.features, spec_of(game, True).features)
    grid = tuple(policy.grid[1:]) or game.spec.grid
    if info.features not in seen or policy.num_actions != game.spec.num_actions or grid != game.spec.grid:
        raise PolicyError(
            f"{info.folder}: the policy ({_parts(info.features)}; {policy.num_actions} actions) is not one for "
            f"{game.spec.name} ({_parts(game.spec.features)}; {game.spec.num_actions} actions); export it again"
        )
    return game


def _without(loaded: Mapping[str, LoadedPolicy], name: str) -> dict[str, LoadedPolicy]:
    return {other: one for other, one in loaded.items() if other != name}


def _parts(features: tuple[tuple[str, int], ...]) -> str:
    return " + ".join(f"{name} {width}" for name, width in features)
