"""Every analysis by name; its pictures and words are in ``reporting/analyses/<name>.py``."""

from __future__ import annotations

from collections.abc import Iterable

from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import Analysis
from coop_icl.evaluation.probing import PROBES
from coop_icl.populations.registry import nearest

ANALYSES: dict[str, Analysis] = {
    "probes": PROBES,
}
"""In the order in which they are told."""

QUICK = ("probes",)
"""Those that take seconds: what is asked if nothing else is said."""


def select(names: Iterable[str]) -> dict[str, Analysis]:
    """The named analyses, in the order of ``ANALYSES``.

    Raises:
        UserError: naming one that does not exist and the nearest that does.
    """
    wanted = list(names)
    for name in wanted:
        if name not in ANALYSES:
            raise UserError(f"unknown analysis '{name}'{nearest(name, ANALYSES)}")
    return {name: analysis for name, analysis in ANALYSES.items() if name in wanted}
