"""The same training without Ray: what the machinery is measured against, and the shortest way to read the method."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from coop_icl.algorithms.losses import Coefficients
from coop_icl.algorithms.update import update
from coop_icl.config import ExperimentConfig
from coop_icl.models.stack import PolicyStack
from coop_icl.rollouts.setting import Setting, build
from coop_icl.seeding import Purpose
from coop_icl.trajectory import Trajectory, learner_batch


def train(
    config: ExperimentConfig, fused: bool = True, kernel: bool = True
) -> Iterator[tuple[int, Trajectory, list[dict[str, float]], PolicyStack]]:
    """Yield (update, trajectory, statistics by learner, policies) for every update of the experiment.

    Args:
        config: of the experiment.
        fused, kernel: as of ``PolicyStack``.
    """
    setting: Setting = build(config)
    c = config.train
    policies = [setting.make_policy(i) for i in range(len(setting.module_ids))]
    stack = PolicyStack(policies, fused, kernel)
    optimizers = [torch.optim.Adam(p.parameters(), lr=c.lr.start, eps=c.adam_eps, fused=True) for p in policies]
    lr, entropy = c.lr.schedule(), c.entropy.schedule()
    for i in range(c.updates):
        played = Trajectory.concat([setting.play_block(stack, i, b) for b in range(config.ray.blocks)])
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = lr(i)
        stats = update(
            stack,
            optimizers,
            [learner_batch(played, agents) for agents in setting.agents],
            setting.encode,
            config.update_settings(),
            Coefficients(entropy(i), c.value_coefficient, c.clip),
            setting.seed.child(Purpose.LEARNER, i).rng(0),
            threads=setting.threads(),
        )
        yield i, played, stats, stack
