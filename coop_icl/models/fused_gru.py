"""Several equal GRUs over whole episodes at once, with the backward pass written out.

What is used where ``gru_kernel`` cannot be; the plain definition of both is ``torch.nn.GRU``. What makes it fast on a
CPU: lanes are the last dimension, so that gates are contiguous slices; all learners share one batched product; input
and bias are rows appended to the hidden state, so that one product a round serves both; the working set of a round
stays in cache; buffers are reused; autograd sees one operation instead of hundreds.

Dimensions: T rounds, L learners, H hidden, F input, N lanes. Gates in the order reset, update, new.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from coop_icl.models.buffers import Buffers

_MINUS_ONE = torch.tensor(-1.0)


class StackedWeights(NamedTuple):
    """Weights of L one-layer GRUs, in the layout of the products.

    Attributes:
        gates: [L, 3H, H + F + 1]; rows of the new gate hold its recurrent part only.
        new_input: [L, H, F + 1]; the input part of the new gate, doubled (see ``round_``).
    """

    gates: Tensor
    new_input: Tensor


def stack_weights(w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> StackedWeights:
    """Weights as ``nn.GRU`` names them, stacked: [L, 3H, F], [L, 3H, H], [L, 3H], [L, 3H]."""
    hidden = w_hh.shape[2]
    both = 2 * hidden
    inputs = torch.cat([w_ih[:, :both], torch.zeros_like(w_ih[:, both:])], 1)
    bias = torch.cat([b_ih[:, :both] + b_hh[:, :both], b_hh[:, both:]], 1)
    gates = torch.cat([w_hh, inputs, bias[:, :, None]], 2)
    return StackedWeights(gates, 2 * torch.cat([w_ih[:, both:], b_ih[:, both:, None]], 2))


def round_(weights: StackedWeights, hx: Tensor, gates: Tensor, new: Tensor, out: Tensor) -> None:
    """One round for all learners, in place. tanh(x) is taken as 2 sigmoid(2x) - 1, which torch computes faster.

    Args:
        weights: see ``StackedWeights``.
        hx: [L, H + F + 1, N], hidden state, input and a row of ones.
        gates: [L, 3H, N], receives reset, update (after the sigmoid) and the new gate's recurrent part.
        new: [L, H, N], receives the new gate (after tanh).
        out: [L, H, N], receives the next hidden state; may be the first H rows of ``hx``.
    """
    hidden = new.shape[1]
    torch.bmm(weights.gates, hx, out=gates)
    gates[:, : 2 * hidden].sigmoid_()
    torch.bmm(weights.new_input, hx[:, hidden:], out=new)
    new.addcmul_(gates[:, :hidden], gates[:, 2 * hidden :], value=2.0).sigmoid_()
    torch.add(_MINUS_ONE, new, alpha=2.0, out=new)
    torch.lerp(new, hx[:, :hidden], gates[:, hidden : 2 * hidden], out=out)


class _GRUSequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gates_w: Tensor, new_w: Tensor, inputs: Tensor, buffers: Buffers, keep: bool) -> Tensor:  # type: ignore[override]
        weights = StackedWeights(gates_w, new_w)
        rounds, learners, width, lanes = inputs.shape
        hidden = new_w.shape[1]
        hx, hx_key = buffers.lend("hx", (rounds + 1, learners, hidden + width + 1, lanes), gates_w)
        hx[0, :, :hidden] = 0.0
        hx[:rounds, :, hidden:-1] = inputs
        hx[:, :, -1] = 1.0
        kept = rounds if keep else 1
        gates, gates_key = buffers.lend("gates", (kept, learners, 3 * hidden, lanes), gates_w)
        new, new_key = buffers.lend("new", (kept, learners, hidden, lanes), gates_w)
        for t in range(rounds):
            slot = t if keep else 0
            round_(weights, hx[t], gates[slot], new[slot], hx[t + 1][:, :hidden])
        keys = [hx_key, gates_key, new_key]
        features = hx[1:, :, :hidden].clone()
        if keep:
            ctx.weights, ctx.tensors, ctx.buffers, ctx.keys = weights, (hx, gates, new), buffers, keys
        else:
            buffers.release(keys)
        return features

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        weights: StackedWeights = ctx.weights
        hx, gates, new = ctx.tensors
        rounds, learners, triple, lanes = gates.shape
        hidden = triple // 3
        grad_gates_w, grad_new_w = torch.zeros_like(weights.gates), torch.zeros_like(weights.new_input)
        recurrent = weights.gates[:, :, :hidden].transpose(1, 2).contiguous()
        d_gates = grad.new_empty(learners, triple, lanes)
        d_reset, d_update, d_recurrent = d_gates.split(hidden, 1)
        dh, d_new = grad.new_zeros(learners, hidden, lanes), grad.new_empty(learners, hidden, lanes)
        back = grad.new_empty(learners, hidden, lanes)
        to_gates = weights.gates[:, : 2 * hidden, hidden:-1].transpose(1, 2)
        to_new = 0.5 * weights.new_input[:, :, :-1].transpose(1, 2)
        width = hx.shape[2] - hidden - 1
        d_inputs = grad.new_empty(rounds, learners, width, lanes) if ctx.needs_input_grad[2] else None
        sigmoid_backward, tanh_backward = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward
        for t in range(rounds - 1, -1, -1):
            reset, update, recurrent_part = gates[t].split(hidden, 1)
            dh.add_(grad[t])
            # h = new + update * (h_before - new)
            torch.sub(hx[t][:, :hidden], new[t], out=back).mul_(dh)
            sigmoid_backward.grad_input(back, update, grad_input=d_update)
            torch.mul(dh, update, out=back)
            tanh_backward.grad_input(dh.sub_(back), new[t], grad_input=d_new)
            # new = tanh(input part + reset * recurrent part)
            torch.mul(d_new, reset, out=d_recurrent)
            torch.mul(d_new, recurrent_part, out=dh)
            sigmoid_backward.grad_input(dh, reset, grad_input=d_reset)
            grad_gates_w.baddbmm_(d_gates, hx[t].transpose(1, 2))
            if d_inputs is not None:
                torch.bmm(to_gates, d_gates[:, : 2 * hidden], out=d_inputs[t]).baddbmm_(to_new, d_new)
            grad_new_w.baddbmm_(d_new, hx[t][:, hidden:].transpose(1, 2))
            torch.baddbmm(back, recurrent, d_gates, out=dh)
        ctx.buffers.release(ctx.keys)
        grad_new_w *= 0.5
        # rows of the new gate have no input weights: that part of the product is not a parameter
        grad_gates_w[:, 2 * hidden :, hidden:-1] = 0.0
        return grad_gates_w, grad_new_w, d_inputs, None, None


def gru_sequence(weights: StackedWeights, inputs: Tensor, buffers: Buffers) -> Tensor:
    """Features [T, L, H, N] of inputs [T, L, F, N], starting from empty memory.

    Differentiable in the weights and in the inputs. ``backward`` may be called once.
    """
    keep = torch.is_grad_enabled() and (weights.gates.requires_grad or inputs.requires_grad)
    return _GRUSequence.apply(weights.gates, weights.new_input, inputs, buffers, keep)  # type: ignore[return-value]
