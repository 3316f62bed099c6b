"""Many small iterations: memory and open files stay what they were."""

import os
import uuid

import psutil
import pytest

from tests.faults.runs import RUN, TINY, await_, finish, marked, rows, start

SETTLED, MOST = 0.25, 1.05
"""Share of the run after which memory is compared with the end, and by what factor it may have grown."""


def use(process, mark):
    """Resident bytes and open files of the driver and its env runner, which has ``mark`` in its environment."""
    runners = [number for number, name in marked(mark).items() if "BatchedEnvRunner" in name]
    members = [psutil.Process(number) for number in (process.pid, *runners)]
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
    name = str(uuid.uuid4())
    process, mark = start("train", "smoke", *settings, cwd=tmp_path, COOP_ICL_MARK=name), f"COOP_ICL_MARK={name}"

    def reached(update):
        found = rows(tmp_path / RUN)
        return bool(found) and found[-1]["update"] >= update

    assert await_(lambda: reached(SETTLED * updates) or process.poll() is not None, 600, 0.05)
    assert process.poll() is None, finish(process)
    before = use(process, mark)
    assert await_(lambda: reached(updates), 1000, 0.05)
    after = use(process, mark)
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
    )
