"""The fit of zero-determinant extortion, on strategies whose slope is known."""

import numpy as np
import pytest

from coop_icl.evaluation.exact import pair_payoffs
from coop_icl.evaluation.extortion import extortioner, fit_extortion, memory1_response
from coop_icl.evaluation.probes import probe
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.populations.memory_one import fixed, tabular, zero_determinant
from coop_icl.populations.registry import make_co_player
from envs.registry import make_game

DONATION = np.array([[1.0, -1.0], [2.0, 0.0]])
AXELROD = np.array([[3.0, 0.0], [5.0, 1.0]])
STRETCHED = 3 * AXELROD - 2
GAMES = pytest.mark.parametrize("payoffs", [DONATION, AXELROD, STRETCHED], ids=["donation", "axelrod", "stretched"])


def largest_phi(chi, payoffs):
    (_, s), (t, p) = payoffs
    return 1 / (1 + chi * (t - p) / (p - s))


def sampled(table, episodes=600, seed=0):
    """What a memory-1 policy did against tabular agents, as its own player saw it."""
    game = make_game("ipd_v0", rounds=60)
    rng = np.random.default_rng(seed)
    me, other = fixed("me", tuple(table)), tabular()
    states = me.initial_state(np.zeros((episodes, 0))), other.initial_state(rng.random((episodes, 5)))
    outcomes, seen, taken = game.reset(np.zeros((episodes, 0))), [], []
    for _ in range(60):
        mine, theirs = (
            agent.act(outcomes[i], state, rng.random(episodes))[0]
            for i, (agent, state) in enumerate(zip((me, other), states, strict=True))
        )
        seen.append(outcomes[0])
        taken.append(mine)
        outcomes = game.step(np.stack([mine, theirs])).outcomes
    return np.array(seen), np.array(taken)


def test_the_family_is_that_of_press_and_dyson():
    np.testing.assert_allclose(extortioner(1 / 26, 3, AXELROD), [11 / 13, 1 / 2, 7 / 26, 0], atol=1e-12)


@GAMES
@pytest.mark.parametrize("chi", [1.0, 2.0, 3.0, 10.0])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_known_extortioner_is_found(chi, share, payoffs):
    phi = share * largest_phi(chi, payoffs)
    table = zero_determinant(chi, payoffs, phi / (payoffs[1, 1] - payoffs[0, 1])).initial_state(np.zeros((1, 0)))[0]
    fit = fit_extortion(table[1:], payoffs)
    assert fit.phi == pytest.approx(phi, abs=1e-4)
    assert fit.chi == pytest.approx(chi, abs=0.01 * chi)
    assert fit.residual < 1e-5 < fit.random_residual
    assert fit.worse_at_random > 0.95
    np.testing.assert_allclose(fit.fitted, table[1:], atol=1e-4)


@pytest.mark.parametrize("chi", [2.0, 3.0])
@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_it_is_found_from_sampled_play_too(chi, share):
    phi = share * largest_phi(chi, DONATION)
    table = np.concatenate([[0.5], extortioner(phi, chi, DONATION)])
    seen, taken = sampled(table, episodes=4000)
    rates, visits = memory1_response(seen, taken, np.ones_like(seen, dtype=bool))
    np.testing.assert_allclose(rates, table, atol=0.03)
    assert visits.sum() == seen.size
    fit = fit_extortion(rates[1:], DONATION)
    assert fit.chi == pytest.approx(chi, abs=0.05)
    assert fit.phi == pytest.approx(phi, abs=0.05)


@GAMES
def test_what_is_fitted_is_always_a_policy_and_extorts(payoffs):
    for draw in np.random.default_rng(1).random((25, 4)):
        fit = fit_extortion(draw, payoffs)
        assert (fit.fitted >= -1e-6).all()
        assert (fit.fitted <= 1 + 1e-6).all()
        assert fit.chi is None or fit.chi >= 1
        nearby = [extortioner(phi, chi, payoffs) for phi in np.linspace(0, 0.3, 13) for chi in (1, 1.5, 2, 4, 9)]
        valid = [p for p in nearby if (p >= 0).all() and (p <= 1).all()]
        assert fit.residual <= min(np.sqrt(((p - draw) ** 2).mean()) for p in valid) + 1e-7


def test_generosity_and_defection_are_no_extortion():
    generous = zero_determinant(3.0, DONATION, generous=True).initial_state(np.zeros((1, 0)))[0]
    assert fit_extortion(generous[1:], DONATION).chi == pytest.approx(1, abs=0.01)  # the nearest does not extort
    assert fit_extortion(generous[1:], DONATION).residual > 0.05
    repeats = fit_extortion(np.array([1.0, 1.0, 0.0, 0.0]), DONATION)
    assert (repeats.chi, repeats.residual) == (None, pytest.approx(0, abs=1e-6))


def test_outcomes_that_did_not_occur_do_not_count():
    table = extortioner(0.1, 3.0, DONATION)
    known = np.where([True, False, True, True], table, np.nan)
    assert fit_extortion(known, DONATION).chi == pytest.approx(3, abs=0.01)
    assert fit_extortion(np.where([True, False, False, True], table, np.nan), DONATION).chi is None
    for bad, words in (((np.full(4, np.nan), DONATION), "known"), ((table, np.eye(2)), "dilemma")):
        with pytest.raises(ValueError, match=words):
            fit_extortion(*bad)
    seen, taken = np.array([[0, 0], [2, 4]]), np.array([[0, 1], [1, 1]])
    rates, visits = memory1_response(seen, taken, np.array([[True, True], [True, False]]))
    np.testing.assert_array_equal(rates, [0.5, np.nan, 0.0, np.nan, np.nan])
    np.testing.assert_array_equal(visits, [2, 0, 1, 0, 0])


def test_a_probe_says_what_was_done_after_each_outcome():
    game = make_game("ipd_v0", rounds=30)
    policy = SequencePolicy(ModelConfig(hidden_size=8), (5,), 2, 30)
    policy.reset_parameters(3)
    found = probe(policy, game, make_co_player("allc", game), episodes=64)
    assert found.visits[0] == 64
    assert np.isnan(found.after[[2, 4]]).all()  # ALLC never defects
    cooperated = np.nansum(found.after * found.visits) / found.visits.sum()
    assert cooperated == pytest.approx(found.cooperation.mean())


def test_a_victim_that_cooperates_fully_pays_what_was_computed():
    """3 chi / (1 + 2 chi) a round, whatever phi."""
    for chi in (2.0, 3.0):
        table = np.concatenate([[1.0], extortioner(0.5 * largest_phi(chi, DONATION), chi, DONATION)])
        earned = pair_payoffs(table, np.ones(5), DONATION, 2000)[-500:].mean()
        assert earned == pytest.approx(3 * chi / (1 + 2 * chi), abs=1e-6)
