"""Meta-episodes: the game begins anew every so many rounds, and nothing else changes."""

import numpy as np
import pytest

from envs.registry import MATRIX_GAMES, make_game, make_parallel_env
from tests.envs.games import needed

T, M, GAMES = 3, 4, 5

every_matrix_game = pytest.mark.parametrize("name", sorted(MATRIX_GAMES))


def both(name):
    return (make_game(name, rounds=T * M, **needed(name), **more) for more in ({}, {"inner_rounds": T}))


@every_matrix_game
def test_only_the_outcome_shown_begins_anew(name):
    plain, meta = both(name)
    rng = np.random.default_rng(0)
    assert (plain.reset(np.zeros((GAMES, 0))) == meta.reset(np.zeros((GAMES, 0)))).all()
    for t in range(1, T * M + 1):
        actions = rng.integers(0, plain.spec.num_actions, (2, GAMES))
        one, two = plain.step(actions), meta.step(actions)
        np.testing.assert_array_equal(one.rewards, two.rewards)
        np.testing.assert_array_equal(one.terminated, two.terminated)
        np.testing.assert_array_equal(one.truncated, two.truncated)
        begins = t % T == 0 and t < T * M
        np.testing.assert_array_equal(two.outcomes, 0 * one.outcomes if begins else one.outcomes)
    assert two.terminated.all()


@every_matrix_game
def test_a_meta_game_is_no_stage_game_and_has_the_same_description(name):
    plain, meta = both(name)
    assert plain.stage() is not None
    assert meta.stage() is None
    assert plain.spec == meta.spec
    np.testing.assert_array_equal(plain.table(), meta.table())


@every_matrix_game
def test_the_view_of_one_game_tells_the_same_story(name):
    env = make_parallel_env(name, "ansi", rounds=4, inner_rounds=2, **needed(name))
    env.reset(seed=0)
    for t in range(4):
        _, _, terminations, _, infos = env.step({"player_0": 0, "player_1": 1})
        assert (infos["player_0"]["outcome"] == 0) == (t == 1)
        assert terminations["player_0"] == (t == 3)
    labels = env.unwrapped.labels
    for line, label in zip(env.render().splitlines(), labels[:2], strict=True):
        assert line.split("total")[0].split()[1:] in ([label * 4], [label] * 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inner_rounds": 5}, "inner_rounds must be a whole number that divides rounds 12, got 5"),
        ({"inner_rounds": 0}, "inner_rounds must be a whole number that divides rounds 12, got 0"),
        ({"inner_rounds": "six"}, "inner_rounds must be a whole number that divides rounds 12, got 'six'"),
        ({"inner_rounds": 6, "noise": 0.1}, "inner_rounds needs a game of fixed length without noise"),
        ({"inner_rounds": 6, "continuation": 0.9}, "inner_rounds needs a game of fixed length without noise"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_game("ipd_v0", rounds=12, **options)
