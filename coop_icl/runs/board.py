"""One TensorBoard over several runs."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.finding import find_runs, labels


def tensorboard_command(runs: Sequence[RunDirectory]) -> str:
    """Return a command that shows ``runs`` in one TensorBoard.

    TensorBoard takes its specification apart at commas, and at the first colon of each part: ours does without one.
    """
    named = list(zip(labels(runs), runs, strict=True))
    if any("," in f"{label}{run.tensorboard}" or ":" in label for label, run in named):
        return shlex.join(["coop-icl", "compare", *(str(run.path) for run in runs)])
    spec = ",".join(f"{label}:{run.tensorboard}" for label, run in named)
    return f"tensorboard --logdir_spec {shlex.quote(spec)}"


@contextmanager
def tensorboard(
    runs: Sequence[RunDirectory], port: int = 6006, host: str = "127.0.0.1"
) -> Iterator[tuple[str, subprocess.Popen]]:
    """A TensorBoard over ``runs``, each named ``<experiment>/seed_<n>``: its address and its process.

    Raises:
        RunError: if the port is taken or TensorBoard does not start.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "a port is 0 to 65535"
            raise RunError(f"cannot listen on {host}:{port} ({why}); choose another port") from None
    with tempfile.TemporaryDirectory(prefix="coop_icl_compare_") as folder, tempfile.TemporaryFile() as log:
        for label, run in zip(labels(runs), runs, strict=True):
            link = Path(folder) / "runs" / label
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(run.tensorboard.resolve())
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", f"{folder}/runs"]
        command += ["--host", host, "--port", str(port), "--reload_interval", "10"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _await(process, host, port, log)
            yield f"http://{host}:{port}/#custom_scalars", process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def open_tensorboard(paths: Sequence[str | Path], port: int = 6006, host: str = "127.0.0.1") -> None:
    """Show runs in TensorBoard until it is interrupted (Ctrl-C).

    Raises:
        RunError: as ``find_runs`` and ``tensorboard``.
    """
    with suppress(KeyboardInterrupt), tensorboard(find_runs(paths), port, host) as (address, process):
        print(f"TensorBoard shows the runs at {address} (Ctrl-C ends it)", flush=True)
        process.wait()


def _await(process: subprocess.Popen, host: str, port: int, log: IO[bytes], seconds: float = 60.0) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines() or ["no output"]
            raise RunError(f"TensorBoard ended at once: {lines[-1]}")
        with suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        time.sleep(0.1)
    raise RunError(f"TensorBoard does not answer on {host}:{port}; choose another port")
