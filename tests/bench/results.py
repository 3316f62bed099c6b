"""A small result of every section, made by hand."""

from dataclasses import asdict

from bench import record
from bench.scale import Constants

STAMP = {
    "command": "python -m bench.run",
    "commit": "0123456789abcdef",
    "dirty": False,
    "machine": {
        "cpu": "a cpu", "cores": 2, "system": "Linux x86_64", "python": "3.11", "torch": "2", "ray": "2",
        "jax": None, "compiled_gru": "AVX2", "load_average_before": 0.1,
    },
}  # fmt: skip
SAMPLES = {
    "ray_1": {"train": [290e3, 300e3, 400e3], "rollout": [1.0e6, 1.2e6, 1.1e6]},
    "ray_0": {"train": [320e3], "rollout": [1.3e6]},
    "plain_fused": {"train": [330e3, 360e3], "rollout": [1.4e6, 1.4e6]},
    "plain_pytorch": {"train": [100e3], "rollout": [500e3]},
    "stock_64": {"train": [5e3, 6e3], "rollout": [8e3]},
    "stock_1": {"train": [1e3], "rollout": [1.5e3]},
    "jax": {"train": [60e3], "rollout": [2.8e6]},
    "jax_plain": {"train": [40e3], "rollout": [2.0e6]},
    "jax_other": {"train": [50e3], "rollout": [3.5e6]},
}
CELL = {
    "ray_0": {"train": [90.0, 100.0, 500.0], "rollout": [400.0]},
    "plain_fused": {"train": [100.0], "rollout": [500.0]},
    "plain_fused_float32": {"train": [80.0], "rollout": [400.0]},
    "plain_no_kernel": {"train": [75.0], "rollout": [250.0]},
    "plain_pytorch": {"train": [50.0], "rollout": [100.0]},
    "jax": {"train": [25.0], "rollout": [800.0]},
    "jax_plain": {"train": [20.0], "rollout": [700.0]},
}


def iteration():
    return {
        "method": "In turns.",
        "ours": "ray_1",
        "workloads": {name: {"label": f"the {name}", "games": 513, "rounds": 100} for name in SAMPLES},
        "samples": SAMPLES,
        "peak_memory_gib": 1.5,
        "memory": {"method": "PSS", "job": "coop-icl train", "processes": 9, "parts": {"python": 1.0, "raylet": 0.5}},
    }


def cell(algorithm="ppo", core="gru", flops=True, games=512):
    return {
        "cell": {"core": core, "hidden": 64, "games": games, "algorithm": algorithm},
        "games": games,
        "flops": {"rollout": 1.0, "update": 4.0, "train": 5.0} if flops else None,
        "labels": {name: f"the {name}" for name in CELL},
        "samples": CELL,
        "precision": "bfloat16",
        "gemm_gflops": {
            "float32": {"one_core": 0.5e-6, "all_cores": 1e-6},
            "bfloat16": {"one_core": 1e-6, "all_cores": 2e-6},
        },
    }


def cells(*names):
    return {"method": "Two learners.", "cells": {name: cell(name.rpartition("-")[2]) for name in names}}


def growth():
    points = [
        {"value": v, "games": v, "samples": {"train": [1e6 / v, 2e6 / v], "rollout": [4e6 / v]}} for v in (64, 128)
    ]
    sizes = [{"games": 256, "mib": 100.0}, {"games": 2048, "mib": 275.0}]
    return {
        "method": "One factor.",
        "factors": {"games": points, "env_runners": points},
        "memory": {"points": sizes, "kib_a_game": 100.0},
    }


def scale():
    found = Constants(0.2, 0.1, 0.01, 60_000, 330_000, 1_740_000, 2e9)
    kinds = ((0, "sync"), (2, "async"))
    return {
        "method": "As it ships.",
        "constants": asdict(found),
        "cores": 2,
        "network": 1.25e8,
        "runs": [{"env_runners": n, "mode": mode, "samples": [3e5, 2e5, 1e5], "model": 2.5e5} for n, mode in kinds],
        "beyond": [{"env_runners": 4, "sync": 4e5, "async": 6e5}],
    }


def profile():
    parts = ("play", "encoding and batching", "gradient", "clipping and optimizer", "rest")
    one = {"games": 510, "agent_steps": 102000, "milliseconds": dict.fromkeys(parts, 10.0)}
    return {"method": "One thread.", "cells": {"gru64-512-a2c": one, "gru64-512-ppo": one}}


def planner():
    samples = {"gru32": [2500.0, 2700.0], "gru32_torch": [500.0, 510.0]}
    return {"method": "One thread.", "compiled": True, "samples": samples}


def sections():
    found = {
        "planner": planner(),
        "profile": profile(),
        "growth": growth(),
        "scale": scale(),
        "cells": cells("gru64-512-a2c", "gru64-512-ppo"),
        "iteration": iteration(),
    }
    return record.merge({}, {name: record.stamped(name, section, STAMP) for name, section in found.items()})
