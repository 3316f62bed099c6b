"""From samples to ratios of medians, and what they are held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.cells import JUDGED
from bench.timing import PHASES, medians, update_times

FLOAT32 = "plain_fused_float32"
"""The plain loop in float32 where the experiment as it ships is not."""

RATIOS: dict[str, str] = {
    "train_vs_stock_best": "speed of training, ours as shipped to stock RLlib at its faster setting",
    "train_vs_stock_default": "speed of training, ours as shipped to stock RLlib at its default of one environment",
    "rollout_vs_stock_best": "speed of play, ours as shipped to stock RLlib at its faster setting",
    "train_vs_jax": "speed of training, ours as shipped to the fastest JAX program",
    "ray_vs_plain_pytorch": "speed of training, ours as shipped to the plain PyTorch loop (nn.GRU)",
    "plain_loop_vs_ray": "time of training, ours as shipped to the plain loop, both fused",
    "ray_overhead": "time that Ray adds to the plain loop when all is in one process, as a fraction",
    "peak_memory_gib": "GiB, the whole job with all its processes",
    "a2c_vs_jax": f"speed of training, {JUDGED}-a2c, ours through Ray in one process to the fastest JAX program",
    "ppo_vs_jax": f"speed of training, {JUDGED}-ppo, ours through Ray in one process to the fastest JAX program",
    "a2c_vs_jax_float32": f"speed of training, {JUDGED}-a2c, ours without Ray in float32 to the fastest JAX program",
    "ppo_vs_jax_float32": f"speed of training, {JUDGED}-ppo, ours without Ray in float32 to the fastest JAX program",
    "a2c_vs_plain_jax": f"speed of training, {JUDGED}-a2c, ours through Ray in one process to JAX as usually written",
    "ppo_vs_plain_jax": f"speed of training, {JUDGED}-ppo, ours through Ray in one process to JAX as usually written",
    "a2c_vs_jax_no_kernel": f"speed of training, {JUDGED}-a2c, ours without Ray and kernel to the fastest JAX program",
    "ppo_vs_jax_no_kernel": f"speed of training, {JUDGED}-ppo, ours without Ray and kernel to the fastest JAX program",
    "rollout_vs_jax": f"speed of play, {JUDGED}-ppo, ours without Ray to the fastest JAX program",
    "update_vs_floor": f"time of the update alone, {JUDGED}-ppo, ours without Ray to its products alone on all cores",
    "update_vs_floor_float32": f"the same in float32, {JUDGED}-ppo",
    "median_minutes_to_cooperation": "minutes until learners cooperate to stay, median of runs (null: never)",
}
"""Every ratio and what it is, in the order of tables; others' fastest is chosen for each phase by itself."""


@dataclass(frozen=True)
class Goal:
    """``ratio`` is to be ``sign`` (``>=``, ``<=``, ``<``) than ``bound``."""

    ratio: str
    sign: str
    bound: float

    def verdict(self, ratios: Mapping[str, float | None]) -> str:
        """``pass``, ``falls short`` or ``not measured``; null is infinite."""
        if self.ratio not in ratios:
            return "not measured"
        value = ratios[self.ratio]
        value = float("inf") if value is None else value
        holds = {">=": value >= self.bound, "<=": value <= self.bound, "<": value < self.bound}[self.sign]
        return "pass" if holds else "falls short"


GOALS = (
    Goal("train_vs_stock_best", ">=", 100),
    Goal("train_vs_stock_default", ">=", 300),
    Goal("a2c_vs_jax", ">=", 3),
    Goal("ppo_vs_jax", ">=", 3),
    Goal("a2c_vs_jax_no_kernel", ">=", 2),
    Goal("ppo_vs_jax_no_kernel", ">=", 2),
    Goal("rollout_vs_jax", ">=", 1),
    Goal("ray_overhead", "<", 0.05),
    Goal("update_vs_floor", "<=", 2),
    Goal("median_minutes_to_cooperation", "<", 5),
    Goal("peak_memory_gib", "<", 3),
)


def ratios(sections: Mapping[str, Any], cooperation: Mapping[str, Any]) -> dict[str, float | None]:
    """Every ratio that what was measured gives, in the order of ``RATIOS``.

    Args:
        sections: by name, as in ``bench.json``.
        cooperation: ``bench.cooperation.summary``.
    """
    found: dict[str, float | None] = {}
    if "iteration" in sections:
        found |= of_iteration(sections["iteration"]["samples"], sections["iteration"]["ours"])
        found["peak_memory_gib"] = sections["iteration"]["peak_memory_gib"]
    found |= of_cells(sections.get("cells", {}).get("cells", {}))
    if "median_minutes" in cooperation:
        found["median_minutes_to_cooperation"] = cooperation["median_minutes"]["all"]
    return {name: found[name] for name in RATIOS if name in found}


def of_iteration(samples: Mapping[str, Mapping[str, list[float]]], ours: str) -> dict[str, float]:
    """Ratios of the section ``iteration``; to JAX only where it was measured.

    Args:
        samples: with the workloads ``ray_0``, ``plain_fused``, ``plain_pytorch``, ``stock_1`` and others ``stock_*``.
        ours: the workload that speaks for this project: the experiment as it ships.
    """
    rate = medians(samples)
    stock = {p: max(r[p] for name, r in rate.items() if name.startswith("stock_")) for p in PHASES}
    train = rate[ours]["train"]
    found = {
        "train_vs_stock_best": train / stock["train"],
        "train_vs_stock_default": train / rate["stock_1"]["train"],
        "rollout_vs_stock_best": rate[ours]["rollout"] / stock["rollout"],
        "plain_loop_vs_ray": rate["plain_fused"]["train"] / train,
        "ray_vs_plain_pytorch": train / rate["plain_pytorch"]["train"],
        "ray_overhead": rate["plain_fused"]["train"] / rate["ray_0"]["train"] - 1,
    }
    jax = fastest_jax(rate, "train")
    return {**found, "train_vs_jax": train / jax} if jax else found


def of_cells(cells: Mapping[str, Any]) -> dict[str, float]:
    """Ratios of the cells that goals are stated for, as far as they were measured."""
    found = {}
    for algorithm in ("a2c", "ppo"):
        cell = cells.get(f"{JUDGED}-{algorithm}")
        if cell is None:
            continue
        rate = medians(cell["samples"])
        jax = fastest_jax(rate, "train")
        if jax:
            found[f"{algorithm}_vs_jax"] = rate["ray_0"]["train"] / jax
            found[f"{algorithm}_vs_jax_no_kernel"] = rate["plain_no_kernel"]["train"] / jax
            found[f"{algorithm}_vs_jax_float32"] = rate[FLOAT32]["train"] / jax
        if "jax_plain" in rate:
            found[f"{algorithm}_vs_plain_jax"] = rate["ray_0"]["train"] / rate["jax_plain"]["train"]
        if algorithm == "ppo":
            if jax:
                found["rollout_vs_jax"] = rate["plain_fused"]["rollout"] / (fastest_jax(rate, "rollout") or jax)
            found["update_vs_floor"] = times_floor(cell)["update"]
            found["update_vs_floor_float32"] = times_floor(cell, FLOAT32)["update"]
    return found


def fastest_jax(rate: Mapping[str, Mapping[str, float]], phase: str) -> float | None:
    """Rate of the fastest of the programs whose names begin with ``jax``, None if there is none."""
    return max((r[phase] for name, r in rate.items() if name.startswith("jax")), default=None)


def microseconds(cell: Mapping[str, Any], program: str = "plain_fused") -> dict[str, float]:
    """Median microseconds an agent-step by phase: ``train``, ``rollout`` and ``update``, which is their difference."""
    phases = cell["samples"][program]
    return {**{p: 1e6 / median(phases[p]) for p in PHASES}, "update": median(update_times(phases))}


def floors(cell: Mapping[str, Any], program: str = "plain_fused") -> dict[str, float]:
    """Microseconds an agent-step that the products alone take on all cores, by phase; nothing where not counted.

    At the rate of the precision that the program takes them in.
    """
    rate = cell["gemm_gflops"]["float32" if program == FLOAT32 else cell["precision"]]["all_cores"]
    return {phase: 1e-3 * flops / rate for phase, flops in (cell["flops"] or {}).items()}


def times_floor(cell: Mapping[str, Any], program: str = "plain_fused") -> dict[str, float]:
    """Time as a multiple of the floor by phase."""
    time = microseconds(cell, program)
    return {phase: time[phase] / floor for phase, floor in floors(cell, program).items()}


def goals(found: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Each goal with what was found and the verdict."""
    return [
        {"ratio": g.ratio, "goal": f"{g.sign} {g.bound:g}", "found": found.get(g.ratio), "verdict": g.verdict(found)}
        for g in GOALS
    ]
