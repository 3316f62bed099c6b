"""What each named strategy does on a written-out history, and how tabular agents are drawn."""

import numpy as np
import pytest

from coop_icl.populations.memory_one import fixed, tabular
from coop_icl.populations.registry import CO_PLAYERS, make_co_player
from envs.registry import make_game

IPD = make_game("ipd_v0")
OTHER = "CCDCDDCCCD"

# what each does while the other plays CCDCDDCCCD
REPLIES = {
    "allc": "CCCCCCCCCC",
    "alld": "DDDDDDDDDD",
    "tft": "CCCDCDDCCC",
    "suspicious_tft": "DCCDCDDCCC",
    "wsls": "CCCDDCDDDD",
    "grim": "CCCDDDDDDD",
    "contrite_tft": "CCCDCDDCCC",
    "bully": "DDDCDCCDDD",
    "tit_for_two_tats": "CCCCCCDCCC",
    "two_tits_for_tat": "CCCDDDDDCC",
    "hard_tft": "CCCDDDDDDC",
    "patient_grim": "CCCCCCDDDD",
    "forgetful_grudger": "CCCDDDDDDD",
    "soft_majority": "CCCCCCCCCC",
    "hard_majority": "DCCCCCDCCC",
    "gradual": "CCCDCCDDDC",
    "prober": "DCCDCDDCCC",
    "tester": "DCCCCDDCCC",
}


def reply(co_player, other, numbers=None):
    """Actions as letters against a written-out sequence."""
    state = co_player.initial_state(np.full((1, co_player.num_parameters), 0.5))
    outcome, played = np.zeros(1, dtype=int), ""
    for t, letter in enumerate(other):
        number = np.array([0.5 if numbers is None else numbers[t]])
        action, state = co_player.act(outcome, state, number)
        played += "CD"[action[0]]
        outcome = 1 + 2 * action + "CD".index(letter)
    return played


@pytest.mark.parametrize("name", REPLIES)
def test_deterministic_strategies(name):
    co_player = make_co_player(name, IPD)
    for number in (0.0, 0.5, np.nextafter(1, 0)):
        assert reply(co_player, OTHER, [number] * 10) == REPLIES[name]


# cooperation probabilities after start, CC, CD, DC, DD
PROBABILITIES = {
    ("gtft", ()): (1, 1, 1 / 3, 1, 1 / 3),
    ("gtft", (("forgiveness", 0.1),)): (1, 1, 0.1, 1, 0.1),
    ("random", ()): (0.5,) * 5,
    ("random", (("p", 0.8),)): (0.8,) * 5,
    ("uniform", ()): (0.5,) * 5,
    ("memory_one", (("probabilities", (0.1, 0.2, 0.3, 0.4, 0.9)),)): (0.1, 0.2, 0.3, 0.4, 0.9),
    # Press & Dyson's construction with T, R, P, S = 2, 1, 0, -1: chi 3, half of the largest phi
    ("extortion", ()): (0, 1 - 2 / 14, 1 - 7 / 14, 5 / 14, 0),
    ("generous", ()): (1, 1, 1 - 5 / 14, 7 / 14, 2 / 14),
}


@pytest.mark.parametrize("case", PROBABILITIES, ids=lambda case: f"{case[0]}-{len(case[1])}")
def test_stochastic_strategies(case):
    name, options = case
    co_player = make_co_player(name, IPD, dict(options))
    numbers = (np.arange(10_000) + 0.5) / 10_000
    state = co_player.initial_state(np.zeros((10_000, co_player.num_parameters)))
    for outcome, probability in enumerate(PROBABILITIES[case]):
        actions, _ = co_player.act(np.full(10_000, outcome), state, numbers)
        assert (actions == 0).mean() == pytest.approx(probability, abs=1e-4)


def test_every_named_strategy_is_tested_by_its_behaviour():
    tested = {*REPLIES, *(name for name, _ in PROBABILITIES), "tabular", "frozen", "noisy", "switcher", "axelrod"}
    tested |= {"naive", "biased"}
    # tested elsewhere: naive learners, frozen policies, machines
    assert set(CO_PLAYERS) <= tested


def test_grim_does_not_punish_itself():
    """Its own defections do not count: DC (3) is no betrayal, CD (2) and DD (4) are."""
    grim = make_co_player("grim", IPD)
    for outcome, action in ((0, 0), (1, 0), (2, 1), (3, 0), (4, 1)):
        assert grim.act(np.array([outcome]), grim.initial_state(np.zeros((1, 0))), np.zeros(1))[0] == action


def test_uniform_plays_all_actions_of_larger_games():
    game = make_game("matrix_game", payoffs=np.arange(32).reshape(2, 4, 4))
    co_player = make_co_player("uniform", game)
    actions, _ = co_player.act(np.zeros(1000, dtype=int), None, (np.arange(1000) + 0.5) / 1000)
    assert np.bincount(actions).tolist() == [250] * 4


@pytest.mark.parametrize("concentration", [0.2, 1.0, 4.0])
def test_biased_co_players_have_the_moments_of_their_dirichlet_distribution(concentration):
    game = make_game("matrix_game", payoffs=np.arange(18).reshape(2, 3, 3))
    co_player = make_co_player("biased", game, {"concentration": concentration})
    assert co_player.num_parameters == 3
    chances = np.diff(co_player.initial_state(np.random.default_rng(0).random((40_000, 3))), prepend=0.0, axis=1)
    assert chances.mean(axis=0) == pytest.approx(1 / 3, abs=0.01)
    variance = (1 / 3) * (2 / 3) / (3 * concentration + 1)
    assert chances.var(axis=0) == pytest.approx(variance, rel=0.03)


def test_biased_co_players_keep_their_chances_for_an_episode_and_no_longer():
    game = make_game("matrix_game", payoffs=np.arange(18).reshape(2, 3, 3))
    co_player = make_co_player("biased", game)
    parameters = np.array([[0.2, 0.5, 0.9]] * 10_000)
    state = co_player.initial_state(parameters)
    for _ in range(2):
        actions, state = co_player.act(np.zeros(10_000, dtype=int), state, (np.arange(10_000) + 0.5) / 10_000)
        weights = -np.log1p(-parameters[0])  # a gamma variable of shape 1 is exponential
        assert np.bincount(actions, minlength=3) / 10_000 == pytest.approx(weights / weights.sum(), abs=1e-3)


@pytest.mark.parametrize("concentration", [0.0, -1.0, float("inf")])
def test_a_concentration_that_no_distribution_has_is_one_line(concentration):
    with pytest.raises(ValueError, match="concentration of 'biased' must be a positive number"):
        make_co_player("biased", IPD, {"concentration": concentration})


@pytest.mark.parametrize(("alpha", "beta"), [(1, 1), (0.5, 0.5), (2, 5), (0.3, 1), (8, 8)])
def test_tabular_agents_have_the_moments_of_their_beta(alpha, beta):
    co_player = make_co_player("tabular", IPD, {"alpha": alpha, "beta": beta})
    assert co_player.num_parameters == 5
    tables = co_player.initial_state(np.random.default_rng(0).random((20_000, 5)))
    assert tables.shape == (20_000, 5)
    assert ((tables >= 0) & (tables <= 1)).all()
    mean = alpha / (alpha + beta)
    variance = alpha * beta / ((alpha + beta) ** 2 * (alpha + beta + 1))
    for column in tables.T:
        assert abs(column.mean() - mean) < 5 * np.sqrt(variance / 20_000)
        fourth = ((column - mean) ** 2).std() / np.sqrt(20_000)
        assert abs(((column - mean) ** 2).mean() - variance) < 5 * fourth
    correlations = np.corrcoef(tables.T)[np.triu_indices(5, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(20_000)


def test_a_tabular_agent_is_fixed_for_the_episode_and_plays_its_table():
    co_player = tabular()
    rng = np.random.default_rng(0)
    state = first = co_player.initial_state(rng.random((4000, 5)))
    for outcome in (0, 1, 2, 3, 4, 2):
        actions, state = co_player.act(np.full(4000, outcome), state, rng.random(4000))
        rate, expected = (actions == 0), first[:, outcome]
        assert abs((rate - expected).mean()) < 5 * 0.5 / np.sqrt(4000)
        assert np.corrcoef(rate, expected)[0, 1] > 0.4
    np.testing.assert_array_equal(state, first)


def test_probabilities_of_zero_and_one_are_certain():
    co_player = fixed("edge", (1, 0, 1, 0, 1))
    for number in (0.0, np.nextafter(1, 0)):
        actions, _ = co_player.act(np.arange(5), co_player.initial_state(np.zeros((5, 0))), np.full(5, number))
        assert actions.tolist() == [0, 1, 0, 1, 0]
