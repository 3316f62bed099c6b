"""Many matchups of one agent played as one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.frozen import FrozenPolicy
from coop_icl.populations.registry import make_co_player
from coop_icl.populations.splice import Spliced
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.telling import is_told
from coop_icl.seeding import SeedNode
from coop_icl.trajectory import Trajectory
from envs.batched import BatchedGame


def play_each(
    focal: SequencePolicy | CoPlayer,
    game: BatchedGame,
    co_players: Sequence[CoPlayer],
    games: Sequence[int],
    node: SeedNode,
) -> Trajectory:
    """Games of ``focal``, in seat 0, with every co-player: ``games`` of each, side by side in that order."""
    names = tuple(f"{place}_{co_player.kind}" for place, co_player in enumerate(co_players))
    others = np.repeat(np.arange(1, len(co_players) + 1), games)
    agents = dict(enumerate(co_players, start=1))
    learns = isinstance(focal, SequencePolicy)
    if not learns:
        agents[len(co_players) + 1] = focal
        names += ("focal",)
    seats = np.stack([np.full_like(others, 0 if learns else len(names)), others]).astype(np.int16)
    matchups = Matchups(("learner", *names), (LEARNER, *(agents[at].kind for at in sorted(agents))), 1, seats)
    stack = PolicyStack([focal if learns else nobody(game)])
    return play(game, matchups, stack, [[0]], agents, node, opponent_id=learns and is_told(focal, game))


def as_co_player(name: str, policy: SequencePolicy, game: BatchedGame) -> CoPlayer:
    """A policy as a co-player of that name, with weights as they are; where it wants to be told, it is told nothing."""
    one = FrozenPolicy(policy, name, num_parameters=int(policy.plans))
    if not is_told(policy, game):
        return one
    return Spliced(game, one, make_co_player("uniform", game), game.spec.max_rounds, name)


def nobody(game: BatchedGame) -> SequencePolicy:
    """A policy that takes no seat, where no learner plays."""
    spec = game.spec
    return SequencePolicy(ModelConfig(hidden_size=16), [width for _, width in spec.features], spec.num_actions, 1)
