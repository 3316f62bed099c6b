"""Co-players in the Coin Game: who takes which coins, by what the other took last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import State
from coop_icl.populations.memory_one import Table, beta_prior
from coop_icl.populations.walking import Sight, checked, choose, drawn, least, sight
from envs.batched import BatchedGame

BEFORE, ITS_OWN, MINE = range(3)
"""What the other player took last: nothing yet, a coin of its own, a coin of mine."""

_STATE = np.dtype(
    [
        ("table", "f8", 3),
        ("shift", "f8"),
        ("coin", "i8"),
        ("mine", "?"),
        ("event", "i8"),
        ("coins", "i8"),
        ("takes", "?"),
    ]
)


@dataclass(frozen=True)
class CoinPlayer:
    """Goes for its own coins, and for the other's with a probability; stays off those that it leaves to the other.

    It decides once for each coin. Ways are shortest ones, each as likely; while it leaves a coin it wanders.

    Attributes:
        kind: family name.
        sight: how it sees.
        table: probabilities [3] of taking a coin of the other's, after ``BEFORE``, ``ITS_OWN`` and ``MINE``; or makes
            them [B, 3] of an episode's uniform numbers.
    """

    kind: str
    sight: Sight
    table: NDArray[np.float64] | Table
    observes: Literal["outcomes", "observations"] = "observations"

    @property
    def num_parameters(self) -> int:
        """One for its choices, and three where the table is drawn."""
        return 4 if callable(self.table) else 1

    def initial_state(self, uniforms: NDArray[np.float64]) -> NDArray:
        """Its table, and that it has seen no coin yet."""
        state = np.zeros(len(uniforms), dtype=_STATE)
        state["shift"], state["coin"] = uniforms[:, 0], -1
        state["table"] = self.table(uniforms[:, 1:]) if callable(self.table) else self.table
        return state

    def act(
        self, seen: NDArray[np.float32], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray]:
        """Actions [B] after observations [B, F]."""
        planes, state = self.sight.planes(seen), state.copy()
        me, other = planes[:, 0].argmax(axis=1), planes[:, 1].argmax(axis=1)
        coin, mine = (planes[:, 2] | planes[:, 3]).argmax(axis=1), planes[:, 2].any(axis=1)
        took = other == state["coin"]  # new coins lie elsewhere, so it stands there because it has just arrived
        state["event"] = np.where(took, np.where(state["mine"], MINE, ITS_OWN), state["event"])
        new = coin != state["coin"]
        state["coins"] += new
        chance = state["table"][np.arange(len(state)), state["event"]]
        state["takes"] = np.where(new, drawn(state["shift"], state["coins"], chance), state["takes"])
        state["coin"], state["mine"] = coin, mine
        ways = self.sight.next_cell[me]
        going = least(self.sight.distance[ways, coin[:, None]])
        return choose(np.where((mine | state["takes"])[:, None], going, ways != coin[:, None]), uniforms), state


def coin_greedy(game: BatchedGame) -> CoinPlayer:
    """Takes every coin."""
    return CoinPlayer("coin_greedy", sight(game), np.ones(3))


def coin_cooperative(game: BatchedGame) -> CoinPlayer:
    """Takes its own coins only."""
    return CoinPlayer("coin_cooperative", sight(game), np.zeros(3))


def coin_tft(game: BatchedGame) -> CoinPlayer:
    """Takes the other's coins while the last one that the other took was not the other's own."""
    return CoinPlayer("coin_tft", sight(game), np.array([0.0, 0.0, 1.0]))


def coin_tabular(game: BatchedGame, alpha: float = 1.0, beta: float = 1.0, kind: str = "coin_tabular") -> CoinPlayer:
    """Three probabilities of taking the other's coins, drawn from Beta(alpha, beta) for each episode."""
    return CoinPlayer(kind, sight(game), beta_prior(alpha, beta, kind))


def coin_table(game: BatchedGame, probabilities: Sequence[float], kind: str = "coin_table") -> CoinPlayer:
    """Given probabilities of taking the other's coins: before it took any, after its own, after one of mine."""
    return CoinPlayer(kind, sight(game), checked(kind, probabilities, 3))
