"""``coop-icl evaluate``: probe the exported policies of a run, print a table and keep the figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from coop_icl.errors import UserError
from coop_icl.evaluation.probes import SUITE, Probe, meet, probe_suite
from coop_icl.policy_store import LoadedPolicy, load_policy
from coop_icl.populations.registry import CO_PLAYERS, nearest
from coop_icl.runs.files import write_json
from envs.registry import make_game

COLUMNS = (
    ("cooperates", "cooperation"),
    ("round 1", "cooperation_first_round"),
    ("late", "cooperation_late"),
    ("last tenth", "cooperation_last_tenth"),
    ("co-player", "other_cooperation"),
    ("payoff", "payoff"),
    ("its payoff", "other_payoff"),
    ("best", "best_response"),
    ("gap", "gap"),
)


def policies_of(path: Path) -> dict[str, LoadedPolicy]:
    """Exported policies by name: those of a finished run, or the one in a folder.

    Raises:
        UserError: if there are none, or one cannot be read.
    """
    if (path / "policy.json").is_file():
        return {path.name: load_policy(path)}
    folder = path / "policies" / "final"
    found = sorted(child for child in folder.iterdir() if child.is_dir()) if folder.is_dir() else []
    if not found:
        raise UserError(f"{path} has no exported policies; give a finished run or a folder with policy.json")
    return {child.name: load_policy(child) for child in found}


def evaluate(path: Path, against: Sequence[str] = (), episodes: int = 512, seed: int = 0) -> dict[str, Any]:
    """Probe every policy at ``path`` against fixed co-players, and the policies against each other.

    Args:
        path: a finished run, or the folder of one policy.
        against: names of co-players; by default ``probes.SUITE``.
        episodes: per matchup; seed: of the evaluation.

    Returns:
        ``{"probes": {policy: [row, ...]}, "meetings": [row, ...], "episodes": n, "seed": s}``; see ``Probe.row``. Rows
        have the focal cooperation by round under ``by_round``.

    Raises:
        UserError: one line, if a policy or a co-player's name is no good.
    """
    if episodes < 1:
        raise UserError(f"episodes must be at least 1, got {episodes}")
    for name in against:
        if name not in CO_PLAYERS:
            raise UserError(f"unknown co-player '{name}'{nearest(name, CO_PLAYERS)}")
    loaded = policies_of(path)
    info = next(iter(loaded.values())).info
    game = make_game(info.game_name, **info.game_options)
    names = list(against) or (list(SUITE) if game.spec.num_actions == 2 else ["uniform"])
    probes = {
        name: [_row(one) for one in probe_suite(policy.policy, game, names, episodes, seed)]
        for name, policy in loaded.items()
    }
    meetings = []
    for first, second in combinations(loaded, 2):
        one = meet(loaded[first].policy, loaded[second].policy, game, episodes, seed)
        meetings.append({"first": first, "second": second, **_row(one)})
    return {"episodes": episodes, "seed": seed, "probes": probes, "meetings": meetings}


def evaluate_path(path: Path, against: Sequence[str], episodes: int, seed: int) -> int:
    """Evaluate, print, and keep the figures in ``evaluation.json`` beside the run."""
    torch.set_num_threads(1)
    result = evaluate(path, against, episodes, seed)
    for name, rows in result["probes"].items():
        print(f"\n{name} against")
        print(_table([row["co_player"] for row in rows], rows))
    if result["meetings"]:
        print("\nlearners with each other (cooperation and payoff of the first)")
        print(_table([f"{row['first']} - {row['second']}" for row in result["meetings"]], result["meetings"]))
    write_json(path / "evaluation.json", result)
    print(f"\nwritten to {path / 'evaluation.json'}")
    return 0


def _row(one: Probe) -> dict[str, Any]:
    return {**one.row(), "by_round": [round(float(rate), 4) for rate in one.cooperation]}


def _table(labels: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    width = max(len(label) for label in labels) + 2
    lines = [" " * width + "".join(f"{title:>12}" for title, _ in COLUMNS)]
    for label, row in zip(labels, rows, strict=True):
        cells = ["-" if row[key] is None else f"{row[key]:.2f}" for _, key in COLUMNS]
        lines.append(f"{label:<{width}}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)
