"""Exact values of memory-1 pairs against closed forms, simulation and brute force."""

import itertools

import numpy as np
import pytest

from coop_icl.evaluation.exact import best_response, pair_payoffs
from coop_icl.evaluation.probes import probe
from coop_icl.matchups import Matchups
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.memory_one import fixed
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.seeding import SeedNode
from envs.registry import make_game

PAYOFFS = np.array([[1.0, -1.0], [2.0, 0.0]])  # C, D: R = 1, S = -1, T = 2, P = 0
TABLES = {
    "allc": (1, 1, 1, 1, 1),
    "alld": (0, 0, 0, 0, 0),
    "tft": (1, 1, 0, 1, 0),
    "stft": (0, 1, 0, 1, 0),
    "gtft": (1, 1, 1 / 3, 1, 1 / 3),
    "wsls": (1, 1, 0, 0, 1),
    "random": (0.5,) * 5,
}
SUMS = [  # over 100 rounds, of the first and of the second
    ("tft", "alld", -1, 2),
    ("allc", "alld", -100, 200),
    ("wsls", "alld", -50, 100),
    ("tft", "tft", 100, 100),
    ("wsls", "wsls", 100, 100),
    ("alld", "alld", 0, 0),
    ("allc", "tft", 100, 100),
    ("tft", "stft", 50, 50),
    ("gtft", "alld", -1 - 33, 2 + 66),
    ("random", "random", 50, 50),
    ("random", "allc", 150, 0),
    ("random", "alld", -50, 100),
    ("wsls", "stft", 33 - 1, 33 + 2),  # CD, DC, DD, and CD again
]


@pytest.mark.parametrize(("one", "two", "first", "second"), SUMS, ids=lambda x: str(x))
def test_closed_forms(one, two, first, second):
    focal, other = np.array(TABLES[one], float), np.array(TABLES[two], float)
    series = pair_payoffs(focal, other, PAYOFFS, 100)
    assert series.shape == (100,)
    assert series.sum() == pytest.approx(first)
    assert pair_payoffs(other, focal, PAYOFFS, 100).sum() == pytest.approx(second)


def test_round_by_round():
    tft, alld, wsls = (np.array(TABLES[name], float) for name in ("tft", "alld", "wsls"))
    np.testing.assert_allclose(pair_payoffs(tft, alld, PAYOFFS, 4), [-1, 0, 0, 0])
    np.testing.assert_allclose(pair_payoffs(wsls, alld, PAYOFFS, 4), [-1, 0, -1, 0])
    np.testing.assert_allclose(pair_payoffs(alld, wsls, PAYOFFS, 4), [2, 0, 2, 0])


@pytest.mark.parametrize("name", ["ipd_v0", "bach_or_stravinsky_v0"])
def test_simulated_means_agree(name):
    """Each of 1000 episodes is one draw; the mean over them lies within five standard errors of the exact one."""
    rng, rounds, episodes = np.random.default_rng(1), 12, 1000
    game = make_game(name, rounds=rounds)
    policy = SequencePolicy(ModelConfig(hidden_size=4), [5], 2, rounds)
    policy.reset_parameters(0)
    for _ in range(6):
        one, two = rng.random((2, 5))
        co_players = {1: fixed("one", tuple(one)), 2: fixed("two", tuple(two))}
        seats = np.tile([[1], [2]], episodes).astype(np.int16)  # the learner sits out
        matchups = Matchups(("learner_0", "one", "two"), ("learner", "one", "two"), 1, seats)
        node = SeedNode(int(rng.integers(2**31)))
        played = play(game, matchups, PolicyStack([policy]), [[0]], co_players, node)
        for seat, tables, payoffs in ((0, (one, two), game.payoffs[0]), (1, (two, one), game.payoffs[1].T)):
            exact = pair_payoffs(*tables, payoffs, rounds)
            returns = played.rewards[:, seat].sum(0)
            assert abs(returns.mean() - exact.sum()) < 5 * returns.std() / np.sqrt(episodes)
            by_round = played.rewards[:, seat]
            errors = by_round.std(1) / np.sqrt(episodes) + 1e-9
            assert (np.abs(by_round.mean(1) - exact) < 5 * errors).all()


def brute_force(other, payoffs, rounds, gamma):
    """Best value over all deterministic policies of round and state, each evaluated by following the chances."""
    states = [[0]] + [[1, 2, 3, 4]] * (rounds - 1)
    slots = [(t, s) for t in range(rounds) for s in states[t]]
    mirror = [0, 1, 3, 2, 4]
    best = -np.inf
    for choice in itertools.product((0, 1), repeat=len(slots)):
        policy = dict(zip(slots, choice, strict=True))
        chances, value = {0: 1.0}, 0.0
        for t in range(rounds):
            following = dict.fromkeys((1, 2, 3, 4), 0.0)
            for state, chance in chances.items():
                action, c = policy[t, state], other[mirror[state]]
                for reply, likely in ((0, c), (1, 1 - c)):
                    value += gamma**t * chance * likely * payoffs[action][reply]
                    following[1 + 2 * action + reply] += chance * likely
            chances = following
        best = max(best, value)
    return best


@pytest.mark.parametrize("gamma", [1.0, 0.7])
@pytest.mark.parametrize("seed", range(4))
def test_best_response_equals_brute_force_over_three_rounds(seed, gamma):
    rng = np.random.default_rng(seed)
    other = rng.random(5) if seed else np.array(TABLES["tft"], float)
    payoffs = rng.normal(size=(2, 2)) if seed > 1 else PAYOFFS
    value, actions = best_response(other, payoffs, 3, gamma)
    assert actions.shape == (3, 5)
    assert value == pytest.approx(brute_force(other, payoffs, 3, gamma))


def path(other, rounds):
    """Value, the actions along the path of play against a deterministic policy, and their payoffs."""
    other = np.asarray(other, float)
    value, actions = best_response(other, PAYOFFS, rounds)
    state, taken, total = 0, "", 0.0
    for t in range(rounds):
        mine, theirs = int(actions[t, state]), int(other[[0, 1, 3, 2, 4][state]] == 0)
        taken += "CD"[mine]
        total += PAYOFFS[mine, theirs]
        state = 1 + 2 * mine + theirs
    assert total == pytest.approx(value)
    return value, taken


def test_best_responses_to_known_strategies():
    assert path(TABLES["allc"], 10) == (20, "D" * 10)
    assert path(TABLES["alld"], 10) == (0, "D" * 10)
    assert path(TABLES["tft"], 10) == (11, "C" * 9 + "D")
    assert path(TABLES["wsls"], 10) == (11, "C" * 9 + "D")
    assert path((1, 1, 0, 0, 0), 10) == (11, "C" * 9 + "D")  # memory-1 GRIM
    assert path(TABLES["stft"], 10) == (-1 + 8 + 2, "C" * 9 + "D")


def test_a_short_sighted_best_response_to_tft_defects():
    _, actions = best_response(np.array(TABLES["tft"], float), PAYOFFS, 10, gamma=0.2)
    assert (actions == 1).all()
    _, actions = best_response(np.array(TABLES["tft"], float), PAYOFFS, 10, gamma=0.9)
    assert (actions[:-1] == 0).all()
    assert (actions[-1] == 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_no_memory_one_policy_does_better_than_the_best_response(seed):
    rng = np.random.default_rng(seed)
    other = rng.random(5)
    value, _ = best_response(other, PAYOFFS, 20)
    for _ in range(40):
        mine = rng.integers(0, 2, 5) if rng.random() < 0.5 else rng.random(5)
        assert pair_payoffs(mine.astype(float), other, PAYOFFS, 20).sum() <= value + 1e-9


@pytest.mark.parametrize("name", ["tft", "alld", "allc", "wsls"])
def test_probes_report_the_gap_to_the_best_response(name):
    """A policy that always defects: its payoff, its gap and both rates are known."""
    game = make_game("ipd_v0", rounds=10)
    policy = SequencePolicy(ModelConfig(hidden_size=4), [5], 2, 10)
    policy.reset_parameters(0)
    policy.action_head.bias.data[:] = policy.action_head.bias.data.new_tensor([-50.0, 50.0])
    found = probe(policy, game, make_co_player(name, game), episodes=8)
    table = np.array(TABLES[name], float)
    alld = np.zeros(5)
    best = best_response(table, PAYOFFS, 10)[0] / 10
    assert found.payoff == pytest.approx(pair_payoffs(alld, table, PAYOFFS, 10).mean())
    assert found.other_payoff == pytest.approx(pair_payoffs(table, alld, PAYOFFS, 10).mean())
    assert found.best == pytest.approx(best)
    row = found.row()
    assert row["gap"] == pytest.approx(best - found.payoff)
    assert row["cooperation"] == 0
    assert row["other_cooperation"] == pytest.approx({"tft": 0.1, "alld": 0, "allc": 1, "wsls": 0.5}[name])
