"""The rules of CleanUp-lite, by hand and against its formulas."""

import numpy as np
import pytest

from envs.cleanup_lite_v0 import DIRT_RATE
from envs.registry import make_game
from envs.zapping import FREEZE, SUCCESS

RIGHT, LEFT, DOWN, UP, STAY, ZAP = range(6)
ORCHARD, RIVER = [0, 4, 8, 12, 16], [3, 7, 11, 15, 19]
NOTHING_GROWS = 0.99


def started(positions, apples=(), dirt=(), games=1, number=NOTHING_GROWS, **options):
    """Games in which everything lies on the given cells; 4 cells a row."""
    game = make_game("cleanup_lite", players=len(positions), **{"rounds": 12, **options})
    game.reset(np.full((games, game.num_uniforms), number))
    game.positions = np.tile(np.array(positions)[:, None], (1, games))
    game.apples[:], game.dirt[:] = False, False
    game.apples[:, list(apples)], game.dirt[:, list(dirt)] = True, True
    return game


def played(game, *actions):
    return game.step(np.tile(np.array(actions)[:, None], (1, game.positions.shape[1])))


def draw(game, seed=0):
    game._uniforms = np.random.default_rng(seed).random(game._uniforms.shape)
    return game


def within(observed, expected, trials):
    return abs(observed - expected) <= 5 * np.sqrt(expected * (1 - expected) / trials) + 1e-12


def test_the_start():
    game = make_game("cleanup_lite", rounds=2)
    games = 10_000
    game.reset(np.random.default_rng(0).random((games, game.num_uniforms)))
    assert not game.apples.any()
    assert (game.dirt.sum(axis=1) == 3).all()
    assert not np.delete(game.dirt, RIVER, axis=1).any()
    for cell in RIVER:
        assert within(game.dirt[:, cell].mean(), 3 / 5, games)
    for seat in range(2):
        for cell in range(20):
            assert within((game.positions[seat] == cell).mean(), 1 / 20, games)


@pytest.mark.parametrize("dirt", range(6))
def test_rates_of_dirt_and_apples(dirt):
    games = 20_000
    game = draw(started((1, 2), (), RIVER[:dirt], games, rounds=1))
    played(game, STAY, STAY)
    came = game.dirt.sum(axis=1) - dirt
    assert within(came.mean(), DIRT_RATE * (dirt < 5), games)
    for more in (0, 1):  # dirt comes first, and counts
        there = came == more
        grown = game.apples[there].sum(axis=1)
        assert set(np.unique(grown)) <= {0, 1}
        if there.any():
            assert within(grown.mean(), 1 - min(1, (dirt + more) / 3), there.sum())
    if dirt < 5:
        for cell in RIVER[dirt:]:
            assert within(game.dirt[came == 1, cell].mean(), 1 / (5 - dirt), (came == 1).sum())
    if dirt == 0:
        for cell in ORCHARD:
            assert within(game.apples[:, cell].mean(), game.apples.sum() / games / 5, games)


def test_nothing_grows_where_something_or_somebody_is():
    games = 3000
    game = draw(started((0, 3), ORCHARD[2:], (), games))
    played(game, STAY, STAY)
    assert not game.dirt[:, 3].any()
    assert game.dirt[:, RIVER[1:]].any(axis=0).all()
    assert not game.apples[:, 0].any()
    assert game.apples[:, 4].any()
    assert (game.apples[:, ORCHARD[2:]]).all()
    full = draw(started((1, 2), ORCHARD, RIVER, games))
    played(full, STAY, STAY)
    assert (full.apples.sum(axis=1) == 5).all()
    assert (full.dirt.sum(axis=1) == 5).all()


def test_eating_and_cleaning_where_one_stands_and_only_then_moving():
    game = started((4, 7), (4, 8), (7, 11))
    step = played(game, DOWN, DOWN)
    assert step.rewards[:, 0].tolist() == [1, 0]
    assert step.cooperated[:, 0].tolist() == [0, 1]
    assert step.outcomes[:, 0].tolist() == [1 + 3 * 2 + 1, 1 + 3 * 1 + 2]
    assert game.apples[0].nonzero()[0].tolist() == [8]  # not yet: it arrived just now
    assert game.dirt[0].nonzero()[0].tolist() == [11]
    step = played(game, STAY, STAY)
    assert step.rewards[:, 0].tolist() == [1, 0]
    assert not game.apples.any()
    assert not game.dirt.any()
    assert np.isnan(played(game, STAY, STAY).cooperated).all()


def test_a_lot_decides_who_gets_an_apple_and_both_clean_dirt():
    games = 4000
    game = draw(started((8, 8, 2), (8,), RIVER, games), 1)
    step = played(game, STAY, STAY, STAY)
    assert (step.rewards.sum(axis=0) == 1).all()
    assert within(step.rewards[0].mean(), 0.5, games)
    assert not game.apples[:, 8].any()
    both = started((7, 7), (), (7,))
    assert played(both, STAY, STAY).cooperated[:, 0].tolist() == [1, 1]


@pytest.mark.parametrize(("cell", "reached"), [(6, True), (7, True), (2, True), (10, True), (0, False), (14, False)])
def test_range_of_a_zap(cell, reached):
    """From cell 6 (row 1, column 2) two moves reach 7, 2, 10 and 14, and not 0."""
    reached = reached or cell == 14
    game = started((6, cell), number=0.5 * SUCCESS)
    played(game, ZAP, STAY)
    assert (game.frozen[:, 0] > 0).tolist() == [False, reached]


@pytest.mark.parametrize("number", [SUCCESS - 1e-9, SUCCESS])
def test_success_of_a_zap(number):
    game = started((5, 6), number=number)
    played(game, ZAP, STAY)
    assert bool(game.frozen[1, 0]) == (number < SUCCESS)


def test_zaps_hit_as_often_as_they_should():
    games = 20_000
    game = draw(started((5, 6), dirt=RIVER, games=games))
    played(game, ZAP, STAY)
    assert within((game.frozen[1] > 0).mean(), SUCCESS, games)
    assert not game.frozen[0].any()


def test_a_hit_costs_five_moves_the_one_of_the_same_round_first():
    game = started((5, 6), number=0.5)
    game.dirt[:, RIVER] = True  # no apples
    played(game, ZAP, LEFT)
    for _ in range(FREEZE - 1):
        assert game.positions[1, 0] == 6
        assert game.frozen[1, 0] > 0
        played(game, STAY, LEFT)
    assert game.positions[1, 0] == 6
    assert game.frozen[1, 0] == 0
    played(game, STAY, LEFT)
    assert game.positions[1, 0] == 5


def test_who_is_frozen_neither_eats_nor_cleans_nor_zaps_and_is_not_hit_again():
    game = started((5, 4), (4,), RIVER, number=0.5)
    game.frozen[1] = 3
    step = played(game, ZAP, ZAP)
    assert not step.rewards.any()
    assert game.apples[0, 4]
    assert game.frozen[:, 0].tolist() == [0, 2]
    river = started((1, 7), (), (7,), number=0.5)
    river.frozen[1] = 2
    assert np.isnan(played(river, STAY, STAY).cooperated[1, 0])
    assert river.dirt[0, 7]


def test_two_may_zap_each_other_and_one_zap_hits_all_in_reach():
    game = started((5, 6), number=0.5)
    played(game, ZAP, ZAP)
    assert game.frozen[:, 0].tolist() == [FREEZE - 1] * 2
    four = started((5, 6, 9, 19), number=0.5)
    played(four, ZAP, STAY, STAY, STAY)
    assert (four.frozen[:, 0] > 0).tolist() == [False, True, True, False]


def test_walls():
    game = started((0, 19))
    played(game, LEFT, RIGHT)
    played(game, UP, DOWN)
    assert game.positions[:, 0].tolist() == [0, 19]


def test_planes_and_frozen():
    game = started((0, 5), (8,), (7, 11))
    game.frozen[1] = 5
    seen = game.observe()
    planes = seen[..., :80].reshape(2, 4, 20)
    assert [plane.nonzero()[0].tolist() for plane in planes[0]] == [[0], [5], [8], [7, 11]]
    assert [plane.nonzero()[0].tolist() for plane in planes[1]] == [[5], [0], [8], [7, 11]]
    assert seen[:, 0, 80:].tolist() == [[0, 1], [1, 0]]
