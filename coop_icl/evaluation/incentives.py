"""What it is worth to infer one's co-players, game by game, computed exactly instead of learned.

Co-players are tabular agents drawn from Beta(a, a) for an episode, in every other seat. ``known`` is the mean of the
best responses to draws that are known, which no inference exceeds; ``blind`` the best single memory-1 table for all of
them, which reacts but infers nothing. What lies between them is the inference gain. The focal player sits in seat 0; in
the games that are not symmetric, renaming actions makes seats alike, and the prior is the same for both names.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.bayes import ceiling
from coop_icl.evaluation.joint import Floats, JointGame, best_responses, joint_game, visits
from coop_icl.evaluation.matches import mean_and_error
from coop_icl.populations.registry import co_players_of, make_co_player
from coop_icl.seeding import Purpose, SeedNode, Stream
from envs.batched import BatchedGame

ENUMERATED = 9
"""Tables of no more symbols are all tried, two to the power of their number; among longer ones is searched."""
SEARCHED = 64
"""Draws on which that search goes by."""
TOP = 10
"""The most reciprocal draws are one in so many."""


def incentives(
    game: BatchedGame, prior: float, draws: int = 512, seed: int = 0, bounds: bool = False
) -> dict[str, Any]:
    """Payoffs a round with and without knowing the co-players, and what a best response to them does.

    Args:
        game: of two actions, with fixed length and without noise.
        prior: a of Beta(a, a); 1 is uniform, less is wider.
        draws: of all co-players, and of the game where that is drawn; the same numbers serve every prior.
        seed: of the draws.
        bounds: whether to add what a Bayesian earns, in games of two players with payoffs that are known (takes long).

    Returns:
        Estimates are {value, error}, errors over draws. ``stage``: see ``stage_payoffs``. ``constant``: {cooperate,
        defect}. ``blind``: an estimate, and the ``policy`` as C or D by symbol; it is the best for these very draws, so
        that ``gain``, known less blind, errs to the low side. ``gain_over_constant``: the same over the better constant
        action. ``relative``: the gain over the spread of the stage payoffs. ``response``: of best responses to known
        draws, the ``cooperation`` (share of rounds), ``cooperates_with`` (share of draws that they cooperate with in
        most rounds), ``gain_from_it`` (the part of the gain from these draws), {``cooperation``, ``reciprocity``} with
        the ``most_reciprocal`` tenth (see ``reciprocity``), and cooperation ``with_reciprocators`` (tit-for-tat;
        among more players each cooperates after rounds in which all others did).
        ``partly_known``, of games that are drawn, too: ``game`` but not co-player, ``co_player`` but not game, and the
        ``relative`` gain of knowing the co-player where the game is known.
        ``bayes``, with ``bounds``: [lower, upper] bound of the Bayes-optimal payoff.

    Raises:
        ValueError: if the game or an argument does not fit.
    """
    if draws < 2 or seed < 0:
        raise ValueError(f"draws must be at least 2 and seed at least 0, got {draws} and {seed}")
    rounds, others = game.spec.max_rounds, game.spec.num_players - 1
    node = SeedNode(seed).child(Purpose.EVALUATE)
    numbers = node.rng(Stream.GAME).random((draws if game.num_uniforms else 1, game.num_uniforms))
    joint = joint_game(game, numbers)
    co_player = make_co_player("tabular", game, {"alpha": prior, "beta": prior})
    uniforms = node.rng(Stream.CO_PLAYER).random((draws * others, co_player.num_parameters))
    tables = co_player.initial_state(uniforms).reshape(draws, others, -1)

    policies = policies_of(joint, tables, rounds)
    often = visits(joint, tables, policies, rounds)
    by_policy = np.einsum("bkj,bj->bk", often, np.broadcast_to(joint.payoffs, (draws, joint.payoffs.shape[1])))
    known, cooperation = best_responses(joint, tables, rounds)
    best = int(by_policy.mean(0).argmax())
    constant = by_policy[:, :2]
    gain = known - by_policy[:, best]
    stage = stage_payoffs(joint)
    found = {
        "game": game.spec.name,
        "players": others + 1,
        "rounds": rounds,
        "prior": prior,
        "draws": draws,
        "stage": stage,
        "constant": {"cooperate": estimate(constant[:, 0]), "defect": estimate(constant[:, 1])},
        "blind": {**estimate(by_policy[:, best]), "policy": "".join("CD"[int(keeps)] for keeps in policies[best])},
        "known": estimate(known),
        "gain": estimate(gain),
        "gain_over_constant": estimate(known - constant[:, constant.mean(0).argmax()]),
        "relative": estimate(gain / stage["spread"]),
        "response": _response(game, joint, tables, cooperation, gain),
    }
    if game.num_uniforms:
        mean = JointGame(joint.symbols, joint.payoffs.mean(0, keepdims=True), joint.kept)
        chosen = (joint.payoffs @ often.mean(0).T).argmax(1)
        told = by_policy[np.arange(draws), chosen]
        found["partly_known"] = {
            "game": estimate(told),
            "relative": estimate((known - told) / stage["spread"]),
            "co_player": estimate(best_responses(mean, tables, rounds)[0]),
        }
    elif bounds and others == 1:
        most = ceiling(joint.payoffs.reshape(2, 2), rounds, prior, prior)
        found["bayes"] = [most.lower, most.upper]
    return found


def policies_of(joint: JointGame, tables: Floats, rounds: int) -> NDArray[np.bool_]:
    """Deterministic memory-1 tables [K, S], true to keep; always cooperating and always defecting come first.

    All of them if they are few. Otherwise the one that changing an entry after the other leads to from the better of
    the first two, as long as it pays on average over the first draws.
    """
    symbols = int(joint.symbols.max()) + 1
    constant = np.repeat([[False], [True]], symbols, axis=1)
    if symbols <= ENUMERATED:
        every = np.array(list(product([False, True], repeat=symbols)))
        return np.concatenate([constant, every[1:-1]])
    some, paid = tables[:SEARCHED], joint.payoffs.mean(0)
    policy = constant[(visits(joint, some, constant, rounds).mean(0) @ paid).argmax()]
    value = -np.inf
    while True:
        tried = np.concatenate([policy[None], policy ^ np.eye(symbols, dtype=bool)])
        values = visits(joint, some, tried, rounds).mean(0) @ paid
        if values.max() <= value + 1e-9:
            return np.concatenate([constant, policy[None]])
        policy, value = tried[values.argmax()], values.max()


def stage_payoffs(joint: JointGame) -> dict[str, float]:
    """What one round pays, a mean over drawn games.

    ``all_cooperate`` (R), ``all_defect`` (P), ``defect_alone`` (T), ``cooperate_alone`` (S); ``worth``: R - P, of
    mutual cooperation; ``temptation``: T - R and ``risk``: P - S, what defecting gains while all others cooperate or
    defect; ``spread``: greatest less least payoff.
    """
    paid = joint.payoffs.mean(0)
    half = len(paid) // 2
    r, s, t, p = (float(paid[at]) for at in (0, half - 1, half, -1))
    return {
        "all_cooperate": r,
        "all_defect": p,
        "defect_alone": t,
        "cooperate_alone": s,
        "worth": r - p,
        "temptation": t - r,
        "risk": p - s,
        "spread": float(np.ptp(joint.payoffs, axis=1).mean()),
    }


def reciprocity(joint: JointGame, tables: Floats) -> Floats:
    """How much more [B] co-players cooperate the more of the others did: 1 of tit-for-tat, 0 of indifferent ones.

    The slope of their probability over the share of the others that cooperated, by least squares over all symbols but
    the start; a mean over co-players.
    """
    slopes = []
    for seat in range(1, len(joint.kept)):
        shares = np.zeros(tables.shape[2])
        shares[joint.symbols[seat, 1:]] = 1 - np.delete(joint.kept, seat, axis=0).mean(0)
        centred = shares[1:] - shares[1:].mean()
        slopes.append(tables[:, seat - 1, 1:] @ centred / (centred @ centred))
    return np.mean(slopes, axis=0)


def estimate(values: Floats) -> dict[str, float]:
    """Mean over draws and its standard error."""
    value, error = mean_and_error(values)
    return {"value": value, "error": error}


def _response(
    game: BatchedGame, joint: JointGame, tables: Floats, cooperation: Floats, gain: Floats
) -> Mapping[str, Any]:
    most = cooperation > 0.5
    slopes = reciprocity(joint, tables)
    top = np.argsort(-slopes, kind="stable")[: max(1, len(slopes) // TOP)]
    strict = "conditional" in co_players_of(game)
    player = (
        make_co_player("conditional", game, {"at_least": len(joint.kept) - 1})
        if strict
        else make_co_player("tft", game)
    )
    fixed = np.broadcast_to(player.initial_state(np.zeros((1, player.num_parameters))), tables[:1].shape)
    mean = JointGame(joint.symbols, joint.payoffs.mean(0, keepdims=True), joint.kept)
    return {
        "cooperation": estimate(cooperation),
        "cooperates_with": estimate(most.astype(np.float64)),
        "gain_from_it": estimate(gain * most),
        "most_reciprocal": {
            "reciprocity": float(slopes[top].mean()),
            "cooperation": estimate(cooperation[top]),
        },
        "with_reciprocators": float(best_responses(mean, fixed, game.spec.max_rounds)[1][0]),
    }
