"""Options of games and co-players of every wrong sort: one line naming whose option it is, and never another error."""

import inspect
import math

import numpy as np
import pytest

from coop_icl.populations.population import Component, Population
from coop_icl.populations.registry import co_players_of, make_co_player
from coop_icl.seeding import SeedNode
from envs.factory import GameOptions
from envs.registry import GAMES, make_game
from tests.envs.games import needed

NAN, INF = math.nan, math.inf
VALUES = [
    *(None, "x", "", "nan", b"x", True, False, -1, 0, 0.5, 1.5, 10**30, -(10**30), NAN, INF),
    *([], [1], [None], ["x"], [[1]], [NAN] * 5, [True] * 5, {}, {"a": 1}),
]
REST = {
    "memory_one": {"probabilities": [0.5] * 5},
    "coin_table": {"probabilities": [0.5] * 3},
    "axelrod": {"strategy": "Grudger"},
    "naive": {"every": 3},
    "frozen": {"path": "nowhere"},
}
"""What a co-player cannot do without, while another option is tried."""
BOOLEANS = {"wrap", "stay", "zap", "symmetric"}


def options_of(name):
    factory = GAMES[name]
    plain = hasattr(factory, "make")
    return list(inspect.signature(factory.make).parameters if plain else GameOptions.__annotations__)


GAME_OPTIONS = [(name, option) for name in sorted(GAMES) for option in options_of(name)]
CO_PLAYER_OPTIONS = [
    (name, co_player, option)
    for name in ("ipd", "matrix_game", "public_goods", "coin_game", "cleanup_lite", "harvest_lite")
    for co_player, factory in sorted(co_players_of(make_game(name, **needed(name))).items())
    for option in list(inspect.signature(factory).parameters)[1:]
]


def refusal(call):
    """The line with which a call is refused; None if it is not."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.kind("containers and paths in configs", case="options of the wrong sort end in tracebacks")
@pytest.mark.parametrize(("name", "option"), GAME_OPTIONS)
def test_options_of_games(name, option):
    for value in VALUES:
        line = refusal(lambda given=value: make_game(name, **{**needed(name), option: given}))
        assert line is None or (option in line and "\n" not in line), line
        if isinstance(value, bool) and option not in BOOLEANS:
            assert line, f"{option} takes {value}"
        if isinstance(value, float) and not math.isfinite(value):
            assert line, f"{option} takes {value}"


@pytest.mark.kind("containers and paths in configs", case="a text for a number, a list for a name, NaN, out of range")
@pytest.mark.parametrize(("name", "co_player", "option"), CO_PLAYER_OPTIONS)
def test_options_of_co_players(name, co_player, option):
    game = make_game(name, **needed(name), rounds=12)
    if co_player == "axelrod":
        pytest.importorskip("axelrod")
    for value in VALUES:
        options = {**REST.get(co_player, {}), option: value}
        line = refusal(lambda given=options: make_co_player(co_player, game, given))
        assert line is None or (f"'{co_player}'" in line and "\n" not in line), line
        if isinstance(value, bool | list | dict | bytes) or (isinstance(value, float) and not math.isfinite(value)):
            assert line, f"{option} takes {value!r}"
            assert option in line, line


@pytest.mark.kind("numbers that do not fit", case="a group larger than all episodes passes the check")
@pytest.mark.parametrize("group", [7, 10**9])
def test_a_group_that_its_episodes_do_not_fill_is_refused(group):
    co_player = make_co_player("naive", make_game("ipd", rounds=6), {"every": 3, "group": group})
    population = Population(["learner_0"], [Component(1.0, co_player)])
    with pytest.raises(ValueError, match=f"plays in groups of {group} but has 32 episodes"):
        population.draw(SeedNode(0), 32)


def test_numbers_of_numpy_are_numbers():
    assert make_game("ipd", noise=np.float32(0.5), rounds=np.int64(3)).spec.max_rounds == 3
    assert make_co_player("tabular", make_game("ipd"), {"alpha": np.float64(2), "beta": 3}).num_parameters == 5
