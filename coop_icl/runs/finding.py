"""Runs by path, and short names for them."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from coop_icl.config import ExperimentConfig
from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.reading import config_of, summary_of


def find_runs(paths: Sequence[str | Path]) -> list[RunDirectory]:
    """Runs at ``paths``: run folders, experiment folders such as ``runs/ipd_icl``, folders of those, or globs.

    Raises:
        RunError: if a path leads to no run.
    """
    found: dict[Path, RunDirectory] = {}
    for given in paths:
        runs = [run for place in places(given) for run in _below(place)]
        if not runs:
            raise RunError(f"no runs at {given}; give folders such as runs/ipd_icl or runs/ipd_icl/seed_0")
        found.update({run.path.resolve(): run for run in runs})
    if not found:
        raise RunError("no runs given; name folders such as runs/ipd_icl or runs/ipd_icl/seed_0")
    return list(found.values())


def places(given: str | Path) -> list[Path]:
    """Return the path itself if it exists, else those that it matches as a pattern, in order."""
    return [Path(given)] if os.path.exists(given) else sorted(map(Path, glob.glob(str(given))))


def is_finished(root: Path, config: ExperimentConfig) -> bool:
    """Whether the run of an experiment in ``root`` has come to its end.

    Raises:
        RunError: if it has, but with other settings.
    """
    run = RunDirectory(root / config.name / f"seed_{config.seed}")
    if not run.summary.is_file() or not summary_of(run)["finished"]:
        return False
    other = differing(config_of(run), config)
    if other:
        some = ", ".join(other[:4]) + (f" and {len(other) - 4} more" if len(other) > 4 else "")
        raise RunError(
            f"{run.path} is a finished run with other settings ({some}); delete it, or choose another folder of runs"
        )
    return True


def differing(one: ExperimentConfig, other: ExperimentConfig) -> list[str]:
    """Return the dotted keys that decide results and differ between two experiments."""
    first, second = (_leaves(asdict(_what_counts(config)), "") for config in (one, other))
    return sorted(key for key in {**first, **second} if first.get(key) != second.get(key))


def _leaves(value: Any, key: str) -> dict[str, Any]:
    """Values by dotted key; lists are values."""
    if not isinstance(value, dict):
        return {key: value}
    return {k: v for name, item in value.items() for k, v in _leaves(item, f"{key}.{name}" if key else name).items()}


def _what_counts(config: ExperimentConfig) -> ExperimentConfig:
    """Without what a run is said to show, and without where it runs, on which results do not depend."""
    ray = replace(type(config.ray)(), blocks=config.ray.blocks, mode=config.ray.mode)
    return replace(config, claim="", expect={}, ray=ray)


def labels(runs: Sequence[RunDirectory]) -> list[str]:
    """``<experiment>/seed_<n>`` of each run, made distinct where runs of several roots meet."""
    names, seen = [], Counter()
    for run in runs:
        path = run.path.resolve()
        base = f"{path.parent.name}/{path.name}"
        seen[base] += 1
        names.append(base if seen[base] == 1 else f"{base}~{seen[base]}")
    return names


def _below(path: Path) -> list[RunDirectory]:
    """The run at ``path``, or those up to two levels below it."""
    for folders in ([path], path.glob("seed_*"), path.glob("*/seed_*")):
        runs = [RunDirectory(folder) for folder in sorted(folders, key=_natural)]
        runs = [run for run in runs if run.config.is_file()]
        if runs:
            return runs
    return []


def _natural(path: Path) -> tuple[str, int, str]:
    digits = path.name.removeprefix("seed_")
    return (str(path.parent), int(digits) if digits.isdigit() else 0, path.name)
