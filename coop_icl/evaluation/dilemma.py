"""What makes a game a prisoner's dilemma."""

from __future__ import annotations

import numpy as np

from coop_icl.evaluation.analysis import two_by_two
from envs.batched import BatchedGame


def prisoners_dilemma(game: BatchedGame) -> str:
    """Reason against a game that is no iterated prisoner's dilemma (T > R > P > S, alike for both) of ten rounds."""
    reason = two_by_two(game)
    if reason:
        return reason
    (r, s), (t, p) = np.asarray(game.payoffs)[0]  # type: ignore[attr-defined]
    if not (t > r > p > s and game.spec.symmetric):
        return f"{game.spec.name} is no prisoner's dilemma (T > R > P > S)"
    return "" if game.spec.max_rounds >= 10 else f"{game.spec.name} lasts {game.spec.max_rounds} rounds, ten are needed"


def late_rounds(rounds: int) -> slice:
    """The two tenths of an episode before its last one, as ``Probe.row`` has them: 71 to 90 of 100."""
    tenth = max(1, rounds // 10)
    return slice(rounds - 3 * tenth, rounds - tenth)
