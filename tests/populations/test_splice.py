"""One co-player after another: who plays when, and that whoever takes over remembers the true history."""

import numpy as np
import pytest
import torch

from coop_icl.matchups import Matchups
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.frozen import FrozenPolicy
from coop_icl.populations.registry import make_co_player
from coop_icl.populations.splice import Spliced
from coop_icl.rollouts.rollout import play
from coop_icl.seeding import SeedNode
from envs.registry import make_game

ROUNDS, LANES = 8, 30
GAME = make_game("ipd_v0", rounds=ROUNDS, observe=["outcome", "round"])


def policy(seed=0, core="gru"):
    one = SequencePolicy(ModelConfig(core=core, hidden_size=16), [w for _, w in GAME.spec.features], 2, ROUNDS)
    one.reset_parameters(seed)
    one.action_head.weight.data *= 20
    return one


def player(name):
    if name.startswith("frozen"):
        return FrozenPolicy(policy(1, name.removeprefix("frozen ")))
    return make_co_player(name, GAME)


NAMES = ("tabular", "grim", "tft", "frozen gru", "frozen lstm", "frozen transformer")


def live(co_player, outcomes, parameters, numbers):
    """Actions [T, B] over whole episodes in which ``outcomes`` were seen."""
    state, actions = co_player.initial_state(parameters), []
    for t, now in enumerate(outcomes):
        seen = now if co_player.observes == "outcomes" else GAME.encode(now, t, 1)
        action, state = co_player.act(seen, state, numbers[t])
        actions.append(action)
    return np.array(actions)


@pytest.mark.parametrize("then", NAMES)
@pytest.mark.parametrize("first", ["tabular", "frozen gru"])
@pytest.mark.parametrize("switch", [0, 3, ROUNDS, ROUNDS + 5])
def test_each_plays_its_rounds_as_if_it_had_played_all(first, then, switch):
    one, two = player(first), player(then)
    spliced = Spliced(GAME, one, two, switch)
    rng = np.random.default_rng(0)
    outcomes = rng.integers(1, 5, (ROUNDS, LANES))
    outcomes[0] = 0
    parameters, numbers = rng.random((LANES, spliced.num_parameters)), rng.random((ROUNDS, LANES))
    expected = live(one, outcomes, parameters[:, : one.num_parameters], numbers)
    expected[switch:] = live(two, outcomes, parameters[:, one.num_parameters :], numbers)[switch:]
    np.testing.assert_array_equal(live(spliced, outcomes, parameters, numbers), expected)
    assert live(spliced, outcomes, parameters, numbers).dtype == np.int64


def test_who_takes_over_has_seen_what_the_other_did():
    """In real games: the frozen policy's actions are those of its scores over the whole recorded history."""
    met, switch = policy(2), 4
    met.action_head.weight.data *= 5
    spliced = Spliced(GAME, make_co_player("tabular", GAME), FrozenPolicy(met), switch)
    matchups = Matchups(("focal", "x"), ("learner", "x"), 1, np.tile(np.array([[0], [1]], np.int16), (1, LANES)))
    played = play(GAME, matchups, PolicyStack([policy(3)]), [[0]], {1: spliced}, SeedNode(1))
    outcomes, actions = played.outcomes[:, 1].astype(int), played.actions[:, 1]
    np.testing.assert_array_equal((outcomes[1:] - 1) // 2, actions[:-1])
    vectors = torch.from_numpy(GAME.encode(outcomes, np.arange(ROUNDS)[:, None], 1))
    scores = met(vectors)[0].detach().numpy()
    sure = np.abs(scores[:, :, 0] - scores[:, :, 1]) > 8
    sure[:switch] = False
    assert sure.sum() > 20
    np.testing.assert_array_equal(actions[sure], scores.argmax(2)[sure])
    wiped = met(vectors[switch:])[0].detach().numpy()  # a memory that began at the switch would have acted otherwise
    assert (wiped.argmax(2) != actions[switch:])[sure[switch:]].any()


def test_what_depends_on_nothing_stays_as_it_is():
    spliced = Spliced(GAME, player("tabular"), player("frozen gru"), 2)
    again = spliced.initial_state(np.full((3, 5), 0.5))
    assert spliced.kind == "tabular_2_frozen"
    assert spliced.num_parameters == 5
    spliced.act(np.zeros(3, int), again, np.full(3, 0.5))
    np.testing.assert_array_equal(again.rounds, 0)
    with pytest.raises(ValueError, match="switch must be at least 0, got -1"):
        Spliced(GAME, player("tft"), player("tft"), -1)


def test_a_policy_that_wants_to_be_told_is_told_nothing():
    width = GAME.spec.observation_size + 10
    wants = SequencePolicy(ModelConfig(hidden_size=16), (5, 1, 10), 2, ROUNDS)
    wants.reset_parameters(0)
    spliced = Spliced(GAME, player("tft"), FrozenPolicy(wants), 0)
    seen = np.zeros(4, int)
    expected = np.zeros((4, width), np.float32)
    expected[:, :-10] = GAME.encode(seen, 0, 1)
    mine, _ = spliced.act(seen, spliced.initial_state(np.zeros((4, 0))), np.linspace(0, 0.99, 4))
    plain = FrozenPolicy(wants)
    theirs, _ = plain.act(expected, plain.initial_state(np.zeros((4, 0))), np.linspace(0, 0.99, 4))
    np.testing.assert_array_equal(mine, theirs)
