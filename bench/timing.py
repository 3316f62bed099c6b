"""Interleaved measurement: A B C, A B C, so that a change of the machine's pace meets all alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence

from bench.workloads import Workload

Samples = dict[str, dict[str, list[float]]]
"""Agent-steps per second by workload and phase (``train``, ``rollout``), in the order they were measured."""

PHASES = ("train", "rollout")


def rate(step: Callable[[], int], seconds: float) -> float:
    """Agent-steps per second of ``step``, repeated for at least ``seconds``."""
    gc.collect()  # one workload's garbage is not another's time
    steps, start = 0, time.perf_counter()
    while True:
        steps += step()
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return steps / elapsed


def measure(
    turns: Sequence[Workload], rounds: int, seconds: float, report: Callable[[str], None] = lambda line: None
) -> Samples:
    """Measure every workload in every phase, ``rounds`` times around.

    Args:
        turns: order within a round; a workload named twice gets two samples a round.
        rounds: times around.
        seconds: least length of a window; a window is at least one update.
        report: told about each window.
    """
    samples: Samples = {workload.name: {phase: [] for phase in PHASES} for workload in turns}
    for number in range(1, rounds + 1):
        for workload in turns:
            for phase, step in zip(PHASES, (workload.train, workload.play), strict=True):
                found = rate(step, seconds)
                samples[workload.name][phase].append(found)
                report(f"{number}/{rounds}  {workload.label}, {phase}: {found:,.0f} agent-steps/s")
    return samples
