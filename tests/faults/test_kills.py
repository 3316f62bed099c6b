"""Processes killed at any moment: env runners, the driver, the driver while it saves."""

import os
import pickle
import random
import signal
import threading
import time

import numpy as np
import pytest

from coop_icl.runs.directory import RunDirectory
from tests.faults.building import build, same, trained
from tests.faults.runs import RUN, TINY, await_, cluster, finish, rows, run, start, weights, without_times

BACK = 15.0


def pids(algorithm):
    return algorithm.env_runner_group.foreach_env_runner(lambda runner: os.getpid(), local_env_runner=False)


@pytest.mark.injects("SIGKILL an env runner mid-iteration")
def test_killed_env_runners(local_ray, record):
    rng, times, updates = random.Random(0), [], 0
    algorithm = build("ray.num_env_runners=2")
    algorithm.train()
    rounds = algorithm.trajectory.env_steps()
    held = 0
    for _ in range(record.times):
        victim = rng.choice(pids(algorithm))
        algorithm.train()
        span = 2 * sum(algorithm.seconds.values())
        threading.Timer(rng.uniform(0, span), os.kill, (victim, signal.SIGKILL)).start()
        began, back = time.monotonic(), False
        while time.monotonic() - began < 60 and not back:
            algorithm.train()
            alive = pids(algorithm)
            back = len(alive) == 2 and victim not in alive
        times.append(time.monotonic() - began - span / 2)
        played = algorithm.metrics.peek(("env_runners", "rounds"))
        held += back and played == rounds * algorithm.updates_done
    updates, last = algorithm.updates_done, algorithm.module_weights()
    algorithm.stop()
    assert same(last, trained(updates, "ray.num_env_runners=0"))
    p95 = float(np.quantile(times, 0.95))
    assert p95 < BACK, times
    record(
        held, f"{updates} updates finished with the weights of an undisturbed run; runner back after {p95:.1f} s (p95)"
    )


LONG = [*TINY, "train.updates=150", "log.every=5", "log.checkpoint_every=10"]


def leaves(value, path=""):
    """All that is in nested containers, by its place."""
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {place: leaf for key, inner in items for place, leaf in leaves(inner, f"{path}/{key}").items()}
    return {path: np.asarray(value)}


def optimizers(folder):
    """The optimizers in a run's last checkpoint; our own file, hence unpickled."""
    update, path = RunDirectory(folder).latest_checkpoint()
    with (path / "learner_group/learner/state.pkl").open("rb") as file:
        found = leaves(pickle.load(file)["optimizer"])
    assert sum(array.size for array in found.values()) > 1000  # moments of all weights
    return update, found


def equal_optimizers(first, second):
    (one, ones), (two, twos) = optimizers(first), optimizers(second)
    return one == two and ones.keys() == twos.keys() and all(np.array_equal(ones[name], twos[name]) for name in ones)


@pytest.mark.injects("SIGKILL the driver at random points, resume")
def test_killed_drivers(local_ray, record, tmp_path):
    code, _, error = run("train", "smoke", *LONG, "--runs", "whole", cwd=tmp_path, **cluster())
    assert code == 0, error
    whole, rng, held, at = tmp_path / "whole/smoke/seed_0", random.Random(0), 0, []
    for number in range(record.times):
        here = tmp_path / f"killed_{number}"
        here.mkdir()
        process = start("train", "smoke", *LONG, f"ray.num_env_runners={number % 2}", cwd=here, **cluster())
        point = rng.randrange(10, 140, 5)
        assert await_(lambda: any(row["update"] >= point for row in rows(here / RUN)), 120, 0.002)  # noqa: B023
        time.sleep(rng.uniform(0, 0.05))
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        finish(process)
        at.append(rows(here / RUN)[-1]["update"])
        code, _, error = run("resume", RUN, cwd=here, **cluster())
        assert code == 0, error
        held += bool(
            weights(here / RUN) == weights(whole)
            and without_times(rows(here / RUN)) == without_times(rows(whole))
            and equal_optimizers(here / RUN, whole)
        )
    record(
        held,
        f"weights, optimizers and metrics identical {held} of {record.times} times; killed at updates {min(at)} to "
        f"{max(at)}",
    )


@pytest.mark.injects("SIGKILL during checkpoint save")
def test_killed_while_saving(local_ray, record, tmp_path):
    settings = [*TINY, "ray.num_env_runners=0", "train.updates=1000000", "log.checkpoint_every=1", "log.every=1"]
    rng, held, middle, command = random.Random(0), 0, 0, ["train", "smoke", *settings]
    partial, reached = tmp_path / RUN / "checkpoints/.partial", 0
    for _ in range(record.times):
        process = start(*command, cwd=tmp_path, **cluster())
        wanted = reached + rng.randint(2, 4)
        assert await_(lambda: (rows(tmp_path / RUN) or [{"update": 0}])[-1]["update"] >= wanted, 120, 0.002)  # noqa: B023
        assert await_(partial.exists, 60, 0)
        time.sleep(rng.uniform(0, 0.01))
        os.kill(process.pid, signal.SIGKILL)
        _, _, error = finish(process)
        assert "Traceback" not in error
        middle += partial.exists()
        with RunDirectory.open(tmp_path / RUN) as directory:  # raises if no checkpoint is whole
            update = directory.latest_checkpoint()[0]
        held += update > reached  # what was resumed did load, and went on
        reached, command = update, ["resume", RUN]
    assert not list((tmp_path / RUN / "checkpoints").glob("damaged_*"))
    record(held, f"each was resumed from the latest; {middle} of {record.times} kills left a checkpoint half written")
