"""The Algorithm: play an update's games, learn from them, repeat."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import ray
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, LEARNER_RESULTS, WEIGHTS_SEQ_NO

from coop_icl.config import ExperimentConfig
from coop_icl.rllib.config import InContextConfig
from coop_icl.rllib.guard import SkippedUpdates, game_error, stalled, time_limit
from coop_icl.trajectory import Trajectory


class InContextAlgorithm(Algorithm):
    """Independent learners and a population, on RLlib's env runners and Learners.

    Attributes:
        experiment: what is being run.
        trajectory: the games of the last update.
        seconds: time spent playing (waiting for games) and learning in the last update.
        skipped: counts updates in which learners left out steps because of numbers that were not finite.
    """

    trajectory: Trajectory
    seconds: dict[str, float]
    skipped: SkippedUpdates

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
        self._awaited: tuple[int, Any, dict[int, list[int]]] | None = None
        self.skipped = SkippedUpdates()
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
        """One update, readable top to bottom.

        Raises:
            GameError: if a game raises an error wherever it is played, or does not end in time.
            NotFiniteError: if a learner met numbers that are not finite in several updates in a row.
        """
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
        self._count_skipped()

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
        done, began = {} if done is None else done, time.monotonic()
        for _ in range(2):
            shares = self._shares([block for block in range(self.experiment.ray.blocks) if block not in done])
            if not shares or time.monotonic() - began >= self._patience:
                break
            for pairs in self.env_runner_group.foreach_env_runner(  # type: ignore[union-attr]
                "play_blocks",
                kwargs=[{"iteration": update, "blocks": share, "state": state} for share in shares.values()],
                local_env_runner=False,
                remote_worker_ids=list(shares),
                timeout_seconds=self._patience - (time.monotonic() - began),
            ):
                done.update(pairs)
            if time.monotonic() - began >= self._patience:
                self._restart(runner for runner, share in shares.items() if not done.keys() >= set(share))
        return self._complete(update, state, done)

    def _complete(self, update: int, state: Any, done: dict[int, Trajectory]) -> Trajectory:
        """All blocks of an update, those not ``done`` played in the driver, with half of the time for it."""
        blocks, game = range(self.experiment.ray.blocks), self.experiment.game.name
        missing = [block for block in blocks if block not in done]
        if missing:
            limit = self._patience if self._remote() else 2 * self._patience
            try:
                with time_limit(limit):
                    done.update(self.env_runner.play_blocks(update, missing, state))  # type: ignore[attr-defined, union-attr]
            except TimeoutError:
                raise stalled(game, update + 1, limit) from None
            except Exception as error:
                raise game_error(game, update + 1, error) from error
        return Trajectory.concat([done[block] for block in blocks])

    def _request(self, update: int) -> None:
        """Ask the env runners for the games of an update without waiting for them."""
        state = self._state()
        shares = self._shares(range(self.experiment.ray.blocks))
        if shares:
            self.env_runner_group.foreach_env_runner_async(  # type: ignore[union-attr]
                "play_blocks",
                tag="play",
                kwargs=[{"iteration": update, "blocks": share, "state": state} for share in shares.values()],
                remote_worker_ids=list(shares),
            )
        self._awaited = (update, state, shares)

    def _collect(self) -> Trajectory:
        """Wait for the games asked for; those of a lost env runner are played again with the same weights."""
        assert self._awaited is not None
        (update, state, shares), self._awaited = self._awaited, None
        done: dict[int, Trajectory] = {}
        deadline = time.monotonic() + self._patience
        group = self.env_runner_group
        assert group is not None
        while len(done) < self.experiment.ray.blocks and self._runners():
            for _, pairs in group.fetch_ready_async_reqs(tags="play", timeout_seconds=0.0):
                done.update(pairs)
            if not group.num_in_flight_async_reqs("play"):
                break
            if time.monotonic() >= deadline:
                self._restart(runner for runner, share in shares.items() if not done.keys() >= set(share))
                return self._complete(update, state, done)
            time.sleep(0.0005)
        return self._play(update, state, done)

    @property
    def _patience(self) -> float:
        """Seconds that env runners have for an update's games; the driver has as many for what they leave."""
        return self.config.sample_timeout_s / 2  # type: ignore[union-attr]

    def _shares(self, blocks: Iterable[int]) -> dict[int, list[int]]:
        """Blocks dealt to the env runners that there are, by runner."""
        blocks, runners = list(blocks), self._runners()
        return {runner: blocks[i :: len(runners)] for i, runner in enumerate(runners[: len(blocks)])}

    def _restart(self, runners: Iterable[int]) -> None:
        """End env runners that do not answer; Ray starts them again."""
        manager = self.env_runner_group._worker_manager  # type: ignore[union-attr]
        for runner in runners:
            if manager.is_actor_healthy(runner):
                manager.set_actor_state(runner, healthy=False)
                ray.kill(manager.actors()[runner], no_restart=False)

    def _remote(self) -> bool:
        return self.env_runner_group is not None and self.env_runner_group.num_remote_env_runners() > 0

    def _runners(self) -> list[int]:
        return sorted(self.env_runner_group.healthy_env_runner_ids()) if self._remote() else []  # type: ignore[union-attr]

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

    def _count_skipped(self) -> None:
        """Count learners' steps that were left out; raises after several updates in a row."""
        names = self.config.policies_to_train  # type: ignore[union-attr]
        self.skipped.add({name: float(self.metrics.peek((LEARNER_RESULTS, name, "skipped"))) for name in names})  # type: ignore[union-attr]
        self.skipped.check(self._update)

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
        own = {"update": self._update, "pending": self._pending, "skipped": self.skipped.state()}
        return {**state, "in_context": own}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore; weights are sent to env runners with the next request, never left to a racing broadcast."""
        super().set_state(state)
        if "in_context" in state:
            own = state["in_context"]
            self._update, self._pending = own["update"], own["pending"]
            self.skipped = SkippedUpdates(own.get("skipped"))
        self._weights, self._awaited = None, None
