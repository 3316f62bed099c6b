"""Games by name."""

import importlib
import inspect

import numpy as np
import pytest

from envs.factory import GameOptions
from envs.matrix_game import MatrixGame
from envs.registry import GAMES, make_game, make_parallel_env
from tests.envs.games import every_game, needed


@every_game
def test_names_lead_to_their_games(name):
    game = make_game(name, **needed(name))
    assert game.spec.name in (name, f"{name}_v0")
    assert make_game(game.spec.name, **needed(name)).spec == game.spec
    assert make_parallel_env(name, **needed(name)).metadata["name"] == game.spec.name


@pytest.mark.parametrize("name", sorted(set(GAMES) - {"matrix_game"}))
def test_each_named_game_is_a_module(name):
    module = importlib.import_module(f"envs.{name}_v0")
    for game in (module.batched_game(rounds=3), module.parallel_env(rounds=3).game, make_game(name, rounds=3)):
        assert game.spec == make_game(name, rounds=3).spec
        np.testing.assert_array_equal(game.payoffs, module.PAYOFFS)


def test_options_are_those_of_the_matrix_game():
    assert set(GameOptions.__annotations__) == set(inspect.signature(MatrixGame).parameters) - {"name"}


def test_options_reach_the_game():
    options = {"rounds": 12, "continuation": 0.5, "noise": 0.25, "observe": ("action", "round")}
    for game in (make_game("chicken", **options), make_parallel_env("chicken", **options).game):
        assert {option: getattr(game, option) for option in options} == options
    payoffs = np.arange(8.0).reshape(2, 2, 2)
    np.testing.assert_array_equal(make_game("chicken", payoffs=payoffs).payoffs, payoffs)
    assert make_game("chicken", payoffs=None).spec == make_game("chicken").spec


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("idp", {}, "unknown game 'idp': did you mean 'ipd'?"),
        ("staghunt", {}, "unknown game 'staghunt': did you mean 'stag_hunt'?"),
        ("xyz", {}, "unknown game 'xyz': choose one of bach_or_stravinsky, chicken, ipd,"),
        ("ipd", {"nosie": 0.1}, "unknown option of ipd_v0 'nosie': did you mean 'noise'?"),
        ("ipd", {"xyz": 0.1}, "unknown option of ipd_v0 'xyz': choose one of continuation, inner_rounds, noise,"),
        ("matrix_game", {}, "payoffs must be given for matrix_game"),
    ],
)
@pytest.mark.parametrize("make", [make_game, make_parallel_env])
def test_wrong_names(make, name, options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - compared whole below
        make(name, **options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
