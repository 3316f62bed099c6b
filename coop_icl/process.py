"""What this process may use, and how it uses memory."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed instead of giving it back to the system, and say whether it agreed.

    An update allocates and frees the same tensors again and again; returned memory has to be paged in anew each time.
    Other systems do without.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        return bool(libc.mallopt(M_MMAP_MAX, 0)) and bool(libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
    except (OSError, AttributeError):
        return False


def is_program() -> bool:
    """Whether this process is the command line itself, and not somebody's notebook or program that calls it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return (spec is not None and spec.name == "coop_icl.cli") or Path(sys.argv[0]).name == "coop-icl"
