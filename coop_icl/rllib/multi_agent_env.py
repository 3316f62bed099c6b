"""A PettingZoo parallel environment as RLlib sees one.

RLlib's own ``ParallelPettingZooEnv`` cannot render, never ends an episode in which some agents terminate while others
are truncated, and takes whatever seed RLlib computes from worker and slot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium.spaces import Dict
from pettingzoo import ParallelEnv
from ray.rllib.env.multi_agent_env import MultiAgentEnv

from coop_icl.rllib.seating import setting_of
from envs.registry import make_parallel_env


class ParallelMultiAgentEnv(MultiAgentEnv):
    """Any PettingZoo ``ParallelEnv`` as a ``MultiAgentEnv``.

    An episode is over (``__all__``) when every agent has ended, in whichever way: terminated if all of them
    terminated, else truncated.

    Args:
        env: owned by the wrapper from now on.
    """

    def __init__(self, env: ParallelEnv) -> None:
        self.par_env = env
        self.possible_agents: list[Any] = list(env.possible_agents)
        self.agents = self.possible_agents[:]
        self._agent_ids = set(self.possible_agents)
        super().__init__()
        observations = {agent: env.observation_space(agent) for agent in self.possible_agents}
        actions = {agent: env.action_space(agent) for agent in self.possible_agents}
        self.observation_spaces, self.observation_space = {**observations}, Dict(observations)
        self.action_spaces, self.action_space = {**actions}, Dict(actions)
        self.metadata = dict(getattr(env, "metadata", {}))
        self.render_mode = getattr(env, "render_mode", None)
        self._seed: int | None = None
        self._ended: dict[str, bool] = {}

    def seed_next(self, seed: int) -> None:
        """Seed of the next reset, whatever seed that call brings along: RLlib's are worker + slot + a constant."""
        self._seed = seed

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        """Start an episode; return observations and infos."""
        if self._seed is not None:
            seed, self._seed = self._seed, None
        observations, infos = self.par_env.reset(seed=seed, options=options)
        self.agents = list(observations)
        self._ended = {}
        return dict(observations), dict(infos or {})

    def step(self, action_dict: dict) -> tuple[dict, dict, dict, dict, dict]:
        """Play one round; return observations, rewards, terminateds, truncateds (both with ``__all__``), infos."""
        observations, rewards, terminated, truncated, infos = self.par_env.step(action_dict)
        self.agents = list(observations)
        for agent in observations:
            if terminated.get(agent, False) or truncated.get(agent, False):
                self._ended[agent] = bool(terminated.get(agent, False))
        over = not self.par_env.agents
        natural = over and all(self._ended.values())
        return (
            dict(observations),
            dict(rewards),
            {**terminated, "__all__": natural},
            {**truncated, "__all__": over and not natural},
            dict(infos),
        )

    def render(self) -> Any:
        """What the wrapped environment renders."""
        return self.par_env.render()

    def close(self) -> None:
        """Release what the wrapped environment holds."""
        self.par_env.close()


class GameMultiAgentEnv(ParallelMultiAgentEnv):
    """The game of an experiment, built from RLlib's ``env_config``.

    Args:
        context: ``experiment``, an experiment as YAML; ``render_mode``, as ``envs.registry.make_parallel_env``.
    """

    def __init__(self, context: Mapping[str, Any]) -> None:
        game = setting_of(context["experiment"]).config.game
        super().__init__(make_parallel_env(game.name, context.get("render_mode"), **dict(game.options)))
