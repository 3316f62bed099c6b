"""From samples to medians, ratios, verdicts and tables."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from bench.timing import PHASES, Samples

FLOOR_TRAIN, FLOOR_PLAIN, FLOOR_GIB = 50.0, 1.5, 3.0
"""At least so many times stock RLlib; at most so many times the plain loop's time; less than so many GiB."""

RATIOS: dict[str, str] = {
    "train_vs_stock_best": "speed of training, ours to stock RLlib at its faster number of environments",
    "train_vs_stock_default": "speed of training, ours to stock RLlib at its default of one environment",
    "rollout_vs_stock_best": "speed of play, ours to stock RLlib at its faster number of environments",
    "plain_loop_vs_ray": "time of training through Ray to the plain loop's, both fused",
    "ray_vs_plain_pytorch": "speed of training through Ray to the plain PyTorch loop (nn.GRU)",
    "train_vs_jax": "speed of training through Ray to the jitted JAX program",
    "rollout_vs_jax": "speed of play, without Ray, to the jitted JAX program",
    "ray_overhead": "time that Ray adds to the plain fused loop when all is in one process, as a fraction",
}


def summary(samples: Samples) -> dict[str, dict[str, dict[str, float]]]:
    """Median, least and greatest rate by workload and phase."""
    return {
        name: {p: {"median": median(v), "min": min(v), "max": max(v)} for p, v in phases.items()}
        for name, phases in samples.items()
    }


def ratios(samples: Samples, ours: str) -> dict[str, float]:
    """Ratios of medians (see ``RATIOS``); those to JAX only where it was measured.

    Args:
        samples: with the workloads ``ray_0``, ``plain_fused``, ``plain_pytorch``, ``stock_1`` and others ``stock_*``.
        ours: the workload that speaks for this project: the experiment as it ships.
    """
    rates = {name: {phase: median(found) for phase, found in phases.items()} for name, phases in samples.items()}
    best = {phase: max(r[phase] for name, r in rates.items() if name.startswith("stock_")) for phase in PHASES}
    train = rates[ours]["train"]
    found = {
        "train_vs_stock_best": train / best["train"],
        "train_vs_stock_default": train / rates["stock_1"]["train"],
        "rollout_vs_stock_best": rates[ours]["rollout"] / best["rollout"],
        "plain_loop_vs_ray": rates["plain_fused"]["train"] / train,
        "ray_vs_plain_pytorch": train / rates["plain_pytorch"]["train"],
        "ray_overhead": rates["plain_fused"]["train"] / rates["ray_0"]["train"] - 1,
    }
    if "jax" in rates:
        found["train_vs_jax"] = train / rates["jax"]["train"]
        found["rollout_vs_jax"] = rates["plain_fused"]["rollout"] / rates["jax"]["rollout"]
    return found


def verdicts(found: Mapping[str, float], peak_gib: float) -> list[str]:
    """The floor, line by line."""
    stock, plain = found["train_vs_stock_best"], found["plain_loop_vs_ray"]
    return [
        f"at least {FLOOR_TRAIN:.0f} times stock with training: {stock:.1f} ({_verdict(stock >= FLOOR_TRAIN)})",
        f"within {FLOOR_PLAIN} times of the plain loop: {plain:.2f} ({_verdict(plain <= FLOOR_PLAIN)})",
        f"under {FLOOR_GIB:.0f} GiB: {peak_gib:.2f} ({_verdict(peak_gib < FLOOR_GIB)})",
    ]


def text(result: Mapping[str, Any]) -> str:
    """What ``make bench`` prints; ``result`` as in ``bench.json``."""
    rows = [_row(result, name) for name in result["workloads"]]
    table = [("", "training", "rounds/s", "play only", "rounds/s", "games"), *rows]
    widths = [max(len(row[i]) for row in table) for i in range(6)]
    lines = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]
    width = max(map(len, RATIOS))
    figures = [f"{name.ljust(width)}  {value:8.2f}  {RATIOS[name]}" for name, value in result["ratios"].items()]
    return "\n".join(
        [
            "agent-steps per second (players x rounds): median (least-greatest)",
            *lines,
            "",
            *figures,
            f"{'peak_memory_gib'.ljust(width)}  {result['peak_memory_gib']:8.2f}  {_memory(result)}",
            "",
            *verdicts(result["ratios"], result["peak_memory_gib"]),
        ]
    )


def markdown(result: Mapping[str, Any]) -> str:
    """``bench.md``, a function of ``bench.json`` alone."""
    machine = result["machine"]
    head = ["", "training", "rounds/s", "play only", "rounds/s", "games an update"]
    lines = [
        "# Speed and memory",
        "",
        f"Written by `{result['command']}` from `bench.json`; do not edit.",
        "",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; Python {machine['python']}, "
        f"torch {machine['torch']}, Ray {machine['ray']}. Load average before the start: "
        f"{machine['load_average_before']}.",
        "",
        "Agent-steps per second (players x rounds): median (least-greatest). " + result["method"],
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" + "---:|" * 5,
        *("| " + " | ".join(_row(result, name)) + " |" for name in result["workloads"]),
        "",
        "| ratio | | of medians |",
        "|---|---:|---|",
        *(f"| `{name}` | {value:.2f} | {RATIOS[name]} |" for name, value in result["ratios"].items()),
        "",
        f"Peak memory: {result['peak_memory_gib']:.2f} GiB. {_memory(result)}.",
        "",
        *(f"- {line}" for line in verdicts(result["ratios"], result["peak_memory_gib"])),
        "",
    ]
    return "\n".join(lines)


def _row(result: Mapping[str, Any], name: str) -> tuple[str, ...]:
    workload, found = result["workloads"][name], result["medians"][name]
    mark = " *" if name == result["ours"] else ""
    cells = []
    for phase in PHASES:
        low, high = found[phase]["min"], found[phase]["max"]
        cells += [
            f"{_round(found[phase]['median'])} ({_round(low)}-{_round(high)})",
            _round(found[phase]["median"] / 2),
        ]
    return (workload["label"] + mark, *cells, str(workload["games"]))


def _round(value: float) -> str:
    """Three figures, e.g. ``8.4k``, ``1.23M``."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * unit:
            return f"{value / unit:.3g}{name}" if value < 999.5 * unit else f"{value / unit:.0f}{name}"
    return f"{value:.0f}"


def _memory(result: Mapping[str, Any]) -> str:
    memory = result["memory"]
    largest = ", ".join(f"{name} {gib:.2f}" for name, gib in list(memory["parts"].items())[:4])
    return f"{memory['method']}, `{memory['job']}`, {memory['processes']} processes ({largest})"


def _verdict(holds: bool) -> str:
    return "pass" if holds else "falls short"
