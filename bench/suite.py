"""``make bench-suite``: training and play over models, batches and algorithms, with the floor that arithmetic sets.

One cell is one model, batch and algorithm; its programs take turns. Two learners with the population of ``ipd_icl``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import torch

from bench import machine
from bench.timing import measure
from bench.workloads import LOCAL, JaxLoop, PlainLoop, RayLoop, Workload, experiment, games_per_episode, has_jax
from coop_icl.config import ExperimentConfig
from coop_icl.process import keep_freed_memory
from coop_icl.runs.files import write_json, write_text

HEAD = [
    *("cell", "phase", "through Ray", "without Ray", "nn.GRU", "JAX"),
    *("Ray / nn.GRU", "Ray / JAX", "Ray adds", "times floor"),
]
EPOCHS = {"a2c": 1, "ppo": 4}


@dataclass(frozen=True)
class Cell:
    """A model, a batch and an algorithm."""

    core: str
    hidden: int
    games: int
    algorithm: str

    @property
    def name(self) -> str:
        """As in tables and on the command line: ``gru64-512-ppo``."""
        return f"{self.core}{self.hidden}-{self.games}-{self.algorithm}"

    def config(self) -> ExperimentConfig:
        """The experiment of the cell, in one process."""
        overrides = [f"model.core={self.core}", f"model.hidden_size={self.hidden}", "train.learners=2"]
        overrides += [f"train.algorithm={self.algorithm}", f"train.epochs={EPOCHS[self.algorithm]}"]
        overrides += ["model.num_layers=2"] if self.core == "transformer" else []
        return experiment(self.games, *overrides, *LOCAL)

    def programs(self) -> list[Workload]:
        """Ours with and without Ray, plain PyTorch, and JAX where it is installed and does the same."""
        config = self.config()
        programs: list[Workload] = [RayLoop(config), PlainLoop(config, fused=True)]
        if self.core == "gru":
            programs.append(PlainLoop(config, fused=False))
            programs += [JaxLoop(config)] if has_jax() else []
        return programs


CELLS = [
    *(Cell("gru", h, g, a) for h, g, a in product((64, 128), (64, 512, 2048), EPOCHS)),
    *(Cell("transformer", 64, 64, a) for a in EPOCHS),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write ``bench_suite.json`` and ``bench_suite.md``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    cells = [cell for cell in CELLS if all(part in (cell.core, *cell.name.split("-")) for part in options.only)]
    if not cells:
        print(
            f"no cell has all of {' '.join(options.only)}; cells: {', '.join(c.name for c in CELLS)}", file=sys.stderr
        )
        return 2
    torch.set_num_threads(1)
    keep_freed_memory()
    start = time.monotonic()
    result = {
        "command": " ".join(["python", "-m", "bench.suite", *options.only]),
        "machine": machine.describe(),
        "gemm_gflops_per_core": gemm_rate(),
        "cells": [_measure(cell, options.rounds, options.seconds) for cell in cells],
    }
    result["seconds"] = time.monotonic() - start
    text = markdown(result)
    print(text)
    if options.out:
        out = Path(options.out)
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "bench_suite.json", result)
        write_text(out / "bench_suite.md", text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.suite", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of names of cells, e.g. gru64 512 ppo, or transformer")
    parser.add_argument("--rounds", type=int, default=3, help="times around the programs of a cell (default 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="least length of a window (default 1)")
    parser.add_argument("--out", default="docs/results", help="folder of the results, '' writes none")
    return parser


def _measure(cell: Cell, rounds: int, seconds: float) -> dict[str, Any]:
    from coop_icl.rllib.session import start, stop

    start(num_cpus=2)
    programs: list[Workload] = []
    try:
        programs += cell.programs()
        samples = measure(programs, rounds, seconds, lambda line: print(f"{cell.name}  {line}", file=sys.stderr))
        games = programs[0].games
    finally:
        for program in programs:
            program.stop()
        stop()
    return {"cell": asdict(cell), "name": cell.name, "games": games, "flops": flops(cell.config()), "samples": samples}


def flops(config: ExperimentConfig) -> dict[str, float] | None:
    """Floating-point operations of products per agent-step (co-players count as steps, not as work); GRU only.

    A forward pass is a product with 3H x (H + 6) and the heads, a backward pass twice that; training is one pass to
    play, then one forward and one backward pass an epoch.
    """
    if config.model.core != "gru":
        return None
    hidden = config.model.hidden_size
    once = 2.0 * (3 * hidden * (hidden + 6) + hidden * 6 + 3 * hidden)
    share = config.train.learners / (2 * games_per_episode(config))  # of all seats, those of learners
    return {"rollout": share * once, "train": share * once * (1 + 3 * config.train.epochs)}


def gemm_rate() -> float:
    """GFLOP/s of one core on the product of a GRU's round, the best of several runs."""
    left, right = torch.randn(192, 70), torch.randn(70, 256)
    out, best = torch.empty(192, 256), float("inf")
    for _ in range(200):
        start = time.perf_counter()
        for _ in range(20):
            torch.mm(left, right, out=out)
        best = min(best, (time.perf_counter() - start) / 20)
    return 2 * 192 * 70 * 256 / best / 1e9


def rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a cell and phase: medians in agent-steps/s, ratios, and time as a multiple of the floor."""
    found = []
    for cell in result["cells"]:
        for phase in ("train", "rollout"):
            rate = {name: median(samples[phase]) for name, samples in cell["samples"].items()}
            if phase == "rollout" and cell["cell"]["algorithm"] != "ppo":
                continue  # play is the same for both algorithms
            row: dict[str, Any] = {"name": cell["name"], "phase": phase, "rates": rate}
            row["vs_pytorch"] = rate["ray_0"] / rate["plain_pytorch"] if "plain_pytorch" in rate else None
            row["vs_jax"] = rate["ray_0"] / rate["jax"] if "jax" in rate else None
            row["ray_overhead"] = rate["plain_fused"] / rate["ray_0"] - 1
            if cell["flops"]:
                floor = result["gemm_gflops_per_core"] * 1e9 * result["machine"]["cores"] / cell["flops"][phase]
                row["times_floor"] = floor / rate["plain_fused"]
            found.append(row)
    return found


def markdown(result: dict[str, Any]) -> str:
    """``bench_suite.md``, a function of ``bench_suite.json`` alone."""
    here = result["machine"]
    lines = [
        "# Speed over models, batches and algorithms",
        "",
        f"Written by `{result['command']}`; do not edit. {here['cpu']}, {here['cores']} cores; torch {here['torch']}, "
        f"Ray {here['ray']}; load average before the start: {here['load_average_before']}.",
        "",
        "Agent-steps per second (players x rounds), medians; two learners, 100 rounds, population of `ipd_icl`; a2c is "
        "one pass over a batch, ppo four. Programs of a row take turns, each on all cores. The floor is the time of "
        f"the products alone at the measured {result['gemm_gflops_per_core']:.0f} GFLOP/s a core on all cores.",
        "",
        f"| {' | '.join(HEAD)} |",
        "|---|---|" + "---:|" * (len(HEAD) - 2),
    ]
    for row in rows(result):
        rate = row["rates"]
        cells = [_k(rate.get(name)) for name in ("ray_0", "plain_fused", "plain_pytorch", "jax")]
        cells += [_x(row["vs_pytorch"]), _x(row["vs_jax"]), f"{row['ray_overhead']:.0%}", _x(row.get("times_floor"))]
        lines.append(f"| {row['name']} | {row['phase']} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _k(value: float | None) -> str:
    return "-" if value is None else f"{value / 1000:,.0f}k"


def _x(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
