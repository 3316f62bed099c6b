"""Where a run's numbers come from: code, versions, machine, command."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

import coop_icl
from coop_icl.config.paths import without_home
from coop_icl.models.gru_kernel import level

PACKAGES = ("coop_icl", "torch", "ray", "numpy", "gymnasium", "pettingzoo")

LEVELS = {0: "no", 3: "AVX2", 4: "AVX-512", 5: "AVX-512 with bfloat16"}
"""What the compiled part uses, by its level."""

SOURCES = ("coop_icl", "envs", "experiments")
"""Packages of this project, which a job takes along."""

SOURCE_SUFFIXES = (".py", ".c", ".h", ".yaml")

SENT = "COOP_ICL_GIT"
"""Variable that tells a job what its code was sent from, as JSON; there is no checkout where it runs."""


def provenance(seed: int, command: Sequence[str] | None = None) -> dict[str, Any]:
    """What it takes to make the run again; ``command`` is the program and its arguments, by default this process's.

    Paths below the home folder begin with ``~``.
    """
    return {
        "git": git_state(Path(coop_icl.__file__).parent) or json.loads(os.environ.get(SENT, "null")),
        "code": source_hash(source_folders()),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "compiled_gru": LEVELS[level()],
        "seed": seed,
        "command": without_home(shlex.join(sys.argv if command is None else command)),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@lru_cache(maxsize=1)
def code() -> dict[str, str | None]:
    """Version and commit of the code that runs."""
    git = git_state(Path(coop_icl.__file__).parent)
    return {"coop_icl": coop_icl.__version__, "commit": None if git is None else git["commit"]}


def source_folders() -> dict[str, Path]:
    """Folder by package of this project, as this process would import it; in a job each is somewhere else."""
    specs = {name: util.find_spec(name) for name in SOURCES}
    return {name: Path(spec.origin).parent for name, spec in specs.items() if spec is not None and spec.origin}


def source_hash(folders: Mapping[str, Path]) -> str:
    """SHA-256 over the packages' source files, by relative path; the same wherever the packages are."""
    digest = hashlib.sha256()
    for name in sorted(folders):
        files = {path.relative_to(folders[name]).as_posix(): path for path in folders[name].rglob("*")}
        for relative in sorted(files):
            if files[relative].suffix in SOURCE_SUFFIXES and files[relative].is_file():
                content = files[relative].read_bytes()
                digest.update(f"{name}/{relative}\0{len(content)}\0".encode())
                digest.update(content)
    return digest.hexdigest()


def git_state(package: Path) -> dict[str, Any] | None:
    """Commit of the checkout that contains ``package`` and whether it has changes (new files count), else None.

    A checkout that merely surrounds an installed package is not meant: it must have a package of that name.
    """
    top = _git(package, "rev-parse", "--show-toplevel")
    if top is None or not (Path(top) / package.name / "__init__.py").is_file():
        return None
    return {"commit": _git(package, "rev-parse", "HEAD"), "dirty": _git(Path(top), "status", "--porcelain") != ""}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        command = ["git", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return coop_icl.__version__ if name == "coop_icl" else None
