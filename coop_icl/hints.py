"""Commands that messages advise: written for ``make`` where it was used, for the command line otherwise."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

BY_MAKE = "COOP_ICL_BY_MAKE"
"""Variable that the Makefile sets; without it there may be no Makefile at hand."""

VARIABLES = {
    "train": "EXP",
    "submit": "EXP",
    "verify": "EXP",
    "resume": "RUN",
    "evaluate": "RUN",
    "report": "RUN",
    "play": "RUN",
    "compare": "RUNS",
    "crossplay": "RUNS",
}
"""Variable of the Makefile that takes a command's argument."""


def how_to(command: str, argument: str | Path = "", **variables: str | Path) -> str:
    """Return a command that the user can paste.

    Args:
        command: of ``coop-icl``, e.g. ``resume``.
        argument: its experiment or path, if it needs one.
        variables: further options by long name, e.g. ``runs="/shared/runs"``.

    Returns:
        ``make resume RUN=runs/smoke/seed_0`` under make, ``coop-icl resume runs/smoke/seed_0`` otherwise, and wherever
        a word has spaces or signs that the Makefile would take apart.
    """
    words = [str(argument), *map(str, variables.values())]
    if os.environ.get(BY_MAKE) and all(word == shlex.quote(word) for word in words if word):
        first = [f"{VARIABLES[command]}={argument}"] if words[0] else []
        names = {"runs": "RUNS_DIR"}
        return " ".join(["make", command, *first, *(f"{names[name]}={value}" for name, value in variables.items())])
    options = [word for name, value in variables.items() for word in (f"--{name}", str(value))]
    return shlex.join(["coop-icl", command, *([str(argument)] if words[0] else []), *options])
