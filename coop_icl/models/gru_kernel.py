"""The compiled GRU (``_gru.c``): all rounds, heads included, in one call that leaves the interpreter to other threads.

It is built when the project is installed, for x86-64 with AVX2 or AVX-512. Without a C compiler, on another processor,
on a GPU or in another precision than float32, ``fused_gru`` does the same in torch operations. The plain definition of
both is ``torch.nn.GRU``. On request, and where the processor has bfloat16 units, the factors of the recurrent products
are rounded to bfloat16; sums, states and weights stay float32.

Dimensions: T rounds, N lanes, H hidden, F input, S rows of a table of inputs, O outputs. Gates: reset, update, new.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from coop_icl.models.buffers import Buffers
from coop_icl.models.cores import GRUWeights
from coop_icl.models.observations import Observations

MULTIPLE = 16
"""The hidden size must be a multiple of it."""
HALF = 5
"""The least ``level`` with bfloat16."""


@cache
def library() -> Any:
    """The compiled functions, None if they were not built, or for a system that this one is not."""
    folder = Path(__file__).parent
    for suffix in EXTENSION_SUFFIXES:
        if (folder / f"_gru{suffix}").is_file():
            try:
                found = ctypes.CDLL(str(folder / f"_gru{suffix}"))  # a call releases the interpreter's lock
            except OSError:
                return None
            for size in (found.gru_scratch, found.gru_learn_scratch, found.gru_plan_scratch):
                size.restype = ctypes.c_long
            return found
    return None


@cache
def level() -> int:
    """The instructions to use: 5 AVX-512 with bfloat16, 4 AVX-512, 3 AVX2, 0 none (no library, another processor)."""
    return int(library().level()) if library() is not None else 0


def fits(weights: Tensor, hidden_size: int) -> bool:
    """Whether the compiled GRU can be used with such weights."""
    usable = weights.device.type == "cpu" and weights.dtype == torch.float32 and hidden_size % MULTIPLE == 0
    return usable and level() > 0


class Weights(NamedTuple):
    """A GRU with linear heads on its features.

    Attributes:
        gru: as ``nn.GRU`` names them.
        heads: [O, H]; bias: [O].
        swish: whether the heads see swish(h) instead of h.
        half: whether recurrent products are taken in bfloat16, where the processor can.
    """

    gru: GRUWeights
    heads: Tensor
    bias: Tensor
    swish: bool = False
    half: bool = False


class CPolicy(ctypes.Structure):
    """``struct policy`` of ``_gru.c``."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("hidden", "outputs", "swish", "half")),
        *((name, ctypes.c_void_p) for name in ("recurrent", "rows", "table", "heads", "head_bias")),
    )


class Packed:
    """Weights in the layout of the products, for one table of inputs [S, F].

    Attributes:
        policy: what the compiled functions take; it points into tensors that this object keeps.
        table: [S, 4H], what each row of the table of inputs contributes to the gates.
    """

    def __init__(self, weights: Weights, inputs: Tensor) -> None:
        w_ih, w_hh, b_ih, b_hh = (tensor.detach() for tensor in weights.gru)
        self.hidden, self.outputs = w_hh.shape[1], weights.heads.shape[0]
        both = 2 * self.hidden
        self._projection = w_ih.T.contiguous(), torch.cat([b_ih[:both] + b_hh[:both], b_hh[both:], b_ih[both:]])
        self.table = self.project(inputs)
        heads, bias = weights.heads.detach().contiguous(), weights.bias.detach().contiguous()
        half = weights.half and level() >= HALF
        pack = pairs if half else Tensor.contiguous
        self._tensors = pack(w_hh.T), pack(w_hh), self.table, heads, bias
        addresses = (tensor.data_ptr() for tensor in self._tensors)
        self.policy = CPolicy(self.hidden, self.outputs, int(weights.swish), int(half), *addresses)

    def project(self, inputs: Tensor, out: Tensor | None = None) -> Tensor:
        """The table [S, 4H] of inputs [S, F]."""
        weights, bias = self._projection
        inputs = inputs.detach().contiguous()
        table = weights.new_empty(inputs.shape[0], 4 * self.hidden) if out is None else out
        library().gru_project(level(), *inputs.shape, self.hidden, *map(pointer, (inputs, weights, bias, table)))
        return table


class Stepper:
    """One policy's memory on N lanes, empty at first, and what takes it from round to round."""

    def __init__(self, weights: Weights, lanes: int) -> None:
        w_ih = weights.gru.w_ih
        self._packed = Packed(weights, w_ih.new_zeros(lanes, w_ih.shape[1]))
        hidden = self._packed.hidden
        codes = torch.arange(lanes, dtype=torch.int32)
        states, gates, news = (w_ih.new_zeros(lanes, width) for width in (hidden, 3 * hidden, hidden))
        self._out = w_ih.new_zeros(self._packed.outputs, lanes)
        self._held = codes, states, gates, news
        policy = ctypes.byref(self._packed.policy)
        self._arguments = level(), 1, lanes, policy, *_forward_tensors(codes, states, gates, news, self._out, False)

    def step(self, inputs: Tensor) -> Tensor:
        """Outputs [N, O] after one more round of inputs [N, F]; the next call overwrites them."""
        self._packed.project(inputs, self._packed.table)
        library().gru_forward(*self._arguments)
        return self._out.T


def gru_sequence(weights: Weights, observations: Observations, buffers: Buffers) -> tuple[Tensor, Tensor]:
    """All outputs but the last [T, N, O - 1], and the last [T, N], from empty memory.

    Differentiable in the weights and in the table of inputs. ``backward`` may be called once.
    """
    tensors = *weights.gru, weights.heads, weights.bias, observations.table
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    options = weights.swish, weights.half
    return _GRUSequence.apply(*tensors, options, observations.codes, buffers, keep)  # type: ignore[return-value]


class _GRUSequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        *gru, heads, bias, inputs, options, codes, buffers, keep = arguments
        packed = Packed(Weights(GRUWeights(*gru), heads, bias, *options), inputs)
        codes = codes.contiguous()
        rounds, lanes = codes.shape
        hidden, kept = packed.hidden, rounds if keep else 1
        states, states_key = buffers.lend("states", (kept + 1 if keep else 1, lanes, hidden), heads)
        gates, gates_key = buffers.lend("gates", (kept, lanes, 3 * hidden), heads)
        news, news_key = buffers.lend("news", (kept, lanes, hidden), heads)
        states[0] = 0.0
        out = heads.new_empty(packed.outputs, rounds, lanes)
        tensors = _forward_tensors(codes, states, gates, news, out, keep)
        library().gru_forward(level(), rounds, lanes, ctypes.byref(packed.policy), *tensors)
        keys = [states_key, gates_key, news_key]
        if keep:
            ctx.packed, ctx.inputs, ctx.w_ih, ctx.buffers, ctx.keys = packed, inputs, gru[0], buffers, keys
            ctx.tensors = codes, states, gates, news
        else:
            buffers.release(keys)
        return out[:-1].movedim(0, -1), out[-1]

    @staticmethod
    def backward(ctx: Any, d_first: Tensor, d_last: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        packed: Packed = ctx.packed
        codes, states, gates, news = ctx.tensors
        rounds, lanes = codes.shape
        hidden, outputs, rows = packed.hidden, packed.outputs, packed.table.shape[0]
        d_out = torch.cat([d_first.movedim(-1, 0), d_last[None]])
        scratch = d_out.new_empty(library().gru_scratch(hidden, outputs, rows))
        d_hh, d_table = d_out.new_zeros(3 * hidden, hidden), d_out.new_zeros(rows, 4 * hidden)
        d_heads = d_out.new_zeros(outputs, hidden)
        tensors = states, gates, news, d_out, scratch, d_hh, d_table, d_heads
        policy = ctypes.byref(packed.policy)
        library().gru_backward(level(), rounds, lanes, policy, pointer(codes), rows, *map(pointer, tensors))
        ctx.buffers.release(ctx.keys)
        d_ih, d_b_ih, d_b_hh, d_inputs = input_gradients(d_table, ctx.inputs, ctx.w_ih)
        d_bias = d_out.sum((1, 2))
        return d_ih, d_hh, d_b_ih, d_b_hh, d_heads, d_bias, d_inputs, None, None, None, None


def input_gradients(d_table: Tensor, inputs: Tensor, w_ih: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Gradients of w_ih [3H, F], b_ih and b_hh [3H] from that of the projected table [S, 4H] of inputs [S, F].

    The last is that of the inputs, None if they ask for none.
    """
    hidden = d_table.shape[1] // 4
    both, triple = 2 * hidden, 3 * hidden
    d_gates = torch.cat([d_table[:, :both], d_table[:, triple:]], 1)
    d_bias = d_table.sum(0)
    d_inputs = d_gates @ w_ih.detach() if inputs.requires_grad else None
    d_ih = d_gates.T @ inputs.detach()
    return d_ih, torch.cat([d_bias[:both], d_bias[triple:]]), d_bias[:triple], d_inputs


def _forward_tensors(
    codes: Tensor, states: Tensor, gates: Tensor, news: Tensor, out: Tensor, keep: bool
) -> tuple[Any, ...]:
    """Arguments of ``gru_forward``; without ``keep`` all rounds use the same memory."""
    found: list[Any] = [pointer(codes)]
    for tensor in (states, gates, news):
        found += [pointer(tensor), ctypes.c_long(tensor.stride(0) if keep else 0)]
    return *found, pointer(out)


def pairs(matrix: Tensor) -> Tensor:
    """A matrix [K, C] in bfloat16, neighbours in the first dimension side by side: [K / 2, C, 2]."""
    rows, columns = matrix.shape
    return matrix.to(torch.bfloat16).view(rows // 2, 2, columns).transpose(1, 2).contiguous()


def pointer(tensor: Tensor) -> ctypes.c_void_p:
    """Address of a contiguous tensor."""
    return ctypes.c_void_p(tensor.data_ptr())
