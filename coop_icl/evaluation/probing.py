"""The probes as an analysis: what a policy does with fixed co-players, and with its fellow learners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import Analysis, Effort, Subject
from coop_icl.evaluation.probes import Probe, meet, probe, suite_of
from coop_icl.evaluation.subjects import subjects_of
from coop_icl.populations.registry import all_names, make_co_player, nearest
from envs.batched import BatchedGame


def probing(against: Sequence[str] = ()) -> Analysis:
    """The analysis against the named co-players, by default those of ``probes.suite_of``.

    Its answer is ``{"probes": [row, ...], "meetings": [row, ...]}``, see ``Probe.row``; rows have the focal cooperation
    by round under ``by_round``, those of meetings the fellow learner under ``second``. In games of more than two, a
    co-player or a fellow learner takes all seats but one, each for itself.

    Raises:
        UserError: if there is no such co-player; when it is run, if one is not for the game.
    """
    for name in against:
        if name not in all_names():
            raise UserError(f"unknown co-player '{name}'{nearest(name, all_names())}")

    def run(subject: Subject, effort: Effort) -> dict[str, Any]:
        game = subject.game()
        how = game, effort.episodes, effort.seed
        try:
            co_players = [make_co_player(name, game) for name in against or suite_of(game)]
        except ValueError as error:
            raise UserError(str(error)) from None
        found = [probe(subject.policy, game, one, effort.episodes, effort.seed) for one in co_players]
        met = {name: meet(subject.policy, other.policy, *how) for name, other in subject.others.items()}
        return {
            "probes": [_row(one) for one in found],
            "meetings": [{"second": name, **_row(one)} for name, one in met.items()],
        }

    return Analysis("what it does with fixed co-players and with its fellow learners", _reason_against, run)


def probe_path(path: Path, against: Sequence[str] = (), episodes: int = 512, seed: int = 0) -> dict[str, Any]:
    """Probe every policy at ``path``; see ``subjects_of`` and ``combined``.

    Raises:
        UserError: one line, if a policy or a co-player's name is no good.
    """
    effort = Effort(episodes, seed).check()
    analysis = probing(against)
    return combined({one.name: analysis.run(one, effort) for one in subjects_of(path)}, effort)


def combined(answers: Mapping[str, Mapping[str, Any]], effort: Effort) -> dict[str, Any]:
    """Answers of all learners of a run in one, as ``evaluation.json`` has them.

    Returns:
        ``{"probes": {learner: [row, ...]}, "meetings": [row, ...], "episodes": n, "seed": s}``; of each pair of
        learners one row, the ``first`` one's.
    """
    names = list(answers)
    meetings = [
        {"first": first, **row}
        for first, answer in answers.items()
        for row in answer["meetings"]
        if row["second"] in names[names.index(first) + 1 :]
    ]
    probes = {name: answer["probes"] for name, answer in answers.items()}
    return {"episodes": effort.episodes, "seed": effort.seed, "probes": probes, "meetings": meetings}


def _reason_against(game: BatchedGame) -> str:
    """Any game can be probed."""
    return ""


def _row(one: Probe) -> dict[str, Any]:
    return {**one.row(), "by_round": [round(float(rate), 4) for rate in one.cooperation]}


PROBES = probing()
