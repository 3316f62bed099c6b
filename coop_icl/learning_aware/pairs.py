"""Pairs of memory-1 learners that move at the same time, each by a method of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coop_icl.learning_aware import exact
from coop_icl.learning_aware.alignment import alignment
from coop_icl.learning_aware.dice import lola_dice
from coop_icl.learning_aware.lola import lola_exact, lola_lookahead, naive
from coop_icl.learning_aware.world import World
from coop_icl.seeding import Purpose, SeedNode, Stream

Update = Callable[[Tensor, Tensor, World, np.random.Generator], Tensor]
"""From own and other logits [N, 5], own first, to the direction [N, 5] in which the own ones move."""

UPDATES: dict[str, Update] = {
    "naive": naive,
    "lola_exact": lola_exact,
    "lola_lookahead": lola_lookahead,
    "lola_dice": lola_dice,
    "alignment": alignment,
}
"""Methods that learn in pairs, by name."""

OUTCOMES = ("start", "CC", "CD", "DC", "DD")


def start(seeds: Sequence[int], scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Initial logits of both learners, [N, 5] each, normal with deviation ``scale``; one pair a seed."""
    drawn = [SeedNode(seed).child(Purpose.INIT).rng(Stream.CO_PLAYER).normal(0, scale, (2, 5)) for seed in seeds]
    both = torch.from_numpy(np.stack(drawn))
    return both[:, 0].clone(), both[:, 1].clone()


def learn(
    methods: tuple[str, str], world: World, seeds: Sequence[int], updates: int, scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Logits [N, 5] of both learners after ``updates`` simultaneous steps.

    Args:
        methods: of the first and of the second learner, names of ``UPDATES``.
        world: game and rates.
        seeds: one a pair. What is sampled depends on all of them; with exact methods pairs do not.
        updates: steps.
        scale: deviation of initial logits.

    Raises:
        ValueError: if a method is unknown.
    """
    for name in methods:
        if name not in UPDATES:
            raise ValueError(f"unknown method '{name}'; choose one of {', '.join(UPDATES)}")
    node = SeedNode(seeds[0]).child(Purpose.TRAIN, *seeds[1:])
    rngs = [node.rng(player) for player in (0, 1)]
    views = [world.seen_by(player) for player in (0, 1)]
    policies = list(start(seeds, scale))
    for _ in range(updates):
        steps = [
            UPDATES[method](policies[player], policies[1 - player], views[player], rngs[player])
            for player, method in enumerate(methods)
        ]
        policies = [policy + world.rate * step for policy, step in zip(policies, steps, strict=True)]
    return policies[0], policies[1]


def results(methods: tuple[str, str], world: World, seeds: Sequence[int], updates: int) -> dict[str, Any]:
    """What pairs have come to, by seed: plain data, with the settings.

    Payoffs and cooperation are means per round of the game that goes on for ever, rounds weighted by the discount.
    """
    both = learn(methods, world, seeds, updates)
    payoffs = [value * (1 - world.gamma) for value in world.values(*both)]
    rates = exact.cooperation(*both, world.gamma)
    chances = [policy.sigmoid() for policy in both]
    rows = [
        {
            "seed": seed,
            "payoff": [round(float(value[i]), 4) for value in payoffs],
            "cooperation": [round(float(value[i]), 4) for value in rates],
            "policy": [[round(float(p), 3) for p in table[i]] for table in chances],
        }
        for i, seed in enumerate(seeds)
    ]
    return {"methods": list(methods), "updates": updates, "world": asdict(world), "states": OUTCOMES, "seeds": rows}
