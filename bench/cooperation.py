"""How long learners take to cooperate: read from ``curves.json`` of finished runs, not measured here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

RATE = "cooperation/learner-learner"
EXPERIMENTS = ("ipd_icl", "ipd_icl_beta")
HIGH, LOW = 0.9, 0.8
"""Cooperation stays from the first row at or above ``HIGH`` after which no row is below ``LOW``."""


def read(path: Path) -> dict[str, Any]:
    """``summary`` of a ``curves.json``; of nothing if there is no such file."""
    return summary(json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {})


def summary(curves: Mapping[str, Mapping[str, Sequence[float | None]]]) -> dict[str, Any]:
    """When cooperation came to stay, run by run.

    Args:
        curves: columns of rows by ``experiment/seed_n``: ``update``, the cooperation rate, ``seconds``, ``rounds``.

    Returns:
        ``runs`` holds for each run ``update``, ``minutes``, ``rounds`` or null if cooperation did not stay;
        ``median_minutes`` by experiment and over ``all``: null if it is infinite. A ``note`` instead of both if the
        curves have no ``seconds`` or there are none.
    """
    named = {run: curve for run, curve in curves.items() if run.rpartition("/")[0] in EXPERIMENTS}
    if not named:
        return {"note": "there are no runs of " + " or ".join(f"`{name}`" for name in EXPERIMENTS)}
    if not all("seconds" in curve and "rounds" in curve for curve in named.values()):
        return {"note": "the curves were written without seconds; `make results` adds them"}
    runs = {run: _moment(curve) for run, curve in named.items()}
    names = [name for name in EXPERIMENTS if any(run.startswith(f"{name}/") for run in runs)]
    of = {name: [found for run, found in runs.items() if run.startswith(f"{name}/")] for name in names}
    return {"runs": runs, "median_minutes": {**{n: _median(f) for n, f in of.items()}, "all": _median(runs.values())}}


def stays(rates: Sequence[float | None], high: float = HIGH, low: float = LOW) -> int | None:
    """Index of the first rate of at least ``high`` that none below ``low`` follows, None if there is none."""
    first = None
    for i, value in enumerate(rates):
        if value is None:
            continue
        if value < low:
            first = None
        elif first is None and value >= high:
            first = i
    return first


def _moment(curve: Mapping[str, Sequence[Any]]) -> dict[str, float] | None:
    row = stays(curve[RATE])
    if row is None:
        return None
    return {"update": curve["update"][row], "minutes": curve["seconds"][row] / 60, "rounds": curve["rounds"][row]}


def _median(found: Any) -> float | None:
    """Median minutes, None for infinity."""
    value = median(math.inf if moment is None else moment["minutes"] for moment in found)
    return value if math.isfinite(value) else None
