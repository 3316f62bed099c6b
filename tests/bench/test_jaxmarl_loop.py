"""JaxMARL's side of the bench plays our game; nothing here is timed."""

import numpy as np
import pytest

pytest.importorskip("optax", reason="the extra `bench` is not installed")
pytest.importorskip("jaxmarl", reason="the extra `bench` is not installed")

import jax

from bench.jaxmarl_loop import IteratedPrisonersDilemma, program
from bench.peers import JaxMarlLoop
from bench.timing import measure
from bench.workloads import experiment, games_per_update


def small(*overrides):
    return experiment(24, "game.options={rounds: 7}", "train.learners=2", "model.hidden_size=16", *overrides)


def test_two_seats_see_and_earn_what_they_did():
    env = IteratedPrisonersDilemma(2, tabular=False)
    key = jax.random.key(0)
    seen, state = env.reset(key)
    assert [int(seen[agent].argmax()) for agent in env.agents] == [0, 0]
    seen, state, rewards, dones, _ = env.step(key, state, {"agent_0": 0, "agent_1": 1})
    assert [float(rewards[agent]) for agent in env.agents] == [-1.0, 2.0]
    assert [int(seen[agent].argmax()) for agent in env.agents] == [2, 3]
    assert not dones["__all__"]
    seen, state, rewards, dones, _ = env.step(key, state, {"agent_0": 0, "agent_1": 0})
    assert [float(rewards[agent]) for agent in env.agents] == [1.0, 1.0]
    assert dones["__all__"]
    assert [int(seen[agent].argmax()) for agent in env.agents] == [0, 0]  # a new game has begun


def test_the_other_seat_follows_its_table():
    env = IteratedPrisonersDilemma(50, tabular=True)
    _, state = env.reset(jax.random.key(0))
    state = state.replace(table=np.array([1.0, 0.0, 1.0, 0.0, 1.0], np.float32))  # by what that seat saw
    symbols = []
    for number, mine in enumerate([1, 0, 1]):
        seen, state, *_ = env.step(jax.random.key(number), state, {"agent_0": mine})
        symbols.append(int(seen["agent_0"].argmax()))
    assert symbols == [3, 1, 4]


def test_trains_and_plays():
    config = small()
    loop = JaxMarlLoop(config)
    assert loop.play() == 2 * games_per_update(config) * 7
    samples = measure([loop], rounds=1, seconds=0.0)
    assert min(samples["jax_jaxmarl"]["train"] + samples["jax_jaxmarl"]["rollout"]) > 0
    loop.stop()


def test_every_seat_plays_whole_games_and_weights_move():
    config = small()
    theirs = program(config)
    before = theirs.start(3)
    after = theirs.train(before)
    moved = [
        np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, (before[0].params, after[0].params)), strict=True)
    ]
    assert min(moved) > 0
    played, _ = theirs.play(after)
    assert played.reward.shape == (7, 2 * config.train.episodes_per_learner)
    assert np.array(played.begins).any(1).tolist() == [True] + 6 * [False]
    assert np.array(played.done).all(1).tolist() == 6 * [False] + [True]
