"""Whole games in compiled code (``gru_play`` in ``models/_gru.c``): no interpreter between the rounds.

Only where all that happens is table look-ups and GRUs: one stage game repeated a fixed number of times, two actions,
observations that depend on the last joint action alone, compiled policies (frozen ones too), memory-1 co-players.
``rollout.play`` does everything else, and the same numbers round by round (with frozen policies up to rounding).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from coop_icl.models import gru_kernel
from coop_icl.models.groups import encoding
from coop_icl.models.gru_kernel import CPolicy, Packed
from coop_icl.models.kernel_group import weights
from coop_icl.models.policy import SequencePolicy
from coop_icl.models.sampling import thresholds
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.frozen import FrozenPolicy
from coop_icl.populations.memory_one import Memory1CoPlayer
from coop_icl.rollouts.telling import coded
from envs.batched import BatchedGame

Lanes = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Seats [N] and games [N]."""


class CPlayer(ctypes.Structure):
    """``struct player`` of ``_gru.c``."""

    _fields_ = (
        ("policy", CPolicy),
        ("lanes", ctypes.c_int),
        *((name, ctypes.c_void_p) for name in ("slots", "offsets", "states", "out")),
    )


@dataclass(frozen=True)
class Agents:
    """Who sits where.

    Attributes:
        learners: lanes of each policy of the stack.
        frozen: policies that do not learn, and the lanes of each.
        tables: lanes of the memory-1 co-players, and their probabilities [M, 5] of the first action.
    """

    learners: Sequence[Lanes]
    frozen: Sequence[tuple[SequencePolicy, Lanes]]
    tables: Lanes
    cooperate: NDArray[np.float64]


def fits(game: BatchedGame, stack: PolicyStack, co_players: Mapping[int, CoPlayer]) -> bool:
    """Whether games between these can be played in compiled code."""
    frozen = [one.policy for one in co_players.values() if isinstance(one, FrozenPolicy)]
    tables = sum(isinstance(one, Memory1CoPlayer) for one in co_players.values())
    compiled = stack.compiled and all(PolicyStack([policy]).compiled for policy in frozen)
    known = game.spec.num_actions == 2 and game.table() is not None and game.stage() is not None
    return compiled and known and len(frozen) + tables == len(co_players)


@torch.no_grad()
def play(
    game: BatchedGame,
    stack: PolicyStack,
    agents: Agents,
    told: NDArray[np.float32],
    uniforms: NDArray[np.float64],
    threads: int,
) -> tuple[NDArray[np.int8], NDArray[np.int8], torch.Tensor]:
    """Outcomes seen and actions, each [T, 2, B], and outputs [3, T, N] of the policies' lanes, one after the other.

    Args:
        game: one that ``fits``.
        stack: the learners' policies.
        agents: who sits where; every seat once.
        told: [2, B, K], what learners are told (``telling``).
        uniforms: [T, 2, B], one a decision.
        threads: how many share the games; the result is the same with any.
    """
    rounds, _, games = uniforms.shape
    players = [_player(game, policy, of, told) for policy, of in zip(stack.policies, agents.learners, strict=True)]
    players += [_player(game, policy, of, told[:, :, :0]) for policy, of in agents.frozen]
    seen, actions = np.zeros(uniforms.shape, np.int8), np.zeros(uniforms.shape, np.int8)
    sizes = [len(of) for _, of in agents.learners]
    outputs = torch.empty(players[0].packed.outputs, rounds, sum(sizes))
    shared = thresholds(uniforms), uniforms, seen, actions
    edges = np.linspace(0, games, max(1, min(threads, games)) + 1).round().astype(int)

    def share(low: int, high: int) -> None:
        parts = _share(players, agents, games, (low, high), shared)
        for first, (rows, out) in zip(np.cumsum([0, *sizes[:-1]]), parts, strict=False):  # not of the frozen ones
            outputs[:, :, torch.from_numpy(first + rows)] = out

    if len(edges) == 2:
        share(0, games)
    else:
        with ThreadPoolExecutor(len(edges) - 1) as pool:
            list(pool.map(share, edges[:-1], edges[1:]))
    return seen, actions, outputs


@dataclass(frozen=True)
class _Player:
    """A policy on its lanes; ``offsets`` [N] are the rows that outcome 0 has in its table of observations."""

    packed: Packed
    lanes: Lanes
    offsets: NDArray[np.int32]


def _player(game: BatchedGame, policy: SequencePolicy, lanes: Lanes, told: NDArray[np.float32]) -> _Player:
    found = coded(game, lanes[0], told[lanes])
    assert found is not None
    return _Player(Packed(weights(policy), encoding(policy)(torch.from_numpy(found[1]))), lanes, found[0])


def _share(
    taking_part: Sequence[_Player],
    agents: Agents,
    games: int,
    part: tuple[int, int],
    shared: tuple[NDArray, NDArray, NDArray, NDArray],
) -> list[tuple[NDArray[np.intp], torch.Tensor]]:
    """Play games [low, high); for each policy the lanes that were in them and their outputs [3, T, n]."""
    levels, uniforms, seen, actions = shared
    rounds = uniforms.shape[0]
    kept, results = [], []  # what C is pointed to must live until it returns
    players = (CPlayer * len(taking_part))()
    for player, taking in zip(players, taking_part, strict=True):
        one = taking.packed
        rows, slots = _within(taking.lanes, games, part)
        offsets = taking.offsets[rows]
        states, out = torch.zeros(len(rows), one.hidden), torch.empty(one.outputs, rounds, len(rows))
        player.policy, player.lanes = one.policy, len(rows)
        player.slots, player.offsets = slots.ctypes.data, offsets.ctypes.data
        player.states, player.out = states.data_ptr(), out.data_ptr()
        kept.append((slots, offsets, states))
        results.append((rows, out))
    rows, slots = _within(agents.tables, games, part)
    cooperate = np.ascontiguousarray(agents.cooperate[rows])
    mine = np.arange(*part, dtype=np.int32)
    scratch = torch.empty(
        max(gru_kernel.library().gru_scratch(one.packed.hidden, one.packed.outputs, 0) for one in taking_part)
    )
    arrays = [slots, cooperate, levels, uniforms]
    gru_kernel.library().gru_play(
        *(gru_kernel.level(), rounds, ctypes.c_long(games), len(players), players, len(rows)),
        *(ctypes.c_void_p(array.ctypes.data) for array in arrays),
        gru_kernel.pointer(scratch),
        *(ctypes.c_void_p(array.ctypes.data) for array in (seen, actions, mine)),
        len(mine),
    )
    return results


def _within(lanes: Lanes, games: int, part: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Of some lanes those whose game lies in [low, high): their index and slot (seat x games + game)."""
    seats, of = lanes
    rows = np.flatnonzero((of >= part[0]) & (of < part[1]))
    return rows, (seats[rows] * games + of[rows]).astype(np.int32)
