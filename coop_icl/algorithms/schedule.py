"""A number that changes over updates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """From ``start`` to ``end`` in a straight line over ``updates`` updates, then ``end``; ``end`` None is constant."""

    start: float
    end: float | None = None
    updates: int = 0

    def __call__(self, update: int) -> float:
        """Value at a 0-based update."""
        if self.end is None or self.end == self.start:
            return self.start
        if self.updates <= 0:
            return self.end
        share = min(update / self.updates, 1.0)
        return self.start + share * (self.end - self.start)
