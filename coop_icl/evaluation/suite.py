"""Analysis ``suite``: payoffs against held-out co-players, ``ipd_suite_v0``, a score for each family.

None of them is met in training: learners and tabular agents make up the populations of the published experiments, and a
tabular agent is one of these strategies with probability 0 even where it has memory 1. All are finite-state machines,
so the best and the worst response are known exactly; a co-player that slips or switches is known in distribution only
in its slips, but its best response knows the round of the switch, which a policy has to find out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.analysis import Analysis, Effort, Subject, two_by_two
from coop_icl.evaluation.matches import match, mean_and_error
from coop_icl.evaluation.values import mean_payoffs, own_payoffs
from coop_icl.populations.registry import make_co_player
from coop_icl.seeding import Purpose, SeedNode, Stream
from envs.batched import BatchedGame

Entry = tuple[str, Mapping[str, Any]]
RESAMPLES, LEVEL = 4000, 0.95

IPD_SUITE_V0: Mapping[str, tuple[Entry, ...]] = {
    "reciprocators": (
        ("suspicious_tft", {}),
        ("two_tits_for_tat", {}),
        ("hard_tft", {}),
        ("generous", {"chi": 3.0}),
    ),
    "exploiters": (
        ("extortion", {"chi": 3.0}),
        ("extortion", {"chi": 1.5}),
        ("bully", {}),
        ("prober", {}),
        ("tester", {}),
    ),
    "forgivers": (
        ("tit_for_two_tats", {}),
        ("forgetful_grudger", {}),
        ("gtft", {"forgiveness": 0.1}),
    ),
    "switchers": (
        ("switcher", {"first": "tft", "second": "alld"}),
        ("switcher", {"first": "alld", "second": "tft"}),
        ("switcher", {"first": "allc", "second": "grim"}),
        ("switcher", {"first": "wsls", "second": "bully"}),
    ),
    "noisy": (
        ("noisy", {"strategy": "tft", "slip": 0.05}),
        ("noisy", {"strategy": "wsls", "slip": 0.05}),
        ("noisy", {"strategy": "contrite_tft", "slip": 0.05}),
        ("noisy", {"strategy": "patient_grim", "slip": 0.05}),
    ),
    "long memory": (
        ("soft_majority", {}),
        ("hard_majority", {}),
        ("gradual", {}),
        ("patient_grim", {}),
    ),
}
"""Families of co-players as an experiment file names them."""


def interval_of_mean(strata: Sequence[NDArray[np.float64]], seed: int = 0) -> tuple[float, float, float]:
    """The mean of the strata's means, and its 95% bootstrap interval (percentile), resampling within each stratum."""
    rng = SeedNode(seed).child(Purpose.EVALUATE).rng(Stream.MATCHUP)
    total = np.zeros(RESAMPLES)
    for values in strata:
        spread, counts = np.unique(values, return_counts=True)
        total += rng.multinomial(len(values), counts / len(values), RESAMPLES) @ spread / len(values)
    low, high = np.quantile(total / len(strata), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(np.mean([values.mean() for values in strata])), float(low), float(high)


def run(subject: Subject, effort: Effort) -> dict[str, Any]:
    """Scores of the policy.

    Returns:
        ``score``: mean over families; ``families``: [{family, score, low, high, over_alld, members}], the score with
        its 95% bootstrap interval over episodes; ``members``: [{co_player, payoff, payoff_error, other_payoff,
        cooperation, other_cooperation, best, worst, alld, score}] with payoffs a round.

        A score is (payoff - worst) / (best - worst), where best and worst are what the best and the worst response to
        the known co-player earn: 1 is a best response. ``over_alld`` is the mean payoff less that of always defecting,
        which is exact as well.
    """
    return score_suite(subject, effort, IPD_SUITE_V0)


def score_suite(subject: Subject, effort: Effort, suite: Mapping[str, Sequence[Entry]]) -> dict[str, Any]:
    """``run`` with any suite of finite-state co-players."""
    game = subject.game()
    families, everything = [], []
    for family, entries in suite.items():
        found = [_member(subject, game, entry, effort) for entry in entries]
        score, low, high = interval_of_mean([scores for _, scores in found], effort.seed)
        members = [member for member, _ in found]
        families.append(
            {
                "family": family,
                "score": score,
                "low": low,
                "high": high,
                "over_alld": float(np.mean([member["payoff"] - member["alld"] for member in members])),
                "members": members,
            }
        )
        everything.append(score)
    return {
        "suite": "ipd_suite_v0" if suite is IPD_SUITE_V0 else "custom",
        "rounds": game.spec.max_rounds,
        "episodes": effort.episodes,
        "score": float(np.mean(everything)),
        "families": families,
    }


def _member(
    subject: Subject, game: BatchedGame, entry: Entry, effort: Effort
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """One co-player's row, and the score of each episode."""
    name, options = entry
    co_player = make_co_player(name, game, options)
    played = match(subject.policy, game, co_player, effort.episodes, effort.seed)
    assert played.tables is not None, f"{name} is no finite-state machine"
    payoffs, rounds = own_payoffs(game), game.spec.max_rounds
    best, worst, alld = (mean_payoffs(played.tables, payoffs, rounds, choice) for choice in ("best", "worst", 1))
    room = max(float((best - worst).mean()), 1e-9)
    scores = (played.payoffs - worst) / room
    payoff, error = mean_and_error(played.payoffs)
    cooperated = (played.trajectory.actions == 0).mean((0, 2))
    return {
        "co_player": co_player.kind,
        "payoff": payoff,
        "payoff_error": error,
        "other_payoff": float(played.other_payoffs.mean()),
        "cooperation": float(cooperated[played.seat]),
        "other_cooperation": float(cooperated[1 - played.seat]),
        "best": float(best.mean()),
        "worst": float(worst.mean()),
        "alld": float(alld.mean()),
        "score": float(scores.mean()),
    }, scores


def reason_against(game: BatchedGame) -> str:
    """Why the suite makes no sense for a game: it is made of answers to cooperation and defection."""
    if two_by_two(game):
        return two_by_two(game)
    (r, s), (t, p) = own_payoffs(game)
    fits = game.spec.symmetric and t > r > p > s
    return "" if fits else f"{game.spec.name} is no prisoner's dilemma (T > R > P > S)"


SUITE = Analysis("payoffs against held-out co-players", reason_against, run)
