"""The compiled gradient is that of ``losses`` through ``torch.nn.GRU``, which double precision decides."""

import copy

import numpy as np
import pytest
import torch

from coop_icl.algorithms import compiled_gradient
from coop_icl.algorithms.compiled_gradient import CompiledGradient
from coop_icl.algorithms.losses import LOSSES, Coefficients, Targets
from coop_icl.algorithms.update import LossGradient
from coop_icl.models import gru_kernel
from coop_icl.models.observations import Observations
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack

pytestmark = pytest.mark.skipif(not gru_kernel.level(), reason="not compiled for this machine")
C = Coefficients(entropy=0.3, value=0.7, clip=0.1)
ROUNDS, ROWS = 9, 5


def policies(**options):
    made = [SequencePolicy(ModelConfig(hidden_size=16, **options), (3, 2), 2, ROUNDS) for _ in range(2)]
    for i, policy in enumerate(made):
        policy.reset_parameters(i)
        policy.action_head.weight.data *= 6.0
    return made


def batch(lanes, seed=0, ended=True):
    """Observations and targets of a policy that has moved on a good deal since it acted."""
    rng = np.random.default_rng(seed)

    def real(*shape):
        return torch.from_numpy(rng.normal(size=shape).astype(np.float32))

    codes = torch.from_numpy(rng.integers(ROWS, size=(ROUNDS, lanes)).astype(np.int32))
    actions = torch.from_numpy(rng.integers(2, size=(ROUNDS, lanes)))
    mask = torch.ones(ROUNDS, lanes)
    if ended:
        mask[torch.arange(ROUNDS)[:, None] >= torch.from_numpy(rng.integers(1, ROUNDS + 1, size=lanes))] = 0.0
    logp = -torch.nn.functional.softplus(real(ROUNDS, lanes))
    targets = Targets(actions, logp, real(ROUNDS, lanes) * mask, real(ROUNDS, lanes), mask)
    return Observations(codes, real(ROWS, 5)), targets


def double(made):
    return [copy.deepcopy(policy).double() for policy in made]


def exactly(pairs):
    observations = [Observations(x.codes, x.table.double()) for x, _ in pairs]
    targets = [
        Targets(t.actions, t.logp.double(), t.advantages.double(), t.returns.double(), t.mask.double())
        for _, t in pairs
    ]
    return observations, targets


def both(made, pairs, algorithm, lanes, coefficients=C):
    """(gradients of every weight, statistics of every policy), compiled and in double precision."""
    (group,), exact = [group for _, group in PolicyStack(made).groups][:1], double(made)
    (plain,) = [group for _, group in PolicyStack(exact, fused=False).groups][:1]
    assert compiled_gradient.fits(group, algorithm)
    assert not compiled_gradient.fits(plain, algorithm)
    count = len(group.policies)
    some = list(lanes[:count])
    found = CompiledGradient(group, *map(list, zip(*pairs[:count], strict=True)), algorithm, coefficients)(some)
    observations, targets = exactly(pairs[:count])
    expected = LossGradient(plain, observations, targets, algorithm, coefficients)(some)
    grads = [
        (name, p.grad, q.grad)
        for one, two in zip(group.policies, plain.policies, strict=True)
        for (name, p), q in zip(one.named_parameters(), two.parameters(), strict=True)
    ]
    return grads, list(zip(found, expected, strict=True))


@pytest.mark.parametrize("lanes", [1, 5, 32, 45])
@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("options", [{}, {"activation": "swish"}, {"embedding_size": 4}, {"encoder": "mlp"}])
@pytest.mark.parametrize("algorithm", LOSSES)
def test_gradients_and_statistics_are_those_of_the_loss(algorithm, options, ended, lanes):
    pairs = [batch(lanes, seed, ended) for seed in (1, 2)]
    order = torch.from_numpy(np.random.default_rng(3).permutation(lanes))
    grads, statistics = both(policies(**options), pairs, algorithm, [order, order])
    for name, mine, exact in grads:
        assert mine is not None, name
        assert (mine - exact).abs().max() <= 3e-5 * max(0.1, float(exact.abs().max())), name
    for mine, exact in statistics:
        assert mine.keys() == exact.keys()
        for name, value in exact.items():
            assert mine[name] == pytest.approx(float(value), rel=1e-4, abs=1e-5), name
    if algorithm == "ppo" and lanes > 5:
        assert 0.2 < statistics[0][1]["clip_fraction"] < 1.0  # both sides of the clip were met


@pytest.mark.parametrize("algorithm", LOSSES)
def test_only_the_lanes_named_count(algorithm):
    made, (observations, targets) = policies(), batch(40)
    chosen = torch.tensor([7, 0, 33, 12, 39])
    alone = (observations.lanes(chosen), targets.lanes(chosen))
    first, _ = both(made, [(observations, targets)] * 2, algorithm, [chosen] * 2)
    kept = [grad.clone() for _, grad, _ in first]
    second, _ = both(policies(), [alone] * 2, algorithm, [torch.arange(5)] * 2)
    for mine, (name, other, _) in zip(kept, second, strict=True):
        assert torch.equal(mine, other), name


def test_every_set_of_instructions_gives_the_same_bits(monkeypatch):
    results = []
    for level in [level for level in (3, 4, 5) if level <= gru_kernel.level()]:
        with monkeypatch.context() as patch:
            patch.setattr(gru_kernel, "level", lambda value=level: value)
            patch.setattr("coop_icl.models.gru_learning.level", lambda value=level: value)
            grads, statistics = both(policies(), [batch(45)] * 2, "ppo", [torch.arange(45)] * 2)
        results.append([*(grad for _, grad, _ in grads), torch.tensor(list(statistics[0][0].values()))])
    for tensors in zip(*results, strict=True):
        assert all(torch.equal(one, tensors[0]) for one in tensors)


@pytest.mark.parametrize("field", ["logp", "advantages", "returns"])
def test_numbers_that_are_none_show_in_the_gradient(field):
    observations, targets = batch(20, ended=False)
    getattr(targets, field)[3, 11] = torch.nan
    grads, _ = both(policies(), [(observations, targets)] * 2, "ppo", [torch.arange(20)] * 2)
    assert any(bool(grad.isnan().any()) for _, grad, _ in grads)


def test_certain_policies_have_finite_gradients():
    made = policies()
    for policy in made:
        policy.action_head.weight.data *= 100.0
    grads, statistics = both(made, [batch(20)] * 2, "ppo", [torch.arange(20)] * 2)
    assert all(bool(torch.isfinite(grad).all()) for _, grad, _ in grads)
    assert all(np.isfinite(value) for value in statistics[0][0].values())
