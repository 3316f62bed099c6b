"""The Algorithm: play an update's games, learn from them, repeat."""

from __future__ import annotations

import time
from typing import Any

import ray
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, LEARNER_RESULTS, WEIGHTS_SEQ_NO

from coop_icl.config import ExperimentConfig
from coop_icl.rllib.config import InContextConfig
from coop_icl.trajectory import Trajectory


class InContextAlgorithm(Algorithm):
    """Independent learners and a population, on RLlib's env runners and Learners.

    Attributes:
        experiment: what is being run.
        trajectory: the games of the last update.
        seconds: time spent playing (waiting for games) and learning in the last update.
    """

    trajectory: Trajectory
    seconds: dict[str, float]

    @classmethod
    def get_default_config(cls) -> AlgorithmConfig:
        """The configuration class."""
        return InContextConfig()

    def setup(self, config: Any) -> None:
        """Build env runners and Learners."""
        self.experiment: ExperimentConfig = config.experiment  # parsed once, not at every use
        self._update = 0
        self._weights: Any = None
        self._pending: Trajectory | None = None
        self._awaited: tuple[int, Any] | None = None
        super().setup(config)

    @property
    def updates_done(self) -> int:
        """Updates learned so far, those before a restore included."""
        return self._update

    def module_weights(self) -> dict[str, dict[str, Any]]:
        """The learners' weights, arrays by module and parameter name."""
        state = self._state()
        return (ray.get(state) if isinstance(state, ray.ObjectRef) else state)[COMPONENT_RL_MODULE]

    def training_step(self) -> None:
        """One update, readable top to bottom."""
        start = time.perf_counter()
        trajectory = self._games(self._update)
        if self.experiment.ray.mode == "async" and self._update + 1 < self.experiment.train.updates:
            self._request(self._update + 1)  # played with the present weights while the Learner works
        played = time.perf_counter()
        results, state = self._learn(trajectory)
        self.trajectory = trajectory
        self.seconds = {"play": played - start, "learn": time.perf_counter() - played}
        self.metrics.aggregate(results, key=LEARNER_RESULTS)
        self.metrics.log_value((ENV_RUNNER_RESULTS, "rounds"), trajectory.env_steps(), reduce="lifetime_sum")
        self._update += 1
        self._set_weights(state)

    # -- playing ---------------------------------------------------------------------------------------------------

    def _games(self, update: int) -> Trajectory:
        """The games of an update: those asked for earlier, else played now."""
        if self._pending is not None:
            trajectory, self._pending = self._pending, None
            return trajectory
        if self._awaited is not None:
            return self._collect()
        return self._play(update, self._state())

    def _play(self, update: int, state: Any, done: dict[int, Trajectory] | None = None) -> Trajectory:
        """All blocks of an update. Blocks of a lost env runner are played again by the rest, or by the driver."""
        done = {} if done is None else done
        blocks = range(self.experiment.ray.blocks)
        for _ in range(2):
            missing = [block for block in blocks if block not in done]
            runners = self._runners()
            if not missing or not runners:
                break
            shares = [missing[i :: len(runners)] for i in range(len(runners))]
            runners, shares = runners[: len(missing)], shares[: len(missing)]
            for pairs in self.env_runner_group.foreach_env_runner(  # type: ignore[union-attr]
                "play_blocks",
                kwargs=[{"iteration": update, "blocks": share, "state": state} for share in shares],
                local_env_runner=False,
                remote_worker_ids=runners,
                timeout_seconds=self.config.sample_timeout_s,  # type: ignore[union-attr]
            ):
                done.update(pairs)
        missing = [block for block in blocks if block not in done]
        if missing:
            done.update(self.env_runner.play_blocks(update, missing, state))  # type: ignore[attr-defined, union-attr]
        return Trajectory.concat([done[block] for block in blocks])

    def _request(self, update: int) -> None:
        """Ask the env runners for the games of an update without waiting for them."""
        state, runners = self._state(), self._runners()
        blocks = list(range(self.experiment.ray.blocks))
        shares = [blocks[i :: len(runners)] for i in range(len(runners))]
        if runners:
            self.env_runner_group.foreach_env_runner_async(  # type: ignore[union-attr]
                "play_blocks",
                tag="play",
                kwargs=[{"iteration": update, "blocks": share, "state": state} for share in shares if share],
                remote_worker_ids=runners[: len(blocks)],
            )
        self._awaited = (update, state)

    def _collect(self) -> Trajectory:
        """Wait for the games asked for; those of a lost env runner are played again with the same weights."""
        assert self._awaited is not None
        (update, state), self._awaited = self._awaited, None
        done: dict[int, Trajectory] = {}
        deadline = time.monotonic() + self.config.sample_timeout_s  # type: ignore[union-attr]
        group = self.env_runner_group
        assert group is not None
        while len(done) < self.experiment.ray.blocks and time.monotonic() < deadline and self._runners():
            for _, pairs in group.fetch_ready_async_reqs(tags="play", timeout_seconds=0.0):
                done.update(pairs)
            if not group.num_in_flight_async_reqs("play"):
                break
            time.sleep(0.0005)
        return self._play(update, state, done)

    def _runners(self) -> list[int]:
        group = self.env_runner_group
        return sorted(group.healthy_env_runner_ids()) if group is not None and group.num_remote_env_runners() else []

    # -- learning --------------------------------------------------------------------------------------------------

    def _learn(self, trajectory: Trajectory) -> tuple[list[dict[str, Any]], Any]:
        """Update the Learners; statistics and the new weights."""
        timesteps = {"update": self._update}
        learners = self.experiment.ray.num_learners
        if learners == 0:
            results = self.learner_group.update(batch=trajectory, timesteps=timesteps, return_state=True)  # type: ignore[union-attr, arg-type]
        else:
            shares = trajectory.split(learners)
            results = self.learner_group.update(batches=shares, timesteps=timesteps, return_state=True)  # type: ignore[union-attr, arg-type]
        return results, results[0].pop("_rl_module_state_after_update")

    def _state(self) -> Any:
        """What env runners need to play: the weights, put into the object store once an update."""
        if self._weights is None:
            learner = self.learner_group.get_state(components="learner/rl_module")["learner"]  # type: ignore[union-attr]
            self._set_weights(learner[COMPONENT_RL_MODULE])
        return self._weights

    def _set_weights(self, weights: Any) -> None:
        state = {COMPONENT_RL_MODULE: weights, WEIGHTS_SEQ_NO: self._update}
        self._weights = ray.put(state) if self._runners() else state

    # -- checkpoints -----------------------------------------------------------------------------------------------

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """RLlib's state, the update index, and games already played for the next update (asynchronous mode)."""
        if self._awaited is not None:
            self._pending = self._collect()
        state = super().get_state(*args, **kwargs)
        return {**state, "in_context": {"update": self._update, "pending": self._pending}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore; weights are sent to env runners with the next request, never left to a racing broadcast."""
        super().set_state(state)
        if "in_context" in state:
            self._update, self._pending = state["in_context"]["update"], state["in_context"]["pending"]
        self._weights, self._awaited = None, None
