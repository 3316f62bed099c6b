"""Section ``iteration``: an update of ``ipd_icl`` beside stock RLlib and the plain loop; the memory of the job.

JAX is compared with in the cells, with two learners: with four, XLA was seen to lock up on two cores.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench import memory
from bench.timing import Effort, measure, say
from bench.workloads import ENVS, Workload, experiment, ours, stock
from coop_icl.process import cores

METHOD = (
    "All programs stay alive and take turns (ours, stock at {envs} environments, ours, stock at 1; {rounds} times "
    "around), each on all cores it can use: ours, with and without Ray, learns in {threads} threads, stock "
    "at {envs} environments is given 1 and {threads} torch threads and judged by the faster. Game, population "
    "({learners} learners and the co-players of `ipd_icl`), model and the {epochs} full-batch epochs of PPO are the "
    "same in all; "
    "stock at one environment learns from fewer games at a time, as its rate is flat. The starred line is the "
    "experiment as it ships and speaks for this project in the ratios."
)


def section(effort: Effort) -> dict[str, Any]:
    """Samples of all programs and the peak of memory of a training run."""
    peak, job = _memory(effort.games, effort.overrides, updates=4 if effort.quick else 12)
    found = _speed(effort.games, effort.rounds, 1.5 * effort.seconds, effort.overrides)
    return {**found, "peak_memory_gib": peak.gib, "memory": {**asdict(peak), "job": job}}


def _speed(games: int, rounds: int, seconds: float, overrides: Sequence[str]) -> dict[str, Any]:
    from coop_icl.rllib.session import start, stop

    config = experiment(games, *overrides)
    start(num_cpus=2 + config.ray.num_env_runners + config.ray.num_learners)
    workloads: list[Workload] = []
    try:
        workloads += ours(games, *overrides)
        *best, default = stock(games, *overrides)
        turns = [*workloads, *best, *workloads, default]
        workloads += [*best, default]
        samples = measure(turns, rounds, seconds, say)
    finally:
        for workload in workloads:
            workload.stop()
        stop()
    return {
        "method": METHOD.format(
            envs=ENVS, learners=config.train.learners, rounds=rounds, epochs=config.train.epochs, threads=cores()
        ),
        "overrides": list(overrides),
        "ours": workloads[0].name,
        "workloads": {w.name: {"label": w.label, "games": w.games, "rounds": w.rounds} for w in workloads},
        "samples": samples,
    }


def _memory(games: int, overrides: Sequence[str], updates: int) -> tuple[memory.Peak, str]:
    """Peak of a whole training run, its files and checkpoints included; and the command, without where it writes."""
    episodes = experiment(games, *overrides).train.episodes_per_learner
    changes = [*overrides, f"train.episodes_per_learner={episodes}", f"train.updates={updates}", "log.every=2"]
    words = ["train", "ipd_icl", *changes]
    with tempfile.TemporaryDirectory() as runs:
        peak = memory.peak_of([sys.executable, "-m", "coop_icl.cli", *words, "--runs", runs])
    say(f"memory of the whole job at {games} games: {peak.gib:.2f} GiB in {peak.processes} processes")
    return peak, shlex.join(["coop-icl", *words])
