"""Two processes on one run directory: the second is refused and changes nothing."""

import signal

import pytest

from tests.faults.runs import RUN, TINY, await_, cluster, finish, one_line, rows, run, start


@pytest.mark.injects("two processes on one run directory")
def test_two_processes_on_one_run(local_ray, record, tmp_path):
    settings = [*TINY, "ray.num_env_runners=0", "train.updates=1000000", "log.every=5", "log.checkpoint_every=5"]
    first = start("train", "smoke", *settings, cwd=tmp_path, **cluster())
    assert await_(lambda: any((tmp_path / RUN / "checkpoints").glob("update_*")))
    refused = 0
    for number in range(record.times):
        command = ["resume", RUN] if number % 2 else ["train", "smoke", *settings]
        code, _, error = run(*command, cwd=tmp_path, **cluster())
        refused += code == 2 and one_line(error) and f"in use by process {first.pid}" in error
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    assert finish(first)[0] == 130
    updates = [row["update"] for row in rows(tmp_path / RUN)]
    assert updates == sorted(set(updates))
    record(refused, f"{refused} refused, each naming the process that holds the run, which went on undisturbed")
