"""Training what a claim or a figure needs: experiments one after the other, those that are finished kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coop_icl.config import ExperimentConfig, load
from coop_icl.rollouts.setting import build
from coop_icl.runs.finding import is_finished


def train(experiment: str, overrides: Sequence[str], seeds: Sequence[int], runs: Path, jobs: int) -> int:
    """Train an experiment, or its stages in order; returns the exit code.

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
    """Train those runs of several experiments that are not finished; returns the first exit code that is not 0."""
    for experiment in experiments:
        configs = [load(experiment, [*overrides, f"seed={seed}"], runs) for seed in seeds]
        waiting = [config for config in configs if not is_finished(runs, config)]
        for config in waiting:
            build(config)
        print(f"{experiment}: {len(configs) - len(waiting)} of {len(configs)} seeds are finished", flush=True)
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
