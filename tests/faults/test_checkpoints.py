"""Checkpoints that are damaged: all found out, the file named, and training goes on from the one before."""

import pickle
import shutil

import numpy as np
import pytest

from coop_icl.runs.directory import RunDirectory
from tests.faults.runs import RUN, TINY, cluster, one_line, run, weights

SETTINGS = [*TINY, "ray.num_env_runners=0", "train.updates=6", "log.every=1", "log.checkpoint_every=2", "log.keep=3"]


def flip(path, rng):
    data = bytearray(path.read_bytes())
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)
    return path


def cut(path, rng):
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])
    return path


def lose(path, rng):
    path.unlink()
    return path


def add(path, rng):
    new = path.with_name(f"{path.name}.{rng.integers(10)}")
    new.write_bytes(pickle.dumps({"weights": [0.0]}))
    return new


def damaged(whole, folder, how, rng):
    """A copy of a run whose newest checkpoint was damaged; the file that it happened to."""
    shutil.copytree(whole, folder)
    files = sorted(path for path in (folder / "checkpoints/update_000006").rglob("*") if path.is_file())
    return how(files[rng.integers(len(files))], rng)


@pytest.mark.injects("corrupt a checkpoint")
def test_damaged_checkpoints(local_ray, record, tmp_path, capsys):
    code, _, error = run("train", "smoke", *SETTINGS, cwd=tmp_path, **cluster())
    assert code == 0, error
    whole, rng, found, resumed = tmp_path / RUN, np.random.default_rng(0), 0, 0
    for number in range(record.times):
        folder = tmp_path / f"damaged_{number}"
        path = damaged(whole, folder, (flip, cut, lose, add)[number % 4], rng)
        by_hand = number % 50 < 4  # one of each kind, once in a while, by the command line
        if by_hand:
            code, _, said = run("resume", folder, cwd=tmp_path, **cluster())
            resumed += code == 0 and weights(folder) == weights(whole)
        else:
            with RunDirectory.open(folder) as directory:
                went_back = directory.latest_checkpoint() == (4, folder / "checkpoints/update_000004")
            said = capsys.readouterr().err
            resumed += went_back
        found += str(path) in said and "going on from the checkpoint of update 4" in said
        shutil.rmtree(folder)
    by_command = sum(number % 50 < 4 for number in range(record.times))
    record(
        min(found, resumed),
        f"{found} found and the file named; {resumed} went on from the one before, {by_command} of them by `resume` "
        "to the very weights of the undamaged run",
    )


def test_a_run_without_a_whole_checkpoint_is_refused(local_ray, tmp_path):
    assert run("train", "smoke", *SETTINGS, cwd=tmp_path, **cluster())[0] == 0
    for folder in (tmp_path / RUN / "checkpoints").iterdir():
        flip(folder / "manifest.json", np.random.default_rng(1))
    code, _, error = run("resume", RUN, cwd=tmp_path, **cluster())
    assert (code, error.count("\n")) == (2, 1)
    assert one_line(error)
    assert "update_000006/manifest.json" in error
