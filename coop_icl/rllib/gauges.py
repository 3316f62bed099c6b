"""A run's figures on the Ray dashboard and for Prometheus, through ray.util.metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Gauge

from coop_icl.schema import ExperimentConfig

SHOWN = ("cooperation/learner-", "payoff/learner-", "payoff_gap/learners", "speed/", "time/")


class Gauges:
    """Sets a gauge for each headline figure, labelled with experiment and seed; does nothing unless asked for.

    Args:
        config: of the run; ``ray.dashboard`` turns the gauges on.
    """

    def __init__(self, config: ExperimentConfig) -> None:
        self._on = config.ray.dashboard
        self._labels = {"experiment": config.name, "seed": str(config.seed)}
        self._gauges: dict[str, Gauge] = {}

    def show(self, row: Mapping[str, Any]) -> None:
        """Set the gauges from a row of metrics, e.g. ``coop_icl_cooperation_learner_tabular``."""
        if not self._on:
            return
        for tag, value in row.items():
            if tag in ("update", "rounds") or tag.startswith(SHOWN):
                if tag not in self._gauges:
                    name = "coop_icl_" + re.sub(r"\W", "_", tag)
                    self._gauges[tag] = Gauge(name, description=tag, tag_keys=tuple(self._labels))
                self._gauges[tag].set(float(value or 0.0), tags=self._labels)
