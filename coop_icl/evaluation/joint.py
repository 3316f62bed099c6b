"""Exact play against known memory-1 co-players in every other seat of a repeated game of any number of players.

Dimensions: P players, S symbols, J = 2^P joint actions (player 0's is the first binary digit), O = 2^(P - 1) joint
actions of the co-players, B draws of them, K policies, T rounds. A state is 0 at the start, then 1 + joint action. The
focal player sits in seat 0. What follows a joint action is asked of the game itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.batched import BatchedGame

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JointGame:
    """A game, tabulated.

    Attributes:
        symbols: int [P, 1 + J], what each player is shown in each state.
        payoffs: [G, J], the focal player's in each of G drawn games; G = 1 if all have the same.
        kept: bool [P, J], whether a player took action 1, so did not cooperate.
    """

    symbols: NDArray[np.int64]
    payoffs: Floats
    kept: NDArray[np.bool_]


def joint_game(game: BatchedGame, uniforms: Floats) -> JointGame:
    """Play every joint action once in each of the G games that ``uniforms`` [G, K] make.

    Raises:
        ValueError: if the game is not one of two actions, fixed length and no noise.
    """
    spec = game.spec
    varied = [name for name in ("continuation", "noise", "inner_rounds") if getattr(game, name, None)]
    if varied or spec.num_actions != 2 or not hasattr(game, "noise"):
        reason = f"leave out its {varied[0]}" if varied else "it is none of two actions and one round repeated"
        raise ValueError(f"{spec.name} has no exact values here; {reason}")
    joint = 2**spec.num_players
    kept = (np.arange(joint) >> np.arange(spec.num_players)[::-1, None]) & 1
    game.reset(np.repeat(uniforms, joint, axis=0))
    step = game.step(np.tile(kept, len(uniforms)))
    shown = np.concatenate([np.zeros((spec.num_players, 1), np.int64), step.outcomes[:, :joint]], axis=1)
    payoffs = step.rewards[0].reshape(len(uniforms), joint).astype(np.float64)
    return JointGame(shown, payoffs, kept.astype(bool))


def replies(game: JointGame, tables: Floats) -> Floats:
    """Probability [B, 1 + J, O] of the co-players' joint actions in each state; ``tables`` [B, P - 1, S]."""
    likely = np.ones((len(tables), game.symbols.shape[1], 1))
    for seat in range(1, len(game.symbols)):
        cooperate = tables[:, seat - 1, game.symbols[seat]]
        each = np.stack([cooperate, 1 - cooperate], axis=2)
        likely = (likely[..., None] * each[:, :, None]).reshape(*likely.shape[:2], -1)
    return likely


def best_responses(game: JointGame, tables: Floats, rounds: int) -> tuple[Floats, Floats]:
    """What the best response to each known draw earns a round and how often it cooperates, both [B].

    Args:
        game: with G = 1 or G = B, one for each draw.
        tables: [B, P - 1, S], probabilities of cooperating.
        rounds: T. Where both actions are worth the same, it cooperates.
    """
    paid = np.broadcast_to(game.payoffs, (len(tables), game.payoffs.shape[1]))
    both = [_best(paid[part], replies(game, tables[part]), rounds) for part in _parts(game, len(tables))]
    earned, cooperated = (np.concatenate(each) for each in zip(*both, strict=True))
    return earned / rounds, cooperated / rounds


def visits(game: JointGame, tables: Floats, policies: NDArray[np.bool_], rounds: int) -> Floats:
    """How often [B, K, J] joint actions occur where the focal player is ``policies`` [K, S], true to keep."""
    chosen = policies[None, :, game.symbols[0]]
    parts = _parts(game, len(tables), len(policies))
    return np.concatenate([_visits(chosen, replies(game, tables[part]), rounds) for part in parts])


def _parts(game: JointGame, draws: int, policies: int = 1, numbers: int = 2**17) -> Iterator[slice]:
    """So many draws at once that what is known of them stays in a processor's cache."""
    states = game.symbols.shape[1]
    size = max(1, numbers // (states * max(states // 2, policies)))
    yield from (slice(at, at + size) for at in range(0, draws, size))


def _best(paid: Floats, likely: Floats, rounds: int) -> tuple[Floats, Floats]:
    """Return and cooperations, both [B]; ``paid`` [B, J], ``likely`` [B, 1 + J, O]."""
    value = np.zeros(likely.shape[:2])
    keeps = np.zeros((rounds, *value.shape), dtype=bool)
    for t in range(rounds - 1, -1, -1):
        following = (paid + value[:, 1:]).reshape(len(value), 2, -1)
        choices = likely @ np.ascontiguousarray(following.swapaxes(1, 2))
        keeps[t] = choices[..., 1] > choices[..., 0] + 1e-9
        value = choices.max(2)
    state, cooperated = _start(likely, 1), np.zeros(len(value))
    for chosen in keeps:
        state, own = _advance(state, chosen[:, None], likely)
        cooperated += own[:, 0]
    return value[:, 0], cooperated


def _visits(chosen: NDArray[np.bool_], likely: Floats, rounds: int) -> Floats:
    state = _start(likely, chosen.shape[1])
    total = np.zeros_like(state)
    for _ in range(rounds):
        state, _ = _advance(state, chosen, likely)
        total += state
    return total[..., 1:] / rounds


def _start(likely: Floats, policies: int) -> Floats:
    """Distribution [B, K, 1 + J] before the first round."""
    state = np.zeros((len(likely), policies, likely.shape[1]))
    state[..., 0] = 1
    return state


def _advance(state: Floats, chosen: NDArray[np.bool_], likely: Floats) -> tuple[Floats, Floats]:
    """The distribution [B, K, 1 + J] a round later, and the probability [B, K] of having cooperated."""
    draws, policies, states = state.shape
    cooperating = state * ~chosen
    either = np.concatenate([cooperating, state * chosen], axis=1) @ likely
    after = np.zeros_like(state)
    after[..., 1:] = either.reshape(draws, 2, policies, -1).swapaxes(1, 2).reshape(draws, policies, states - 1)
    return after, cooperating.sum(2)
