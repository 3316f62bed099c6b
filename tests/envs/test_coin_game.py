"""The rules of the Coin Game, by hand."""

import numpy as np
import pytest

from envs.registry import make_game

RIGHT, LEFT, DOWN, UP, STAY = range(5)


def started(positions, coin, owner, games=1, number=0.5, **options):
    """Games in which players and coin lie on the given cells of a 3 x 3 grid."""
    game = make_game("coin_game", **options)
    game.reset(np.full((games, game.num_uniforms), number))
    game.positions = np.tile(np.array(positions)[:, None], (1, games))
    game.coin, game.owner = np.full(games, coin), np.full(games, owner)
    return game


def played(game, *actions):
    games = game.positions.shape[1]
    return game.step(np.tile(np.array(actions)[:, None], (1, games)))


# cells 0 1 2 / 3 4 5 / 6 7 8; the coin is in the middle
@pytest.mark.parametrize(
    ("actions", "owner", "rewards", "cooperated"),
    [
        ((RIGHT, RIGHT), 0, (1, 0), (1, np.nan)),  # player 0 takes its own
        ((RIGHT, RIGHT), 1, (1, -2), (0, np.nan)),  # player 0 takes the other's
        ((LEFT, LEFT), 1, (0, 1), (np.nan, 1)),
        ((LEFT, LEFT), 0, (-2, 1), (np.nan, 0)),
        ((RIGHT, LEFT), 0, (-1, 1), (1, 0)),  # both arrive: both earn, the owner also loses
        ((RIGHT, LEFT), 1, (1, -1), (0, 1)),
        ((UP, UP), 0, (0, 0), (np.nan, np.nan)),
    ],
)
def test_who_takes_what(actions, owner, rewards, cooperated):
    game = started((3, 5), 4, owner)
    step = played(game, *actions)
    assert step.rewards[:, 0].tolist() == list(rewards)
    np.testing.assert_array_equal(step.cooperated[:, 0], np.array(cooperated, np.float32))
    did = [{1: 1, 0: 2}.get(one, 0) for one in cooperated]
    assert step.outcomes[:, 0].tolist() == [1 + 3 * did[0] + did[1], 1 + 3 * did[1] + did[0]]


def test_a_coin_stays_until_it_is_taken_and_colours_take_turns():
    game = started((0, 2), 4, 1)
    played(game, DOWN, DOWN)
    assert (game.coin[0], game.owner[0]) == (4, 1)
    played(game, RIGHT, UP)
    assert game.owner[0] == 0
    assert game.coin[0] not in (*game.positions[:, 0], 4)


def test_new_coins_lie_on_every_free_cell_as_often():
    games = 7000
    game = started((3, 5), 4, 0, games)
    game._uniforms = np.random.default_rng(0).random(game._uniforms.shape)
    played(game, RIGHT, RIGHT)  # now on 4 and 3
    counts = np.bincount(game.coin, minlength=9)
    assert counts[[3, 4]].tolist() == [0, 0]
    assert (abs(np.delete(counts, [3, 4]) - 1000) < 5 * np.sqrt(1000)).all()


def test_random_colours():
    games = 4000
    game = started((3, 5), 4, 0, games, colors="random")
    game._uniforms = np.random.default_rng(0).random(game._uniforms.shape)
    played(game, RIGHT, RIGHT)
    assert abs(game.owner.mean() - 0.5) < 5 * 0.5 / np.sqrt(games)


def test_starts_are_even_and_nobody_shares_a_cell():
    game = make_game("coin_game")
    games = 9000
    game.reset(np.random.default_rng(0).random((games, game.num_uniforms)))
    cells = np.stack([*game.positions, game.coin])
    for row in cells:
        assert (abs(np.bincount(row, minlength=9) - 1000) < 5 * np.sqrt(1000)).all()
    assert (np.diff(np.sort(cells, axis=0), axis=0) > 0).all()
    assert abs(game.owner.mean() - 0.5) < 5 * 0.5 / np.sqrt(games)


@pytest.mark.parametrize(("wrap", "cells"), [(True, (2, 6, 1, 3)), (False, (0, 0, 1, 3))])
def test_edges(wrap, cells):
    for action, cell in zip((LEFT, UP, RIGHT, DOWN), cells, strict=True):
        game = started((0, 8), 4, 0, wrap=wrap)
        played(game, action, RIGHT)
        assert game.positions[0, 0] == cell


def test_players_may_share_a_cell_and_pass_each_other():
    game = started((0, 2), 7, 0)
    played(game, RIGHT, LEFT)
    assert game.positions[:, 0].tolist() == [1, 1]
    game = started((0, 1), 7, 0)
    played(game, RIGHT, LEFT)
    assert game.positions[:, 0].tolist() == [1, 0]


def test_staying_is_a_fifth_action():
    game = started((3, 5), 4, 0, stay=True)
    assert (game.spec.num_actions, make_game("coin_game").spec.num_actions) == (5, 4)
    assert not played(game, STAY, STAY).rewards.any()
    assert game.positions[:, 0].tolist() == [3, 5]


def test_swapping_seats_and_colours_swaps_all_that_is_seen_and_earned():
    rng = np.random.default_rng(1)
    parts = ("grid", "outcome", "reward")
    games = [make_game("coin_game", rounds=30, observe=parts) for _ in range(2)]
    uniforms = rng.random((60, games[0].num_uniforms))
    for game in games:
        game.reset(uniforms)
    games[1].positions, games[1].owner = games[0].positions[::-1].copy(), 1 - games[0].owner
    np.testing.assert_array_equal(games[0].observe(), games[1].observe()[::-1])
    for _ in range(30):
        actions = rng.integers(4, size=(2, 60))
        one, two = games[0].step(actions), games[1].step(actions[::-1])
        np.testing.assert_array_equal(one.rewards, two.rewards[::-1])
        np.testing.assert_array_equal(one.outcomes, two.outcomes[::-1])
        np.testing.assert_array_equal(games[0].observe(), games[1].observe()[::-1])


def test_planes():
    game = started((0, 5), 7, 0)
    planes = game.observe().reshape(2, 4, 9)
    assert [plane.nonzero()[0].tolist() for plane in planes[0]] == [[0], [5], [7], []]
    assert [plane.nonzero()[0].tolist() for plane in planes[1]] == [[5], [0], [], [7]]
