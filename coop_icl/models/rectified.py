"""Linear layers with rectifiers, such that a row's result has the same bits whatever the number of rows.

What a policy is shown in one round it encodes again when it learns from whole episodes; libraries choose another order
of sums for another number of rows, which would move the probability ratio away from 1 before anything has changed.
Compiled where ``gru_kernel`` fits, else in torch.

Dimensions: R rows, K inputs, E outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from coop_icl.models import gru_kernel
from coop_icl.models.gru_kernel import MULTIPLE, pointer

Layer = Callable[[Tensor], Tensor]
"""Maps [..., K] to [..., E]."""


def learned(weight: Tensor, bias: Tensor) -> Layer:
    """relu(x weight' + bias) of weight [E, K] and bias [E], with gradients."""
    if not gru_kernel.fits(weight, MULTIPLE):
        return lambda x: F.relu(F.linear(x, weight, bias))
    return lambda x: _Rectified.apply(x.flatten(0, -2), weight, bias).view(*x.shape[:-1], len(weight))  # type: ignore[union-attr]


def fixed(weight: Tensor, bias: Tensor) -> Layer:
    """The same without gradients, for weights that stay as they are."""
    weight, bias = weight.detach(), bias.detach()
    if not gru_kernel.fits(weight, MULTIPLE):
        return lambda x: F.relu(F.linear(x, weight, bias))
    packed = _pack(weight, bias)
    return lambda x: _run(x.flatten(0, -2), *packed, len(weight)).view(*x.shape[:-1], len(weight))


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # type: ignore[override]
        out = _run(x, *_pack(weight, bias), len(weight))
        ctx.save_for_backward(x, weight, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight, out = ctx.saved_tensors
        grad = torch.ops.aten.threshold_backward(grad, out, 0)
        return grad @ weight if ctx.needs_input_grad[0] else None, grad.T @ x, grad.sum(0)


def _pack(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Columns [K, E] and bias [E], E filled up with zeros to whole vectors."""
    more = -len(weight) % MULTIPLE
    return F.pad(weight.T, (0, more)).contiguous(), F.pad(bias, (0, more))


def _run(x: Tensor, columns: Tensor, start: Tensor, outputs: int) -> Tensor:
    """[R, outputs] of x [R, K]."""
    x, (inputs, padded) = x.contiguous(), columns.shape
    out = x.new_empty(len(x), padded)
    library = gru_kernel.library()
    library.gru_rectify(gru_kernel.level(), len(x), inputs, padded, *map(pointer, (x, columns, start, out)))
    return out if padded == outputs else out[:, :outputs].contiguous()
