"""What the modules of the named games share: options, their errors, and the two ways to build a game."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from envs.batched import BatchedGame
from envs.matrix_game import MatrixGame
from envs.parallel_env import GameParallelEnv

Payoffs = Sequence[Sequence[Sequence[float]]] | NDArray[np.floating]


class GameFactory(Protocol):
    """Builds one named game, as a batch or as the PettingZoo view of one."""

    @property
    def name(self) -> str:
        """Of the game, as in its spec and in PettingZoo's metadata."""
        ...

    @property
    def actions(self) -> tuple[str, ...]:
        """What each action is called; empty where that depends on options."""
        ...

    def batched_game(self, **options: Any) -> BatchedGame:
        """Build the batched game.

        Raises:
            ValueError: one line naming an option that is unknown, missing or out of range.
        """
        ...

    def parallel_env(self, render_mode: str | None = None, **options: Any) -> GameParallelEnv:
        """Build the PettingZoo view of one game; errors as ``batched_game`` and ``GameParallelEnv``."""
        ...


class GameOptions(TypedDict, total=False):
    """The options of a named matrix game, all of them ``MatrixGame``'s; ``payoffs`` replaces the game's own."""

    payoffs: Payoffs | None
    rounds: int
    continuation: float | None
    noise: float
    observe: Sequence[str]
    inner_rounds: int | None


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> ValueError:
    """The error for a ``name`` that is not among ``valid``, with the nearest one or else all of them."""
    choices = sorted(valid)
    near = get_close_matches(name, choices, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(choices)}"
    return ValueError(f"unknown {kind} {name!r}: {hint}")


def check_options(name: str, given: Iterable[str], valid: Iterable[str], needed: Iterable[str] = ()) -> None:
    """Raise ValueError, naming the nearest valid one, if the game ``name`` was given an option that it does not have.

    The same if one of those ``needed`` is missing.
    """
    given, valid = set(given), list(valid)
    for option in sorted(given):
        if option not in valid:
            raise unknown_name(f"option of {name}", option, valid)
    for option in needed:
        if option not in given:
            raise ValueError(f"option {option!r} must be given for {name}")


@dataclass(frozen=True)
class PlainFactory:
    """Builds one named game whose options are the keyword arguments of its class.

    Attributes:
        name: of the game, as in its spec and in PettingZoo's metadata.
        make: the class of the batched game, or a function; raises ValueError for options out of range.
        actions: what each action is called, with first letters of their own; the last ones may need an option.
        labels: a letter for each of them in rendered text; by default their numbers.
    """

    name: str
    make: Callable[..., BatchedGame]
    actions: tuple[str, ...] = ()
    labels: str | None = None

    def batched_game(self, **options: Any) -> BatchedGame:
        """Build the batched game; see ``GameFactory``."""
        parameters = inspect.signature(self.make).parameters
        needed = [one for one, parameter in parameters.items() if parameter.default is inspect.Parameter.empty]
        check_options(self.name, options, parameters, needed)
        return self.make(**options)

    def parallel_env(self, render_mode: str | None = None, **options: Any) -> GameParallelEnv:
        """Build the PettingZoo view of one game; see ``GameFactory``."""
        game = self.batched_game(**options)
        labels = None if self.labels is None else self.labels[: game.spec.num_actions]
        return GameParallelEnv(game, render_mode, labels)


@dataclass(frozen=True)
class MatrixGameFactory:
    """Builds one named matrix game.

    Attributes:
        name: of the game, as in its spec and in PettingZoo's metadata.
        payoffs: [2, n, n] as ``MatrixGame`` takes them; None if the caller has to bring them.
        labels: a letter for each action in rendered text; not used where other payoffs change n.
        actions: what each action is called, with first letters of their own; not used where other payoffs change n.
    """

    name: str
    payoffs: Payoffs | None
    labels: str | None = None
    actions: tuple[str, ...] = ()

    def batched_game(self, **options: Unpack[GameOptions]) -> MatrixGame:
        """Build the batched game.

        Raises:
            ValueError: naming an option that is unknown, missing or out of range.
        """
        check_options(self.name, options, GameOptions.__annotations__)
        given = options.get("payoffs")
        payoffs = self.payoffs if given is None else given
        if payoffs is None:
            raise ValueError(f"payoffs must be given for {self.name}: [player][action of player_0][action of player_1]")
        rest: dict[str, Any] = {option: value for option, value in options.items() if option != "payoffs"}
        return MatrixGame(payoffs, name=self.name, **rest)

    def parallel_env(self, render_mode: str | None = None, **options: Unpack[GameOptions]) -> GameParallelEnv:
        """Build the PettingZoo view of one game; errors as ``batched_game`` and ``GameParallelEnv``."""
        game = self.batched_game(**options)
        fits = self.labels is not None and len(self.labels) == game.spec.num_actions
        return GameParallelEnv(game, render_mode, self.labels if fits else None)
