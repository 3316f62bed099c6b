"""Text and image of an episode."""

import numpy as np
import pytest
from PIL import Image

from envs.registry import make_parallel_env
from envs.rendering import BLANK, action_colors, episode_strip, episode_text, save_png
from tests.envs.games import THREE_BY_THREE

ACTIONS = np.array([[0, 1], [0, 0], [1, 0], [1, 1]])
REWARDS = np.array([[-1, 2], [1, 1], [2, -1], [0, 0.5]])


def test_text():
    assert episode_text(ACTIONS, REWARDS) == "player_0  CCDD  total 2.0\nplayer_1  DCCD  total 2.5"
    assert episode_text(ACTIONS, REWARDS, "HT").startswith("player_0  HHTT  ")
    assert episode_text(ACTIONS, REWARDS, ["in", "out"]).startswith("player_0  in in out out  ")
    assert episode_text(ACTIONS + 1, REWARDS).startswith("player_0  1122  ")
    assert episode_text(ACTIONS[:0], REWARDS[:0]) == "player_0    total 0.0\nplayer_1    total 0.0"


def test_strip_has_a_column_per_round_and_the_players_colours():
    strip = episode_strip(ACTIONS, REWARDS, cell=4)
    assert strip.shape == (24, 16, 3)
    assert strip.dtype == np.uint8
    colors = action_colors(2)
    for seat in range(2):
        for played in range(4):
            cell = strip[4 * seat : 4 * seat + 4, 4 * played : 4 * played + 4]
            assert (cell == colors[ACTIONS[played, seat]]).all()


def test_colours():
    blue, orange = action_colors(2).astype(int)
    assert blue[2] > blue[0] + 100
    assert orange[0] > orange[2] + 100
    assert len({tuple(color) for color in action_colors(12)} | {tuple(BLANK)}) == 13


def test_bars_grow_with_the_payoff():
    strip = episode_strip(ACTIONS, REWARDS, cell=4)
    for seat in range(2):
        rows = strip[8 + 8 * seat : 16 + 8 * seat, ::4]
        heights = (rows != BLANK).any(axis=-1).sum(axis=0)
        assert (rows[-1] != BLANK).any(axis=-1).all()  # they stand on the ground
        assert heights.tolist() == [1 + round(7 * (reward + 1) / 3) for reward in REWARDS[:, seat]]


def test_payoff_range_columns_and_the_empty_episode():
    wide = episode_strip(ACTIONS, REWARDS, cell=2, columns=6, payoff_range=(-10, 10))
    assert wide.shape == (12, 12, 3)
    assert (wide[:, 8:] == BLANK).all()
    assert not np.array_equal(wide[:, :8], episode_strip(ACTIONS, REWARDS, cell=2))
    assert (episode_strip(ACTIONS[:0], REWARDS[:0], cell=2) == BLANK).all()
    assert episode_strip(ACTIONS[:0], REWARDS[:0], cell=2).shape == (12, 2, 3)


def test_png_keeps_every_pixel(tmp_path):
    strip = episode_strip(ACTIONS, REWARDS)
    save_png(tmp_path / "episode.png", strip)
    with Image.open(tmp_path / "episode.png") as image:
        np.testing.assert_array_equal(np.asarray(image), strip)


@pytest.mark.parametrize(
    ("arguments", "options", "named"),
    [
        ((ACTIONS[0], REWARDS[0]), {}, "actions"),
        ((ACTIONS - 1, REWARDS), {}, "actions"),
        ((ACTIONS + 0.5, REWARDS), {}, "actions"),
        ((ACTIONS, REWARDS.T), {}, "rewards"),
        ((ACTIONS, REWARDS), {"cell": 0}, "cell"),
        ((ACTIONS, REWARDS), {"payoff_range": (1, 1)}, "payoff_range"),
    ],
)
def test_bad_arguments_are_named(arguments, options, named):
    with pytest.raises(ValueError, match=f"^{named} must"):
        episode_strip(*arguments, **options)
    if not options:
        with pytest.raises(ValueError, match=f"^{named} must"):
            episode_text(*arguments)


def test_too_few_labels():
    with pytest.raises(ValueError, match=r"^labels must name 2"):
        episode_text(ACTIONS, REWARDS, "C")


def test_the_view_renders_what_was_carried_out():
    env = make_parallel_env("ipd", "ansi", rounds=3, noise=1.0)
    env.reset(seed=0)
    for _ in range(3):
        env.step({"player_0": 0, "player_1": 1})
    assert env.render() == "player_0  DDD  total 6.0\nplayer_1  CCC  total -3.0"
    env.reset()
    assert "D" not in env.render()


def test_each_game_has_its_letters_unless_its_actions_change():
    for name, options, text in [
        ("matching_pennies", {}, "H"),
        ("bach_or_stravinsky", {}, "B"),
        ("stag_hunt", {"payoffs": THREE_BY_THREE}, "0"),
        ("matrix_game", {"payoffs": THREE_BY_THREE[:, :2, :2]}, "C"),
    ]:
        env = make_parallel_env(name, "ansi", **options)
        env.reset(seed=0)
        env.step({"player_0": 0, "player_1": 1})
        assert env.render().startswith(f"player_0  {text}  ")


def test_image_of_the_view_keeps_its_size():
    env = make_parallel_env("ipd", "rgb_array", rounds=5)
    env.reset(seed=0)
    start = env.render()
    env.step({"player_0": 0, "player_1": 1})
    frame = env.render()
    assert start.shape == frame.shape == (48, 40, 3)
    assert not np.array_equal(start[:, :8], frame[:, :8])
    np.testing.assert_array_equal(start[:, 8:], frame[:, 8:])
    assert make_parallel_env("ipd").render() is None
