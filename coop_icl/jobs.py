"""Several seeds at once: one process a seed, all on one Ray."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from coop_icl.config import ExperimentConfig
from coop_icl.interrupt import Interrupt
from coop_icl.process import cores


def train_many(
    experiment: str, overrides: Sequence[str], seeds: Sequence[int], runs: Path, jobs: int, config: ExperimentConfig
) -> int:
    """Train each seed in a process of its own, ``jobs`` at a time (0: one for each core); ``config`` is one seed's.

    Each writes its log to ``<runs>/<name>/seed_<n>.log``; a line is printed as each ends. Ctrl-C is passed on, so
    that every run saves a checkpoint first.

    Returns:
        0 if all finished, else the first exit code that is not 0.
    """
    from coop_icl.rllib.session import start, stop

    jobs = min(jobs or cores(), len(seeds))
    name = config.name
    start(num_cpus=max(cores(), jobs * config.cpus()))
    overrides = [f"ray.learner_threads={max(1, cores() // jobs)}", *overrides]  # a later word wins
    import ray

    environment = {**os.environ, "RAY_ADDRESS": ray.get_runtime_context().gcs_address}
    waiting, told = list(seeds), False
    running: dict[int, subprocess.Popen[bytes]] = {}
    codes: dict[int, int] = {}
    print(f"{experiment}: {len(seeds)} seeds, {jobs} at a time; logs in {runs / name}/", flush=True)
    try:
        with Interrupt("stopping every seed after its update; again to stop at once") as interrupt:
            while (waiting and not interrupt.asked) or running:
                while waiting and len(running) < jobs and not interrupt.asked:
                    seed = waiting.pop(0)
                    running[seed] = _launch(experiment, overrides, seed, runs, name, environment)
                time.sleep(0.5)
                if interrupt.asked and not told:
                    told = True
                    for process in running.values():
                        process.send_signal(signal.SIGINT)
                for seed, process in list(running.items()):
                    if process.poll() is not None:
                        codes[seed] = process.returncode
                        del running[seed]
                        print(f"seed {seed}: {_last_line(runs / name / f'seed_{seed}.log')}", flush=True)
    finally:
        for process in running.values():
            process.kill()
        stop()
    return next((code for code in codes.values() if code), 130 if waiting else 0)


def _launch(
    experiment: str, overrides: Sequence[str], seed: int, runs: Path, name: str, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    (runs / name).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "coop_icl.cli", "train", experiment, *overrides]
    command += ["--seeds", str(seed), "--runs", str(runs)]
    with (runs / name / f"seed_{seed}.log").open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
