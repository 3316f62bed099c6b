"""Peak memory of a command with all its descendants (Ray's daemons and workers are among them)."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

KIND = {
    True: "sum of PSS over the process tree (shared pages counted once)",
    False: "sum of RSS over the process tree (an upper bound: shared pages counted once per process)",
}
GIB = 2**30


@dataclass
class Peak:
    """The largest sum seen.

    Attributes:
        gib: that sum.
        method: what was summed.
        processes: number of processes then; parts: GiB by the name of the process, largest first.
    """

    gib: float = 0.0
    method: str = ""
    processes: int = 0
    parts: dict[str, float] = field(default_factory=dict)


def peak_of(command: Sequence[str], seconds: float = 180.0, every: float = 0.1) -> Peak:
    """Run a command to its end and sample the memory of its process tree.

    Raises:
        RuntimeError: if the command fails or takes longer than ``seconds``; with its last lines.
    """
    peak, deadline = Peak(method=KIND[_has_pss()]), time.monotonic() + seconds
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            while process.poll() is None and time.monotonic() < deadline:
                parts = memory_of_tree(process.pid)
                total = sum(sum(sizes) for sizes in parts.values()) / GIB
                if total > peak.gib:
                    by_name = {name: round(sum(sizes) / GIB, 3) for name, sizes in parts.items()}
                    peak.parts = dict(sorted(by_name.items(), key=lambda item: -item[1]))
                    peak.gib, peak.processes = total, sum(len(sizes) for sizes in parts.values())
                time.sleep(every)
        finally:
            ended = _end(process)
        if process.returncode or not ended:
            output.seek(0)
            last = "\n  ".join(output.read().decode(errors="replace").strip().splitlines()[-20:])
            how = "failed" if ended else f"did not end in {seconds:.0f} s"
            raise RuntimeError(f"the job whose memory is measured {how}:\n  {last}")
    return peak


def memory_of_tree(root: int) -> dict[str, list[int]]:
    """Bytes of each process that ``root`` is or has started, by name."""
    found: dict[str, list[int]] = defaultdict(list)
    if _has_pss():
        parents = {pid: parent for pid in _pids() if (parent := _parent(pid)) is not None}
        for pid in _descendants(root, parents):
            try:
                name, rollup = _name(pid), Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
            except OSError:
                continue  # it has ended
            pss = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
            found[name].append(sum(map(int, pss)) * 1024)
        return found
    listing = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,rss=,comm="],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=True,
    )
    rows = {int(f[0]): f for line in listing.stdout.splitlines() if len(f := line.split(None, 3)) == 4}
    for pid in _descendants(root, {pid: int(fields[1]) for pid, fields in rows.items()}):
        if pid in rows:
            found[os.path.basename(rows[pid][3])].append(int(rows[pid][2]) * 1024)
    return found


def _has_pss() -> bool:
    return os.path.exists("/proc/self/smaps_rollup")


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return None


def _name(pid: int) -> str:
    """What a process is for: Ray's own name for it, or its program."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").split()
    if not words:
        return "?"
    name = words[0].split(".")[0] if words[0].startswith("ray::") else os.path.basename(words[0])
    script = next((os.path.basename(word) for word in words[1:] if word.endswith(".py")), None)
    return script if name.startswith("python") and script else name


def _descendants(root: int, parents: dict[int, int]) -> list[int]:
    """``root`` and every process below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent in parents.items():
        children[parent].append(pid)
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting.extend(children[found[-1]])
    return found


def _end(process: subprocess.Popen[bytes]) -> bool:
    """Interrupt, then kill, the command if it still runs; True if it had ended by itself."""
    if process.poll() is not None:
        return True
    for number in (signal.SIGINT, signal.SIGKILL):
        os.killpg(process.pid, number)
        try:
            process.wait(20)
            break
        except subprocess.TimeoutExpired:
            continue
    return False
