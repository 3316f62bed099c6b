"""What games on a grid share: cells, moves, observations from each player's side, and the course of an episode.

Cells are numbered row by row. Shapes use P players, B games, H x W cells, C planes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from envs.batched import GameSpec, Step
from envs.boards import Board
from envs.cells import distances, next_cells
from envs.checks import episode_length
from envs.vectors import VectorGame

NEITHER, COOPERATED, DEFECTED = range(3)
"""What a player did in a round, in the words of ``Step.cooperated``: NaN, 1 and 0."""

_COOPERATED = np.array([np.nan, 1, 0], dtype=np.float32)


class GridGame(VectorGame, ABC):
    """B games on a grid, of a fixed number of rounds; a game fills in its rules.

    A player's grid is C = P + objects planes of zeros and ones: its own position, those of the others in the order of
    seats after its own, then the game's objects, own ones first. Outcomes say what everybody did in the last round,
    own part first and the others in the same order: 1 + the number in base 3 whose digits are ``NEITHER``,
    ``COOPERATED`` and ``DEFECTED``.

    Args:
        name: of the game, as in its spec.
        players: P.
        shape: H and W.
        actions: names of all actions, ``MOVES`` first.
        objects: number of planes after the players' own.
        rounds: length of an episode.
        observe: parts of the observation vector, any of ``parts``.
        parts: those that the game has, out of ``grid``, ``outcome`` (one-hot), ``action`` (own last one, one-hot),
            ``reward`` (own last one), ``frozen`` (rounds still to wait, of everyone, own first, as a share of the
            longest) and ``round`` (share of the episode that is over).
        wrap: whether who leaves the grid enters it at the other side; else it stays where it is.
        numbers: uniforms of the start, and of each round.
        reward_range: least and greatest reward of a round.
        longest: rounds that a player may be frozen.

    Raises:
        ValueError: naming the argument that is out of range.
    """

    def __init__(
        self,
        *,
        name: str,
        players: int,
        shape: tuple[int, int],
        actions: Sequence[str],
        objects: int,
        rounds: int,
        observe: Sequence[str],
        parts: Sequence[str],
        wrap: bool,
        numbers: tuple[int, int],
        reward_range: tuple[float, float],
        longest: int = 0,
    ) -> None:
        episode_length(rounds)
        if not isinstance(observe, Sequence) or isinstance(observe, str | bytes):
            raise ValueError(f"observe must be a list of parts, got {observe!r}")
        if any(part not in parts for part in observe) or not observe or len(set(observe)) != len(observe):
            raise ValueError(f"observe must be distinct parts out of {list(parts)}, got {list(observe)}")
        self.rounds, self.parts, self.actions = int(rounds), tuple(observe), tuple(actions)
        self.height, self.width = shape
        self.cells = self.height * self.width
        self.longest = longest
        self._numbers, self._reward_range = numbers, reward_range
        grid = (players + objects, *shape)
        outcomes = 1 + 3**players
        widths = {
            "grid": grid[0] * self.cells,
            "outcome": outcomes,
            "action": len(actions),
            "reward": 1,
            "frozen": players,
            "round": 1,
        }
        self._spec = GameSpec(
            name=name,
            num_players=players,
            num_actions=len(actions),
            max_rounds=self.rounds,
            num_outcomes=outcomes,
            features=tuple((part, widths[part]) for part in observe),
            symmetric=True,
            grid=grid if "grid" in observe else None,
        )
        self.next_cell = next_cells(shape, len(actions), wrap)
        self.order = (np.arange(players)[:, None] + np.arange(players)) % players
        self._weights = 3 ** np.arange(players)[::-1]
        self._begin(np.zeros((0, self.num_uniforms)))

    @property
    def spec(self) -> GameSpec:
        """Static description of the game."""
        return self._spec

    @property
    def num_uniforms(self) -> int:
        """Those of the start, then those of each round."""
        return self._numbers[0] + self.rounds * self._numbers[1]

    @cached_property
    def distance(self) -> NDArray[np.int64]:
        """Moves from cell to cell, [cells, cells]."""
        return distances(self.next_cell)

    def reset(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Start B episodes from uniforms [B, K] in [0, 1); return outcomes [P, B], all 0."""
        if uniforms.ndim != 2 or uniforms.shape[1] != self.num_uniforms:
            raise ValueError(f"uniforms must have shape [games, {self.num_uniforms}], got {list(uniforms.shape)}")
        self._begin(uniforms)
        return self._outcomes

    def step(self, actions: NDArray[np.integer]) -> Step:
        """Play one round with actions [P, B], integers below n; see ``Step`` for the result."""
        actions = np.asarray(actions, dtype=np.int64)
        if actions.shape != self.positions.shape:
            raise ValueError(f"actions must have shape {list(self.positions.shape)}, got {list(actions.shape)}")
        games = actions.shape[1]
        if self._round >= self.rounds:  # every game is over
            nothing = np.zeros(actions.shape, dtype=np.float32)
            over = np.ones(games, dtype=np.bool_)
            return Step(self._outcomes, nothing, over, ~over, np.full_like(nothing, np.nan))
        start, each = self._numbers
        first = start + each * self._round
        rewards, did = self._play(actions, self._uniforms[:, first : first + each])
        self._round += 1
        self._outcomes = 1 + np.tensordot(self._weights, did[self.order], axes=(0, 1))
        self._actions, self._rewards = actions.copy(), rewards.copy()  # the caller's may change
        over = np.full(games, self._round >= self.rounds)
        return Step(self._outcomes, rewards, over, np.zeros_like(over), _COOPERATED[did])

    def observe(self) -> NDArray[np.float32]:
        """What every player sees now, [P, B, F]."""
        shown = [self._part(part) for part in self.parts]
        return shown[0] if len(shown) == 1 else np.concatenate(shown, axis=2)

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Zeros and ones, but for rewards."""
        low = np.zeros((self.spec.num_players, self.spec.observation_size), dtype=np.float32)
        high = np.ones_like(low)
        at = 0
        for part, width in self.spec.features:
            if part == "reward":
                low[:, at], high[:, at] = self._reward_range
            at += width
        return low, high

    def board(self) -> Board:
        """The first game of the batch, to be drawn."""
        places = [divmod(int(cell), self.width) for cell in self.positions[:, 0]]
        ground = self._ground().reshape(self.height, self.width)
        return Board(ground, self._legend, places, [bool(left) for left in self.frozen[:, 0]])

    _legend: tuple[tuple[str, tuple[int, int, int]], ...] = ()
    """A letter and a colour for each kind of ground."""

    @abstractmethod
    def _start(self, numbers: NDArray[np.float64]) -> None:
        """Set ``positions`` [P, B] and the objects from the numbers of the start [B, k]."""

    @abstractmethod
    def _play(
        self, actions: NDArray[np.int64], numbers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Rewards [P, B] of a round, and what each player did, from its numbers [B, k]."""

    @abstractmethod
    def _objects(self) -> NDArray:
        """Object planes by seat, [P or 1, B, objects, cells]."""

    @abstractmethod
    def _ground(self) -> NDArray[np.int64]:
        """Row of ``_legend`` for each cell of the first game, [cells]."""

    def _begin(self, uniforms: NDArray[np.float64]) -> None:
        shape = self.spec.num_players, len(uniforms)
        self._uniforms, self._round = uniforms, 0
        self._outcomes = np.zeros(shape, dtype=np.int64)
        self._actions: NDArray[np.int64] | None = None
        self._rewards = np.zeros(shape, dtype=np.float32)
        self.positions = np.zeros(shape, dtype=np.int64)
        self.frozen = np.zeros(shape, dtype=np.int64)
        self._start(uniforms[:, : self._numbers[0]])

    def _part(self, part: str) -> NDArray[np.float32]:
        """One part of the observation, [P, B, width]."""
        players, games = self.positions.shape
        if part == "grid":
            grid = np.zeros((players, games, self.spec.grid[0], self.cells), dtype=np.float32)  # type: ignore[index]
            seats, batch = np.arange(players)[:, None, None], np.arange(games)
            grid[seats, batch, np.arange(players)[:, None], self.positions[self.order]] = 1
            grid[:, :, players:] = self._objects()
            return grid.reshape(players, games, grid.shape[2] * self.cells)
        if part == "outcome":
            return np.eye(self.spec.num_outcomes, dtype=np.float32)[self._outcomes]
        if part == "action":
            shape = (players, games, self.spec.num_actions)
            eye = np.eye(self.spec.num_actions, dtype=np.float32)
            return np.zeros(shape, dtype=np.float32) if self._actions is None else eye[self._actions]
        if part == "reward":
            return self._rewards[:, :, None].copy()
        if part == "frozen":
            return np.moveaxis(self.frozen[self.order], 1, 2).astype(np.float32) / np.float32(max(self.longest, 1))
        return np.full((players, games, 1), self._round / self.rounds, dtype=np.float32)
