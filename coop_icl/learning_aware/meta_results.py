"""What a meta-agent comes to in meta-games with a co-player that learns, in the form of ``pairs.results``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from coop_icl.learning_aware import exact
from coop_icl.learning_aware.meta_game import Mover, play
from coop_icl.learning_aware.mfos import Training, drawn, train, train_together
from coop_icl.learning_aware.pairs import OUTCOMES
from coop_icl.learning_aware.world import World
from coop_icl.seeding import Purpose, SeedNode, Stream

NAME = "mfos"
STARTS = 256
"""Meta-games in which a trained meta-agent is measured."""

SHOWN = (1, 2, 3, 5, 8, 12, 20, 30, 50, 70, 100)
"""Rounds of the meta-game at which payoffs are kept."""


def results(
    other: str, world: World, seeds: Sequence[int], updates: int | None = None, training: Training | None = None
) -> dict[str, Any]:
    """What meta-agents trained with ``other`` come to, a training a seed: plain data, with the settings.

    Payoffs, cooperation and policies are means over ``STARTS`` meta-games after ``updates`` rounds of them, as those of
    pairs are after their updates; ``whole`` is the mean payoff of all these rounds, which M-FOS's authors report.
    Meta-agents play the means of their choices.

    Args:
        other: name of a method of ``pairs.UPDATES``, or ``NAME`` for two meta-agents trained together.
        world: the inner game and its rates.
        seeds: of training and starts.
        updates: rounds of the meta-games that are measured; by default as many as training has.
        training: settings of the meta-agents.
    """
    training = training or settings(other)
    rounds = updates or training.length
    shown = [at for at in SHOWN if at <= rounds]
    movers: tuple[Mover, Mover]
    began = time.process_time()
    movers = train_together(world, training, seeds) if other == NAME else (train(other, world, training, seeds), other)
    spent = time.process_time() - began
    nodes = [SeedNode(seed).child(Purpose.EVALUATE) for seed in seeds]
    starts = drawn(STARTS, [torch.Generator().manual_seed(node.integer(Stream.GAME)) for node in nodes])
    policies, (seen, _) = play(movers, starts, rounds, world, nodes[0].rng(Stream.CO_PLAYER))
    payoffs = [_by_seed(paid, seeds) for paid in seen.payoffs]
    rates = [_by_seed(rate, seeds) for rate in exact.cooperation(*policies, world.gamma)]
    chances = [policy.sigmoid().reshape(len(seeds), STARTS, 5).mean(1) for policy in policies]
    rows = [
        {
            "seed": seed,
            "payoff": [round(float(paid[-1, i]), 4) for paid in payoffs],
            "cooperation": [round(float(rate[i]), 4) for rate in rates],
            "policy": [[round(float(p), 3) for p in table[i]] for table in chances],
            "whole": [round(float(paid[:, i].mean()), 4) for paid in payoffs],
            "curve": [[round(float(paid[at - 1, i]), 3) for at in shown] for paid in payoffs],
        }
        for i, seed in enumerate(seeds)
    ]
    return {
        "methods": [NAME, other],
        "updates": rounds,
        "world": asdict(world),
        "states": OUTCOMES,
        "training": asdict(training),
        "training_seconds": round(spent, 1),
        "starts": STARTS,
        "shown": shown,
        "seeds": rows,
    }


def settings(other: str) -> Training:
    """How meta-agents are trained for the record: two together with smaller steps than one."""
    return Training(updates=160, rate=0.003) if other == NAME else Training()


def _by_seed(data: Tensor, seeds: Sequence[int]) -> Tensor:
    """Means [..., S] of data [..., S STARTS]."""
    return data.reshape(*data.shape[:-1], len(seeds), STARTS).mean(-1)
