"""What is kept of a finished run for the paper's figures."""

import json

import numpy as np
import pytest

from coop_icl.errors import UserError
from coop_icl.evaluation.probes import probe
from coop_icl.policy_store import load_policy
from coop_icl.populations.registry import make_co_player
from coop_icl.reporting.paper import data as store
from coop_icl.reporting.paper import probing
from coop_icl.reporting.paper.probing import SUITE
from coop_icl.reporting.seed_data import POINTS
from envs.registry import make_game
from tests.reporting.runs import finished


@pytest.fixture(autouse=True)
def few_episodes(monkeypatch):
    monkeypatch.setattr(probing, "EPISODES", 32)


def metrics(number):
    return [
        {
            "update": 10 * i,
            "rounds": 100 * i,
            "seconds": float(i),
            "cooperation/learner-learner": i / number,
            "payoff/tabular-learner": None if i == 1 else 0.5,
            "learning/learner_0/entropy": 0.3,
        }
        for i in range(1, number + 1)
    ]


def test_training_is_thinned_and_keeps_its_end(tmp_path):
    finished(tmp_path, "ipd_icl", 3, rows=metrics(1000), policies=False)
    assert store.measure("ipd_icl", tmp_path, tmp_path / "out") == 1
    (seed,) = store.read(tmp_path / "out", "ipd_icl")
    assert (seed["seed"], seed["updates"], seed["seconds"], seed["commit"]) == (3, 10000, 1000.0, "abcdef0123")
    training = seed["training"]
    assert set(training) == {"update", "cooperation/learner-learner", "payoff/tabular-learner"}
    assert len(training["update"]) <= POINTS
    assert training["update"][-1] == 10000
    assert {len(values) for values in training.values()} == {len(training["update"])}
    np.testing.assert_allclose(training["cooperation/learner-learner"], np.array(training["update"]) / 1e4, atol=1e-3)
    assert "probes" not in seed


def test_policies_are_probed_as_evaluation_does(tmp_path):
    run = finished(tmp_path, "ipd_step1")
    store.measure("ipd_step1", tmp_path, tmp_path / "out")
    (seed,) = store.read(tmp_path / "out", "ipd_step1")
    assert set(seed["probes"]) == set(SUITE)
    policy, game = load_policy(run.policies / "final" / "learner_0").policy, make_game("ipd_v0", rounds=20)
    expected = probe(policy, game, make_co_player("allc", game), probing.EPISODES)
    found = seed["probes"]["allc"]
    assert found["payoff"] == pytest.approx(expected.payoff, abs=1e-4)
    assert found["other_cooperation"] == 1.0
    np.testing.assert_allclose(found["by_round"], expected.cooperation, atol=1e-3)


def test_frozen_co_players_come_with_the_fit_of_extortion(tmp_path):
    finished(tmp_path, "ipd_step1")
    finished(tmp_path, "ipd_step2")
    store.measure("ipd_step2", tmp_path, tmp_path / "out")
    (seed,) = store.read(tmp_path / "out", "ipd_step2")
    assert set(seed["probes"]) == {*SUITE, "learner", "fixed_icl"}
    assert len(seed["extortion"]["fixed_icl"]) == 2  # learners
    for fit in seed["extortion"]["fixed_icl"]:
        assert {"chi", "phi", "residual", "random_residual", "worse_at_random"} < set(fit)
        assert len(fit["after"]) == len(fit["fitted"]) == 4
    met = seed["probes"]["fixed_icl"]
    assert met["payoff"] == pytest.approx(2 * met["other_cooperation"] - met["cooperation"], abs=1e-3)  # by the payoffs


def test_what_was_exported_on_the_way_is_seen_more_densely_early(tmp_path):
    finished(tmp_path, "ipd_icl", along=[5, 10, 15, 20, 25, 30, 35])
    store.measure("ipd_icl", tmp_path, tmp_path / "out")
    (seed,) = store.read(tmp_path / "out", "ipd_icl")
    assert list(seed["along"]) == ["5", "10", "20", "35"]
    assert all(set(rates) == {*SUITE, "learner"} for rates in seed["along"].values())
    assert {len(curve) for rates in seed["along"].values() for curve in rates.values()} == {20}


def test_only_finished_runs_count_and_without_any_what_is_there_stays(tmp_path):
    assert store.measure("ipd_icl", tmp_path, tmp_path / "out") == 0
    for seed in (2, 0):
        finished(tmp_path, "ipd_icl", seed, policies=False)
    run = finished(tmp_path, "ipd_icl", 1, policies=False)
    run.summary.write_text(json.dumps({**json.loads(run.summary.read_text()), "finished": False}))
    assert store.measure("ipd_icl", tmp_path, tmp_path / "out") == 2
    kept = store.read(tmp_path / "out", "ipd_icl")
    assert [seed["seed"] for seed in kept] == [0, 2]
    assert store.measure("ipd_icl", tmp_path / "elsewhere", tmp_path / "out") == 0
    assert store.read(tmp_path / "out", "ipd_icl") == kept


def test_five_long_seeds_stay_far_below_a_mebibyte(tmp_path):
    finished(tmp_path, "ipd_icl", 0, metrics(2000), range(1, 17), overrides=["game.options.rounds=100"])
    store.measure("ipd_icl", tmp_path, tmp_path / "out")
    assert store.path_of(tmp_path / "out", "ipd_icl").stat().st_size < 2**20 / 5


def test_damaged_data_are_refused_in_one_line(tmp_path):
    assert store.read(tmp_path, "ipd_icl") == []
    for text in ("", "nonsense\n", '{"experiment": "ipd_icl"}\n'):
        store.path_of(tmp_path, "ipd_icl").write_text(text)
        with pytest.raises(UserError, match="damaged"):
            store.read(tmp_path, "ipd_icl")
