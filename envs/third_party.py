"""PettingZoo parallel environments that others wrote, as batched games.

Nothing of theirs is batched, so B copies are stepped one after the other; that is what their speed is.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space
from gymnasium.spaces.utils import flatdim, flatten, flatten_space
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from envs.batched import GameSpec, Step
from envs.checks import whole, yes_or_no
from envs.factory import PlainFactory
from envs.vectors import VectorGame

MAKER = "parallel_env"
"""What PettingZoo's modules call the function that makes one."""


class ThirdPartyGame(VectorGame):
    """B copies of a PettingZoo parallel environment.

    Its agents take the seats in the order of ``possible_agents``. Observations are flattened, discrete ones one-hot. An
    agent that has left sees zeros and earns nothing until the game is over for all. A game is terminated if all agents
    were, and truncated if it ended in another way or ``rounds`` were played. A player is shown its own action as
    outcome (1 + action), and ``Step.cooperated`` is NaN, as nobody says what cooperating is in these games. One number
    an episode seeds a copy; an environment that draws from anything else cannot be replayed.

    Args:
        env: ``package.module:parallel_env``, or instead of the function a class of ``ParallelEnv``.
        kwargs: its arguments.
        rounds: cap of an episode's length; shorter ones are the environment's.
        symmetric: whether seats are alike, so that agents may be seated at random.

    Raises:
        ValueError: one line, if there is no such environment, it cannot be made, or its agents' spaces do not fit.
    """

    def __init__(
        self, *, env: str, kwargs: Mapping[str, Any] | None = None, rounds: int = 100, symmetric: bool = False
    ) -> None:
        whole("rounds", rounds, 1)
        yes_or_no("symmetric", symmetric)
        if kwargs is not None and not isinstance(kwargs, Mapping):
            raise ValueError(f"kwargs must be names and values, got {kwargs!r}")
        self._env, self._kwargs, self.rounds = env, dict(kwargs or {}), int(rounds)
        self._maker = found(env)
        self._copies: list[ParallelEnv] = [self._make()]
        first = self._copies[0]
        try:
            self.agents = list(first.possible_agents)
            self._seen: Space = only(env, "observation", [first.observation_space(agent) for agent in self.agents])
            self._acts: Space = only(env, "action", [first.action_space(agent) for agent in self.agents])
        except (AttributeError, NotImplementedError, KeyError) as error:
            raise ValueError(f"env '{env}' must name its agents and their spaces: {_line(error)}") from None
        if not isinstance(self._acts, Discrete):
            raise ValueError(f"env '{env}' must have Discrete actions, got {self._acts}")
        if not isinstance(self._seen, Box | Discrete | MultiDiscrete | MultiBinary):
            raise ValueError(f"env '{env}' must have Box or Discrete observations, got {type(self._seen).__name__}")
        actions = int(self._acts.n)
        self._spec = GameSpec(
            name="pettingzoo",
            num_players=len(self.agents),
            num_actions=actions,
            max_rounds=self.rounds,
            num_outcomes=1 + actions,
            features=(("observation", flatdim(self._seen)),),
            symmetric=symmetric,
        )
        self._seat = {agent: seat for seat, agent in enumerate(self.agents)}
        self._begin(0)

    @property
    def spec(self) -> GameSpec:
        """Static description of the game."""
        return self._spec

    @property
    def num_uniforms(self) -> int:
        """One, the seed."""
        return 1

    def reset(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Start B episodes from uniforms [B, 1] in [0, 1); return outcomes [P, B], all 0."""
        if uniforms.ndim != 2 or uniforms.shape[1] != 1:
            raise ValueError(f"uniforms must have shape [games, 1], got {list(uniforms.shape)}")
        games = len(uniforms)
        while len(self._copies) < games:
            self._copies.append(self._make())
        self._begin(games)
        for game, number in enumerate(uniforms[:, 0]):
            observations, _ = self._copies[game].reset(seed=int(number * 2**31))
            self._show(game, observations)
        return self._outcomes

    def step(self, actions: NDArray[np.integer]) -> Step:
        """Play one round with actions [P, B], integers below n; see ``Step`` for the result."""
        actions = np.asarray(actions, dtype=np.int64)
        if actions.shape != self._outcomes.shape:
            raise ValueError(f"actions must have shape {list(self._outcomes.shape)}, got {list(actions.shape)}")
        self._round += 1
        rewards = np.zeros(actions.shape, dtype=np.float32)
        first = int(self._acts.start) if isinstance(self._acts, Discrete) else 0
        for game in np.flatnonzero(~(self._terminated | self._truncated)).tolist():
            env = self._copies[game]
            chosen = {agent: first + int(actions[self._seat[agent], game]) for agent in env.agents}
            observations, paid, terminated, truncated, _ = env.step(chosen)
            for agent, reward in paid.items():
                rewards[self._seat[agent], game] = reward
            self._show(game, observations)
            for agent in chosen:
                self._outcomes[self._seat[agent], game] = 1 + actions[self._seat[agent], game]
                self._cut[game] |= bool(truncated.get(agent, False)) and not terminated.get(agent, False)
            over = not env.agents
            self._terminated[game] = over and not self._cut[game]
            self._truncated[game] = (over and self._cut[game]) or (not over and self._round >= self.rounds)
        unknown = np.full(actions.shape, np.nan, dtype=np.float32)
        return Step(self._outcomes.copy(), rewards, self._terminated.copy(), self._truncated.copy(), unknown)

    def observe(self) -> NDArray[np.float32]:
        """What every player sees now, [P, B, F]."""
        return self._vectors.copy()

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Those of the environment's space, and 0, which is what an agent sees that has left."""
        box = flatten_space(self._seen)
        assert isinstance(box, Box)
        low, high = np.minimum(box.low, 0).astype(np.float32), np.maximum(box.high, 0).astype(np.float32)
        return np.tile(low, (len(self.agents), 1)), np.tile(high, (len(self.agents), 1))

    def _make(self) -> ParallelEnv:
        try:
            made = self._maker(**self._kwargs)
        except Exception as error:  # whatever others raise for bad arguments
            raise ValueError(f"env '{self._env}' cannot be made with kwargs {self._kwargs}: {_line(error)}") from None
        if not isinstance(made, ParallelEnv):
            raise ValueError(f"env '{self._env}' must make a PettingZoo ParallelEnv, got {type(made).__name__}")
        return made

    def _begin(self, games: int) -> None:
        players, width = len(self.agents), self._spec.observation_size
        self._round = 0
        self._outcomes = np.zeros((players, games), dtype=np.int64)
        self._vectors = np.zeros((players, games, width), dtype=np.float32)
        self._terminated, self._truncated, self._cut = (np.zeros(games, dtype=np.bool_) for _ in range(3))

    def _show(self, game: int, observations: Mapping[Any, Any]) -> None:
        self._vectors[:, game] = 0
        for agent, observation in observations.items():
            self._vectors[self._seat[agent], game] = np.asarray(flatten(self._seen, observation))


def found(env: str) -> Callable[..., Any]:
    """What makes the environment ``package.module:parallel_env``.

    Nothing else is called than what PettingZoo gives that name, or a ``ParallelEnv``: experiments and exported policies
    name environments, and should not be able to call anything.

    Raises:
        ValueError: one line saying what is wrong.
    """
    module, _, name = env.partition(":") if isinstance(env, str) else ("", "", "")
    if not module or not name:
        raise ValueError(f"env must be written package.module:{MAKER}, got {env!r}")
    try:
        with warnings.catch_warnings():  # PettingZoo's own modules say that they are old, and are what it documents
            warnings.simplefilter("ignore", DeprecationWarning)
            maker = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # modules of others may raise anything
        raise ValueError(f"env '{env}' cannot be imported: {_line(error)}; is its package installed?") from None
    if isinstance(maker, type) and issubclass(maker, ParallelEnv):
        return maker
    if name != MAKER:
        raise ValueError(f"env '{env}' must name {MAKER} or a ParallelEnv, as in {module}:{MAKER}")
    if not callable(maker):
        raise ValueError(f"env '{env}' cannot be made: {module} has no {MAKER}")
    return maker


def only(env: str, kind: str, spaces: list[Space]) -> Space:
    """The one space of all agents; ValueError if they differ."""
    if not spaces:
        raise ValueError(f"env '{env}' has no agents")
    for space in spaces[1:]:
        if space != spaces[0]:
            raise ValueError(f"env '{env}' must have the same {kind} space for all agents, got {spaces[0]} and {space}")
    return spaces[0]


def _line(error: BaseException) -> str:
    """First line of what an exception says, or its name."""
    return (str(error).splitlines() or [type(error).__name__])[0]


FACTORY = PlainFactory("pettingzoo", ThirdPartyGame)
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
