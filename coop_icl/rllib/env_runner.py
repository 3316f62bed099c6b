"""An env runner that plays whole blocks of games at once and returns ready trajectories."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import ray
import torch
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.checkpoints import Checkpointable
from ray.rllib.utils.metrics import NUM_EPISODES, WEIGHTS_SEQ_NO

from coop_icl.models.stack import PolicyStack
from coop_icl.process import keep_freed_memory
from coop_icl.rllib.callbacks import EpisodeBatch
from coop_icl.rollouts.setting import Setting, build
from coop_icl.trajectory import Trajectory


class BatchedEnvRunner(EnvRunner, Checkpointable):
    """Plays blocks of an iteration.

    What a block contains depends on the run's seed, the iteration and the block only, so any runner can play any
    block, again if need be, and the result is the same.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        if self.worker_index:
            torch.set_num_threads(1)
            keep_freed_memory()
        self.setting: Setting = build(config.experiment)
        self._callbacks = [callback() for callback in _as_list(config.callbacks_class)]
        self._weights_version = 0
        self._next_sample = 0
        self.module: Any = None
        self.make_module()

    def play_blocks(self, iteration: int, blocks: Sequence[int], state: Any = None) -> list[tuple[int, Trajectory]]:
        """Play some blocks of an iteration: weights in and trajectories out in one call.

        Args:
            iteration: 0-based update that will learn from the games.
            blocks: which of the iteration's blocks.
            state: as for ``set_state``; None plays with the weights there are.

        Returns:
            (block, trajectory) pairs.
        """
        if state is not None:
            self.set_state(state)
        return [(block, self._play(iteration, block)) for block in blocks]

    def sample(self, **kwargs: Any) -> list[Trajectory]:
        """One block, for callers that know RLlib's interface only; successive calls play successive iterations."""
        trajectory = self._play(self._next_sample, self.worker_index or 0)
        self._next_sample += 1
        return [trajectory]

    def _play(self, iteration: int, block: int) -> Trajectory:
        setting = self.setting
        setting.prepare(self._stack, iteration)
        batch = EpisodeBatch(setting.block(iteration, block), setting.episodes_per_block())
        for callback in self._callbacks:
            callback.on_episode_created(episode=batch, env_runner=self, metrics_logger=self.metrics)
        if batch.matchups is None:
            raise RuntimeError("no callback drew matchups; add PopulationCallback to the algorithm's callbacks")
        threads = 1 if self.worker_index else setting.threads()
        trajectory = setting.play(batch.matchups, self._stack, batch.node, self._weights_version, threads)
        self.metrics.log_value(NUM_EPISODES, len(trajectory), reduce="sum")
        return trajectory

    def make_module(self) -> None:
        """Build the learners' RLModules; weights arrive with each request."""
        self.module = self.config.get_multi_rl_module_spec(spaces=self.get_spaces(), inference_only=False).build()
        self._stack = PolicyStack([self.module[name].policy for name in self.setting.module_ids])

    def make_env(self) -> None:
        """Nothing to do: the game is part of the setting."""

    def get_spaces(self) -> dict[str, tuple[gym.Space, gym.Space]]:
        """Observation and action space of every module."""
        spaces = spaces_of(self.setting)
        return {
            INPUT_ENV_SPACES: spaces,
            INPUT_ENV_SINGLE_SPACES: spaces,
            **dict.fromkeys(self.setting.module_ids, spaces),
        }

    def assert_healthy(self) -> None:
        """Raise unless there is something to play with."""
        if self.module is None:
            raise RuntimeError("env runner has no module")

    def get_metrics(self) -> Any:
        """Metrics since the last call."""
        return self.metrics.reduce()

    def get_state(
        self, components: str | Collection[str] | None = None, *, not_components: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """The weights and their version; there is no other state."""
        return {COMPONENT_RL_MODULE: self.module.get_state(), WEIGHTS_SEQ_NO: self._weights_version}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take weights; an ObjectRef is fetched first, older weights than the present ones too (a replayed block)."""
        if isinstance(state, ray.ObjectRef):
            state = ray.get(state)
        weights = state.get(COMPONENT_RL_MODULE)
        if isinstance(weights, ray.ObjectRef):
            weights = ray.get(weights)
        if weights is not None:
            self.module.set_state(weights)
            self._weights_version = int(state.get(WEIGHTS_SEQ_NO, 0))

    def get_ctor_args_and_kwargs(self) -> tuple[tuple, dict[str, Any]]:
        """How to build this runner again."""
        return (), {"config": self.config}

    def get_checkpointable_components(self) -> list[tuple[str, Checkpointable]]:
        """The modules."""
        return [(COMPONENT_RL_MODULE, self.module)]

    def stop(self) -> None:
        """Nothing to release."""


def spaces_of(setting: Setting) -> tuple[gym.Space, gym.Space]:
    """Observation and action space of a seat, as the PettingZoo view has them."""
    spec = setting.spec
    low, high = np.full(spec.observation_size, -np.inf), np.full(spec.observation_size, np.inf)
    return gym.spaces.Box(low.astype(np.float32), high.astype(np.float32)), gym.spaces.Discrete(spec.num_actions)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
