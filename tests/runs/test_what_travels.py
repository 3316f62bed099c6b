"""What is shared holds nothing of the home folder or the environment, and a folder of runs can be moved."""

import os
import shutil
from pathlib import Path

import pytest

from coop_icl.config import load
from coop_icl.config.paths import located, portable, without_home
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.finding import is_finished
from coop_icl.runs.reading import config_of
from tests.faults.runs import TINY, one_line, run

SECRET = "a-word-that-only-the-environment-has"
QUICK = [*TINY, "train.updates=2", "ray.num_env_runners=0"]


def frozen_in(home):
    """The mixture of the second run, as its owner gives it: a policy by the run's name, and one by its path."""
    kept = home / "work" / "kept" / "learner_0"
    first, second = "{name: frozen, path: 'first:learner_0'}", f"{{name: frozen, path: {kept}, kind: kept}}"
    return f"population.mixture=[{{name: learner}}, {first}, {second}]"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home folder in which two runs were trained, the second against a policy of the first and a copy of it."""
    home = tmp_path_factory.mktemp("someones") / "home"
    (home / "work").mkdir(parents=True)
    more = {"HOME": str(home), "COOP_SECRET": SECRET, "RAY_TMPDIR": "/tmp"}
    runs = ["--runs", str(home / "work" / "runs")]
    for words in (["name=first"], ["name=second", frozen_in(home)]):
        code, _, err = run("train", "smoke", *words, *QUICK, *runs, cwd=home / "work", **more)
        assert code == 0, err
        if words == ["name=first"]:
            shutil.copytree(home / "work/runs/first/seed_0/policies/final", home / "work/kept")
    asked = ["--episodes", "8", "--analyses", "probes"]
    code, _, err = run("report", "runs/second/seed_0", *asked, cwd=home / "work", **more)
    assert code == 0, err
    return home


@pytest.mark.kind(
    "values that must not travel", case="home folders in config, provenance, report, policies, TensorBoard"
)
def test_nothing_that_is_shared_names_the_home_folder_or_holds_the_environment(home):
    found = {}
    for path in sorted((home / "work" / "runs").rglob("*")):
        if path.is_file() and "checkpoints" not in path.parts:
            content = path.read_bytes()
            found[path.name] = [word for word in (str(home), SECRET) if word.encode() in content]
    assert {"config.yaml", "provenance.json", "report.html", "policy.json", "MODEL_CARD.md", "summary.json"} <= set(
        found
    )
    assert any(name.startswith("events") for name in found)
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.kind("paths as patterns", case="a moved folder of runs with a frozen co-player")
def test_a_folder_of_runs_can_be_moved(home, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(home / "work" / "runs", moved)
    there = config_of(RunDirectory(moved / "second" / "seed_0"))
    assert there.population.mixture[1]["path"] == str(moved / "first/seed_0/policies/final/learner_0")
    (moved / "second/seed_0/evaluation.json").unlink(missing_ok=True)
    shutil.move(home / "work" / "runs" / "first", home / "work" / "gone")  # what the old path would have found
    try:
        code, _, err = run("evaluate", "second/seed_0", "--episodes", "8", cwd=moved, RAY_TMPDIR="/tmp")
    finally:
        shutil.move(home / "work" / "gone", home / "work" / "runs" / "first")
    assert code == 0, err
    assert not one_line(err)


def test_a_run_is_the_run_that_was_asked_for_wherever_its_folder_is(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    runs = home / "work" / "runs"
    assert is_finished(runs, load("smoke", ["name=second", frozen_in(home), *QUICK], runs))
    monkeypatch.chdir(home)
    assert is_finished(Path("work/runs"), load("smoke", ["name=second", frozen_in(home), *QUICK], Path("work/runs")))


def test_written_paths_are_relative_to_the_run_or_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    runs = tmp_path / "me" / "runs"
    words = [f"train.init={{learner_0: {runs}/a/seed_0/x, learner_1: {tmp_path}/me/kept}}"]
    config = load("smoke", [*words, f"ppi.data={{learner_0: {tmp_path}/me2/data}}"], runs)
    written = portable(config, runs / "b" / "seed_1")
    assert written.train.init == {"learner_0": "../../a/seed_0/x", "learner_1": "~/kept"}
    assert written.ppi.data == {"learner_0": f"{tmp_path}/me2/data"}
    assert located(written, runs / "b" / "seed_1") == config
    assert located(written, tmp_path / "c" / "d" / "e").train.init["learner_0"] == str(tmp_path / "c/a/seed_0/x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{home}/runs", "~/runs"),
        ("train --runs={home}/runs 'train.init={{a: {home}}}'", "train --runs=~/runs 'train.init={{a: ~}}'"),
        ("{home}2/runs /x{home}/y", "{home}2/runs /x{home}/y"),
    ],
)
def test_only_paths_that_begin_with_the_home_folder_are_shortened(text, expected, monkeypatch):
    monkeypatch.setenv("HOME", os.sep + "home/ü.1")
    home = os.sep + "home/ü.1"
    assert without_home(text.format(home=home)) == expected.format(home=home)
