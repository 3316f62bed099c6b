"""A co-player that is one co-player for the first rounds of an episode and another one from then on.

The second one watches from the start: its memory is fed with the true history, in which the first one's actions count
as its own, so it takes over a game that another began. This is what interventions on the history are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import CoPlayer, State
from coop_icl.populations.frozen import FrozenPolicy
from envs.batched import BatchedGame


class SplicedState(NamedTuple):
    """Rounds played [B], and what both remember."""

    rounds: NDArray[np.int64]
    first: State
    then: State


@dataclass(frozen=True)
class Spliced:
    """Plays ``first`` for some rounds, then ``then``.

    Policies that are told who their co-player is are told of none here, as with another learner.

    Args:
        game: what is played, to show each of the two what it observes.
        first: who opens; it is not asked again once the other has taken over.
        then: who goes on; asked in every round, as its memory follows the episode, and not heeded at first.
        switch: rounds that ``first`` plays, at least 0; from the game's length on ``then`` never plays.
        kind: family name; by default ``<first>_<switch>_<then>``.
        seat: where it sits, for games whose observations depend on it.

    Raises:
        ValueError: if ``switch`` is negative.
    """

    game: BatchedGame
    first: CoPlayer
    then: CoPlayer
    switch: int
    kind: str = ""
    seat: int = 1
    observes: Literal["outcomes", "observations"] = "outcomes"

    def __post_init__(self) -> None:
        if self.switch < 0:
            raise ValueError(f"switch must be at least 0, got {self.switch}")
        if not self.kind:
            object.__setattr__(self, "kind", f"{self.first.kind}_{self.switch}_{self.then.kind}")

    @property
    def num_parameters(self) -> int:
        """Those of both."""
        return self.first.num_parameters + self.then.num_parameters

    def initial_state(self, uniforms: NDArray[np.float64]) -> SplicedState:
        """Of both, the first one's numbers first."""
        mine = self.first.num_parameters
        first, then = self.first.initial_state(uniforms[:, :mine]), self.then.initial_state(uniforms[:, mine:])
        return SplicedState(np.zeros(len(uniforms), dtype=np.int64), first, then)

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], SplicedState]:
        """The action of whoever's turn it is, after joint outcomes [B]."""
        opening = state.rounds < self.switch
        first, actions, then = state.first, None, state.then
        if opening.any():
            actions, first = self.first.act(self._shown(self.first, seen, state.rounds), first, uniforms)
        if self.switch < self.game.spec.max_rounds:
            later, then = self.then.act(self._shown(self.then, seen, state.rounds), then, uniforms)
            actions = later if actions is None else np.where(opening, actions, later)
        assert actions is not None
        return actions, SplicedState(state.rounds + 1, first, then)

    def _shown(self, co_player: CoPlayer, outcomes: NDArray[np.integer], rounds: NDArray[np.int64]) -> NDArray:
        """What a co-player sees of outcomes [B]."""
        if co_player.observes == "outcomes":
            return outcomes
        vectors = self.game.encode(outcomes, rounds, self.seat)
        if isinstance(co_player, FrozenPolicy):
            vectors = np.pad(vectors, ((0, 0), (0, sum(co_player.policy.parts) - vectors.shape[1])))
        return vectors
