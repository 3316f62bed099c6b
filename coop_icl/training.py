"""Training one run from start, or from its latest checkpoint, to its end."""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf

from coop_icl.config import ExperimentConfig, to_yaml
from coop_icl.config.paths import portable
from coop_icl.evaluation.statistics import StatisticsWindow
from coop_icl.hints import how_to
from coop_icl.interrupt import Interrupt, before_leaving
from coop_icl.matchups import LEARNER
from coop_icl.models.gru_kernel import level
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import save_policy
from coop_icl.process import is_program, keep_freed_memory
from coop_icl.rollouts.setting import Setting, build
from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.files import read_rows, write_json, write_text
from coop_icl.runs.full_disk import full_disk_said_clearly
from coop_icl.runs.progress import Progress
from coop_icl.runs.provenance import provenance
from coop_icl.runs.reading import config_of
from coop_icl.runs.recorder import Recorder
from coop_icl.runs.summary import summarise


def train_one(config: ExperimentConfig, runs: Path) -> int:
    """Start a run in ``<runs>/<experiment>/seed_<n>/``; returns the exit code.

    Raises:
        UserError: if the directory already holds a run, or the cluster that RAY_ADDRESS names is not fit for it.
    """
    from coop_icl.rllib.cluster import check_address
    from coop_icl.rllib.resources import check_gpus
    from coop_icl.rllib.session import connected

    setting = build(config)
    check_address()
    check_gpus(config.ray, torch.cuda.device_count())
    with (
        RunDirectory.create(runs, config.name, config.seed) as directory,
        before_leaving(directory.close),
        full_disk_said_clearly(directory),
        connected(directory.path, config.cpus(), config.ray.dashboard) as where,
    ):
        write_text(directory.config, to_yaml(portable(config, directory.path)))
        write_json(directory.provenance, provenance(config.seed))
        return _run(setting, directory, where)


def resume_one(path: Path) -> int:
    """Continue a stopped run from its latest checkpoint; returns the exit code.

    Raises:
        UserError: if there is no run, no checkpoint, it is finished or in use, or the cluster is not fit for it.
    """
    from coop_icl.rllib.resources import check_gpus
    from coop_icl.rllib.session import connected

    with RunDirectory.open(path) as directory, full_disk_said_clearly(directory):
        config = config_of(directory)
        setting, checkpoint = build(config), directory.latest_checkpoint()
        if checkpoint is not None and checkpoint[0] >= config.train.updates:
            raise RunError(f"{directory.path} is finished ({checkpoint[0]} updates); train another seed")
        check_gpus(config.ray, torch.cuda.device_count())
        with connected(directory.path, config.cpus(), config.ray.dashboard) as where:
            return _run(setting, directory, where)


def _run(setting: Setting, directory: RunDirectory, where: str) -> int:
    """Updates from the latest checkpoint, if there is one, to the end; Ctrl-C saves first."""
    from coop_icl.rllib.session import stop

    config, checkpoint = setting.config, directory.latest_checkpoint()
    torch.set_num_threads(1)
    keep_freed_memory()
    compiled = "" if level() else ", nothing compiled here: torch operations stand in, slower"
    print(f"{config.name} seed {config.seed}: {directory.path}, {where}{compiled}", file=sys.stderr, flush=True)
    algorithm: Any = None
    with Interrupt("stopping after this update; again to stop at once without saving", is_program()) as interrupt:
        try:
            interrupt.starting = True
            algorithm = _built(config, directory.path)
            if checkpoint is not None:
                algorithm.restore_from_path(str(checkpoint[1].resolve()))
            interrupt.starting = False
            finished = _loop(algorithm, setting, directory, interrupt)
        except Exception:
            if interrupt.twice:  # whatever was cut short, such as an import, may complain about it
                raise KeyboardInterrupt from None
            raise
        finally:
            interrupt.closing = True
            if algorithm is not None and not interrupt.twice:  # Ray ends its actors with the driver anyway
                algorithm.stop()
            stop()  # while no signal can cut it short
    summary = summarise(read_rows(directory.metrics), config)
    write_json(directory.summary, summary)
    print(_closing_line(summary, directory.path, finished), flush=True)
    return 0 if finished else 130


def _built(config: ExperimentConfig, folder: Path) -> Any:
    """Build the Algorithm, its actors included, once a cluster has room for them.

    Raises:
        ClusterError: if no env runner starts; Ray has said why by then.
    """
    from coop_icl.rllib.cluster import ClusterError, address_given
    from coop_icl.rllib.config import algorithm_config
    from coop_icl.rllib.resources import await_room

    if address_given() is not None:
        await_room(config.ray)
    try:
        return algorithm_config(config, folder).build_algo()
    except IndexError as error:  # RLlib asks the first env runner for its spaces, and looks no further
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        if "get_spaces" not in frames:
            raise
        raise ClusterError(
            f"ray.num_env_runners: got {config.ray.num_env_runners}; expected env runners that start (Ray's reason is "
            "above; ray.num_env_runners=0 plays in the driver)"
        ) from error


def _loop(algorithm: Any, setting: Setting, directory: RunDirectory, interrupt: Interrupt) -> bool:
    """Train, record and save; True if the run came to its end."""
    from coop_icl.rllib.gauges import Gauges

    config, done = setting.config, algorithm.updates_done
    log, updates = config.log, config.train.updates
    kinds = [LEARNER, *(co_player.kind for co_player in setting.population.co_players)]
    settings = OmegaConf.to_container(OmegaConf.structured(portable(config, directory.path)))
    window, times = StatisticsWindow(), []
    before = [row for row in read_rows(directory.metrics) if row["update"] <= done]
    rounds, seconds = (before[-1]["rounds"], before[-1]["seconds"]) if before else (0, 0.0)
    progress = Progress(updates, done, seconds)
    gauges = Gauges(config, algorithm)
    with Recorder(directory, settings, kinds, done or None) as recorder, closing(progress):  # type: ignore[arg-type]
        for update in range(done + 1, updates + 1):
            began = time.perf_counter()
            result = algorithm.train()
            window.add(algorithm.trajectory)
            played = algorithm.trajectory.env_steps()
            rounds += played
            times.append((algorithm.seconds["play"], algorithm.seconds["learn"], time.perf_counter() - began, played))
            for name, in_a_row in algorithm.skipped.in_a_row.items():
                if in_a_row:
                    progress.say(f"update {update}: {name} met numbers that are not finite; its step was left out")
            stopping = interrupt.asked and update < updates
            saving = update % log.checkpoint_every == 0 or update == updates or stopping
            if update % log.every == 0 or saving:
                play, learn, total, played = np.sum(times, axis=0)
                seconds += float(total)
                values = {
                    **window.scalars(),
                    "speed/rounds_per_second": float(played / total),
                    "time/play": float(play) / len(times),
                    "time/learn": float(learn) / len(times),
                    **_learning(result, setting),
                    **{f"learning/{name}/skipped_updates": float(n) for name, n in algorithm.skipped.total.items()},
                }
                row = recorder.row(update, rounds, seconds, values, window.by_round())
                progress.row(update, seconds, row)
                gauges.show(row)
                window.clear()
                times.clear()
            if log.export_every and update % log.export_every == 0:
                export(algorithm, setting, directory.policies / f"update_{update:06d}", directory)
            if saving:
                directory.save_checkpoint(update, partial(_save, algorithm), log.keep)
                gauges.saved()
            if stopping:
                return False
    export(algorithm, setting, directory.policies / "final", directory)
    return True


def _save(algorithm: Any, folder: Path) -> None:
    """RLlib's own checkpoint (pickles), for resume only."""
    algorithm.save_to_path(str(folder.resolve()))


def export(algorithm: Any, setting: Setting, folder: Path, directory: RunDirectory) -> None:
    """Write each learner's policy as safetensors and JSON into ``folder``."""
    weights = algorithm.module_weights()
    game = setting.config.game
    config = setting.config
    policies = [setting.make_policy(index) for index in range(len(setting.module_ids))]
    setting.prepare(PolicyStack(policies), algorithm.updates_done - 1)
    made = json.loads(directory.provenance.read_text(encoding="utf-8"))
    shared = portable(config, directory.path)
    made |= {"experiment": config.name, "mixture": [dict(entry) for entry in shared.population.mixture]}
    for name, policy in zip(setting.module_ids, policies, strict=True):
        prefix = "policy."
        state = {key.removeprefix(prefix): torch.tensor(value) for key, value in weights[name].items()}
        policy.load_state_dict(state)
        save_policy(folder / name, policy, game.name, dict(game.options), setting.spec, {**made, "learner": name})


def _learning(result: dict[str, Any], setting: Setting) -> dict[str, float]:
    """Statistics of each learner's last update, by tag."""
    learned = result.get("learners", {})
    values = {
        f"learning/{name}/{key}": float(value)
        for name in setting.module_ids
        for key, value in learned.get(name, {}).items()
        if isinstance(value, float | int)
    }
    return {tag: value for tag, value in values.items() if math.isfinite(value)}


def _closing_line(summary: dict[str, Any], path: Path, finished: bool) -> str:
    if not finished:
        return f"stopped after {summary['updates']} updates and saved; continue with: {how_to('resume', path)}"
    return f"{path}: {_headline(summary['final'])}; look at it with: {how_to('compare', path)}"


def _headline(final: dict[str, float]) -> str:
    """Say how learners came out: cooperation rates, or mean payoffs in games that do not define cooperation."""
    for figure in ("cooperation", "payoff"):
        start = f"{figure}/learner-"
        rates = [
            f"learner-{tag.removeprefix(start)} {rate:.2f}" for tag, rate in final.items() if tag.startswith(start)
        ]
        if rates:
            return f"{figure} {', '.join(rates)}"
    return "finished"
