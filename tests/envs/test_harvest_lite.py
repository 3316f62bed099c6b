"""The rules of Harvest-lite, by hand and against its formula."""

import numpy as np
import pytest

from envs.registry import make_game
from envs.zapping import FREEZE

RIGHT, LEFT, DOWN, UP, STAY, ZAP = range(6)
PATCH = [1, 7, 8, 9, 15]
"""The patch around row 1, column 1; 7 cells a row."""


def started(positions, apples=(), games=1, number=0.99, **options):
    """Games in which players and apples are on the given cells."""
    game = make_game("harvest_lite", players=len(positions), **{"rounds": 12, **options})
    game.reset(np.full((games, game.num_uniforms), number))
    game.positions = np.tile(np.array(positions)[:, None], (1, games))
    game.apples[:] = False
    game.apples[:, list(apples)] = True
    return game


def played(game, *actions):
    return game.step(np.tile(np.array(actions)[:, None], (1, game.positions.shape[1])))


def within(observed, expected, trials):
    return abs(observed - expected) <= 5 * np.sqrt(expected * (1 - expected) / trials) + 1e-12


def test_the_start():
    game = make_game("harvest_lite", players=4, rounds=2)
    games = 4000
    game.reset(np.random.default_rng(0).random((games, game.num_uniforms)))
    assert (game.left() == 5).all()
    assert (game.apples == game.bears).all()
    assert not game.bears[game.positions].any()
    assert (np.diff(np.sort(game.positions, axis=0), axis=0) > 0).all()
    for seat in range(4):
        for cell in np.flatnonzero(~game.bears):
            assert within((game.positions[seat] == cell).mean(), 1 / 29, games)


@pytest.mark.parametrize("apples", [(), (8,), (1, 8), (1, 7), (7, 8, 9), (1, 7, 9, 15)])
def test_regrowth_is_in_proportion_to_the_apples_around(apples):
    games, growth = 20_000, 0.1
    game = started((24, 25), apples, games, growth=growth, rounds=1)
    game._uniforms = np.random.default_rng(0).random(game._uniforms.shape)
    played(game, STAY, STAY)
    for cell in range(49):
        around = [
            other
            for other in apples
            if other != cell and max(abs(other // 7 - cell // 7), abs(other % 7 - cell % 7)) <= 1
        ]
        expected = 1.0 if cell in apples else growth * len(around) if game.bears[cell] else 0.0
        assert within(game.apples[:, cell].mean(), expected, games), cell


def test_patches_are_separate():
    game = make_game("harvest_lite")
    assert np.bincount(game.patch + 1).tolist() == [29, 5, 5, 5, 5]
    full = started((24, 25), PATCH, games=2000, growth=1.0, number=0.0)
    played(full, STAY, STAY)
    assert full.left().tolist() == [[5, 0, 0, 0]] * 2000


def test_nothing_grows_below_a_player():
    game = started((8, 25), (1, 7), growth=1.0, number=0.0)
    played(game, STAY, STAY)
    assert game.apples[0].nonzero()[0].tolist() == [1, 7, 9, 15]


def test_moving_first_then_eating():
    game = started((0, 2), PATCH)
    step = played(game, RIGHT, DOWN)
    assert step.rewards[:, 0].tolist() == [1, 1]
    assert game.apples[0].nonzero()[0].tolist() == [7, 8, 15]
    assert np.isnan(step.cooperated).all()  # a patch with plenty left says nothing
    step = played(game, STAY, STAY)
    assert not step.rewards.any()


def test_a_lot_decides_who_gets_an_apple():
    games = 4000
    game = started((0, 2, 3), PATCH, games)
    game._uniforms = np.random.default_rng(1).random(game._uniforms.shape)
    step = played(game, RIGHT, LEFT, STAY)
    assert (step.rewards.sum(axis=0) == 1).all()
    assert within(step.rewards[0].mean(), 0.5, games)


@pytest.mark.parametrize(
    ("apples", "actions", "cooperated"),
    [
        ((1,), (RIGHT, STAY), (0, 1)),  # one takes the last apple, the other one beside it does not
        ((1,), (STAY, STAY), (1, 1)),
        ((1,), (RIGHT, LEFT), (0, 0)),  # both went for it, whoever gets it
        ((1, 15), (RIGHT, STAY), (np.nan, np.nan)),  # one is left
        ((8,), (STAY, STAY), (np.nan, np.nan)),  # two moves away
        ((1, 40), (STAY, STAY), (1, 1)),  # each patch by itself
    ],
)
def test_cooperating_is_leaving_the_last_apple(apples, actions, cooperated):
    game = started((0, 2), apples)
    np.testing.assert_array_equal(played(game, *actions).cooperated[:, 0], np.array(cooperated, np.float32))


def test_zapping_comes_first_and_freezes():
    game = started((0, 2), (1,), number=0.5, growth=0.0, zap=True)
    step = played(game, ZAP, LEFT)
    assert not step.rewards.any()
    np.testing.assert_array_equal(step.cooperated[:, 0], np.array([1, np.nan], np.float32))
    lost = 1
    while game.frozen[1, 0]:
        played(game, STAY, LEFT)
        lost += 1
    assert lost == FREEZE
    assert game.positions[1, 0] == 2
    assert played(game, STAY, LEFT).rewards[1, 0] == 1


def test_without_zapping_there_are_five_actions():
    assert make_game("harvest_lite").spec.num_actions == 5
    assert make_game("harvest_lite", zap=True).spec.num_actions == 6


def test_planes():
    game = started((0, 24, 30), (8, 40))
    planes = game.observe().reshape(3, 4, 49)
    assert [plane.nonzero()[0].tolist() for plane in planes[1]] == [[24], [30], [0], [8, 40]]
