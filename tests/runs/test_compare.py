"""Runs side by side."""

import json
import shlex
import socket
import time
import urllib.request

import pytest

from coop_icl.config import ExperimentConfig, to_yaml
from coop_icl.runs.board import tensorboard
from coop_icl.runs.compare import compare
from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.finding import find_runs, labels
from coop_icl.runs.recorder import Recorder


def make_run(root, experiment, seed, rate, updates=20):
    config = ExperimentConfig(name=experiment, seed=seed)
    config.train.updates = 20
    with RunDirectory.create(root, experiment, seed) as run:
        run.config.write_text(to_yaml(config))
        with Recorder(run, {"seed": seed}, ["learner"]) as recorder:
            for update in range(10, updates + 1, 10):
                recorder.row(update, 100 * update, 3.0 * update, {"cooperation/learner-learner": rate})
    return run


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def root(tmp_path):
    for experiment, seed, rate, updates in (("b", 10, 0.125, 20), ("b", 9, 0.5, 10), ("a", 0, 0.75, 20)):
        make_run(tmp_path / "runs", experiment, seed, rate, updates)
    return tmp_path / "runs"


def test_runs_by_path(root):
    def found(*paths):
        return labels(find_runs([root / path for path in paths]))

    assert found("b/seed_10") == ["b/seed_10"]
    assert found("b") == ["b/seed_9", "b/seed_10"]
    assert found("") == ["a/seed_0", "b/seed_9", "b/seed_10"]
    assert found("*/seed_?") == ["a/seed_0", "b/seed_9"]
    assert found("b/seed_9", "b") == ["b/seed_9", "b/seed_10"]  # each once


def test_equal_names_of_two_roots_are_told_apart(root, tmp_path):
    make_run(tmp_path / "more", "a", 0, 0.1)
    assert labels(find_runs([root / "a", tmp_path / "more" / "a"])) == ["a/seed_0", "a/seed_0~2"]


@pytest.mark.parametrize("path", ["nothing", "nothing*", "a/seed_0/policies"])
def test_no_runs(root, path):
    with pytest.raises(RunError, match="no runs at") as caught:
        compare([root / "a", root / path])
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match="no runs given"):
        compare([])


def test_a_run_that_cannot_be_read(root):
    (root / "a" / "seed_0" / "config.yaml").write_text("nonsense: 1")
    with pytest.raises(RunError, match=r"a/seed_0/config\.yaml: unknown key") as caught:
        compare([root])
    assert "\n" not in str(caught.value)


def test_the_table(root):
    lines = compare([root]).splitlines()
    cells = [line.split() for line in lines[:4]]
    assert cells[0][:3] == ["run", "coop/learner-learner", "coop/learner-tabular"]
    assert cells[1] == ["a/seed_0", "0.750", "-", "-", "-", "2k", "1m00s"]
    assert cells[2] == ["b/seed_9", "0.500", "-", "-", "-", "1k", "30s", "unfinished", "(10", "updates)"]
    assert cells[3][:2] == ["b/seed_10", "0.125"]
    command = shlex.split(lines[-1])
    assert command[:2] == ["tensorboard", "--logdir_spec"]
    assert command[2].split(",")[0] == f"a/seed_0:{root}/a/seed_0/tensorboard"
    assert len(command[2].split(",")) == 3


def test_a_taken_port(root):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match="choose another port"), tensorboard(find_runs([root]), port):
            pass


def test_tensorboard_shows_all_runs(root):
    names: set[str] = set()
    with tensorboard(find_runs([root]), free_port()) as (address, process):
        deadline = time.monotonic() + 60
        while len(names) < 3 and time.monotonic() < deadline:
            with urllib.request.urlopen(address.split("#")[0] + "data/plugin/scalars/tags") as reply:
                tags = json.load(reply)
            names = {run for run, found in tags.items() if "cooperation/learner-learner" in found}
            time.sleep(0.2)
    assert names == {"a/seed_0", "b/seed_9", "b/seed_10"}
    assert process.poll() is not None
