"""Whether environments that others wrote replay: one seed on two fresh copies must give one episode."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from pettingzoo import ParallelEnv

ROUNDS = 10
"""Rounds that are compared; what differs later goes unnoticed."""
PARTS = ("agents", "observations", "rewards", "terminations", "truncations")


def difference(make: Callable[[], ParallelEnv], rounds: int) -> str | None:
    """Play one seed with the same actions on two fresh copies, and close them.

    Args:
        make: makes a copy.
        rounds: at most so many are played.

    Returns:
        What differs first, as in ``rewards of round 3``; None if nothing does.
    """
    both = []
    for _ in range(2):
        env = make()
        both.append(list(_episode(env, min(rounds, ROUNDS))))
        release(env)
    if len(both[0]) != len(both[1]):
        return "the number of rounds"
    for number, (one, other) in enumerate(zip(*both, strict=True)):
        for part, left, right in zip(PARTS, one, other, strict=True):
            if not _same(left, right):
                return f"{part} of round {number}" if number else f"{part} at the start"
    return None


def release(env: ParallelEnv) -> None:
    """Close a copy that has played its last episode, whatever it says to that."""
    with contextlib.suppress(Exception):
        env.close()


def _episode(env: ParallelEnv, rounds: int) -> Iterator[tuple[Any, ...]]:
    """Yield agents and what they are shown, in the order of ``PARTS``; actions are drawn, the same every time."""
    rng = np.random.default_rng(0)
    observations, _ = env.reset(seed=1)
    yield list(env.agents), dict(observations), {}, {}, {}
    for _ in range(rounds):
        if not env.agents:
            return
        spaces = {agent: env.action_space(agent) for agent in env.agents}
        actions = {
            agent: int(space.start) + int(rng.integers(space.n))
            for agent, space in spaces.items()
            if isinstance(space, Discrete)
        }
        step = env.step(actions)
        yield (list(env.agents), *(dict(part) for part in step[:4]))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return one == other
    return np.array_equal(np.asarray(one, dtype=float), np.asarray(other, dtype=float), equal_nan=True)
