"""The training step as a whole."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from coop_icl.algorithms.losses import LOSSES, Coefficients
from coop_icl.algorithms.update import update
from coop_icl.config import from_mapping
from coop_icl.models.observations import Observations
from coop_icl.models.stack import PolicyStack
from coop_icl.rollouts.setting import build
from coop_icl.trajectory import learner_batch

CORES = {
    "gru compiled": ("gru", True, 16),
    "gru fused": ("gru", True, 8),
    "gru plain": ("gru", False, 8),
    "lstm": ("lstm", True, 8),
    "transformer": ("transformer", True, 8),
}
C = Coefficients(entropy=0.01, value=0.5, clip=0.2)


def make(game=None, core="gru", fused=True, hidden=8, mixture=None, observe=("outcome",), **train):
    config = {
        "name": "update",
        "game": game or {"options": {"rounds": 6, "continuation": 0.9, "observe": list(observe)}},
        "population": {"mixture": mixture or [{"name": "learner"}, {"name": "tabular"}, {"name": "tft"}]},
        "model": {"core": core, "hidden_size": hidden},
        "train": {"episodes_per_learner": 16, "epochs": 2, "reward_scale": 1.0, **train},
        "ray": {"num_env_runners": 0, "blocks": 1},
    }
    setting = build(from_mapping(config, "test"))
    stack = PolicyStack([setting.make_policy(i) for i in range(len(setting.module_ids))], fused)
    optimizers = [torch.optim.Adam(policy.parameters(), lr=0.02) for policy in stack.policies]
    return setting, stack, optimizers


def batches_of(setting, stack, iteration=0):
    played = setting.play_block(stack, iteration, 0)
    return [learner_batch(played, agents) for agents in setting.agents]


def learn(setting, stack, optimizers, batches, settings=None, **more):
    settings = settings or setting.config.update_settings()
    return update(stack, optimizers, batches, setting.encode, settings, C, np.random.default_rng(0), **more)


def weights(policy):
    return {name: tensor.detach().clone() for name, tensor in policy.named_parameters()}


def same(one, two):
    return all(torch.equal(one[name], two[name]) for name in one)


def first_action_rates(setting, stack):
    """Probability of action 0 in the first round, for each policy."""
    start = torch.from_numpy(setting.game.encode(np.zeros((1, 1), dtype=int), 0, 0))
    with torch.no_grad():
        return [float(torch.softmax(policy(start)[0], -1)[0, 0, 0]) for policy in stack.policies]


BANDITS = {
    "defection dominates": ({"options": {"rounds": 1}}, 0.0),
    "action 0 pays": (
        {"name": "matrix_game", "options": {"rounds": 1, "payoffs": [[[1, 1], [0, 0]], [[1, 0], [1, 0]]]}},
        1.0,
    ),
}


@pytest.mark.parametrize("algorithm", LOSSES)
@pytest.mark.parametrize("key", BANDITS)
def test_updates_learn_the_better_action_of_one_round(key, algorithm):
    game, best = BANDITS[key]
    setting, stack, optimizers = make(game, algorithm=algorithm, mixture=[{"name": "learner"}, {"name": "tabular"}])
    before = first_action_rates(setting, stack)
    assert all(0.1 < rate < 0.9 for rate in before)
    for iteration in range(40):
        learn(setting, stack, optimizers, batches_of(setting, stack, iteration))
    assert all(abs(rate - best) < 0.1 for rate in first_action_rates(setting, stack))


@pytest.mark.parametrize("minibatches", [1, 2])
def test_updates_learn_to_look_at_what_came_before(minibatches):
    """Two rounds in which TFT pays for a first cooperation: cooperate, then defect."""
    setting, stack, optimizers = make(
        {"options": {"rounds": 2}},
        mixture=[{"name": "tft"}],
        minibatches=minibatches,
        entropy={"start": 0.0},
        gamma=1.0,
    )
    for iteration in range(60):
        learn(setting, stack, optimizers, batches_of(setting, stack, iteration))
    assert all(rate > 0.85 for rate in first_action_rates(setting, stack))
    late = [(batch.actions[1] == 1).mean() for batch in batches_of(setting, stack, 999)]
    assert min(late) > 0.8


@pytest.mark.parametrize("minibatches", [1, 2, 3, 16])
@pytest.mark.parametrize("core", CORES)
def test_every_policy_moves_with_any_number_of_minibatches(core, minibatches):
    setting, stack, optimizers = make(None, *CORES[core], minibatches=minibatches)
    before = [weights(policy) for policy in stack.policies]
    stats = learn(setting, stack, optimizers, batches_of(setting, stack))
    for policy, old, row in zip(stack.policies, before, stats, strict=True):
        assert all(torch.isfinite(p).all() for p in policy.parameters())
        for name, tensor in weights(policy).items():
            assert not torch.equal(tensor, old[name]), name
        assert row["skipped"] == 0
        assert row["grad_norm"] > 0
        assert {"policy_loss", "value_loss", "entropy", "explained_variance", "kl", "ratio_error"} <= set(row)
        steps = {int(state["step"]) for state in optimizers[0].state.values()}
        assert steps == {2 * minibatches}


def test_every_lane_is_dealt_once_an_epoch():
    setting, stack, optimizers = make(minibatches=3)
    batches = batches_of(setting, stack)
    seen = []

    def encode(batch):
        vectors = setting.encode(batch).vectors()
        vectors[0, :, 0] = torch.arange(len(batch)).float()  # lanes carry their number
        return Observations.of(vectors)

    def watch(group):
        forward, passes = group.forward, []

        def watched(observations):
            passes.append([x.vectors()[0, :, 0].tolist() for x in observations])
            return forward(observations)

        group.forward = watched
        seen.append(passes)

    for _, group in stack.groups:
        watch(group)
    update(stack, optimizers, batches, encode, setting.config.update_settings(), C, np.random.default_rng(0))
    dealt = [[lanes for group in together for lanes in group] for together in zip(*seen, strict=True)]
    assert len(dealt) == 6
    for learner, batch in enumerate(batches):
        for epoch in (dealt[:3], dealt[3:]):
            assert sorted(lane for hand in epoch for lane in hand[learner]) == list(range(len(batch)))
        assert dealt[0][learner] != dealt[3][learner]  # another deal in each epoch


def spoil(batch, value):
    rewards = batch.rewards.copy()
    rewards[0, 0] = value
    return dataclasses.replace(batch, rewards=rewards)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("minibatches", [1, 2])
@pytest.mark.parametrize("core", CORES)
def test_gradients_that_are_not_finite_are_skipped_and_counted(core, minibatches, value):
    setting, stack, optimizers = make(None, *CORES[core], minibatches=minibatches)
    batches = batches_of(setting, stack)
    before = weights(stack.policies[0])
    good, good_stack, good_optimizers = make(None, *CORES[core], minibatches=minibatches)
    learn(good, good_stack, good_optimizers, batches)
    stats = learn(setting, stack, optimizers, [spoil(batches[0], value), batches[1]])
    assert same(weights(stack.policies[0]), before)
    assert not optimizers[0].state
    assert [row["skipped"] for row in stats] == [2 * minibatches, 0]
    assert same(weights(stack.policies[1]), weights(good_stack.policies[1]))
    after = learn(setting, stack, optimizers, batches)  # and all is well with the next batch
    assert [row["skipped"] for row in after] == [0, 0]
    assert not same(weights(stack.policies[0]), before)


@pytest.mark.parametrize("minibatches", [1, 2])
@pytest.mark.parametrize("core", CORES)
def test_a_learner_learns_from_its_own_batch_only(core, minibatches):
    results = []
    for change in (False, True):
        setting, stack, optimizers = make(None, *CORES[core], minibatches=minibatches)
        batches = batches_of(setting, stack)
        if change:
            batches[0] = dataclasses.replace(
                batches[0], rewards=-3 * batches[0].rewards, outcomes=batches[0].outcomes[:, ::-1]
            )
        learn(setting, stack, optimizers, batches)
        results.append([weights(policy) for policy in stack.policies])
    (one_first, one_second), (two_first, two_second) = results
    assert same(one_second, two_second)
    assert not same(one_first, two_first)


def test_the_same_batch_and_numbers_give_the_same_weights():
    results = []
    for _ in range(2):
        setting, stack, optimizers = make(minibatches=2)
        learn(setting, stack, optimizers, batches_of(setting, stack))
        results.append([weights(policy) for policy in stack.policies])
    assert all(same(one, two) for one, two in zip(*results, strict=True))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("minibatches", [1, 2])
def test_threads_share_the_work_and_change_no_bit(core, minibatches):
    results = []
    for threads in (1, 2, 8):  # three policies are two groups
        setting, stack, optimizers = make(None, *CORES[core], learners=3, minibatches=minibatches)
        stats = learn(setting, stack, optimizers, batches_of(setting, stack), threads=threads)
        assert len(stats) == 3
        results.append((stats, [weights(policy) for policy in stack.policies]))
    (alone, reference), *others = results
    for stats, policies in others:
        assert stats == alone
        assert all(same(one, two) for one, two in zip(policies, reference, strict=True))


def test_an_error_in_a_thread_reaches_the_caller():
    setting, stack, optimizers = make()

    def fails(batch):
        raise RuntimeError("no observations")

    batches = batches_of(setting, stack)
    with pytest.raises(RuntimeError, match="no observations"):
        update(
            stack, optimizers, batches, fails, setting.config.update_settings(), C, np.random.default_rng(0), threads=2
        )


def test_fused_and_plain_updates_agree():
    results = []
    for fused in (True, False):
        setting, stack, optimizers = make(fused=fused)
        learn(setting, stack, optimizers, batches_of(setting, make()[1]))
        results.append([weights(policy) for policy in stack.policies])
    for one, two in zip(*results, strict=True):
        for name in one:
            torch.testing.assert_close(one[name], two[name], atol=2e-3, rtol=0)  # Adam's first steps are of lr


def test_gradients_are_clipped_for_each_learner():
    setting, stack, _ = make(max_grad_norm=0.001, epochs=1)
    optimizers = [torch.optim.SGD(policy.parameters(), lr=1.0) for policy in stack.policies]
    before = [weights(policy) for policy in stack.policies]
    stats = learn(setting, stack, optimizers, batches_of(setting, stack))
    for policy, old, row in zip(stack.policies, before, stats, strict=True):
        moved = torch.sqrt(sum((p - old[name]).square().sum() for name, p in weights(policy).items()))
        assert float(moved) == pytest.approx(0.001, rel=0.01)
        assert row["grad_norm"] > 0.001


def test_synchronise_is_called_between_backward_and_clipping():
    setting, stack, optimizers = make(minibatches=2)
    before = [weights(policy) for policy in stack.policies]
    norms = []

    def synchronise(policies):
        for policy in policies:
            norms.append(max(float(p.grad.abs().max()) for p in policy.parameters()))
            for p in policy.parameters():
                p.grad.zero_()

    stats = learn(setting, stack, optimizers, batches_of(setting, stack), synchronise=synchronise)
    assert len(norms) == 2 * 2 * len(stack.policies)
    assert min(norms) > 0
    assert all(row["grad_norm"] == 0 for row in stats)
    assert all(same(old, weights(policy)) for old, policy in zip(before, stack.policies, strict=True))


def test_targets_are_those_of_the_first_pass():
    """Advantages and returns stay fixed while epochs change the values they came from."""
    setting, stack, optimizers = make(epochs=4, minibatches=1)
    batches = batches_of(setting, stack)
    seen = []

    def spy(scores, values, targets, c):
        seen.append(copy.deepcopy(targets))
        return original(scores, values, targets, c)

    original, LOSSES["ppo"] = LOSSES["ppo"], spy
    try:
        learn(setting, stack, optimizers, batches)
    finally:
        LOSSES["ppo"] = original
    assert len(seen) == 8
    for batch in batches:
        actions = torch.from_numpy(batch.actions.astype(np.int64))
        first, *later = [targets for targets in seen if torch.equal(targets.actions, actions)]
        assert len(later) == 3
        for field in dataclasses.fields(first):
            assert all(torch.equal(getattr(one, field.name), getattr(first, field.name)) for one in later)


def test_returns_use_td_lambda_and_rewards_are_scaled():
    setting, stack, optimizers = make(
        epochs=1, td_lambda=1.0, gae_lambda=0.5, gamma=0.9, reward_scale=0.1, centring="none", scale_advantages=False
    )
    batches = batches_of(setting, stack)
    seen = []

    def spy(scores, values, targets, c):
        seen.append((targets, values.detach().clone()))
        return original(scores, values, targets, c)

    original, LOSSES["ppo"] = LOSSES["ppo"], spy
    try:
        learn(setting, stack, optimizers, batches)
    finally:
        LOSSES["ppo"] = original
    for (targets, values), batch in zip(seen, batches, strict=True):
        later, expected = 0.0, np.zeros(batch.rewards.shape)
        for t in range(len(expected) - 1, -1, -1):
            later = 0.1 * batch.rewards[t] + 0.9 * later
            expected[t] = later
        np.testing.assert_allclose(targets.returns[batch.mask], expected[batch.mask], atol=1e-5)
        # one-step errors of scaled rewards, summed with 0.9 * 0.5
        v = values.numpy() * batch.mask
        errors = (0.1 * batch.rewards + 0.9 * np.concatenate([v[1:], 0 * v[:1]]) - v) * batch.mask
        advantage, later = np.zeros_like(errors), 0.0
        for t in range(len(errors) - 1, -1, -1):
            later = errors[t] + 0.45 * later
            advantage[t] = later
        np.testing.assert_allclose(targets.advantages.numpy(), advantage, atol=1e-5)
