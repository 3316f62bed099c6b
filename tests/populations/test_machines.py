"""Finite-state co-players: what combinators do, and what is refused. Behaviour by name: test_strategies.py."""

import numpy as np
import pytest

from coop_icl.populations.machines import Machine, compiled
from coop_icl.populations.registry import make_co_player
from coop_icl.populations.strategies import BASES, named
from envs.registry import make_game

IPD = make_game("ipd_v0", rounds=40)


def actions(co_player, others, parameters=None, numbers=None):
    """What it plays [T, B] against written-out actions [T, B]."""
    rounds, games = others.shape
    state = co_player.initial_state(
        np.full((games, co_player.num_parameters), 0.5) if parameters is None else parameters
    )
    outcome, played = np.zeros(games, dtype=int), []
    for t in range(rounds):
        action, state = co_player.act(outcome, state, np.full(games, 0.5) if numbers is None else numbers[t])
        played.append(action)
        outcome = 1 + 2 * action + others[t]
    return np.array(played)


@pytest.mark.parametrize("name", ["tft", "wsls", "tit_for_two_tats", "gradual"])
def test_slips_come_as_often_as_they_should(name):
    rng = np.random.default_rng(0)
    others, numbers = np.zeros((40, 2000), dtype=int), rng.random((40, 2000))  # nobody else defects
    played = actions(make_co_player("noisy", IPD, {"strategy": name, "slip": 0.1}), others, numbers=numbers)
    rate = 0.5 * 0.2 if name == "wsls" else 0.1  # WSLS goes on defecting with ALLC half of the time
    expected = 0.5 if name == "wsls" else rate
    assert played[1:].mean() == pytest.approx(expected, abs=0.06 if name == "wsls" else 0.01)
    none = actions(make_co_player("noisy", IPD, {"strategy": name, "slip": 0}), others, numbers=numbers)
    assert (none == 0).all()


def test_a_contrite_player_bears_retaliation_for_its_slip():
    """Both are contrite: one slip costs one round; TFT would echo it for ever."""
    for name, expected in (("contrite_tft", "CDCCCC"), ("tft", "CDCDCD")):
        one = make_co_player("noisy", IPD, {"strategy": name, "slip": 0.1})
        two = make_co_player(name, IPD)
        states = [one.initial_state(np.zeros((1, 0))), two.initial_state(np.zeros((1, 0)))]
        seen, played = [np.zeros(1, dtype=int)] * 2, ""
        for t in range(6):
            number = np.array([0.95 if t == 1 else 0.5])  # round 2 slips
            mine, states[0] = one.act(seen[0], states[0], number)
            theirs, states[1] = two.act(seen[1], states[1], number)
            seen = [1 + 2 * mine + theirs, 1 + 2 * theirs + mine]
            played += "CD"[mine[0]]
        assert played == expected


def test_a_switcher_changes_once_and_starts_afresh():
    switcher = make_co_player("switcher", IPD, {"first": "alld", "second": "tft"})
    parameters = ((np.arange(200) + 0.5) / 200)[:, None]
    others = np.ones((40, 200), dtype=int)
    played = actions(switcher, others, parameters)
    first = (played == 0).argmax(0)  # TFT's first move is the only cooperation
    assert (played.sum(0) == 39).all()
    assert first.min() == 10
    assert 28 <= first.max() <= 30
    assert len(np.unique(first)) > 5
    fixed = make_co_player("switcher", IPD, {"earliest": 0.5, "latest": 0.5})
    assert fixed.num_parameters == 0
    assert (actions(fixed, np.zeros((40, 1), dtype=int))[:, 0] == np.repeat([0, 1], 20)).all()
    at_once = make_co_player("switcher", IPD, {"earliest": 0, "latest": 0})
    assert (actions(at_once, np.zeros((40, 1), dtype=int)) == 1).all()


@pytest.mark.parametrize("name", sorted(BASES))
def test_tables_are_policies_of_reachable_states(name):
    co_player = named(name, 40)
    assert co_player.after.shape == (len(co_player.cooperate), 4)
    assert ((co_player.cooperate >= 0) & (co_player.cooperate <= 1)).all()
    reached = {*co_player.starts, *co_player.after.reshape(-1).tolist()}
    assert reached == set(range(len(co_player.cooperate)))


def test_a_machine_that_counts_without_end_is_refused():
    with pytest.raises(ValueError, match="machine 0 of 'counter' has more than"):
        compiled("counter", [Machine(0, lambda _: 1.0, lambda state, own, other: state + 1)])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("noisy", {"slip": 2.0}, "slip of 'noisy' must be in"),
        ("noisy", {"strategy": "tft_"}, "unknown strategy 'tft_'"),
        ("switcher", {"second": "nobody"}, "unknown strategy 'nobody'"),
        ("switcher", {"earliest": 0.9}, "0 <= earliest <= latest <= 1, got 0.9 and 0.75"),
    ],
)
def test_bad_options(name, options, message):
    with pytest.raises(ValueError, match=message):
        make_co_player(name, IPD, options)
