"""Interleaved measurement: A B C, A B C, so that a change of the machine's pace meets all alike."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.workloads import Workload

Samples = dict[str, dict[str, list[float]]]
"""Agent-steps per second by workload and phase (``train``, ``rollout``), in the order they were measured."""

PHASES = ("train", "rollout")


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        games: an update of the section ``iteration``; overrides: of its experiment.
        rounds: times around the programs that are compared; seconds: least length of a window.
        cells: parts of the names of the cells to measure, none for all.
        quick: a look only: small batches, few cells and points.
    """

    games: int = 512
    overrides: tuple[str, ...] = ()
    rounds: int = 3
    seconds: float = 1.0
    cells: tuple[str, ...] = ()
    quick: bool = False


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


def medians(samples: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, float]]:
    """Median rate by workload and phase."""
    return {name: {phase: median(found) for phase, found in phases.items()} for name, phases in samples.items()}


def update_times(phases: Mapping[str, Sequence[float]]) -> list[float]:
    """Microseconds an agent-step of the update alone: time of training less that of the play measured next to it."""
    return [1e6 / train - 1e6 / play for train, play in zip(phases["train"], phases["rollout"], strict=True)]


def say(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)
