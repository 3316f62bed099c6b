"""CPUs and GPUs of a run: those it needs, and what is said while it waits for them."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable

from coop_icl.config.schema import RayConfig
from coop_icl.rllib.cluster import ClusterError, address_given
from coop_icl.runs.progress import duration

Bundle = dict[str, float]
"""What one actor takes, by Ray's names of resources."""

FIRST, EVERY = 5, 30
"""Seconds before the first line about waiting, and between further ones."""


def bundles(ray: RayConfig) -> list[Bundle]:
    """Return what each actor of a run takes; the driver takes what it was started with."""
    learner: Bundle = {"GPU": ray.num_gpus_per_learner} if ray.num_gpus_per_learner else {"CPU": 1}
    runner: Bundle = {"CPU": 1}
    return [runner] * ray.num_env_runners + [learner] * ray.num_learners


def check_gpus(ray: RayConfig, here: int) -> None:
    """Raise ClusterError if Learners want more GPUs than can ever be theirs.

    Args:
        ray: where the run's work is done.
        here: GPUs of this machine, all that an embedded Ray and a Learner in the driver can have. What a cluster has
            is another matter: it may grow.
    """
    wanted = math.ceil(ray.num_gpus_per_learner * max(1, ray.num_learners))
    if wanted > here and (ray.num_learners == 0 or address_given() is None):
        raise ClusterError(
            f"ray.num_gpus_per_learner: got {ray.num_gpus_per_learner:g} for {max(1, ray.num_learners)} Learner(s); "
            f"expected no more than this machine's {here} GPU(s) (set it to 0 to learn on the CPU)"
        )


def await_room(ray: RayConfig, say: Callable[[str], None] | None = None) -> None:
    """Wait until a cluster has room for a run's actors, and say for what and for how long.

    The demand is placed, not only looked at, so that a cluster that can grow does so. A signal ends the wait.
    """
    from ray.util import placement_group, remove_placement_group

    wanted = bundles(ray)
    if not wanted:
        return
    say = say or (lambda line: print(line, file=sys.stderr, flush=True))
    group, began, due = placement_group(wanted), time.monotonic(), FIRST
    try:
        while not group.wait(timeout_seconds=1):
            waited = time.monotonic() - began
            if waited >= due:
                say(awaited(wanted, waited))
                due = waited + EVERY
    finally:
        remove_placement_group(group)


def awaited(wanted: list[Bundle], seconds: float) -> str:
    """Return a line about what is waited for, beside what the cluster we are connected to has."""
    import ray

    total, free = ray.cluster_resources(), ray.available_resources()
    words = [
        f"{sum(bundle.get(name, 0) for bundle in wanted):g} {name}(s) (the cluster has {total.get(name, 0):g}, "
        f"{free.get(name, 0):g} free)"
        for name in ("CPU", "GPU")
        if any(name in bundle for bundle in wanted)
    ]
    return f"waiting for {' and '.join(words)} since {duration(seconds)}; Ctrl-C ends it"
