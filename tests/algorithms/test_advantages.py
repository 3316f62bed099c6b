"""Centring and scaling of advantages."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_icl.algorithms.advantages import CENTRINGS, prepare


def batch(seed, rounds=7, lanes=9):
    rng = np.random.default_rng(seed)
    kinds = rng.choice([0, 3, 4], lanes)
    mask = np.arange(rounds)[:, None] < rng.integers(1, rounds + 1, lanes)
    advantages = rng.normal(size=(rounds, lanes)) + 5 * kinds + 2  # kinds of very different means
    return (torch.from_numpy(x) for x in (advantages * mask, mask, kinds))


seeds = given(st.integers(0, 10_000))
some = settings(deadline=None, max_examples=40)


@some
@seeds
def test_kind_sums_to_zero_within_each_kind(seed):
    advantages, mask, kinds = batch(seed)
    for scale in (False, True):
        centred = prepare(advantages, mask, kinds, "kind", scale)
        for kind in kinds.unique():
            assert centred[:, kinds == kind].sum().abs() < 1e-9
    for kind in kinds.unique():  # one shift per kind: its mean
        lanes = kinds == kind
        shift = (advantages - prepare(advantages, mask, kinds, "kind", False))[:, lanes][mask[:, lanes]]
        np.testing.assert_allclose(shift, advantages[:, lanes][mask[:, lanes]].mean(), atol=1e-9)


@some
@seeds
def test_batch_subtracts_the_mean_and_none_nothing(seed):
    advantages, mask, kinds = batch(seed)
    mean = advantages[mask].mean()
    np.testing.assert_allclose(prepare(advantages, mask, kinds, "batch", False), (advantages - mean) * mask, atol=1e-10)
    assert torch.equal(prepare(advantages, mask, kinds, "none", False), advantages * mask)


@some
@given(st.integers(0, 10_000), st.sampled_from(CENTRINGS))
def test_scaling_gives_unit_deviation_and_keeps_proportions(seed, centring):
    advantages, mask, kinds = batch(seed)
    scaled = prepare(advantages, mask, kinds, centring, True)
    assert abs(float(scaled[mask].std(correction=0)) - 1) < 1e-6
    plain = prepare(advantages, mask, kinds, centring, False)
    np.testing.assert_allclose(scaled * plain[mask].std(correction=0), plain, atol=1e-6)


@some
@given(st.integers(0, 10_000), st.sampled_from(CENTRINGS), st.booleans())
def test_rounds_after_the_end_are_zero_and_count_for_nothing(seed, centring, scale):
    advantages, mask, kinds = batch(seed)
    noisy = torch.where(mask, advantages, 1000.0)
    one, two = (prepare(x, mask, kinds, centring, scale) for x in (advantages, noisy))
    assert not one[~mask].any()
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("centring", CENTRINGS)
def test_equal_advantages_and_empty_batches_are_no_trouble(centring):
    ones, kinds = torch.ones(3, 2), torch.tensor([0, 5])
    mask = torch.ones(3, 2, dtype=torch.bool)
    assert torch.isfinite(prepare(ones, mask, kinds, centring, True)).all()
    empty = prepare(torch.zeros(3, 0), torch.zeros(3, 0, dtype=torch.bool), torch.zeros(0).long(), centring, True)
    assert empty.shape == (3, 0)


def test_the_numbers_of_kinds_are_names_only():
    advantages, mask, kinds = batch(0)
    renamed = torch.where(kinds == 0, 70, kinds)
    torch.testing.assert_close(
        prepare(advantages, mask, kinds, "kind", True), prepare(advantages, mask, renamed, "kind", True)
    )
