"""Learning-aware methods between memory-1 policies: closed forms first, then what they are known for."""

import itertools

import numpy as np
import pytest
import torch

from coop_icl.algorithms.alignment import aligned
from coop_icl.evaluation.exact import pair_payoffs
from coop_icl.learning_aware import exact
from coop_icl.learning_aware.dice import estimate, lola_dice, objective
from coop_icl.learning_aware.lola import lola_exact, lola_lookahead, naive
from coop_icl.learning_aware.pairs import UPDATES, learn, results, start
from coop_icl.learning_aware.sampling import log_probabilities, play, values_on
from coop_icl.learning_aware.world import IPD, World
from envs import ipd_v0
from envs.registry import make_game

BOS = tuple(map(tuple, make_game("bach_or_stravinsky").payoffs.tolist()))
worlds = pytest.mark.parametrize("world", [World(gamma=0.9), World(payoffs=BOS, gamma=0.8)], ids=["ipd", "bos"])


def policies(pairs=3, seed=0):
    both = torch.from_numpy(np.random.default_rng(seed).normal(0, 1, (2, pairs, 5)))
    return both[0], both[1]


def rng(seed=0):
    return np.random.default_rng(seed)


# --- exact values ----------------------------------------------------------------------------------------------------


def test_the_game_is_the_framework_s():
    np.testing.assert_array_equal(np.array(IPD), ipd_v0.PAYOFFS)


@worlds
def test_values_equal_the_sum_over_rounds(world):
    own, other = policies()
    found = world.values(own, other)
    for player, (mine, theirs) in enumerate([(own, other), (other, own)]):
        payoffs = np.array(world.seen_by(player).payoffs)[0]
        for i in range(len(own)):
            rounds = pair_payoffs(mine[i].sigmoid().numpy(), theirs[i].sigmoid().numpy(), payoffs, 400)
            assert float(found[player][i]) == pytest.approx((rounds * world.gamma ** np.arange(400)).sum(), abs=1e-8)


@worlds
def test_both_players_see_the_same_game(world):
    own, other = policies()
    first, second = world.values(own, other)
    again, turned = world.seen_by(1).values(other, own)
    torch.testing.assert_close((first, second), (turned, again))


def test_values_of_known_strategies():
    """TFT with itself cooperates for ever; against ALLD it loses one round."""
    world, big = World(), 40.0
    tft = torch.tensor([[big, big, -big, big, -big]], dtype=torch.float64)
    alld = torch.full_like(tft, -big)
    assert float(world.values(tft, tft)[0]) == pytest.approx(1 / (1 - world.gamma))
    assert [float(v) for v in world.values(tft, alld)] == pytest.approx([-1, 2])
    assert [float(v) for v in exact.cooperation(tft, alld, 0.96)] == pytest.approx([0.04, 0], abs=1e-9)


# --- LOLA ------------------------------------------------------------------------------------------------------------


def quotient(function, point, h=1e-5):
    """Central differences [N, 5] of a function of [N, 5] that keeps pairs apart."""
    slopes = torch.zeros_like(point)
    for i in range(point.shape[1]):
        move = torch.zeros_like(point)
        move[:, i] = h
        slopes[:, i] = (function(point + move) - function(point - move)) / (2 * h)
    return slopes


@worlds
def test_naive_is_the_gradient_of_the_own_value(world):
    own, other = policies()
    expected = quotient(lambda x: world.values(x, other)[0], own)
    torch.testing.assert_close(naive(own, other, world, rng()), expected, rtol=1e-5, atol=1e-6)


@worlds
def test_lookahead_is_the_gradient_through_the_other_s_step(world):
    own, other = policies()

    def after_a_step(x):
        step = naive(other, x, world.seen_by(1), rng())
        return world.values(x, other + world.lookahead * step)[0]

    found = lola_lookahead(own, other, world, rng())
    torch.testing.assert_close(found, quotient(after_a_step, own), rtol=1e-4, atol=1e-4)


@worlds
def test_lola_adds_what_the_other_s_step_is_worth(world):
    own, other = policies()
    worth = quotient(lambda y: world.values(own, y)[0], other)
    step = lambda x: (worth * naive(other, x, world.seen_by(1), rng())).sum(1)  # noqa: E731
    expected = naive(own, other, world, rng()) + world.lookahead * quotient(step, own)
    torch.testing.assert_close(lola_exact(own, other, world, rng()), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["lola_exact", "lola_lookahead"])
def test_without_a_step_of_the_other_lola_is_naive(name):
    world, (own, other) = World(lookahead=0.0), policies()
    torch.testing.assert_close(UPDATES[name](own, other, world, rng()), naive(own, other, world, rng()))


# --- DiCE ------------------------------------------------------------------------------------------------------------


def every_game(own, other, rounds):
    """Joint actions of every possible game [T, 2, K], states and their log-probabilities [T, 2, K] for one pair."""
    games = np.array(list(itertools.product(range(4), repeat=rounds))).T
    actions = np.stack([games // 2, games % 2], axis=1)
    seen = np.zeros_like(actions)
    seen[1:, 0], seen[1:, 1] = 1 + games[:-1], 1 + 2 * actions[:-1, 1] + actions[:-1, 0]
    logits = torch.stack([own[0][seen[:, 0]], other[0][seen[:, 1]]], dim=1)
    logps = torch.nn.functional.logsigmoid(torch.where(torch.from_numpy(actions == 0), logits, -logits))
    payoffs = np.array(IPD)[:, actions[:, 0], actions[:, 1]]
    return seen, logps, torch.from_numpy(payoffs)


@pytest.mark.parametrize("baseline", [False, True])
def test_dice_has_the_derivatives_of_the_return_of_first_and_second_order(baseline):
    """Averaged over all games by their chances, against the derivatives of the expectation itself."""
    own, other = (x[:1].requires_grad_() for x in policies())
    seen, logps, payoffs = every_game(own, other, 3)
    chances = logps.sum((0, 1)).exp()
    worth = torch.from_numpy(rng().normal(size=5))[seen[:, 0]] if baseline else None
    sampled = (chances.detach() * objective(logps.sum(1), payoffs[0], 0.9, worth)).sum()
    expected = (chances * (0.9 ** torch.arange(3)[:, None] * payoffs[0]).sum(0)).sum()
    torch.testing.assert_close(sampled, expected)
    first = [torch.autograd.grad(value, other, create_graph=True)[0] for value in (sampled, expected)]
    torch.testing.assert_close(*first)
    mixed = [torch.autograd.grad(gradient[0, 2], own, retain_graph=True)[0] for gradient in first]
    assert float(mixed[1].abs().sum()) > 1e-3
    torch.testing.assert_close(*mixed)


def test_samples_are_games_of_the_two_policies():
    own, other = policies(2)
    world = World(games=4000, rounds=3)
    sample = play(own, other, world, rng())
    for player, policy in enumerate((own, other)):
        for outcome in range(5):
            for pair in range(2):
                here = (sample.seen[player] == outcome)[:, pair]
                rate = sample.cooperated[player][:, pair][here].double().mean()
                assert abs(rate - policy[pair, outcome].sigmoid()) < 4.5 * 0.5 / here.sum().sqrt()
        logps = log_probabilities(policy, sample, player)
        chance = policy.sigmoid()[torch.arange(2)[:, None], sample.seen[player]]
        torch.testing.assert_close(logps.exp(), torch.where(sample.cooperated[player], chance, 1 - chance))
    first, second = sample.seen
    assert (first[0] == 0).all()
    np.testing.assert_array_equal(np.array(exact.MIRROR)[first], second)


def test_the_baseline_is_the_value_of_the_state():
    own, other = policies(2)
    world = World(games=5, rounds=4)
    sample = play(own, other, world, rng())
    tables = exact.state_values(own, other, world.table, world.gamma)
    for value, table in zip(values_on(sample, own, other, world), tables, strict=True):
        assert value.shape == (5, 2, 5)
        torch.testing.assert_close(value[:-1], table[torch.arange(2)[:, None], sample.seen[0]])
    one_step = sample.rewards[1][0] + world.gamma * values_on(sample, own, other, world)[1][1]
    after = 1 + 2 * (~sample.cooperated[0][0]).long() + (~sample.cooperated[1][0]).long()
    rewards = torch.tensor(np.array(IPD)[1]).reshape(-1)[after - 1]
    torch.testing.assert_close(one_step, rewards + world.gamma * tables[1][torch.arange(2)[:, None], after])


def test_sampled_lola_estimates_exact_lola():
    own, other = policies(1)
    world = World(gamma=0.7, games=4000, rounds=16, lookahead=0.5)
    found = torch.stack([lola_dice(own, other, world, rng(seed))[0] for seed in range(10)])
    error = found.std(0) / len(found) ** 0.5
    expected = lola_lookahead(own, other, world, rng())[0]
    assert ((found.mean(0) - expected).abs() < 4.5 * error + 2e-3).all()
    assert ((naive(own, other, world, rng())[0] - expected).abs() > 6 * error).any()


def test_an_estimate_s_value_is_the_return():
    own, other = policies(1)
    world = World(gamma=0.7, games=20_000, rounds=25)
    sample = play(own, other, world, rng())
    for player, exactly in enumerate(world.values(own, other)):
        assert float(estimate(own, other, sample, world, player)) == pytest.approx(float(exactly), abs=0.05)


# --- Advantage Alignment ---------------------------------------------------------------------------------------------


def test_alignment_equals_the_sum_it_is_defined_by():
    own, other = torch.from_numpy(rng().normal(size=(2, 6, 3, 2)))
    for gamma, weight in ((0.9, 0.5), (1.0, 2.0), (0.0, 1.0)):
        found = aligned(own, other, gamma, weight)
        for t in range(6):
            past = sum(gamma ** (t - k) * own[k] for k in range(t))
            torch.testing.assert_close(found[t], own[t] + weight * past * other[t])
    torch.testing.assert_close(aligned(own, other, 0.9, 0.0), own)


def test_without_its_weight_alignment_is_the_naive_gradient():
    own, other = policies(1)
    world = World(gamma=0.7, games=5000, rounds=20, alignment=0.0)
    found = torch.stack([UPDATES["alignment"](own, other, world, rng(seed))[0] for seed in range(12)])
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - naive(own, other, world, rng())[0]).abs() < 4.5 * error + 2e-3).all()


# --- what they are known for -----------------------------------------------------------------------------------------


def payoffs_of(found):
    return np.array([row["payoff"] for row in found["seeds"]])


def test_naive_learners_come_to_defect():
    """Nearly always: from some starts they find cooperation by themselves, as the LOLA paper reports too."""
    found = results(("naive", "naive"), World(), range(16), 150)
    assert (np.abs(payoffs_of(found)).max(1) < 0.05).sum() >= 14
    assert np.median([row["cooperation"] for row in found["seeds"]]) < 0.05


def test_lola_learners_come_to_cooperate_like_tit_for_tat():
    found = results(("lola_exact", "lola_exact"), World(), range(16), 150)
    assert np.mean(payoffs_of(found)) > 0.9
    policy = np.array([row["policy"] for row in found["seeds"]]).mean((0, 1))
    start_, cc, cd, dc, dd = policy
    assert min(start_, cc, dc) > 0.7
    assert max(cd, dd) < 0.4


def test_aligned_learners_come_to_cooperate_and_punish():
    found = results(("alignment", "alignment"), World(), range(8), 60)
    assert np.mean(payoffs_of(found)) > 0.6
    policy = np.array([row["policy"] for row in found["seeds"]]).mean((0, 1))
    assert policy[2] < 0.3
    assert policy[3] > 0.6


def test_a_pair_depends_on_its_seed_only():
    many, one = start(range(5)), start([3])
    torch.testing.assert_close([x[3:4] for x in many], list(one), rtol=0, atol=0)
    world = World()
    both, alone = (learn(("lola_exact", "naive"), world, seeds, 5) for seeds in (range(5), [3]))
    torch.testing.assert_close([x[3:4] for x in both], list(alone))
    again = learn(("lola_dice", "alignment"), World(games=4, rounds=5), [1, 2], 2)
    torch.testing.assert_close(again, learn(("lola_dice", "alignment"), World(games=4, rounds=5), [1, 2], 2))


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match="unknown method 'lolla'; choose one of naive, lola_exact"):
        learn(("naive", "lolla"), World(), [0], 1)
