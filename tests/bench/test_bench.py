"""The bench's arithmetic and its smallest workload; nothing here is timed against a bound."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from bench import table
from bench.memory import GIB, memory_of_tree, peak_of
from bench.timing import measure
from bench.workloads import LOCAL, PlainLoop, experiment, games_per_update
from coop_icl.rollouts.setting import build

SAMPLES = {
    "ray_1": {"train": [290e3, 300e3, 400e3], "rollout": [1.0e6, 1.2e6, 1.1e6]},
    "ray_0": {"train": [320e3], "rollout": [1.3e6]},
    "plain_fused": {"train": [330e3, 360e3], "rollout": [1.4e6]},
    "plain_pytorch": {"train": [100e3], "rollout": [500e3]},
    "stock_64": {"train": [5e3, 6e3], "rollout": [8e3]},
    "stock_1": {"train": [1e3], "rollout": [1.5e3]},
    "jax": {"train": [60e3], "rollout": [2.8e6]},
}


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


@pytest.fixture
def result():
    return {
        "command": "python -m bench.run",
        "machine": {
            "cpu": "a cpu", "cores": 2, "system": "Linux x86_64", "python": "3.11", "torch": "2", "ray": "2",
            "load_average_before": 0.1,
        },
        "method": "In turns.",
        "ours": "ray_1",
        "workloads": {name: {"label": f"the {name}", "games": 513, "rounds": 100} for name in SAMPLES},
        "samples": SAMPLES,
        "medians": table.summary(SAMPLES),
        "ratios": table.ratios(SAMPLES, "ray_1"),
        "peak_memory_gib": 1.5,
        "memory": {"method": "PSS", "job": "coop-icl train", "processes": 9, "parts": {"python": 1.0, "raylet": 0.5}},
    }  # fmt: skip


def test_ratios_are_of_medians():
    found = table.ratios(SAMPLES, "ray_1")
    assert found == pytest.approx(
        {
            "train_vs_stock_best": 300 / 5.5,
            "train_vs_stock_default": 300.0,
            "rollout_vs_stock_best": 1100 / 8,
            "plain_loop_vs_ray": 345 / 300,
            "ray_vs_plain_pytorch": 3.0,
            "ray_overhead": 345 / 320 - 1,
            "train_vs_jax": 5.0,
            "rollout_vs_jax": 0.5,
        }
    )
    assert set(found) == set(table.RATIOS)
    without = {name: rates for name, rates in SAMPLES.items() if name != "jax"}
    assert set(table.RATIOS) - set(table.ratios(without, "ray_1")) == {"train_vs_jax", "rollout_vs_jax"}


@pytest.mark.parametrize(
    ("train", "plain", "gib", "passes"),
    [(50.0, 1.5, 2.99, (True, True, True)), (49.9, 1.51, 3.0, (False, False, False))],
)
def test_verdicts_at_the_floor(train, plain, gib, passes):
    lines = table.verdicts({"train_vs_stock_best": train, "plain_loop_vs_ray": plain}, gib)
    assert tuple("(pass)" in line for line in lines) == passes
    assert all("falls short" in line for line, holds in zip(lines, passes, strict=True) if not holds)


def test_tables_show_every_workload_and_ratio(result):
    stored = json.loads(json.dumps(result))
    for shown in (table.text(result), table.markdown(stored)):
        assert all(f"the {name}" in shown for name in SAMPLES)
        assert all(name in shown for name in table.RATIOS)
        assert "the ray_1 *" in shown
        assert "300k (290k-400k)" in shown
        assert "1.1M (1M-1.2M)" in shown
        assert "at least 50 times stock with training: 54.5 (pass)" in shown
        assert "under 3 GiB: 1.50 (pass)" in shown


def test_workloads_take_turns():
    log = []
    a, b = Counter("a", log), Counter("b", log)
    samples = measure([a, b, a], rounds=2, seconds=0.0)
    phases = ("train", "rollout")
    assert log == [(name, phase) for name in "abaaba" for phase in phases]
    assert [len(samples["a"][phase]) for phase in phases] == [4, 4]
    assert all(rate > 0 for phases in samples.values() for rates in phases.values() for rate in rates)


@pytest.mark.parametrize("learners", [2, 4])
def test_batch_has_the_games_asked_for(learners):
    config = experiment(512, f"train.learners={learners}", "ray.blocks=2")
    setting = build(config)
    drawn = [
        setting.population.draw(setting.block(0, block), setting.episodes_per_block()).num_games for block in range(2)
    ]
    assert sum(drawn) == pytest.approx(games_per_update(config), abs=2 * learners)
    assert sum(drawn) == pytest.approx(512, abs=2 * learners)


@pytest.mark.parametrize("fused", [True, False])
def test_plain_loop_trains_and_plays(fused):
    loop = PlainLoop(experiment(6, "game.options={rounds: 4}", *LOCAL), fused)
    samples = measure([loop], rounds=1, seconds=0.0)
    assert samples[loop.name]["train"][0] > 0
    assert samples[loop.name]["rollout"][0] > 0
    steps = loop.play()
    assert steps > 0
    assert steps % (2 * loop.rounds) == 0
    loop.stop()


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
