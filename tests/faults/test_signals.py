"""SIGINT and SIGTERM: once saves and ends, twice ends at once; Ray's processes end with the run."""

import os
import random
import signal
import time
import uuid

import pytest

from coop_icl.runs.directory import RunDirectory
from tests.faults.runs import RUN, TINY, await_, finish, marked, rows, start

SETTINGS = [*TINY, "train.updates=1000000", "log.every=5", "log.checkpoint_every=1000000"]
ONCE, TWICE, GONE = 20.0, 5.0, 10.0
"""Seconds that an exit may take, and that processes may take to be gone after it."""


def interrupted(folder, seed, number, twice, group, delay):
    """Exit code, whether there is a checkpoint, seconds to the exit, processes left behind."""
    mark = f"COOP_ICL_MARK={uuid.uuid4()}"
    process = start(
        *["train", "smoke", *SETTINGS, f"ray.num_env_runners={seed % 2}", "--seeds", seed],
        cwd=folder,
        **dict([mark.split("=")]),
    )
    where = folder / RUN.replace("seed_0", f"seed_{seed}")
    assert await_(lambda: bool(rows(where)), 120)
    assert len(marked(mark)) > 1  # Ray's daemons are seen
    time.sleep(delay)
    send = os.killpg if group else os.kill  # Ctrl-C reaches the whole group
    began = time.monotonic()
    send(process.pid, number)
    if twice:
        time.sleep(0.3)  # signals that come sooner can become one
        send(process.pid, number)
    code, _, error = finish(process, 60)
    seconds = time.monotonic() - began
    await_(lambda: not marked(mark), GONE, 0.1)
    left = marked(mark)
    saved = "Traceback" not in error and any((where / "checkpoints").glob("update_*"))
    if saved:
        RunDirectory.open(where).close()  # raises if it is not whole
    return code, saved, seconds, left


@pytest.mark.injects("SIGINT or SIGTERM, once and twice")
def test_signals(record, tmp_path):
    rng, held, times = random.Random(0), 0, {False: [], True: []}
    for seed in range(record.times):
        number = (signal.SIGINT, signal.SIGTERM)[seed // 2 % 2]
        twice = seed % 2 == 1
        code, saved, seconds, left = interrupted(tmp_path, seed // 2, number, twice, seed % 3 == 0, rng.random())
        fine = code == 130 and not left and seconds < (TWICE if twice else ONCE) and (twice or saved)
        held += fine
        times[twice].append(seconds)
        assert fine, (number, twice, code, saved, seconds, left)
        os.rename(tmp_path / RUN.replace("seed_0", f"seed_{seed // 2}"), tmp_path / f"done_{seed}")
    record(
        held,
        f"once: saved and gone in at most {max(times[False]):.1f} s; twice: in at most "
        f"{max(times[True], default=0):.1f} s; no process left behind",
    )
