"""What a run came to, from its rows of metrics alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coop_icl.config import ExperimentConfig

FINAL = ("cooperation/", "payoff/", "payoff_gap/", "outcomes/")
COOPERATION = "cooperation/learner-learner"
HIGH = 0.9


def summarise(rows: Sequence[Mapping[str, Any]], config: ExperimentConfig) -> dict[str, Any]:
    """The content of ``summary.json``.

    Args:
        rows: of ``metrics.jsonl``, in order; a row stands for the updates since the one before.
        config: of the run.

    Returns:
        ``final`` holds tags (``cooperation/learner-learner``, ``payoff/learner_0/tabular``, ...) averaged over the
        last tenth of the updates done; ``reached_0.9_at`` is the update of the first row in which learners cooperate
        with each other at a rate of 0.9, ``lowest_after_reaching_0.9`` their lowest rate in that row and those after
        it, both null if there is none.
    """
    last = rows[-1] if rows else {"update": 0, "rounds": 0, "seconds": 0.0}
    rates = [(row["update"], row[COOPERATION]) for row in rows if row.get(COOPERATION) is not None]
    reached = next((update for update, rate in rates if rate >= HIGH), None)
    return {
        "experiment": config.name,
        "seed": config.seed,
        "finished": last["update"] >= config.train.updates,
        "updates": last["update"],
        "rounds": last["rounds"],
        "seconds": last["seconds"],
        "rounds_per_second": last["rounds"] / last["seconds"] if last["seconds"] else None,
        "final": _final(rows),
        f"reached_{HIGH}_at": reached,
        f"lowest_after_reaching_{HIGH}": (
            None if reached is None else min(rate for update, rate in rates if update >= reached)
        ),
    }


def _final(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Means by tag over the last tenth of the updates, each row weighted by the updates it stands for in it."""
    if not rows:
        return {}
    end = rows[-1]["update"]
    begin, before = end - end / 10, 0
    sums: dict[str, tuple[float, float]] = {}
    for row in rows:
        weight = row["update"] - max(before, begin)
        before = row["update"]
        if weight <= 0:
            continue
        for tag, value in row.items():
            if tag.startswith(FINAL) and value is not None:
                total, weights = sums.get(tag, (0.0, 0.0))
                sums[tag] = (total + weight * value, weights + weight)
    return {tag: total / weights for tag, (total, weights) in sums.items()}
