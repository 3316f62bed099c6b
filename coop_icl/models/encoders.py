"""What stands between an observation and the sequence core: nothing, linear maps, a small network, or convolutions.

Dimensions: F observation, E encoded, I input of the core.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ENCODERS = ("linear", "mlp", "conv")
"""``linear`` embeds each part (``ModelConfig.embedding_size``); the others see the observation as a whole."""
GRID = "grid"
"""Name of the part of an observation that ``conv`` sees as a picture."""
CHANNELS, KERNEL = 16, 3

Grid = Sequence[int]
"""Place of the part among all parts, channels, height, width; empty where there is no such part."""


def grid_of(features: Sequence[tuple[str, int]], shape: Sequence[int] | None) -> Grid:
    """The grid of a game with these parts (names and widths), one of which has ``shape`` if it is not None."""
    names = [name for name, _ in features]
    return () if shape is None else (names.index(GRID), *shape)


class MLPEncoder(nn.Module):
    """Two layers with rectifiers over the whole observation: F to E to E."""

    def __init__(self, parts: Sequence[int], size: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(sum(parts), size), nn.Linear(size, size)
        self.encoded, self.output_size = size, size

    def forward(self, observations: Tensor) -> Tensor:
        """Encoded observations [..., E]."""
        return F.relu(self.second(F.relu(self.first(observations))))


class ConvEncoder(nn.Module):
    """Two layers of 3 x 3 convolutions over the grid, then a linear one to E; other parts are passed on as they are.

    Args:
        parts: widths of the parts.
        grid: see ``Grid``.
        size: E.

    Raises:
        ValueError: if there is no grid, or the part has another width.
    """

    def __init__(self, parts: Sequence[int], grid: Grid, size: int) -> None:
        super().__init__()
        if len(grid) != 4:
            raise ValueError("model.encoder must be linear or mlp where no grid is observed")
        place, *shape = grid
        if not 0 <= place < len(parts) or math.prod(shape) != parts[place] or min(shape) < 1:
            raise ValueError(f"a grid of shape {shape} does not fit parts of widths {list(parts)}")
        self.parts, self.place, self.shape = tuple(parts), place, shape
        self.first = nn.Conv2d(shape[0], CHANNELS, KERNEL, padding=1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, KERNEL, padding=1)
        self.linear = nn.Linear(CHANNELS * shape[1] * shape[2], size)
        self.encoded, self.output_size = size, size + sum(parts) - parts[place]

    def forward(self, observations: Tensor) -> Tensor:
        """The encoded grid and the other parts [..., I]."""
        pieces = list(observations.split(self.parts, dim=-1))
        grid = pieces.pop(self.place)
        seen = F.relu(self.second(F.relu(self.first(grid.reshape(-1, *self.shape)))))
        encoded = F.relu(self.linear(seen.flatten(1))).view(*grid.shape[:-1], self.encoded)
        return torch.cat([encoded, *pieces], dim=-1)


def make_encoder(name: str, parts: Sequence[int], grid: Grid, size: int) -> MLPEncoder | ConvEncoder | None:
    """The encoder called ``name`` of ``ENCODERS``; None for ``linear``."""
    if name == "linear":
        return None
    return MLPEncoder(parts, size) if name == "mlp" else ConvEncoder(parts, grid, size)


def reset_encoder(encoder: MLPEncoder | ConvEncoder, generator: torch.Generator) -> None:
    """Draw the weights, orthogonal for rectifiers.

    What comes out is about as long as what goes in, so that a core whose input weights are drawn for few active inputs
    is fed as it expects.
    """
    for name, parameter in encoder.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.orthogonal_(parameter, gain=math.sqrt(2), generator=generator)
