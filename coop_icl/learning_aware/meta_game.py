"""The meta-game of M-FOS: a round of it is one simultaneous step of two memory-1 learners.

Lu et al. (2022), *Model-Free Opponent Shaping*, ICML, arXiv 2205.01447.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coop_icl.learning_aware.meta_agent import MetaAgents, meta_state
from coop_icl.learning_aware.pairs import UPDATES
from coop_icl.learning_aware.world import World

Mover = MetaAgents | str
"""Who moves policies: meta-agents, or a method of ``pairs.UPDATES`` by its name."""


class Rounds(NamedTuple):
    """T rounds of N meta-games as the first player sees them; ``payoffs`` are [T, N] by player.

    Attributes:
        states: [T + 1, N, 10], the last one's followers included.
        policies: [T, N, 5], what the first player chose, logits.
        payoffs: of both, per round of the inner game, exact.
    """

    states: Tensor
    policies: Tensor
    payoffs: tuple[Tensor, Tensor]


def swapped(rounds: Rounds, policies: Tensor) -> Rounds:
    """The same rounds as the second player sees them, who chose ``policies``."""
    return Rounds(rounds.states.roll(5, -1), policies, (rounds.payoffs[1], rounds.payoffs[0]))


def play(
    movers: tuple[Mover, Mover],
    policies: tuple[Tensor, Tensor],
    length: int,
    world: World,
    rng: np.random.Generator,
    generators: Sequence[torch.Generator] | None = None,
) -> tuple[tuple[Tensor, Tensor], tuple[Rounds, Rounds]]:
    """Let both players move ``length`` times from ``policies`` [N, 5].

    Both see the policies that have just been played and move at once; then these new policies play the inner game,
    whose payoff is each one's meta-reward. A method of ``pairs`` moves by ``world.rate`` along its direction, a
    meta-agent anywhere.

    Args:
        movers: of the first and of the second player.
        policies: both players' logits before.
        length: rounds of the meta-game.
        world: the inner game and its rates.
        rng: for methods that sample.
        generators: for meta-agents, one each; without them they play the mean of their choices.

    Returns:
        Both players' policies afterwards, and the rounds as either of them sees them.
    """
    views = (world.seen_by(0), world.seen_by(1))
    states, chosen, payoffs = [meta_state(*policies)], [], []
    for _ in range(length):
        policies = (
            _move(movers[0], policies[0], policies[1], views[0], rng, generators),
            _move(movers[1], policies[1], policies[0], views[1], rng, generators),
        )
        chosen.append(torch.stack(policies))
        payoffs.append(torch.stack(world.values(*policies)) * (1 - world.gamma))
        states.append(meta_state(*policies))
    both, paid = torch.stack(chosen, dim=1), torch.stack(payoffs, dim=1)
    first = Rounds(torch.stack(states), both[0], (paid[0], paid[1]))
    return policies, (first, swapped(first, both[1]))


def _move(
    mover: Mover,
    own: Tensor,
    other: Tensor,
    world: World,
    rng: np.random.Generator,
    generators: Sequence[torch.Generator] | None,
) -> Tensor:
    if isinstance(mover, MetaAgents):
        return mover.choose(own, other, generators)
    return own + world.rate * UPDATES[mover](own, other, world, rng).to(own)
