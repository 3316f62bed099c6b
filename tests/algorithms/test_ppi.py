"""Losses of PPI against closed forms, and what a phase does with its data."""

import math

import numpy as np
import pytest
import torch

from coop_icl.algorithms.ppi import PPIConfig, Targets, fit, prediction_loss
from coop_icl.models.buffers import Buffers
from coop_icl.models.observations import Observations
from coop_icl.models.planning import PlannerConfig
from coop_icl.models.policy import ModelConfig
from coop_icl.models.predictive import PredictivePolicy

ROUNDS, LANES = 4, 3


def targets(seed=0, lanes=LANES):
    rng = np.random.default_rng(seed)
    following = rng.integers(1, 5, (ROUNDS, lanes))
    rewards = np.array([0, 1, -1, 2, 0], np.float32)[following]
    return Targets(*(torch.from_numpy(array) for array in ((following - 1) // 2, following, rewards)))


def outputs_of(own, seen, rewards):
    """Outputs [O, T, N] of own-action scores [A], observation scores [A, S] and rewards [A, S], equal everywhere."""
    planes = torch.cat([own, seen.flatten(), rewards.flatten()])
    return planes[:, None, None].expand(-1, ROUNDS, LANES).clone()


def test_losses_of_a_model_that_knows_nothing():
    t = targets()
    loss, parts = prediction_loss(torch.zeros(22, ROUNDS, LANES), t, 2, 0.5)
    assert float(parts["action_loss"]) == pytest.approx(math.log(2))
    assert float(parts["observation_loss"]) == pytest.approx(math.log(5))
    assert float(parts["reward_loss"]) == pytest.approx(float(t.rewards.square().mean()))
    assert float(loss) == pytest.approx(sum(float(parts[p]) * w for p, w in zip(parts, (1, 1, 0.5), strict=True)))


def test_losses_are_conditional_on_the_action_and_on_what_was_seen():
    t = targets()
    own, seen = torch.tensor([0.3, -0.4]), torch.arange(10.0).view(2, 5).sin()
    rewards = torch.arange(10.0).view(2, 5).cos()
    _, parts = prediction_loss(outputs_of(own, seen, rewards), t, 2, 1.0)
    action = observation = reward = 0.0
    for a, o, r in zip(t.actions.flatten(), t.following.flatten(), t.rewards.flatten(), strict=True):
        action -= float(own[a] - own.exp().sum().log())
        observation -= float(seen[a, o] - seen[a].exp().sum().log())
        reward += float((rewards[a, o] - r) ** 2)
    for name, total in (("action_loss", action), ("observation_loss", observation), ("reward_loss", reward)):
        assert float(parts[name]) == pytest.approx(total / (ROUNDS * LANES), rel=1e-5)


def test_gradients_reach_only_the_heads_that_apply():
    t = Targets(torch.zeros(1, 1, dtype=torch.long), torch.full((1, 1), 2), torch.full((1, 1), -1.0))
    outputs = torch.zeros(22, 1, 1, requires_grad=True)
    prediction_loss(outputs, t, 2, 1.0)[0].backward()
    touched = outputs.grad[:, 0, 0].nonzero().flatten().tolist()
    assert touched == [0, 1, *range(2, 7), 14]  # own actions; observations after action 0; reward of (0, 2)
    assert float(outputs.grad[14, 0, 0]) == pytest.approx(2.0)


def learner(hidden=16, seed=0):
    policy = PredictivePolicy(
        ModelConfig(hidden_size=hidden, activation="swish"), [5, 2, 1], 2, ROUNDS, PlannerConfig()
    )
    policy.reset_parameters(seed)
    return policy


TABLE = torch.cat([torch.eye(5), torch.zeros(5, 3)], 1)


def batches_of(following):
    """Trajectories [N, T] of symbols as inputs and targets."""
    payoffs = torch.tensor([0.0, 1.0, -1.0, 2.0, 0.0])

    def batches(rows):
        symbols = torch.from_numpy(following[rows].T.astype(np.int64))
        seen = torch.cat([torch.zeros_like(symbols[:1]), symbols[:-1]])
        return Observations(seen.int(), TABLE), Targets((symbols - 1) // 2, symbols, payoffs[symbols])

    return batches


def fitted(config, following, seed=0, optimizer=None, policy=None):
    policy = policy or learner()
    optimizer = optimizer or torch.optim.AdamW(policy.parameters(), lr=config.lr)
    found = fit(policy, optimizer, len(following), batches_of(following), config, np.random.default_rng(seed))
    return found, policy, optimizer


def weights(policy):
    return {name: tensor.clone() for name, tensor in policy.state_dict().items()}


def test_a_model_learns_what_can_be_known_and_no_more():
    """A co-player that cooperates with probability .8, own actions that alternate: ln 2 against 0 and H(.8)."""
    rng = np.random.default_rng(0)
    own = np.tile([0, 1, 0, 1], (600, 1))
    following = 1 + 2 * own + (rng.random((600, ROUNDS)) > 0.8)
    found, _, _ = fitted(PPIConfig(epochs=30, batch=50, lr=0.01), following)
    assert found["action_loss"] < 0.02
    assert found["observation_loss"] == pytest.approx(-0.8 * math.log(0.8) - 0.2 * math.log(0.2), abs=0.03)
    assert found["reward_loss"] < 0.01
    assert (found["gradient_steps"], found["trajectories"]) == (30 * 12, 600)


def test_every_trajectory_is_used_once_an_epoch():
    seen = []
    following = np.ones((13, ROUNDS), np.int64)
    config, policy = PPIConfig(epochs=3, batch=5), learner()

    def batches(rows):
        seen.append(rows.copy())
        return batches_of(following)(rows)

    optimizer = torch.optim.AdamW(policy.parameters(), lr=config.lr)
    found = fit(policy, optimizer, 13, batches, config, np.random.default_rng(0))
    assert [len(rows) for rows in seen] == [5, 5, 3] * 3
    epochs = [np.concatenate(seen[3 * i : 3 * i + 3]) for i in range(3)]
    assert all(sorted(epoch) == list(range(13)) for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])
    assert found["gradient_steps"] == 9


def test_nothing_of_an_earlier_phase_is_left_in_the_optimizer():
    following = np.random.default_rng(1).integers(1, 5, (20, ROUNDS))
    config = PPIConfig(epochs=2, batch=8, lr=0.01)
    _, policy, optimizer = fitted(config, following)
    first = weights(policy)
    policy.reset_parameters(0)
    fitted(config, following, policy=policy, optimizer=optimizer)
    assert all(torch.equal(first[name], tensor) for name, tensor in policy.state_dict().items())
    policy.reset_parameters(0)
    fitted(config, following, seed=1, policy=policy, optimizer=optimizer)
    assert any(not torch.equal(first[name], tensor) for name, tensor in policy.state_dict().items())


@pytest.mark.parametrize("embedding", [0, 3])
def test_predictions_equal_those_of_torch_and_so_do_gradients(embedding):
    """The compiled forward and backward pass of a whole batch, against nn.GRU and one head after the other."""
    config = ModelConfig(hidden_size=16, activation="swish", embedding_size=embedding)
    policy = PredictivePolicy(config, [5, 2, 1], 2, ROUNDS)
    policy.reset_parameters(0)
    table = torch.randn(7, 8, generator=torch.Generator().manual_seed(0))
    codes = torch.arange(ROUNDS * LANES, dtype=torch.int32).view(ROUNDS, LANES) % 7
    features, _ = policy.core(policy.embed(table[codes]))
    plain = torch.cat([head(policy.activate(features)) for head in policy.heads_of()], -1).movedim(-1, 0)
    found = policy.predict(Observations(codes, table), Buffers())
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-5)
    gradients = []
    for outputs in (found, plain):
        policy.zero_grad()
        prediction_loss(outputs, targets(), 2, 1.0)[0].backward()
        gradients.append([parameter.grad.clone() for parameter in policy.parameters()])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_the_number_of_rollouts_follows_the_phase():
    config = PPIConfig(planner=PlannerConfig(rollouts=8, horizon=5), rollouts_by_phase=[8, 8, 4, 4, 32])
    assert [config.planner_of(phase).rollouts for phase in range(6)] == [8, 8, 4, 4, 32, 32]
    assert {config.planner_of(phase).horizon for phase in range(6)} == {5}
    assert PPIConfig().planner_of(1000) == PPIConfig().planner  # the paper's does not


@pytest.mark.parametrize(
    "change",
    [{"rollouts_by_phase": [8, 0]}, {"continue_epochs": -1}, {"batch": 0}, {"lr": math.inf}],
)
def test_settings_out_of_range_are_refused(change):
    (name,) = change
    with pytest.raises(ValueError, match=rf"^ppi\.{name}: got .*; expected "):
        PPIConfig(**change).check()
