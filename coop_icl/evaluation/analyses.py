"""Every analysis by name; its pictures and words are in ``reporting/analyses/<name>.py``."""

from __future__ import annotations

from collections.abc import Iterable

from coop_icl.errors import UserError
from coop_icl.evaluation.adaptation import ADAPTATION
from coop_icl.evaluation.analysis import Analysis
from coop_icl.evaluation.axelrod_suite import AXELROD
from coop_icl.evaluation.best_response import BEST_RESPONSE
from coop_icl.evaluation.intervention import INTERVENTION
from coop_icl.evaluation.payoff_lines import EXTORTION
from coop_icl.evaluation.probing import PROBES
from coop_icl.evaluation.state_probes import STATE_PROBES
from coop_icl.evaluation.suite import SUITE
from coop_icl.populations.registry import nearest

ANALYSES: dict[str, Analysis] = {
    "probes": PROBES,
    "best_response": BEST_RESPONSE,
    "adaptation": ADAPTATION,
    "suite": SUITE,
    "axelrod": AXELROD,
    "intervention": INTERVENTION,
    "state_probes": STATE_PROBES,
    "extortion": EXTORTION,
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
