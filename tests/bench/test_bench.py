"""The bench's measuring: turns, batches, the smallest workloads, memory; nothing here is timed against a bound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from bench import planner
from bench.memory import GIB, memory_of_tree, peak_of
from bench.timing import Effort, measure, update_times
from bench.workloads import LOCAL, PlainLoop, experiment, games_per_update
from coop_icl.models.gru_kernel import level
from coop_icl.rollouts.setting import build


class Counter:
    """A workload that counts its calls."""

    label, games, rounds = "counter", 1, 1

    def __init__(self, name, log):
        self.name, self._log = name, log

    def train(self):
        self._log.append((self.name, "train"))
        return 4

    def play(self):
        self._log.append((self.name, "rollout"))
        return 2

    def stop(self):
        pass


def test_workloads_take_turns():
    log = []
    a, b = Counter("a", log), Counter("b", log)
    samples = measure([a, b, a], rounds=2, seconds=0.0)
    phases = ("train", "rollout")
    assert log == [(name, phase) for name in "abaaba" for phase in phases]
    assert [len(samples["a"][phase]) for phase in phases] == [4, 4]
    assert all(rate > 0 for phases in samples.values() for rates in phases.values() for rate in rates)


def test_an_update_is_what_play_leaves_of_training():
    assert update_times({"train": [1e6, 5e5], "rollout": [2e6, 1e6]}) == pytest.approx([0.5, 1.0])


@pytest.mark.parametrize("learners", [2, 4])
def test_batch_has_the_games_asked_for(learners):
    config = experiment(512, f"train.learners={learners}", "ray.blocks=2")
    setting = build(config)
    drawn = [
        setting.population.draw(setting.block(0, block), setting.episodes_per_block()).num_games for block in range(2)
    ]
    assert sum(drawn) == pytest.approx(games_per_update(config), abs=2 * learners)
    assert sum(drawn) == pytest.approx(512, abs=2 * learners)


@pytest.mark.parametrize(("fused", "kernel"), [(True, True), (True, False), (False, True)])
def test_plain_loop_trains_and_plays(fused, kernel):
    loop = PlainLoop(experiment(6, "game.options={rounds: 4}", *LOCAL), fused, kernel)
    samples = measure([loop], rounds=1, seconds=0.0)
    assert samples[loop.name]["train"][0] > 0
    assert samples[loop.name]["rollout"][0] > 0
    steps = loop.play()
    assert steps > 0
    assert steps % (2 * loop.rounds) == 0
    loop.stop()


def test_planner_counts_decisions_of_every_size_compiled_and_not():
    found = planner.section(Effort(512, rounds=1, seconds=0.0, quick=True))
    names = {f"gru{hidden}{more}" for hidden in planner.SIZES for more in ("", "_torch")}
    assert set(found["decisions_per_second"]) == names
    assert all(value > 0 for value in found["decisions_per_second"].values())
    assert found["compiled"] == (level() > 0)


def test_memory_counts_descendants():
    hold = "import time; x = bytearray(64 * 2**20); print(flush=True); time.sleep(60)"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = memory_of_tree(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
    sizes = [size for sizes in found.values() for size in sizes]
    assert len(sizes) == 2
    assert 64 * 2**20 < sum(sizes) < GIB


def test_a_job_that_fails_is_named():
    with pytest.raises(RuntimeError, match="no such run"):
        peak_of([sys.executable, "-c", "import sys; sys.exit('no such run')"])


def test_a_job_that_hangs_is_ended():
    with pytest.raises(RuntimeError, match="did not end"):
        peak_of([sys.executable, "-c", "import time; time.sleep(60)"], seconds=0.5)
