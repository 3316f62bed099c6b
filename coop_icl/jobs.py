"""Several runs at once: one process a run, on this machine's cores or over a cluster's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coop_icl.config import ExperimentConfig
from coop_icl.hints import how_to
from coop_icl.interrupt import Interrupt
from coop_icl.process import cores


@dataclass(frozen=True)
class Job:
    """A run to train.

    Attributes:
        experiment: name or file; overrides: its settings, without the seed.
        config: what these come to.
    """

    experiment: str
    overrides: tuple[str, ...]
    config: ExperimentConfig

    def log(self, runs: Path) -> Path:
        """Where its output goes."""
        return runs / self.config.name / f"seed_{self.config.seed}.log"

    def arguments(self, runs: Path, threads: int) -> list[str]:
        """The command line, with so many threads for the Learner unless the overrides say otherwise."""
        return [
            *("train", self.experiment, f"ray.learner_threads={threads}", *self.overrides),  # a later word wins
            *("--seeds", str(self.config.seed), "--runs", str(runs.absolute())),
        ]


def train_many(planned: Sequence[Job], runs: Path, jobs: int) -> int:
    """Train each run in a process of its own, ``jobs`` at a time; 0: one for each core, or as many as a cluster holds.

    Each writes its log to ``<runs>/<name>/seed_<n>.log``; a line is printed as each ends. Ctrl-C is passed on, so
    that every run saves a checkpoint first.

    Returns:
        0 if all finished, else the first exit code that is not 0.

    Raises:
        ClusterError: if no cluster answers, or one has nodes that do not see ``runs``.
    """
    import ray

    from coop_icl.rllib.cluster import address_given, check_address, cpus
    from coop_icl.rllib.launch import LOST, Here, Launched, Somewhere
    from coop_icl.rllib.session import connected

    each, local = max(job.config.cpus() for job in planned), address_given() is None
    check_address()
    for folder in {job.log(runs).parent for job in planned}:
        folder.mkdir(parents=True, exist_ok=True)
    jobs = min(jobs or cores(), len(planned)) if local else jobs
    waiting, told = list(planned), False
    running: list[tuple[Job, Launched]] = []
    codes: list[int] = []
    with connected(runs, max(cores(), jobs * each) if local else None) as where:
        jobs = min(jobs or max(1, cpus() // each), len(planned))
        launch, threads = (Here, max(1, cores() // jobs)) if local else (Somewhere, 1)
        environment = {"RAY_ADDRESS": ray.get_runtime_context().gcs_address}
        print(f"{_described(planned)}, {jobs} at a time on {where}; logs in {runs}/", flush=True)
        try:
            with Interrupt("stopping every run after its update; again to stop at once") as interrupt:
                while (waiting and not interrupt.asked) or running:
                    while waiting and len(running) < jobs and not interrupt.asked:
                        job = waiting.pop(0)
                        running.append((job, launch(job.arguments(runs, threads), job.log(runs), environment)))
                    time.sleep(0.5)
                    if interrupt.asked and not told:
                        told = True
                        for _, process in running:
                            process.interrupt()
                    for job, process in list(running):
                        code = process.poll()
                        if code is not None:
                            codes.append(code)
                            running.remove((job, process))
                            said = _lost(job, runs) if code == LOST else _last_line(job.log(runs))
                            print(f"{job.config.name} seed {job.config.seed}: {said}", flush=True)
        finally:
            for _, process in running:
                process.kill()
    return next((code for code in codes if code), 130 if waiting else 0)


def _described(planned: Sequence[Job]) -> str:
    names = list(dict.fromkeys(job.config.name for job in planned))
    if len(names) == 1:
        return f"{names[0]}: {len(planned)} seeds"
    experiments = list(dict.fromkeys(job.experiment for job in planned))
    if len(experiments) > 1:
        return f"{len(experiments)} experiments, {len(planned)} runs"
    return f"{experiments[0]}: {len(names)} settings, {len(planned)} runs"


def _lost(job: Job, runs: Path) -> str:
    folder = runs / job.config.name / f"seed_{job.config.seed}"
    return f"its node was lost; continue it from its latest checkpoint with: {how_to('resume', folder)}"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    lines = [line for line in lines if line.strip()]
    return lines[-1] if lines else "no output"
