"""The Bayes-optimal value: closed forms, brute force over beliefs, and bounds that bracket it."""

from functools import cache

import numpy as np
import pytest

from coop_icl.evaluation import bayes
from coop_icl.evaluation.bayes import ceiling, exact_value, known_value, lower_bound, upper_bound
from coop_icl.evaluation.exact import best_response

IPD = np.array([[1.0, -1.0], [2.0, 0.0]])
PENNIES = np.array([[1.0, -1.0], [-1.0, 1.0]])
STAG = np.array([[4.0, 0.0], [3.0, 2.0]])


def recursion(payoffs, rounds, alpha, beta, gamma=1.0):
    """The definition, written out: the best action at each belief, one belief at a time."""

    @cache
    def value(left, last, counts):
        if not left:
            return 0.0
        cooperated, seen = counts[last] if last is not None else (0, 0)
        chance = (alpha + cooperated) / (alpha + beta + seen)
        best = -np.inf
        for action in (0, 1):
            total = 0.0
            for reply, likely in ((0, chance), (1, 1 - chance)):
                new = list(counts)
                if last is not None:
                    new[last] = cooperated + 1 - reply, seen + 1
                total += likely * (payoffs[action, reply] + gamma * value(left - 1, 2 * action + reply, tuple(new)))
            best = max(best, total)
        return best

    return value(rounds, None, ((0, 0),) * 4)


@pytest.mark.parametrize("payoffs", [IPD, PENNIES, STAG], ids=["ipd", "pennies", "stag"])
@pytest.mark.parametrize(("alpha", "beta", "gamma"), [(1, 1, 1.0), (0.5, 0.5, 0.9), (2, 0.7, 1.0)])
def test_exact_values_equal_the_recursion(payoffs, alpha, beta, gamma):
    for rounds in (1, 2, 5, 7):
        found = exact_value(payoffs, rounds, alpha, beta, gamma)
        assert found == pytest.approx(recursion(payoffs, rounds, alpha, beta, gamma), abs=1e-12)


def test_one_round_and_two():
    """One round: the better action against the mean. Two: nothing of the first tells on the second but its own row."""
    assert exact_value(IPD, 1, 1, 1) == pytest.approx(1.0)
    assert exact_value(IPD, 1, 3, 1) == pytest.approx(1.5)
    assert exact_value(IPD, 2, 1, 1) == pytest.approx(2.0)


def test_a_prior_of_certainty_is_a_known_co_player():
    """Beta(a, b) with large a + b is its mean: nothing is to be learnt."""
    sure = best_response(np.full(5, 0.7), IPD, 6)[0]
    assert exact_value(IPD, 6, 7e6, 3e6) == pytest.approx(sure, abs=1e-4)


@pytest.mark.parametrize("payoffs", [IPD, PENNIES, STAG], ids=["ipd", "pennies", "stag"])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_bounds_bracket_the_exact_value(payoffs, alpha, monkeypatch):
    monkeypatch.setattr(bayes, "EPISODES", 40_000)
    rounds = 11
    exact = exact_value(payoffs, rounds, alpha, alpha)
    known = known_value(payoffs, rounds, alpha, alpha)
    uppers = [upper_bound(payoffs, rounds, alpha, alpha, size=(visits, 12)) for visits in (1, 2, 4)]
    assert known + 0.02 > uppers[0]
    assert uppers[0] >= uppers[1] >= uppers[2] >= exact - 1e-3
    assert uppers[2] < known - 0.3 * (known - exact)  # better than to assume the co-player known
    lower, error = lower_bound(payoffs, rounds, alpha, alpha)
    assert 0 <= error < 0.02
    assert lower <= exact + 4 * error + 1e-3
    assert lower >= exact - 0.2


def test_told_late_enough_the_upper_bound_is_exact():
    assert upper_bound(IPD, 5, 1, 1, size=(5, 8)) == pytest.approx(exact_value(IPD, 5, 1, 1), abs=1e-4)


def test_known_co_players_over_the_prior():
    """The quadrature agrees with best responses to co-players drawn from the prior."""
    for alpha, rounds in ((1.0, 20), (0.5, 8)):
        draws = np.random.default_rng(0).beta(alpha, alpha, (3000, 5))
        returns = np.array([best_response(draw, IPD, rounds)[0] for draw in draws])
        assert abs(known_value(IPD, rounds, alpha, alpha) - returns.mean()) < 4 * returns.std() / np.sqrt(len(draws))


def test_the_ceiling_of_a_hundred_rounds():
    """Always defecting earns 1.000 a round against U(0,1)^5 and the best response to a known agent 1.049."""
    found = ceiling(IPD, 100)
    assert found.blind == pytest.approx(1.0)
    assert found.known == pytest.approx(1.049, abs=0.003)
    assert 1.02 < found.lower < found.upper < 1.036 < found.known
    assert found.lower_error < 0.001
    assert found.upper_error < 0.001
    assert not found.exact
    assert ceiling(IPD, 100) is found  # remembered
    short = ceiling(IPD, 6)
    assert short.exact
    assert short.lower == short.upper == pytest.approx(exact_value(IPD, 6, 1, 1) / 6)


def test_discounts_and_bad_arguments():
    found = ceiling(IPD, 6, gamma=0.5)
    assert found.lower == pytest.approx(exact_value(IPD, 6, 1, 1, 0.5) / (2 - 2**-5))
    for bad in ({"rounds": 0}, {"alpha": 0.0}, {"beta": float("inf")}, {"gamma": 0.0}):
        with pytest.raises(ValueError, match="must be positive"):
            ceiling(IPD, **{"rounds": 5, **bad})
