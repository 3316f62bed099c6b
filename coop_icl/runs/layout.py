"""The order of TensorBoard's custom-scalars tab: cooperation first."""

from __future__ import annotations

import re
from collections.abc import Sequence

Layout = dict[str, dict[str, list]]


def layout(kinds: Sequence[str]) -> Layout:
    """Charts by category for learners that meet ``kinds`` of co-players (as in ``Matchups.kinds``).

    Every chart is a list of regular expressions for tags, drawn for all runs shown.
    """
    kinds = list(dict.fromkeys(kinds))
    return {
        "Cooperation": {
            **{f"learner-{kind}": _chart(f"cooperation/learner-{re.escape(kind)}$") for kind in kinds},
            "by kind of co-player": _chart("cooperation/learner-.*$"),
            **{f"each learner with {kind}": _chart(f"cooperation/[^/]+/{re.escape(kind)}$") for kind in kinds},
        },
        "Payoff": {
            "by kind of co-player": _chart("payoff/learner-.*$"),
            **{f"each learner with {kind}": _chart(f"payoff/[^/]+/{re.escape(kind)}$") for kind in kinds},
        },
        "Who extorts whom": {
            "payoff gap between learners": _chart("payoff_gap/.*$"),
            "joint outcomes of learners": _chart("outcomes/.*$"),
        },
        "Learning": {
            "entropy": _chart("learning/[^/]+/entropy$"),
            "value loss": _chart("learning/[^/]+/value_loss$"),
            "KL": _chart("learning/[^/]+/kl$"),
            "gradient norm": _chart("learning/[^/]+/grad_norm$"),
        },
        "Speed": {"rounds per second": _chart("speed/.*$"), "seconds an update": _chart("time/.*$")},
    }


def _chart(*patterns: str) -> list:
    return ["Multiline", list(patterns)]
