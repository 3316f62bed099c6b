"""Section ``scale``: what env runners bring, the bytes they exchange, and a model of more of them than fit here.

The model is of one update. Games are played by all env runners at once, weights go out and trajectories come back
through one connection, the Learner learns: one after the other (sync), or learning while the next games are played
(async). Its constants are measured apart from the updates that it is compared with.
"""

from __future__ import annotations

import gc
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
import ray

from bench import plain_loop
from bench.timing import Effort, say
from bench.workloads import LOCAL, RayLoop, games_per_update
from coop_icl.config import ExperimentConfig, load
from coop_icl.process import cores
from coop_icl.rllib.session import start, stop
from coop_icl.rollouts.setting import build

KINDS = ((0, "sync"), (1, "sync"), (2, "sync"), (1, "async"), (2, "async"))
"""Env runners and modes that are measured; more would only share the cores of a laptop."""
BEYOND = (1, 2, 4, 8, 16, 32)
"""Env runners with a core each, beside a machine like this one for the Learner: by the model."""
NETWORK = 1.25e8
"""Bytes a second assumed between machines: one gigabit."""
METHOD = (
    "`{name}` as it ships ({games} games of {rounds} rounds an update, {learners} learners) through Ray; every program "
    "is started anew for every sample."
)


@dataclass(frozen=True)
class Constants:
    """What an update costs, by parts.

    Attributes:
        play: seconds that one core needs for an update's games; learn: seconds of the Learner on all cores here.
        call: seconds from asking an env runner to having its answer when there is nothing to play.
        rounds: of an update, a round counting once for both players.
        weights: bytes to each env runner; trajectories: bytes from all of them together.
        bandwidth: bytes a second between two processes here.
    """

    play: float
    learn: float
    call: float
    rounds: int
    weights: int
    trajectories: int
    bandwidth: float

    def rate(self, runners: int, mode: str, blocks: int, shared: int | None, bandwidth: float) -> float:
        """Rounds a second by the model.

        Args:
            runners: env runners; 0 plays in the driver, in a thread a core.
            mode: ``sync`` or ``async``.
            blocks: that an update's games are dealt into; an env runner plays whole ones.
            shared: cores that env runners and Learner share; None if every env runner has one of its own.
            bandwidth: bytes a second that all messages share.
        """
        if not runners:
            return self.rounds / (self.play / (shared or 1) + self.learn)
        moved = (self.weights * runners + self.trajectories) / bandwidth
        waited = self.play * math.ceil(blocks / min(runners, shared or runners)) / blocks + self.call + moved
        if mode == "sync":
            return self.rounds / (waited + self.learn)
        work = 0.0 if shared is None else self.play / shared + self.learn  # all of which the machine has to do
        return self.rounds / max(waited, self.learn, work)


def section(effort: Effort) -> dict[str, Any]:
    """Rounds a second measured and by the model, its constants, and the plan beyond this machine."""
    kinds = KINDS[:1] if effort.quick else KINDS
    small = ("train.episodes_per_learner=8", "game.options.rounds=20") if effort.quick else ()

    def shipped(*overrides: str) -> ExperimentConfig:
        return load("ipd_icl", ["train.updates=1000000", *small, *effort.overrides, *overrides])

    start(num_cpus=1 + max(runners for runners, _ in KINDS))
    try:
        constants = measured_apart(shipped, effort.seconds)
        samples: list[list[float]] = [[] for _ in kinds]
        for _ in range(effort.rounds):
            for (runners, mode), found in zip(kinds, samples, strict=True):
                program = RayLoop(shipped(f"ray.num_env_runners={runners}", f"ray.mode={mode}"))
                found.append(constants.rounds / typical(program.train, 4 * effort.seconds))
                program.stop()
                say(f"scale, {runners} env runners, {mode}: {found[-1]:,.0f} rounds/s")
    finally:
        stop()
    config, here = shipped(), cores()
    return {
        "method": METHOD.format(
            name=config.name,
            games=games_per_update(config),
            rounds=build(config).game.spec.max_rounds,
            learners=config.train.learners,
        ),
        "constants": asdict(constants),
        "cores": here,
        "network": NETWORK,
        "runs": [
            {
                "env_runners": runners,
                "mode": mode,
                "samples": found,
                "model": constants.rate(runners, mode, config.ray.blocks, here, constants.bandwidth),
            }
            for (runners, mode), found in zip(kinds, samples, strict=True)
        ],
        "beyond": [
            {"env_runners": n, **{mode: constants.rate(n, mode, n, None, NETWORK) for mode in ("sync", "async")}}
            for n in BEYOND
        ],
    }


def measured_apart(shipped: Callable[..., ExperimentConfig], at_least: float) -> Constants:
    """The model's constants; Ray is running."""
    config, one_core = shipped(*LOCAL), shipped(*LOCAL, "ray.learner_threads=1")
    updates = plain_loop.train(config)
    _, played, _, stack = next(updates)
    here, alone, blocks = build(config), build(one_core), range(config.ray.blocks)
    update = typical(lambda: next(updates), at_least)
    play_here, play = (
        typical(lambda s=setting: [s.play_block(stack, 1, block) for block in blocks], at_least)
        for setting in (here, alone)
    )
    weights = {
        name: {key: value.numpy() for key, value in policy.state_dict().items()}
        for name, policy in zip(here.module_ids, stack.policies, strict=True)
    }
    program = RayLoop(shipped("ray.num_env_runners=1", "ray.mode=sync"))
    call = typical(program.call, at_least)
    program.stop()
    sender: Any = ray.remote(Sender).remote()
    little, much = 2**20, 2**26
    took = [typical(lambda n=n: ray.get(sender.send.remote(n)), at_least) for n in (little, much)]
    ray.kill(sender)
    bandwidth = (much - little) / max(took[1] - took[0], 1e-9)
    return Constants(play, update - play_here, call, played.env_steps(), size(weights), size(played), bandwidth)


class Sender:
    """An actor that sends arrays."""

    def send(self, count: int) -> np.ndarray:
        """So many bytes."""
        return np.ones(count, np.uint8)


def size(message: Any) -> int:
    """Bytes of a message as Ray sends it: pickled, its arrays beside."""
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    return len(text) + sum(buffer.raw().nbytes for buffer in buffers)


def typical(step: Callable[[], Any], at_least: float) -> float:
    """Median seconds of a step, repeated for at least so long and three times."""
    gc.collect()
    step()
    samples: list[float] = []
    while sum(samples) < at_least or len(samples) < 3:
        start = time.perf_counter()
        step()
        samples.append(time.perf_counter() - start)
    return median(samples)
