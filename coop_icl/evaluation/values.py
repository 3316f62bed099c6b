"""Exact values against a known co-player that is a finite-state machine, memory-1 policies among them.

S states of the co-player, payoffs [2, 2] by the focal player's and the co-player's action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import CoPlayer, State
from coop_icl.populations.machines import FiniteStateCoPlayer
from coop_icl.populations.memory_one import Memory1CoPlayer
from envs.batched import BatchedGame

Floats = NDArray[np.float64]
Choice = Literal["best", "worst"]


@dataclass(frozen=True)
class Tables:
    """A co-player for B episodes, or one for all of them.

    Attributes:
        cooperate: [B, S] or [1, S], its probability of cooperating in each state.
        after: int [S, 4], the state that follows CC, CD, DC, DD, its own action first.
        first: int [B], its state before the first round.
    """

    cooperate: Floats
    after: NDArray[np.int64]
    first: NDArray[np.int64]


def own_payoffs(game: BatchedGame, seat: int = 0) -> Floats:
    """Payoffs [2, 2] of a matrix game by own and other action, as the player in ``seat`` has them."""
    payoffs = np.asarray(getattr(game, "payoffs"), dtype=np.float64)  # noqa: B009, the protocol does not have it
    return payoffs[0] if seat == 0 else payoffs[1].T


def is_exact(co_player: CoPlayer) -> bool:
    """Whether ``tables_of`` takes it."""
    return isinstance(co_player, Memory1CoPlayer | FiniteStateCoPlayer)


def tables_of(co_player: CoPlayer, state: State) -> Tables:
    """The machine that a co-player is, from its state before the first round of B episodes.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(co_player, Memory1CoPlayer):
        return Tables(np.asarray(state), np.tile(np.arange(1, 5), (5, 1)), np.zeros(len(state), dtype=np.int64))
    if isinstance(co_player, FiniteStateCoPlayer):
        return Tables(co_player.cooperate[None], co_player.after, np.asarray(state))
    raise ValueError(f"'{co_player.kind}' is no finite-state machine; its best response is not computed")


def action_values(tables: Tables, payoffs: Floats, following: Floats, gamma: float = 1.0) -> Floats:
    """Value [2, B, S] of each focal action in each state, then ``following`` [B, S] from the next one."""
    chances = np.stack([tables.cooperate, 1 - tables.cooperate])
    both = [
        [payoffs[mine, theirs] + gamma * following[:, tables.after[:, 2 * theirs + mine]] for theirs in (0, 1)]
        for mine in (0, 1)
    ]
    return np.stack([chances[0] * one[0] + chances[1] * one[1] for one in both])


def values(tables: Tables, payoffs: Floats, rounds: int, gamma: float = 1.0, choice: Choice | int = "best") -> Floats:
    """Expected discounted payoffs to come, [rounds + 1, B, S], by rounds played and state.

    Args:
        tables: the co-player; known to the focal player, its state too.
        payoffs: see the module.
        rounds: length of the game.
        gamma: discount per round.
        choice: of the focal player: ``best``, ``worst``, or one action for ever.
    """
    following = np.zeros(np.broadcast_shapes(tables.cooperate.shape))
    series = [following]
    for _ in range(rounds):
        by_action = action_values(tables, payoffs, following, gamma)
        if isinstance(choice, int):
            following = by_action[choice]
        else:
            following = by_action.max(0) if choice == "best" else by_action.min(0)
        series.append(following)
    return np.stack(series[::-1])


def mean_payoffs(tables: Tables, payoffs: Floats, rounds: int, choice: Choice | int = "best") -> Floats:
    """Expected mean payoff [B] of each episode; arguments as in ``values``."""
    start = values(tables, payoffs, rounds, choice=choice)[0]
    return at(start, tables.first) / rounds


def at(by_state: NDArray, states: NDArray[np.integer]) -> NDArray:
    """What [..., B] a table [..., B or 1, S] has for the states [B]."""
    each = np.broadcast_to(by_state, (*by_state.shape[:-2], len(states), by_state.shape[-1]))
    return each[..., np.arange(len(states)), states]


def endless(tables: Tables, payoffs: Floats, gamma: float) -> tuple[Floats, NDArray[np.int64]]:
    """Value and best action, both [B, S], of a game without end, discounted by ``gamma``; by policy iteration.

    Raises:
        ValueError: unless 0 <= gamma < 1.
    """
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma of a game without end must be in [0, 1), got {gamma}")
    batch, states = tables.cooperate.shape
    actions = np.zeros((batch, states), dtype=np.int64)
    index, rows = np.arange(states), np.arange(batch)[:, None]
    chances = np.stack([tables.cooperate, 1 - tables.cooperate], axis=2)
    while True:
        step = np.zeros((batch, states, states))
        paid = (chances * payoffs[actions]).sum(2)
        for theirs in (0, 1):
            np.add.at(step, (rows, index, tables.after[index, 2 * theirs + actions]), chances[:, :, theirs])
        value = np.linalg.solve(np.eye(states) - gamma * step, paid[:, :, None])[:, :, 0]
        by_action = action_values(tables, payoffs, value, gamma)
        kept = np.take_along_axis(by_action, actions[None], 0)[0]
        better = np.where(by_action.max(0) > kept + 1e-10, by_action.argmax(0), actions)
        if (better == actions).all():
            return value, actions
        actions = better
