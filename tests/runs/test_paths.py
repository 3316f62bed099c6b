"""Paths with signs that patterns, TensorBoard or the shell would read as something else."""

import json
import shlex
import urllib.request

import pytest

from coop_icl.cli import main
from coop_icl.evaluation.entrants import entrants_at
from coop_icl.runs.board import tensorboard
from coop_icl.runs.compare import compare
from coop_icl.runs.finding import find_runs, labels
from tests.makefile import make
from tests.reporting.runs import finished
from tests.runs.test_compare import free_port, make_run

ODD = ["runs[1]", "what?", "a*b", "my runs", "a,b", "a:b", "$x'y"]


@pytest.mark.kind("paths as patterns", case="a folder of runs with [1] in its path")
@pytest.mark.parametrize("name", ODD)
def test_a_path_is_taken_as_it_is_before_it_is_a_pattern(tmp_path, name, capsys):
    make_run(tmp_path / name, "a", 0, 0.5)
    make_run(tmp_path / "runs1", "b", 0, 0.5)  # what runs[1] would match
    assert labels(find_runs([tmp_path / name])) == ["a/seed_0"]
    assert main(["compare", "--table", str(tmp_path / name)]) == 0
    assert "a/seed_0" in capsys.readouterr().out


@pytest.mark.kind("paths as patterns", case="cross-play of a folder with [1] in its path")
def test_cross_play_takes_a_path_as_it_is(tmp_path):
    finished(tmp_path / "runs[1]", "smoke")
    assert len(entrants_at([tmp_path / "runs[1]"])) == 2
    assert len(entrants_at([str(tmp_path / "run*")])) == 2


@pytest.mark.kind("paths as patterns", case="--logdir_spec splits at commas and colons")
@pytest.mark.parametrize("name", ODD)
def test_the_command_that_shows_runs_names_each_where_it_is(tmp_path, name):
    """Whichever command is advised, what it is told leads to the run."""
    make_run(tmp_path / name, "a", 0, 0.5)
    (tmp_path / name / "a").rename(tmp_path / name / name)
    (run,) = find_runs([tmp_path / name])
    words = shlex.split(compare([tmp_path / name]).splitlines()[-1])
    if words[0] == "tensorboard":
        (part,) = words[2].split(",")
        assert part.partition(":")[::2] == (labels([run])[0], str(run.tensorboard))
    else:
        assert words == ["coop-icl", "compare", str(run.path)]


@pytest.mark.kind("paths as patterns", case="TensorBoard on a folder with a comma and a colon")
def test_tensorboard_shows_a_run_of_any_name(tmp_path):
    make_run(tmp_path / "a,b:c", "a", 0, 0.5)
    (tmp_path / "a,b:c" / "a").rename(tmp_path / "a,b:c" / "x,y:z")
    with tensorboard(find_runs([tmp_path / "a,b:c"]), free_port()) as (address, _):
        shown = {}
        for _ in range(300):
            with urllib.request.urlopen(address.split("#")[0] + "data/plugin/scalars/tags") as reply:
                shown = json.load(reply)
            if shown:
                break
        assert list(shown) == ["x,y:z/seed_0"]


def words_of(target, *settings):
    """What make would start of ours for a target, word by word."""
    shown = make(target, *settings).stdout
    line = next(line for line in shown.replace("\\\n", " ").splitlines() if "/coop-icl " in line)
    return shlex.split(line)[2:]


@pytest.mark.kind("paths as patterns", case="make train RUNS_DIR='/data/my runs'")
@pytest.mark.parametrize("folder", ["/data/my runs", "/data/o'brien", "/data/$x", "/data/a;b", "/data/[1]*"])
def test_the_makefile_hands_on_a_path_as_one_word(folder):
    given = folder.replace("$", "$$")  # as make wants it
    for target in ("train", "submit", "doctor", "verify", "reproduce", "beyond"):
        words = words_of(target, f"RUNS_DIR={given}")
        assert words[words.index("--runs") + 1] == folder, target
    for target in ("resume", "evaluate", "report", "play"):
        assert words_of(target, f"RUN={given}") == [folder]
        assert words_of(target) == []  # an empty word would be this folder
    for target in ("compare", "crossplay", "results"):
        assert words_of(target, f"RUNS_DIR={given}")[0] == folder
        assert words_of(target, "RUNS=a b", "ARGS=--out x")[:2] == ["a", "b"]
    assert words_of("train", f"EXP={given}", "SWEEP=a=1 2,3") == [*(folder, "--runs", "runs", "--sweep", "a=1 2,3")]
