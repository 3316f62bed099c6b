"""The PettingZoo view where callers go wrong, or go on after the end, in every game of the registry."""

import re
from collections import UserDict

import numpy as np
import pytest
import torch

from coop_icl.rllib.multi_agent_env import ParallelMultiAgentEnv
from envs.registry import make_parallel_env
from tests.envs.games import every_game, needed

ROUNDS = 2


def make(name, mode=None):
    return make_parallel_env(name, mode, **needed(name), rounds=ROUNDS)


def all_zero(env):
    return dict.fromkeys(env.agents, 0)


def to_the_end(env):
    env.reset(seed=0)
    while env.agents:
        env.step(all_zero(env))


def refused(error, call, *words):
    with pytest.raises(error) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in words), line
    return line


@pytest.mark.kind("conformance at the edges", case="SuperSuit's black_death_v3 steps with no actions after the end")
@every_game
def test_after_the_end_no_actions_give_empties(name):
    env = make(name)
    refused(RuntimeError, lambda: env.step({}), "call reset")  # nothing has begun
    to_the_end(env)
    for _ in range(2):
        assert env.step({}) == ({}, {}, {}, {}, {})
    refused(RuntimeError, lambda: env.step({"player_0": 0}), "call reset")
    env.reset(seed=1)
    refused(ValueError, lambda: env.step({}), "player_0 has none", "from 0 to")
    assert env.step(all_zero(env))[0].keys() == set(env.possible_agents)


@pytest.mark.kind("conformance at the edges", case="SuperSuit's black_death_v3 steps with no actions after the end")
@every_game
def test_after_the_end_rllib_sees_the_end(name):
    env = ParallelMultiAgentEnv(make(name))
    env.reset(seed=0)
    over = False
    while not over:
        *_, terminated, truncated, _ = env.step(all_zero(env.par_env))
        over = terminated["__all__"] or truncated["__all__"]
    assert env.step({}) == ({}, {}, {"__all__": terminated["__all__"]}, {"__all__": truncated["__all__"]}, {})


@pytest.mark.kind("conformance at the edges", case="PettingZoo#860, #896: render before reset raises IndexError")
@pytest.mark.parametrize("mode", [None, "ansi", "rgb_array"])
@every_game
def test_there_is_nothing_to_render_before_the_first_reset(name, mode):
    env = make(name, mode)
    if mode is None:
        assert env.render() is None
    else:
        refused(RuntimeError, env.render, "nothing to render", "call reset")
    env.reset(seed=0)
    assert (env.render() is None) == (mode is None)
    to_the_end(env)
    assert (env.render() is None) == (mode is None)


WRONG = [None, "1", 7.5, 0.5, -1, 10**30, float("nan"), float("inf"), [0], np.array([0]), {}, b"0", 1j]


@pytest.mark.kind("conformance at the edges", case="an action None or '1' is a TypeError without the agent's name")
@pytest.mark.parametrize("action", WRONG, ids=repr)
@every_game
def test_a_wrong_action_is_named_with_its_agent_and_the_range(name, action):
    env = make(name)
    env.reset(seed=0)
    most = env.action_space("player_1").n - 1
    line = refused(ValueError, lambda: env.step({**all_zero(env), "player_1": action}))
    assert line == f"actions of player_1 must be a whole number from 0 to {most}, got {action!r}"
    env.step(all_zero(env))  # nothing has happened


@pytest.mark.kind("conformance at the edges", case="a wrong action does not name its agent")
@every_game
def test_missing_and_unknown_agents_and_actions_of_no_agent_are_named(name):
    env = make(name)
    env.reset(seed=0)
    most = env.action_space("player_1").n - 1
    refused(
        ValueError, lambda: env.step({"player_0": 0}), f"player_1 has none; expected a whole number from 0 to {most}"
    )
    everyone = ", ".join(env.agents)
    refused(ValueError, lambda: env.step({**all_zero(env), "x": 0}), f"unknown agent 'x'; expected {everyone}")
    refused(ValueError, lambda: env.step({**all_zero(env), 3: 0}), "unknown agent 3")
    for actions in (None, 0, [0, 0]):
        refused(ValueError, lambda given=actions: env.step(given), "actions must be given by agent", repr(actions))
    env.step(all_zero(env))


@pytest.mark.parametrize("one", [1, True, np.int8(1), np.uint64(1), np.array(1), 1.0, np.float32(1), torch.tensor(1)])
def test_whole_numbers_of_any_type_are_actions(one):
    env = make("ipd")
    env.reset(seed=0)
    assert env.step(UserDict({"player_0": one, "player_1": 0}))[4]["player_0"] == {"outcome": 3}


@pytest.mark.kind("conformance at the edges", case="reset(seed=-1) speaks in numpy's words")
@pytest.mark.parametrize(
    ("seed", "line"),
    [
        (-1, "seed must be at least 0, got -1"),
        (0.5, "seed must be a whole number, got 0.5"),
        ("1", "seed must be a whole number, got '1'"),
        (True, "seed must be a whole number, got True"),
        ([1], "seed must be a whole number, got [1]"),
    ],
)
@every_game
def test_a_wrong_seed_is_said_in_our_words(name, seed, line):
    env, twin = make(name), make(name)
    for one in (env, twin):
        one.reset(seed=3)
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        env.reset(seed=seed)
    for one, two in zip(env.reset()[0].values(), twin.reset()[0].values(), strict=True):  # the generator is as it was
        np.testing.assert_array_equal(one, two)


@pytest.mark.kind("conformance at the edges", case="wrong options of reset")
@pytest.mark.parametrize("options", [[1], "x", {"uniforms": "many"}, {"uniforms": [None, {}]}, {"uniforms": [[1], 2]}])
def test_wrong_options_of_a_reset(options):
    refused(ValueError, lambda: make("ipd").reset(options=options), "must be")
