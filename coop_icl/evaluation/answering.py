"""How well an agent can be answered: payoffs of ways to play against it, one of which is fitted to it.

An exact best response to a sequence model would have to know what it does after every history. What is found here is
achieved, so it bounds the best response from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.analysis import Effort, two_by_two
from coop_icl.evaluation.exact import best_response
from coop_icl.evaluation.probes import probe
from coop_icl.models.policy import SequencePolicy
from coop_icl.populations.coplayer import State
from coop_icl.populations.registry import make_co_player
from envs.batched import BatchedGame

FITTED = "fitted"
SIMPLE = ("allc", "alld", "tft")
REFINEMENTS = 3
"""Times that the response is fitted to what the agent does against the response before."""


@dataclass(frozen=True)
class ByRound:
    """Plays actions [T, 5] by round and joint outcome; its state is the round."""

    actions: NDArray[np.int64]
    kind: str = FITTED
    num_parameters: int = 0
    observes: Literal["outcomes", "observations"] = "outcomes"

    def initial_state(self, uniforms: NDArray[np.float64]) -> int:
        """No round has been played."""
        return 0

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """The action of this round after the outcome seen [B]."""
        return self.actions[state, seen], state + 1


def answers(policy: SequencePolicy, game: BatchedGame, effort: Effort) -> dict[str, float]:
    """Mean payoff a round against the agent, by way to play; the best first.

    ``fitted`` is the exact best response to the agent's memory-1 summary, fitted anew to what the agent does against
    it. Nothing for games other than those of ``two_by_two`` and for agents that plan, which take too long.
    """
    if two_by_two(game) or policy.plans:
        return {}
    found = {}
    for name in SIMPLE:
        found[name] = probe(policy, game, make_co_player(name, game), effort.episodes, effort.seed).other_payoff
    payoffs = np.asarray(game.payoffs[1]).T  # type: ignore[attr-defined]
    summary = np.full(5, 0.5)
    seen = probe(policy, game, make_co_player("tabular", game), effort.episodes, effort.seed)
    for _ in range(REFINEMENTS):
        summary = np.where(np.isfinite(seen.after), seen.after, summary)
        _, actions = best_response(summary, payoffs, game.spec.max_rounds)
        seen = probe(policy, game, ByRound(actions), effort.episodes, effort.seed)
        found[FITTED] = max(found.get(FITTED, -np.inf), seen.other_payoff)
    return dict(sorted(found.items(), key=lambda item: -item[1]))
