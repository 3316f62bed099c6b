"""The Learner: RLlib's machinery around ``coop_icl.algorithms.update``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from ray.rllib.core.learner.torch.torch_learner import TorchLearner

from coop_icl.algorithms.losses import Coefficients
from coop_icl.algorithms.shaping import Shaping
from coop_icl.algorithms.update import UpdateSettings, update
from coop_icl.models.policy import SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.rollouts.setting import Setting, build
from coop_icl.seeding import Purpose
from coop_icl.trajectory import LearnerBatch, Trajectory, learner_batch, with_co_player


def update_settings(setting: Setting) -> UpdateSettings:
    """What an update of an experiment does, with what it knows of co-players that learn."""
    plain, inner_rounds = setting.config.update_settings(), setting.inner_rounds()
    if not setting.config.credits_inner_episodes or inner_rounds is None:
        return plain
    groups = setting.groups()
    shaping = Shaping(setting.config.train.returns, inner_rounds, max(groups.values(), default=1), groups)
    return replace(plain, shaping=shaping)


class SequenceLearner(TorchLearner):
    """Updates every learner's policy on its own lanes of a trajectory.

    Whole episodes are unrolled (no truncated backpropagation). With several Learner actors, each takes a share of an
    update's blocks and gradients are averaged; advantages are centred and scaled within a share.
    """

    def build(self) -> None:
        """Build modules and optimizers, and put the policies side by side."""
        super().build()
        config: Any = self.config
        self._setting: Setting = build(config.experiment)
        modules: list[Any] = [self.module[name].unwrapped() for name in self._setting.module_ids]
        self._stack = PolicyStack([module.policy for module in modules])
        self._update_settings = update_settings(self._setting)

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Adam with the experiment's epsilon; the rate is set at each update."""
        train = config.experiment.train
        parameters: Any = self.get_parameters(self._module[module_id])  # type: ignore[index]
        optimizer = torch.optim.Adam(parameters, lr=train.lr.start, eps=train.adam_eps, fused=True)
        self.register_optimizer(
            module_id=module_id, optimizer=optimizer, params=parameters, lr_or_lr_schedule=train.lr.start
        )

    def compute_loss_for_module(self, *, module_id: str, config: Any, batch: Any, fwd_out: Any) -> Any:
        """Not used: ``update`` evaluates all modules at once."""
        raise RuntimeError("SequenceLearner learns through update(); RLlib's per-module loss is not called")

    def update(  # type: ignore[override]
        self, training_data: Any = None, *, timesteps: dict[str, Any], return_state: bool = False, **kwargs: Any
    ) -> Any:
        """One update from a ``Trajectory``; ``timesteps["update"]`` is its 0-based index.

        Returns:
            Statistics by module and, if asked for, the new weights under ``_rl_module_state_after_update``.
        """
        self._check_is_built()
        training_data.solve_refs()
        trajectory = training_data.batch
        index = int(timesteps["update"])
        train = self._setting.config.train
        optimizers = [self.get_optimizer(name) for name in self._setting.module_ids]
        rate = train.lr.schedule()(index)
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = rate
        entropy = train.entropy.schedule()(index)
        statistics = update(
            self._stack,
            optimizers,
            self._batches(trajectory),
            self._setting.encode,
            self._update_settings,
            Coefficients(entropy, train.value_coefficient, train.clip),
            self._setting.seed.child(Purpose.LEARNER, index).rng(0),
            self._average_gradients if torch.distributed.is_initialized() else None,
            self._setting.threads(),
        )
        self._weights_seq_no += 1
        for name, values in zip(self._setting.module_ids, statistics, strict=True):
            values = {**values, "entropy_coefficient": entropy, "learning_rate": rate}
            self.metrics.log_dict(values, key=name, window=1)
        results = self.metrics.reduce()
        if return_state:
            results["_rl_module_state_after_update"] = self.module.get_state(inference_only=False)
        return results

    def _batches(self, trajectory: Trajectory) -> list[LearnerBatch]:
        """What each module learns from: its own lanes, and its co-players' payoffs if its method asks for them."""
        batches = [learner_batch(trajectory, agents) for agents in self._setting.agents]
        looks = bool(self._update_settings.alignment)
        return [with_co_player(trajectory, batch) for batch in batches] if looks else batches

    def _average_gradients(self, policies: Sequence[SequencePolicy]) -> None:
        """Average over Learner actors what DistributedDataParallel would, had its forward been called."""
        size = torch.distributed.get_world_size()
        for policy in policies:
            for parameter in policy.parameters():
                if parameter.grad is not None:
                    torch.distributed.all_reduce(parameter.grad)
                    parameter.grad /= size
