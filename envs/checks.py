"""Checks of the options that an experiment file sets, each with a one-line error that names the option."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np

MOST_ROUNDS = 2**31 - 1
"""Longest episode that rounds can be counted in."""


def whole(argument: str, value: object, least: int, most: int | None = None) -> None:
    """Raise ValueError unless the value of an argument is a whole number from ``least`` to ``most``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise ValueError(f"{argument} must be a whole number, got {value!r}")
    if value < least or (most is not None and value > most):
        wanted = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{argument} must be {wanted}, got {value}")


def episode_length(value: object) -> None:
    """Raise ValueError unless ``rounds`` is a whole number from 1 that rounds can be counted in."""
    whole("rounds", value, 1)
    if value > MOST_ROUNDS:  # type: ignore[operator]
        raise ValueError(f"rounds must be at most {MOST_ROUNDS}, got {value}")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def share(argument: str, value: object) -> None:
    """Raise ValueError unless the value of an argument is a probability."""
    if not is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"{argument} must be a number in [0, 1], got {value!r}")


def yes_or_no(argument: str, value: object) -> None:
    """Raise ValueError unless the value of an argument is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{argument} must be true or false, got {value!r}")
