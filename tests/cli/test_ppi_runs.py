"""A run of PPI from the command line: rows, tags, resume, exported policies, probes, and a stage that builds on it."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from coop_icl.evaluation.probing import probe_path
from coop_icl.phase_data import PhaseData
from coop_icl.policy_store import load_policy
from coop_icl.populations.frozen import frozen
from coop_icl.runs.files import read_rows
from envs.registry import make_game

SMALL = ["train.episodes_per_learner=8", "game.options.rounds=6", "ppi.pretraining_trajectories=20"]


def coop_icl(*words):
    done = subprocess.run([sys.executable, "-m", "coop_icl.cli", *words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def train(experiment, runs, *overrides):
    coop_icl("train", str(experiment), *SMALL, "ray.num_env_runners=0", *overrides, "--runs", str(runs))


@pytest.mark.timeout(1200)
def test_train_resume_evaluate_and_go_on(tmp_path):
    runs = tmp_path / "runs"
    run = runs / "ppi_smoke/seed_0"
    train("ppi_smoke", runs, "train.updates=2", "ppi.rollouts_by_phase=[4,3]", "log.export_every=1")

    rows = read_rows(run / "metrics.jsonl")
    assert [row["update"] for row in rows] == [1, 2]  # one a phase
    tags = {"cooperation/learner-learner", "payoff/learner-tabular", "learning/learner_1/observation_loss"}
    assert tags <= rows[0].keys()

    policies = run / "policies/final"
    loaded = load_policy(policies / "learner_0")
    described = loaded.info.provenance
    assert (described["experiment"], described["learner"]) == ("ppi_smoke", "learner_0")
    assert [entry["name"] for entry in described["mixture"]] == ["learner", "tabular"]
    plan = {"alpha": 0.01, "horizon": 4, "rollouts": 4, "discount": 1.0, "common_numbers": False}
    assert load_policy(run / "policies/update_000001/learner_0").policy.describe()["planner"] == plan
    assert loaded.policy.describe()["planner"] == {**plan, "rollouts": 3}
    probed = probe_path(run, ["tft"], episodes=6)
    assert probed == probe_path(run, ["tft"], episodes=6)
    assert len(probed["probes"]["learner_1"][0]["by_round"]) == 6
    game = make_game(loaded.info.game_name, **loaded.info.game_options)
    assert frozen(game, policies / "learner_0").num_parameters == 1  # the seed of its planning

    shutil.rmtree(run / "checkpoints/update_000002")  # as if it had been killed in its second phase
    coop_icl("resume", str(run))
    assert load_policy(policies / "learner_0").info.sha256 == loaded.info.sha256
    again = read_rows(run / "metrics.jsonl")
    for one, two in zip(rows, again, strict=True):
        for tag in tags:
            assert one[tag] == two[tag]

    (tmp_path / "next.yaml").write_text(
        "base: ppi_smoke\npopulation: {mixture: [{name: frozen, path: 'ppi_smoke:learner_0'}]}\n"
        "ppi: {data: {learner_1: 'ppi_smoke:learner_0'}}\n"
    )
    train(tmp_path / "next.yaml", runs, "train.updates=1")
    row = read_rows(runs / "next/seed_0/metrics.jsonl")[-1]
    assert "cooperation/learner-frozen" in row
    assert (row["learning/learner_0/trajectories"], row["learning/learner_1/trajectories"]) == (20, 20 + 2 * 8)
    whole, inherited = (
        folder.open(phases).take(np.arange(36))
        for folder, phases in (
            (PhaseData(run / "data/learner_0"), range(3)),
            (PhaseData(runs / "next/seed_0/data/learner_1"), range(1)),
        )
    )
    assert np.array_equal(whole.symbols, inherited.symbols)
