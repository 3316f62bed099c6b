"""What a run needs is compared with what there is, before work starts or in words while it waits."""

import pytest

from coop_icl.cli import main
from coop_icl.config import load
from coop_icl.config.schema import RayConfig
from coop_icl.jobs import Job
from coop_icl.rllib.cluster import ClusterError
from coop_icl.rllib.resources import await_room, bundles, check_gpus


@pytest.mark.kind("hangs and silence", case="a GPU that is asked for and not there: traceback or silent hang")
@pytest.mark.parametrize("more", [(), ("ray.num_learners=1",), ("--seeds", "0-1")])
def test_a_gpu_that_is_not_there_is_refused_before_anything_is_made(more, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert main(["train", "smoke", "ray.num_gpus_per_learner=1", *more]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "ray.num_gpus_per_learner: got 1 for 1 Learner(s); expected no more than this machine's 0 GPU(s)" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("learners", "each", "here", "fits"),
    [(0, 0, 0, True), (0, 1, 1, True), (0, 0.5, 1, True), (0, 0.5, 0, False), (2, 1, 1, False), (2, 0.5, 1, True)],
)
def test_gpus_of_this_machine(learners, each, here, fits, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    config = RayConfig(num_learners=learners, num_gpus_per_learner=each)
    if fits:
        check_gpus(config, here)
    else:
        with pytest.raises(ClusterError):
            check_gpus(config, here)


def test_learners_of_a_cluster_may_have_gpus_that_are_not_here_the_drivers_may_not(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    check_gpus(RayConfig(num_learners=1, num_gpus_per_learner=1), 0)
    with pytest.raises(ClusterError):
        check_gpus(RayConfig(num_learners=0, num_gpus_per_learner=1), 0)


def test_what_actors_take():
    assert bundles(RayConfig(num_env_runners=2)) == [{"CPU": 1}, {"CPU": 1}]
    config = RayConfig(num_env_runners=1, num_learners=2, num_gpus_per_learner=0.5)
    assert bundles(config) == [{"CPU": 1}, {"GPU": 0.5}, {"GPU": 0.5}]


@pytest.mark.kind("hangs and silence", case="ray#17547: a cluster too small for a run waits without a word")
def test_a_run_that_waits_says_for_what_and_a_signal_ends_it(local_ray):
    said = []

    def say(line):
        said.append(line)
        raise KeyboardInterrupt

    await_room(RayConfig(num_env_runners=2), say)
    assert said == []
    with pytest.raises(KeyboardInterrupt):
        await_room(RayConfig(num_env_runners=40), say)
    assert said[0].startswith("waiting for 40 CPU(s) (the cluster has 4, ")
    await_room(RayConfig(num_env_runners=4), say)  # nothing of the demand is left


@pytest.mark.kind("hangs and silence", case="four CPUs train one seed at a time, since a run reserves three")
@pytest.mark.parametrize(
    ("words", "cpus", "runners"),
    [((), 1, 0), ((), 2, 1), ((), 8, 2), (("ray.num_env_runners=2",), 1, 2), (("ray.mode=async",), 1, 1)],
)
def test_seeds_come_before_env_runners_unless_these_are_asked_for(words, cpus, runners):
    config = load("ipd_icl", words)
    assert config.ray.num_env_runners == 2
    assert Job("ipd_icl", words, config).env_runners(cpus) == runners
    assert Job("ipd_icl", words, config).cpus(cpus) == 1 + runners
