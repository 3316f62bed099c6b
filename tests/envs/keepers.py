"""Small environments of others that keep something across ``reset``, for the tests of what that may not change."""

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv


class Matching(ParallelEnv):
    """Two agents are paid for matching a number that they are shown; where it comes from is ``_number``'s affair."""

    metadata = {"name": "matching"}  # noqa: RUF012
    possible_agents = ["a", "b"]  # noqa: RUF012

    def __init__(self, max_cycles=6):
        self._length = max_cycles
        self.agents = []

    def observation_space(self, agent):
        return Box(0, 2, (1,))

    def action_space(self, agent):
        return Discrete(3)

    def reset(self, seed=None, options=None):
        self.agents, self._round = self.possible_agents[:], 0
        self._begin(seed)
        self._shown = self._number()
        return self._see(), {agent: {} for agent in self.agents}

    def step(self, actions):
        here, paid = self.agents, {agent: float(actions[agent] == self._shown) for agent in self.agents}
        self._round += 1
        self._shown = self._number()
        over = dict.fromkeys(here, self._round >= self._length)
        infos = {agent: {"cooperated": self._says(actions[agent])} for agent in here}
        seen = self._see()
        self.agents = [] if self._round >= self._length else here
        return seen, paid, over, dict.fromkeys(here, False), infos

    def _see(self):
        return {agent: np.array([self._shown], np.float32) for agent in self.agents}

    def _says(self, action):
        """Action 0 is to cooperate, 1 is not, and 2 is neither; each sort of value that may say so occurs."""
        return (True, 0.0, None)[action]


class Seeded(Matching):
    """Everything follows from the seed."""

    def _begin(self, seed):
        self._rng = np.random.default_rng(seed)

    def _number(self):
        return int(self._rng.integers(3))


class Counter(Seeded):
    """Counts its episodes, and shows the count."""

    episodes = 0

    def _begin(self, seed):
        super()._begin(seed)
        self.episodes += 1

    def _number(self):
        return (super()._number() + self.episodes) % 3


class OwnNumbers(Seeded):
    """Draws from a generator of its own that no seed restarts."""

    def __init__(self, max_cycles=6):
        super().__init__(max_cycles)
        self._rng = np.random.default_rng(5)

    def _begin(self, seed):
        self._first = seed

    def _number(self):
        return (self._first + int(self._rng.integers(3))) % 3


class Unseeded(Matching):
    """Draws what no seed fixes, fresh or not."""

    def _begin(self, seed):
        self._rng = np.random.default_rng()

    def _number(self):
        return int(self._rng.integers(3))


class ClassCounter(Counter):
    """Counts the episodes of all copies together."""

    def _begin(self, seed):
        super()._begin(seed)
        type(self).episodes = self.episodes


class Wrong(Seeded):
    """Says something that is no answer to whether an agent cooperated."""

    def _says(self, action):
        return "yes"


class Many(Seeded):
    """As many actions as one likes."""

    def __init__(self, actions, max_cycles=6):
        super().__init__(max_cycles)
        self._actions = actions

    def action_space(self, agent):
        return Discrete(self._actions)

    def _says(self, action):
        return None


class Crowd(Seeded):
    """As many agents as one likes."""

    def __init__(self, players, max_cycles=3):
        super().__init__(max_cycles)
        self.possible_agents = [f"p{i}" for i in range(players)]
