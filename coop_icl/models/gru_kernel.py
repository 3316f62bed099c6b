"""The compiled GRU (``_gru.c``): all rounds in one call without the interpreter, so that threads run side by side.

It is built when the project is installed, for x86-64 with AVX2 or AVX-512. Without a C compiler, on another processor,
on a GPU or in another precision than float32, ``fused_gru`` does the same in torch operations. The plain definition of
both is ``torch.nn.GRU``.

Dimensions: T rounds, N lanes, H hidden, F input. Gates in the order reset, update, new.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from coop_icl.models.buffers import Buffers
from coop_icl.models.cores import GRUWeights

MULTIPLE = 16
"""The hidden size must be a multiple of it."""


@cache
def library() -> Any:
    """The compiled functions, None if they were not built."""
    folder = Path(__file__).parent
    for suffix in EXTENSION_SUFFIXES:
        if (folder / f"_gru{suffix}").is_file():
            return ctypes.CDLL(str(folder / f"_gru{suffix}"))  # a call releases the interpreter's lock
    return None


@cache
def level() -> int:
    """The instructions to use: 4 AVX-512, 3 AVX2, 0 there are none (no library, or another processor)."""
    return int(library().level()) if library() is not None else 0


def fits(weights: Tensor, hidden_size: int) -> bool:
    """Whether the compiled GRU can be used with such weights."""
    usable = weights.device.type == "cpu" and weights.dtype == torch.float32 and hidden_size % MULTIPLE == 0
    return usable and level() > 0


class Packed:
    """Weights in the layout of the products.

    Attributes:
        gates: [H + F + 1, 3H]; columns of the new gate hold its recurrent part only.
        new: [F + 1, H], the input part of the new gate.
    """

    def __init__(self, weights: GRUWeights) -> None:
        w_ih, w_hh, b_ih, b_hh = (tensor.detach() for tensor in weights)
        self.hidden, self.inputs = w_hh.shape[1], w_ih.shape[1] + 1
        both = 2 * self.hidden
        inputs = torch.cat([w_ih[:both], torch.zeros_like(w_ih[both:])])
        bias = torch.cat([b_ih[:both] + b_hh[:both], b_hh[both:]])
        self.gates = torch.cat([w_hh.T, inputs.T, bias[None]]).contiguous()
        self.new = torch.cat([w_ih[both:].T, b_ih[None, both:]]).contiguous()
        self.row = self.hidden + -(-self.inputs // MULTIPLE) * MULTIPLE


class Stepper:
    """One policy's memory on N lanes, empty at first, and what takes it from round to round."""

    def __init__(self, weights: GRUWeights, lanes: int) -> None:
        packed = Packed(weights)
        hidden, end = packed.hidden, packed.hidden + packed.inputs - 1
        states = packed.gates.new_zeros(lanes, packed.row)
        states[:, end] = 1.0
        gates, news = packed.gates.new_empty(lanes, 3 * hidden), packed.gates.new_empty(lanes, hidden)
        self._inputs, self._features = states[:, hidden:end], states[:, :hidden]
        self._held = packed, states, gates, news
        self._arguments = _forward_arguments(packed, 1, lanes, states, 0, gates, 0, news, 0)

    def step(self, inputs: Tensor) -> Tensor:
        """Features [N, H] after one more round of inputs [N, F]; the next call overwrites them."""
        self._inputs.copy_(inputs)
        library().gru_forward(*self._arguments)
        return self._features


def gru_sequence(weights: GRUWeights, inputs: Tensor, buffers: Buffers) -> Tensor:
    """Features [T, N, H] of inputs [T, N, F], starting from empty memory.

    Differentiable in the weights, not in the inputs. ``backward`` may be called once.

    Raises:
        ValueError: if the inputs ask for a gradient.
    """
    if inputs.requires_grad:
        raise ValueError("the fused GRU has no gradient for its inputs; use the plain core")
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in weights)
    return _GRUSequence.apply(*weights, inputs, buffers, keep)  # type: ignore[return-value]


class _GRUSequence(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor, inputs: Tensor, buffers: Buffers, keep: bool
    ) -> Tensor:
        packed = Packed(GRUWeights(w_ih, w_hh, b_ih, b_hh))
        rounds, lanes, width = inputs.shape
        hidden, end = packed.hidden, packed.hidden + packed.inputs
        states, states_key = buffers.lend("states", (rounds + 1, lanes, packed.row), w_hh)
        states[0, :, :hidden] = 0.0
        states[:rounds, :, hidden : hidden + width] = inputs
        states[:rounds, :, end - 1] = 1.0
        states[:rounds, :, end:] = 0.0
        kept = rounds if keep else 1
        gates, gates_key = buffers.lend("gates", (kept, lanes, 3 * hidden), w_hh)
        news, news_key = buffers.lend("news", (kept, lanes, hidden), w_hh)
        strides = (gates.stride(0), news.stride(0)) if keep else (0, 0)
        library().gru_forward(
            *_forward_arguments(packed, rounds, lanes, states, states.stride(0), gates, strides[0], news, strides[1])
        )
        keys = [states_key, gates_key, news_key]
        features = states[1:, :, :hidden].clone(memory_format=torch.contiguous_format)
        if keep:
            ctx.packed, ctx.tensors, ctx.buffers, ctx.keys = packed, (w_hh, states, gates, news), buffers, keys
        else:
            buffers.release(keys)
        return features

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        packed: Packed = ctx.packed
        w_hh, states, gates, news = ctx.tensors
        rounds, lanes, triple = gates.shape
        hidden, inputs, row = packed.hidden, packed.inputs, packed.row
        recurrent, grad = w_hh.detach().contiguous(), grad.contiguous()
        d_gates, d_new, d_state = (grad.new_empty(lanes, width) for width in (triple, hidden, hidden))
        of_gates, of_new = grad.new_zeros(triple, row), grad.new_zeros(hidden, row - hidden)
        sizes = (rounds, lanes, hidden, inputs, row)
        tensors = (recurrent, states, gates, news, grad, d_gates, d_new, d_state, of_gates, of_new)
        library().gru_backward(level(), *sizes, *map(_pointer, tensors))
        ctx.buffers.release(ctx.keys)
        both, end = 2 * hidden, hidden + inputs - 1
        grad_ih = torch.cat([of_gates[:both, hidden:end], of_new[:, : inputs - 1]])
        grad_b_ih = torch.cat([of_gates[:both, end], of_new[:, inputs - 1]])
        return grad_ih, of_gates[:, :hidden], grad_b_ih, of_gates[:, end], None, None, None


def _forward_arguments(
    packed: Packed,
    rounds: int,
    lanes: int,
    states: Tensor,
    state_round: int,
    gates: Tensor,
    gate_round: int,
    news: Tensor,
    new_round: int,
) -> tuple[Any, ...]:
    """For ``gru_forward``; the distances between rounds are in floats, 0 uses the same memory for all."""
    long = ctypes.c_long
    return (
        level(),
        *(rounds, lanes, packed.hidden, packed.inputs, packed.row),
        *(_pointer(packed.gates), _pointer(packed.new)),
        *(_pointer(states), long(state_round), _pointer(gates), long(gate_round), _pointer(news), long(new_round)),
    )


def _pointer(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
