"""Numbers that are not finite, wherever they come in: they never reach the weights."""

import itertools
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from coop_icl.rllib.guard import LIMIT, NotFiniteError
from tests.faults.building import build, finite, same
from tests.faults.games import Faulty
from tests.faults.runs import RUN, TINY, environment, finish, one_line, rows

LOCAL = "ray.num_env_runners=0"
SETTINGS = {
    "ppo": [],
    "a2c": ["train.algorithm=a2c"],
    "no centring": ["train.centring=none", "train.scale_advantages=false"],
    "lstm": ["model.core=lstm", "model.precision=float32"],
    "transformer": ["model.core=transformer", "model.num_heads=2", "model.precision=float32"],
}
PLACES = list(itertools.product(["reward", "observation", "logits", "gradient"], [float("nan"), float("inf")]))


def poison(algorithm, value, on):
    """Put ``value`` into a gradient of the first learner whenever ``on`` says so."""

    def hook(gradient):
        return torch.full_like(gradient, value) if on() else gradient

    def register(learner):
        parameter = learner.module["learner_0"].unwrapped().policy.action_head.weight
        parameter.register_hook(hook)

    algorithm.learner_group.foreach_learner(register)


def show(algorithm, fault, on):
    """Let the Learner see what the env runner saw: a game shows everybody the same."""

    def exchange(learner):
        learner._setting = replace(learner._setting, game=Faulty(learner._setting.game, fault, on))

    algorithm.learner_group.foreach_learner(exchange)


def holds(place, value, overrides):
    """One such update is left out and counted, the next one learns, and three in a row are the end."""
    bad = {1, *range(3, 3 + LIMIT)}
    algorithm = build(LOCAL, *overrides, fault=(place, value), at=bad if place != "gradient" else (), workers=[0])
    if place == "gradient":
        poison(algorithm, value, lambda: algorithm.updates_done in bad)
    if place == "observation":
        show(algorithm, (place, value), lambda: algorithm.updates_done in bad)
    try:
        algorithm.train()
        before = algorithm.module_weights()["learner_0"]
        result = algorithm.train()
        kept = algorithm.module_weights()
        left_out = same({"": kept["learner_0"]}, {"": before})
        counted = result["learners"]["learner_0"]["skipped"] > 0 and algorithm.skipped.total["learner_0"] == 1
        algorithm.train()
        learns = finite(kept) and not same({"": algorithm.module_weights()["learner_0"]}, {"": before})
        for _ in range(LIMIT - 1):
            algorithm.train()
        with pytest.raises(NotFiniteError, match=r"learner_0: .* 3 updates in a row"):
            algorithm.train()
        return left_out and counted and learns and finite(algorithm.module_weights())
    finally:
        algorithm.stop()


@pytest.mark.injects("NaN or Inf in reward, observation, logits, gradient")
def test_numbers_that_are_not_finite(local_ray, record, tmp_path):
    cases = [(*place, SETTINGS[name], name) for name in SETTINGS for place in PLACES][: record.times - 1]
    failed = [(place, value, name) for place, value, settings, name in cases if not holds(place, value, settings)]
    command = [sys.executable, "-m", "tests.faults.games", "train", "smoke", *TINY, LOCAL, "log.every=1"]
    pipe = subprocess.PIPE
    told = subprocess.Popen(
        [*command, "game.name=faulty_nan"], cwd=tmp_path, stdout=pipe, stderr=pipe, text=True, env=environment()
    )
    code, _, error = finish(told)
    counts = [row["learning/learner_0/skipped_updates"] for row in rows(tmp_path / RUN)]
    reported = error.count("learner_0 met numbers that are not finite")
    ended = (code, counts, reported) == (2, [1, 2], 2) and one_line(error) and "3 updates in a row" in error
    assert ended, error
    record(
        len(cases) - len(failed) + 1,
        f"the run stops at update 3 of 3; {len(failed)} reached the weights {failed or ''}".strip(),
    )
