"""Ranges of settings, and which of them exclude each other."""

from __future__ import annotations

import math
from typing import Any

from coop_icl.algorithms.advantages import CENTRINGS
from coop_icl.algorithms.losses import LOSSES
from coop_icl.algorithms.shaping import RETURNS
from coop_icl.config.schema import NAME, PPI, ConfigError, ExperimentConfig, RayConfig, ScheduleConfig, TrainConfig

ALGORITHMS = (*LOSSES, PPI)
MODES = ("sync", "async")
WHOLE = {
    "seed": (0, 2**63 - 1),
    "train.learners": (1, 4096),
    "train.updates": (1, 10**9),
    "train.episodes_per_learner": (1, 10**7),
    "train.epochs": (1, 10**6),
    "train.minibatches": (1, 10**7),
    "train.lr.updates": (0, 10**9),
    "train.entropy.updates": (0, 10**9),
    "ray.num_env_runners": (0, 4096),
    "ray.blocks": (1, 10**6),
    "ray.num_learners": (0, 4096),
    "ray.learner_threads": (0, 4096),
    "log.every": (1, 10**9),
    "log.checkpoint_every": (1, 10**9),
    "log.keep": (1, 10**6),
    "log.export_every": (0, 10**9),
}
"""Least and greatest value of each whole number; what no machine could hold or nobody could wait for is a slip."""
FRACTIONS = ("train.gamma", "train.gae_lambda", "train.td_lambda")
POSITIVE = ("train.adam_eps", "train.reward_scale", "train.clip", "train.max_grad_norm", "train.lr.start")
NOT_NEGATIVE = (
    "train.value_coefficient",
    "train.alignment",
    "train.lr.end",
    "train.entropy.start",
    "train.entropy.end",
    "ray.num_gpus_per_learner",
)


def check(c: ExperimentConfig) -> None:
    """Raise ConfigError naming the first value out of range."""
    t, r = c.train, c.ray
    require(NAME.fullmatch(c.name) is not None, "name", "letters, digits, _ . - (the first no . or -)", c.name)
    for key, (low, high) in WHOLE.items():
        value = _value(c, key)
        require(value >= low, key, f"at least {low}", value)
        require(value <= high, key, f"at most {high}", value)
    for key in FRACTIONS:
        require(0 <= _value(c, key) <= 1, key, "in [0, 1]", _value(c, key))
    for key in POSITIVE:
        require(0 < _value(c, key) < math.inf, key, "above 0 and finite", _value(c, key))
    for key in NOT_NEGATIVE:
        value = _value(c, key)
        require(value is None or 0 <= value < math.inf, key, "at least 0 and finite", value)
    for key, known in (
        ("train.algorithm", ALGORITHMS),
        ("train.centring", CENTRINGS),
        ("train.returns", RETURNS),
        ("ray.mode", MODES),
    ):
        require(_value(c, key) in known, key, f"one of {', '.join(known)}", _value(c, key))
    for key, schedule in (("lr", t.lr), ("entropy", t.entropy)):
        _check_schedule(f"train.{key}", schedule)
    _check_ray(r, t)
    require(
        t.minibatches <= t.episodes_per_learner,
        "train.minibatches",
        "at most train.episodes_per_learner",
        t.minibatches,
    )
    learners = [f"learner_{i}" for i in range(1 if t.share_parameters else t.learners)]
    _check_by_learner("train.init", list(t.init), learners)
    for key, band in c.expect.items():
        require(len(band) == 2 and -math.inf <= band[0] <= band[1], f"expect.{key}", "[low, high]", band)
    for i, entry in enumerate(c.population.mixture):
        name = entry.get("name")
        require("name" in entry, "population.mixture", "entries with a name and a weight", entry)
        require(isinstance(name, str), f"population.mixture.{i}.name", "text", name)
    for stage in c.stages:
        require(stage != "", "stages", "names of experiments", stage)
    try:
        c.model.check()
        c.ppi.check()
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if c.credits_inner_episodes:
        _check_inner_episodes(c)
    if c.is_ppi:
        _check_ppi(c, learners)


def require(holds: bool, key: str, expected: str, got: object) -> None:
    """Raise ConfigError about ``key`` unless something holds."""
    if not holds:
        raise ConfigError(f"{key}: got {got!r}; expected {expected}")


def _value(c: ExperimentConfig, key: str) -> Any:
    node: Any = c
    for part in key.split("."):
        node = getattr(node, part)
    return node


def _check_schedule(key: str, s: ScheduleConfig) -> None:
    require(s.end is None or s.updates >= 1, f"{key}.updates", f"at least 1 when {key}.end is set", s.updates)


def _check_ray(r: RayConfig, t: TrainConfig) -> None:
    require(0 < r.sample_timeout_s <= 1e8, "ray.sample_timeout_s", "above 0 and at most 1e8", r.sample_timeout_s)
    require(r.blocks >= r.num_env_runners, "ray.blocks", "at least ray.num_env_runners", r.blocks)
    require(r.blocks >= r.num_learners, "ray.blocks", "at least ray.num_learners", r.blocks)
    episodes = t.episodes_per_learner
    require(episodes % r.blocks == 0, "train.episodes_per_learner", "a multiple of ray.blocks", episodes)
    require(r.mode == "sync" or r.num_env_runners > 0, "ray.mode", "sync when ray.num_env_runners is 0", r.mode)
    gpus = r.num_gpus_per_learner
    require(gpus <= 1 or gpus == int(gpus), "ray.num_gpus_per_learner", "at most 1, or a whole number", gpus)
    require(gpus <= 1024, "ray.num_gpus_per_learner", "at most 1024", gpus)


def _check_by_learner(key: str, given: list[str], learners: list[str]) -> None:
    some = ", ".join(learners) if len(learners) <= 8 else f"learner_0 to {learners[-1]}"
    for name in given:
        require(name in learners, key, f"learners: {some}", name)


def _check_inner_episodes(c: ExperimentConfig) -> None:
    t, when = c.train, f"with train.returns {c.train.returns}"
    require(not t.alignment, "train.alignment", f"0 {when}", t.alignment)
    require(t.gae_lambda == 1, "train.gae_lambda", f"1 {when}", t.gae_lambda)
    require(t.td_lambda == 1, "train.td_lambda", f"1 {when}", t.td_lambda)
    require(c.ray.num_learners <= 1, "ray.num_learners", f"0 or 1 {when}", c.ray.num_learners)
    require(not c.is_ppi, "train.returns", "plain with train.algorithm ppi", t.returns)


def _check_ppi(c: ExperimentConfig, learners: list[str]) -> None:
    when = "with train.algorithm ppi"
    require(not c.train.alignment, "train.alignment", f"0 {when}", c.train.alignment)
    require(c.model.core in ("gru", "lstm"), "model.core", f"gru or lstm {when}", c.model.core)
    require(c.ray.mode == "sync", "ray.mode", f"sync {when}", c.ray.mode)
    require(c.ray.num_learners <= 1, "ray.num_learners", f"0 or 1 {when}", c.ray.num_learners)
    require(not c.train.init, "train.init", f"no policies {when} (see ppi.data)", c.train.init)
    _check_by_learner("ppi.data", list(c.ppi.data), learners)
