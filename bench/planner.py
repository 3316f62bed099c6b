"""Section ``planner``: decisions a second of PPI's planner, in one thread, compiled and in torch operations."""

from __future__ import annotations

from statistics import median
from typing import Any

import torch

from bench.timing import Effort, rate, say
from coop_icl.models import plan_kernel
from coop_icl.models.planning import PlannerConfig
from coop_icl.models.policy import ModelConfig
from coop_icl.models.predictive import PredictivePolicy

SIZES = (32, 64, 128)
"""Hidden units; the paper has 128."""
DECISIONS = 256
"""Taken at once."""


def section(effort: Effort) -> dict[str, Any]:
    """Decisions a second by hidden size, compiled (if it can be) and not."""
    planner = PlannerConfig(rollouts=4, horizon=4) if effort.quick else PlannerConfig()
    torch.set_num_threads(1)
    programs = {
        f"gru{hidden}" + ("" if compiled else "_torch"): _planning(hidden, planner, compiled)
        for hidden in SIZES
        for compiled in (True, False)
    }
    samples: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(effort.rounds):
        for name, step in programs.items():
            samples[name].append(rate(step, effort.seconds))
            say(f"planner {name}: {samples[name][-1]:,.0f} decisions/s")
    return {
        "method": (
            f"A decision is {planner.rollouts} roll-outs of {planner.horizon} rounds for each of two actions. "
            f"{DECISIONS} decisions at once, one thread, all programs in turn."
        ),
        "compiled": plan_kernel.fits(_policy(SIZES[0], planner)),
        "samples": samples,
        "decisions_per_second": {name: median(found) for name, found in samples.items()},
    }


def _policy(hidden: int, planner: PlannerConfig) -> PredictivePolicy:
    config = ModelConfig(hidden_size=hidden, embedding_size=32, activation="swish")
    policy = PredictivePolicy(config, [5, 2, 1], 2, 100, planner)
    policy.reset_parameters(0)
    return policy


def _planning(hidden: int, planner: PlannerConfig, compiled: bool) -> Any:
    """Something that takes decisions, and says how many."""
    policy = _policy(hidden, planner)
    policy.compiled = compiled
    seen = torch.zeros(DECISIONS, 8)
    seen[:, 0] = 1.0
    state = policy.initial_state(DECISIONS)

    def decide() -> int:
        policy.step(seen, state)
        return DECISIONS

    return decide
