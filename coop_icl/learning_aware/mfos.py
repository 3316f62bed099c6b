"""M-FOS: a meta-agent that learns by policy gradient how to steer learners, without any model of how they learn.

Lu et al. (2022), *Model-Free Opponent Shaping*, ICML, arXiv 2205.01447. As its authors do, by proximal policy
optimisation in batches of meta-games whose two policies start at random.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from coop_icl.learning_aware.meta_agent import MetaAgents, normal
from coop_icl.learning_aware.meta_game import Mover, Rounds, play
from coop_icl.learning_aware.world import World
from coop_icl.seeding import Purpose, SeedNode, Stream


@dataclass(frozen=True)
class Training:
    """How meta-agents are trained.

    Attributes:
        games: meta-games of an agent at the same time.
        length: rounds of a meta-game, its co-player's steps.
        window: rounds between two updates, a divisor of ``length``: in each window another share of the games begins.
        updates: windows.
        epochs, minibatch: passes through a window, and decisions for one step of the optimiser.
        rate: Adam's rate at the start; falls linearly, to a twentieth at least.
        discount, trace: of meta-rewards, and the lambda of generalised advantages.
        clip, entropy: of proximal policy optimisation.
        hidden: width of the networks' hidden layer.
        naive: share of the updates in the course of which two meta-agents come to meet each other rather than naive
            learners: at first never, then more and more often.
    """

    games: int = 100
    length: int = 100
    window: int = 10
    updates: int = 200
    epochs: int = 4
    minibatch: int = 125
    rate: float = 0.004
    discount: float = 0.95
    trace: float = 0.9
    clip: float = 0.2
    entropy: float = 0.01
    hidden: int = 64
    naive: float = 0.65

    def __post_init__(self) -> None:
        if self.length % self.window or self.games % (self.length // self.window):
            raise ValueError(
                f"a window of {self.window} rounds must divide meta-games of {self.length}, and the number of shares"
                f" that makes must divide {self.games} games"
            )


class Learner:
    """Meta-agents, one a seed, with their optimiser; what an agent draws and learns depends on its seed only."""

    def __init__(self, training: Training, seeds: Sequence[SeedNode]) -> None:
        self.training, self.updates = training, 0
        self.generators = [torch.Generator().manual_seed(seed.integer(Stream.ACTION)) for seed in seeds]
        self.agents = MetaAgents(training.hidden, 0.1 / (1 - training.discount), self.generators)
        self.optimiser = torch.optim.Adam(self.agents.parameters(), lr=training.rate, fused=True)

    def improve(self, rounds: Rounds) -> None:
        """One update of proximal policy optimisation from rounds that the agents have just played."""
        training, size = self.training, self.agents.size
        for group in self.optimiser.param_groups:
            group["lr"] = training.rate * max(1 - self.updates / training.updates, 0.05)
        self.updates += 1
        with torch.no_grad():
            choices, values = self.agents(rounds.states)
            gains = advantages(rounds.payoffs[0], values, training)
            before = Independent(Normal(choices.mean[:-1], choices.stddev[:-1]), 1).log_prob(rounds.policies)
        data = (rounds.states[:-1], rounds.policies, before, gains, gains + values[:-1])
        states, policies, before, gains, targets = (_by_agent(part, size) for part in data)
        gains = (gains - gains.mean(1, keepdim=True)) / gains.std(1, keepdim=True)
        agents = torch.arange(size)[:, None]
        for _ in range(training.epochs):
            orders = torch.stack([torch.randperm(gains.shape[1], generator=one) for one in self.generators])
            for rows in orders.split(training.minibatch, dim=1):
                self._step(*(part[agents, rows].flatten(0, 1) for part in (states, policies, before, gains, targets)))

    def _step(self, states: Tensor, policies: Tensor, before: Tensor, gains: Tensor, targets: Tensor) -> None:
        (choices, values), clip = self.agents(states), self.training.clip
        ratio = (choices.log_prob(policies) - before).exp()
        surrogate = torch.minimum(ratio * gains, ratio.clamp(1 - clip, 1 + clip) * gains)
        error = ((values - targets) / self.agents.scale).square()
        loss = (0.5 * error - surrogate - self.training.entropy * choices.entropy()).mean()
        self.optimiser.zero_grad()
        (loss * self.agents.size).backward()
        self.optimiser.step()


def _by_agent(data: Tensor, size: int) -> Tensor:
    """[S, T N, ...] from [T, S N, ...]."""
    rounds, games = data.shape[:2]
    return data.reshape(rounds, size, games // size, *data.shape[2:]).transpose(0, 1).flatten(1, 2)


def advantages(payoffs: Tensor, values: Tensor, training: Training) -> Tensor:
    """Generalised advantages [T, M] of payoffs [T, M] and values [T + 1, M]; the last value stands for what follows."""
    errors = payoffs + training.discount * values[1:] - values[:-1]
    found, later = torch.empty_like(errors), torch.zeros_like(errors[0])
    for t in reversed(range(len(errors))):
        later = errors[t] + training.discount * training.trace * later
        found[t] = later
    return found


def windows(
    movers: tuple[Mover, Mover],
    world: World,
    training: Training,
    rng: np.random.Generator,
    generators: Sequence[torch.Generator],
) -> Iterator[tuple[Rounds, Rounds]]:
    """Windows of meta-games that go on, as both players see them; a share of each agent's games begins anew in each."""
    policies = drawn(training.games, generators)
    shares = training.length // training.window
    for k in count():
        fresh = drawn(training.games // shares, generators)
        for policy, new in zip(policies, fresh, strict=True):
            policy[k % shares :: shares] = new
        last, rounds = play(movers, policies, training.window, world, rng, generators)
        policies = (last[0].clone(), last[1].clone())
        yield rounds


def drawn(games: int, generators: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    """Policies of both players to start from, logits [S games, 5] each, N(0, 1)."""
    both = normal(generators, games, 2, 5)
    return both[:, 0].clone(), both[:, 1].clone()


def train(method: str, world: World, training: Training, seeds: Sequence[int]) -> MetaAgents:
    """Meta-agents, one a seed, trained with co-players that learn by ``method`` of ``pairs.UPDATES``."""
    learner = Learner(training, [SeedNode(seed).child(Purpose.TRAIN, 0) for seed in seeds])
    games = windows((learner.agents, method), world, training, _sampling(seeds), learner.generators)
    for _ in range(training.updates):
        learner.improve(next(games)[0])
    return learner.agents


def train_together(world: World, training: Training, seeds: Sequence[int]) -> tuple[MetaAgents, MetaAgents]:
    """Two meta-agents a seed that learn with naive learners at first and more and more often with each other.

    As their authors do: two agents that share nothing. Without naive learners, meta-agents that know nothing yet teach
    each other to defect.
    """
    learners = [Learner(training, [SeedNode(seed).child(Purpose.TRAIN, i) for seed in seeds]) for i in (0, 1)]
    first, second = learners
    rng = _sampling(seeds)
    alone = [
        windows((one.agents, "naive"), world.seen_by(i), training, rng, one.generators)
        for i, one in enumerate(learners)
    ]
    both = windows((first.agents, second.agents), world, training, rng, first.generators)
    due = 0.0
    for k in range(training.updates):
        due += min(k / max(training.naive * training.updates, 1e-9), 1)
        if due >= 1:
            due -= 1
            pair = next(both)
        else:
            pair = (next(alone[0])[0], next(alone[1])[0])
        for learner, rounds in zip(learners, pair, strict=True):
            learner.improve(rounds)
    return first.agents, second.agents


def _sampling(seeds: Sequence[int]) -> np.random.Generator:
    """For co-players that sample games; depends on all seeds, as with pairs."""
    return SeedNode(seeds[0]).child(Purpose.TRAIN, *seeds[1:]).rng(Stream.CO_PLAYER)
