"""Zero-determinant strategies enforce their line on the long-run payoffs of whoever they meet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_icl.evaluation.exact import pair_payoffs
from coop_icl.populations.memory_one import zero_determinant
from coop_icl.populations.registry import make_co_player
from envs.registry import make_game

DONATION = np.array([[1.0, -1.0], [2.0, 0.0]])
AXELROD = np.array([[3.0, 0.0], [5.0, 1.0]])


def table(co_player):
    return co_player.initial_state(np.zeros((1, 0)))[0]


def long_run(one, two, payoffs):
    """Mean payoffs of two memory-1 policies from the stationary distribution of their Markov chain."""
    p, q = one[1:], two[[1, 3, 2, 4]]
    chain = np.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], axis=1)
    system = np.vstack([chain.T - np.eye(4), np.ones(4)])
    stationary = np.linalg.lstsq(system, np.array([0, 0, 0, 0, 1.0]), rcond=None)[0]
    return stationary @ payoffs.reshape(-1), stationary @ payoffs.T.reshape(-1)


@pytest.mark.parametrize("payoffs", [DONATION, AXELROD], ids=["donation", "axelrod"])
@pytest.mark.parametrize("generous", [False, True])
@pytest.mark.parametrize("chi", [1.0, 1.5, 3.0, 10.0])
def test_the_line_holds_against_twenty_random_memory_one_co_players(chi, generous, payoffs):
    mine = table(zero_determinant(chi, payoffs, generous=generous))
    level = payoffs[0, 0] if generous else payoffs[1, 1]
    others = np.random.default_rng(0).uniform(0.02, 0.98, (20, 5))
    gaps = []
    for other in others:
        own, theirs = long_run(mine, other, payoffs)
        assert own - level == pytest.approx(chi * (theirs - level), abs=1e-6)
        gaps.append(own - theirs)
        # the exact values over many rounds say the same
        series = pair_payoffs(mine, other, payoffs, 1500)[-500:].mean()
        back = pair_payoffs(other, mine, payoffs, 1500)[-500:].mean()
        assert series - level == pytest.approx(chi * (back - level), abs=1e-3)
    if chi > 1:  # extortion earns more than its victim, generosity less
        assert (np.array(gaps) < 0).all() if generous else (np.array(gaps) > 0).all()


@settings(deadline=None, max_examples=60)
@given(
    chi=st.floats(1, 20),
    share=st.floats(0.01, 1),
    generous=st.booleans(),
    gaps=st.tuples(*[st.floats(0.2, 5)] * 3),
    other=st.tuples(*[st.floats(0.05, 0.95)] * 5),
)
def test_the_line_holds_for_any_feasible_phi_and_dilemma(chi, share, generous, gaps, other):
    s, p = -1.0, -1.0 + gaps[0]
    r, t = p + gaps[1], p + gaps[1] + gaps[2]
    payoffs = np.array([[r, s], [t, p]])
    half = zero_determinant(chi, payoffs, generous=generous)
    # of the default, half of the largest phi, its size can be read from the first probability that it moves
    own, theirs = payoffs.reshape(-1), payoffs.T.reshape(-1)
    level = r if generous else p
    direction = (own - level) - chi * (theirs - level)
    moved = int(np.argmax(np.abs(direction)))
    largest = 2 * (table(half)[1:] - [1, 1, 0, 0])[moved] / direction[moved]
    mine = table(zero_determinant(chi, payoffs, phi=share * largest, generous=generous))
    one, two = long_run(mine, np.array(other), payoffs)
    assert one - level == pytest.approx(chi * (two - level), abs=1e-3 * max(1, chi))


@pytest.mark.parametrize("name", ["extortion", "generous"])
def test_the_registry_takes_the_payoffs_of_the_game(name):
    game = make_game("ipd_v0", payoffs=[AXELROD.tolist(), AXELROD.T.tolist()])
    expected = zero_determinant(3.0, AXELROD, generous=name == "generous")
    co_player = make_co_player(name, game)
    np.testing.assert_allclose(table(co_player), table(expected))
    assert co_player.kind == ("generous_3" if name == "generous" else "extort_3")
    assert not np.allclose(table(co_player), table(make_co_player(name, make_game("ipd_v0"))))


def test_press_and_dyson_by_the_book():
    """chi 3 and phi 1/26 with Axelrod's payoffs: (11/13, 1/2, 7/26, 0), Press & Dyson 2012."""
    mine = table(zero_determinant(3.0, AXELROD, phi=1 / 26))
    np.testing.assert_allclose(mine, [0, 11 / 13, 1 / 2, 7 / 26, 0], atol=1e-12)


def test_chi_one_at_the_largest_phi_is_tit_for_tat():
    np.testing.assert_allclose(table(zero_determinant(1.0, DONATION, phi=1 / 3)), [0, 1, 0, 1, 0], atol=1e-12)
