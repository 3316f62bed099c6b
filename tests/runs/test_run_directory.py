"""A run's folder: one run, one process, whole files."""

import json
import subprocess
import sys

import pytest

from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.files import read_rows, write_json, write_rows, write_text


def start(root, **files):
    """A run that has written its config and a row, and let go of."""
    with RunDirectory.create(root, "ipd_icl", 3) as run:
        run.config.write_text("name: ipd_icl\n")
        write_rows(run.metrics, [{"update": 1}])
    return run


def checkpoint(run, update, keep=2):
    return run.save_checkpoint(update, lambda folder: (folder / "weights").write_text(str(update)), keep)


def refusal(action, *arguments):
    with pytest.raises(RunError) as caught:
        action(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_new_run(tmp_path):
    with RunDirectory.create(tmp_path / "runs", "ipd_icl", 3) as run:
        assert run.path == tmp_path / "runs" / "ipd_icl" / "seed_3"
        assert all(folder.is_dir() for folder in (run.tensorboard, run.checkpoints, run.policies))
        assert run.latest_checkpoint() is None


def test_a_folder_with_a_run_is_refused(tmp_path):
    run = start(tmp_path)
    assert "delete it" in refusal(RunDirectory.create, tmp_path, "ipd_icl", 3)
    checkpoint(run, 50)
    message = refusal(RunDirectory.create, tmp_path, "ipd_icl", 3)
    assert f"coop-icl resume {run.path}" in message
    assert "another seed" in message
    RunDirectory.create(tmp_path, "ipd_icl", 4).close()


@pytest.mark.kind("lost or misreported", case="a failed start leaves a folder that blocks the next try")
def test_a_start_that_came_to_nothing_leaves_nothing(tmp_path):
    runs = tmp_path / "runs"
    with RunDirectory.create(runs, "ipd_icl", 3) as run:
        run.config.write_text("name: ipd_icl\n")
        run.metrics.touch()
    assert list(runs.iterdir()) == []
    RunDirectory.create(runs, "ipd_icl", 3).close()


@pytest.mark.kind("lost or misreported", case="a start that was killed blocks the next try")
def test_what_a_killed_start_left_is_taken_over_but_not_what_others_put_there(tmp_path):
    folder = tmp_path / "ipd_icl/seed_3"
    (folder / "tensorboard").mkdir(parents=True)
    for name in ("config.yaml", "provenance.json", ".lock", "tensorboard/events.out"):
        (folder / name).write_text("left over")
    RunDirectory.create(tmp_path, "ipd_icl", 3).close()
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    assert "already holds a run" in refusal(RunDirectory.create, tmp_path, "ipd_icl", 3)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_run_with_progress_stays_when_it_ends(tmp_path):
    assert start(tmp_path).metrics.is_file()


def test_what_cannot_be_resumed(tmp_path):
    assert "no config.yaml" in refusal(RunDirectory.open, tmp_path / "nothing")
    run = start(tmp_path)
    assert "no checkpoint to resume from" in refusal(RunDirectory.open, run.path)
    (run.checkpoints / "update_000050").mkdir()  # empty: not a checkpoint
    assert "no checkpoint to resume from" in refusal(RunDirectory.open, run.path)
    checkpoint(run, 50)
    with RunDirectory.open(run.path) as again:
        assert again.latest_checkpoint() == (50, run.checkpoints / "update_000050")


def test_names_stay_inside_the_root(tmp_path):
    for name in ("..", ".", "a/b", ""):
        assert "choose another name" in refusal(RunDirectory.create, tmp_path / "runs", name, 0)
    assert not (tmp_path / "runs").exists()
    (tmp_path / "file").write_text("")
    assert "cannot be made" in refusal(RunDirectory.create, tmp_path / "file", "x", 0)


def test_one_process_at_a_time(tmp_path):
    run = start(tmp_path)
    checkpoint(run, 1)
    with RunDirectory.open(run.path):
        assert "in use by process" in refusal(RunDirectory.open, run.path)
        assert "in use by process" in refusal(RunDirectory.create, tmp_path, "ipd_icl", 3)
        code = f"from coop_icl.runs.directory import RunDirectory as R\nR.open({str(run.path)!r})"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "in use by process" in other.stderr
    RunDirectory.open(run.path).close()


def test_the_lock_ends_with_its_process(tmp_path):
    run = start(tmp_path)
    checkpoint(run, 1)
    code = (
        f"import os\nfrom coop_icl.runs.directory import RunDirectory as R\nr = R.open({str(run.path)!r})\nos._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    RunDirectory.open(run.path).close()


def test_checkpoints_are_whole_and_few(tmp_path):
    run = start(tmp_path)
    for update in (50, 100, 1_000_000):
        assert (checkpoint(run, update) / "weights").read_text() == str(update)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["update_000100", "update_1000000"]
    with pytest.raises(ZeroDivisionError):
        run.save_checkpoint(1_000_001, lambda folder: (folder / "weights").write_text(str(1 / 0)), 2)
    assert run.latest_checkpoint() == (1_000_000, run.checkpoints / "update_1000000")
    checkpoint(run, 1_000_000)  # once more, as after a resume that ends at once
    assert run.latest_checkpoint() == (1_000_000, run.checkpoints / "update_1000000")


def test_files_are_replaced_whole(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"a": float("nan"), "b": (1, None), "c": tmp_path})
    assert json.loads(path.read_text()) == {"a": None, "b": [1, None], "c": str(tmp_path)}
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "x" * 100_000 + "\ud800")
    assert json.loads(path.read_text())["b"] == [1, None]
    assert [child.name for child in tmp_path.iterdir()] == ["summary.json"]


def test_a_row_cut_short_is_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert read_rows(path) == []
    write_rows(path, [{"update": 1}, {"update": 2}])
    with path.open("a") as file:
        file.write('{"update": 3, "coop')
    assert read_rows(path) == [{"update": 1}, {"update": 2}]
