"""Per-seed data of an experiment, measured from finished runs once and kept in ``<experiment>.jsonl``.

A seed's data are those of ``seed_data.seed_of``, and:

- ``lasting_at``: ``update``, ``rounds`` and ``seconds`` from which on cooperation of learners with each other stays
  within ``NEAR`` of its final level (the last tenth of training); null if it does not;
- ``probes``: by co-player of ``probed`` in games that have such: cooperation over the episode and late in it
  (``Probe.row``; null where nobody did either that or the opposite) and payoff, means over learners;
- what a part adds: ``parameters``, numbers by learner and name in ``asked``, by family and name in ``families``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coop_icl.config import ExperimentConfig
from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import two_by_two
from coop_icl.evaluation.probes import probe
from coop_icl.populations.registry import make_co_player
from coop_icl.reporting import seed_data
from coop_icl.reporting.paper.probing import policies_in
from coop_icl.reporting.seed_data import Seed, finished, merge, seed_of
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.reading import config_of, rows_of
from coop_icl.runs.summary import COOPERATION
from envs.batched import BatchedGame
from envs.registry import make_game

NEAR = 0.1
PROBED = {
    "public_goods_v0": ("conditional", "allc", "alld"),
    "coin_game_v0": ("coin_tft", "coin_cooperative", "coin_greedy"),
    "cleanup_lite_v0": ("cleanup_reciprocator", "cleanup_cleaner", "cleanup_free_rider"),
    "harvest_lite_v0": ("harvest_reciprocator", "harvest_sustainable", "harvest_greedy"),
}
"""Who repays cooperation, who always cooperates and who never does, by game."""
TWO_BY_TWO = ("tft", "allc", "alld")
"""The same in games of two players and two actions."""
EPISODES = 128
"""Per probe of a learner."""
More = Callable[[RunDirectory], Mapping[str, Any]]


def path_of(folder: Path, experiment: str) -> Path:
    """The file of an experiment's data."""
    return folder / f"{experiment}.jsonl"


def read(folder: Path, experiment: str) -> list[Seed]:
    """The data of an experiment by seed, none if it has not been measured.

    Raises:
        UserError: if the file is not what ``measure`` writes.
    """
    path = path_of(folder, experiment)
    rows = seed_data.read(path, ["training", "lasting_at"])
    for row in rows:
        tables = [row.get(name, {}) for name in ("probes", "asked", "families")]
        inner = [one for table in tables if isinstance(table, dict) for one in table.values()]
        proper = all(isinstance(table, dict) for table in tables) and all(map(_numbers, inner))
        if not proper or not (
            row["lasting_at"] is None or _numbers(row["lasting_at"], ("update", "rounds", "seconds"))
        ):
            raise UserError(f"{path} is damaged; delete it, or measure again with TRAIN=1")
    return rows


def _numbers(found: Any, needed: Sequence[str] = ()) -> bool:
    """Whether that is a mapping to numbers, or None where nothing is ``needed``."""
    kinds = int | float if needed else int | float | None
    return isinstance(found, dict) and set(needed) <= set(found) and all(isinstance(v, kinds) for v in found.values())


def measure(experiment: str, runs: Path, folder: Path, more: More | None = None) -> None:
    """Add the data of finished runs of ``experiment`` to those in ``folder``, each seed replaced by itself, and say so.

    Raises:
        UserError: if a run or the data are damaged.
    """
    found = finished(runs / experiment)
    torch.set_num_threads(1)
    rows = [_seed(run) | dict(more(run) if more else {}) for run in found]
    merge(path_of(folder, experiment), rows, ("experiment", "seed"))
    print(f"{experiment}: {len(found)} finished runs measured", flush=True)


def lasting(rows: Sequence[Mapping[str, Any]], level: float | None) -> dict[str, float] | None:
    """Where cooperation with each other comes within ``NEAR`` of ``level`` for good; None if it never does.

    Args:
        rows: of metrics, in order.
        level: the final one; None if there is none.
    """
    since: Mapping[str, Any] | None = None
    for row in rows if level is not None else ():
        rate = row.get(COOPERATION)
        if rate is not None and abs(rate - level) <= NEAR:  # type: ignore[operator]
            since = since or row
        elif rate is not None:
            since = None
    if since is None:
        return None
    return {"update": since["update"], "rounds": since["rounds"], "seconds": round(since["seconds"], 1)}


def _seed(run: RunDirectory) -> Seed:
    seed, probes = seed_of(run), _probes(run, config_of(run))
    lasts = lasting(rows_of(run), seed["final"].get(COOPERATION))
    return seed | {"lasting_at": lasts} | ({"probes": probes} if probes else {})


def probed(game: BatchedGame) -> tuple[str, ...]:
    """Co-players that learners of a game are probed with: a reciprocator, a cooperator, a defector; or nobody."""
    return PROBED.get(game.spec.name, () if two_by_two(game) else TWO_BY_TWO)


def _probes(run: RunDirectory, config: ExperimentConfig) -> dict[str, dict[str, float | None]]:
    """What learners did with fixed co-players, means over learners; nothing in other games and without policies."""
    game, policies = make_game(config.game.name, **dict(config.game.options)), policies_in(run.policies / "final")
    if not policies or config.population.opponent_id:
        return {}
    found = {}
    for name in probed(game):
        rows = [probe(policy, game, make_co_player(name, game), EPISODES).row() for policy in policies]
        keys = ("cooperation", "cooperation_late", "payoff", "other_payoff")
        means = {key: float(np.mean([row[key] for row in rows])) for key in keys}  # type: ignore[arg-type]
        found[name] = {key: round(value, 4) if np.isfinite(value) else None for key, value in means.items()}
    return found
