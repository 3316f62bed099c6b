"""Section ``growth``: how the cost of training and play grows, ours only, one factor at a time around a base."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from bench import plain_loop
from bench.timing import Effort, measure, say
from bench.workloads import LOCAL, PlainLoop, RayLoop, Workload, experiment, games_per_update
from coop_icl.config import ExperimentConfig
from coop_icl.process import keep_freed_memory

FACTORS: dict[str, tuple[int, ...]] = {
    "games": (64, 128, 256, 512, 1024, 2048),
    "rounds": (50, 100, 200, 400),
    "hidden": (32, 64, 128, 256),
    "learners": (2, 4, 8),
    "env_runners": (0, 1, 2),
}
MEMORY_GAMES = (256, 2048)
"""Games an update between which the growth of memory is measured."""
METHOD = (
    "PPO of `ipd_icl` around {games} games of {rounds} rounds, {learners} learners of width {hidden}. The plain loop "
    "without Ray, but for env runners, which are through Ray. The points of a factor take turns ({times} times "
    "around), each on all cores."
)


@dataclass(frozen=True)
class Point:
    """One experiment; ``env_runners`` None is the plain loop."""

    games: int = 512
    rounds: int = 100
    hidden: int = 64
    learners: int = 4
    env_runners: int | None = None

    def config(self) -> ExperimentConfig:
        """Its experiment."""
        return experiment(
            self.games,
            f"game.options.rounds={self.rounds}",
            f"model.hidden_size={self.hidden}",
            f"train.learners={self.learners}",
            *LOCAL,
            f"ray.num_env_runners={self.env_runners or 0}",
        )

    def program(self) -> Workload:
        """What trains it."""
        config = self.config()
        return PlainLoop(config, fused=True) if self.env_runners is None else RayLoop(config)


def section(effort: Effort) -> dict[str, Any]:
    """Samples by factor and value, and the memory of a game."""
    factors = {name: FACTORS[name][:2] for name in ("games", "hidden")} if effort.quick else FACTORS
    base = Point(games=64) if effort.quick else Point()
    names = ("games", "rounds", "hidden", "learners")
    return {
        "method": METHOD.format(times=effort.rounds, **{name: getattr(base, name) for name in names}),
        "factors": grow(base, factors, effort),
        "memory": memory(base, (8, 64) if effort.quick else MEMORY_GAMES),
    }


def grow(base: Point, factors: Mapping[str, Sequence[int]], effort: Effort) -> dict[str, list[dict[str, Any]]]:
    """Samples of each factor's points, e.g. ``{"games": [{"value": 64, "games": 63, "samples": ...}, ...]}``."""
    found = {}
    for factor, values in factors.items():
        through_ray = factor == "env_runners"
        programs: list[Workload] = []
        try:
            if through_ray:
                _ray(max(values))
            for value in values:
                programs.append(replace(base, **{factor: value}).program())
                programs[-1].name = programs[-1].label = f"{factor} {value}"
            samples = measure(programs, effort.rounds, effort.seconds, say)
        finally:
            for program in programs:
                program.stop()
            if through_ray:
                _ray(None)
        found[factor] = [
            {"value": value, "games": program.games, "samples": samples[program.name]}
            for value, program in zip(values, programs, strict=True)
        ]
    return found


def memory(base: Point, games: Sequence[int], updates: int = 3) -> dict[str, Any]:
    """Peak memory in MiB of a process of its own that trains without Ray, by games, and the growth in KiB a game."""
    points = []
    for number in games:
        words = [f"--{name}={getattr(base, name)}" for name in ("rounds", "hidden", "learners")]
        command = [sys.executable, "-m", "bench.growth", f"--games={number}", f"--updates={updates}", *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            raise RuntimeError(f"the job whose memory is measured failed:\n{done.stderr[-2000:]}")
        real, kib = map(int, done.stdout.split())
        points.append({"games": real, "mib": kib / 1024})
        say(f"memory at {real} games: {kib / 1024:.0f} MiB")
    first, last = points[0], points[-1]
    growth = 1024 * (last["mib"] - first["mib"]) / (last["games"] - first["games"])
    return {"points": points, "kib_a_game": growth}


def _ray(env_runners: int | None) -> None:
    """Start Ray for so many env runners; None stops it."""
    from coop_icl.rllib.session import start, stop

    stop() if env_runners is None else start(num_cpus=2 + env_runners * (env_runners + 1) // 2)


def _train(arguments: Sequence[str] | None = None) -> int:
    """Train a few updates and print the games of an update and the peak of this process's memory in KiB."""
    parser = argparse.ArgumentParser()
    for name in ("games", "updates", "rounds", "hidden", "learners"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = vars(parser.parse_args(arguments))
    torch.set_num_threads(1)
    keep_freed_memory()  # as a training run does
    updates = options.pop("updates")
    config = Point(**options).config()
    for _ in islice(plain_loop.train(config), updates):
        pass
    print(games_per_update(config), _peak_kib())
    return 0


def _peak_kib() -> int:
    """Peak resident memory of this process; ``ru_maxrss`` would count that of the process that started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(
            int(line.split()[1])
            for line in status.read_text(encoding="utf-8").splitlines()
            if line.startswith("VmHWM:")
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


if __name__ == "__main__":
    sys.exit(_train())
