"""M-FOS: a meta-agent that learns by policy gradient how to steer learners, without any model of how they learn.

Lu et al. (2022), *Model-Free Opponent Shaping*, ICML, arXiv 2205.01447. As its authors do, by proximal policy
optimisation in batches of meta-games whose two policies start at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

from coop_icl.learning_aware.meta_agent import MetaAgent
from coop_icl.learning_aware.meta_game import Mover, Rounds, play
from coop_icl.learning_aware.world import World
from coop_icl.seeding import Purpose, SeedNode, Stream


@dataclass(frozen=True)
class Training:
    """How a meta-agent is trained.

    Attributes:
        games: meta-games at the same time.
        length: rounds of a meta-game, its co-player's steps.
        window: rounds between two updates, a divisor of ``length``: in each window another share of the games begins.
        updates: windows.
        epochs, minibatch: passes through a window, and decisions for one step of the optimiser.
        rate: Adam's rate at the start; falls linearly to 0.
        discount, trace: of meta-rewards, and the lambda of generalised advantages.
        clip, entropy: of proximal policy optimisation.
        hidden: width of the networks' layers.
        naive: share of the updates in the course of which two meta-agents come to meet each other rather than naive
            learners: at first never, then more and more often.
    """

    games: int = 200
    length: int = 100
    window: int = 20
    updates: int = 150
    epochs: int = 4
    minibatch: int = 500
    rate: float = 0.002
    discount: float = 0.99
    trace: float = 0.95
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
    """A meta-agent with its optimiser."""

    def __init__(self, training: Training, seed: SeedNode) -> None:
        self.training, self.updates = training, 0
        self.generator = torch.Generator().manual_seed(seed.integer(Stream.ACTION))
        scale = 0.1 / (1 - training.discount)
        self.agent = MetaAgent(training.hidden, scale, self.generator)
        self.optimiser = torch.optim.Adam(self.agent.parameters(), lr=training.rate)

    def improve(self, rounds: Rounds) -> None:
        """One update of proximal policy optimisation from rounds that the agent has just played."""
        training = self.training
        for group in self.optimiser.param_groups:
            group["lr"] = training.rate * max(1 - self.updates / training.updates, 0.05)
        self.updates += 1
        with torch.no_grad():
            gains = advantages(rounds.payoffs[0], self.agent.value(rounds.states), training)
            targets = gains + self.agent.value(rounds.states[:-1])
            before = self.agent.choices(rounds.states[:-1]).log_prob(rounds.policies)
        data = (rounds.states[:-1], rounds.policies, before, (gains - gains.mean()) / gains.std(), targets)
        flat = [part.reshape(gains.numel(), -1).squeeze(-1) for part in data]
        for _ in range(training.epochs):
            for rows in torch.randperm(gains.numel(), generator=self.generator).split(training.minibatch):
                self._step(*(part[rows] for part in flat))

    def _step(self, states: Tensor, policies: Tensor, before: Tensor, gains: Tensor, targets: Tensor) -> None:
        choices, clip = self.agent.choices(states), self.training.clip
        ratio = (choices.log_prob(policies) - before).exp()
        surrogate = torch.minimum(ratio * gains, ratio.clamp(1 - clip, 1 + clip) * gains).mean()
        error = ((self.agent.value(states) - targets) / self.agent.scale).square().mean()
        self.optimiser.zero_grad()
        (0.5 * error - surrogate - self.training.entropy * choices.entropy().mean()).backward()
        nn.utils.clip_grad_norm_(self.agent.parameters(), 0.5)
        self.optimiser.step()


def advantages(payoffs: Tensor, values: Tensor, training: Training) -> Tensor:
    """Generalised advantages [T, N] of payoffs [T, N] and values [T + 1, N]; the last value stands for what follows."""
    errors = payoffs + training.discount * values[1:] - values[:-1]
    found, later = torch.empty_like(errors), torch.zeros_like(errors[0])
    for t in reversed(range(len(errors))):
        later = errors[t] + training.discount * training.trace * later
        found[t] = later
    return found


def windows(
    movers: tuple[Mover, Mover], world: World, training: Training, rng: np.random.Generator, generator: torch.Generator
) -> Iterator[tuple[Rounds, Rounds]]:
    """Windows of meta-games that go on, as both players see them; a share of the games begins anew in each."""
    policies = drawn(training.games, generator)
    shares = training.length // training.window
    for k in count():
        fresh, share = drawn(training.games // shares, generator), slice(k % shares, None, shares)
        for policy, new in zip(policies, fresh, strict=True):
            policy[share] = new
        policies, rounds = play(movers, policies, training.window, world, rng, generator)
        policies = (policies[0].clone(), policies[1].clone())
        yield rounds


def drawn(games: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Policies of both players to start from, logits [games, 5] each, N(0, 1)."""
    both = torch.randn(2, games, 5, generator=generator)
    return both[0], both[1]


def train(method: str, world: World, training: Training, seed: int) -> MetaAgent:
    """A meta-agent trained with co-players that learn by ``method`` of ``pairs.UPDATES``."""
    node = SeedNode(seed).child(Purpose.TRAIN)
    learner, rng = Learner(training, node.child(0)), node.rng(Stream.CO_PLAYER)
    games = windows((learner.agent, method), world, training, rng, learner.generator)
    for _ in range(training.updates):
        learner.improve(next(games)[0])
    return learner.agent


def train_together(world: World, training: Training, seed: int) -> tuple[MetaAgent, MetaAgent]:
    """Two meta-agents that learn with naive learners at first and more and more often with each other.

    As its authors do: two agents of their own that share nothing. Without naive learners, meta-agents that know nothing
    yet teach each other to defect.
    """
    node = SeedNode(seed).child(Purpose.TRAIN)
    learners = [Learner(training, node.child(player)) for player in (0, 1)]
    rng = node.rng(Stream.CO_PLAYER)
    alone = [
        windows((one.agent, "naive"), world.seen_by(i), training, rng, one.generator) for i, one in enumerate(learners)
    ]
    both = windows((learners[0].agent, learners[1].agent), world, training, rng, learners[0].generator)
    for k in range(training.updates):
        if rng.random() < k / (training.naive * training.updates):
            for learner, rounds in zip(learners, next(both), strict=True):
                learner.improve(rounds)
        else:
            for learner, games in zip(learners, alone, strict=True):
                learner.improve(next(games)[0])
    return learners[0].agent, learners[1].agent
