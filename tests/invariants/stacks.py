"""The models, games and matchups that the invariants are tested over."""

from __future__ import annotations

import numpy as np

from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.trajectory import ARRAYS
from envs.registry import make_game

EVERYTHING = ("outcome", "action", "reward", "round")

MODELS = {
    "gru compiled": (ModelConfig(hidden_size=16), True),
    "gru compiled embedded": (ModelConfig(hidden_size=16, embedding_size=3, activation="swish"), True),
    "gru compiled in bfloat16": (ModelConfig(hidden_size=16, precision="bfloat16"), True),
    "gru fused": (ModelConfig(hidden_size=8), True),
    "gru plain": (ModelConfig(hidden_size=8), False),
    "gru fused embedded": (ModelConfig(hidden_size=8, embedding_size=3, activation="swish"), True),
    "gru two layers": (ModelConfig(hidden_size=8, num_layers=2), True),
    "lstm": (ModelConfig(core="lstm", hidden_size=8), True),
    "transformer": (ModelConfig(core="transformer", hidden_size=8, num_heads=2, num_layers=2), True),
}


def make_policy(game, config, seed):
    """A policy far enough from uniform that its memory shows in what it does, and not so far that all is certain."""
    spec = game.spec
    policy = SequencePolicy(config, [width for _, width in spec.features], spec.num_actions, spec.max_rounds)
    policy.reset_parameters(seed)
    policy.action_head.weight.data *= 1.5 if config.core == "transformer" else 6.0  # its features are normalised
    return policy


def make_stack(game, model, learners=2, seed=0):
    config, fused = MODELS[model] if isinstance(model, str) else model
    stack = PolicyStack([make_policy(game, config, seed + i) for i in range(learners)], fused)
    assert stack.fused == (fused and config.core == "gru" and config.num_layers == 1)
    return stack


def seat(agents, learners, first, second):
    """Matchups of named agents, the first ``learners`` of which learn; ``first`` sits in seat 0."""
    seats = np.stack([np.asarray(first), np.asarray(second)]).astype(np.int16)
    kinds = tuple(LEARNER if i < learners else name for i, name in enumerate(agents))
    return Matchups(tuple(agents), kinds, learners, seats)


def arrays(trajectory):
    return {name: getattr(trajectory, name) for name in ARRAYS}


def assert_same(one, two):
    for name, array in arrays(one).items():
        np.testing.assert_array_equal(array, getattr(two, name), err_msg=name)


def ipd(**options):
    return make_game("ipd_v0", **options)
