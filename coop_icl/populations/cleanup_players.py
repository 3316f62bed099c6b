"""Co-players in CleanUp-lite: who cleans, by whether others do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import State
from coop_icl.populations.memory_one import Table, beta_prior
from coop_icl.populations.walking import Sight, choose, drawn, least, sight
from envs.batched import BatchedGame
from envs.cleanup_lite_v0 import HEIGHT, WIDTH

LATELY = 15
"""Rounds for which cleaning is remembered; so many everyone is trusted for at the start."""

MUCH = 2
"""Pieces of dirt from which a cleaner cleans. (If both clean from the first piece on, nobody has time to eat.)"""

TERM = 10
"""Rounds after which a player decides anew whether to clean."""

_STATE = np.dtype([("table", "f8", 2), ("shift", "f8"), ("rounds", "i8"), ("ago", "i8"), ("cleans", "?")])
_COLUMN = np.arange(HEIGHT * WIDTH) % WIDTH


@dataclass(frozen=True)
class CleanupPlayer:
    """Cleans with a probability that depends on whether somebody else has cleaned lately; eats otherwise.

    A cleaner goes to the nearest dirt if there is ``MUCH``; else it eats, and waits at the river. Who does not clean
    goes to the nearest apple, and waits in the orchard. Nobody zaps.

    Attributes:
        kind: family name.
        sight: how it sees.
        table: probabilities [2] of cleaning, where another player was seen on dirt in the last ``LATELY`` rounds, and
            where none was; or makes them [B, 2] of an episode's uniform numbers.
        term: rounds after which it decides again.
    """

    kind: str
    sight: Sight
    table: tuple[float, float] | Table
    term: int = 1
    observes: Literal["outcomes", "observations"] = "observations"

    @property
    def num_parameters(self) -> int:
        """Three where the table is drawn."""
        return 3 if callable(self.table) else 0

    def initial_state(self, uniforms: NDArray[np.float64]) -> NDArray:
        """Its table, and trust."""
        state = np.zeros(len(uniforms), dtype=_STATE)
        if callable(self.table):
            state["shift"], state["table"] = uniforms[:, 0], self.table(uniforms[:, 1:])
        else:
            state["table"] = self.table
        return state

    def act(
        self, seen: NDArray[np.float32], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray]:
        """Actions [B] after observations [B, F]."""
        planes, state = self.sight.planes(seen), state.copy()
        players = self.sight.players
        others, apples, dirt = planes[:, 1:players].any(axis=1), planes[:, players], planes[:, players + 1]
        state["ago"] = np.where((others & dirt).any(axis=1), 0, state["ago"] + 1)
        chance = state["table"][np.arange(len(state)), (state["ago"] > LATELY).astype(np.int64)]
        anew = state["rounds"] % self.term == 0
        choice = drawn(state["shift"], state["rounds"] // self.term, chance)
        state["cleans"] = np.where(anew, choice, state["cleans"])
        state["rounds"] += 1

        elsewhere = ~planes[:, 0]  # what lies where one stands is dealt with before anybody moves
        cleans, apples = state["cleans"][:, None], apples & elsewhere
        wanted = np.where(cleans & (dirt.sum(axis=1, keepdims=True) >= MUCH), dirt & elsewhere, apples)
        waiting = np.where(cleans, _COLUMN == WIDTH - 1, _COLUMN == 0)
        targets = np.where(wanted.any(axis=1, keepdims=True), wanted, waiting)
        return choose(least(self.sight.towards(planes[:, 0].argmax(axis=1), targets)), uniforms), state


def cleanup_cleaner(game: BatchedGame) -> CleanupPlayer:
    """Cleans whatever others do. In 100 rounds two earn 11 each; one with a free-rider 4, and the free-rider 26."""
    return CleanupPlayer("cleanup_cleaner", sight(game), (1.0, 1.0))


def cleanup_free_rider(game: BatchedGame) -> CleanupPlayer:
    """Never cleans."""
    return CleanupPlayer("cleanup_free_rider", sight(game), (0.0, 0.0))


def cleanup_reciprocator(game: BatchedGame) -> CleanupPlayer:
    """Cleans while somebody else did lately."""
    return CleanupPlayer("cleanup_reciprocator", sight(game), (1.0, 0.0))


def cleanup_tabular(
    game: BatchedGame, alpha: float = 1.0, beta: float = 1.0, kind: str = "cleanup_tabular"
) -> CleanupPlayer:
    """Two probabilities of cleaning, drawn from Beta(alpha, beta) for each episode; it decides every ``TERM``."""
    return CleanupPlayer(kind, sight(game), beta_prior(alpha, beta, kind), TERM)
