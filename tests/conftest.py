"""Fixtures for all tests."""

import os

import pytest
import torch

from coop_icl.hints import BY_MAKE

os.environ.pop(BY_MAKE, None)  # messages are the same whether the tests were started by make or not


@pytest.fixture(autouse=True)
def one_thread():
    """One torch thread, as in every process of a run, so that numbers do not depend on the machine's cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def local_ray():
    """One embedded Ray for all tests that need it."""
    from coop_icl.rllib.session import start, stop

    start(num_cpus=4)
    yield
    stop()
