"""PPI under RLlib: each step is a phase, which learns from all data so far and then plays with what it has learned."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, LEARNER_RESULTS

from coop_icl.algorithms.ppi import Batches, Targets, fit
from coop_icl.phase_data import Library, Lived, PhaseData, lived
from coop_icl.populations.registry import make_co_player
from coop_icl.rllib.algorithm import InContextAlgorithm
from coop_icl.rllib.config import InContextConfig
from coop_icl.rollouts.pretraining import pretraining
from coop_icl.rollouts.setting import Setting, build
from coop_icl.rollouts.telling import observe
from coop_icl.seeding import Purpose


class PhaseConfig(InContextConfig):
    """As ``InContextConfig``; ``data_folder`` is where trajectories are kept, by learner."""

    def __init__(self, algo_class: Any = None) -> None:
        super().__init__(algo_class=algo_class or PhaseAlgorithm)
        self.data_folder = ""

    def get_default_learner_class(self) -> Any:
        """Our Learner."""
        return PhaseLearner

    def data(self, module: str) -> PhaseData:
        """Trajectories of a module."""
        if not self.data_folder:
            raise ValueError("PPI keeps its data on disk; set data_folder")
        return PhaseData(Path(self.data_folder) / module)


class PhaseAlgorithm(InContextAlgorithm):
    """Phases of PPI. Data go through the disk, so that a Learner reads what the driver has written."""

    @classmethod
    def get_default_config(cls) -> AlgorithmConfig:
        """The configuration class."""
        return PhaseConfig()

    def training_step(self) -> None:
        """One phase, readable top to bottom."""
        start, phase = time.perf_counter(), self._update
        if phase == 0:
            self._begin()
        results, state = self._fit(phase)
        self._set_weights(state)
        learned = time.perf_counter()
        self.trajectory = self._play(phase, self._state())
        setting: Setting = self.env_runner.setting  # type: ignore[attr-defined, union-attr]
        for module, agents in zip(setting.module_ids, setting.agents, strict=True):
            found = lived(self.trajectory, agents, setting.spec.num_actions)
            self.config.data(module).write(phase + 1, found)  # type: ignore[union-attr, attr-defined]
        self.seconds = {"learn": learned - start, "play": time.perf_counter() - learned}
        self.metrics.aggregate(results, key=LEARNER_RESULTS)
        self.metrics.log_value((ENV_RUNNER_RESULTS, "rounds"), self.trajectory.env_steps(), reduce="lifetime_sum")
        self._update += 1
        self._count_skipped()

    def _begin(self) -> None:
        """Phase 0 of each learner's data: two co-players, or what an earlier run has left."""
        setting: Setting = self.env_runner.setting  # type: ignore[attr-defined, union-attr]
        for index, module in enumerate(setting.module_ids):
            self.config.data(module).write(0, first_data(setting, index))  # type: ignore[union-attr, attr-defined]

    def _fit(self, phase: int) -> tuple[list[dict[str, Any]], Any]:
        """Let the Learner fit all models; statistics and the new weights."""
        where = {"batch": phase} if self.experiment.ray.num_learners == 0 else {"batches": [phase]}
        results = self.learner_group.update(**where, timesteps={"update": phase}, return_state=True)  # type: ignore[union-attr, arg-type]
        return results, results[0].pop("_rl_module_state_after_update")


def first_data(setting: Setting, module: int) -> Lived:
    """What a module is pretrained on."""
    config, name = setting.config.ppi, setting.module_ids[module]
    if name in config.data:
        earlier = PhaseData(config.data[name])
        everything = earlier.open(earlier.phases())
        return everything.take(np.arange(len(everything)))
    options = {key: value for key, value in config.pretraining.items() if key != "name"}
    co_player = make_co_player(str(config.pretraining["name"]), setting.game, options)
    count = config.pretraining_trajectories * len(setting.agents[module])
    node = setting.seed.child(Purpose.PRETRAIN, module)
    return pretraining(setting.game, co_player, count, node, setting.config.population.opponent_id)


def batches_of(setting: Setting, data: Library) -> Batches:
    """Trajectories as a model takes them in, and what it is to predict."""
    payoffs, actions = setting.game.stage(), setting.spec.num_actions
    assert payoffs is not None

    def batches(rows: np.ndarray) -> Any:
        some = data.take(rows)
        seats, symbols = some.seats.astype(np.int64), some.symbols.T.astype(np.int64)
        following = torch.from_numpy(symbols)
        targets = Targets((following - 1) // actions, following, torch.from_numpy(payoffs[seats, symbols]))
        return observe(setting.game, some.outcomes, seats, some.told), targets

    return batches


class PhaseLearner(TorchLearner):
    """Fits every learner's model to all of its data, from weights drawn for the phase or from those it has."""

    def build(self) -> None:
        """Build modules and optimizers."""
        super().build()
        self._setting: Setting = build(self.config.experiment)  # type: ignore[attr-defined]

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """AdamW; what it remembers is dropped at every phase."""
        ppi = config.experiment.ppi
        parameters: Any = self.get_parameters(self._module[module_id])  # type: ignore[index]
        optimizer = torch.optim.AdamW(
            parameters, lr=ppi.lr, betas=(ppi.beta1, ppi.beta2), weight_decay=ppi.weight_decay, fused=True
        )
        self.register_optimizer(module_id=module_id, optimizer=optimizer, params=parameters, lr_or_lr_schedule=ppi.lr)

    def compute_loss_for_module(self, *, module_id: str, config: Any, batch: Any, fwd_out: Any) -> Any:
        """Not used: a phase is many gradient steps on data from disk."""
        raise RuntimeError("PhaseLearner learns through update(); RLlib's per-module loss is not called")

    def update(  # type: ignore[override]
        self, training_data: Any = None, *, timesteps: dict[str, Any], return_state: bool = False, **kwargs: Any
    ) -> Any:
        """Learn for the phase ``timesteps["update"]``, from the data of all before it.

        Returns:
            Statistics by module and, if asked for, the new weights under ``_rl_module_state_after_update``.
        """
        self._check_is_built()
        phase, names = int(timesteps["update"]), self._setting.module_ids
        with ThreadPoolExecutor(min(self._setting.threads(), len(names))) as pool:
            statistics = list(pool.map(lambda index: self._learn(index, phase), range(len(names))))
        self._weights_seq_no += 1
        for name, values in zip(names, statistics, strict=True):
            self.metrics.log_dict(values, key=name, window=1)
        results = self.metrics.reduce()
        if return_state:
            results["_rl_module_state_after_update"] = self.module.get_state(inference_only=False)
        return results

    def _learn(self, index: int, phase: int) -> dict[str, float]:
        setting, name = self._setting, self._setting.module_ids[index]
        module: Any = self.module[name].unwrapped()
        config, epochs = setting.config.ppi, None
        if config.continues(phase):
            epochs = config.continue_epochs
        else:
            module.policy.reset_parameters(setting.seed.child(Purpose.INIT, phase).integer(index))
        data = self.config.data(name).open(range(phase + 1))  # type: ignore[attr-defined]
        rng = setting.seed.child(Purpose.LEARNER, phase).rng(index)
        batches = batches_of(setting, data)
        return fit(module.policy, self.get_optimizer(name), len(data), batches, config, rng, epochs)
