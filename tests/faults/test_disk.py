"""A disk that fills up while a run saves (a small one of its own, which takes the right to mount)."""

import os
import signal
import subprocess

import pytest

from coop_icl.runs.directory import RunDirectory
from tests.faults.runs import RUN, TINY, await_, cluster, finish, one_line, start

SIZE = 16 * 2**20
SETTINGS = [*TINY, "ray.num_env_runners=0", "train.updates=1000000", "log.every=5", "log.checkpoint_every=5"]


@pytest.fixture
def disk(tmp_path):
    """An empty file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk, left):
    """Take all but about ``left`` bytes."""
    with (disk / "ballast").open("wb") as file:
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize) > left:
            file.write(b"\0" * min(4096, free))
            file.flush()


def first(folder):
    return any((folder / "checkpoints").glob("update_*"))


@pytest.mark.injects("disk full while saving")
def test_a_full_disk(local_ray, record, disk):
    held, went_on = 0, 0
    for number in range(record.times):
        process = start("train", "smoke", *SETTINGS, "--seeds", number, cwd=disk, **cluster())
        folder = disk / RUN.replace("seed_0", f"seed_{number}")
        assert await_(lambda: first(folder) or process.poll() is not None)  # noqa: B023
        fill(disk, left=number * 12 * 1024)
        code, _, error = finish(process, 60)
        whole = RunDirectory.open(folder)  # raises if no checkpoint is
        update, _ = whole.latest_checkpoint()
        whole.close()
        clear = code == 2 and one_line(error) and "No space left" in error and f"update {update} is whole" in error
        held += clear
        assert clear, error
        (disk / "ballast").unlink()
        if number < 2:
            process = start("resume", folder, cwd=disk, **cluster())
            later = f"update_{update + 5:06d}"
            assert await_(lambda: (folder / "checkpoints" / later).is_dir())  # noqa: B023
            process.send_signal(signal.SIGINT)
            went_on += finish(process)[0] == 130
        run_size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        assert run_size < SIZE / 4
        subprocess.run(["rm", "-r", str(folder)], check=True)
    record(
        held,
        f"with 0 to {(record.times - 1) * 12} KiB left; {went_on} continued once there was space, of "
        f"{min(2, record.times)} that were asked to",
    )
