"""The fused GRU is ``torch.nn.GRU``, in values and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_icl.models.fused_gru import Buffers, gru_sequence, stack_weights
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack

TOLERANCE = 1e-10


def gru(inputs, hidden, seed):
    torch.manual_seed(seed)
    return torch.nn.GRU(inputs, hidden).double()


def stacked(grus):
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return stack_weights(*(torch.stack([getattr(g, name) for g in grus]) for name in names))


def assert_equal_gradients(one, two):
    compared = 0
    for (name, p), (other, q) in zip(one.named_parameters(), two.named_parameters(), strict=True):
        assert name == other
        assert (p.grad - q.grad).abs().max() < TOLERANCE, name
        compared += int(p.grad.abs().max() > 1e-4)
    assert compared > 3  # gradients that say something


@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    rounds=st.integers(1, 6),
    learners=st.integers(1, 3),
    lanes=st.integers(1, 5),
    inputs=st.integers(1, 4),
    hidden=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients_of_any_shape(rounds, learners, lanes, inputs, hidden, seed):
    ours, theirs = ([gru(inputs, hidden, seed + i) for i in range(learners)] for _ in range(2))
    x = torch.randn(rounds, learners, inputs, lanes, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(rounds, learners, hidden, lanes, dtype=torch.float64)
    features = gru_sequence(stacked(ours), x, Buffers())
    (features * weight).sum().backward()
    d_inputs, x.grad = x.grad, None
    for i, (mine, plain) in enumerate(zip(ours, theirs, strict=True)):
        expected = plain(x[:, i].transpose(1, 2))[0].transpose(1, 2)
        assert (features[:, i] - expected).abs().max() < TOLERANCE
        (expected * weight[:, i]).sum().backward()
        for (name, p), q in zip(mine.named_parameters(), plain.parameters(), strict=True):
            assert (p.grad - q.grad).abs().max() < TOLERANCE, name
    assert (d_inputs - x.grad).abs().max() < TOLERANCE


def policies(config, parts, count=3):
    made = [SequencePolicy(config, parts, 3, 20).double() for _ in range(count)]
    for i, policy in enumerate(made):
        policy.reset_parameters(i)
        for parameter in policy.parameters():  # biases too
            if parameter.dim() == 1:
                torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(i))
    return made


def losses(outputs, weights):
    return [
        ((scores * w[..., :-1]).sum() + (values * w[..., -1]).sum())
        for (scores, values), w in zip(outputs, weights, strict=True)
    ]


@pytest.mark.parametrize("lanes", [(4, 4, 4), (5, 1, 3), (2, 0, 4)])
@pytest.mark.parametrize("embedding", [0, 3])
@pytest.mark.parametrize("activation", ["none", "swish"])
def test_a_stack_of_policies_equals_its_policies_one_by_one(lanes, embedding, activation):
    config, parts = ModelConfig(hidden_size=6, embedding_size=embedding, activation=activation), (5, 2, 1)
    one, two = policies(config, parts), policies(config, parts)
    torch.manual_seed(1)
    x = [torch.randn(7, n, 8, dtype=torch.float64) for n in lanes]
    weights = [torch.randn(7, n, 4, dtype=torch.float64) for n in lanes]
    fused = PolicyStack(one)
    assert fused.fused
    fused_outputs, outputs = fused.forward(x), [p(v)[:2] for p, v in zip(two, x, strict=True) if v.shape[1]]
    kept = [i for i, n in enumerate(lanes) if n]
    for (scores, values), (plain_scores, plain_values) in zip([fused_outputs[i] for i in kept], outputs, strict=True):
        assert (scores - plain_scores).abs().max() < TOLERANCE
        assert (values - plain_values).abs().max() < TOLERANCE
    sum(losses(fused_outputs, weights)).backward()
    sum(losses(outputs, [weights[i] for i in kept])).backward()
    for i in kept:
        assert_equal_gradients(one[i], two[i])
    for i in set(range(3)) - set(kept):
        assert all(p.grad is None or not p.grad.any() for p in one[i].parameters())


def test_two_forwards_before_their_backwards():
    """The second use of the buffers must not overwrite what the first one's backward needs."""
    config, parts = ModelConfig(hidden_size=6), (5,)
    one, two = policies(config, parts), policies(config, parts)
    torch.manual_seed(2)
    xs = [[torch.randn(7, 4, 5, dtype=torch.float64) for _ in one] for _ in range(3)]
    fused, plain = PolicyStack(one), PolicyStack(two, fused=False)
    for stack in (fused, plain):
        outputs = [stack.forward(x) for x in xs]
        for out in outputs:
            sum(scores.square().sum() + values.sum() for scores, values in out).backward()
    for mine, other in zip(one, two, strict=True):
        assert_equal_gradients(mine, other)


def test_a_forward_without_gradients_in_between_leaves_gradients_right():
    config, parts = ModelConfig(hidden_size=6), (5,)
    one, two = policies(config, parts, 1), policies(config, parts, 1)
    torch.manual_seed(3)
    x, other = (torch.randn(7, 4, 5, dtype=torch.float64) for _ in range(2))
    for stack in (PolicyStack(one), PolicyStack(two, fused=False)):
        for _ in range(2):  # buffers of the first pass are used again
            scores, values = stack.forward([x])[0]
            with torch.no_grad():
                stack.forward([other])
            (scores.square().sum() + values.sum()).backward()
    assert_equal_gradients(one[0], two[0])


def test_features_outlive_the_buffers():
    weights, buffers = stacked([gru(5, 6, 0)]), Buffers()
    x, other = (torch.randn(7, 1, 5, 4, dtype=torch.float64) for _ in range(2))
    with torch.no_grad():
        features = gru_sequence(weights, x, buffers)
        before = features.clone()
        gru_sequence(weights, other, buffers)
    assert torch.equal(features, before)


def test_buffers_are_reused_once_released_and_dropped_when_shapes_change():
    buffers, like = Buffers(), torch.zeros(1)
    first, key = buffers.lend("x", (2, 3), like)
    second, none = buffers.lend("x", (2, 3), like)
    assert none is None
    assert second.data_ptr() != first.data_ptr()
    buffers.release([key, none])
    again, key = buffers.lend("x", (2, 3), like)
    assert again.data_ptr() == first.data_ptr()
    buffers.release([key])
    _, key = buffers.lend("x", (4, 3), like)
    assert len(buffers._kept) == 1
    double, _ = buffers.lend("x", (4, 3), like.double())
    assert double.dtype == torch.float64


def test_only_what_fits_is_fused():
    def stack(*configs, **options):
        return PolicyStack([SequencePolicy(c, (5,), 2, 9) for c in configs], **options)

    assert stack(ModelConfig(), ModelConfig()).fused
    assert not stack(ModelConfig(), fused=False).fused
    assert not stack(ModelConfig(), ModelConfig(hidden_size=8), ModelConfig()).fused  # groups are pairs
    assert not stack(ModelConfig(num_layers=2)).fused
    assert not stack(ModelConfig(core="lstm")).fused
    assert not stack(ModelConfig(core="transformer")).fused
