"""A process that trains one run: on this machine, or wherever in a cluster there is a CPU for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import ray
from ray.exceptions import RayError

LOST = 3
"""Exit code of a process whose node has left the cluster."""

INHERITED = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Where a Ray job's driver finds the packages that were sent with the job; its children need them as well."""


class Launched(Protocol):
    """A process that has been started, or will be when there is a CPU for it."""

    started: bool
    """Whether it has a CPU; known at the latest by the second ``poll``."""

    def poll(self) -> int | None:
        """Its exit code, None while it runs or waits."""
        ...

    def interrupt(self) -> None:
        """Ask it to save and end."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


class Here:
    """A process on this machine.

    Args:
        arguments: of ``coop-icl``.
        log: file that takes its output, written anew.
        environment: variables besides those of this process.
    """

    started = True

    def __init__(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-P", "-m", "coop_icl.cli", *arguments]  # code of this process, not of its folder
        paths = os.pathsep.join(path for path in sys.path if path)
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "PYTHONPATH": paths, **environment},
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Ask it to save and end."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it."""
        self._process.kill()


class Somewhere:
    """The same on whichever node has a CPU free, in a cluster whose nodes all see the log; waits until one has."""

    def __init__(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        inherited = {name: os.environ[name] for name in (INHERITED,) if name in os.environ}
        actor = ray.remote(num_cpus=1, max_restarts=0)(Here)
        self._process: Any = actor.options(scheduling_strategy="SPREAD").remote(
            list(arguments), log.absolute(), {**inherited, **environment}
        )
        self._answer: Any = self._process.poll.remote()
        self.started = False
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it runs or waits."""
        if self._code is None and ray.wait([self._answer], timeout=0)[0]:
            try:
                code: Any = ray.get(self._answer)
                self._code, self.started = code, True
                self._answer = self._process.poll.remote()
            except RayError:
                self._code = LOST
        return self._code

    def interrupt(self) -> None:
        """Ask it to save and end; what has not started yet never will."""
        self.poll()
        if self.started:
            self._process.interrupt.remote()
        elif self._code is None:
            ray.kill(self._process)
            self._code = 130

    def kill(self) -> None:
        """End it."""
        if self._code is None and self.started:
            ray.wait([self._process.kill.remote()], timeout=5)
        ray.kill(self._process)
