"""Discounted sums and generalised advantages against a plain loop and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_icl.algorithms.returns import discounted_sums, gae

SHAPES = {"rounds": st.integers(1, 9), "lanes": st.integers(1, 4), "seed": st.integers(0, 10_000)}
UNIT = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
some = settings(deadline=None, max_examples=60)


def episodes(rounds, lanes, seed):
    """Rewards, values and masks of episodes of several lengths, in float64; values after the end are not 0."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, rounds + 1, lanes)
    mask = np.arange(rounds)[:, None] < lengths
    rewards = rng.normal(size=(rounds, lanes)) * mask
    values = rng.normal(size=(rounds, lanes))
    return (torch.from_numpy(x) for x in (rewards, values, mask))


def loop_sums(values, discount):
    sums, later = np.zeros_like(values), 0.0
    for t in range(len(values) - 1, -1, -1):
        later = values[t] + discount * later
        sums[t] = later
    return sums


def loop_gae(rewards, values, mask, gamma, lam):
    advantages = np.zeros_like(rewards)
    for lane in range(rewards.shape[1]):
        later = 0.0
        length = int(mask[:, lane].sum())
        for t in range(length - 1, -1, -1):
            following = values[t + 1, lane] if t + 1 < length else 0.0
            later = rewards[t, lane] + gamma * following - values[t, lane] + gamma * lam * later
            advantages[t, lane] = later
    return advantages


@some
@given(discount=UNIT, **SHAPES)
def test_discounted_sums_equal_the_loop(rounds, lanes, seed, discount):
    _, values, _ = episodes(rounds, lanes, seed)
    np.testing.assert_allclose(discounted_sums(values, discount), loop_sums(values.numpy(), discount), atol=1e-10)


@some
@given(gamma=UNIT, lam=UNIT, **SHAPES)
def test_gae_equals_the_loop(rounds, lanes, seed, gamma, lam):
    rewards, values, mask = episodes(rounds, lanes, seed)
    expected = loop_gae(rewards.numpy(), values.numpy(), mask.numpy(), gamma, lam)
    np.testing.assert_allclose(gae(rewards, values, mask, gamma, lam), expected, atol=1e-10)


@some
@given(gamma=UNIT, **SHAPES)
def test_lambda_one_is_the_discounted_return_minus_the_value(rounds, lanes, seed, gamma):
    rewards, values, mask = episodes(rounds, lanes, seed)
    expected = (loop_sums(rewards.numpy(), gamma) - values.numpy()) * mask.numpy()
    np.testing.assert_allclose(gae(rewards, values, mask, gamma, 1.0), expected, atol=1e-10)


@some
@given(gamma=UNIT, **SHAPES)
def test_lambda_zero_is_the_one_step_error(rounds, lanes, seed, gamma):
    rewards, values, mask = (x.numpy() for x in episodes(rounds, lanes, seed))
    following = np.concatenate([(values * mask)[1:], np.zeros((1, lanes))])
    expected = (rewards + gamma * following - values) * mask
    found = gae(*(torch.from_numpy(x) for x in (rewards, values, mask)), gamma, 0.0)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@some
@given(gamma=UNIT, lam=UNIT, **SHAPES)
def test_what_comes_after_the_end_does_not_matter(rounds, lanes, seed, gamma, lam):
    rewards, values, mask = episodes(rounds, lanes, seed)
    other = torch.where(mask, values, values + 100)
    assert torch.equal(gae(rewards, values, mask, gamma, lam), gae(rewards, other, mask, gamma, lam))


def test_exact_values_have_no_advantage():
    """A reward of 1 a round for 50 rounds, and the value that says so."""
    gamma = 0.9
    value = torch.tensor([[(1 - gamma ** (50 - t)) / (1 - gamma)] for t in range(50)], dtype=torch.float64)
    ones = torch.ones_like(value)
    for lam in (0.0, 0.5, 1.0):
        assert gae(ones, value, ones.bool(), gamma, lam).abs().max() < 1e-12


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.99, 1.0])
def test_float32_is_as_exact_as_float32_can_be_over_long_episodes(discount):
    values = torch.ones(500, 1)
    found = discounted_sums(values, discount)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, loop_sums(values.double().numpy(), discount), rtol=1e-5)
