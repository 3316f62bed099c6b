"""Transformer cache, initial weights, sampling, and what a model configuration refuses."""

import numpy as np
import pytest
import torch

from coop_icl.models.cores import CORES
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.sampling import sample

every_core = pytest.mark.parametrize("core", sorted(CORES))
ROUNDS = 10


def make(core, seed=0, **options):
    config = ModelConfig(**{"core": core, "hidden_size": 8, "num_heads": 2, "num_layers": 2, **options})
    policy = SequencePolicy(config, (5, 2), 2, ROUNDS)
    policy.reset_parameters(seed)
    return policy


def inputs(rounds=ROUNDS, lanes=3, seed=0):
    return torch.randn(rounds, lanes, 7, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
@every_core
def test_cached_steps_and_chunks_equal_the_whole(core):
    policy, x = make(core), inputs()
    scores, values, _ = policy(x)
    assert scores.shape == (ROUNDS, 3, 2)
    assert values.shape == (ROUNDS, 3)
    for cuts in ([1] * ROUNDS, [4, 6], [1, 3, 1, 5], [ROUNDS]):
        state, pieces = policy.initial_state(3), []
        for chunk in x.split(cuts):
            some_scores, some_values, state = policy(chunk, state)
            pieces.append((some_scores, some_values))
        torch.testing.assert_close(torch.cat([p[0] for p in pieces]), scores, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(torch.cat([p[1] for p in pieces]), values, rtol=1e-5, atol=1e-5)


@every_core
def test_states_have_the_lanes_first_and_start_empty(core):
    state = make(core).initial_state(4)
    assert state
    for tensor in state.values():
        assert tensor.shape[0] == 4
        assert not tensor.any()


def test_a_transformer_refuses_more_rounds_than_it_can_remember():
    policy = make("transformer")
    with pytest.raises(ValueError, match="11 rounds is longer than max_rounds 10"):
        policy(inputs(ROUNDS + 1))
    state = policy.initial_state(3)
    _, _, state = policy(inputs(), state)
    with pytest.raises(ValueError, match="longer than max_rounds 10"):
        policy.step(inputs()[0], state)


def test_a_transformer_tells_rounds_apart():
    policy, x = make("transformer"), torch.ones(4, 1, 7)
    scores, _, _ = policy(x)
    assert len(torch.unique(scores[:, 0, 0])) == 4


@every_core
@pytest.mark.parametrize("embedding", [0, 3])
def test_initial_weights_depend_on_the_seed_only(core, embedding):
    torch.manual_seed(0)
    one = make(core, 5, embedding_size=embedding)
    torch.manual_seed(1)
    two, other = make(core, 5, embedding_size=embedding), make(core, 6, embedding_size=embedding)
    for (name, p), q in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert torch.equal(p, q), name
    assert any(not torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))
    for (name, p), q in zip(one.named_parameters(), other.parameters(), strict=True):
        assert p.dim() < 2 or not torch.equal(p, q), name  # every matrix is drawn anew


@every_core
@pytest.mark.parametrize("embedding", [0, 3])
def test_drawing_weights_leaves_the_global_generators_alone(core, embedding):
    policy = make(core, embedding_size=embedding)
    before, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()
    policy.reset_parameters(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numbers).all()


@every_core
def test_first_actions_are_near_uniform_and_biases_zero(core):
    policy = make(core, hidden_size=32)
    assert not policy.action_head.bias.any()
    assert not policy.value_head.bias.any()
    scores, _, _ = policy(inputs(1, 50))
    assert (torch.softmax(scores, -1) - 0.5).abs().mean() < 0.25


def test_forget_gates_start_open_and_norms_at_one():
    for layer in ("l0", "l1"):
        rnn = make("lstm").core.rnn
        assert (getattr(rnn, f"bias_ih_{layer}")[8:16] == 1).all()
        assert not getattr(rnn, f"bias_hh_{layer}").any()
    transformer = make("transformer").core
    norms = [m for m in transformer.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert len(norms) == 5
    assert all((norm.weight == 1).all() and not norm.bias.any() for norm in norms)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"core": "grru"}, "model.core: got 'grru'; expected one of gru, lstm, transformer"),
        ({"activation": "relu"}, "model.activation: got 'relu'; expected one of none, swish"),
        ({"hidden_size": 0}, "model.hidden_size: got 0; expected at least 1"),
        ({"num_layers": 0}, "model.num_layers: got 0; expected at least 1"),
        ({"num_heads": -1}, "model.num_heads: got -1; expected at least 1"),
        ({"embedding_size": -1}, "model.embedding_size: got -1; expected at least 0"),
        (
            {"core": "transformer", "hidden_size": 10},
            "model.hidden_size: got 10; expected a multiple of model.num_heads 4",
        ),
    ],
)
def test_configurations_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**options).check()
    with pytest.raises(ValueError, match=message):
        SequencePolicy(ModelConfig(**options), (5,), 2, 9)


def test_configurations_in_range():
    ModelConfig().check()
    ModelConfig(hidden_size=10, num_heads=4).check()  # heads are the transformer's


@pytest.mark.parametrize("actions", [2, 3, 5])
def test_samples_invert_the_distribution(actions):
    scores = torch.randn(1, actions, generator=torch.Generator().manual_seed(actions))
    numbers = (np.arange(20_000) + 0.5) / 20_000
    drawn = sample(scores.expand(20_000, actions), numbers)
    rates = np.bincount(drawn, minlength=actions) / 20_000
    np.testing.assert_allclose(rates, torch.softmax(scores[0], 0), atol=2e-4)
    assert (np.diff(drawn) >= 0).all()
    assert drawn.dtype == np.int64
    extremes = sample(scores.expand(2, actions), np.array([0.0, np.nextafter(1, 0)]))
    assert extremes.tolist() == [0, actions - 1]


@pytest.mark.parametrize("actions", [2, 4])
def test_samples_of_certain_policies(actions):
    for sure in range(actions):
        scores = torch.full((3, actions), -200.0)
        scores[:, sure] = 200.0
        assert sample(scores, np.array([0.0, 0.5, np.nextafter(1, 0)])).tolist() == [sure] * 3
