"""The batched path under RLlib: same seed same numbers wherever it runs, exact ratio, resume, lost env runners."""

import os
import signal
import time

import numpy as np
import pytest

from coop_icl.config import load
from coop_icl.rllib.config import algorithm_config

SMALL = ["train.updates=6", "train.episodes_per_learner=8", "game.options.rounds=12", "model.hidden_size=16"]


def build(*overrides):
    return algorithm_config(load("smoke", [*SMALL, *overrides])).build_algo()


def trained(updates, *overrides):
    algorithm = build(*overrides)
    ratios = []
    for _ in range(updates):
        result = algorithm.train()
        ratios += [float(result["learners"][name]["ratio_error"]) for name in ("learner_0", "learner_1")]
    weights, actions = algorithm.module_weights(), algorithm.trajectory.actions
    algorithm.stop()
    return weights, actions, ratios


def same(first, second):
    return all(np.array_equal(first[module][name], second[module][name]) for module in first for name in first[module])


@pytest.fixture(scope="module")
def reference(local_ray):
    return trained(3, "ray.num_env_runners=0")


def test_another_seed_gives_other_numbers(reference):
    weights, actions, _ = trained(3, "ray.num_env_runners=0", "seed=1")
    assert not same(weights, reference[0])
    assert not np.array_equal(actions, reference[1])


@pytest.mark.parametrize("overrides", [["ray.num_env_runners=1"], ["ray.num_env_runners=2"]])
def test_same_numbers_whatever_the_number_of_env_runners(reference, overrides):
    weights, actions, _ = trained(3, *overrides)
    assert np.array_equal(actions, reference[1])
    assert same(weights, reference[0])


MANY = ["game={name: public_goods, options: {players: 3}}", "train.learners=3"]
GRID = ["game={name: coin_game, options: {}}", "model.encoder=conv", "model.precision=float32"]
COMPANY = "population.mixture=[{name: learner, weight: 1}, {name: uniform, weight: 1}]"


@pytest.mark.parametrize("overrides", [MANY, GRID], ids=["many", "grid"])
def test_other_games_are_the_same_whatever_the_number_of_env_runners(local_ray, overrides):
    one, two = (trained(2, COMPANY, *overrides, f"ray.num_env_runners={number}") for number in (0, 2))
    assert np.array_equal(one[1], two[1])
    assert same(one[0], two[0])
    assert max(one[2]) < 1e-5


@pytest.mark.parametrize("mode", ["sync", pytest.param("async", marks=pytest.mark.slow)])
def test_resume_of_games_that_show_vectors(local_ray, tmp_path, mode):
    overrides = [COMPANY, *GRID, f"ray.mode={mode}", "ray.num_env_runners=1"]
    whole, _, _ = trained(2, *overrides)
    algorithm = build(*overrides)
    algorithm.train()
    algorithm.save_to_path(str(tmp_path / "checkpoint"))
    algorithm.stop()
    algorithm = build(*overrides)
    algorithm.restore_from_path(str(tmp_path / "checkpoint"))
    algorithm.train()
    resumed = algorithm.module_weights()
    algorithm.stop()
    assert same(whole, resumed)


def test_same_numbers_with_a_learner_actor(reference):
    weights, _, _ = trained(3, "ray.num_env_runners=0", "ray.num_learners=1")
    assert same(weights, reference[0])


def test_two_learner_actors_share_a_batch(local_ray):
    weights, _, ratios = trained(2, "ray.num_env_runners=0", "ray.num_learners=2")
    start = build("ray.num_env_runners=0")
    before = start.module_weights()
    start.stop()
    assert max(ratios) < 1e-6
    assert not same(weights, before)
    assert all(np.isfinite(array).all() for module in weights.values() for array in module.values())


def test_rollout_equals_replay_exactly_in_every_update(reference):
    assert reference[2] == [0.0] * 6


def test_asynchronous_games_are_one_update_old_and_reproducible(reference):
    first = trained(3, "ray.num_env_runners=1", "ray.mode=async")
    second = trained(3, "ray.num_env_runners=1", "ray.mode=async")
    assert same(first[0], second[0])
    assert not same(first[0], reference[0])
    assert max(first[2][:2]) == 0.0
    assert 0.0 < max(first[2][2:]) < 0.5


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_resume_equals_no_interruption(local_ray, tmp_path, mode):
    overrides = [f"ray.mode={mode}", "ray.num_env_runners=1"]
    whole, _, _ = trained(4, *overrides)
    algorithm = build(*overrides)
    for _ in range(2):
        algorithm.train()
    algorithm.save_to_path(str(tmp_path / "checkpoint"))
    algorithm.stop()
    algorithm = build(*overrides)
    algorithm.restore_from_path(str(tmp_path / "checkpoint"))
    assert algorithm.updates_done == 2
    for _ in range(2):
        algorithm.train()
    resumed = algorithm.module_weights()
    algorithm.stop()
    assert same(whole, resumed)


def test_blocks_of_a_killed_env_runner_are_played_again(reference):
    algorithm = build("ray.num_env_runners=2")
    algorithm.train()
    pids = algorithm.env_runner_group.foreach_env_runner(lambda runner: os.getpid(), local_env_runner=False)
    os.kill(pids[0], signal.SIGKILL)
    time.sleep(0.2)
    for _ in range(2):
        algorithm.train()
    weights, actions = algorithm.module_weights(), algorithm.trajectory.actions
    algorithm.stop()
    assert np.array_equal(actions, reference[1])
    assert same(weights, reference[0])


def test_shared_parameters_train_one_module_for_both_seats(local_ray):
    algorithm = build("train.share_parameters=true", "ray.num_env_runners=0")
    result = algorithm.train()
    assert list(algorithm.module_weights()) == ["learner_0"]
    assert float(result["learners"]["learner_0"]["ratio_error"]) < 1e-6
    algorithm.stop()
