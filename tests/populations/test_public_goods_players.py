"""Co-players of the public goods game, and co-players that a game has of its own."""

import numpy as np
import pytest

from coop_icl.evaluation.batches import nobody
from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.population import Component, Population
from coop_icl.populations.registry import CO_PLAYERS, OF_GAMES, all_names, co_players_of, make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.seeding import SeedNode
from envs.registry import make_game

IPD = make_game("ipd_v0")
ROUNDS = 40


def game_of(players, **options):
    return make_game("public_goods", players=players, rounds=ROUNDS, **options)


@pytest.mark.parametrize("players", [2, 3, 8])
@pytest.mark.parametrize("name", sorted(OF_GAMES["public_goods_v0"]))
def test_every_one_has_a_probability_for_every_symbol_and_replays(name, players):
    game = game_of(players)
    co_player = make_co_player(name, game)
    uniforms = np.random.default_rng(0).random((50, co_player.num_parameters))
    table = co_player.initial_state(uniforms)
    assert table.shape == (50, 1 + 2 * players)
    assert ((table >= 0) & (table <= 1)).all()
    seen = np.random.default_rng(1).integers(game.spec.num_outcomes, size=50)
    actions, _ = co_player.act(seen, table, np.full(50, 0.5))
    np.testing.assert_array_equal(actions, (table[np.arange(50), seen] <= 0.5).astype(int))
    np.testing.assert_array_equal(table, make_co_player(name, game).initial_state(uniforms))


def test_tabular_agents_are_drawn_anew_for_each_symbol():
    table = make_co_player("tabular", game_of(4)).initial_state(np.random.default_rng(0).random((4000, 9)))
    assert np.abs(table.mean(0) - 0.5).max() < 4.5 * np.sqrt(1 / 12 / 4000)
    assert np.abs(np.corrcoef(table.T)[np.triu_indices(9, 1)]).max() < 4.5 / np.sqrt(4000)
    wide = make_co_player("tabular", game_of(4), {"alpha": 0.5, "beta": 0.5}).initial_state(
        np.random.default_rng(0).random((4000, 9))
    )
    assert wide.var() > 1.4 * table.var()


@pytest.mark.parametrize("at_least", [0, 1, 2, 3])
def test_conditional_cooperators_contribute_when_enough_others_did(at_least):
    """Played with agents of all sorts; whoever contributes is read off the actions, not off the symbols."""
    game = game_of(4, noise=0.05)
    conditional = make_co_player("conditional", game, {"at_least": at_least})
    assert conditional.kind == f"conditional_{at_least}"
    agents = ("a", "conditional", "tabular")
    seats = np.random.default_rng(2).integers(1, 3, (4, 60)).astype(np.int16)
    matchups = Matchups(agents, (LEARNER, *agents[1:]), 1, seats)
    co_players = {1: conditional, 2: make_co_player("tabular", game)}
    stack = PolicyStack([nobody(game)])
    played = play(game, matchups, stack, [[0]], co_players, SeedNode(3))
    own, kept = np.divmod(played.outcomes[1:].astype(int) - 1, 4)  # what was carried out, trembling or not
    contributed = (own == 0).sum(1, keepdims=True) - (own == 0)
    np.testing.assert_array_equal(contributed, 3 - kept)
    where = np.broadcast_to(seats == 1, contributed.shape)
    np.testing.assert_array_equal((played.actions[1:] == 0)[where], (contributed >= at_least)[where])
    assert (played.actions[0][seats == 1] == 0).all()


def test_always_and_never():
    game = game_of(3)
    for name, action in (("allc", 0), ("alld", 1)):
        who = Population(["learner_0"], [Component(1, make_co_player(name, game))], players=3)
        matchups = who.draw(SeedNode(0), 20)
        played = play(game, matchups, PolicyStack([nobody(game)]), [[0]], {1: who.co_players[0]}, SeedNode(0))
        assert (played.actions[:, matchups.seats == 1] == action).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("conditional", {"at_least": 4}, "at_least of 'conditional' must be a whole number from 0 to 2, got 4"),
        ("conditional", {"at_least": 1.5}, "co-player 'conditional': at_least must be a whole number, got 1.5"),
        ("conditional", {"first": 2}, "co-player 'conditional': first must be a number in"),
        ("conditional", {"atleast": 2}, "no option 'atleast'; did you mean 'at_least'"),
        ("tabular", {"alpha": -1}, "alpha and beta of 'tabular' must be positive numbers"),
        ("tft", {}, "co-player 'tft' needs a game of two players and two actions, not 'public_goods_v0'"),
        ("coin_greedy", {}, "co-player 'coin_greedy' needs the game 'coin_game_v0', not 'public_goods_v0'"),
        ("conditionl", {}, "unknown co-player 'conditionl'; did you mean 'conditional'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(name, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_co_player(name, game_of(3), options)
    assert "\n" not in str(caught.value)


def test_a_game_of_its_own_is_named():
    with pytest.raises(ValueError, match="co-player 'conditional' needs the game 'public_goods_v0', not 'ipd_v0'"):
        make_co_player("conditional", IPD)
    assert {"allc", "uniform", "conditional"} <= set(co_players_of(game_of(3))) <= all_names()
    assert "tft" not in co_players_of(game_of(3))
    assert set(co_players_of(IPD)) == set(CO_PLAYERS) < all_names()


def test_two_players_are_those_of_a_matrix_game():
    game = game_of(2)
    for name in ("allc", "alld", "random"):
        one, two = make_co_player(name, game), make_co_player(name, IPD)
        np.testing.assert_array_equal(one.initial_state(np.zeros((3, 0))), two.initial_state(np.zeros((3, 0))))
