"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from coop_icl.process import cores
from coop_icl.runs.provenance import provenance


def describe() -> dict[str, Any]:
    """The machine and the versions that matter; nothing that identifies it."""
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "ray", "numpy")},
        "jax": _version("jax"),
        "compiled_gru": provenance(0)["compiled_gru"],
        "load_average_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def stamp(command: str) -> dict[str, Any]:
    """What a section of the results was measured with: command, commit (``dirty`` if changed), machine, load."""
    git = provenance(0)["git"] or {}
    return {"command": command, "commit": git.get("commit"), "dirty": git.get("dirty"), "machine": describe()}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None
