"""Find an environment that others wrote by its name, ``package.module:parallel_env``, and say why one is not found."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pettingzoo import ParallelEnv

MAKER = "parallel_env"
"""What PettingZoo's modules call the function that makes one."""


def found(env: str) -> Callable[..., Any]:
    """Return what makes the environment ``package.module:parallel_env``.

    Nothing else is called than what PettingZoo gives that name, or a ``ParallelEnv``: experiments and exported policies
    name environments, and should not be able to call anything.

    Raises:
        ValueError: one line saying what is wrong.
    """
    module, _, name = env.partition(":") if isinstance(env, str) else ("", "", "")
    if not module or not name:
        raise ValueError(f"env must be written package.module:{MAKER}, got {env!r}")
    try:
        with warnings.catch_warnings():  # PettingZoo's own modules say that they are old, and are what it documents
            warnings.simplefilter("ignore", DeprecationWarning)
            maker = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # modules of others may raise anything
        raise ValueError(f"env '{env}' cannot be imported: {_cause(module, error)}") from None
    if isinstance(maker, type) and issubclass(maker, ParallelEnv):
        return maker
    if name != MAKER:
        raise ValueError(f"env '{env}' must name {MAKER} or a ParallelEnv, as in {module}:{MAKER}")
    if not callable(maker):
        raise ValueError(f"env '{env}' cannot be made: {module} has no {MAKER}")
    return maker


def first_line(error: BaseException) -> str:
    """Return the first line of what an exception says, or its name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _cause(module: str, error: Exception) -> str:
    """Say why ``module`` could not be imported, and what to do where that is known."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return f"importing {module} raised {type(error).__name__}: {first_line(error)}"
    missing = error.name
    if missing != module and not module.startswith(f"{missing}."):
        return f"{module} needs the module '{missing}', which is not installed (install it beside coop_icl)"
    parent, _, last = missing.rpartition(".")
    if parent:
        return f"'{parent}' is there but has no module '{last}'"
    if Path(f"{missing}.py").is_file() or Path(missing).is_dir():
        here = "in the current folder, where Python does not look for modules"
        return f"'{missing}' is {here} (put the variable PYTHONPATH=. before the command)"
    nowhere = f"there is no module '{missing}', neither installed nor in the current folder"
    return f"{nowhere} (install its package, or name its folder in the variable PYTHONPATH)"
