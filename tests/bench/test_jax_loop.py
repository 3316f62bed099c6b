"""The JAX program of the bench does the same work as ours: same model, same advantages, same loss, same gradient."""

import numpy as np
import pytest
import torch

pytest.importorskip("jax", reason="the extra `bench` is not installed")
pytest.importorskip("optax", reason="the extra `bench` is not installed")

from bench.jax_loop import program
from bench.workloads import experiment
from coop_icl.algorithms.advantages import prepare
from coop_icl.algorithms.losses import LOSSES, Coefficients, Targets
from coop_icl.algorithms.returns import gae
from coop_icl.models.policy import ModelConfig, SequencePolicy


def policy_of(weights):
    """Our policy with the weights of one JAX learner."""
    hidden = weights["w_hh"].shape[0]
    policy = SequencePolicy(ModelConfig(hidden_size=hidden), (5,), 2, 100)
    arrays = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    rnn = policy.core.rnn
    for parameter, value in (
        (rnn.weight_ih_l0, arrays["w_ih"].T),
        (rnn.weight_hh_l0, arrays["w_hh"].T),
        (rnn.bias_ih_l0, arrays["b_ih"]),
        (rnn.bias_hh_l0, arrays["b_hh"]),
        (policy.action_head.weight, arrays["heads"][:, :2].T),
        (policy.action_head.bias, arrays["bias"][:2]),
        (policy.value_head.weight, arrays["heads"][:, 2:].T),
        (policy.value_head.bias, arrays["bias"][2:]),
    ):
        parameter.data.copy_(value)
    return policy


@pytest.mark.parametrize("tuned", [True, False])
@pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
def test_losses_and_gradients_agree(algorithm, tuned):
    config = experiment(
        24, "game.options={rounds: 7}", "train.learners=2", f"train.algorithm={algorithm}", "model.hidden_size=16"
    )
    ours = config.train
    theirs = program(config, tuned)
    parameters, _, key = theirs.start(3)
    episodes, losses, gradients = theirs.look(parameters, key)
    lanes = ours.episodes_per_learner
    for learner in range(2):
        one = {name: torch.from_numpy(np.array(value[learner])) for name, value in episodes._asdict().items()}
        policy = policy_of({name: value[learner] for name, value in parameters.items()})
        scores, values, _ = policy(torch.nn.functional.one_hot(one["seen"].long(), 5).float())
        logp = torch.log_softmax(scores, -1).gather(-1, one["actions"].long()[..., None])[..., 0]
        torch.testing.assert_close(logp.detach(), one["logp"], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(values.detach(), one["values"], atol=1e-5, rtol=1e-5)
        mask = torch.ones(7, lanes, dtype=torch.bool)
        raw = gae(one["rewards"] * ours.reward_scale, one["values"], mask, ours.gamma, ours.gae_lambda)
        kinds = torch.arange(lanes) // (lanes // 2)
        targets = Targets(
            one["actions"].long(),
            one["logp"],
            prepare(raw, mask, kinds, ours.centring, ours.scale_advantages),
            raw + one["values"],
            mask,
        )
        loss, _ = LOSSES[algorithm](scores, values, targets, Coefficients(ours.entropy.start, 0.5, ours.clip))
        assert float(losses[learner]) == pytest.approx(float(loss.detach()), abs=1e-5)
        loss.backward()
        mine = policy.core.rnn.weight_hh_l0.grad.T.numpy()
        np.testing.assert_allclose(np.array(gradients["w_hh"][learner]), mine, atol=1e-6, rtol=1e-3)
        assert np.abs(mine).max() > 1e-5


@pytest.mark.parametrize("learners", [2, 4])
def test_partners_see_each_other(learners):
    """On one device or several."""
    config = experiment(24, "game.options={rounds: 7}", f"train.learners={learners}", "model.hidden_size=16")
    theirs = program(config)
    episodes, _ = theirs.play(theirs.start(3))
    half = config.train.episodes_per_learner // 2
    actions, seen, rewards = (np.array(x)[:, :, :half] for x in (episodes.actions, episodes.seen, episodes.rewards))
    others = actions[np.arange(learners) ^ 1]
    np.testing.assert_array_equal(seen[:, 1:], (1 + 2 * actions + others)[:, :-1])
    np.testing.assert_array_equal(rewards, np.array([[1, -1], [2, 0]])[actions, others])
