"""Exact values against finite-state co-players, against closed forms and the memory-1 code."""

import numpy as np
import pytest

from coop_icl.evaluation.exact import best_response, pair_payoffs
from coop_icl.evaluation.values import endless, is_exact, mean_payoffs, own_payoffs, tables_of, values
from coop_icl.populations.machines import compiled, switching
from coop_icl.populations.memory_one import fixed, tabular
from coop_icl.populations.registry import make_co_player
from coop_icl.populations.strategies import BASES
from envs.registry import make_game

PAYOFFS = np.array([[1.0, -1.0], [2.0, 0.0]])
IPD = make_game("ipd_v0", rounds=10)


def tables(name, options=None, episodes=1):
    co_player = make_co_player(name, IPD, options)
    return tables_of(co_player, co_player.initial_state(np.full((episodes, co_player.num_parameters), 0.5)))


@pytest.mark.parametrize(("gamma", "seed"), [(1.0, 0), (0.8, 1), (1.0, 2)])
def test_memory_one_values_are_those_of_the_other_module(gamma, seed):
    rng = np.random.default_rng(seed)
    other, payoffs = rng.random((6, 5)), rng.normal(size=(2, 2))
    found = values(tables_of(tabular(), other), payoffs, 9, gamma)
    assert found.shape == (10, 6, 5)
    for table, value in zip(other, found[0], strict=True):
        assert value[0] == pytest.approx(best_response(table, payoffs, 9, gamma)[0])


@pytest.mark.parametrize("action", [0, 1])
def test_one_action_for_ever(action):
    table = np.random.default_rng(0).random(5)
    machine = tables_of(fixed("x", tuple(table)), np.tile(table, (3, 1)))
    always = np.full(5, 1.0 - action)
    expected = pair_payoffs(always, table, PAYOFFS, 10).mean()
    np.testing.assert_allclose(mean_payoffs(machine, PAYOFFS, 10, action), expected)


BEST = {  # sum over ten rounds
    "allc": 10 * 2,
    "alld": 0,
    "tft": 9 + 2,
    "grim": 9 + 2,
    "two_tits_for_tat": 9 + 2,
    "tit_for_two_tats": 5 * (2 + 1) + 1,  # D and C in turns, and D in both of the last two rounds
}


@pytest.mark.parametrize("name", BEST)
def test_best_responses_of_closed_form(name):
    assert values(tables(name), PAYOFFS, 10)[0].reshape(-1)[0] == pytest.approx(BEST[name])


@pytest.mark.parametrize("name", sorted(BASES))
def test_no_fixed_action_beats_the_best_or_is_worse_than_the_worst(name):
    one = tables(name, episodes=4)
    best, worst = mean_payoffs(one, PAYOFFS, 10), mean_payoffs(one, PAYOFFS, 10, "worst")
    for action in (0, 1):
        fixed_action = mean_payoffs(one, PAYOFFS, 10, action)
        assert fixed_action.shape == (4,)
        assert (fixed_action <= best + 1e-12).all()
        assert (fixed_action >= worst - 1e-12).all()


def test_a_switcher_is_left_in_time():
    """ALLC for four rounds, then GRIM for six: take 2 four times, cooperate five times, defect at the end."""
    co_player = compiled("x", [switching(BASES["allc"](10), BASES["grim"](10), 4)])
    one = tables_of(co_player, co_player.initial_state(np.zeros((1, 0))))
    assert mean_payoffs(one, PAYOFFS, 10)[0] * 10 == pytest.approx(4 * 2 + 5 + 2)


@pytest.mark.parametrize("seed", range(3))
def test_a_game_without_end_is_the_limit_of_long_ones(seed):
    rng = np.random.default_rng(seed)
    other, payoffs = rng.random((4, 5)), rng.normal(size=(2, 2))
    one = tables_of(tabular(), other)
    value, actions = endless(one, payoffs, 0.9)
    np.testing.assert_allclose(value, values(one, payoffs, 300, 0.9)[0], atol=1e-9)
    assert actions.shape == (4, 5)


def test_the_shadow_of_the_future():
    """With TFT cooperation pays for ever if gamma >= (T - R) / (T - P) and 1/2; below, defection does."""
    for gamma, first, value in ((0.9, 0, 10.0), (0.3, 1, 2.0)):
        found, actions = endless(tables("tft"), PAYOFFS, gamma)
        assert actions[0, 0] == first
        assert found[0, 0] == pytest.approx(value)
    with pytest.raises(ValueError, match=r"must be in \[0, 1\), got 1"):
        endless(tables("tft"), PAYOFFS, 1.0)


def test_payoffs_are_of_the_seat():
    game = make_game("matrix_game", rounds=3, payoffs=[[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
    np.testing.assert_array_equal(own_payoffs(game, 0), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(own_payoffs(game, 1), [[5, 7], [6, 8]])


def test_what_is_no_machine_is_refused():
    uniform = make_co_player("uniform", IPD)
    assert not is_exact(uniform)
    with pytest.raises(ValueError, match="'uniform' is no finite-state machine"):
        tables_of(uniform, None)
