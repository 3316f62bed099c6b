"""The planner against models that are known exactly, and its compiled twin against it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worlds import Chain, Urns, exact_values

from coop_icl.models import gru_kernel, plan_kernel
from coop_icl.models.planning import PlannerConfig, action_values, draw, improve
from coop_icl.models.policy import ModelConfig
from coop_icl.models.predictive import PredictivePolicy, policy_from

SHAPES = {
    "plain": (ModelConfig(hidden_size=16), 2, 0),
    "paper": (ModelConfig(hidden_size=32, embedding_size=5, activation="swish"), 2, 0),
    "told": (ModelConfig(hidden_size=16, embedding_size=5, activation="swish"), 2, 10),
    "three actions": (ModelConfig(hidden_size=48, activation="swish"), 3, 0),
}


def network(shape, planner=None, seed=0):
    """A model whose predictions are far from uniform, and from one another."""
    config, actions, told = SHAPES[shape] if isinstance(shape, str) else shape
    parts = [1 + actions * actions, actions, 1, *([told] if told else [])]
    policy = PredictivePolicy(config, parts, actions, 30, planner)
    policy.reset_parameters(seed)
    for head in policy.heads_of():
        head.weight.data *= 6
    return policy


def memory_of(policy, decisions, seed=0):
    """Memory after three observations of any kind."""
    rng = np.random.default_rng(seed)
    state = policy.initial_state(decisions)
    told = rng.normal(size=(decisions, sum(policy.parts[3:])))
    for _ in range(3):
        seen = rng.normal(size=(decisions, sum(policy.parts[:3])))
        observations = torch.from_numpy(np.concatenate([seen, told], 1).astype(np.float32))
        _, _, state = policy.step(observations, state)
    features = state["h"][:, -1]
    return {"h": state["h"], "features": features, "told": torch.from_numpy(told.astype(np.float32))}


def numbers(decisions, actions, planner, seed=0):
    shape = (decisions, actions, planner.rollouts, planner.horizon, 2)
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


MODELS = {
    "chain": lambda: (Chain(0), {"seen": torch.arange(3)}),
    "urns": lambda: (Urns(), Urns().start(2)),
    "network": lambda: (policy := network("plain"), memory_of(policy, 2)),
}


@pytest.mark.parametrize("horizon", [1, 2, 3])
@pytest.mark.parametrize("key", MODELS)
@torch.no_grad()
def test_values_are_those_of_enumeration(key, horizon):
    model, memory = MODELS[key]()
    decisions = len(next(iter(memory.values())))
    planner = PlannerConfig(horizon=horizon, rollouts=1000, discount=0.8)
    exact = exact_values(model, memory, horizon, planner.discount)
    draws = [numbers(decisions, exact.shape[1], planner, i) for i in range(16)]
    found = torch.stack([action_values(model, memory, planner, drawn) for drawn in draws])
    error = found.std(0) / np.sqrt(len(found))
    assert ((found.mean(0) - exact).abs() < 5 * error + 1e-5).all()
    other = exact_values(model, memory, horizon, 0.3 if horizon > 1 else 1.0) + (horizon == 1) * 0.2
    assert ((found.mean(0) - other).abs() > 5 * error + 1e-5).any()  # the test can tell


def test_improved_policy_is_the_prior_times_the_exponential_of_values():
    prior = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], dtype=torch.float64)
    values = torch.tensor([[1.0, 2.0, 0.5], [-3.0, 0.0, -1.0]], dtype=torch.float64)
    expected = prior * (values / 0.7).exp()
    found = torch.softmax(improve(prior.log(), values, 0.7), 1)
    torch.testing.assert_close(found, expected / expected.sum(1, keepdim=True))
    assert torch.isfinite(improve(prior.log().float(), 1e6 * values.float(), 1e-6)).any(1).all()


def test_draws_follow_their_distribution():
    probabilities = torch.tensor([0.5, 0.2, 0.3]).expand(10_000, 3)
    drawn = draw(probabilities.log(), (torch.arange(10_000) + 0.5) / 10_000)
    assert torch.bincount(drawn).tolist() == [5000, 2000, 3000]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("decisions", [1, 7])
@torch.no_grad()
def test_compiled_planner_equals_torch(shape, decisions):
    planner = PlannerConfig(horizon=6, rollouts=11, discount=0.9)
    policy = network(shape)
    if not plan_kernel.fits(policy):
        pytest.skip("no compiled GRU here")
    actions = policy.num_actions
    memory, uniforms = memory_of(policy, decisions), numbers(decisions, actions, planner)
    one = action_values(policy, memory, planner, uniforms)
    two = plan_kernel.action_values(policy, memory, planner, uniforms)
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)
    another = plan_kernel.action_values(policy, memory, planner, numbers(decisions, actions, planner, 1))
    assert (another - two).abs().max() > 0.01


@torch.no_grad()
def test_compiled_planner_in_bfloat16_is_near():
    if gru_kernel.level() < gru_kernel.HALF:
        pytest.skip("no bfloat16 here")
    planner, config = PlannerConfig(horizon=4, rollouts=200), ModelConfig(hidden_size=32, activation="swish")
    policy, half = network((config, 2, 0)), network((replace(config, precision="bfloat16"), 2, 0))
    half.load_state_dict(policy.state_dict())
    memory, uniforms = memory_of(policy, 20), numbers(20, 2, planner)
    one, two = (plan_kernel.action_values(p, memory, planner, uniforms) for p in (policy, half))
    off = (one - two).abs()
    assert 0 < off.mean() < 0.01
    other = plan_kernel.action_values(policy, memory, planner, numbers(20, 2, planner, 1))
    assert off.mean() < 0.2 * (one - other).abs().mean()  # rounding is little beside chance


@pytest.mark.parametrize("common", [False, True])
def test_common_numbers_leave_only_what_the_actions_change(common):
    policy = network("paper", PlannerConfig(alpha=1.0, horizon=1, rollouts=3, common_numbers=common))
    with torch.no_grad():
        for head in (policy.observation_head, policy.reward_head):  # neither depends on the action
            for parameter in (head.weight, head.bias):
                first, second = parameter.view(2, -1)
                second.copy_(first)
    x = torch.zeros(50, 8)
    x[:, 0] = 1
    scores, values, state = policy.step(x, policy.initial_state(50, seed=1))
    prior = policy.own({"features": state["h"][:, -1]})
    lead = (scores - prior)[:, 0] - (scores - prior)[:, 1]  # the difference of the actions' values
    assert bool((lead.abs() < 1e-5).all()) == common
    assert len(values.unique()) > 10  # decisions have numbers of their own


def test_whoever_has_the_compiled_gru_has_the_compiled_planner():
    assert plan_kernel.fits(network("paper")) == (gru_kernel.level() > 0)
    assert not plan_kernel.fits(network((ModelConfig(hidden_size=8), 2, 0)))
    assert not plan_kernel.fits(network((ModelConfig(core="lstm", hidden_size=16), 2, 0)))
    assert not plan_kernel.fits(network((ModelConfig(hidden_size=16, num_layers=2), 2, 0)))


@pytest.mark.parametrize("core", ["gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2])
def test_cores_without_a_kernel_plan_in_torch(core, layers):
    policy = network((ModelConfig(core=core, hidden_size=8, num_layers=layers), 2, 0), PlannerConfig(rollouts=3))
    x = torch.zeros(4, 8)
    x[:, 0] = 1
    scores, values, state = policy.step(x, policy.initial_state(4, seed=1))
    again, _, _ = policy.step(x, policy.initial_state(4, seed=1))
    other, _, _ = policy.step(x, policy.initial_state(4, seed=2))
    assert scores.shape == (4, 2)
    assert values.shape == (4,)
    assert torch.equal(scores, again)
    assert not torch.equal(scores, other)
    assert not torch.equal(scores, policy.step(x, {**state, "planning": policy.initial_state(4, 1)["planning"]})[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": 0.0}, "alpha: got .*; expected above 0"),
        ({"alpha": float("nan")}, "alpha: got .*; expected above 0"),
        ({"horizon": 0}, "horizon: got 0; expected at least 1"),
        ({"rollouts": 0}, "rollouts: got 0; expected at least 1"),
        ({"discount": 1.1}, "discount: got 1.1; expected in"),
    ],
)
def test_planners_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        network("plain", PlannerConfig(**change))


def test_policies_that_cannot_plan_are_refused():
    with pytest.raises(ValueError, match="gru or lstm"):
        network((ModelConfig(core="transformer", hidden_size=8), 2, 0))
    with pytest.raises(ValueError, match="outcome, action, reward"):
        PredictivePolicy(ModelConfig(), [5], 2, 10)


def test_a_policy_is_built_again_from_its_description():
    policy = network("told", PlannerConfig(alpha=0.5, rollouts=3, horizon=4, discount=0.7))
    again = policy_from(policy.describe())
    again.load_state_dict(policy.state_dict())
    x = torch.randn(3, 18, generator=torch.Generator().manual_seed(0))
    for one, two in zip(
        policy.step(x, policy.initial_state(3, 5)), again.step(x, again.initial_state(3, 5)), strict=True
    ):
        if isinstance(one, torch.Tensor):
            assert torch.equal(one, two)
    assert type(policy_from({k: v for k, v in policy.describe().items() if k != "planner"})) is not PredictivePolicy
