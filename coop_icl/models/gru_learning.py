"""Gradients of a compiled GRU with two actions: forward pass, loss and backward pass in one call (``_gru_learn.h``).

What is computed is ``algorithms/losses.py`` through ``torch.nn.GRU``; nothing of it is kept from one call to the next.
Dimensions as in ``gru_kernel``.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import torch
from torch import Tensor

from coop_icl.models.buffers import Buffers
from coop_icl.models.gru_kernel import Packed, Weights, input_gradients, level, library, pointer
from coop_icl.models.observations import Observations


class Sums(NamedTuple):
    """What a loss adds up over decisions, each weighted; ``distance`` is the largest of a ratio from 1."""

    surrogate: float
    squared_error: float
    entropy: float
    kl: float
    clipped: float
    returns: float
    squared_returns: float
    d_score: float
    d_value: float
    distance: float


class CTargets(ctypes.Structure):
    """``struct targets`` of ``_gru.c``."""

    _fields_ = (
        ("columns", ctypes.c_long),
        *((name, ctypes.c_void_p) for name in ("actions", "logp", "advantages", "returns", "weights")),
    )


class CCoefficients(ctypes.Structure):
    """``struct coefficients`` of ``_gru.c``."""

    _fields_ = (
        ("clipped", ctypes.c_int),
        *((name, ctypes.c_float) for name in ("clip", "value", "entropy", "share")),
    )


def targets(actions: Tensor, logp: Tensor, advantages: Tensor, returns: Tensor, weights: Tensor) -> CTargets:
    """Of contiguous tensors [T, N], actions int64, the others float32; the caller keeps them while it is used."""
    tensors = actions, logp, advantages, returns, weights
    return CTargets(actions.shape[1], *(tensor.data_ptr() for tensor in tensors))


def gradients(
    weights: Weights,
    observations: Observations,
    lanes: Tensor,
    learned: CTargets,
    coefficients: CCoefficients,
    buffers: Buffers,
) -> tuple[tuple[Tensor, ...], Sums]:
    """Gradients of a loss over some lanes, in the order of ``Weights`` (the GRU's four, heads, bias), and its sums.

    If the table of observations asks for a gradient, that is the last.

    Args:
        weights: two scores and a value as outputs.
        observations: of all N lanes; codes contiguous.
        lanes: int64 [n], which of them count.
        learned: of all N lanes.
        coefficients: of the loss; ``share`` times the sum of weights over ``lanes`` is usually 1.
        buffers: lends memory to work in.
    """
    packed = Packed(weights, observations.table)
    rounds, (rows, hidden) = observations.codes.shape[0], (packed.table.shape[0], packed.hidden)
    like = weights.heads.detach()
    size = library().gru_learn_scratch(rounds, hidden, rows)
    scratch, key = buffers.lend("learn", (size,), like)
    d_hh, d_table = like.new_zeros(3 * hidden, hidden), like.new_zeros(rows, 4 * hidden)
    d_heads, sums = torch.zeros_like(like), torch.zeros(len(Sums._fields), dtype=torch.float64)
    library().gru_learn(
        *(level(), rounds, len(lanes), ctypes.byref(packed.policy), rows),
        *map(pointer, (observations.codes, lanes)),
        *(ctypes.byref(learned), ctypes.byref(coefficients)),
        *map(pointer, (scratch, d_hh, d_table, d_heads, sums)),
    )
    buffers.release([key])
    found = Sums(*sums.tolist())
    d_bias = like.new_tensor([found.d_score, -found.d_score, found.d_value])
    d_ih, d_b_ih, d_b_hh, d_inputs = input_gradients(d_table, observations.table, weights.gru.w_ih)
    more = () if d_inputs is None else (d_inputs,)
    return (d_ih, d_hh, d_b_ih, d_b_hh, d_heads, d_bias, *more), found


def action_log_probabilities(scores: Tensor, actions: Tensor) -> Tensor:
    """Log-probabilities [T, N] of actions [T, N] under two scores [2, T, N], the same bits as a loss computes."""
    leads = torch.where(actions == 0, scores[0] - scores[1], scores[1] - scores[0])
    padded = torch.zeros((leads.numel() + 15) // 16 * 16)
    padded[: leads.numel()] = leads.reshape(-1)
    library().gru_logps(level(), ctypes.c_long(len(padded)), pointer(padded), pointer(padded))
    return padded[: leads.numel()].view_as(leads)
