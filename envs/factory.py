"""What the modules of the named games share: payoffs, options, and the two ways to build a game."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from envs.matrix_game import MatrixGame
from envs.parallel_env import GameParallelEnv

Payoffs = Sequence[Sequence[Sequence[float]]] | NDArray[np.floating]


class GameOptions(TypedDict, total=False):
    """The options of a named game, all of them ``MatrixGame``'s; ``payoffs`` replaces the game's own."""

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
        for option in options:
            if option not in GameOptions.__annotations__:
                raise unknown_name(f"option of {self.name}", option, GameOptions.__annotations__)
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
