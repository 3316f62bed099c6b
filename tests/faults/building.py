"""Small algorithms in this process, with or without an env runner that goes wrong."""

import numpy as np

from coop_icl.config import load
from coop_icl.rllib.config import algorithm_config
from tests.faults.games import FaultyRunner
from tests.faults.runs import TINY


def build(*overrides, fault=None, at=(), workers=()):
    config = algorithm_config(load("smoke", [*TINY, "train.updates=1000000", *overrides]))
    if fault is not None:
        config.env_runners(env_runner_cls=FaultyRunner)
        config.environment(env_config={"fault": fault, "at": set(at), "workers": set(workers)})
    return config.build_algo()


def same(first, second):
    """Whether the weights of all modules are the same, bit for bit."""
    return all(np.array_equal(first[module][name], second[module][name]) for module in first for name in first[module])


def finite(weights):
    return all(np.isfinite(array).all() for module in weights.values() for array in module.values())


def trained(updates, *overrides):
    """Weights after some updates without any fault."""
    algorithm = build(*overrides)
    for _ in range(updates):
        algorithm.train()
    weights = algorithm.module_weights()
    algorithm.stop()
    return weights
