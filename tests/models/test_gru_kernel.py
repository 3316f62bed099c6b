"""The compiled GRU is ``torch.nn.GRU``, in values and gradients, with every set of instructions it was compiled for."""

import copy
import platform
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_icl.models import gru_kernel
from coop_icl.models.buffers import Buffers
from coop_icl.models.cores import GRUWeights
from coop_icl.models.gru_kernel import Stepper, Weights, gru_sequence
from coop_icl.models.observations import Observations
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack

BUILT = gru_kernel.level() > 0
HERE = gru_kernel.level()
needs_kernel = pytest.mark.skipif(not BUILT, reason="not compiled for this machine")
LEVELS = [level for level in (3, 4, 5) if level <= HERE] or [0]


def test_it_is_built_where_there_is_a_compiler():
    if platform.machine() == "x86_64" and (shutil.which("gcc") or shutil.which("cc")):
        assert gru_kernel.library() is not None, "install again: make install"


class Headed(torch.nn.Module):
    """A GRU with linear heads on its features, as torch defines it."""

    def __init__(self, inputs, hidden, outputs=3, swish=False):
        super().__init__()
        self.rnn, self.heads, self.swish = torch.nn.GRU(inputs, hidden), torch.nn.Linear(hidden, outputs), swish

    def forward(self, x):
        features = self.rnn(x)[0]
        return self.heads(torch.nn.functional.silu(features) if self.swish else features)


def gru(inputs, hidden, seed=0, scale=1.0, **options):
    torch.manual_seed(seed)
    made = Headed(inputs, hidden, **options)
    for parameter in made.parameters():
        parameter.data.mul_(scale)
    return made


def weights(made):
    rnn, heads = made.rnn, made.heads
    gru = GRUWeights(rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0)
    return Weights(gru, heads.weight, heads.bias, made.swish)


def run(made, x, buffers=None):
    """All outputs [T, N, O] from the compiled code, of observations or of vectors [T, N, F]."""
    scores, values = gru_sequence(weights(made), Observations.of(x), buffers or Buffers())
    return torch.cat([scores, values[..., None]], -1)


def assert_close(ours, exact):
    """Within float32 rounding of the double-precision result, relative to the largest entry."""
    assert (ours.detach() - exact.detach()).abs().max() <= 2e-5 * max(1.0, float(exact.detach().abs().max()))


@pytest.fixture(params=LEVELS)
def level(request, monkeypatch):
    monkeypatch.setattr(gru_kernel, "level", lambda: request.param)
    return request.param


@needs_kernel
@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    rounds=st.integers(1, 7),
    lanes=st.integers(1, 70),
    inputs=st.integers(1, 20),
    hidden=st.sampled_from([16, 32, 48, 64, 80]),
    outputs=st.integers(1, 6),
    swish=st.booleans(),
    rows=st.sampled_from([None, 1, 5, 64, 65]),
    scale=st.sampled_from([0.3, 1.0, 4.0]),
    seed=st.integers(0, 1000),
    instructions=st.sampled_from(LEVELS),
)
def test_values_and_gradients_of_any_shape(
    rounds, lanes, inputs, hidden, outputs, swish, rows, scale, seed, instructions
):
    """``rows`` different observations, or each one of its own."""
    ours = gru(inputs, hidden, seed, scale, outputs=outputs, swish=swish)
    exact = copy.deepcopy(ours).double()
    if rows is None:
        x = Observations.of(torch.randn(rounds, lanes, inputs))
    else:
        codes = torch.randint(0, rows, (rounds, lanes), dtype=torch.int32)
        x = Observations(codes, torch.randn(rows, inputs))
    weight = torch.randn(rounds, lanes, outputs)
    table = x.table.double().requires_grad_()
    x.table.requires_grad_()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gru_kernel, "level", lambda: instructions)
        found = run(ours, x)
        (found * weight).sum().backward()
    expected = exact(table[x.codes])
    (expected * weight).sum().backward()
    assert_close(found, expected)
    assert_close(x.table.grad, table.grad)
    for mine, other in zip(ours.parameters(), exact.parameters(), strict=True):
        assert_close(mine.grad, other.grad)


class HalfProduct(torch.autograd.Function):
    """x @ weight.T with both factors, and those of the gradients, rounded to bfloat16; sums in double precision."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return rounded(x) @ rounded(weight).T

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return rounded(grad) @ rounded(weight), rounded(grad).T @ rounded(x)


def rounded(x):
    return x.bfloat16().to(x.dtype)


def half_gru(made, x):
    """What the kernel does in bfloat16, written down in double precision."""
    rnn, h, outputs = made.rnn, x.new_zeros(x.shape[1], made.rnn.hidden_size), []
    for now in x:
        i_reset, i_update, i_new = (now @ rnn.weight_ih_l0.T + rnn.bias_ih_l0).chunk(3, -1)
        h_reset, h_update, h_new = (HalfProduct.apply(h, rnn.weight_hh_l0) + rnn.bias_hh_l0).chunk(3, -1)
        update = torch.sigmoid(i_update + h_update)
        new = torch.tanh(i_new + torch.sigmoid(i_reset + h_reset) * h_new)
        h = new + update * (h - new)
        outputs.append(made.heads(torch.nn.functional.silu(h) if made.swish else h))
    return torch.stack(outputs)


@pytest.mark.skipif(HERE < gru_kernel.HALF, reason="this processor has no bfloat16 units")
@pytest.mark.parametrize("hidden", [16, 48, 64])
@pytest.mark.parametrize("lanes", [1, 7, 45])
@pytest.mark.parametrize("swish", [False, True])
def test_in_bfloat16_only_the_factors_of_recurrent_products_are_rounded(hidden, lanes, swish):
    ours = gru(5, hidden, scale=1.5, swish=swish)
    exact = copy.deepcopy(ours).double()
    x, weight = torch.randn(12, lanes, 5), torch.randn(12, lanes, 3)
    scores, values = gru_sequence(weights(ours)._replace(half=True), Observations.of(x), Buffers())
    found, expected = torch.cat([scores, values[..., None]], -1), half_gru(exact, x.double())
    (found * weight).sum().backward()
    (expected * weight.double()).sum().backward()
    pairs = [(found, expected), *((p.grad, q.grad) for p, q in zip(ours.parameters(), exact.parameters(), strict=True))]
    for mine, other in pairs:  # a float32 error can flip a rounding: rare, and no larger than the rounding itself
        off = (mine.detach() - other.detach()).abs() / max(1.0, float(other.detach().abs().max()))
        assert off.mean() < 2e-4
        assert off.max() < 4e-3
    assert (found.detach() - exact(x.double()).detach()).abs().max() > 1e-4  # it is not float32


@needs_kernel
def test_every_set_of_instructions_gives_the_same_bits(monkeypatch):
    results = []
    for instructions in LEVELS:
        monkeypatch.setattr(gru_kernel, "level", lambda value=instructions: value)
        ours = gru(5, 64, swish=True)
        found = run(ours, torch.randn(9, 37, 5))
        found.square().sum().backward()
        results.append([found, *(p.grad for p in ours.parameters())])
    for tensors in zip(*results, strict=True):
        assert all(torch.equal(one, tensors[0]) for one in tensors)


@needs_kernel
def test_a_lane_does_not_depend_on_its_neighbours(level):
    ours, x = gru(5, 64), torch.randn(9, 45, 5)
    with torch.no_grad():
        together = run(ours, x)
        for lanes in (slice(3, 4), slice(7, 45), slice(0, 33)):
            assert torch.equal(run(ours, x[:, lanes]), together[:, lanes])


@needs_kernel
@pytest.mark.parametrize("lanes", [1, 8, 45])
def test_round_by_round_equals_all_at_once(level, lanes):
    ours, x = gru(7, 32), torch.randn(9, lanes, 7)
    with torch.no_grad():
        found = run(ours, x)
        stepper = Stepper(weights(ours), lanes)
        for t in range(9):
            assert torch.equal(stepper.step(x[t]), found[t])


@needs_kernel
def test_outputs_and_gradients_outlive_the_buffers(level):
    """Several passes before their backward passes, and passes without one in between."""
    one, buffers = gru(5, 16), Buffers()
    two = copy.deepcopy(one)
    xs = [torch.randn(7, 6, 5) for _ in range(3)]
    found = [run(one, x, buffers) for x in xs]
    before = [f.detach().clone() for f in found]
    with torch.no_grad():
        run(one, xs[0] + 1, buffers)
    assert all(torch.equal(f, b) for f, b in zip(found, before, strict=True))
    for f in found:
        f.square().sum().backward()
    for x in xs:
        two(x).square().sum().backward()
    for mine, other in zip(one.parameters(), two.parameters(), strict=True):
        assert_close(mine.grad, other.grad)


@needs_kernel
def test_saturated_and_broken_numbers_come_out_as_such(level):
    ours = gru(5, 16)
    with torch.no_grad():
        wild = run(ours, torch.full((4, 3, 5), 1e30))
        assert torch.isfinite(wild).all()
        ours.rnn.weight_hh_l0[0, 0] = torch.nan
        broken = run(ours, torch.randn(4, 3, 5))
    assert broken[-1].isnan().any()


@needs_kernel
def test_only_what_fits_is_compiled():
    def stack(hidden, dtype=torch.float32, **options):
        policy = SequencePolicy(ModelConfig(hidden_size=hidden), (5,), 2, 9).to(dtype)
        return PolicyStack([policy], **options)

    assert stack(64).compiled
    assert stack(16).compiled
    assert not stack(24).compiled
    assert not stack(64, torch.float64).compiled
    assert not stack(64, kernel=False).compiled
    assert not stack(64, fused=False).compiled
    assert stack(24).fused


@needs_kernel
@pytest.mark.parametrize("lanes", [(4, 4, 4), (5, 1, 3), (2, 0, 4)])
@pytest.mark.parametrize("embedding", [0, 3])
@pytest.mark.parametrize("activation", ["none", "swish"])
def test_a_stack_of_policies_equals_its_policies_one_by_one(lanes, embedding, activation):
    config = ModelConfig(hidden_size=16, embedding_size=embedding, activation=activation)
    one = [SequencePolicy(config, (5, 2, 1), 3, 20) for _ in lanes]
    for i, policy in enumerate(one):
        policy.reset_parameters(i)
    two = [copy.deepcopy(policy).double() for policy in one]
    torch.manual_seed(1)
    x = [torch.randn(7, n, 8) for n in lanes]
    stack, plain = PolicyStack(one), PolicyStack(two, fused=False)
    assert stack.compiled
    for ours, theirs in zip(stack.forward(x), plain.forward([v.double() for v in x]), strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            if mine.numel():
                assert_close(mine, other)
                (mine.square().sum()).backward(retain_graph=True)
                (other.square().sum()).backward(retain_graph=True)
    for mine, other in zip(one, two, strict=True):
        for p, q in zip(mine.parameters(), other.parameters(), strict=True):
            assert (p.grad is None) == (q.grad is None)
            if p.grad is not None:
                assert_close(p.grad, q.grad)
