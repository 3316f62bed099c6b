"""What stands before the sequence core: shapes, places of parts, initial weights, and what is refused."""

import copy
import json

import pytest
import torch
import torch.nn.functional as F

from coop_icl.models import encoders, gru_kernel
from coop_icl.models.encoders import ConvEncoder, MLPEncoder, grid_of
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.predictive import PredictivePolicy, policy_from
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import PolicyError, load_policy, save_policy
from envs.registry import make_game

PARTS, GRID, SIZE = (2, 24, 3), (1, 4, 2, 3), 6
every_encoder = pytest.mark.parametrize("encoder", ["mlp", "conv"])
every_core = pytest.mark.parametrize("core", ["gru", "lstm", "transformer"])


def make(encoder, core="gru", seed=0, **more):
    config = ModelConfig(core=core, hidden_size=16, encoder=encoder, encoder_size=SIZE, **more)
    policy = SequencePolicy(config, PARTS, 2, 10, GRID)
    policy.reset_parameters(seed)
    return policy


def seen(*shape, seed=0):
    return torch.rand(*shape, sum(PARTS), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
@every_core
@every_encoder
def test_whole_episodes_rounds_and_lanes_are_encoded_alike(encoder, core):
    policy, x = make(encoder, core), seen(10, 4)
    scores, values, _ = policy(x)
    assert scores.shape == (10, 4, 2)
    state = policy.initial_state(4)
    for t, now in enumerate(x):
        one, value, state = policy.step(now, state)
        torch.testing.assert_close(one, scores[t], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(value, values[t], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(policy(x[:, 2:3])[0], scores[:, 2:3], rtol=1e-5, atol=1e-5)


def test_a_linear_encoder_is_what_there_was():
    before = {"core.rnn.weight_ih_l0", "core.rnn.weight_hh_l0", "core.rnn.bias_ih_l0", "core.rnn.bias_hh_l0"}
    policy = make("linear")
    assert set(policy.state_dict()) == before | {
        f"{h}_head.{w}" for h in ("action", "value") for w in ("weight", "bias")
    }
    without = SequencePolicy(policy.config, PARTS, 2, 10)
    without.reset_parameters(0)
    assert torch.equal(policy(seen(5, 3))[0], without(seen(5, 3))[0])
    assert "grid" not in without.describe()


@torch.no_grad()
def test_a_convolution_sees_the_grid_and_hands_on_the_rest():
    encoder = ConvEncoder(PARTS, GRID, SIZE)
    x = seen(7)
    before, grid, after = x.split(PARTS, 1)
    found = encoder(x)
    assert found.shape == (7, SIZE + 5) == (7, encoder.output_size)
    torch.testing.assert_close(found[:, SIZE:], torch.cat([before, after], 1))
    picture = F.relu(encoder.second(F.relu(encoder.first(grid.view(7, 4, 2, 3)))))
    torch.testing.assert_close(found[:, :SIZE], F.relu(encoder.linear(picture.flatten(1))))
    assert encoder(x[:0]).shape == (0, SIZE + 5)
    moved = torch.cat([grid, after, before], 1)
    elsewhere = ConvEncoder((24, 3, 2), (0, 4, 2, 3), SIZE)
    elsewhere.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(elsewhere(moved)[:, :SIZE], found[:, :SIZE])


@torch.no_grad()
def test_a_small_network_sees_everything():
    encoder, x = MLPEncoder(PARTS, SIZE), seen(1)
    found = encoder(x)
    assert found.shape == (1, SIZE)
    torch.nn.init.uniform_(encoder.first.weight, 0.1, 1)
    torch.nn.init.uniform_(encoder.second.weight, 0.1, 1)
    base = encoder(x)
    for place in range(sum(PARTS)):
        changed = x.clone()
        changed[0, place] += 1
        assert (encoder(changed) != base).any()


@every_encoder
@every_core
def test_initial_weights_depend_on_the_seed_only(encoder, core):
    torch.manual_seed(0)
    one = make(encoder, core, 5)
    torch.manual_seed(1)
    two, other = make(encoder, core, 5), make(encoder, core, 6)
    for (name, p), q, r in zip(one.named_parameters(), two.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q), name
        assert p.dim() < 2 or not torch.equal(p, r), name


@pytest.mark.parametrize("size", [8, 64, 256])
def test_what_reaches_the_core_does_not_grow_with_the_encoder(size):
    config = ModelConfig(hidden_size=32, encoder="mlp", encoder_size=size)
    policy = SequencePolicy(config, (36,), 2, 10)
    policy.reset_parameters(0)
    grid = torch.eye(36)[torch.arange(400) % 36]
    gates = policy.embed(grid) @ policy.core.rnn.weight_ih_l0.T
    assert 0.1 < gates.std() < 1.5


@every_encoder
def test_encoders_learn(encoder):
    policy = make(encoder)
    scores, values, _ = policy(seen(10, 8))
    (scores.square().sum() + values.sum()).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in policy.encoder.parameters())


@pytest.mark.skipif(not gru_kernel.level(), reason="not compiled for this machine")
@every_encoder
def test_grus_behind_them_are_compiled(encoder):
    assert PolicyStack([make(encoder, seed=i) for i in range(2)]).compiled


@every_encoder
@pytest.mark.parametrize("kernel", [False, True])
@pytest.mark.parametrize("lanes", [(3, 3, 3), (5, 0, 40)])
def test_every_way_of_evaluation_gives_the_same_values_and_gradients(encoder, kernel, lanes):
    one = [make(encoder, seed=i, activation="swish") for i in range(3)]
    two = [copy.deepcopy(policy).double() for policy in one]
    x = [seen(6, n, seed=n) for n in lanes]
    ours, plain = PolicyStack(one, kernel=kernel), PolicyStack(two, fused=False)
    assert ours.fused
    found, expected = ours.forward(x), plain.forward([of.double() for of in x])
    actor = ours.actor(lanes)
    steps = [[of.clone() for of in actor.step([of[t] for of in x])] for t in range(6)]
    for i, (mine, exact) in enumerate(zip(found, expected, strict=True)):
        for a, b in zip(mine, exact, strict=True):
            torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=1e-5)
        together = torch.stack([step[i] for step in steps])
        if kernel and gru_kernel.level():
            assert torch.equal(together, torch.cat([mine[0], mine[1][..., None]], 2))
        torch.testing.assert_close(together[..., :-1], mine[0], rtol=1e-4, atol=1e-5)
    for outputs in (found, expected):
        sum(scores.square().sum() + values.sum() for scores, values in outputs).backward()
    for mine, exact, n in zip(one, two, lanes, strict=True):
        for (name, p), q in zip(mine.named_parameters(), exact.parameters(), strict=True):
            if n:
                torch.testing.assert_close(p.grad.double(), q.grad, rtol=1e-4, atol=1e-4, msg=name)


@torch.no_grad()
@every_encoder
@pytest.mark.skipif(not gru_kernel.level(), reason="not compiled for this machine")
def test_a_row_has_the_same_bits_in_any_company(encoder):
    policy, x = make(encoder), seen(90)
    together, acting = policy.encoder(x), policy.encoder.fixed()
    for some in (slice(0, 1), slice(7, 41), slice(33, 90)):
        assert torch.equal(policy.encoder(x[some]), together[some])
        assert torch.equal(acting(x[some]), together[some])


@torch.no_grad()
def test_large_grids_are_convolved_by_torch(monkeypatch):
    encoder, x = ConvEncoder(PARTS, GRID, SIZE), seen(7)
    as_matrices = encoder(x)
    monkeypatch.setattr(encoders, "MOST_CELLS", 5)
    torch.testing.assert_close(encoder(x), as_matrices)


def test_the_grid_is_found_by_its_name():
    game = make_game("coin_game", observe=["reward", "grid", "round"])
    assert grid_of(game.spec.features, game.spec.grid) == (1, *game.spec.grid)
    assert grid_of(game.spec.features, None) == ()


@pytest.mark.parametrize(
    "grid", [(), (1, 4, 2), (0, 4, 2, 3), (1, 4, 2, 2), (3, 4, 2, 3), (-1, 1, 1, 3), (1, 24, 1, -1)]
)
def test_convolutions_need_a_grid_that_fits(grid):
    config = ModelConfig(encoder="conv", encoder_size=SIZE)
    with pytest.raises(ValueError, match="grid"):
        SequencePolicy(config, PARTS, 2, 10, grid)


@every_encoder
def test_policies_that_plan_take_no_other_encoder(encoder):
    with pytest.raises(ValueError, match=r"model.encoder must be linear"):
        PredictivePolicy(ModelConfig(encoder=encoder), (5, 2, 1), 2, 10)


SPOILED = {
    "none": lambda policy: policy.pop("grid"),
    "another": lambda policy: policy.update(grid=[0, 2, 6, 3]),
    "out of place": lambda policy: policy.update(grid=[3, 4, 3, 3]),
    "words": lambda policy: policy.update(grid=["a", "b", "c", "d"]),
    "no list": lambda policy: policy.update(grid=7),
    "huge": lambda policy: policy["model"].update(encoder_size=2**40),
    "unknown": lambda policy: policy["model"].update(encoder="pickle"),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_descriptions_that_do_not_fit_are_refused(spoil, tmp_path):
    game = make_game("coin_game")
    widths, grid = [width for _, width in game.spec.features], grid_of(game.spec.features, game.spec.grid)
    config = ModelConfig(hidden_size=16, encoder="conv", encoder_size=SIZE)
    policy = SequencePolicy(config, widths, game.spec.num_actions, game.spec.max_rounds, grid)
    folder = save_policy(tmp_path / "one", policy, "coin_game", {}, game.spec, {})
    assert load_policy(folder).policy.grid == grid
    described = json.loads((folder / "policy.json").read_text())
    SPOILED[spoil](described["policy"])
    (folder / "policy.json").write_text(json.dumps(described))
    with pytest.raises(PolicyError) as caught:
        load_policy(folder)
    assert "\n" not in str(caught.value)


def test_descriptions_from_before_there_were_encoders_still_load():
    described = make("linear").describe()
    for key in ("encoder", "encoder_size"):
        del described["model"][key]
    assert policy_from(described).config.encoder == "linear"
