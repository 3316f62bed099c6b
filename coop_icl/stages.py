"""Training what a claim or a figure needs: experiments one after the other, those that are finished kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coop_icl.config import ConfigError, Loaded, load, read
from coop_icl.config.sweep import variants
from coop_icl.jobs import Job
from coop_icl.rollouts.setting import build
from coop_icl.runs.finding import is_finished


def train(
    experiment: str, overrides: Sequence[str], seeds: Sequence[int] | None, runs: Path, jobs: int, sweep: str = ""
) -> int:
    """Train an experiment, or its stages in order, each with the overrides; returns the exit code.

    Args:
        experiment: its name or file; overrides: ``key=value`` words; runs: the folder of runs.
        seeds: one run each; None takes the seed that the experiment or an override sets.
        jobs: runs at once; 0 as many as there is room for.
        sweep: settings to try (see ``coop_icl.config.sweep``), each with every seed.

    Raises:
        UserError: one line, before any work starts, if a setting or a policy to start from is no good.
    """
    planned = plan(experiment, overrides, seeds, runs, sweep)
    if planned:
        return _train(planned, runs, jobs)
    stages = load(experiment).stages
    return train_missing(stages, overrides, _seeds([read(s, overrides, runs) for s in stages], seeds), runs, jobs)


def plan(
    experiment: str, overrides: Sequence[str], seeds: Sequence[int] | None, runs: Path, sweep: str = ""
) -> list[Job]:
    """The runs that an experiment and its settings ask for, checked; none if it consists of stages.

    Raises:
        UserError: one line, if a setting or a policy to start from is no good.
    """
    base = read(experiment, overrides, runs)
    if base.config.stages and sweep:
        raise ConfigError(
            f"'{experiment}' consists of stages, which find each other by name; sweep one of those instead"
        )
    if base.config.stages:
        _seeds([read(stage, overrides, runs) for stage in base.config.stages], seeds)
        return []
    planned: list[Job] = []
    seeds = _seeds([base], seeds)
    for variant in variants(sweep):
        words = (*overrides, *variant.overrides)
        if variant.suffix:
            words += (f"name={base.config.name}-{variant.suffix}",)
        planned += [_job(experiment, words, seed, runs) for seed in seeds]
    for job in planned:
        _check(job)
    return planned


def _seeds(experiments: Sequence[Loaded], seeds: Sequence[int] | None) -> Sequence[int]:
    """The seeds to train: those given, or the one that experiments and overrides set, which must be the same."""
    for experiment in experiments:
        origin, own = experiment.seed_from(), experiment.config.seed
        if origin is None:
            continue
        if seeds is not None and list(seeds) != [own]:
            wanted = ", ".join(map(str, seeds[:5]))
            raise ConfigError(
                f"seed: got {own} from {origin}; expected {wanted}, as --seeds or another stage says (leave one out)"
            )
        seeds = [own]
    return [0] if seeds is None else seeds


def train_missing(
    experiments: Sequence[str], overrides: Sequence[str], seeds: Sequence[int], runs: Path, jobs: int
) -> int:
    """Train those runs of several experiments that are not finished; returns the first exit code that is not 0.

    Raises:
        UserError: one line, before any work starts, if an experiment, a setting or a finished run is no good; only
            policies that are not trained yet cannot be checked before their turn comes.
    """
    wanted = {name: [_job(name, overrides, seed, runs) for seed in seeds] for name in experiments}
    for name, planned in wanted.items():
        if any(job.config.stages for job in planned):
            raise ConfigError(f"stages: '{name}' has stages itself; name those instead")
    missing = {name: [job for job in these if not is_finished(runs, job.config)] for name, these in wanted.items()}
    for experiment, waiting in missing.items():
        for job in waiting:
            _check(job)
        print(f"{experiment}: {len(seeds) - len(waiting)} of {len(seeds)} seeds are finished", flush=True)
        code = _train(waiting, runs, jobs) if waiting else 0
        if code:
            return code
    return 0


def train_settings(
    settings: Sequence[tuple[str, Sequence[str]]], overrides: Sequence[str], seeds: Sequence[int], runs: Path, jobs: int
) -> int:
    """Train those runs of several settings that are not finished, all in one queue, the first seed of each first.

    Args:
        settings: experiments with ``key=value`` words of their own; a ``name`` among these keeps their runs apart.
        overrides: words for all; seeds, runs, jobs: as ``train``.

    Returns:
        The first exit code that is not 0.

    Raises:
        UserError: one line, before any work starts, if an experiment, a setting or a finished run is no good.
    """
    planned: list[Job] = []
    for seed in seeds:
        for experiment, own in settings:
            job = _job(experiment, (*own, *overrides), seed, runs)
            if not is_finished(runs, job.config):
                planned.append(job)
    for job in {job.config.name: job for job in planned}.values():
        _check(job)
    total = len(seeds) * len(settings)
    print(f"{total - len(planned)} of {total} runs are finished", flush=True)
    return _train(planned, runs, jobs) if planned else 0


def _job(experiment: str, words: Sequence[str], seed: int, runs: Path) -> Job:
    """The run of a seed."""
    loaded = read(experiment, [*words, f"seed={seed}"], runs)
    return Job(experiment, tuple(words), loaded.config, loaded.layers)


def _check(job: Job) -> None:
    """Raise ConfigError naming the file or word, and the key, that nothing can be built from."""
    with Loaded(job.config, job.layers).blaming():
        build(job.config)


def _train(planned: Sequence[Job], runs: Path, jobs: int) -> int:
    """One run here, several in processes of their own."""
    if len(planned) == 1:
        from coop_icl.training import train_one

        return train_one(planned[0].config, runs)
    from coop_icl.jobs import train_many

    return train_many(planned, runs, jobs)
