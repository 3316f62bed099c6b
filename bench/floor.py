"""The floor that arithmetic sets: floating-point operations of the products, at the rate of products measured here.

Elementwise work, memory and everything else cost nothing in it.
"""

from __future__ import annotations

import threading
import time

import torch

from bench.workloads import games_per_episode
from coop_icl.config import ExperimentConfig
from coop_icl.models.gru_kernel import HALF, level
from coop_icl.process import cores
from coop_icl.rollouts.setting import build

LANES = 256
"""Rows of the product whose rate is measured."""


def flops(config: ExperimentConfig) -> dict[str, float] | None:
    """Operations an agent-step by phase: ``rollout``, ``update``, and ``train``, which is both.

    Play is one forward pass, an update one forward and one backward pass an epoch. A backward pass takes two products
    for each of the forward pass, but one for the first layer, whose inputs need no gradient. Co-players count as
    steps, not as work. None for cores that are not counted.
    """
    counted = _forward(config)
    if counted is None:
        return None
    forward, inputs = counted
    share = config.train.learners / (2 * games_per_episode(config))  # of all seats, those of learners
    rollout, update = share * forward, share * config.train.epochs * (3 * forward - inputs)
    return {"rollout": rollout, "update": update, "train": rollout + update}


def _forward(config: ExperimentConfig) -> tuple[float, float] | None:
    """Operations of a round of one lane, and those of the first layer among them.

    A GRU's round is products with 3H x F and 3H x H. A transformer's block is four linear layers, 12 H^2 weights, and
    attention: the scores of all rounds so far and the sum of their values, half the episode on average.
    """
    spec, model = build(config).game.spec, config.model
    hidden, features = model.hidden_size, spec.observation_size
    heads = 2.0 * hidden * (spec.num_actions + 1)
    if model.embedding_size or (model.core == "gru" and model.num_layers > 1):
        return None
    if model.core == "gru":
        inputs = 2.0 * 3 * hidden * features
        return inputs + 2.0 * 3 * hidden * hidden + heads, inputs
    if model.core == "transformer":
        inputs, attention = 2.0 * hidden * features, 2 * hidden * (spec.max_rounds + 1)
        return inputs + model.num_layers * (2.0 * 12 * hidden * hidden + attention) + heads, inputs
    return None


def precision(config: ExperimentConfig) -> str:
    """In which the products of training are taken here: bfloat16 needs the compiled GRU and a processor that has it."""
    half = config.model.core == "gru" and config.model.precision == "bfloat16" and level() >= HALF
    return "bfloat16" if half else "float32"


def gemm_rate(hidden: int, threads: int | None = None, seconds: float = 0.5, precision: str = "float32") -> float:
    """GFLOP/s of torch's product of a GRU's round, [256, H] x [H, 3H], in ``threads`` threads at once (all cores).

    The best of many short stretches of each thread, summed.
    """
    threads = threads or cores()
    best, barrier = [0.0] * threads, threading.Barrier(threads)

    def work(place: int) -> None:
        torch.set_num_threads(1)  # a new thread has a setting of its own
        dtype = getattr(torch, precision)
        left, right = torch.randn(LANES, hidden).to(dtype), torch.randn(hidden, 3 * hidden).to(dtype)
        out = torch.empty(LANES, 3 * hidden, dtype=dtype)
        barrier.wait()
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            for _ in range(20):
                torch.mm(left, right, out=out)
            best[place] = max(best[place], 20 / (time.perf_counter() - start))

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(best) * 2 * LANES * hidden * 3 * hidden / 1e9
