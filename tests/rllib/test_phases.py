"""PPI under RLlib: same seed same numbers wherever it runs, phases that start anew from all data, resume."""

import shutil

import numpy as np
import pytest

from coop_icl.config import ConfigError, load
from coop_icl.phase_data import PhaseData, lived
from coop_icl.rllib.config import algorithm_config
from coop_icl.rllib.stock import stock_config

SMALL = ["train.episodes_per_learner=8", "game.options.rounds=6", "ppi.pretraining_trajectories=20"]
LEARNERS = ("learner_0", "learner_1")


def build(folder, *overrides):
    return algorithm_config(load("ppi_smoke", [*SMALL, *overrides]), folder).build_algo()


def trained(folder, phases, *overrides):
    algorithm = build(folder, *overrides)
    results = [algorithm.train()["learners"] for _ in range(phases)]
    weights, trajectory = algorithm.module_weights(), algorithm.trajectory
    algorithm.stop()
    return weights, trajectory, results


def same(first, second):
    return all(np.array_equal(first[module][name], second[module][name]) for module in first for name in first[module])


def everything(folder, learner, phases):
    library = PhaseData(folder / "data" / learner).open(range(phases))
    return library.take(np.arange(len(library)))


CONTINUES = "ppi.continue_epochs=2"


@pytest.fixture(scope="module")
def reference(local_ray, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return (*trained(folder, 2, "ray.num_env_runners=0"), folder)


@pytest.fixture(scope="module")
def continued(local_ray, tmp_path_factory):
    folder = tmp_path_factory.mktemp("continued")
    return (*trained(folder, 2, "ray.num_env_runners=0", CONTINUES), folder)


@pytest.mark.parametrize("how", ["reference", "continued"])
@pytest.mark.parametrize("overrides", [["ray.num_env_runners=2"], ["ray.num_env_runners=0", "ray.num_learners=1"]])
def test_same_numbers_wherever_it_runs(request, tmp_path, overrides, how):
    reference = request.getfixturevalue(how)
    weights, trajectory, _ = trained(tmp_path, 2, *overrides, *([CONTINUES] if how == "continued" else []))
    assert same(weights, reference[0])
    assert np.array_equal(trajectory.actions, reference[1].actions)
    for learner in LEARNERS:
        one, two = everything(tmp_path, learner, 3), everything(reference[3], learner, 3)
        assert np.array_equal(one.symbols, two.symbols)


def test_another_seed_and_another_learner_are_other_numbers(reference, tmp_path):
    weights, trajectory, _ = trained(tmp_path, 2, "ray.num_env_runners=0", "seed=1")
    assert not same(weights, reference[0])
    assert not np.array_equal(trajectory.actions, reference[1].actions)
    first, second = (everything(reference[3], learner, 1).symbols for learner in LEARNERS)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, everything(tmp_path, "learner_0", 1).symbols)


def test_each_phase_learns_from_all_data_so_far_and_adds_its_own(reference):
    _, trajectory, results, folder = reference
    for phase, found in enumerate(results):
        for learner in LEARNERS:
            assert float(found[learner]["trajectories"]) == 20 + 8 * phase
    for agent, learner in enumerate(LEARNERS):
        data = PhaseData(folder / "data" / learner)
        assert data.phases() == [0, 1, 2]
        kept, played = data.open([2]).take(np.arange(8)), lived(trajectory, [agent], 2)
        assert np.array_equal(kept.symbols, played.symbols)
        assert (kept.symbols > 0).all()


def test_a_phase_does_not_depend_on_the_weights_before_it(reference, tmp_path):
    algorithm = build(tmp_path, "ray.num_env_runners=0")
    algorithm.train()
    for module in algorithm.learner_group._learner.module.values():
        for parameter in module.unwrapped().policy.parameters():
            parameter.data.fill_(0.3)
    algorithm.train()
    weights = algorithm.module_weights()
    algorithm.stop()
    assert same(weights, reference[0])


def test_a_phase_that_continues_goes_on_from_the_weights_before_it(continued, tmp_path):
    weights, _, results, _ = continued
    for learner in LEARNERS:
        assert float(results[1][learner]["gradient_steps"]) == 2  # two passes over 28 trajectories, 32 in a step
    algorithm = build(tmp_path, "ray.num_env_runners=0", CONTINUES, "ppi.lr=1e-12", "ppi.weight_decay=0")
    algorithm.train()
    first = algorithm.module_weights()
    algorithm.train()
    second = algorithm.module_weights()
    algorithm.stop()
    for module, tensors in first.items():
        for name, tensor in tensors.items():
            np.testing.assert_allclose(second[module][name], tensor, atol=1e-9)
    assert not same(weights, second)


@pytest.mark.parametrize("how", ["reference", "continued"])
def test_a_run_killed_in_a_phase_resumes_to_the_same_numbers(request, tmp_path, how):
    reference, more = request.getfixturevalue(how), [CONTINUES] if how == "continued" else []
    algorithm = build(tmp_path / "run", "ray.num_env_runners=0", *more)
    algorithm.train()
    algorithm.save_to_path(str(tmp_path / "checkpoint"))
    algorithm.train()  # and now it dies: what it wrote since is there, and must not count
    algorithm.stop()
    left = tmp_path / "run/data/learner_0/phase_0002"
    np.save(left / "symbols.npy", np.zeros((3, 6), np.int8))
    shutil.rmtree(tmp_path / "run/data/learner_1/phase_0002")
    algorithm = build(tmp_path / "run", "ray.num_env_runners=0", *more)
    algorithm.restore_from_path(str(tmp_path / "checkpoint"))
    assert algorithm.updates_done == 1
    algorithm.train()
    weights = algorithm.module_weights()
    algorithm.stop()
    assert same(weights, reference[0])
    for learner in LEARNERS:
        one, two = everything(tmp_path / "run", learner, 3), everything(reference[3], learner, 3)
        assert np.array_equal(one.symbols, two.symbols)


def test_shared_parameters_learn_from_both_seats(local_ray, tmp_path):
    _, _, results = trained(tmp_path, 2, "train.share_parameters=true", "ray.num_env_runners=0")
    assert [float(found["learner_0"]["trajectories"]) for found in results] == [40, 56]


def test_the_stock_path_says_that_it_cannot_plan():
    with pytest.raises(ConfigError, match=r"train\.algorithm ppi runs on the batched path only"):
        stock_config(load("ppi_smoke"))
