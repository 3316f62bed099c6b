"""What finished runs show, held against what their experiment claims."""

import json

import numpy as np
import pytest

from coop_icl.cli import main
from coop_icl.config import load, to_yaml
from coop_icl.evaluation.probing import probe_path
from coop_icl.reporting.intervals import interval
from coop_icl.reporting.verify import verdicts
from coop_icl.runs.directory import RunDirectory
from tests.reporting.runs import finished as finished_with_policies

RATE = "cooperation/learner-learner"


def finished(root, experiment, rates, finished=True):
    for seed, rate in enumerate(rates):
        config = load(experiment, [f"seed={seed}"], root)
        with RunDirectory.create(root, config.name, seed) as run:
            run.config.write_text(to_yaml(config))
            final = {RATE: rate, "payoff/learner-tabular": rate, "payoff/learner-fixed_icl": rate}
            run.summary.write_text(json.dumps({"seed": seed, "finished": finished, "final": final}))


@pytest.mark.parametrize(
    ("rates", "word", "code"), [([0.95, 0.9, 1.0], "pass", 0), ([0.1, 0.9, 1.0], "falls short", 1)]
)
def test_the_mean_over_seeds_is_what_is_judged(rates, word, code, tmp_path, capsys):
    finished(tmp_path, "ipd_icl", rates)
    (verdict,) = verdicts("ipd_icl", tmp_path)
    assert verdict.seeds == dict(enumerate(rates))
    assert verdict.found.mean == pytest.approx(np.mean(rates))
    assert verdict.word == word
    assert main(["verify", "ipd_icl", "--runs", str(tmp_path)]) == code
    out = capsys.readouterr().out
    assert f"| {word}" in out
    assert " ".join(f"{rate:.2f}" for rate in rates) in out


def test_every_stage_is_judged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for stage in ("one.yaml", "two.yaml"):
        (tmp_path / stage).write_text(f"base: smoke\nexpect: {{{RATE}: [0.5, 1.0]}}\n")
        finished(tmp_path, stage, [0.9])
    (tmp_path / "both.yaml").write_text("claim: In two stages.\nstages: [one.yaml, two.yaml]\n")
    assert [(v.experiment, v.word) for v in verdicts("both.yaml", tmp_path)] == [("one", "pass"), ("two", "pass")]


def test_a_claim_may_be_about_what_policies_do_with_a_co_player(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expect = {"probe/allc/cooperation": "[0.0, 1.0]", "probe/tft/cooperation_late": "[1.5, 2.0]"}
    lines = "".join(f"  {key}: {band}\n" for key, band in expect.items())
    (tmp_path / "mine.yaml").write_text(f"base: smoke\nexpect:\n{lines}")
    run = finished_with_policies(tmp_path / "runs", "mine.yaml")
    found = {v.figure: v for v in verdicts("mine.yaml", tmp_path / "runs")}
    rows = [some[0] for some in probe_path(run.path, ["allc"])["probes"].values()]
    assert found["probe/allc/cooperation"].found.mean == pytest.approx(np.mean([row["cooperation"] for row in rows]))
    assert [v.word for v in found.values()] == ["pass", "falls short"]
    assert main(["verify", "mine.yaml", "--runs", "runs"]) == 1
    (tmp_path / "mine.yaml").write_text("base: smoke\nexpect: {probe/allc/politeness: [0, 1]}")
    assert main(["verify", "mine.yaml", "--runs", "runs"]) == 2
    assert "politeness" in capsys.readouterr().err


@pytest.mark.parametrize("prepare", [lambda root: None, lambda root: finished(root, "ipd_icl", [0.9], finished=False)])
def test_without_a_finished_run_there_is_nothing_to_judge(prepare, tmp_path, capsys):
    prepare(tmp_path)
    assert main(["verify", "ipd_icl", "--runs", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "ipd_icl" in error


def test_intervals_of_known_figures():
    rng = np.random.default_rng(3)
    data = rng.normal(2.0, 1.0, 400)
    found = interval(list(data))
    half = 1.96 * data.std() / 20
    assert found.low == pytest.approx(found.mean - half, abs=0.02)
    assert found.high == pytest.approx(found.mean + half, abs=0.02)
    assert interval([0, 0, 0, 10, 1, 1, 1, 1]).iqm == pytest.approx(0.75)
    assert interval([0.5]).low is None
    assert interval([0.5, 0.5]).low == 0.5
    assert interval(list(data)) == found
    with pytest.raises(ValueError, match="at least one"):
        interval([])


@pytest.mark.kind("given and not used", case="verify leaves out unfinished seeds without a word")
def test_runs_that_do_not_count_are_named(tmp_path, capsys):
    finished(tmp_path, "ipd_icl", [0.95, 0.9, 0.95])
    (tmp_path / "ipd_icl/seed_1/summary.json").unlink()
    config = load("ipd_icl", ["seed=2", "train.gamma=0.9", "ray.num_env_runners=0"], tmp_path)
    (tmp_path / "ipd_icl/seed_2/config.yaml").write_text(to_yaml(config), encoding="utf-8")
    assert main(["verify", "ipd_icl", "--runs", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"{tmp_path}/ipd_icl/seed_1 is not finished and does not count" in out
    assert f"{tmp_path}/ipd_icl/seed_2 was trained with other settings: train.gamma\n" in out
    assert "seed_0" not in out
