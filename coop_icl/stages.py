"""Training what a claim or a figure needs: experiments one after the other, those that are finished kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coop_icl.config import ConfigError, ExperimentConfig, load
from coop_icl.rollouts.setting import build
from coop_icl.runs.finding import is_finished


def train(experiment: str, overrides: Sequence[str], seeds: Sequence[int], runs: Path, jobs: int) -> int:
    """Train an experiment, or its stages in order, each with the overrides; returns the exit code.

    Raises:
        UserError: one line, before any work starts, if a setting or a policy to start from is no good.
    """
    stages = load(experiment).stages
    if stages:
        return train_missing(stages, overrides, seeds, runs, jobs)
    configs = [load(experiment, [*overrides, f"seed={seed}"], runs) for seed in seeds]
    for config in configs:
        build(config)
    return _train(experiment, overrides, configs, runs, jobs)


def train_missing(
    experiments: Sequence[str], overrides: Sequence[str], seeds: Sequence[int], runs: Path, jobs: int
) -> int:
    """Train those runs of several experiments that are not finished; returns the first exit code that is not 0.

    Raises:
        UserError: one line, before any work starts, if an experiment, a setting or a finished run is no good; only
            policies that are not trained yet cannot be checked before their turn comes.
    """
    plan = {name: [load(name, [*overrides, f"seed={seed}"], runs) for seed in seeds] for name in experiments}
    for name, configs in plan.items():
        if any(config.stages for config in configs):
            raise ConfigError(f"stages: '{name}' has stages itself; name those instead")
    missing = {name: [c for c in configs if not is_finished(runs, c)] for name, configs in plan.items()}
    for experiment, waiting in missing.items():
        for config in waiting:
            build(config)
        print(f"{experiment}: {len(seeds) - len(waiting)} of {len(seeds)} seeds are finished", flush=True)
        code = _train(experiment, overrides, waiting, runs, jobs) if waiting else 0
        if code:
            return code
    return 0


def _train(
    experiment: str, overrides: Sequence[str], configs: Sequence[ExperimentConfig], runs: Path, jobs: int
) -> int:
    """One seed here, several in processes of their own."""
    if len(configs) == 1:
        from coop_icl.training import train_one

        return train_one(configs[0], runs)
    from coop_icl.jobs import train_many

    return train_many(experiment, overrides, [config.seed for config in configs], runs, jobs, configs[0])
