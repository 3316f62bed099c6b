"""Seeds are used wherever they are given, and refused where two places disagree."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from coop_icl.cli import main
from coop_icl.config import ConfigError
from coop_icl.stages import plan
from tests.makefile import MAKEFILE, make


def seeds(experiment, overrides=(), given=None, sweep=""):
    """The seeds that ``train`` would train."""
    return [job.config.seed for job in plan(str(experiment), overrides, given, Path("runs"), sweep)]


@pytest.fixture
def of_seed_5(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("base: smoke\nseed: 5\n", encoding="utf-8")
    return path


@pytest.mark.kind("given and not used", case="seed: 5 in a file trained seed 0")
def test_the_seed_of_a_file_is_used(of_seed_5, tmp_path):
    assert seeds(of_seed_5) == [5]
    assert seeds(of_seed_5, ["seed=3"]) == [3]
    assert seeds(of_seed_5, sweep="train.epochs=1,2") == [5, 5]
    child = tmp_path / "child.yaml"
    child.write_text("base: mine\n", encoding="utf-8")
    assert seeds(child) == [5]


@pytest.mark.kind("given and not used", case="seed=3 on the command line trained seed 0")
def test_the_seed_of_the_command_line_is_used():
    assert seeds("smoke", ["seed=3"]) == [3]
    assert seeds("smoke", ["seed=3"], [3]) == [3]
    assert seeds("smoke", given=[1, 2]) == [1, 2]
    assert seeds("smoke") == [0]


@pytest.mark.kind("given and not used", case="--seeds beside another seed in the file or on the command line")
@pytest.mark.parametrize("given", [[0], [5, 6], [4, 5]])
def test_seeds_that_disagree_are_refused(of_seed_5, given):
    for experiment, overrides, origin in ((of_seed_5, [], "mine.yaml"), ("smoke", ["seed=5"], "seed=5")):
        with pytest.raises(ConfigError, match=r"^seed: got 5 from .*; expected .*--seeds") as caught:
            seeds(experiment, overrides, given)
        assert origin in str(caught.value)


@pytest.mark.kind("given and not used", case="--seeds beside the seed of a stage")
def test_stages_agree_with_the_seeds_given(of_seed_5, tmp_path):
    staged = tmp_path / "staged.yaml"
    staged.write_text(f"stages: ['{of_seed_5}', smoke]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="seed: got 5"):
        seeds(staged, given=[0])
    assert seeds(staged, given=[5]) == seeds(staged) == []  # stages are planned one by one


@pytest.mark.kind("given and not used", case="submit with seed=3 and the --seeds 0 that it added itself")
def test_a_submission_that_disagrees_is_refused(capsys, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert main(["submit", "smoke", "seed=3", "--seeds", "0"]) == 2
    assert "seed: got 3" in capsys.readouterr().err
    assert main(["submit", "smoke", "seed=3"]) == 2
    assert "no cluster is named" in capsys.readouterr().err  # nothing was wrong before that


@pytest.mark.kind("given and not used", case="make always passed --seeds 0")
@pytest.mark.parametrize(
    ("words", "passed"),
    [([], None), (["SEED=3"], "3"), (["SEEDS=0-4"], "0-4"), (["SEED=1", "SEEDS=2,3"], "2,3")],
)
def test_make_passes_seeds_only_if_they_are_given(words, passed):
    done = make("-o", f"{sys.prefix}/.installed", f"VENV={sys.prefix}", "train", *words)
    command = shlex.split(done.stdout.splitlines()[-1])
    assert "train" in command
    assert (command[command.index("--seeds") + 1] if "--seeds" in command else None) == passed


@pytest.mark.kind("given and not used", case="make train SEEDD=3 trained seed 0; make train train.updates=5")
@pytest.mark.parametrize("word", ["SEEDD=3", "train.updates=5", "seed=3"])
def test_variables_that_no_target_reads_are_refused(word):
    done = make("list", word)
    name = word.partition("=")[0]
    assert done.returncode == 2
    assert f"{name}: got a variable that no target reads" in done.stderr


def test_variables_of_the_makefile_are_known_to_it():
    text = MAKEFILE.read_text(encoding="utf-8")
    known = text.partition("KNOWN := ")[2].partition("\ngiven")[0].split()
    assert set(re.findall(r"^([A-Z_]+) \?=", text, re.MULTILINE)) <= set(known)
    for name in ("MEASURE", "RUN", "RAY_ADDRESS"):
        assert name in known
