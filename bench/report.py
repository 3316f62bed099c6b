"""``speed.md``, a function of ``bench.json`` alone."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from bench.cooperation import HIGH, LOW
from bench.parts import PARTS
from bench.ratios import RATIOS, fastest_jax, floors, microseconds
from bench.table import over, short, spread, table
from bench.timing import PHASES, medians

PROGRAMS = {
    "ray_0": "through Ray",
    "plain_fused": "without Ray",
    "plain_fused_float32": "float32",
    "plain_no_kernel": "no kernel",
    "plain_pytorch": "nn.GRU",
}
JAX = {"jax": "JAX, tuned", "jax_plain": "JAX", "jax_jaxmarl": "JaxMARL"}
PEERS, GROWTH = "speed_peers.png", "speed_growth.png"
NONE = "Not measured yet."


def markdown(result: Mapping[str, Any]) -> str:
    """The page; ``result`` as ``bench.record.complete`` gives it."""
    sections = result["sections"]
    shown = {
        "iteration": _iteration,
        "cells": _cells,
        "growth": _growth,
        "scale": _scale,
        "profile": _profile,
        "planner": _planner,
    }
    titles = (
        "One iteration beside others",
        "Models, batches and algorithms",
        "Growth",
        "Env runners, messages, and more machines",
        "Where the time goes",
        "Planning (PPI)",
    )
    parts = [
        *("# Speed and memory", ""),
        "Written by `python -m bench.run` (`make bench`) from `bench.json`; do not edit. Rates are agent-steps "
        "(players x rounds) a second: median (least-greatest).",
        *("", "## Goals", "", *_goals(result)),
    ]
    for title, (name, show) in zip(titles, shown.items(), strict=True):
        parts += ["", f"## {title}", "", *(show(sections[name]) if name in sections else [NONE])]
    parts += ["", "## Time to cooperation", "", *_cooperation(result["cooperation"])]
    parts += ["", "## Measured on", "", *_measured(sections)]
    return "\n".join([*parts, ""])


def _goals(result: Mapping[str, Any]) -> list[str]:
    ratios = result["ratios"]
    held = [
        (f"`{g['ratio']}`", g["goal"], _figure(ratios, g["ratio"]), g["verdict"], RATIOS[g["ratio"]])
        for g in result["goals"]
    ]
    named = {g["ratio"] for g in result["goals"]}
    others = [(f"`{name}`", "", _figure(ratios, name), "", RATIOS[name]) for name in ratios if name not in named]
    return table(("figure", "goal", "found", "verdict", "of medians"), [*held, *others], words=5)


def _iteration(section: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, workload in section["workloads"].items():
        samples, mark = section["samples"][name], " *" if name == section["ours"] else ""
        cells = [cell for p in PHASES for cell in (spread(samples[p]), short(median(samples[p]) / 2))]
        rows.append((workload["label"] + mark, *cells, str(workload["games"])))
    memory = section["memory"]
    largest = ", ".join(f"{name} {gib:.2f}" for name, gib in list(memory["parts"].items())[:4])
    return [
        *(section["method"], "", f"![training rates of all programs]({PEERS})", ""),
        *table(("program", "training", "rounds/s", "play only", "rounds/s", "games an update"), rows),
        "",
        f"Peak memory: {section['peak_memory_gib']:.2f} GiB, {memory['method']}, `{memory['job']}`, "
        f"{memory['processes']} processes ({largest}).",
    ]


def _cells(section: Mapping[str, Any]) -> list[str]:
    cells = section["cells"]
    jax = list(dict.fromkeys(n for cell in cells.values() for n in cell["samples"] if n.startswith("jax")))
    labels = {n: cell["labels"][n] for cell in cells.values() for n in cell["samples"]}
    programs = {**PROGRAMS, **{name: JAX.get(name, labels[name]) for name in jax}}
    lines = [section["method"]]
    for phase, title in zip(PHASES, ("Training", "Play only"), strict=True):
        rows = []
        for name, cell in cells.items():
            if phase == "rollout" and cell["cell"]["algorithm"] == "a2c" and name.replace("a2c", "ppo") in cells:
                continue  # play is the same for both algorithms
            rate = medians(cell["samples"])
            ray, plain = rate["ray_0"][phase], rate["plain_fused"][phase]
            rows.append(
                (
                    name,
                    *(spread(cell["samples"][p][phase]) if p in rate else "-" for p in programs),
                    over(ray, rate.get("plain_pytorch", {}).get(phase)),
                    over(ray, fastest_jax(rate, phase)),
                    f"{plain / ray - 1:.0%}",
                )
            )
        head = ("cell", *programs.values(), "Ray / nn.GRU", "Ray / fastest JAX", "Ray adds")
        lines += ["", f"{title}:", "", *table(head, rows)]
    return [*lines, "", *_floor(cells)]


def _floor(cells: Mapping[str, Any]) -> list[str]:
    rates = {(c["cell"]["hidden"], p): r for c in cells.values() for p, r in c["gemm_gflops"].items()}
    measured = ", ".join(
        f"{r['all_cores']:.0f} at H {h} in {p} ({r['one_core']:.0f} one core)" for (h, p), r in sorted(rates.items())
    )
    rows = []
    for name, cell in cells.items():
        time, floor = microseconds(cell), floors(cell)
        row = [name, cell["precision"]]
        for phase in ("rollout", "update"):
            known = phase in floor
            row += [f"{time[phase]:.3f}", f"{floor[phase]:.3f}" if known else "-", over(time[phase], floor.get(phase))]
        rows.append(row)
    return [
        "Microseconds an agent-step without Ray, and the floor: the products of the passes alone, at the rate measured "
        f"for the product of a round, [256, H] x [H, 3H], on all cores: {measured} GFLOP/s. The update is the time of "
        "training less that of play. Play is one forward pass, an update one forward and one backward pass an epoch; "
        "of a transformer linear layers and causal attention are counted.",
        "",
        *table(("cell", "products in", "play", "floor", "times", "update", "floor", "times"), rows, words=2),
    ]


def _growth(section: Mapping[str, Any]) -> list[str]:
    rows = []
    for factor, points in section["factors"].items():
        for point in points:
            times = [1e6 / median(point["samples"][phase]) for phase in PHASES]
            rows.append((factor.replace("_", " "), str(point["value"]), *(f"{time:.3f}" for time in times)))
    memory = section["memory"]
    sizes = ", ".join(f"{p['mib']:.0f} MiB at {p['games']} games" for p in memory["points"])
    return [
        *(section["method"], "", f"![microseconds an agent-step against each factor]({GROWTH})", ""),
        *table(("factor", "value", "training, us an agent-step", "play only, us an agent-step"), rows),
        "",
        f"Memory: {memory['kib_a_game']:.0f} KiB a game (peak of the plain loop's process: {sizes}).",
    ]


def _scale(section: Mapping[str, Any]) -> list[str]:
    c = section["constants"]
    rows = [
        (
            str(m["env_runners"]),
            m["mode"],
            spread(m["samples"]),
            short(m["model"]),
            over(median(m["samples"]), m["model"]),
        )
        for m in section["runs"]
    ]
    beyond = [(str(b["env_runners"]), short(b["sync"]), short(b["async"])) for b in section["beyond"]]
    return [
        *(section["method"], ""),
        *table(("env runners", "mode", "rounds/s measured", "by the model", "measured / model"), rows, words=2),
        "",
        f"The model's constants, each measured by itself: an update's games take one core {c['play']:.3f} s and the "
        f"Learner {c['learn']:.3f} s on {section['cores']} cores; an empty call {1e3 * c['call']:.1f} ms; weights "
        f"are {c['weights'] / 1e3:.0f} kB to each env runner, trajectories {c['trajectories'] / 1e3:.0f} kB back, "
        f"{c['trajectories'] / c['rounds']:.1f} bytes a round; {c['bandwidth'] / 1e9:.1f} GB/s between processes.",
        "",
        "Beyond this machine, by the model alone: every env runner has a core of its own and a block to play, the "
        f"Learner a machine like this one, with {8 * section['network'] / 1e9:.0f} Gbit/s between them. Nobody has "
        "measured this.",
        "",
        *table(("env runners", "rounds/s, sync", "rounds/s, async"), beyond),
        "",
        f"The Learner is the next bottleneck: it takes in {short(c['rounds'] / c['learn'])} rounds a second, which "
        f"{c['play'] / c['learn']:.1f} cores of env runners feed. Beyond that more env runners bring nothing, and more "
        "Learners or a GPU do (`ray.num_learners`, `ray.num_gpus_per_learner`).",
    ]


def _profile(section: Mapping[str, Any]) -> list[str]:
    cells = section["cells"]
    totals = {name: sum(cell["milliseconds"].values()) for name, cell in cells.items()}
    rows = [
        (part, *(x for n, c in cells.items() for x in _share(c["milliseconds"][part], totals[n]))) for part in PARTS
    ]
    rows.append(("all", *(x for total in totals.values() for x in _share(total, total))))
    head = ("part", *(x for name in cells for x in (f"{name}, ms an update", "share")))
    return [section["method"], "", *table(head, rows)]


def _planner(section: Mapping[str, Any]) -> list[str]:
    rows = [
        (name.removesuffix("_torch"), spread(found), spread(section["samples"][f"{name}_torch"]))
        for name, found in section["samples"].items()
        if not name.endswith("_torch")
    ]
    compiled = "compiled" if section["compiled"] else "not compiled here"
    return [section["method"], "", *table(("model", f"decisions a second, {compiled}", "in torch operations"), rows)]


def _cooperation(found: Mapping[str, Any]) -> list[str]:
    if "runs" not in found:
        return [f"Left out: {found.get('note', 'not read yet')}."]
    rows = [
        (f"`{run}`", "never", "-", "-")
        if moment is None
        else (f"`{run}`", f"{moment['minutes']:.1f}", f"{moment['rounds'] / 1e6:.1f}M", str(moment["update"]))
        for run, moment in found["runs"].items()
    ]
    middle = {"all" if name == "all" else f"`{name}`": m for name, m in found["median_minutes"].items()}
    return [
        f"From `curves.json`: the first row at which learners cooperate with each other at a rate of {HIGH} or more "
        f"and after which no row is below {LOW}; wall time of the run as it was made ([results](README.md)). A run "
        "without such a row counts as infinitely long.",
        "",
        *table(("run", "minutes", "rounds", "update"), rows),
        "",
        "Median minutes: " + ", ".join(f"{n} {'never' if m is None else f'{m:.1f}'}" for n, m in middle.items()) + ".",
    ]


def _measured(sections: Mapping[str, Any]) -> list[str]:
    stamps: dict[str, Mapping[str, Any]] = {}
    for name, section in sections.items():
        inside = section["cells"] if name == "cells" else {name: section}
        stamps |= {part: found["measured"] for part, found in inside.items()}
    together: list[tuple[list[str], Mapping[str, Any]]] = []
    for part, stamp in stamps.items():
        same = next((parts for parts, other in together if other == stamp), None)
        same.append(part) if same is not None else together.append(([part], stamp))
    lines = []
    for parts, stamp in together:
        m = stamp["machine"]
        commit = (stamp["commit"] or "unknown")[:12] + (" with changes" if stamp["dirty"] else "")
        lines.append(
            f"- {', '.join(parts)}: `{stamp['command']}` at commit {commit}; {m['cpu']}, {m['cores']} cores, "
            f"{m['system']}; Python {m['python']}, torch {m['torch']}, Ray {m['ray']}, JAX {m['jax'] or 'none'}; "
            f"compiled GRU: {m['compiled_gru']}; load average before: {m['load_average_before']}"
        )
    return lines or [NONE]


def _figure(ratios: Mapping[str, float | None], name: str) -> str:
    if name not in ratios:
        return "-"
    value = ratios[name]
    return "never" if value is None else f"{value:.2f}"


def _share(part: float, total: float) -> tuple[str, str]:
    return f"{part:.1f}", f"{part / total:.0%}"
