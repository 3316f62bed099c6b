"""Whether an experiment has room in this machine's memory, counted from below, before anything is made."""

from __future__ import annotations

import os

import torch

from coop_icl.config import ConfigError, ExperimentConfig
from coop_icl.models.encoders import grid_of
from coop_icl.models.policy import SequencePolicy
from coop_icl.rollouts.telling import spec_of
from envs.batched import BatchedGame

GIB = 2**30
COPIES = 4
"""Numbers that learning keeps for each weight: itself, its gradient, and Adam's two moments."""


def check_room(config: ExperimentConfig, game: BatchedGame) -> None:
    """Raise ConfigError naming what to make smaller if weights or the episodes of an update cannot fit.

    What is counted is needed for sure; more is. A cluster's nodes may have more memory than this one: where
    RAY_ADDRESS names one, nothing is refused.
    """
    if os.environ.get("RAY_ADDRESS"):
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    weights, episodes = weight_bytes(config, game), episode_bytes(config, game)
    if weights > memory:
        raise ConfigError(
            f"model.hidden_size: got {config.model.hidden_size}; expected a smaller model: the weights of "
            f"{_modules(config)} policies and what learns them need {_gib(weights)} GiB of {_gib(memory)}"
        )
    if episodes > memory:
        number, rounds = config.train.episodes_per_learner, game.spec.max_rounds
        what = f"game: got {rounds} rounds" if rounds > number else f"train.episodes_per_learner: got {number}"
        raise ConfigError(f"{what}; expected fewer: an update's episodes need {_gib(episodes)} GiB of {_gib(memory)}")


def weight_bytes(config: ExperimentConfig, game: BatchedGame) -> int:
    """Return the bytes of all weights with their gradients and moments."""
    spec = spec_of(game, config.population.opponent_id)
    with torch.device("meta"):
        policy = SequencePolicy(
            config.model,
            [width for _, width in spec.features],
            spec.num_actions,
            spec.max_rounds,
            grid=grid_of(spec.features, spec.grid),
        )
    return COPIES * 4 * sum(weight.numel() for weight in policy.parameters()) * _modules(config)


def episode_bytes(config: ExperimentConfig, game: BatchedGame) -> int:
    """Return the bytes of the episodes of an update, observations that are kept among them."""
    spec = spec_of(game, config.population.opponent_id)
    lanes = config.train.learners * config.train.episodes_per_learner  # each a learner's; co-players' come on top
    seen = 4 * spec.observation_size if game.bounds() is not None else 0
    return lanes * spec.max_rounds * (1 + 1 + 4 + 4 + 4 + seen)


def _modules(config: ExperimentConfig) -> int:
    return 1 if config.train.share_parameters else config.train.learners


def _gib(size: int) -> str:
    return f"{size / GIB:,.0f}" if size >= GIB else f"{size / GIB:.2f}"
