"""Payoffs against every strategy of the Axelrod library that can be a co-player; needs the extra ``axelrod``.

These have no exact best response. A policy is compared with a panel of reference strategies in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import Analysis, Effort, Subject
from coop_icl.evaluation.matches import match, mean_and_error
from coop_icl.evaluation.suite import interval_of_mean, reason_against
from coop_icl.populations.axelrod import AxelrodCoPlayer, excluded, library, playable
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.registry import make_co_player
from coop_icl.seeding import Purpose, SeedNode, Stream
from envs.batched import BatchedGame

PANEL = ("alld", "allc", "tft", "wsls", "grim")
"""Strategies that a policy is compared with, each in the same games; none of them draws numbers."""
SHARE = 64
"""One episode a strategy for so many of an effort's: the library plays one game at a time."""


def axelrod_scores(subject: Subject, effort: Effort, strategies: Sequence[str] = ()) -> dict[str, Any]:
    """Payoffs a round against strategies of the library, by default all that are playable.

    Args:
        subject: a policy for a prisoner's dilemma.
        effort: a 64th of its episodes (at least one) is played with each strategy; those that draw no numbers and meet
            a member of the panel play one.
        strategies: names, as the library spells them.

    Returns:
        ``families``: [{family, score, low, high, over_alld, strategies}] by memory and whether a strategy draws
        numbers; ``members``: [{strategy, family, payoff, payoff_error, other_payoff, cooperation, alld, panel_best,
        panel_best_by, score}]; ``excluded``: [{strategy, reason}]; ``panel``: mean payoff of each reference over all
        strategies; ``payoff``: the policy's. A score is the policy's mean payoff less that of the member of ``PANEL``
        that does best against the strategy, so 0 is as good as a panel of which the best is picked in hindsight; its
        95% bootstrap interval is over the policy's episodes, strategies and panel taken as they are.

    Raises:
        UserError: if the extra is not installed, a strategy is unknown, or the game is no prisoner's dilemma.
    """
    game = subject.game()
    against = reason_against(game)
    if against:
        raise UserError(f"axelrod: {against}")
    try:
        library()
        co_players, left_out = _co_players(game, strategies)
    except ValueError as error:
        raise UserError(str(error)) from None
    episodes = max(1, effort.episodes // SHARE)
    members, scores = [], {}
    for co_player in co_players:
        member, each = _member(subject, game, co_player, episodes, effort.seed)
        members.append(member)
        scores.setdefault(member["family"], []).append(each)
    return {
        "rounds": game.spec.max_rounds,
        "episodes": episodes,
        "payoff": float(np.mean([member["payoff"] for member in members])),
        "score": float(np.mean([member["score"] for member in members])),
        "panel": {name: float(np.mean([member["panel"][name] for member in members])) for name in PANEL},
        "families": [
            _family(name, [m for m in members if m["family"] == name], scores[name]) for name in sorted(scores)
        ],
        "members": members,
        "excluded": [{"strategy": name, "reason": reason} for name, reason in sorted(left_out.items())],
    }


def _co_players(game: BatchedGame, strategies: Sequence[str]) -> tuple[list[AxelrodCoPlayer], dict[str, str]]:
    """Those asked for; or all, and which of them are left out for what reason."""
    if strategies:
        return [_co_player(game, name) for name in strategies], {}
    found, left_out = [], dict(excluded())
    for name in playable():
        try:
            found.append(_co_player(game, name))
        except ValueError:
            left_out[name] = "is not defined with these payoffs"
    return found, left_out


def _co_player(game: BatchedGame, name: str) -> AxelrodCoPlayer:
    made = make_co_player("axelrod", game, {"strategy": name})
    assert isinstance(made, AxelrodCoPlayer)
    return made


def family_of(name: str) -> str:
    """By the library's own classification: memory of a round, of some or of all, and whether it draws numbers."""
    classifiers, player = library().Classifiers, playable()[name]()
    depth = classifiers["memory_depth"](player)
    memory = "memory 1" if depth <= 1 else "finite memory" if np.isfinite(depth) else "unbounded memory"
    return f"{memory}, {'stochastic' if classifiers['stochastic'](player) else 'deterministic'}"


def _family(name: str, members: Sequence[dict[str, Any]], scores: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    score, low, high = interval_of_mean(scores)
    over = float(np.mean([member["payoff"] - member["alld"] for member in members]))
    counted = {"family": name, "score": score, "low": low, "high": high, "over_alld": over}
    return {**counted, "strategies": len(members)}


def _member(
    subject: Subject, game: BatchedGame, co_player: AxelrodCoPlayer, episodes: int, seed: int
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    played = match(subject.policy, game, co_player, episodes, seed)
    family = family_of(co_player.name)
    needed = episodes if family.endswith("stochastic") else 1
    panel = {name: float(duel(game, make_co_player(name, game), co_player, needed, seed).mean()) for name in PANEL}
    best = max(panel, key=lambda name: panel[name])
    payoff, error = mean_and_error(played.payoffs)
    return {
        "strategy": co_player.name,
        "family": family,
        "payoff": payoff,
        "payoff_error": error,
        "other_payoff": float(played.other_payoffs.mean()),
        "cooperation": float((played.trajectory.actions[:, played.seat] == 0).mean()),
        "alld": panel["alld"],
        "panel": panel,
        "panel_best": panel[best],
        "panel_best_by": best,
        "score": payoff - panel[best],
    }, played.payoffs - panel[best]


def duel(game: BatchedGame, first: CoPlayer, second: CoPlayer, episodes: int, seed: int) -> NDArray[np.float64]:
    """Mean payoff a round [B] of ``first`` in seat 0 against ``second``; both see joint outcomes, and no seat learns.

    The second has the numbers that it has in ``matches.match``.
    """
    node = SeedNode(seed).child(Purpose.EVALUATE)
    outcomes = game.reset(node.rng(Stream.GAME).random((episodes, game.num_uniforms)))
    uniforms = node.rng(Stream.ACTION).random((game.spec.max_rounds, 2, episodes))
    draws = [node.child(Stream.CO_PLAYER).rng(agent) for agent in (0, 1)]
    agents = (first, second)
    states = [
        one.initial_state(rng.random((episodes, one.num_parameters))) for one, rng in zip(agents, draws, strict=True)
    ]
    total = np.zeros(episodes)
    for t in range(game.spec.max_rounds):
        actions = np.zeros((2, episodes), dtype=np.int64)
        for seat, one in enumerate(agents):
            actions[seat], states[seat] = one.act(outcomes[seat], states[seat], uniforms[t, seat])
        step = game.step(actions)
        outcomes = step.outcomes
        total += step.rewards[0]
    return total / game.spec.max_rounds


AXELROD = Analysis("payoffs against the Axelrod library", reason_against, axelrod_scores)
