"""Tensors that are used again from update to update."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class Buffers:
    """Tensors reused from update to update; a second use before the first is released gets fresh ones."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Tensor] = {}
        self._lent: set[tuple[Any, ...]] = set()

    def lend(self, name: str, shape: tuple[int, ...], like: Tensor) -> tuple[Tensor, tuple[Any, ...] | None]:
        """An uninitialised tensor and the key to give back, None if it is a fresh one."""
        key = (name, shape, like.dtype, like.device)
        if key in self._lent:
            return like.new_empty(shape), None
        if key not in self._kept:
            for old in [k for k in self._kept if k[0] == name and k not in self._lent]:
                del self._kept[old]
            self._kept[key] = like.new_empty(shape)
        self._lent.add(key)
        return self._kept[key], key

    def release(self, keys: list[tuple[Any, ...] | None]) -> None:
        """Give tensors back."""
        self._lent.difference_update(key for key in keys if key is not None)
