"""The suite's cells and its arithmetic; nothing here is timed."""

import pytest

from bench.suite import CELLS, flops, gemm_rate, main, markdown, rows


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_cells_are_the_work_they_say(cell):
    config = cell.config()
    assert (config.model.core, config.model.hidden_size, config.train.learners) == (cell.core, cell.hidden, 2)
    assert config.train.algorithm == cell.algorithm
    assert config.train.epochs == (4 if cell.algorithm == "ppo" else 1)
    assert 1.5 * config.train.episodes_per_learner == pytest.approx(cell.games, abs=3)


def test_operations_are_those_of_the_products():
    config = next(cell for cell in CELLS if cell.name == "gru64-512-ppo").config()
    once = 2 * (192 * 70 + 64 * 6 + 64 * 3)
    assert flops(config)["rollout"] == pytest.approx(once / 1.5)  # a third of the seats are co-players
    assert flops(config)["train"] == pytest.approx(13 * once / 1.5)


def test_rows_and_table():
    samples = {
        "ray_0": {"train": [90.0, 100.0, 500.0], "rollout": [400.0]},
        "plain_fused": {"train": [110.0], "rollout": [500.0]},
        "plain_pytorch": {"train": [50.0], "rollout": [100.0]},
        "jax": {"train": [25.0], "rollout": [800.0]},
    }
    cell = {"core": "gru", "hidden": 64, "games": 512, "algorithm": "ppo"}
    result = {
        "command": "python -m bench.suite",
        "machine": {"cpu": "a cpu", "cores": 2, "torch": "2", "ray": "2", "load_average_before": 0.0},
        "gemm_gflops_per_core": 1e-6,
        "cells": [
            {"cell": cell, "name": "gru64-512-ppo", "flops": {"train": 10.0, "rollout": 1.0}, "samples": samples},
            {"cell": {**cell, "algorithm": "a2c"}, "name": "other", "flops": None, "samples": {**samples}},
        ],
    }
    train, rollout, other = rows(result)
    assert (train["vs_pytorch"], train["vs_jax"], rollout["vs_jax"]) == (2.0, 4.0, 0.5)
    assert train["ray_overhead"] == pytest.approx(0.1)
    assert train["times_floor"] == pytest.approx(1e3 * result["machine"]["cores"] / 10 / 110)
    assert (other["name"], other["phase"]) == ("other", "train")  # play is shown once
    text = markdown(result)
    assert "| gru64-512-ppo | train | 0k | 0k | 0k | 0k | 2.00 | 4.00 | 10% |" in text


def test_a_product_takes_time():
    assert 0.1 < gemm_rate() < 1e5


def test_no_such_cell(capsys):
    assert main(["gru65"]) == 2
    assert "gru64-512-ppo" in capsys.readouterr().err
