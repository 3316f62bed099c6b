"""Redrawn games by family: what learners that were never told the payoffs do with each other in each kind of game."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coop_icl.evaluation.probes import meet, probe
from coop_icl.populations.registry import make_co_player
from coop_icl.reporting.beyond.cells import by_seed, mean
from coop_icl.reporting.beyond.measuring import TWO_BY_TWO
from coop_icl.reporting.paper.probing import policies_in
from coop_icl.reporting.seed_data import Seed
from coop_icl.reporting.tables import markdown
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.reading import config_of
from envs.registry import make_game

FAMILIES = ("harmony", "stag_hunt", "chicken", "prisoners_dilemma")
"""The four parts of the plane of games that ``redrawn_v0`` draws from."""
DILEMMA, PROBED = "prisoners_dilemma", TWO_BY_TWO
"""Where learners are asked what they do with these."""
EPISODES = 128
"""Per family and pair of learners; each learner plays with the next one, and with each of ``PROBED``."""


def about(run: RunDirectory) -> dict[str, Any]:
    """``families``: by family ``cooperation``, ``late`` (rate in rounds near the end) and ``payoff``, with each other.

    In ``DILEMMA`` also late cooperation with each of ``PROBED``.

    Raises:
        UserError: if a policy cannot be read.
    """
    policies = policies_in(run.policies / "final")
    options = dict(config_of(run).game.options)
    found = {}
    for family in FAMILIES if len(policies) > 1 else ():
        game = make_game("redrawn_v0", **(options | {"family": family}))
        pairs = zip(policies, policies[1:] + policies[:1], strict=True)
        rows = [meet(first, second, game, EPISODES).row() for first, second in pairs]
        keys = {"cooperation": "cooperation", "late": "cooperation_late", "payoff": "payoff"}
        found[family] = {name: round(float(np.mean([row[key] for row in rows])), 4) for name, key in keys.items()}  # type: ignore[arg-type]
    if found:
        dilemma = make_game("redrawn_v0", **(options | {"family": DILEMMA}))
        for kind in PROBED:
            met = [probe(policy, dilemma, make_co_player(kind, dilemma), EPISODES).row() for policy in policies]
            found[DILEMMA][kind] = round(float(np.mean([row["cooperation_late"] for row in met])), 4)  # type: ignore[arg-type]
    return {"families": found} if found else {}


def table(data: dict[str, Sequence[Seed]]) -> str:
    """Late cooperation by seed: a row an experiment, a column a family, and what they do with ``PROBED``; or empty."""
    rows = []
    for name, seeds in data.items():
        asked = [seed for seed in seeds if "families" in seed]
        cells = [
            by_seed(asked, lambda seed, family=family: seed["families"].get(family, {}).get("late"))
            for family in FAMILIES
        ]
        met = (mean(asked, lambda seed, kind=kind: seed["families"].get(DILEMMA, {}).get(kind)) for kind in PROBED)
        rows += [(name, *cells, " ".join(met))] if asked else []
    header = (
        "late cooperation with each other, by seed",
        *(family.replace("_", " ") for family in FAMILIES),
        f"the last with {', '.join(PROBED).upper()}, means",
    )
    return markdown(header, rows) if rows else ""
