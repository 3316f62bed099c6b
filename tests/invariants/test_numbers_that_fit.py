"""Numbers fit into the types that hold them, or are refused: actions, outcomes, seats; buffers and vectors of cores."""

import numpy as np
import pytest
import torch
from torch import nn

from coop_icl.algorithms.losses import Coefficients
from coop_icl.algorithms.update import update
from coop_icl.config import from_mapping
from coop_icl.models.cores import CORES, GRUCore
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import load_policy, save_policy
from coop_icl.populations.population import MOST_AGENTS, Component, Population
from coop_icl.rollouts.setting import build
from coop_icl.trajectory import integers_below, learner_batch
from envs.registry import make_game

MANY = "tests.envs.keepers:Many"


def setting_of(name, options, learners=2, mixture=("learner", "uniform")):
    return build(
        from_mapping(
            {
                "name": "x",
                "game": {"name": name, "options": options},
                "population": {"mixture": [{"name": one} for one in mixture]},
                "model": {"hidden_size": 16},
                "train": {"learners": learners, "episodes_per_learner": 64, "epochs": 1},
                "ray": {"num_env_runners": 0, "blocks": 1},
            },
            "test",
        )
    )


@pytest.mark.kind("numbers that do not fit", case="Discrete(200) overflows an int8")
@pytest.mark.parametrize(("actions", "kind"), [(127, "i1"), (128, "i1"), (129, "i2"), (200, "i2"), (300, "i2")])
def test_any_number_of_actions_is_played_and_learned_from(actions, kind):
    setting = setting_of("pettingzoo", {"env": MANY, "kwargs": {"actions": actions}, "rounds": 6})
    stack = PolicyStack([setting.make_policy(i) for i in range(2)])
    played = setting.play_block(stack, 0, 0)
    assert played.actions.dtype == kind
    assert played.outcomes.dtype == ("i1" if actions < 128 else "i2")
    assert played.actions.min() >= 0
    assert actions * 0.9 < played.actions.max() < actions  # the last ones are taken, too
    np.testing.assert_array_equal(played.outcomes[1:], 1 + played.actions[:-1].astype(int))
    batches = [learner_batch(played, agents) for agents in setting.agents]
    with torch.no_grad():
        for batch, (scores, _) in zip(batches, stack.forward([setting.encode(b) for b in batches]), strict=True):
            taken = torch.from_numpy(batch.actions.astype(np.int64))
            logp = stack.log_probabilities(scores.movedim(-1, 0), taken).numpy()
            np.testing.assert_allclose(batch.logp, logp, atol=1e-5)
    optimizers = [torch.optim.Adam(policy.parameters(), lr=0.01) for policy in stack.policies]
    how = setting.config.update_settings()
    for one in update(
        stack, optimizers, batches, setting.encode, how, Coefficients(0.01, 0.5, 0.2), np.random.default_rng(0)
    ):
        assert one["ratio_error"] < 1e-5
        assert one["skipped"] == 0


@pytest.mark.kind("numbers that do not fit", case="outcomes of many joint actions")
def test_joint_outcomes_of_many_actions_fit():
    payoffs = np.zeros((2, 13, 13))
    setting = setting_of("matrix_game", {"payoffs": payoffs.tolist(), "rounds": 6}, mixture=("learner",))
    played = setting.play_block(PolicyStack([setting.make_policy(i) for i in range(2)]), 0, 0)
    assert played.actions.dtype == np.int8
    own, other = played.actions[:-1].astype(int), played.actions[:-1, ::-1].astype(int)
    np.testing.assert_array_equal(played.outcomes[1:], 1 + 13 * own + other)  # up to 169


@pytest.mark.kind("numbers that do not fit", case="more seats than an int8 counts")
def test_many_seats_fit():
    options = {"env": "tests.envs.keepers:Crowd", "kwargs": {"players": 140}, "rounds": 3}
    setting = setting_of("pettingzoo", options, learners=140, mixture=("learner",))
    played = setting.play_block(PolicyStack([setting.make_policy(i) for i in range(140)]), 0, 0)
    seats = np.concatenate([learner_batch(played, agents).seats for agents in setting.agents])
    assert set(seats.tolist()) == set(range(140))


def test_types_hold_what_they_are_asked_to_hold():
    for count in (1, 128, 129, 2**15, 2**15 + 1, 2**31):
        assert np.iinfo(integers_below(count)).max >= count - 1
    assert [integers_below(count) for count in (128, 129, 2**15 + 1)] == [np.int8, np.int16, np.int32]
    with pytest.raises(ValueError, match=f"expected at most {2**31}"):
        integers_below(2**31 + 1)


def test_more_agents_than_matchups_can_number_are_refused():
    learners = [f"learner_{i}" for i in range(MOST_AGENTS + 1)]
    with pytest.raises(
        ValueError, match=f"got {MOST_AGENTS + 1} learners and co-players; expected at most {MOST_AGENTS}"
    ):
        Population(learners, [Component(1.0, None)])


# --- cores of one's own ----------------------------------------------------------------------------------------------


class DecayingCore(GRUCore):
    """A GRU whose features are scaled by what it makes itself: a vector, a number and a buffer that is not saved."""

    def __init__(self, input_size, hidden_size, num_layers=1, **_):
        super().__init__(input_size, hidden_size, num_layers)
        self.log_decay = nn.Parameter(torch.linspace(-1.0, -0.1, hidden_size))
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.bias_of_mine = nn.Parameter(torch.ones(hidden_size))
        self.register_buffer("window", torch.linspace(0.5, 1.5, hidden_size), persistent=False)

    def forward(self, inputs, state=None):
        features, state = super().forward(inputs, state)
        return features * self.window * self.log_decay.exp() * self.scale + self.bias_of_mine, state


@pytest.fixture
def decaying(monkeypatch):
    monkeypatch.setitem(CORES, "decaying", DecayingCore)
    game = make_game("ipd", rounds=6)
    policy = SequencePolicy(ModelConfig("decaying", 8), [w for _, w in game.spec.features], 2, 6)
    policy.reset_parameters(3)
    return game, policy


@pytest.mark.kind("numbers that do not fit", case="buffers that are not persistent come back as garbage")
def test_a_loaded_policy_has_the_buffers_of_the_saved_one(decaying, tmp_path):
    game, policy = decaying
    torch.full((4096,), 7e9)  # something to find in memory that is not initialised
    before = torch.get_rng_state()
    loaded = load_policy(save_policy(tmp_path / "p", policy, "ipd", {"rounds": 6}, game.spec, {})).policy
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(loaded.core.window, policy.core.window)
    inputs = torch.rand(6, 3, sum(policy.parts))
    for one, two in zip(policy(inputs)[:2], loaded(inputs)[:2], strict=True):
        assert torch.equal(one, two)


@pytest.mark.kind("numbers that do not fit", case="Core.reset_parameters zeroes every vector not called norm")
def test_vectors_of_a_cores_own_stay_as_it_made_them(decaying):
    _, policy = decaying
    assert torch.equal(policy.core.log_decay, torch.linspace(-1.0, -0.1, 8))
    assert policy.core.scale == 2
    assert not policy.core.bias_of_mine.any()  # a bias by name
    assert not policy.core.rnn.bias_hh_l0.any()


def as_ever(core, generator):
    """How ``Core.reset_parameters`` used to draw weights."""
    for name, parameter in core.named_parameters():
        if parameter.dim() < 2:
            if "norm" not in name or "bias" in name:
                nn.init.zeros_(parameter)
        elif "weight_hh" in name:
            for block in parameter.data.split(core.hidden_size):
                nn.init.orthogonal_(block, generator=generator)
        elif "weight_ih_l0" in name:
            nn.init.normal_(parameter, std=0.5, generator=generator)
        else:
            nn.init.xavier_uniform_(parameter, generator=generator)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", sorted(CORES))
def test_the_weights_of_todays_cores_are_drawn_as_ever(name, layers, monkeypatch):
    def draw(rule):
        if rule:
            monkeypatch.setattr("coop_icl.models.cores.Core.reset_parameters", rule)
        core = CORES[name](5, 16, num_layers=layers, num_heads=2, max_rounds=9)
        core.reset_parameters(torch.Generator().manual_seed(7))
        return core.state_dict()

    now, before = draw(None), draw(as_ever)
    assert now.keys() == before.keys()
    assert all(torch.equal(now[key], before[key]) for key in now)
    assert any(vector.any() for key, vector in now.items() if key.endswith("norm.weight")) == (name == "transformer")
