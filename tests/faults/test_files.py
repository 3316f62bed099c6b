"""Files made to do harm: refused in one line, and nothing in them is run or written anywhere."""

import json
import pickle
import shutil

import pytest

from tests.cli.test_refusals import POLICY_SPOILERS, Bomb
from tests.faults.runs import RUN, TINY, cluster, one_line, run

EVALUATE = ["evaluate", RUN, "--episodes", "2"]
RESUME = ["resume", RUN]


def checkpoint_file(run):
    return next((run / "checkpoints").glob("update_*/algorithm_state.pkl"))


def manifest(run, change):
    path = checkpoint_file(run).with_name("manifest.json")
    path.write_text(json.dumps(change(json.loads(path.read_text())), indent=1) + "\n")


def outside(content):
    """A manifest that lists a file outside of its folder."""
    return {**content, "files": {**content["files"], "../../../../../outside": [0, "0" * 64]}}


def link(run):
    checkpoint_file(run).unlink()
    folder = next((run / "checkpoints").glob("update_*"))
    (folder / "algorithm_state.pkl").symlink_to("/etc/passwd")


def policy(name):
    return lambda run: POLICY_SPOILERS[name](run / "policies/final/learner_0")


BOMB = pickle.dumps(Bomb())
CASES = {
    "pickle as weights": (policy("bomb"), EVALUATE),
    "torch file as weights": (policy("torch file"), EVALUATE),
    "pickle as description": (policy("bomb as description"), EVALUATE),
    "oversized header": (policy("huge header"), EVALUATE),
    "header beyond the file": (policy("header beyond the file"), EVALUATE),
    "oversized layer": (policy("huge part"), EVALUATE),
    "code in the config": (
        lambda run: (run / "config.yaml").write_text("!!python/object/apply:os.mkdir [exploded]"),
        RESUME,
    ),
    "pickle as metrics": (lambda run: (run / "metrics.jsonl").write_bytes(BOMB), ["report", RUN, "--episodes", "2"]),
    "pickle in a checkpoint": (lambda run: checkpoint_file(run).write_bytes(BOMB), RESUME),
    "path out of a checkpoint": (lambda run: manifest(run, outside), RESUME),
    "link out of a checkpoint": (link, RESUME),
    "path out of the runs": (lambda run: None, ["train", "smoke", "name=../outside"]),
}


@pytest.mark.injects("malicious files")
def test_malicious_files(local_ray, record, tmp_path):
    settings = [
        *TINY,
        "ray.num_env_runners=0",
        "train.updates=4",
        "log.every=2",
        "log.checkpoint_every=2",
        "log.keep=1",
    ]
    good = tmp_path / "good"
    good.mkdir()
    assert run("train", "smoke", *settings, cwd=good, **cluster())[0] == 0
    assert run(*EVALUATE, cwd=good)[0] == 0
    held = 0
    for name, (spoil, command) in list(CASES.items())[: record.times]:
        place = tmp_path / "spoilt"
        shutil.copytree(good, place)
        spoil(place / RUN)
        code, _, error = run(*command, cwd=place, **cluster())
        executed = list(tmp_path.rglob("exploded")) + list(tmp_path.rglob("outside"))
        fine = code == 2 and error.count("\n") == 1 and one_line(error) and not executed
        held += fine
        assert fine, (name, error, executed)
        shutil.rmtree(place)
    record(held, f"{held} refused in one line, none executed")
