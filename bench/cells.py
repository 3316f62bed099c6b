"""Section ``cells``: training and play over models, batches and algorithms.

One cell is one model, batch and algorithm; its programs take turns. Two learners with the population of ``ipd_icl``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from bench.floor import flops, gemm_rate, precision
from bench.peers import jax
from bench.timing import Effort, measure, say
from bench.workloads import LOCAL, PlainLoop, RayLoop, Workload, experiment
from coop_icl.config import ExperimentConfig
from coop_icl.errors import UserError

EPOCHS = {"a2c": 1, "ppo": 4}
JUDGED = "gru64-512"
"""Cells that goals are stated for: measured longer, and also without the compiled GRU."""
QUICK = ("gru64", "512")
METHOD = (
    "Two learners with the population of `ipd_icl`, 100 rounds; a2c is one pass over a batch, ppo four. Ours takes a "
    "GRU's recurrent products in bfloat16, as `ipd_icl` does, but where it says float32; all others are float32. "
    "Programs of a cell stay alive and take turns, each on all cores; cells can be measured apart, every sample is in "
    "`bench.json`."
)


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

    @property
    def judged(self) -> bool:
        """Whether goals are stated for it."""
        return self.name.startswith(JUDGED + "-")

    def config(self, *overrides: str) -> ExperimentConfig:
        """The experiment of the cell, in one process."""
        own = [f"model.core={self.core}", f"model.hidden_size={self.hidden}", "train.learners=2"]
        own += [f"train.algorithm={self.algorithm}", f"train.epochs={EPOCHS[self.algorithm]}"]
        own += ["model.num_layers=2"] if self.core == "transformer" else []
        return experiment(self.games, *own, *LOCAL, *overrides)

    def programs(self) -> list[Workload]:
        """Ours with and without Ray, plain PyTorch, and JAX where it is installed and does the same."""
        config = self.config()
        programs: list[Workload] = [RayLoop(config), PlainLoop(config, fused=True)]
        if self.core == "gru":
            if self.judged:
                programs += [PlainLoop(self.config("model.precision=float32"), fused=True, suffix="float32")]
                programs += [PlainLoop(config, fused=True, kernel=False)]
            programs += [PlainLoop(config, fused=False), *jax(config, every=self.judged)]
        return programs


CELLS = [
    *(Cell("gru", h, g, a) for h, g, a in product((64, 128), (64, 512, 2048), EPOCHS)),
    *(Cell("transformer", 64, g, a) for g, a in product((64, 512), EPOCHS)),
]


def select(parts: Sequence[str]) -> list[Cell]:
    """Cells that have every one of ``parts`` in their names: whole names, cores, or what is between dashes.

    Raises:
        UserError: if there is none.
    """
    found = [cell for cell in CELLS if all(part in (cell.core, cell.name, *cell.name.split("-")) for part in parts)]
    if not found:
        raise UserError(f"no cell has all of {' '.join(parts)}; cells: {', '.join(cell.name for cell in CELLS)}")
    return found


def section(effort: Effort) -> dict[str, Any]:
    """The cells that are asked for, by name."""
    from coop_icl.rllib.session import start, stop

    cells = select(effort.cells or (QUICK if effort.quick else ()))
    products = {hidden: rates(hidden) for hidden in dict.fromkeys(cell.hidden for cell in cells)}
    start(num_cpus=2)
    try:
        found = {cell.name: {**measured(cell, effort), "gemm_gflops": products[cell.hidden]} for cell in cells}
    finally:
        stop()
    return {"method": METHOD, "cells": found}


def measured(cell: Cell, effort: Effort) -> dict[str, Any]:
    """Samples of one cell's programs; Ray runs."""
    programs: list[Workload] = []
    try:
        programs += cell.programs()
        times = _times(effort, cell.judged)
        samples = measure(programs, times, effort.seconds, lambda line: say(f"{cell.name}  {line}"))
    finally:
        for program in programs:
            program.stop()
    labels = {program.name: program.label for program in programs}
    return {
        "cell": asdict(cell),
        "games": programs[0].games,
        "flops": flops(cell.config()),
        "precision": precision(cell.config()),
        "labels": labels,
        "samples": samples,
    }


def rates(hidden: int) -> dict[str, dict[str, float]]:
    """GFLOP/s of the products at a hidden size by precision, on one core and on all at once."""
    return {
        p: {"one_core": gemm_rate(hidden, 1, precision=p), "all_cores": gemm_rate(hidden, precision=p)}
        for p in ("float32", "bfloat16")
    }


def _times(effort: Effort, judged: bool) -> int:
    return effort.rounds + 2 if judged and effort.rounds > 1 else effort.rounds
