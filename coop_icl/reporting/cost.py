"""What a run will cost, worked out from its settings before it starts: rounds, decisions, floating-point operations."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from coop_icl.algorithms.losses import LOSSES
from coop_icl.config import ExperimentConfig
from coop_icl.matchups import LEARNER
from coop_icl.models.encoders import grid_of
from coop_icl.models.policy import SequencePolicy
from coop_icl.rollouts.telling import spec_of
from envs.registry import make_game

BACKWARD = 2
"""Products of a backward pass for each of the forward pass."""


@dataclass(frozen=True)
class Cost:
    """Of one run (one seed).

    Attributes:
        updates: of the run.
        rounds: played, summed over games, episodes at full length.
        decisions: of each learner.
        flop: floating-point operations of the products, a multiplication and an addition counting as two, of all
            policies: play is a forward pass a decision (of a frozen co-player too), learning a forward and a backward
            pass a decision and epoch. Elementwise work is not counted.
        learning_flop: of these what each learner's own updates take.
    """

    updates: int
    rounds: float
    decisions: float
    flop: float
    learning_flop: float


def estimate(config: ExperimentConfig) -> Cost | None:
    """The cost of a run; None for an algorithm whose work is not a pass over the batch an epoch.

    Raises:
        ConfigError, ValueError: if the game or the model is no good.
    """
    train, mixture = config.train, config.population.mixture
    if train.algorithm not in LOSSES:
        return None
    game = make_game(config.game.name, **dict(config.game.options))
    spec = spec_of(game, config.population.opponent_id)
    weights = [float(entry.get("weight", 1.0)) for entry in mixture]
    shares = [weight / sum(weights) for weight in weights]
    seated = [spec.num_players if entry["name"] == LEARNER else entry.get("learners", 1) for entry in mixture]
    frozen = sum(
        share * (spec.num_players - learners) / learners
        for share, learners, entry in zip(shares, seated, mixture, strict=True)
        if entry["name"] == "frozen"
    )
    widths, grid = [width for _, width in spec.features], grid_of(spec.features, spec.grid)
    with torch.device("meta"):
        policy = SequencePolicy(config.model, widths, spec.num_actions, spec.max_rounds, grid)
    decisions = float(train.updates) * train.episodes_per_learner * spec.max_rounds
    forward = flop_per_decision(policy)
    learning = decisions * train.epochs * (1 + BACKWARD) * forward
    playing = decisions * (1 + frozen) * forward
    return Cost(
        updates=train.updates,
        rounds=train.learners * decisions * sum(share / size for share, size in zip(shares, seated, strict=True)),
        decisions=decisions,
        flop=train.learners * (learning + playing),
        learning_flop=learning,
    )


def flop_per_decision(policy: SequencePolicy) -> float:
    """Two for each weight of a matrix, and of a convolution for each cell of the grid.

    Attention to all rounds so far, half of the episode on average, is added.
    """
    tables = {id(getattr(policy.core, "rounds", None))}  # added, not multiplied
    cells = math.prod(policy.grid[2:])
    weights = sum(
        p.numel() * (cells if p.dim() == 4 else 1) for p in policy.parameters() if p.dim() >= 2 and id(p) not in tables
    )
    blocks = getattr(policy.core, "blocks", None)
    layers = len(blocks) if isinstance(blocks, nn.ModuleList) else 0
    return 2.0 * weights + 2.0 * layers * policy.config.hidden_size * (policy.max_rounds + 1)


def table(configs: Iterable[ExperimentConfig], seeds: int) -> str:
    """What several experiments of ``seeds`` seeds will cost, in lines for a terminal."""
    lines, total = [], 0.0
    for config in configs:
        cost = estimate(config)
        if cost is None:
            lines.append(
                f"  {config.name:<24} not estimated: {config.train.algorithm} is no pass over a batch an epoch"
            )
            continue
        total += seeds * cost.flop
        lines.append(
            f"  {config.name:<24} {cost.updates:>7,} updates  {cost.rounds:.1e} rounds  {cost.decisions:.1e} decisions "
            f"a learner  {cost.flop:.1e} FLOP"
        )
    hours = total / 1e12 / 3600
    return "\n".join(
        [
            "estimated cost of a seed, worked out from the settings:",
            *lines,
            f"  {seeds} seeds: {total:.1e} FLOP, {hours:,.1f} hours at 1 TFLOP/s sustained",
        ]
    )
