"""Games between pairs of memory-1 policies, sampled from the games of ``envs``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coop_icl.learning_aware import exact
from coop_icl.learning_aware.world import World
from envs.registry import make_game


class Sample(NamedTuple):
    """K games of T rounds between each of N pairs; all [T, N, K] by player, each in its own view.

    Attributes:
        seen: int64, joint outcomes before each round; cooperated: bool; rewards: payoffs.
    """

    seen: tuple[Tensor, Tensor]
    cooperated: tuple[Tensor, Tensor]
    rewards: tuple[Tensor, Tensor]


def play(own: Tensor, other: Tensor, world: World, rng: np.random.Generator) -> Sample:
    """Sample ``world.games`` games of ``world.rounds`` rounds between policies [N, 5]."""
    pairs, games, rounds = len(own), world.games, world.rounds
    game = make_game("matrix_game", payoffs=np.asarray(world.payoffs), rounds=rounds)
    chances = [np.repeat(policy.detach().sigmoid().numpy(), games, axis=0) for policy in (own, other)]
    outcomes = game.reset(np.zeros((pairs * games, 0)))
    lanes, numbers = np.arange(pairs * games), rng.random((rounds, 2, pairs * games))
    seen = np.zeros(numbers.shape, dtype=np.int64)
    defected, rewards = np.zeros(numbers.shape, dtype=np.int64), np.zeros(numbers.shape)
    for t in range(rounds):
        seen[t] = outcomes
        for player, table in enumerate(chances):
            defected[t, player] = numbers[t, player] >= table[lanes, outcomes[player]]
        outcomes, rewards[t], *_ = game.step(defected[t])
    shape = (rounds, 2, pairs, games)
    return Sample(*(_by_player(array.reshape(shape)) for array in (seen, defected == 0, rewards)))


def log_probabilities(policy: Tensor, sample: Sample, player: int) -> Tensor:
    """Of the actions that a player took, under logits [N, 5]; [T, N, K], differentiable."""
    logits = policy[torch.arange(len(policy))[:, None], sample.seen[player]]
    return torch.where(sample.cooperated[player], logits, -logits).negative().exp().log1p().negative()


def values_on(sample: Sample, own: Tensor, other: Tensor, world: World) -> tuple[Tensor, Tensor]:
    """Exact values [T + 1, N, K] of both players in every state of the sample, the last one's followers included."""
    both = exact.state_values(own.detach(), other.detach(), world.table, world.gamma)
    last = torch.where(sample.cooperated[0][-1:], 1, 3) + (~sample.cooperated[1][-1:]).long()
    states = torch.cat([sample.seen[0], last])
    rows = torch.arange(len(own))[:, None]
    return both[0][rows, states], both[1][rows, states]


def _by_player(array: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(array[:, 0]), torch.from_numpy(array[:, 1])
