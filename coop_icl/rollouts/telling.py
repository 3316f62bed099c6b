"""What a seat sees: the game's observation and, if learners are told, who their co-player is (the paper's opponent ID).

Learners are told in games of two only. A memory-1 co-player is told as the log-probabilities of its actions after each
outcome, in its own view; any other one, a learner among them, as zeros.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from coop_icl.models.observations import Observations
from coop_icl.models.policy import SequencePolicy
from envs.batched import BatchedGame, GameSpec

FEATURE = "co_player"
"""Name of the part of an observation that tells who the co-player is."""
LEAST = 1e-4
"""Probabilities are told as if they were no smaller."""


def spec_of(game: BatchedGame, told: bool) -> GameSpec:
    """The game's description, with the features that a learner sees."""
    if not told:
        return game.spec
    return dataclasses.replace(game.spec, features=(*game.spec.features, (FEATURE, 2 * game.spec.num_outcomes)))


def is_told(policy: SequencePolicy, game: BatchedGame) -> bool:
    """Whether a policy for this game was trained with being told."""
    return policy.parts == tuple(width for _, width in spec_of(game, True).features)


def tell(
    shape: tuple[int, int, int], tables: Iterable[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]]
) -> NDArray[np.float32]:
    """What each seat is told, float32 [2, B, K].

    Args:
        shape: (2, B, K); K is twice the number of outcomes.
        tables: seats [M], games [M] and cooperation probabilities [M, K / 2] of memory-1 co-players.
    """
    told = np.zeros(shape, dtype=np.float32)
    for seats, games, cooperate in tables:
        both = np.stack([cooperate, 1 - cooperate], axis=-1).reshape(len(games), shape[2])
        told[1 - seats, games] = np.log(np.maximum(both, LEAST))
    return told


def coded(game: BatchedGame, seats: NDArray[np.integer], told: NDArray[np.float32]) -> tuple[NDArray, NDArray] | None:
    """For each lane the row [N] that outcome 0 has in a table of observations, and the table [S, F + K].

    Args:
        game: what is played.
        seats: [N].
        told: [N, K], K = 0 if nothing is.

    Returns:
        None if observations depend on more than outcome, seat and what is told.
    """
    table = game.table()
    if table is None:
        return None
    outcomes = table.shape[1]
    if not told.shape[1]:
        return seats.astype(np.int32) * outcomes, table.reshape(-1, table.shape[2])
    rows = np.concatenate([table[seats], np.repeat(told[:, None], outcomes, axis=1)], axis=2)
    return np.arange(len(seats), dtype=np.int32) * outcomes, rows.reshape(-1, rows.shape[2])


def observe(
    game: BatchedGame,
    outcomes: NDArray[np.integer],
    seats: NDArray[np.integer],
    told: NDArray[np.float32],
    shown: NDArray[np.float32] | None = None,
) -> Observations:
    """What N lanes saw over T rounds: outcomes [T, N], seats [N], told [N, K], and vectors [T, N, F] if any were."""
    found = coded(game, seats, told) if shown is None else None
    if found is not None:
        return Observations(torch.from_numpy(outcomes + found[0]), torch.from_numpy(found[1]))
    vectors = game.encode(outcomes, np.arange(len(outcomes))[:, None], seats[None, :]) if shown is None else shown
    more = np.broadcast_to(told, (len(outcomes), *told.shape))
    vectors = np.concatenate([vectors, more], axis=2) if told.shape[1] else vectors
    if shown is None:
        return Observations.of(torch.from_numpy(vectors))
    return _few(outcomes, vectors, game.spec.num_outcomes) or dataclasses.replace(
        Observations.of(torch.from_numpy(vectors)), apart=True
    )


def _few(outcomes: NDArray[np.integer], vectors: NDArray[np.float32], symbols: int) -> Observations | None:
    """Vectors [T, N, F] by lane and outcome [T, N], None if a lane saw different ones after the same outcome."""
    rounds, lanes = outcomes.shape
    if symbols >= rounds:
        return None
    for some in (min(lanes, 1), lanes):  # most games show at once that they are not like this
        seen, codes = vectors[:, :some], np.arange(some) * symbols + outcomes[:, :some]
        table = np.zeros((some * symbols, vectors.shape[2]), dtype=vectors.dtype)
        table[codes] = seen
        if not (table[codes] == seen).all():
            return None
    return Observations(torch.from_numpy(codes.astype(np.int32)), torch.from_numpy(table))
