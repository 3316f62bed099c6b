"""The paper's own settings for A2C, all four columns of its table and the ablations: written down, and they run."""

from pathlib import Path

import numpy as np
import pytest

from bench.plain_loop import train
from coop_icl.config import load
from coop_icl.models.policy import ModelConfig
from coop_icl.policy_store import save_policy
from coop_icl.rollouts.setting import build

TABLE = {
    "ipd_step1_paper": ("kind", 2048, 0.2, 0.99, 0.001, 0.005, 50_000),
    "ipd_step2_paper": ("none", 2048, 0.05, 1.0, 0.001, 0.005, 100_000),
    "ipd_step3_paper": ("kind", 4096, 0.02, 0.95, 0.001, 0.0005, 10_000),
    "ipd_icl_paper": ("kind", 4096, 0.02, 1.0, 0.01, 0.001, 200_000),
}
"""Centring, episodes, reward scale, both lambdas, entropy, learning rate, updates (arXiv 2602.16301)."""
ALL = [*TABLE, "ipd_opponent_id_paper", "ipd_no_pool_paper"]
SMALL = ["train.updates=2", "train.episodes_per_learner=8", "ray.num_env_runners=0", "ray.blocks=2"]


@pytest.mark.parametrize("name", ALL)
def test_the_settings_are_the_papers(name, tmp_path):
    config = load(name, runs=tmp_path)
    t, m = config.train, config.model
    row = TABLE.get(name, TABLE["ipd_icl_paper"])
    found = (t.centring, t.episodes_per_learner, t.reward_scale, t.gae_lambda, t.entropy.start, t.lr.start, t.updates)
    assert found == row
    assert t.td_lambda == t.gae_lambda
    assert (t.algorithm, t.epochs, t.minibatches, t.scale_advantages) == ("a2c", 1, 1, False)
    assert (t.gamma, t.value_coefficient, t.max_grad_norm, t.adam_eps) == (0.99, 0.5, 1.0, 1e-5)
    assert t.lr.end is None
    assert t.entropy.end is None
    assert m == ModelConfig("gru", 128, embedding_size=32, activation="swish")  # and nothing of a laptop's recipe
    assert config.game.options == {"rounds": 100}
    assert t.learners == (1 if name == "ipd_step1_paper" else 2)
    assert config.population.opponent_id == (name == "ipd_opponent_id_paper")


def test_all_of_them_run_each_step_from_the_one_before(tmp_path):
    for name in ALL:
        config = load(name, SMALL, Path(tmp_path))
        setting, updates = build(config), list(train(config))
        for _, played, stats, _ in updates:
            assert played.mask.all()
            assert np.isfinite([value for learner in stats for value in learner.values()]).all()
        for module, policy in zip(setting.module_ids, updates[-1][3].policies, strict=True):
            folder = tmp_path / name / "seed_0" / "policies" / "final" / module
            save_policy(folder, policy, "ipd_v0", dict(config.game.options), setting.spec, {})
