"""Policies that plan: memory is that of one episode, the view their own, and a frozen one follows its own numbers."""

import numpy as np
import pytest
import torch
from stacks import assert_same, ipd, seat

from coop_icl.matchups import Matchups
from coop_icl.models.planning import PlannerConfig
from coop_icl.models.policy import ModelConfig
from coop_icl.models.predictive import OBSERVE, PredictivePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import load_policy, save_policy
from coop_icl.populations.frozen import frozen
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.pretraining import pretraining
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.telling import LEAST, spec_of
from coop_icl.seeding import SeedNode
from envs.registry import make_game

ROUNDS = 7
PLANNER = PlannerConfig(alpha=1.0, horizon=3, rollouts=5)


def game_of(name="ipd_v0"):
    return make_game(name, rounds=ROUNDS, observe=list(OBSERVE))


def make_policy(game, seed, core="gru", told=False):
    spec = spec_of(game, told)
    widths = [width for _, width in spec.features]
    policy = PredictivePolicy(ModelConfig(core=core, hidden_size=16), widths, spec.num_actions, ROUNDS, PLANNER)
    policy.reset_parameters(seed)
    for head in policy.heads_of():
        head.weight.data *= 6
    return policy


def block(game, stack, key, co_player="grim"):
    matchups = seat(("a", "b", "other"), 2, [0, 1, 0, 2, 1, 2] * 4, [1, 0, 2, 0, 2, 1] * 4)
    co_players = {2: make_co_player(co_player, game)}
    return play(game, matchups, stack, [[0], [1]], co_players, SeedNode(5).child(key))


@pytest.mark.parametrize("core", ["gru", "lstm"])
def test_a_block_is_played_as_by_fresh_policies_and_again_as_before(core):
    game = game_of()
    stack = PolicyStack([make_policy(game, seed, core) for seed in (0, 1)])
    first, second = block(game, stack, 0), block(game, stack, 1)
    assert_same(second, block(game_of(), PolicyStack([make_policy(game, seed, core) for seed in (0, 1)]), 1))
    assert_same(first, block(game, stack, 0))
    assert not np.array_equal(first.actions, second.actions)


def test_planning_numbers_differ_between_blocks_rounds_policies_and_lanes():
    """The same policy in the same situation: only the numbers of its roll-outs can make it score otherwise."""
    game = game_of()
    policy = make_policy(game, 0)
    stack = PolicyStack([policy, policy])
    start = torch.from_numpy(game.encode(np.zeros(4, np.int64), 0, 0))
    values = [stack.actor([4, 4], seed).step([start, start]) for seed in (1, 2)]
    found = torch.cat([outputs[:, 0] - outputs[:, 1] for actors in values for outputs in actors])
    assert len(found.unique()) == 16
    again = stack.actor([4, 4], 1).step([start, start])
    assert torch.equal(again[0], values[0][0])


def test_the_first_round_is_remembered():
    game = game_of()
    policy = make_policy(game, 0)
    outcomes = np.array([[0, 0], [1, 4], [2, 2], [2, 2]])
    inputs = torch.from_numpy(game.encode(outcomes, np.arange(4)[:, None], 0))
    inputs = inputs.index_select(1, torch.tensor([0, 1]))
    state = policy.initial_state(2, 3)
    for now in inputs:
        _, _, state = policy.step(now, state)
    assert (state["h"][0] - state["h"][1]).abs().max() > 1e-3
    whole, _, _ = policy.forward(inputs, policy.initial_state(2, 3))
    assert whole.shape == (4, 2, 2)


def test_seats_are_seen_from_the_own_side():
    """An uneven game and its mirror image, seats exchanged: the same lives."""
    game = make_game("bach_or_stravinsky_v0", rounds=ROUNDS, observe=list(OBSERVE))
    mirrored = make_game(
        "matrix_game", rounds=ROUNDS, observe=list(OBSERVE), payoffs=game.payoffs[::-1].transpose(0, 2, 1)
    )
    policy = make_policy(game, 0)
    lives = []
    for one, who in ((game, 0), (mirrored, 1)):
        codes = np.array([[0, 0, 0], [1, 2, 3], [4, 3, 2]])
        inputs = torch.from_numpy(one.encode(codes, np.arange(3)[:, None], who))
        lives.append(policy.forward(inputs, policy.initial_state(3, 1))[0])
    assert torch.equal(*lives)


def test_a_frozen_policy_that_plans_follows_its_own_numbers(tmp_path):
    game = game_of()
    one, two = make_policy(game, 0), make_policy(game, 1)
    options = {"rounds": ROUNDS, "observe": list(OBSERVE)}
    path = save_policy(tmp_path / "two", two, "ipd_v0", options, game.spec, {})
    loaded = load_policy(path).policy
    assert isinstance(loaded, PredictivePolicy)
    assert loaded.planner == PLANNER
    seats = np.array([[0, 1] * 20, [1, 0] * 20], dtype=np.int16)
    matchups = Matchups(("learner_0", "old"), ("learner", "old"), 1, seats)
    met = frozen(game, path, "old")
    played = [play(game, matchups, PolicyStack([one]), [[0]], {1: met}, SeedNode(i)) for i in (5, 5, 6)]
    assert_same(played[0], played[1])
    assert not np.array_equal(played[0].actions, played[2].actions)
    assert len(np.unique(played[0].actions[:, seats == 1])) == 2


def test_pretraining_is_two_of_a_kind_in_their_own_view():
    game, co_player = game_of(), make_co_player("tabular", game_of())
    found = pretraining(game, co_player, 5000, SeedNode(1), opponent_id=True)
    assert found.symbols.shape == (5000, ROUNDS)
    assert found.seats.tolist() == [0, 1] * 2500
    again = pretraining(game, co_player, 5000, SeedNode(1), opponent_id=True)
    assert np.array_equal(found.symbols, again.symbols)
    assert not np.array_equal(found.symbols, pretraining(game, co_player, 5000, SeedNode(2), True).symbols)
    first = found.symbols[:4096, 0], found.symbols[4096:, 0]
    assert not np.array_equal(first[0][: len(first[1])], first[1])  # chunks are different games
    # what is told is the co-player's: it opens with cooperation as often as it is said to
    told = np.exp(found.told[:, 0])
    opened = (found.symbols[:, 0] - 1) % 2 == 0
    for low, high in ((0, 0.3), (0.3, 0.7), (0.7, 1)):
        some = (told >= low) & (told < high)
        assert abs(opened[some].mean() - told[some].mean()) < 4 * 0.5 / np.sqrt(some.sum())
    own = (found.symbols[:, 0] - 1) // 2 == 0
    assert abs(np.corrcoef(own, told)[0, 1]) < 0.06
    assert told.min() >= LEAST * 0.99


def test_random_pretraining_does_not_depend_on_what_happened():
    game = game_of()
    found = pretraining(game, make_co_player("random", game), 4000, SeedNode(0), False)
    rates = [((found.symbols[:, 1] - 1) % 2)[found.symbols[:, 0] == code].mean() for code in range(1, 5)]
    assert max(abs(rate - 0.5) for rate in rates) < 0.08
    assert found.told.shape == (4000, 0)


def test_games_without_what_planning_needs_are_seen_by_the_policy():
    with pytest.raises(ValueError, match="outcome, action, reward"):
        make_policy(ipd(rounds=ROUNDS), 0)
