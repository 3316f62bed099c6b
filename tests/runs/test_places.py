"""Runs in places of other users, on file systems without locks, and at paths that look like patterns."""

import ctypes
import errno
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from coop_icl.config import load, to_yaml
from coop_icl.errors import UserError
from coop_icl.evaluation.entrants import entrants_at
from coop_icl.runs.board import tensorboard
from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.finding import find_runs
from tests.faults.runs import environment
from tests.reporting.runs import finished

OTHER = 65534
"""A user who owns nothing."""


def started(root):
    with RunDirectory.create(root, "smoke", 0) as run:
        run.config.write_text(to_yaml(load("smoke")), encoding="utf-8")
        run.save_checkpoint(1, lambda folder: (folder / "weights").write_text("1", encoding="utf-8"), 1)
    return run


@pytest.fixture
def open_folder():
    """A folder that other users may read; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory(prefix="coop_icl_places_") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.kind("some errors of a block", case="a run owned by another user is resumed (ray#22525)")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("action", ["open({path!r})", "create({root!r}, 'smoke', 0)"])
def test_a_run_of_another_user(action, open_folder):
    run = started(open_folder)
    call = action.format(path=str(run.path), root=str(open_folder))
    code = (
        "import os\nfrom coop_icl.runs.directory import RunDirectory, RunError\n"
        f"os.setgroups([]); os.setgid({OTHER}); os.setuid({OTHER})\n"
        f"try:\n    RunDirectory.{call}\nexcept RunError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert "cannot be written (Permission denied)" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.kind("some errors of a block", case="a file system without locks is not a run in use")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EACCES, errno.ENOTSUP, errno.EROFS])
def test_a_place_without_locks(number, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    run = started(tmp_path)
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(RunError, match=f"cannot be locked .{os.strerror(number)}") as caught:
        RunDirectory.open(run.path)
    assert "in use" not in str(caught.value)


@pytest.mark.kind("paths as patterns", case="compare in a folder with brackets (php-src#10819)")
def test_brackets_are_no_pattern_where_the_path_exists(tmp_path):
    run = started(tmp_path / "é ü (x) [1]")
    for path in (run.path, run.path.parent, run.path.parents[1]):
        assert [found.path for found in find_runs([path])] == [run.path]
    assert [found.path for found in find_runs([tmp_path / "*" / "smo*"])] == [run.path]  # shells that do not expand


@pytest.mark.kind("paths as patterns", case="crossplay of a file with brackets in its path")
def test_brackets_lead_cross_play_to_the_file(tmp_path):
    file = tmp_path / "pair [1].json"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="no file of `coop-icl baselines`"):  # found, read and judged
        entrants_at([file])


@pytest.mark.kind("numbers that do not fit", case="compare --port 70000")
@pytest.mark.parametrize("port", [70000, -1, 10**30])
def test_ports_out_of_range(port, tmp_path):
    with pytest.raises(RunError, match="choose another port"), tensorboard([started(tmp_path)], port):
        pass


@pytest.mark.kind("some errors of a block", case="a file that may not be read is not called damaged")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_files_that_may_not_be_read(open_folder):
    run, pair = started(open_folder), open_folder / "pair.json"
    for file in (run.metrics, pair):
        file.write_text("{}", encoding="utf-8")
        file.chmod(0o600)
    code = (
        "import os\nfrom pathlib import Path\nfrom coop_icl.errors import UserError\n"
        "from coop_icl.evaluation.pair_files import tables_of\n"
        "from coop_icl.runs.directory import RunDirectory\nfrom coop_icl.runs.reading import rows_of\n"
        f"os.setgroups([]); os.setgid({OTHER}); os.setuid({OTHER})\n"
        f"for read, given in ((rows_of, RunDirectory(Path({str(run.path)!r}))), (tables_of, Path({str(pair)!r}))):\n"
        "    try:\n        read(given)\n    except UserError as error:\n        print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.count("cannot be read (Permission denied)") == 2
    assert "damaged" not in done.stdout


@pytest.fixture
def read_only(tmp_path):
    """A finished run that may be read only, and a folder to work in."""
    row = {"update": 40, "rounds": 4000, "seconds": 6.0, "cooperation/learner-learner": 0.25}
    row |= {"reached_0.9_at": None, "lowest_after_reaching_0.9": None}
    run = finished(tmp_path / "runs", "smoke", rows=[row])
    for path in (tmp_path / "runs", *(tmp_path / "runs").rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (tmp_path / "theirs").mkdir()
    yield run, tmp_path / "theirs"
    for path in (tmp_path / "runs", *(tmp_path / "runs").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def heed_permissions():
    """Let the root user of a new program be bound by the permissions of files (without CAP_DAC_OVERRIDE)."""
    if os.getuid() == 0:
        assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, 1, 0, 0, 0) == 0


PR_CAPBSET_DROP = 24
COMMANDS = {
    "compare": ["compare", "--table", "{run}"],
    "verify": ["verify", "smoke", "--runs", "{runs}"],
    "report elsewhere": ["report", "{run}", "--episodes", "2", "--analyses", "probes", "--out", "page.html"],
    "report": ["report", "{run}", "--episodes", "2", "--analyses", "probes"],
    "evaluate": ["evaluate", "{run}", "--episodes", "2"],
    "cross-play": ["crossplay", "{run}", "--episodes", "2", "--out", "out"],
    "resume": ["resume", "{run}"],
    "train": ["train", "smoke", "--runs", "{runs}"],
    "results": ["results", "{runs}", "--out", "{run}/results"],
    "baselines": ["baselines", "--pairs", "naive:naive", "--seeds", "0", "--updates", "1", "--out", "{run}/pairs"],
    "incentives": ["incentives", "--games", "ipd", "--draws", "2", "--rounds", "3", "--out", "{run}/incentives"],
}
MAY = ("compare", "verify", "report elsewhere", "cross-play")


@pytest.mark.kind("some errors of a block", case="every command that writes, for a run that may be read only")
def test_every_command_for_a_run_that_may_be_read_only(read_only):
    run, theirs = read_only
    before = sorted(run.path.rglob("*"))
    places = {"run": str(run.path), "runs": str(run.path.parents[1])}
    calls = {name: [word.format(**places) for word in words] for name, words in COMMANDS.items()}
    code = (
        "import contextlib, io, json, traceback\nfrom coop_icl.cli import main\nfound = {}\n"
        f"for name, words in {calls!r}.items():\n"
        "    err = io.StringIO()\n"
        "    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):\n"
        "        try:\n            code = main(words)\n"
        "        except BaseException:\n            code = traceback.format_exc()\n"
        "    found[name] = (code, err.getvalue())\nprint(json.dumps(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        cwd=theirs,
        env=environment(RAY_TMPDIR="/tmp"),
        preexec_fn=heed_permissions,
    )
    assert done.returncode == 0, done.stderr
    for name, (code, err) in json.loads(done.stdout.splitlines()[-1]).items():
        if name in MAY:
            assert code == 0, (name, code, err)
        else:
            assert code == 2, (name, code, err)
            lines = [line for line in err.splitlines() if line.startswith("coop-icl: ")]
            assert len(lines) == 1, (name, err)
            assert "Permission denied" in lines[0], (name, err)
    assert (theirs / "page.html").is_file()
    assert sorted(run.path.rglob("*")) == before
