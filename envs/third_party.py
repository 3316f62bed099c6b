"""PettingZoo parallel environments that others wrote, as batched games.

Nothing of theirs is batched, so B copies are stepped one after the other; that is what their speed is. Each episode is
played on a fresh copy: what an environment keeps across ``reset`` would make results depend on who played what before.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space
from gymnasium.spaces.utils import flatdim, flatten, flatten_space
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from envs.batched import GameSpec, Step
from envs.checks import episode_length, yes_or_no
from envs.factory import PlainFactory
from envs.finding import first_line, found
from envs.replaying import difference, release
from envs.vectors import VectorGame


class ThirdPartyGame(VectorGame):
    """B copies of a PettingZoo parallel environment.

    Its agents take the seats in the order of ``possible_agents``. Observations are flattened, discrete ones one-hot. An
    agent that has left sees zeros and earns nothing until the game is over for all. A game is terminated if all agents
    were, and truncated if it ended in another way or ``rounds`` were played. A player is shown its own action as
    outcome (1 + action). ``Step.cooperated`` is what ``infos`` of the round say: 1 or true, 0 or false, and NaN where
    an agent's have no ``cooperated``. One number an episode seeds a copy. An environment that draws from anything else
    cannot be replayed; a warning names it if its first rounds show that.

    Args:
        env: ``package.module:parallel_env``, or instead of the function a class of ``ParallelEnv``.
        kwargs: its arguments.
        rounds: cap of an episode's length; shorter ones are the environment's.
        symmetric: whether seats are alike, so that agents may be seated at random.

    Raises:
        ValueError: one line, if there is no such environment, it cannot be made or played, or its agents' spaces do not
            fit.

    Warns:
        UserWarning: if two copies with the same seed and actions differ.
    """

    def __init__(
        self, *, env: str, kwargs: Mapping[str, Any] | None = None, rounds: int = 100, symmetric: bool = False
    ) -> None:
        episode_length(rounds)
        yes_or_no("symmetric", symmetric)
        if kwargs is not None and not isinstance(kwargs, Mapping):
            raise ValueError(f"kwargs must be names and values, got {kwargs!r}")
        self._env, self._kwargs, self.rounds = env, dict(kwargs or {}), int(rounds)
        self._maker = found(env)
        self._copies: list[ParallelEnv] = []
        first = self._make()
        try:
            self.agents = list(first.possible_agents)
            self._seen: Space = only(env, "observation", [first.observation_space(agent) for agent in self.agents])
            self._acts: Space = only(env, "action", [first.action_space(agent) for agent in self.agents])
        except (AttributeError, NotImplementedError, KeyError) as error:
            raise ValueError(f"env '{env}' must name its agents and their spaces: {first_line(error)}") from None
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
        release(first)
        self._warn_unless_replayed()

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
        self._begin(len(uniforms))
        self._renew(len(uniforms))
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
        cooperated = np.full(actions.shape, np.nan, dtype=np.float32)
        first = int(self._acts.start) if isinstance(self._acts, Discrete) else 0
        for game in np.flatnonzero(~(self._terminated | self._truncated)).tolist():
            env = self._copies[game]
            chosen = {agent: first + int(actions[self._seat[agent], game]) for agent in env.agents}
            observations, paid, terminated, truncated, infos = env.step(chosen)
            for agent, reward in paid.items():
                rewards[self._seat[agent], game] = reward
            self._show(game, observations)
            for agent in chosen:
                cooperated[self._seat[agent], game] = _cooperated(agent, infos.get(agent))
                self._outcomes[self._seat[agent], game] = 1 + actions[self._seat[agent], game]
                self._cut[game] |= bool(truncated.get(agent, False)) and not terminated.get(agent, False)
            over = not env.agents
            self._terminated[game] = over and not self._cut[game]
            self._truncated[game] = (over and self._cut[game]) or (not over and self._round >= self.rounds)
        return Step(self._outcomes.copy(), rewards, self._terminated.copy(), self._truncated.copy(), cooperated)

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
            line = first_line(error)
            raise ValueError(f"env '{self._env}' cannot be made with kwargs {self._kwargs}: {line}") from None
        if not isinstance(made, ParallelEnv):
            raise ValueError(f"env '{self._env}' must make a PettingZoo ParallelEnv, got {type(made).__name__}")
        return made

    def _renew(self, games: int) -> None:
        """Close the copies of the last batch and make as many as there are games."""
        for env in self._copies:
            release(env)
        self._copies = [self._make() for _ in range(games)]

    def _warn_unless_replayed(self) -> None:
        try:
            differs = difference(self._make, self.rounds)
        except Exception as error:  # whatever others raise
            reason = f"{type(error).__name__}: {first_line(error)}"
            raise ValueError(f"env '{self._env}' cannot be played, its first rounds raise {reason}") from None
        if differs:
            warnings.warn(
                f"env '{self._env}' draws from something else than its seed: {differs} differ between two fresh "
                "copies, so runs of one seed differ too",
                stacklevel=2,
            )

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


def _cooperated(agent: Any, info: Mapping[str, Any] | None) -> float:
    """Return 1, 0 or NaN, as an agent's info of a round says."""
    said = (info or {}).get("cooperated")
    if said is None:
        return float("nan")
    if isinstance(said, bool | np.bool_ | int | float | np.number) and (said in (0, 1) or np.isnan(said)):
        return float(said)
    raise ValueError(f"infos['{agent}']['cooperated'] must be 1, 0, true, false or NaN, got {said!r}")


def only(env: str, kind: str, spaces: list[Space]) -> Space:
    """The one space of all agents; ValueError if they differ."""
    if not spaces:
        raise ValueError(f"env '{env}' has no agents")
    for space in spaces[1:]:
        if space != spaces[0]:
            raise ValueError(f"env '{env}' must have the same {kind} space for all agents, got {spaces[0]} and {space}")
    return spaces[0]


FACTORY = PlainFactory("pettingzoo", ThirdPartyGame)
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
