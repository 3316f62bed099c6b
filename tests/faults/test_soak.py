"""Many small iterations: memory and open files stay what they were."""

import os

import psutil
import pytest

from tests.faults.runs import RUN, TINY, await_, finish, rows, start

SETTLED, MOST = 0.25, 1.05
"""Share of the run after which memory is compared with the end, and by what factor it may have grown."""


def use(process):
    """Resident bytes and open files of a run: the driver and its env runner."""
    members = [psutil.Process(process.pid)]
    members += [one for one in psutil.process_iter() if "BatchedEnvRunner" in " ".join(one.cmdline() or ())]
    return [(one.memory_info().rss, one.num_fds()) for one in members]


@pytest.mark.injects("soak: 2,000 small iterations")
def test_soak(record, tmp_path):
    share = float(os.environ.get("FAULTS") or 1)
    updates = round(2000 * min(1.0, share))
    settings = [
        *TINY,
        "ray.num_env_runners=1",
        f"train.updates={updates + 500}",
        "log.every=10",
        "log.checkpoint_every=50",
    ]
    process = start("train", "smoke", *settings, cwd=tmp_path)

    def reached(update):
        found = rows(tmp_path / RUN)
        return process.poll() is not None or (found and found[-1]["update"] >= update)

    assert await_(lambda: reached(SETTLED * updates), 600, 0.05)
    before = use(process)
    assert await_(lambda: reached(updates), 1000, 0.05)
    after = use(process)
    assert finish(process)[0] == 0
    assert len(before) == len(after) == 2
    growth = max(late[0] / early[0] for early, late in zip(before, after, strict=True))
    files = max(late[1] - early[1] for early, late in zip(before, after, strict=True))
    assert growth < MOST, (before, after)
    assert files <= 0, (before, after)
    record(
        1,
        f"{updates:,} updates; memory of driver and env runner grew by at most {growth - 1:.1%} after the first "
        f"{SETTLED:.0%}; open files: {files:+d}",
        times=1 if updates >= 2000 else 0,
    )
