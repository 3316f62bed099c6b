"""The Axelrod library's strategies as co-players: they play as in the library's own matches, and replay."""

import builtins

import numpy as np
import pytest

from coop_icl.evaluation.extortion import fit_extortion, memory1_response
from coop_icl.populations import axelrod as ours
from coop_icl.populations.machines import FiniteStateCoPlayer
from coop_icl.populations.registry import make_co_player
from coop_icl.populations.strategies import BASES, named
from envs.registry import make_game

axelrod = pytest.importorskip("axelrod")
STANDARD = np.array([[3.0, 0.0], [5.0, 1.0]])
TOURNAMENT = make_game("ipd_v0", rounds=40, payoffs=[STANDARD.tolist(), STANDARD.T.tolist()])
DONATION = make_game("ipd_v0", rounds=30)
DETERMINISTIC = [
    *("Tit For Tat", "Grudger", "Win-Stay Lose-Shift", "Gradual", "Tit For 2 Tats", "Adaptive Pavlov 2006", "Prober 3"),
    *("Hard Go By Majority", "Forgetful Grudger", "BackStabber", "Handshake", "Appeaser", "Punisher", "Cycler CCD"),
    *(
        "EvolvedLookerUp2_2_2",
        "Evolved ANN 5",
        "Fool Me Once",
        "Omega TFT",
        "First by Shubik",
        "Second by Tester",
        "Thumper",
    ),
]

UNDEFINED = ("ZD-GEN-2", "ZD-SET-2", "Meta Majority Memory One", "Meta Winner Memory One", "NMWE Memory One")
"""With the payoffs of ``ipd_v0`` their probabilities would leave [0, 1], or those of a member of their team."""


def numbers(co_player, episodes, seed=0):
    return np.random.default_rng(seed).random((episodes, co_player.num_parameters))


def against(co_player, others, parameters):
    """Actions [T, B] while the other plays ``others`` [T, B]."""
    state, seen, played = co_player.initial_state(parameters), np.zeros(others.shape[1], dtype=int), []
    for other in others:
        action, state = co_player.act(seen, state, np.zeros(len(seen)))
        played.append(action)
        seen = 1 + 2 * action + other
    return np.array(played)


def pair(one, two, rounds, seeds=(0.1, 0.2)):
    """What two co-players do to each other, as letters."""
    agents = (one, two)
    states = [
        agent.initial_state(np.full((1, agent.num_parameters), seed)) for agent, seed in zip(agents, seeds, strict=True)
    ]
    seen, played = [np.zeros(1, dtype=int)] * 2, []
    for _ in range(rounds):
        actions = []
        for i, agent in enumerate(agents):
            action, states[i] = agent.act(seen[i], states[i], np.zeros(1))
            actions.append(action)
        seen = [1 + 2 * actions[0] + actions[1], 1 + 2 * actions[1] + actions[0]]
        played.append("CD"[actions[0][0]] + "CD"[actions[1][0]])
    return played


@pytest.mark.parametrize("first", DETERMINISTIC)
def test_they_play_as_in_the_librarys_own_matches(first):
    for second in DETERMINISTIC:
        players = [ours.playable()[name]() for name in (first, second)]
        expected = axelrod.Match(players, turns=40, seed=0).play()
        found = pair(*(make_co_player("axelrod", TOURNAMENT, {"strategy": name}) for name in (first, second)), 40)
        assert found == [str(a) + str(b) for a, b in expected]


def test_the_same_number_plays_the_same_episode_for_every_strategy():
    others = (np.random.default_rng(1).random((30, 3)) < [0.2, 0.5, 0.8]).astype(int)
    differ = 0
    for name in ours.playable():
        if name in UNDEFINED:
            continue
        co_player = make_co_player("axelrod", DONATION, {"strategy": name})
        drawn = numbers(co_player, 3)
        once = against(co_player, others, drawn)
        ours._PLAYERS.clear()
        np.testing.assert_array_equal(against(co_player, others, drawn), once, err_msg=name)
        differ += (against(co_player, others, numbers(co_player, 3, 9)) != once).any()
    assert differ > 40  # those that draw numbers draw others


@pytest.mark.parametrize("name", ["Random", "Firm But Fair", "Omega TFT", "Meta Hunter", "Gradual", "Adaptor Long"])
def test_players_that_are_no_longer_kept_are_played_up_again(name, monkeypatch):
    co_player = make_co_player("axelrod", DONATION, {"strategy": name})
    others = (np.random.default_rng(2).random((30, 6)) < 0.4).astype(int)
    expected = against(co_player, others, numbers(co_player, 6))
    monkeypatch.setattr(ours, "KEPT", 2)
    ours._PLAYERS.clear()
    np.testing.assert_array_equal(against(co_player, others, numbers(co_player, 6)), expected)


def test_finished_episodes_are_let_go():
    ours._PLAYERS.clear()
    co_player = make_co_player("axelrod", DONATION, {"strategy": "Tit For Tat"})
    against(co_player, np.zeros((30, 5), dtype=int), numbers(co_player, 5))
    assert not ours._PLAYERS


SAME = {
    "allc": "Cooperator",
    "alld": "Defector",
    "tft": "Tit For Tat",
    "wsls": "Win-Stay Lose-Shift",
    "grim": "Grudger",
    "bully": "Bully",
    "tit_for_two_tats": "Tit For 2 Tats",
    "two_tits_for_tat": "Two Tits For Tat",
    "hard_tft": "Hard Tit For Tat",
    "forgetful_grudger": "Forgetful Grudger",
    "soft_majority": "Go By Majority",
    "hard_majority": "Hard Go By Majority",
    "gradual": "Gradual",
    "prober": "Prober",
    "tester": "Second by Tester",
    "contrite_tft": "Contrite Tit For Tat",
}


@pytest.mark.parametrize("name", sorted(BASES))
def test_our_machines_are_the_librarys_strategies(name):
    if name not in SAME:
        assert name == "patient_grim"  # has no counterpart with default settings
        return
    machine, theirs = named(name, 30), make_co_player("axelrod", DONATION, {"strategy": SAME[name]})
    assert isinstance(machine, FiniteStateCoPlayer)
    rng = np.random.default_rng(3)
    others = (rng.random((30, 60)) < rng.random(60)).astype(int)
    mine = against(machine, others, np.zeros((60, 0)))
    np.testing.assert_array_equal(mine, against(theirs, others, numbers(theirs, 60)))


EXTORTIONERS = {"ZD-Extort-2": 2.0, "ZD-Extort3": 3.0, "ZD-Extort-4": 4.0, "ZD-Extortion": 5.0, "ZD-Extort-2 v2": 2.0}
"""Slopes: 1/s, by the library's parameters."""


@pytest.mark.parametrize("name", EXTORTIONERS)
def test_known_extortioners_are_recovered_from_their_tables(name):
    player = ours.new_player(name, 40, (3, 0, 5, 1), 0)
    letters = [axelrod.Action.C, axelrod.Action.D]
    table = np.array([player._four_vector[a, b] for a in letters for b in letters])
    fit = fit_extortion(table, STANDARD)
    assert fit.chi == pytest.approx(1 / player.s, abs=0.05)
    assert fit.residual < 1e-4


def test_a_known_extortioner_is_recovered_from_play():
    co_player = make_co_player("axelrod", TOURNAMENT, {"strategy": "ZD-Extort-2"})
    rng = np.random.default_rng(0)
    others = (rng.random((40, 2500)) < 0.5).astype(int)
    played = against(co_player, others, numbers(co_player, 2500))
    seen = np.concatenate([np.zeros((1, 2500), dtype=int), (1 + 2 * played + others)[:-1]])
    rates, _ = memory1_response(seen, played, np.ones_like(seen, dtype=bool))
    assert fit_extortion(rates[1:], STANDARD).chi == pytest.approx(2.0, abs=0.05)


def test_names_are_forgiving_and_kinds_fit_for_metrics():
    for strategy in ("Tit For 2 Tats", "tit for 2 tats", "tit_for_2_tats", "TitFor2Tats"):
        assert make_co_player("axelrod", DONATION, {"strategy": strategy}).name == "Tit For 2 Tats"
    kinds = {ours.slug(name) for name in ours.playable()}
    assert len(kinds) == len(ours.playable()) > 200
    assert make_co_player("axelrod", DONATION, {"strategy": "Alternator", "kind": "turns"}).kind == "turns"
    assert make_co_player("axelrod", DONATION, {"strategy": "Alternator"}).kind == "axelrod_alternator"


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("Tit For Tatt", "no strategy 'Tit For Tatt'; did you mean 'Tit For Tat'"),
        ("Meta Winner", "'Meta Winner' of the Axelrod library is no co-player: it takes too long"),
        ("Darwin", "'Darwin' of the Axelrod library is no co-player: it looks into"),
        *((name, f"'{name}' of the Axelrod library is not defined with these payoffs") for name in UNDEFINED),
    ],
)
def test_what_is_refused(strategy, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_co_player("axelrod", DONATION, {"strategy": strategy})
    assert "\n" not in str(caught.value)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "axelrod":
            raise ModuleNotFoundError(name, name=name)
        return real(name, *args, **kwargs)

    ours.playable.cache_clear()
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ValueError, match=r"pip install coop_icl\[axelrod\]$"):
        make_co_player("axelrod", DONATION, {"strategy": "Tit For Tat"})


def test_a_length_nobody_knows_is_not_told():
    """BackStabber defects in the last two rounds if it knows which they are."""
    open_ended = make_game("ipd_v0", rounds=30, continuation=0.9)
    for game, last in ((DONATION, [1, 1]), (open_ended, [0, 0])):
        co_player = make_co_player("axelrod", game, {"strategy": "BackStabber"})
        played = against(co_player, np.zeros((30, 1), dtype=int), numbers(co_player, 1))
        assert played[-2:, 0].tolist() == last
