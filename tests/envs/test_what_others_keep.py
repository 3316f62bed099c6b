"""Environments of others that no seed fixes, that say who cooperates, or that cannot be imported."""

import sys
import warnings

import numpy as np
import pytest

from envs.registry import make_game, make_parallel_env

KEEPERS = "tests.envs.keepers"


@pytest.mark.kind("state outlives an episode", case="PettingZoo#558: same seed, other episode")
@pytest.mark.parametrize("name", ["Unseeded", "ClassCounter"])
def test_an_environment_that_no_seed_fixes_is_named_in_a_warning(name):
    with pytest.warns(UserWarning, match=f"env '{KEEPERS}:{name}' draws from something else than its seed: ") as caught:
        make_game("pettingzoo", env=f"{KEEPERS}:{name}")
    assert "\n" not in str(caught[0].message)
    assert "differ between two fresh copies" in str(caught[0].message)


@pytest.mark.kind("state outlives an episode", case="PettingZoo#558: same seed, other episode")
@pytest.mark.parametrize("name", ["Seeded", "Counter", "OwnNumbers"])
def test_what_a_fresh_copy_forgets_needs_no_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_game("pettingzoo", env=f"{KEEPERS}:{name}")


def test_an_environment_that_cannot_be_played_is_refused_before_any_work():
    with pytest.raises(ValueError, match="cannot be played, its first rounds raise AttributeError: ") as caught:
        make_game("pettingzoo", env=f"{KEEPERS}:Matching")  # has no _begin
    assert "\n" not in str(caught.value)


def test_copies_are_closed_before_the_next_ones_are_made(monkeypatch):
    from tests.envs.keepers import Seeded

    closed = []
    monkeypatch.setattr(Seeded, "close", lambda self: closed.append(self))
    game = make_game("pettingzoo", env=f"{KEEPERS}:Seeded")
    before = len(closed)
    game.reset(np.zeros((3, 1)))
    assert len(closed) == before
    game.reset(np.zeros((1, 1)))
    assert len(closed) == before + 3


def test_infos_say_who_cooperated():
    game = make_game("pettingzoo", env=f"{KEEPERS}:Seeded")
    game.reset(np.zeros((2, 1)))
    step = game.step(np.array([[0, 1], [2, 0]]))
    np.testing.assert_array_equal(step.cooperated, [[1, 0], [np.nan, 1]])
    for _ in range(5):
        step = game.step(np.zeros((2, 2), dtype=int))
    assert step.terminated.all()
    assert (step.cooperated == 1).all()
    assert np.isnan(game.step(np.zeros((2, 2), dtype=int)).cooperated).all()  # nobody acts after the end
    view = make_parallel_env("pettingzoo", env=f"{KEEPERS}:Seeded")
    view.reset(seed=0)
    infos = view.step({"player_0": 1, "player_1": 2})[4]
    assert infos == {"player_0": {"outcome": 2, "cooperated": 0.0}, "player_1": {"outcome": 3}}


def test_what_is_no_answer_to_who_cooperated_is_refused():
    game = make_game("pettingzoo", env=f"{KEEPERS}:Wrong")
    game.reset(np.zeros((1, 1)))
    with pytest.raises(ValueError, match=r"infos\['a'\]\['cooperated'\] must be 1, 0, true, false or NaN, got 'yes'"):
        game.step(np.zeros((2, 1), dtype=int))


MODULES = {
    "beside.py": "from pettingzoo.classic.rps_v2 import parallel_env",
    "needy.py": "import no_such_physics",
    "broken.py": "raise TypeError('no board\\nat all')",
    "folder/__init__.py": "",
    "wanting/__init__.py": "from folder import nothing_there",
}


def refused(env):
    with pytest.raises(ValueError, match="cannot be imported") as caught:
        make_game("pettingzoo", env=env)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def modules(tmp_path, monkeypatch):
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(name.split("/")[0].removesuffix(".py"), None)


@pytest.mark.kind("wrong advice", case="'is its package installed?' for a module of the current folder")
def test_a_module_of_the_current_folder_is_named_and_found_by_the_advice(modules, monkeypatch):
    for env, name in (("beside:parallel_env", "beside"), ("folder.game:parallel_env", "folder")):
        assert refused(env) == (
            f"env '{env}' cannot be imported: '{name}' is in the current folder, where Python does not look for "
            "modules (put the variable PYTHONPATH=. before the command)"
        )
    monkeypatch.syspath_prepend(modules)  # what the variable does
    assert make_game("pettingzoo", env="beside:parallel_env").spec.num_players == 2


@pytest.mark.kind("wrong advice", case="'is its package installed?' for any error of an import")
@pytest.mark.parametrize(
    ("env", "cause"),
    [
        ("nowhere:parallel_env", "there is no module 'nowhere', neither installed nor in the current folder"),
        ("needy:parallel_env", "needy needs the module 'no_such_physics', which is not installed"),
        ("broken:parallel_env", "importing broken raised TypeError: no board"),
        ("folder.game:parallel_env", "'folder' is there but has no module 'game'"),
        ("wanting:parallel_env", "importing wanting raised ImportError: cannot import name 'nothing_there'"),
        ("pettingzoo.classic.rps_v9:parallel_env", "'pettingzoo.classic' is there but has no module 'rps_v9'"),
    ],
)
def test_the_cause_that_was_seen_is_named(modules, monkeypatch, env, cause):
    monkeypatch.syspath_prepend(modules)
    assert f"env '{env}' cannot be imported: {cause}" in refused(env)
