"""What can be asked of a trained policy: analyses by name, each a function of a policy and the game it was trained in.

An analysis returns plain data (JSON): numbers, strings, lists and mappings. Printing is ``report``'s, drawing is
``reporting``'s; both find an analysis by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coop_icl.errors import UserError
from coop_icl.models.policy import SequencePolicy
from coop_icl.policy_store import LoadedPolicy
from envs.batched import BatchedGame
from envs.registry import make_game


@dataclass(frozen=True)
class Subject:
    """A trained policy, and the company it was trained in.

    Attributes:
        name: of the learner, e.g. ``learner_0``.
        loaded: its policy, and what is known of it.
        others: policies of the other learners of its run, by name.
    """

    name: str
    loaded: LoadedPolicy
    others: Mapping[str, LoadedPolicy] = field(default_factory=dict)

    @property
    def policy(self) -> SequencePolicy:
        """The policy itself."""
        return self.loaded.policy

    def game(self) -> BatchedGame:
        """A new instance of the game that it was trained in."""
        return make_game(self.loaded.info.game_name, **self.loaded.info.game_options)


@dataclass(frozen=True)
class Effort:
    """How thoroughly to ask.

    Attributes:
        episodes: per matchup.
        seed: of the evaluation; the same seed gives the same numbers.
    """

    episodes: int = 512
    seed: int = 0

    def check(self) -> Effort:
        """Itself.

        Raises:
            UserError: naming what is out of range.
        """
        for name, least in (("episodes", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name} must be at least {least}, got {getattr(self, name)}")
        return self


@dataclass(frozen=True)
class Analysis:
    """A question, and how it is answered.

    Attributes:
        title: what it answers, a few words.
        reason_against: why it makes no sense for a game, one line; empty if it does.
        run: the answer, plain data.
    """

    title: str
    reason_against: Callable[[BatchedGame], str]
    run: Callable[[Subject, Effort], dict[str, Any]]


def two_by_two(game: BatchedGame) -> str:
    """Reason against a game that is not a two-player matrix game of two actions, fixed length and no noise."""
    spec = game.spec
    if getattr(game, "inner_rounds", None):
        return f"{spec.name} has inner episodes, which exact values and strategies of whole episodes do not know"
    fits = (spec.num_players, spec.num_actions, game.num_uniforms) == (2, 2, 0) and hasattr(game, "payoffs")
    return "" if fits else f"{spec.name} is no two-player matrix game of two actions, fixed length and no noise"
