"""Environments that keep something across ``reset`` train to the same weights with any number of env runners."""

import numpy as np
import pytest

from coop_icl.config import load
from coop_icl.rllib.config import algorithm_config


def weights(env, runners):
    overrides = [
        f"game.options.env={env}",
        "game.options.kwargs.max_cycles=6",
        "game.options.rounds=6",
        "train.episodes_per_learner=16",
        "train.updates=4",
        "ray.blocks=4",
        "model.hidden_size=8",
        f"ray.num_env_runners={runners}",
    ]
    algorithm = algorithm_config(load("rps_icl", overrides)).build_algo()
    try:
        for _ in range(3):
            algorithm.train()
        return algorithm.module_weights()
    finally:
        algorithm.stop()


@pytest.mark.slow
@pytest.mark.kind("state outlives an episode", case="ray#46986, #27292, #18245: seed vs number of env runners")
@pytest.mark.parametrize("name", ["Counter", "OwnNumbers"])
def test_the_number_of_env_runners_does_not_change_the_weights(local_ray, name):
    alone, two = (weights(f"tests.envs.keepers:{name}", runners) for runners in (0, 2))
    for module, tensors in alone.items():
        for key, tensor in tensors.items():
            np.testing.assert_array_equal(tensor, two[module][key])
