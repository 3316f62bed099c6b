"""A run's figures for Prometheus and the Ray dashboard, through ray.util.metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Gauge

from coop_icl.config.schema import ExperimentConfig
from coop_icl.rllib.cluster import address_given

BY_WHO = {
    "cooperation/": ("coop_icl_cooperation_rate", "How often who cooperates with whom"),
    "payoff/": ("coop_icl_mean_payoff", "Payoff per round of who with whom"),
    "payoff_gap/": ("coop_icl_payoff_gap", "Difference between the learners' payoffs"),
}
"""Beginning of a tag: the metric, which has the rest of the tag as label ``who``, e.g. ``learner-tabular``."""

BY_TAG = {
    "update": ("coop_icl_updates", "Updates done"),
    "rounds": ("coop_icl_rounds", "Rounds played since the run began"),
    "speed/rounds_per_second": ("coop_icl_rounds_per_second", "Rounds played and learned from in a second"),
    "time/play": ("coop_icl_play_seconds", "Seconds that an update waits for its games"),
    "time/learn": ("coop_icl_learner_seconds", "Seconds that the Learner takes for an update"),
}
SKIPPED = (
    "coop_icl_skipped_updates",
    "Updates in which a learner left out steps because of numbers that are not finite",
)
RESTARTS = ("coop_icl_env_runner_restarts", "Env runners started again since the process began")
SAVED = ("coop_icl_checkpoint_timestamp_seconds", "Unix time of the latest checkpoint; its age is time() less this")

EXPORTED = [name for name, _ in (*BY_WHO.values(), *BY_TAG.values(), SKIPPED, RESTARTS, SAVED)]
"""Every metric's name; Prometheus sees it with Ray's prefix, ``ray_``."""


class Gauges:
    """Sets a gauge for each headline figure, labelled with experiment and seed.

    Does nothing on an embedded Ray unless ``ray.dashboard`` is on: nobody would see it.

    Args:
        config: of the run.
        algorithm: whose env runners are counted.
    """

    def __init__(self, config: ExperimentConfig, algorithm: Any) -> None:
        self._on = config.ray.dashboard or address_given() is not None
        self._labels = {"experiment": config.name, "seed": str(config.seed)}
        self._group = algorithm.env_runner_group
        self._gauges: dict[str, Gauge] = {}
        self.saved()  # so that the age of a checkpoint is known before there is one

    def show(self, row: Mapping[str, Any]) -> None:
        """Set the gauges from a row of metrics."""
        for tag, value in row.items():
            if value is None:
                continue
            if tag in BY_TAG:
                self._set(BY_TAG[tag], float(value))
            for beginning, metric in BY_WHO.items():
                if tag.startswith(beginning):
                    self._set(metric, float(value), who=tag.removeprefix(beginning))
            if tag.endswith("/skipped_updates"):
                self._set(SKIPPED, float(value), who=tag.split("/")[1])
        self._set(RESTARTS, float(self._group.num_remote_worker_restarts()))

    def saved(self) -> None:
        """A checkpoint has just been written."""
        self._set(SAVED, time.time())

    def _set(self, metric: tuple[str, str], value: float, **more: str) -> None:
        if not self._on:
            return
        name, description = metric
        labels = {**self._labels, **more}
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, description=description, tag_keys=tuple(labels))
        self._gauges[name].set(value, tags=labels)
