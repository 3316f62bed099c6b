"""Observations of whole episodes, as rows of a table: most games show few different ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Observations:
    """What N lanes see over T rounds.

    Attributes:
        codes: int32 [T, N], a row of ``table`` each.
        table: [S, F], observation vectors.
        apart: whether every decision has a row of its own, in order; then some lanes take no rows but theirs along.
    """

    codes: Tensor
    table: Tensor
    apart: bool = False

    @staticmethod
    def of(vectors: Tensor | Observations) -> Observations:
        """Observation vectors [T, N, F], each a row of its own (observations are returned as they are)."""
        if isinstance(vectors, Observations):
            return vectors
        rounds, lanes, width = vectors.shape
        codes = torch.arange(rounds * lanes, dtype=torch.int32, device=vectors.device).view(rounds, lanes)
        return Observations(codes, vectors.reshape(-1, width))

    @property
    def num_lanes(self) -> int:
        """N."""
        return self.codes.shape[1]

    def vectors(self) -> Tensor:
        """Observation vectors [T, N, F]."""
        return self.table[self.codes]

    def lanes(self, rows: Tensor) -> Observations:
        """Those of some lanes, by index."""
        if self.apart:
            vectors = self.table.view(*self.codes.shape, -1)[:, rows]
            return replace(Observations.of(vectors), apart=True)
        return Observations(self.codes[:, rows], self.table)

    def to(self, device: torch.device) -> Observations:
        """The same on another device."""
        return replace(self, codes=self.codes.to(device), table=self.table.to(device))
