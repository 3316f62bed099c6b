"""Analysis ``adaptation``: what a policy does round by round against named co-players, and when it has adapted.

**The round from which a policy has adapted.** Against a co-player that is a finite-state machine (every memory-1 policy
is one) the best and the worst expected payoff to come, V and W, are known exactly before each round in each state.
Whatever the policy does, what its action in round u gives away is V less the value of that action with best play after
it, a number of at least 0; summed over the rounds from t to the end and averaged over episodes this is by how much its
play from round t on falls short of the best response *from where it stands then* (what it lost before does not count).
It has adapted in the first round t (1 is the first) at which that shortfall is at most ``WITHIN`` = 5% of the mean of
V - W. So it is a statement on all of the play to come, in payoffs, with the chances of the co-player's replies averaged
out; a single lapse or a lucky reply does not decide it, and where actions hardly matter they hardly count. Only the
first nine tenths of the rounds are considered, as at the very end one right action would do: None if it is not by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.analysis import Analysis, Effort, Subject, two_by_two
from coop_icl.evaluation.matches import match, mean_and_error, shortfalls
from coop_icl.evaluation.values import own_payoffs
from coop_icl.populations.registry import make_co_player

WITHIN = 0.05
"""Share of the distance from the best to the worst response."""
CO_PLAYERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "tabular": ("tabular", {}),
    "allc": ("allc", {}),
    "alld": ("alld", {}),
    "tft": ("tft", {}),
    "gtft": ("gtft", {}),
    "wsls": ("wsls", {}),
    "grim": ("grim", {}),
    "tit_for_two_tats": ("tit_for_two_tats", {}),
    "random": ("random", {}),
    "tft_then_alld": ("switcher", {"first": "tft", "second": "alld", "earliest": 0.5, "latest": 0.5}),
    "alld_then_tft": ("switcher", {"first": "alld", "second": "tft", "earliest": 0.5, "latest": 0.5}),
}
"""By the name they have in the result; switchers change after half of the rounds."""


def adapted_from(given: NDArray[np.float64], room: NDArray[np.float64]) -> int | None:
    """The first round (1 is the first) from which play is within 5% of the best response, as the module says."""
    left = given.mean(1)[::-1].cumsum()[::-1]
    considered = max(1, int(np.ceil(0.9 * len(left))))
    within = left[:considered] <= WITHIN * room.mean(1)[:considered] + 1e-9
    return int(within.argmax()) + 1 if within.any() else None


def curve(subject: Subject, name: str, effort: Effort) -> dict[str, Any]:
    """One entry of the result of ``run``."""
    game = subject.game()
    kind, options = CO_PLAYERS[name]
    played = match(subject.policy, game, make_co_player(kind, game, options), effort.episodes, effort.seed)
    trajectory, seat = played.trajectory, played.seat
    given, room = shortfalls(played, own_payoffs(game))
    left = given.mean(1)[::-1].cumsum()[::-1]
    payoff, error = mean_and_error(played.payoffs)
    return {
        "co_player": name,
        "payoff": payoff,
        "payoff_error": error,
        "payoff_by_round": _rounded(trajectory.rewards[:, seat].mean(1)),
        "cooperation": _rounded((trajectory.actions[:, seat] == 0).mean(1)),
        "other_cooperation": _rounded((trajectory.actions[:, 1 - seat] == 0).mean(1)),
        "given_away": _rounded(given.mean(1)),
        "shortfall_left": _rounded(left / np.maximum(room.mean(1), 1e-9)),
        "adapted_from": adapted_from(given, room),
    }


def run(subject: Subject, effort: Effort) -> dict[str, Any]:
    """Curves by round.

    Returns:
        ``co_players``: a list of {co_player, payoff, payoff_error, payoff_by_round, cooperation, other_cooperation,
        given_away, shortfall_left, adapted_from}. Lists have a value a round: focal payoff, both cooperation rates,
        what the action gave away, and the shortfall of the play from there on as a share of V - W (see the module).
    """
    curves = [curve(subject, name, effort) for name in CO_PLAYERS]
    return {
        "rounds": subject.game().spec.max_rounds,
        "episodes": effort.episodes,
        "within": WITHIN,
        "co_players": curves,
    }


def _rounded(series: NDArray[np.floating]) -> list[float]:
    return [round(float(value), 4) for value in series]


ADAPTATION = Analysis("what it does by round, and when it has adapted", two_by_two, run)
