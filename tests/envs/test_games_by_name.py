"""Games by name."""

import importlib
import inspect

import numpy as np
import pytest

from envs.factory import GameOptions
from envs.matrix_game import MatrixGame
from envs.registry import GAMES, MATRIX_GAMES, action_names, make_game, make_parallel_env
from tests.envs.games import every_game, needed


@every_game
def test_names_lead_to_their_games(name):
    game = make_game(name, **needed(name))
    assert game.spec.name in (name, f"{name}_v0")
    assert make_game(game.spec.name, **needed(name)).spec == game.spec
    assert make_parallel_env(name, **needed(name)).metadata["name"] == game.spec.name


@pytest.mark.parametrize("name", sorted(set(GAMES) - {"matrix_game", "pettingzoo"}))
def test_each_named_game_is_a_module(name):
    module = importlib.import_module(f"envs.{name}_v0")
    for game in (module.batched_game(rounds=3), module.parallel_env(rounds=3).game, make_game(name, rounds=3)):
        assert game.spec == make_game(name, rounds=3).spec
        assert game.spec.max_rounds == 3
        if name in MATRIX_GAMES:
            np.testing.assert_array_equal(game.payoffs, module.PAYOFFS)


@every_game
def test_actions_have_names_of_different_first_letters(name):
    count = make_game(name, **needed(name)).spec.num_actions
    names = action_names(name, count)
    assert len(names) == count
    if name not in ("matrix_game", "pettingzoo"):
        assert len({name[0] for name in names}) == count
    assert action_names(name, count + 9)[0] == "action 0"


def test_options_are_those_of_the_matrix_game():
    assert set(GameOptions.__annotations__) == set(inspect.signature(MatrixGame).parameters) - {"name"}


def test_options_reach_the_game():
    options = {"rounds": 12, "continuation": 0.5, "noise": 0.25, "observe": ("action", "round")}
    for game in (make_game("chicken", **options), make_parallel_env("chicken", **options).game):
        assert {**options, "observe": game.parts} == options
        assert {option: getattr(game, option) for option in options if option != "observe"} == {
            option: value for option, value in options.items() if option != "observe"
        }
    payoffs = np.arange(8.0).reshape(2, 2, 2)
    np.testing.assert_array_equal(make_game("chicken", payoffs=payoffs).payoffs, payoffs)
    assert make_game("chicken", payoffs=None).spec == make_game("chicken").spec


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("idp", {}, "unknown game 'idp': did you mean 'ipd'?"),
        ("staghunt", {}, "unknown game 'staghunt': did you mean 'stag_hunt'?"),
        ("xyz", {}, "unknown game 'xyz': choose one of bach_or_stravinsky, chicken, "),
        ("ipd", {"nosie": 0.1}, "unknown option of ipd_v0 'nosie': did you mean 'noise'?"),
        ("ipd", {"xyz": 0.1}, "unknown option of ipd_v0 'xyz': choose one of continuation, inner_rounds, noise,"),
        ("coin_gme", {}, "unknown game 'coin_gme': did you mean 'coin_game'?"),
        ("coin_game", {"sise": 4}, "unknown option of coin_game_v0 'sise': did you mean 'size'?"),
        ("harvest_lite_v0", {"player": 4}, "unknown option of harvest_lite_v0 'player': did you mean 'players'?"),
        ("coin_game", {"size": 2}, "size must be at least 3, got 2"),
        ("coin_game", {"size": "big"}, "size must be a whole number, got 'big'"),
        ("coin_game", {"colors": "red"}, "colors must be one of ['turns', 'random'], got 'red'"),
        ("coin_game", {"wrap": "no"}, "wrap must be true or false, got 'no'"),
        ("coin_game", {"observe": "grid"}, "observe must be a list of parts, got 'grid'"),
        ("coin_game", {"observe": ["frozen"]}, "observe must be distinct parts out of ['grid', "),
        ("cleanup_lite", {"players": 5}, "players must be from 2 to 4, got 5"),
        ("cleanup_lite", {"rounds": 0}, "rounds must be at least 1, got 0"),
        ("harvest_lite", {"players": 1}, "players must be from 2 to 4, got 1"),
        ("harvest_lite", {"growth": 1.5}, "growth must be a number in [0, 1], got 1.5"),
        ("harvest_lite", {"zap": 1}, "zap must be true or false, got 1"),
        ("matrix_game", {}, "payoffs must be given for matrix_game"),
    ],
)
@pytest.mark.parametrize("make", [make_game, make_parallel_env])
def test_wrong_names(make, name, options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - compared whole below
        make(name, **options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
