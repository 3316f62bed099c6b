"""SIGINT and SIGTERM end every command within seconds, wherever it is, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.runs import await_, environment, processes, run

SECONDS = 5.0
"""In which a command ends that was told to, on a machine that is not busy."""


def catches(process, number):
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)


MOMENTS = {
    "imports": lambda process, folder: catches(process, signal.SIGTERM),
    "Ray starts": lambda process, folder: (folder / "runs/smoke/seed_0/.lock").is_file(),
    "actors start": lambda process, folder: "embedded local Ray" in (folder / "err").read_text(encoding="utf-8"),
}
"""What a training has come to when it is told to end."""


QUICK = [("imports", signal.SIGINT, True), ("Ray starts", signal.SIGTERM, False), ("Ray starts", signal.SIGINT, False)]
"""What is tried with every change; `make test-all` tries the rest."""


def started(folder, *words, ignored=False):
    """A command in a session of its own, its output in ``err``; SIGINT ignored as in the background of a script."""
    with (folder / "err").open("wb") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "coop_icl.cli", *map(str, words)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=err,
            stderr=err,
            env=environment(TMPDIR=str(folder), RAY_TMPDIR="/tmp"),  # Ray's sockets need short paths
            start_new_session=True,
            preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if ignored else None,
        )


def ended(process, number, folder):
    """Exit code and output of a command after a signal."""
    try:
        process.send_signal(number)
        process.wait(timeout=6 * SECONDS)  # a machine may be busy
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.stdin.close()
    return process.returncode, (folder / "err").read_text(encoding="utf-8")


@pytest.mark.kind("signals", case="SIGTERM and Ctrl-C, from the shell or a script, while a command starts")
@pytest.mark.parametrize(
    ("moment", "number", "ignored"),
    [
        pytest.param(moment, number, ignored, marks=() if (moment, number, ignored) in QUICK else pytest.mark.slow)
        for moment in MOMENTS
        for number in (signal.SIGINT, signal.SIGTERM)
        for ignored in (False, True)
    ],
)
def test_a_training_that_is_told_to_end_while_it_starts_ends(moment, number, ignored, tmp_path):
    process = started(tmp_path, "train", "smoke", "train.updates=100000", ignored=ignored)
    assert await_(lambda: MOMENTS[moment](process, tmp_path), seconds=100)
    time.sleep(0.2)
    code, said = ended(process, number, tmp_path)
    assert code == 130, said
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("seed_0"))


DROPPED = """
import os, signal, time, weakref
from coop_icl.interrupt import end_when_told

class Thing: pass

def told(_):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0)

end_when_told()
thing = Thing()
reference = weakref.ref(thing, told)
try:
    del thing  # Python drops what a callback raises
    time.sleep(60)
except KeyboardInterrupt:
    print("ended in order")
"""


@pytest.mark.kind("signals", case="a signal that comes in a callback, whose exceptions Python drops")
def test_a_signal_that_python_drops_comes_again():
    done = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, encoding="utf-8", timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("ended in order\n", "", 0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("finished")
    words = ("train.updates=2", "train.episodes_per_learner=4", "ray.num_env_runners=0")
    code, _, err = run("train", "smoke", *words, cwd=folder)
    assert code == 0, err
    return folder / "runs"


COMMANDS = {
    "evaluate": ("evaluate", "{run}", "--all", "--episodes", 100_000),
    "report": ("report", "{run}", "--episodes", 100_000),
    "crossplay": ("crossplay", "{run}", "--episodes", 1_000_000),
    "compare": ("compare", "{run}", "--port", 26_006),
    "play": ("play", "{run}"),
    "several seeds": ("train", "smoke", "train.updates=100000", "--seeds", "0-1"),
}
"""Commands that go on until they are told to end."""

SHOWN = ("compare", "play")
"""Those that say themselves that Ctrl-C ends them."""


@pytest.mark.kind("signals", case="compare leaves TensorBoard and its folder behind when it is told to end")
@pytest.mark.parametrize(
    ("name", "number"),
    [
        *((name, signal.SIGTERM) for name in COMMANDS),
        *(pytest.param(name, signal.SIGINT, marks=() if name == "compare" else pytest.mark.slow) for name in COMMANDS),
    ],
)
def test_every_command_that_is_told_to_end_ends_and_leaves_nothing(name, number, runs, tmp_path):
    words = [str(word).format(run=runs / "smoke/seed_0") for word in COMMANDS[name]]
    process = started(tmp_path, *words, ignored=number == signal.SIGTERM)
    assert await_(lambda: catches(process, signal.SIGTERM), seconds=100)
    time.sleep(4)  # in the midst of its work, or of its imports where the machine is busy
    assert process.poll() is None, (tmp_path / "err").read_text(encoding="utf-8")
    code, said = ended(process, number, tmp_path)
    assert code in ((0, 130) if name in SHOWN else (130,)), said
    assert "Traceback" not in said
    assert await_(lambda: not processes(process.pid), seconds=10), processes(process.pid)
    assert not list(tmp_path.glob("coop_icl_*"))
