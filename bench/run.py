"""``make bench``: speed beside stock RLlib and the plain loop, and the memory of the whole job."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from bench import machine, memory, table
from bench.timing import measure
from bench.workloads import ENVS, Workload, experiment, jax, ours, stock
from coop_icl.process import cores, keep_freed_memory
from coop_icl.runs.files import write_json, write_text

METHOD = (
    "All programs stay alive and take turns (ours, stock at {envs} environments, ours, stock at 1; {rounds} times "
    "around), each on all cores it can use: ours, with and without Ray, learns in {threads} threads, stock "
    "at {envs} environments is given 1 and {threads} torch threads and judged by the faster. Game, population "
    "({learners} learners and the co-players of `ipd_icl`), model and the {epochs} full-batch epochs of PPO are the "
    "same in all; "
    "stock at one environment learns from fewer games at a time, as its rate is flat. The starred line is the "
    "experiment as it ships and speaks for this project in the ratios."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write ``bench.json`` and ``bench.md``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_intermixed_args(words)
    if options.quick:
        options.games, options.rounds, options.seconds = min(options.games, 64), 1, 0.2
    out = Path(options.out) if options.out else None if options.quick else Path("docs/results")
    os.environ.pop("RAY_ADDRESS", None)  # an embedded Ray, on this machine
    torch.set_num_threads(1)
    keep_freed_memory()  # as a training run does
    start = time.monotonic()
    here = machine.describe()
    if (here["load_average_before"] or 0) > 0.5:
        _say(f"load average {here['load_average_before']}: other work is running, figures will be noisy")
    peak, job = _memory(options.games, options.overrides, updates=4 if options.quick else 12)
    result = {
        "command": _command(words),
        "machine": here,
        **_speed(options.games, options.rounds, options.seconds, options.overrides),
        "peak_memory_gib": peak.gib,
        "memory": {**asdict(peak), "job": job},
        "seconds": time.monotonic() - start,
    }
    print(table.text(result), flush=True)
    if options.quick:
        print("a quick look on a small batch: the floor is stated for the full run", flush=True)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "bench.json", result)
        write_text(out / "bench.md", table.markdown(result))
        print(f"\nwritten: {out / 'bench.md'}, {out / 'bench.json'}", flush=True)
    return 0


def _command(words: Sequence[str]) -> str:
    """How to measure again, but for the folder it was written to."""
    kept = [w for w, before in zip(words, ["", *words], strict=False) if "--out" not in (before, w.partition("=")[0])]
    return shlex.join(["python", "-m", "bench.run", *kept])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings of ipd_icl, e.g. train.learners=2")
    parser.add_argument("--games", type=int, default=512, help="games an update (default 512)")
    parser.add_argument("--rounds", type=int, default=3, help="times around all programs (default 3)")
    parser.add_argument("--seconds", type=float, default=1.5, help="least length of a window (default 1.5)")
    parser.add_argument("--quick", action="store_true", help="a look in under a minute; writes nothing unless --out")
    parser.add_argument("--out", help="folder of bench.json and bench.md (default docs/results)")
    return parser


def _speed(games: int, rounds: int, seconds: float, overrides: Sequence[str]) -> dict[str, Any]:
    """Samples, medians and ratios of all programs."""
    from coop_icl.rllib.session import start, stop

    config = experiment(games, *overrides)
    start(num_cpus=2 + config.ray.num_env_runners + config.ray.num_learners)
    workloads: list[Workload] = []
    try:
        workloads += [*ours(games, *overrides), *jax(games, *overrides)]
        *best, default = stock(games, *overrides)
        turns = [*workloads, *best, *workloads, default]
        workloads += [*best, default]
        samples = measure(turns, rounds, seconds, _say)
    finally:
        for workload in workloads:
            workload.stop()
        stop()
    name = workloads[0].name
    return {
        "method": METHOD.format(
            envs=ENVS, learners=config.train.learners, rounds=rounds, epochs=config.train.epochs, threads=cores()
        ),
        "overrides": list(overrides),
        "threads": cores(),
        "ours": name,
        "workloads": {w.name: {"label": w.label, "games": w.games, "rounds": w.rounds} for w in workloads},
        "samples": samples,
        "medians": table.summary(samples),
        "ratios": table.ratios(samples, name),
    }


def _memory(games: int, overrides: Sequence[str], updates: int) -> tuple[memory.Peak, str]:
    """Peak of a whole training run, its files and checkpoints included; and the command, without where it writes."""
    episodes = experiment(games, *overrides).train.episodes_per_learner
    changes = [*overrides, f"train.episodes_per_learner={episodes}", f"train.updates={updates}", "log.every=2"]
    words = ["train", "ipd_icl", *changes]
    with tempfile.TemporaryDirectory() as runs:
        peak = memory.peak_of([sys.executable, "-m", "coop_icl.cli", *words, "--runs", runs])
    _say(f"memory of the whole job at {games} games: {peak.gib:.2f} GiB in {peak.processes} processes")
    return peak, shlex.join(["coop-icl", *words])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
