"""Paths that an experiment names: absolute while it runs, portable where they are written."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable
from pathlib import Path

from coop_icl.config.schema import ExperimentConfig

HOME = "~"
"""Stands for the home folder of whoever reads a file."""


def with_paths(config: ExperimentConfig, policy: Callable[[str], str], data: Callable[[str], str]) -> ExperimentConfig:
    """Return a copy in which ``policy`` has changed each path of a policy, and ``data`` each one of trajectories."""
    config = copy.deepcopy(config)
    for entry in config.population.mixture:
        if "path" in entry:
            entry["path"] = policy(str(entry["path"]))
    config.train.init = {name: policy(path) for name, path in config.train.init.items()}
    config.ppi.data = {name: data(path) for name, path in config.ppi.data.items()}
    return config


def portable(config: ExperimentConfig, run: Path) -> ExperimentConfig:
    """Return the experiment as it is written into a run's folder, without the path of a home folder.

    Paths below the folder of runs become relative to the run, so that all runs can be moved together; others below the
    home folder begin with ``~``.
    """
    run = run.absolute()

    def written(path: str) -> str:
        if not os.path.isabs(path):
            return path
        if Path(path).is_relative_to(run.parent.parent):
            return os.path.relpath(path, run)
        return without_home(path)

    return with_paths(config, written, written)


def located(config: ExperimentConfig, run: Path) -> ExperimentConfig:
    """Return the experiment of a run's folder with absolute paths again."""

    def absolute(path: str) -> str:
        return os.path.normpath(run.absolute() / os.path.expanduser(path))

    return with_paths(config, absolute, absolute)


def without_home(text: str) -> str:
    """Return text with ``~`` in place of the home folder wherever a path begins with it."""
    home = str(Path.home())
    return text if home == "/" else re.sub(rf"(?<![\w/.~-]){re.escape(home)}(?![\w.-])", HOME, text)
