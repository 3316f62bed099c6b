"""Games that raise or stall: played again elsewhere, or the run stops and names the game; it never hangs."""

import subprocess
import sys
import time

import pytest

from coop_icl.rllib.guard import GameError
from tests.faults.building import build, same, trained
from tests.faults.runs import TINY, cluster, environment, finish, one_line

RUNNERS, MOST = ["ray.num_env_runners=2"], 60.0
SHORT = "ray.sample_timeout_s=8"


def recovers(reference, *overrides, **fault):
    """Whether the games are played all the same: after four updates the weights are as without the fault."""
    algorithm = build(*RUNNERS, *overrides, at=[1], **fault)
    try:
        times = []
        for _ in range(4):
            began = time.monotonic()
            algorithm.train()
            times.append(time.monotonic() - began)
        return same(algorithm.module_weights(), reference), max(times)
    finally:
        algorithm.stop()


def stops(*overrides, **fault):
    """Whether training stops and names the game, if it fails wherever it is played."""
    algorithm = build(*RUNNERS, *overrides, at=[1], workers=[0, 1, 2], **fault)
    try:
        algorithm.train()
        began = time.monotonic()
        with pytest.raises(GameError, match=r"^game\.name 'ipd_v0': .*update 2.*; mend the game"):
            algorithm.train()
        return True, time.monotonic() - began
    finally:
        algorithm.stop()


def stops_on_the_command_line(folder, game, *overrides):
    """The same by the command line, whose error is one line."""
    command = [sys.executable, "-m", "tests.faults.games", "train", "smoke", *TINY, "ray.num_env_runners=0"]
    pipe, began = subprocess.PIPE, time.monotonic()
    process = subprocess.Popen(
        [*command, f"game.name={game}", *overrides, "--runs", game],
        cwd=folder,
        stdout=pipe,
        stderr=pipe,
        text=True,
        env=environment(**cluster()),
    )
    code, _, error = finish(process)
    return code == 2 and one_line(error) and f"game.name '{game}'" in error, time.monotonic() - began


@pytest.mark.injects("env that raises or stalls")
def test_games_that_raise_or_stall(local_ray, record, tmp_path):
    sync = trained(4, "ray.num_env_runners=0")
    late = trained(4, *RUNNERS, "ray.mode=async")
    asynchronous = "ray.mode=async"
    cases = {
        "raises in an env runner": lambda: recovers(sync, fault="raise", workers=[1]),
        "raises in all": lambda: recovers(sync, fault="raise", workers=[1, 2]),
        "raises everywhere": lambda: stops(fault="raise"),
        "stalls in an env runner": lambda: recovers(sync, SHORT, fault="stall", workers=[1]),
        "spins in all": lambda: recovers(sync, SHORT, fault="spin", workers=[1, 2]),
        "stalls everywhere": lambda: stops(fault="stall"),
        "raises, async": lambda: recovers(late, asynchronous, fault="raise", workers=[1]),
        "stalls, async": lambda: recovers(late, asynchronous, SHORT, fault="stall", workers=[2]),
        "raises in the driver": lambda: stops_on_the_command_line(tmp_path, "faulty_raise"),
        "spins in the driver": lambda: stops_on_the_command_line(tmp_path, "faulty_spin", SHORT),
    }
    found = {name: case() for name, case in list(cases.items())[: record.times]}
    bad = [name for name, (held, seconds) in found.items() if not held or seconds > MOST]
    longest = max(seconds for _, seconds in found.values())
    recovered = sum("everywhere" not in name and "driver" not in name for name in found)
    record(
        len(found) - len(bad),
        f"{recovered} recovered with the same weights, {len(found) - recovered} stopped and named the game; the "
        f"longest took {longest:.0f} s; not held: {', '.join(bad) or 'none'}",
    )
