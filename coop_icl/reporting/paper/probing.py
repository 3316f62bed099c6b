"""What the policies of a run do with fixed co-players, with each other and with frozen ones, as per-seed data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.algorithms.losses import LOSSES
from coop_icl.config import ExperimentConfig
from coop_icl.evaluation.extortion import fit_extortion
from coop_icl.evaluation.probes import Probe, meet, probe
from coop_icl.matchups import LEARNER
from coop_icl.models.policy import SequencePolicy
from coop_icl.policy_store import load_policy
from coop_icl.populations.registry import make_co_player
from coop_icl.runs.directory import RunDirectory
from envs.batched import BatchedGame
from envs.registry import make_game

SUITE = ("tft", "allc", "alld", "tabular")
"""Co-players of the paper's curves by round."""
EPISODES, EPISODES_PLANNED = 512, 64
"""Per probe, of policies that answer in one pass and of those that plan; a quarter of it along the way."""
STEPS_ALONG = 5
"""And the last."""


def probes_of(run: RunDirectory, config: ExperimentConfig) -> dict[str, Any]:
    """``probes``, ``extortion`` and ``along`` of ``data.Seed``; nothing for a run without exported policies.

    Raises:
        PolicyError: if a policy cannot be read.
    """
    policies = policies_in(run.policies / "final")
    if not policies:
        return {}
    game = make_game(config.game.name, **dict(config.game.options))
    episodes = EPISODES if config.train.algorithm in LOSSES else EPISODES_PLANNED
    frozen, payoffs = _with_frozen(policies, game, config, episodes), getattr(game, "payoffs", None)
    probes = _with_each_other(policies, game, episodes) | _with_suite(policies, game, episodes) | frozen
    fits = {} if payoffs is None else {k: [_extortion(one, payoffs[0]) for one in some] for k, some in frozen.items()}
    return {
        "probes": {kind: _mean(some) for kind, some in probes.items() if some},
        "extortion": fits,
        "along": _along(run, game, max(1, episodes // 4)),
    }


def _with_suite(policies: Sequence[SequencePolicy], game: BatchedGame, episodes: int) -> dict[str, list[Probe]]:
    return {name: [probe(p, game, make_co_player(name, game), episodes) for p in policies] for name in SUITE}


def policies_in(folder: Path) -> list[SequencePolicy]:
    """The learners' policies in a folder, in order; none if there is no such folder."""
    found = sorted(child for child in folder.iterdir() if child.is_dir()) if folder.is_dir() else []
    return [load_policy(child).policy for child in found]


def _with_each_other(policies: Sequence[SequencePolicy], game: BatchedGame, episodes: int) -> dict[str, list[Probe]]:
    """Each learner against the next one, the last against the first."""
    others = [*policies[1:], policies[0]] if len(policies) > 1 else []
    return {LEARNER: [meet(one, other, game, episodes) for one, other in zip(policies, others, strict=False)]}


def _with_frozen(
    policies: Sequence[SequencePolicy], game: BatchedGame, config: ExperimentConfig, episodes: int
) -> dict[str, list[Probe]]:
    """Against the frozen policies of the run's population."""
    probes = {}
    for entry in config.population.mixture:
        if entry["name"] == "frozen":
            options = {key: value for key, value in entry.items() if key not in ("name", "weight")}
            frozen = make_co_player("frozen", game, options)
            probes[frozen.kind] = [probe(policy, game, frozen, episodes) for policy in policies]
    return probes


def _extortion(one: Probe, payoffs: NDArray[np.floating]) -> dict[str, Any]:
    after = one.after[1:]
    fit = fit_extortion(after, payoffs)
    return {
        "after": _short(after, 4),
        "visits": one.visits[1:].tolist(),
        "fitted": _short(fit.fitted, 4),
        "chi": None if fit.chi is None else round(fit.chi, 3),
        "phi": round(fit.phi, 4),
        "residual": round(fit.residual, 4),
        "random_residual": round(fit.random_residual, 4),
        "worse_at_random": round(fit.worse_at_random, 4),
    }


def _mean(probes: Sequence[Probe]) -> dict[str, Any]:
    """Means over learners."""
    rows = [one.row() for one in probes]
    numbers = {key for key, value in rows[0].items() if isinstance(value, float)}
    return {
        **{key: round(float(np.mean([row[key] for row in rows])), 4) for key in sorted(numbers)},  # type: ignore[arg-type]
        "by_round": _short(np.mean([one.cooperation for one in probes], axis=0)),
        "other_by_round": _short(np.mean([one.other_cooperation for one in probes], axis=0)),
    }


def _along(run: RunDirectory, game: BatchedGame, episodes: int) -> dict[str, dict[str, list[float]]]:
    """Rates by round of policies exported on the way: the first, the second, the fourth, ... and the last."""
    updates = {int(path.name.removeprefix("update_")): path for path in run.policies.glob("update_*")}
    order = sorted(updates)
    chosen = [order[2**k - 1] for k in range(STEPS_ALONG) if 2**k <= len(order)]
    along = {}
    for update in sorted({*chosen, *order[-1:]}):
        policies = policies_in(updates[update])
        found = _with_each_other(policies, game, episodes) | _with_suite(policies, game, episodes)
        along[str(update)] = {
            kind: _short(np.mean([one.cooperation for one in some], axis=0)) for kind, some in found.items() if some
        }
    return along


def _short(values: np.ndarray, digits: int = 3) -> list[float | None]:
    return [None if not np.isfinite(value) else round(float(value), digits) for value in values]
