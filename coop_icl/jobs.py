"""Several runs at once: one process a run, on this machine's cores or over a cluster's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coop_icl.config import ExperimentConfig
from coop_icl.config.layers import Layer
from coop_icl.hints import how_to
from coop_icl.interrupt import Interrupt
from coop_icl.process import cores
from coop_icl.runs.finding import is_finished

if TYPE_CHECKING:
    from coop_icl.rllib.launch import Launched


@dataclass(frozen=True)
class Job:
    """A run to train.

    Attributes:
        experiment: name or file; overrides: its settings, without the seed.
        config: what these come to; layers: where each setting is from.
    """

    experiment: str
    overrides: tuple[str, ...]
    config: ExperimentConfig
    layers: tuple[Layer, ...] = ()

    def log(self, runs: Path) -> Path:
        """Where its output goes."""
        return runs / self.config.name / f"seed_{self.config.seed}.log"

    def env_runners(self, cpus: int) -> int:
        """Return how many env runners to start where a run has so many CPUs, the driver's among them.

        Results do not depend on it. What the overrides say holds; otherwise several runs at once come before several
        env runners for each.
        """
        wanted = self.config.ray.num_env_runners
        if any(word.startswith("ray.num_env_runners=") for word in self.overrides):
            return wanted
        least = 0 if self.config.ray.mode == "sync" else 1
        return max(least, min(wanted, cpus - 1 - self.config.ray.num_learners))

    def cpus(self, cpus: int) -> int:
        """Return how many of so many CPUs the run takes."""
        return 1 + self.env_runners(cpus) + self.config.ray.num_learners

    def arguments(self, runs: Path, threads: int, cpus: int) -> list[str]:
        """The command line, with so many CPUs, and threads for the Learner, unless the overrides say otherwise."""
        where = f"ray.learner_threads={threads}", f"ray.num_env_runners={self.env_runners(cpus)}"
        return [
            *("train", self.experiment, *where, *self.overrides),  # a later word wins
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
    import torch

    from coop_icl.rllib.cluster import address_given, check_address, cpus
    from coop_icl.rllib.launch import LOST, Here, Somewhere
    from coop_icl.rllib.resources import check_gpus
    from coop_icl.rllib.session import connected

    local = address_given() is None
    check_address()
    for job in planned:
        check_gpus(job.config.ray, torch.cuda.device_count())
    for folder in {job.log(runs).parent for job in planned}:
        folder.mkdir(parents=True, exist_ok=True)
    waiting, told = list(planned), False
    running: list[tuple[Job, Launched]] = []
    codes: list[int] = []
    least = max(job.cpus(1) for job in planned)
    jobs = min(jobs or cores(), len(planned)) if local else jobs
    with connected(runs, max(cores(), jobs * least) if local else None) as where:
        jobs = min(jobs or max(1, cpus() // least), len(planned))
        share = max(least, cpus() // jobs)
        launch, threads = (Here, max(1, cores() // jobs)) if local else (Somewhere, 1)
        environment = {"RAY_ADDRESS": ray.get_runtime_context().gcs_address}
        runners = sorted({job.env_runners(share) for job in planned})
        each = f"{' or '.join(map(str, runners))} env runners each"
        many = f"{_described(planned)}, {jobs} at a time, {each}"
        print(f"{many}, on {where}; logs in {_logs(planned, runs)}", flush=True)
        unstarted: dict[Launched, float] = {}
        try:
            with Interrupt("stopping every run after its update; again to stop at once") as interrupt:
                while (waiting and not interrupt.asked) or running:
                    while waiting and len(running) < jobs and not interrupt.asked:
                        job = waiting.pop(0)
                        running.append((job, launch(job.arguments(runs, threads, share), job.log(runs), environment)))
                    time.sleep(0.5)
                    if interrupt.asked and not told:
                        told = True
                        for _, process in running:
                            process.interrupt()
                    _say_what_waits(running, unstarted)
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


def _say_what_waits(running: Sequence[tuple[Job, Launched]], told: dict[Launched, float]) -> None:
    """Print a line about each run that has no CPU yet, after ``FIRST`` seconds and then every ``EVERY``.

    Args:
        running: those that were launched.
        told: when there is something to say about them next, kept from call to call.
    """
    from coop_icl.rllib.resources import EVERY, FIRST

    for job, process in running:
        due = told.setdefault(process, time.monotonic() + FIRST)
        if not process.started and time.monotonic() >= due:
            told[process] = time.monotonic() + EVERY
            print(f"{job.config.name} seed {job.config.seed}: waits for a CPU of the cluster", flush=True)


def _logs(planned: Sequence[Job], runs: Path) -> str:
    """Return the folder of all logs."""
    folders = {job.log(runs).parent for job in planned}
    return f"{folders.pop() if len(folders) == 1 else runs}/"


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
    if is_finished(runs, job.config):
        return f"finished; its node was lost after that ({folder})"
    return f"its node was lost; continue it from its latest checkpoint with: {how_to('resume', folder)}"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    lines = [line for line in lines if line.strip()]
    return lines[-1] if lines else "no output"
