"""Games whose payoffs are drawn anew: which ones, how often, and what is seen of them."""

import numpy as np
import pytest

from envs.redrawn_v0 import FAMILIES
from envs.registry import make_game

C, D = 0, 1
PROFILES = np.array([[C, C, D, D], [C, D, C, D]])


def drawn(family, games=4000, **options):
    game = make_game("redrawn", family=family, **options)
    numbers = np.random.default_rng(0).random((games, game.num_uniforms))
    game.reset(numbers)
    return game


def share(condition):
    """Of games, and five standard errors around a quarter."""
    return condition.mean(), 5 * np.sqrt(0.25 * 0.75 / len(condition))


def test_the_plane_has_four_games_a_quarter_each():
    game = drawn("plane")
    greedy, feared = game.temptations > 1, game.suckers < 0
    for is_game in (greedy & feared, greedy & ~feared, ~greedy & feared, ~greedy & ~feared):
        rate, error = share(is_game)
        assert abs(rate - 0.25) < error
    assert np.abs(np.corrcoef(game.temptations, game.suckers)[0, 1]) < 5 / np.sqrt(4000)


@pytest.mark.parametrize("family", FAMILIES)
def test_games_lie_in_the_rectangles_of_their_family_each_as_often(family):
    game = drawn(family)
    inside = np.stack(
        [
            (t_low <= game.temptations)
            & (game.temptations <= t_high)
            & (s_low <= game.suckers)
            & (game.suckers <= s_high)
            for t_low, t_high, s_low, s_high in FAMILIES[family]
        ]
    )
    assert (inside.sum(0) == 1).all()
    rates, number = inside.mean(1), len(inside)
    assert np.abs(rates - 1 / number).max() <= 5 * np.sqrt((number - 1) / number**2 / 4000)


@pytest.mark.parametrize(
    ("family", "ordered"),
    [
        ("prisoners_dilemma", lambda t, s: (t > 1) & (s < 0)),
        ("stag_hunt", lambda t, s: (t < 1) & (t > 0) & (s < 0)),
        ("chicken", lambda t, s: (t > 1) & (s > 0) & (s < 1)),
        ("harmony", lambda t, s: (t < 1) & (s > 0)),
    ],
)
def test_families_are_what_they_are_called(family, ordered):
    game = drawn(family)
    assert ordered(game.temptations, game.suckers).all()
    assert len(np.unique(game.temptations)) > 3000


def test_payoffs_are_those_of_the_game_all_episode_long_and_others_in_the_next():
    game = make_game("redrawn", rounds=6)
    numbers = np.random.default_rng(1).random((200, 3))
    seen = []
    for uniforms in (numbers, numbers, np.random.default_rng(2).random((200, 3))):
        game.reset(uniforms)
        t, s = game.temptations, game.suckers
        for first, second in PROFILES.T:
            actions = np.stack([np.full(200, first), np.full(200, second)])
            step = game.step(actions)
            expected = {(C, C): (1, 1), (C, D): (s, t), (D, C): (t, s), (D, D): (0, 0)}[first, second]
            np.testing.assert_allclose(step.rewards, np.stack([np.broadcast_to(one, 200) for one in expected]))
            assert (step.outcomes[0] == 1 + 2 * first + second).all()
            assert (step.outcomes[1] == 1 + 2 * second + first).all()
        seen.append((t, s))
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0][0] != seen[2][0]).all()


def test_players_see_outcome_and_own_reward_and_nothing_else_of_the_payoffs():
    game = make_game("redrawn", rounds=8, observe=("reward", "outcome", "action", "round"))
    one, two = (np.random.default_rng(seed).random((50, 3)) for seed in (1, 2))
    shown = []
    for uniforms in (one, two):
        game.reset(uniforms)
        views = [game.observe()]
        np.testing.assert_array_equal(views[0][..., [0, *range(2, 9)]], 0)
        rng = np.random.default_rng(3)
        for t in range(8):
            actions = rng.integers(2, size=(2, 50))
            step = game.step(actions)
            view = game.observe()
            np.testing.assert_array_equal(view[..., 0], step.rewards)
            np.testing.assert_array_equal(view[..., 1:6], np.eye(5)[step.outcomes])
            np.testing.assert_array_equal(view[..., 6:8], np.eye(2)[actions])
            np.testing.assert_allclose(view[..., 8], (t + 1) / 8)
            views.append(view)
        shown.append(np.stack(views))
    np.testing.assert_array_equal(shown[0][..., 1:], shown[1][..., 1:])
    told = np.isin(shown[0][..., 1:6].argmax(-1), (2, 3)) & (shown[0][..., 1:6].sum(-1) > 0)  # CD and DC
    assert (shown[0][..., 0] != shown[1][..., 0])[told].all()
    assert (shown[0][..., 0] == shown[1][..., 0])[~told].all()


def test_after_the_end_nothing_changes():
    game = make_game("redrawn", rounds=20, continuation=0.5)
    game.reset(np.random.default_rng(0).random((300, game.num_uniforms)))
    over, last = np.zeros(300, dtype=bool), game.observe()
    for _ in range(20):
        step = game.step(np.random.default_rng(4).integers(2, size=(2, 300)))
        view = game.observe()
        np.testing.assert_array_equal(view[:, over], last[:, over])
        assert (step.rewards[:, over] == 0).all()
        over, last = over | step.terminated | step.truncated, view
    assert over.all()


def test_symbols_do_not_say_what_was_seen():
    game = make_game("redrawn")
    assert game.table() is None
    assert game.stage() is None
    assert not hasattr(game, "payoffs")
    with pytest.raises(TypeError, match="observe"):
        game.encode(np.zeros(3, dtype=int), 0, 0)


def test_unknown_families_are_named():
    with pytest.raises(ValueError, match="unknown family of redrawn_v0 'chickn': did you mean 'chicken'"):
        make_game("redrawn", family="chickn")
