"""Losses against closed forms and against each other."""

import dataclasses
import math

import pytest
import torch

from coop_icl.algorithms.losses import LOSSES, Coefficients, Targets, a2c, ppo

NOTHING = Coefficients(entropy=0.0, value=0.0, clip=0.2)
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def batch(actions=3, rounds=6, lanes=5, seed=0):
    """Scores, values (leaves) and targets under the policy that acted; some rounds were not played."""
    g = torch.Generator().manual_seed(seed)
    scores = torch.randn(rounds, lanes, actions, generator=g, dtype=torch.float64).requires_grad_()
    values = torch.randn(rounds, lanes, generator=g, dtype=torch.float64).requires_grad_()
    taken = torch.randint(actions, (rounds, lanes), generator=g)
    logp = torch.log_softmax(scores.detach(), -1).gather(2, taken[..., None])[..., 0]
    advantages, returns = (torch.randn(rounds, lanes, generator=g, dtype=torch.float64) for _ in range(2))
    mask = torch.arange(rounds)[:, None] < torch.tensor([6, 1, 4, 6, 3])
    return scores, values, Targets(taken, logp * mask, advantages * mask, returns, mask)


def gradient(loss, scores, values, targets, c=NOTHING):
    total, stats = loss(scores, values, targets, c)
    return (*torch.autograd.grad(total, (scores, values), allow_unused=True), stats)


def test_ppo_at_ratio_one_has_the_policy_gradient():
    scores, values, targets = batch()
    ours, _, stats = gradient(ppo, scores, values, targets)
    theirs, _, other = gradient(a2c, scores, values, targets)
    assert ours.abs().max() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    for name in ("kl", "ratio_error"):
        assert stats[name].abs() < 1e-12
        assert other[name].abs() < 1e-12
    assert stats["clip_fraction"] == 0


def test_the_policy_gradient_in_closed_form():
    """d(-logp(a) A)/d scores = (softmax - onehot(a)) A, averaged over played rounds."""
    scores, values, targets = batch()
    found, _, _ = gradient(a2c, scores, values, targets)
    hot = torch.nn.functional.one_hot(targets.actions, 3)
    expected = (torch.softmax(scores.detach(), -1) - hot) * targets.advantages[..., None] / targets.mask.sum()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("ratio", "advantage", "clipped"),
    [(1.5, 1.0, True), (1.5, -1.0, False), (0.5, 1.0, False), (0.5, -1.0, True), (1.1, 1.0, False), (0.9, -1.0, False)],
)
def test_the_clip_stops_the_gradient_where_it_would_lead_on(ratio, advantage, clipped):
    scores = torch.zeros(1, 1, 2, dtype=torch.float64, requires_grad=True)
    one = torch.ones(1, 1, dtype=torch.float64)
    logp = torch.full((1, 1), math.log(0.5 / ratio), dtype=torch.float64)
    targets = Targets(torch.zeros(1, 1, dtype=torch.long), logp, advantage * one, 0 * one, one.bool())
    total, stats = ppo(scores, 0 * one, targets, NOTHING)
    total.backward()
    kept = min(max(ratio, 0.8), 1.2) if clipped else ratio
    assert float(total.detach()) == pytest.approx(-kept * advantage)
    expected = 0.0 if clipped else -ratio * advantage * 0.5
    assert float(scores.grad[0, 0, 0]) == pytest.approx(expected)
    assert float(stats["clip_fraction"]) == float(abs(ratio - 1) > 0.2)
    assert float(stats["ratio_error"]) == pytest.approx(abs(ratio - 1))
    assert float(stats["kl"]) == pytest.approx(ratio - 1 - math.log(ratio))


@every_loss
@pytest.mark.parametrize("actions", [2, 3, 7])
def test_entropy_is_largest_and_flat_at_uniform(loss, actions):
    scores, values, targets = batch(actions)
    c = Coefficients(entropy=1.0, value=0.0, clip=0.2)
    still = dataclasses.replace(targets, advantages=torch.zeros_like(targets.advantages))
    uniform = torch.zeros_like(scores).requires_grad_()
    found, _, stats = gradient(loss, uniform, values, still, c)
    assert float(stats["entropy"]) == pytest.approx(math.log(actions))
    assert found.abs().max() < 1e-12
    total, other = loss(scores, values, still, c)
    assert float(other["entropy"]) < math.log(actions)
    assert float(total.detach()) == pytest.approx(-float(other["entropy"]))
    step = gradient(loss, scores, values, still, c)[0]
    assert loss(scores - 0.1 * step, values, still, c)[1]["entropy"] > other["entropy"]  # descent raises entropy


@every_loss
def test_the_value_is_regressed_on_the_returns(loss):
    scores, values, targets = batch()
    c = Coefficients(entropy=0.0, value=0.7, clip=0.2)
    still = dataclasses.replace(targets, advantages=torch.zeros_like(targets.advantages))
    total, stats = loss(scores, values, still, c)
    mean = ((values - targets.returns)[targets.mask] ** 2).mean() / 2
    torch.testing.assert_close(stats["value_loss"], mean.detach())
    torch.testing.assert_close(total.detach(), 0.7 * mean.detach())
    found = torch.autograd.grad(total, values)[0]
    expected = 0.7 * (values.detach() - targets.returns) * targets.mask / targets.mask.sum()
    torch.testing.assert_close(found, expected)
    assert loss(scores, targets.returns, still, c)[1]["explained_variance"] == pytest.approx(1.0)
    flat = torch.full_like(values, float(targets.returns[targets.mask].mean()))
    assert float(loss(scores, flat, still, c)[1]["explained_variance"]) == pytest.approx(0.0, abs=1e-9)


@every_loss
def test_rounds_after_the_end_have_no_part_in_it(loss):
    scores, values, targets = batch()
    c = Coefficients(entropy=0.1, value=0.5, clip=0.2)
    total, stats = loss(scores, values, targets, c)
    d_scores, d_values, _ = gradient(loss, scores, values, targets, c)
    assert not d_scores[~targets.mask].any()
    assert not d_values[~targets.mask].any()
    changed = dataclasses.replace(targets, returns=torch.where(targets.mask, targets.returns, 50.0))
    again, other = loss(scores, torch.where(targets.mask, values, -9.0), changed, c)
    assert float(total.detach()) == pytest.approx(float(again.detach()))
    for name, value in stats.items():
        assert float(value) == pytest.approx(float(other[name])), name


@every_loss
def test_a_favourable_action_becomes_more_likely(loss):
    scores, values, targets = batch()
    good = dataclasses.replace(targets, advantages=targets.mask.double())
    d_scores = gradient(loss, scores, values, good)[0]
    taken = d_scores.gather(2, targets.actions[..., None])[..., 0]
    assert (taken[targets.mask] < 0).all()
