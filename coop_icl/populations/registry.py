"""Co-players by name, as an experiment file writes them: ``tft``, ``{name: tabular, alpha: 0.5, beta: 0.5}``."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations import public_goods
from coop_icl.populations.axelrod import axelrod_player
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.frozen import frozen
from coop_icl.populations.grid_players import BY_GAME
from coop_icl.populations.memory_one import fixed, tabular, zero_determinant
from coop_icl.populations.naive_learner import NaiveLearner
from coop_icl.populations.scripted import BiasedAction, RandomAction
from coop_icl.populations.strategies import BASES, named, slipping, switcher
from envs.batched import BatchedGame
from envs.checks import is_number, share

Factory = Callable[..., CoPlayer]


def _own_payoffs(game: BatchedGame) -> NDArray[np.floating]:
    payoffs = getattr(game, "payoffs", None)
    if payoffs is None or not game.spec.symmetric:
        raise ValueError(f"zero-determinant co-players need a symmetric matrix game, not '{game.spec.name}'")
    return np.asarray(payoffs)[0]


def _random(game: BatchedGame, p: float = 0.5) -> CoPlayer:
    share("p", p)
    return fixed(f"random_{p:g}", (p, p, p, p, p))


def _memory_one(game: BatchedGame, probabilities: list[float], kind: str = "memory_one") -> CoPlayer:
    return fixed(kind, tuple(probabilities))


def _generous_tft(game: BatchedGame, forgiveness: float = 1 / 3) -> CoPlayer:
    share("forgiveness", forgiveness)
    return fixed("gtft", (1.0, 1.0, forgiveness, 1.0, forgiveness))


def _tabular(game: BatchedGame, alpha: float = 1.0, beta: float = 1.0, kind: str = "tabular") -> CoPlayer:
    return tabular(alpha, beta, kind)


def _extortion(game: BatchedGame, chi: float = 3.0, phi: float | None = None) -> CoPlayer:
    return zero_determinant(chi, _own_payoffs(game), phi)


def _generous(game: BatchedGame, chi: float = 3.0, phi: float | None = None) -> CoPlayer:
    return zero_determinant(chi, _own_payoffs(game), phi, generous=True)


def _noisy(game: BatchedGame, strategy: str = "tft", slip: float = 0.05) -> CoPlayer:
    return slipping(strategy, slip, game.spec.max_rounds)


def _switcher(
    game: BatchedGame, first: str = "tft", second: str = "alld", earliest: float = 0.25, latest: float = 0.75
) -> CoPlayer:
    return switcher(first, second, earliest, latest, game.spec.max_rounds)


def _axelrod(game: BatchedGame, strategy: str, kind: str | None = None) -> CoPlayer:
    payoffs = getattr(game, "payoffs", None)
    if payoffs is None or not game.spec.symmetric:
        raise ValueError(f"strategies of the Axelrod library need a symmetric matrix game, not '{game.spec.name}'")
    fixed_length = getattr(game, "continuation", None) is None
    return axelrod_player(strategy, game.spec.max_rounds if fixed_length else np.inf, np.asarray(payoffs)[0], kind)


def _naive(
    game: BatchedGame,
    every: int | None = None,
    group: int = 1,
    lr: float = 0.005,
    critic_lr: float = 0.5,
    gamma: float = 0.99,
    scale: float = 1.0,
    kind: str = "naive",
) -> CoPlayer:
    rounds = getattr(game, "inner_rounds", None) if every is None else every
    if rounds is None:
        raise ValueError("co-player 'naive' learns between inner episodes; set game.options.inner_rounds, or its every")
    if getattr(game, "continuation", None) is not None:
        raise ValueError("co-player 'naive' learns from games of one length; leave out game.options.continuation")
    return NaiveLearner(rounds, group, lr, critic_lr, gamma, scale, kind)


def _biased(game: BatchedGame, concentration: float = 1.0, kind: str = "biased") -> CoPlayer:
    return BiasedAction(game.spec.num_actions, concentration, kind)


def _machine(name: str) -> Factory:
    return lambda game: named(name, game.spec.max_rounds)


CO_PLAYERS: dict[str, Factory] = {
    **{name: _machine(name) for name in BASES},
    "tabular": _tabular,
    "allc": lambda game: fixed("allc", (1, 1, 1, 1, 1)),
    "alld": lambda game: fixed("alld", (0, 0, 0, 0, 0)),
    "tft": lambda game: fixed("tft", (1, 1, 0, 1, 0)),
    "suspicious_tft": lambda game: fixed("suspicious_tft", (0, 1, 0, 1, 0)),
    "gtft": _generous_tft,
    "wsls": lambda game: fixed("wsls", (1, 1, 0, 0, 1)),
    "random": _random,
    "memory_one": _memory_one,
    "extortion": _extortion,
    "generous": _generous,
    "noisy": _noisy,
    "switcher": _switcher,
    "axelrod": _axelrod,
    "naive": _naive,
    "uniform": lambda game: RandomAction(game.spec.num_actions),
    "biased": _biased,
    "frozen": frozen,
}
"""Every factory takes the game, then the options an experiment file may set. Names follow Axelrod's usage."""

WHOLE_EPISODES = frozenset({*BASES, "noisy", "switcher", "axelrod"} - {"allc", "alld", "tft", "wsls"})
"""Co-players that follow every round of an episode, and would miss those whose outcome an inner episode hides."""

ANY_GAME = frozenset({"uniform", "biased", "frozen"})
"""Co-players that play any game; the others of ``CO_PLAYERS`` read two players' C and D."""

OF_GAMES: dict[str, Mapping[str, Factory]] = {"public_goods_v0": public_goods.CO_PLAYERS, **BY_GAME}
"""Co-players that some games have of their own, by the game's name; there they come before those of ``CO_PLAYERS``."""


def co_players_of(game: BatchedGame) -> dict[str, Factory]:
    """Every factory that fits a game, by name."""
    spec = game.spec
    two_by_two = (spec.num_players, spec.num_actions, spec.num_outcomes) == (2, 2, 5)
    general = {name: make for name, make in CO_PLAYERS.items() if two_by_two or name in ANY_GAME}
    return {**general, **OF_GAMES.get(spec.name, {})}


def all_names() -> set[str]:
    """Names of all co-players there are, in whichever game."""
    return set(CO_PLAYERS).union(*OF_GAMES.values())


def make_co_player(name: str, game: BatchedGame, options: Mapping[str, Any] | None = None) -> CoPlayer:
    """The co-player called ``name`` for ``game``.

    Raises:
        ValueError: one line naming the name or option that is wrong and the nearest valid one.
    """
    fitting = co_players_of(game)
    if name not in all_names():
        raise ValueError(f"unknown co-player '{name}'{nearest(name, all_names())}")
    if name not in fitting:
        games = [of for of, own in OF_GAMES.items() if name in own]
        needed = "a game of two players and two actions" if name in CO_PLAYERS else f"the game '{games[0]}'"
        raise ValueError(f"co-player '{name}' needs {needed}, not '{game.spec.name}'")
    if name in WHOLE_EPISODES and getattr(game, "inner_rounds", None):
        raise ValueError(f"co-player '{name}' knows no inner episodes; leave out game.options.inner_rounds")
    factory = fitting[name]
    parameters = inspect.signature(factory, eval_str=True).parameters
    allowed = list(parameters)[1:]
    for option, value in (options or {}).items():
        if option not in allowed:
            raise ValueError(f"co-player '{name}' has no option '{option}'{nearest(option, allowed)}")
        if not _fits(value, parameters[option].annotation):
            sort = _SORTS[_sorts(parameters[option].annotation)[0]]
            raise ValueError(f"co-player '{name}': {option} must be {sort}, got {value!r}")
        if option == "kind" and value is not None and not re.fullmatch(r"[A-Za-z0-9_.-]+", value):
            raise ValueError(f"co-player '{name}': kind must consist of letters, digits, _ . -, got {value!r}")
    for option in options_needed(factory):
        if option not in (options or {}):
            raise ValueError(f"co-player '{name}' needs the option '{option}'")
    try:
        return factory(game, **dict(options or {}))
    except (TypeError, ValueError) as error:
        named = f"'{name}'" in str(error)
        raise ValueError(str(error) if named else f"co-player '{name}': {error}") from error


_SORTS: dict[Any, str] = {
    float: "a number",
    int: "a whole number",
    str: "a text",
    list: "a list of numbers",
}
"""What an option's value is called, by its type."""


def _sorts(annotation: Any) -> list[Any]:
    """Types of ``_SORTS`` and NoneType that an option allows, from its annotation."""
    parts = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return [list if get_origin(part) else part for part in parts if part is not Path]


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of a sort that an option's annotation allows."""
    sorts = _sorts(annotation)
    return (
        (value is None and NoneType in sorts)
        or (float in sorts and is_number(value))
        or (int in sorts and is_number(value) and not isinstance(value, float | np.floating))
        or (str in sorts and isinstance(value, str) and value.isprintable())
        or (Path in (get_args(annotation) or ()) and isinstance(value, Path))
        or (list in sorts and isinstance(value, Sequence) and not isinstance(value, str) and all(map(is_number, value)))
    )


def options_needed(factory: Factory) -> list[str]:
    """Options of a co-player that have no default."""
    parameters = list(inspect.signature(factory).parameters.values())[1:]
    return [one.name for one in parameters if one.default is inspect.Parameter.empty]


def nearest(word: str, known: Any) -> str:
    """``; did you mean 'x'?``, or the list of known words when none is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; choose one of {', '.join(sorted(known)) or '(none)'}"
