"""Exact play of any number of players: against known best responses, two-player values, and a game played by hand."""

import numpy as np
import pytest

from coop_icl.evaluation.exact import best_response, pair_payoffs
from coop_icl.evaluation.joint import best_responses, joint_game, replies, visits
from coop_icl.evaluation.values import own_payoffs
from coop_icl.populations.registry import make_co_player
from coop_icl.seeding import SeedNode
from envs.registry import MATRIX_GAMES, make_game

NUMBERS = SeedNode(3).rng(0).random((40, 7, 17))
PAIRS = [name for name in MATRIX_GAMES if name != "matrix_game"]


def tabulated(name, **options):
    game = make_game(name, **options)
    return game, joint_game(game, np.zeros((1, game.num_uniforms)))


def table_of(name, game):
    player = make_co_player(name, game)
    return np.repeat(player.initial_state(np.zeros((1, 0)))[:, None], game.spec.num_players - 1, axis=1)


@pytest.mark.parametrize("name", PAIRS)
def test_two_players_have_the_values_of_two_player_games(name):
    game, joint = tabulated(name, rounds=20)
    tables = NUMBERS[:, :1, :5]
    earned, _ = best_responses(joint, tables, 20)
    assert earned == pytest.approx([best_response(one[0], own_payoffs(game), 20)[0] / 20 for one in tables], abs=1e-12)
    policies = NUMBERS[:6, 0, :5] > 0.5
    paid = visits(joint, tables, policies, 20) @ joint.payoffs[0]
    by_hand = [[pair_payoffs(1.0 - p, one[0], own_payoffs(game), 20).mean() for p in policies] for one in tables]
    assert paid == pytest.approx(np.array(by_hand), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "earned", "cooperated"),
    [("alld", 0.0, 0.0), ("allc", 2.0, 0.0), ("tft", 1.01, 0.99), ("gtft", 1.01, 0.99)],
)
def test_best_responses_of_the_prisoners_dilemma(name, earned, cooperated):
    """Tit-for-tat, forgiving or not, is worth cooperating with until the last round, which pays T instead of R."""
    game, joint = tabulated("ipd")
    assert np.ravel(best_responses(joint, table_of(name, game), 100)) == pytest.approx([earned, cooperated])


@pytest.mark.parametrize("players", [2, 3, 5])
def test_public_goods_among_constant_players(players):
    game, joint = tabulated("public_goods", players=players, multiplier=1.5, rounds=10)
    for name, givers in (("allc", players - 1), ("alld", 0)):
        found = np.ravel(best_responses(joint, table_of(name, game), 10))
        assert found == pytest.approx([1.5 * givers / players, 0.0])


def test_public_goods_of_two_is_the_matrix_game_of_its_payoffs():
    _, goods = tabulated("public_goods", players=2, multiplier=1.5)
    own = goods.payoffs.reshape(2, 2)
    _, matrix = tabulated("matrix_game", payoffs=[own.tolist(), own.T.tolist()])
    assert (goods.symbols == matrix.symbols).all()
    tables = NUMBERS[:, :1, :5]
    for one, two in zip(best_responses(goods, tables, 30), best_responses(matrix, tables, 30), strict=True):
        assert one == pytest.approx(two, abs=1e-12)


def test_replies_are_those_of_each_seat():
    """Of three: the second has seen that it gave and the first kept, the third that it kept as the first did."""
    _, joint = tabulated("public_goods", players=3)
    tables = NUMBERS[:1, :2, :7]
    state = 1 + 0b101  # the first and the third kept
    second, third = tables[0, 0, 1 + 0 * 3 + 2], tables[0, 1, 1 + 1 * 3 + 1]
    expected = [second * third, second * (1 - third), (1 - second) * third, (1 - second) * (1 - third)]
    assert replies(joint, tables)[0, state] == pytest.approx(expected)


@pytest.mark.parametrize("players", [3, 4])
def test_visits_are_what_play_comes_to(players):
    """Simulated games of one draw have the same mean payoff, within four standard errors."""
    rounds, games = 12, 20_000
    game, joint = tabulated("public_goods", players=players, rounds=rounds)
    symbols = game.spec.num_outcomes
    tables = NUMBERS[:1, : players - 1, :symbols]
    policy = NUMBERS[1, 0, :symbols] > 0.5
    expected = float((visits(joint, tables, policy[None], rounds)[0, 0] * joint.payoffs[0]).sum())
    rng = SeedNode(0).rng(1)
    seen = game.reset(np.zeros((games, 0)))
    total = np.zeros(games)
    for _ in range(rounds):
        actions = [policy[seen[0]].astype(int)]
        actions += [(rng.random(games) >= tables[0, seat, seen[seat + 1]]).astype(int) for seat in range(players - 1)]
        step = game.step(np.array(actions))
        seen, total = step.outcomes, total + step.rewards[0]
    assert total.mean() / rounds == pytest.approx(expected, abs=4 * total.std() / rounds / games**0.5)


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("ipd", {"noise": 0.1}, "noise"),
        ("ipd", {"continuation": 0.9}, "continuation"),
        ("ipd", {"inner_rounds": 10}, "inner_rounds"),
        ("coin_game", {}, "coin_game_v0"),
    ],
)
def test_other_games_are_refused(name, options, word):
    game = make_game(name, **options)
    with pytest.raises(ValueError, match=word):
        joint_game(game, np.zeros((1, game.num_uniforms)))
