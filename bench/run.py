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
from bench.workloads import Workload, experiment, ours, stock
from coop_icl.config import load
from coop_icl.runs.files import write_json, write_text

METHOD = (
    "One process with one torch thread, and Ray's actors, with one each. All programs stay alive and take turns "
    "(ours, stock at {envs}, ours, stock at 1; {rounds} times around). The game, the population (half of a learner's "
    "games with the other learner, half with tabular agents), the model and PPO's {epochs} full-batch epochs are the "
    "same; stock at one environment learns from fewer games at a time, as its rate is flat. "
    "The starred line is the experiment as it ships and speaks for this project in the ratios."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write ``bench.json`` and ``bench.md``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    if options.quick:
        options.games, options.rounds, options.seconds = min(options.games, 64), 1, 0.2
    out = Path(options.out) if options.out else None if options.quick else Path("docs/results")
    os.environ.pop("RAY_ADDRESS", None)  # an embedded Ray, on this machine
    torch.set_num_threads(1)
    start = time.monotonic()
    here = machine.describe()
    if (here["load_average_before"] or 0) > 0.5:
        _say(f"load average {here['load_average_before']}: other work is running, figures will be noisy")
    peak, job = _memory(options.games, updates=4 if options.quick else 12)
    result = {
        "command": shlex.join(["python", "-m", "bench.run", *words]),
        "machine": here,
        **_speed(options.games, options.rounds, options.seconds),
        "peak_memory_gib": peak.gib,
        "memory": {**asdict(peak), "job": job},
        "seconds": time.monotonic() - start,
    }
    print(table.text(result), flush=True)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "bench.json", result)
        write_text(out / "bench.md", table.markdown(result))
        print(f"\nwritten: {out / 'bench.md'}, {out / 'bench.json'}", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--games", type=int, default=512, help="games an update (default 512)")
    parser.add_argument("--rounds", type=int, default=3, help="times around all programs (default 3)")
    parser.add_argument("--seconds", type=float, default=1.5, help="least length of a window (default 1.5)")
    parser.add_argument("--quick", action="store_true", help="a look in under a minute; writes nothing unless --out")
    parser.add_argument("--out", help="folder of bench.json and bench.md (default docs/results)")
    return parser


def _speed(games: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Samples, medians and ratios of all programs."""
    from coop_icl.rllib.session import start, stop

    shipped = load("ipd_icl")
    start(num_cpus=3)
    workloads: list[Workload] = []
    try:
        workloads += ours(games)
        first, *rest = stock(games)
        turns = [*workloads, first, *workloads, *rest]
        workloads += [first, *rest]
        samples = measure(turns, rounds, seconds, _say)
    finally:
        for workload in workloads:
            workload.stop()
        stop()
    name = f"ray_{shipped.ray.num_env_runners}"
    return {
        "method": METHOD.format(envs=first.label.rpartition(", ")[2], rounds=rounds, epochs=shipped.train.epochs),
        "threads": torch.get_num_threads(),
        "ours": name,
        "workloads": {w.name: {"label": w.label, "games": w.games, "rounds": w.rounds} for w in workloads},
        "samples": samples,
        "medians": table.summary(samples),
        "ratios": table.ratios(samples, name),
    }


def _memory(games: int, updates: int) -> tuple[memory.Peak, str]:
    """Peak of a whole training run, its files and checkpoints included; and the command, without where it writes."""
    episodes = experiment(games).train.episodes_per_learner
    words = ["train", "ipd_icl", f"train.episodes_per_learner={episodes}", f"train.updates={updates}", "log.every=2"]
    with tempfile.TemporaryDirectory() as runs:
        peak = memory.peak_of([sys.executable, "-m", "coop_icl.cli", *words, "--runs", runs])
    _say(f"memory of the whole job at {games} games: {peak.gib:.2f} GiB in {peak.processes} processes")
    return peak, shlex.join(["coop-icl", *words])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
