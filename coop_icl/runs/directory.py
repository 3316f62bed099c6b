"""The folder of a run, ``runs/<experiment>/seed_<n>/``: where things are, and who may write there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

from coop_icl.errors import UserError
from coop_icl.hints import how_to
from coop_icl.runs.manifest import DamagedError, check_manifest, write_manifest


class RunError(UserError):
    """A run directory cannot be used as asked; the message is one line and says what to do."""


class RunDirectory:
    """The folder of one run, held by one process at a time; a context manager that lets go of it.

    Use ``create`` for a new run and ``open`` to continue one.

    Attributes:
        path: the folder. config, provenance, metrics, rounds, summary: its files. tensorboard, checkpoints, policies:
            its folders.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.provenance = path / "provenance.json"
        self.metrics = path / "metrics.jsonl"
        self.rounds = path / "rounds.jsonl"
        self.summary = path / "summary.json"
        self.tensorboard = path / "tensorboard"
        self.checkpoints = path / "checkpoints"
        self.policies = path / "policies"
        self._lock: IO[str] | None = None
        self._new = False

    @classmethod
    def create(cls, root: str | Path, experiment: str, seed: int) -> Self:
        """Make and hold the folder of a new run; what a start that came to nothing has left there is removed.

        Raises:
            RunError: if it holds a run already, or another process is starting one in it.
        """
        run = cls(Path(root) / experiment / f"seed_{seed}")
        if experiment in ("", ".", "..") or "/" in experiment:
            raise RunError(f"'{experiment}' cannot name a folder of runs; choose another name")
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{run.path} cannot be made ({error.strerror}); choose another place for runs") from None
        run._acquire()
        if not run.has_progress():
            run._remove_what_runs_write()
        if any(path.is_file() and path.name != ".lock" for path in run.path.rglob("*")):
            resumable = run.config.is_file() and run.latest_checkpoint() is not None
            run.close()
            advice = f"continue it with '{how_to('resume', run.path)}'" if resumable else "delete it if it is of no use"
            raise RunError(f"{run.path} already holds a run; {advice}, or choose another seed")
        for folder in (run.tensorboard, run.checkpoints, run.policies):
            folder.mkdir(exist_ok=True)
        run._new = True
        return run

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Hold the folder of a run to continue it from its latest checkpoint that is whole.

        Later ones that are damaged are set aside, each with a line on standard error that names the file.

        Raises:
            RunError: if it is no run, has no checkpoint that is whole, or another process holds it.
        """
        run = cls(Path(path))
        if not run.config.is_file():
            raise RunError(f"{run.path} is no run (it has no config.yaml); give a folder such as runs/ipd_icl/seed_0")
        run._acquire()
        if run.latest_checkpoint() is None:
            run.close()
            raise RunError(f"{run.path} has no checkpoint to resume from; delete it and train again")
        try:
            run._set_damaged_aside()
        except RunError:
            run.close()
            raise
        return run

    def save_checkpoint(self, update: int, write: Callable[[Path], None], keep: int) -> Path:
        """Let ``write`` fill a folder, make it the checkpoint after ``update`` updates, and delete all but ``keep``.

        It gets a manifest of its files. Until it is whole nothing of those before is touched; a failed one is deleted.
        """
        partial, final = self.checkpoints / ".partial", self.checkpoints / f"update_{update:06d}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            write(partial)
            write_manifest(partial)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(final, ignore_errors=True)
        os.rename(partial, final)
        for _, old in self._all_checkpoints()[:-keep]:
            shutil.rmtree(old, ignore_errors=True)
        return final

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """The latest checkpoint and the number of updates done by then; whether it is whole is seen when opened."""
        found = self._all_checkpoints()
        return found[-1] if found else None

    def has_progress(self) -> bool:
        """Whether there is a row of metrics, a summary, a checkpoint or an exported policy: none is to be lost."""
        recorded = any(file.is_file() and file.stat().st_size > 0 for file in (self.metrics, self.summary))
        exported = self.policies.is_dir() and any(self.policies.iterdir())
        return recorded or exported or bool(self._all_checkpoints(damaged=True))

    def close(self) -> None:
        """Let other processes have the folder; a new run that came to nothing leaves none."""
        if self._new and self._lock is not None and not self.has_progress():
            self._remove_what_runs_write()
            self._remove_if_empty()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _remove_what_runs_write(self) -> None:
        """Remove the files and folders of a run, and nothing that somebody else has put there."""
        for file in (self.config, self.provenance, self.metrics, self.rounds, self.summary):
            file.unlink(missing_ok=True)
        for folder in (self.tensorboard, self.checkpoints, self.policies, self.path / "data"):
            shutil.rmtree(folder, ignore_errors=True)

    def _remove_if_empty(self) -> None:
        """Remove the folder and the experiment's, unless something is in them."""
        if {path.name for path in self.path.iterdir()} <= {".lock"}:
            (self.path / ".lock").unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # other runs are there, or another process begins one
                self.path.rmdir()
                self.path.parent.rmdir()

    def _all_checkpoints(self, damaged: bool = False) -> list[tuple[int, Path]]:
        """Checkpoints, oldest first; with those that were set aside if ``damaged``."""
        pattern = r"(?:update|damaged)_(\d+)" if damaged else r"update_(\d+)"
        folders = self.checkpoints.iterdir() if self.checkpoints.is_dir() else ()
        matches = [(re.fullmatch(pattern, folder.name), folder) for folder in folders if folder.is_dir()]
        return sorted((int(match[1]), folder) for match, folder in matches if match and any(folder.iterdir()))

    def _set_damaged_aside(self) -> None:
        """Rename checkpoints later than the latest whole one, so that nothing takes them for what they are not."""
        damage: dict[int, str] = {}
        for update, folder in reversed(self._all_checkpoints()):
            try:
                check_manifest(folder)
                break
            except DamagedError as error:
                damage[update] = str(error)
        else:
            first = next(iter(damage.values()))
            raise RunError(f"{self.path} has no checkpoint that is whole ({first}); delete it and train again")
        for number, what in damage.items():
            folder, aside = self.checkpoints / f"update_{number:06d}", self.checkpoints / f"damaged_{number:06d}"
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(folder, aside)
            print(
                f"{what}: set aside as {aside.name}, going on from the checkpoint of update {update}",
                file=sys.stderr,
                flush=True,
            )

    def _acquire(self) -> None:
        """Take the lock; the system lets go of it when the process ends, however it ends.

        Raises:
            RunError: if another process holds it, it cannot be written, or the file system has no locks.
        """
        file = self.path / ".lock"
        try:
            lock = file.open("a+", encoding="utf-8")
        except OSError as error:
            why = f"cannot be written ({error.strerror})"
            raise RunError(f"{file} {why}; copy the run to a place of your own") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            lock.close()
            if isinstance(error, BlockingIOError):
                what = f"{self.path} is in use by {holder}; wait for it to end or choose another seed"
            else:
                what = f"{file} cannot be locked ({error.strerror}); choose another place for runs"
            raise RunError(what) from None
        lock.seek(0)
        lock.truncate()
        lock.write(f"process {os.getpid()}\n")
        lock.flush()
        self._lock = lock
