"""What stands between an observation and the sequence core: nothing, linear maps, a small network, or convolutions.

Dimensions: F observation, E encoded, I input of the core.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_icl.models.rectified import Layer, fixed, learned

ENCODERS = ("linear", "mlp", "conv")
"""``linear`` embeds each part (``ModelConfig.embedding_size``); the others see the observation as a whole."""
GRID = "grid"
"""Name of the part of an observation that ``conv`` sees as a picture."""
CHANNELS, KERNEL = 16, 3
MOST_CELLS = 64
"""Of grids on which convolutions are taken as one matrix."""

Grid = Sequence[int]
"""Place of the part among all parts, channels, height, width; empty where there is no such part."""


def grid_of(features: Sequence[tuple[str, int]], shape: Sequence[int] | None) -> Grid:
    """The grid of a game with these parts (names and widths), one of which has ``shape`` if it is not None."""
    names = [name for name, _ in features]
    return () if shape is None else (names.index(GRID), *shape)


class Encoder(nn.Module, ABC):
    """A chain of linear layers with rectifiers."""

    encoded: int
    output_size: int

    def forward(self, observations: Tensor) -> Tensor:
        """Encoded observations [..., I]."""
        return self._through(self._layers(learned), observations)

    def fixed(self) -> Layer:
        """The same without gradients, for weights that stay as they are."""
        layers = self._layers(fixed)
        return lambda observations: self._through(layers, observations)

    @abstractmethod
    def _layers(self, make: Callable[[Tensor, Tensor], Layer]) -> list[Layer]:
        """The chain; ``make`` takes weights [E, K] and biases [E]."""

    def _through(self, layers: Sequence[Layer], observations: Tensor) -> Tensor:
        for layer in layers:
            observations = layer(observations)
        return observations


class MLPEncoder(Encoder):
    """Two layers with rectifiers over the whole observation: F to E to E."""

    def __init__(self, parts: Sequence[int], size: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(sum(parts), size), nn.Linear(size, size)
        self.encoded, self.output_size = size, size

    def _layers(self, make: Callable[[Tensor, Tensor], Layer]) -> list[Layer]:
        return [make(layer.weight, layer.bias) for layer in (self.first, self.second)]


class ConvEncoder(Encoder):
    """Two layers of 3 x 3 convolutions over the grid, then a linear one to E; other parts are passed on as they are.

    On a small grid each convolution is taken as the matrix that it is, which is faster than its few channels allow, and
    gives the same bits for any number of observations.

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

    def _layers(self, make: Callable[[Tensor, Tensor], Layer]) -> list[Layer]:
        last = make(self.linear.weight, self.linear.bias)
        if self.shape[1] * self.shape[2] > MOST_CELLS:
            return [self._convolve, last]
        return [*(make(*_matrix(of, self.shape[1:])) for of in (self.first, self.second)), last]

    def _convolve(self, grid: Tensor) -> Tensor:
        seen = F.relu(self.second(F.relu(self.first(grid.reshape(-1, *self.shape)))))
        return seen.reshape(*grid.shape[:-1], self.linear.in_features)

    def _through(self, layers: Sequence[Layer], observations: Tensor) -> Tensor:
        pieces = list(observations.split(self.parts, dim=-1))
        encoded = super()._through(layers, pieces.pop(self.place))
        return torch.cat([encoded, *pieces], dim=-1) if pieces else encoded


def _matrix(of: nn.Conv2d, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """A convolution over grids of height and width ``shape`` as weights and biases of a linear map."""
    inputs = of.in_channels * math.prod(shape)
    eye = torch.eye(inputs, dtype=of.weight.dtype, device=of.weight.device).view(inputs, of.in_channels, *shape)
    columns = F.conv2d(eye, of.weight, padding=KERNEL // 2).flatten(1)
    assert of.bias is not None
    return columns.T, of.bias.repeat_interleave(math.prod(shape))


def make_encoder(name: str, parts: Sequence[int], grid: Grid, size: int) -> Encoder | None:
    """The encoder called ``name`` of ``ENCODERS``; None for ``linear``."""
    if name == "linear":
        return None
    return MLPEncoder(parts, size) if name == "mlp" else ConvEncoder(parts, grid, size)


def reset_encoder(encoder: Encoder, generator: torch.Generator) -> None:
    """Draw the weights, orthogonal for rectifiers.

    What comes out is about as long as what goes in, so that a core whose input weights are drawn for few active inputs
    is fed as it expects.
    """
    for name, parameter in encoder.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.orthogonal_(parameter, gain=math.sqrt(2), generator=generator)
