"""Real runs, small enough to be broken often."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
TINY = ["train.episodes_per_learner=8", "game.options.rounds=12", "model.hidden_size=8"]
RUN = "runs/smoke/seed_0"


def environment(**more):
    path = str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": path, **more}


def start(*arguments, cwd, **more):
    """The command line in a session of its own; ``finish`` ends it."""
    command = [sys.executable, "-m", "coop_icl.cli", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=cwd, stdout=pipe, stderr=pipe, text=True, env=environment(**more), start_new_session=True
    )


def finish(process, timeout=300):
    """Exit code and both outputs; what is left after ``timeout`` is killed and fails."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, out, err


def run(*arguments, cwd, timeout=300, **more):
    return finish(start(*arguments, cwd=cwd, **more), timeout)


def one_line(error):
    """Whether an error of the command line is its last line, and no traceback stands before it."""
    lines = error.strip().splitlines()
    return bool(lines) and lines[-1].startswith("coop-icl: ") and "Traceback" not in error


def await_(condition, seconds=60.0, every=0.01):
    """Wait until something holds; whether it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return False


def rows(folder):
    path = Path(folder) / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def without_times(found):
    """Rows of metrics without what a clock says."""
    return [
        {key: v for key, v in row.items() if key != "seconds" and not key.startswith(("speed/", "time/"))}
        for row in found
    ]


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def weights(folder):
    """Checksums of the exported policies of a run."""
    files = sorted(Path(folder).glob("policies/final/*/model.safetensors"))
    return {file.parent.name: digest(file) for file in files}


def processes(session):
    """Live processes of a session, and those whose environment says that they belong to its run, by id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            if stat[0] != "Z" and int(stat[3]) == session:
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError):
            continue
    return found


def marked(mark):
    """Live processes that have ``mark`` in their environment, by id: Ray's daemons inherit it from the driver."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state != "Z":
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def cluster():
    """Environment in which the command line uses the Ray of this process."""
    import ray

    return {"RAY_ADDRESS": ray.get_runtime_context().gcs_address}
