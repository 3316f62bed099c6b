"""Cross-play by method: players in groups, who cooperates with whom, and who is ahead of whom.

Each pair of players is judged on its means (``VERDICTS``), a pair of groups by what most of its pairs come to. Averages
are over players of two runs first, then over runs, so that spreads are of runs and not of episodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.errors import UserError
from coop_icl.evaluation.entrants import Entrant
from envs.registry import make_game

AHEAD, MOSTLY, RARELY = 0.1, 0.8, 0.2
"""Payoff a round by which a player is ahead; rates from which it cooperates, and below which it defects."""

VERDICTS = {
    "cooperate": "C",
    "defect": "D",
    "extorts": "E",
    "yields": "e",
    "exploits": "X",
    "is exploited": "x",
    "mixed": "~",
}
"""What a row does with a column, the first that holds, and a letter for it.

``cooperate``: both do at ``MOSTLY`` or more. ``defect``: both cooperate less than ``RARELY``. ``extorts``: the row is
ahead by more than ``AHEAD``, and the column is paid more than for mutual defection, so that to yield pays.
``exploits``: the same, but the column is not, and would do better to defect. ``yields`` and ``is exploited``: the
column does that to the row. Else ``mixed``.
"""
SPLIT = "split"
"""The verdict on two groups if none is that of more than half of the pairs of players."""
NAMES = list(VERDICTS)
Floats = NDArray[np.float64]


def judge(payoff: Floats, cooperation: Floats, defection: float) -> NDArray[np.int64]:
    """Places in ``VERDICTS`` [n, n], from payoff and cooperation [n, n] of row against column.

    ``defection`` is what each is paid a round when both always defect.
    """
    lead = payoff - payoff.T
    least, most = np.minimum(cooperation, cooperation.T), np.maximum(cooperation, cooperation.T)
    front, back = lead > AHEAD, lead < -AHEAD
    conditions = [
        least >= MOSTLY,
        most < RARELY,
        front & (defection < payoff.T),
        back & (payoff > defection),
        front,
        back,
    ]
    return np.select(conditions, range(len(conditions)), NAMES.index("mixed"))


def by_group(result: Mapping[str, Any], entrants: Mapping[str, Entrant]) -> dict[str, Any]:
    """What ``crossplay`` found, by group.

    Args:
        result: of ``crossplay``.
        entrants: by label, where players come from; others of ``result`` (scripted ones) are groups of their own.

    Returns:
        ``groups``: name, number of ``players`` and of ``runs``. ``cells`` [row][column], each with

        - ``of``, the pairs that it is about: those of ``other runs``, who did not meet while they learned, or where
          there are none those of ``one run``, or else ``itself``; ``pairs``, their number;
        - ``payoff`` and ``cooperation`` a round of the row; ``payoff_spread`` and ``cooperation_spread``, standard
          deviations over its runs (None of one); ``runs``, these one by one;
        - ``lead``, by how much the row is paid more; ``ahead`` and ``behind``, shares of pairs in which it is by more
          than ``AHEAD``, or the column; ``verdict``, and ``shares`` of pairs by verdict;
        - ``one_run`` and ``itself``, payoff and cooperation between players of one run and of a player with itself,
          which are not in the rest; None if there are none.

    Raises:
        UserError: if the game has no cooperation and defection to judge by.
    """
    game = make_game(result["game"], **result["options"])
    payoffs = getattr(game, "payoffs", None)
    if payoffs is None or game.spec.num_actions != 2:
        raise UserError(f"groups are judged in matrix games of two actions, not in {game.spec.name}; leave out --by")
    names = result["players"]
    groups = [entrants[name].group if name in entrants else name for name in names]
    runs = np.array([entrants[name].run if name in entrants else name for name in names])
    seeds = {entrant.run: entrant.seed for entrant in entrants.values()}
    payoff, cooperation = (np.array(result[key], dtype=np.float64) for key in ("payoff", "cooperation"))
    found = judge(payoff, cooperation, float(payoffs[:, 1, 1].mean()))
    order = list(dict.fromkeys(groups))
    members = [np.flatnonzero([group == name for group in groups]) for name in order]

    def cell(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> dict[str, Any]:
        same_run = runs[rows][:, None] == runs[columns][None, :]
        itself = rows[:, None] == columns[None, :]
        kinds = {"other runs": ~same_run, "one run": same_run & ~itself, "itself": itself}
        of = next(kind for kind, pairs in kinds.items() if pairs.any())
        pairs, part = kinds[of], np.ix_(rows, columns)
        own, rate, lead = payoff[part], cooperation[part], (payoff - payoff.T)[part]
        shares = np.bincount(found[part][pairs], minlength=len(NAMES)) / pairs.sum()
        by_run = [
            {
                "seed": seeds.get(run, ""),
                "payoff": _mean(own, pairs & at[:, None], runs[columns]),
                "cooperation": _mean(rate, pairs & at[:, None], runs[columns]),
            }
            for run in dict.fromkeys(runs[rows])
            if (pairs & (at := runs[rows] == run)[:, None]).any()
        ]
        means = {key: np.array([one[key] for one in by_run]) for key in ("payoff", "cooperation")}
        return {
            "of": of,
            "pairs": int(pairs.sum()),
            **{key: round(float(values.mean()), 4) for key, values in means.items()},
            **{f"{key}_spread": _spread(values) for key, values in means.items()},
            "lead": round(float(lead[pairs].mean()), 4),
            "ahead": round(float((lead[pairs] > AHEAD).mean()), 4),
            "behind": round(float((lead[pairs] < -AHEAD).mean()), 4),
            "verdict": NAMES[int(shares.argmax())] if shares.max() > 0.5 else SPLIT,
            "shares": {name: round(float(share), 4) for name, share in zip(NAMES, shares, strict=True) if share},
            "runs": by_run,
            **{
                key: {"payoff": _mean(own, kinds[kind]), "cooperation": _mean(rate, kinds[kind])}
                if kind != of and kinds[kind].any()
                else None
                for key, kind in (("one_run", "one run"), ("itself", "itself"))
            },
        }

    return {
        **{key: result[key] for key in ("game", "options", "episodes", "seed")},
        "groups": [
            {"name": name, "players": len(at), "runs": len(set(runs[at]))}
            for name, at in zip(order, members, strict=True)
        ],
        "cells": [[cell(rows, columns) for columns in members] for rows in members],
    }


def _mean(values: Floats, pairs: NDArray[np.bool_], runs: Sequence[str] | NDArray | None = None) -> float:
    """Of pairs of players; those with one run of columns first, if there are ``runs``."""
    if runs is None:
        return round(float(values[pairs].mean()), 4)
    parts = [pairs & (np.asarray(runs) == run)[None, :] for run in dict.fromkeys(runs)]
    return round(float(np.mean([values[part].mean() for part in parts if part.any()])), 4)


def _spread(values: Floats) -> float | None:
    return round(float(values.std(ddof=1)), 4) if len(values) > 1 else None
