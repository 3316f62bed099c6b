"""What the learners of many runs answered, side by side: numbers are those that were kept, damage is refused."""

import json

import numpy as np
import pytest

from coop_icl.cli import main
from coop_icl.errors import UserError
from coop_icl.evaluation.analyses import ANALYSES
from coop_icl.reporting.answers import LABEL, QUESTIONS, collect, text
from coop_icl.reporting.intervals import interval
from tests.reporting.runs import finished

QUICK = "probes,best_response,adaptation,suite,intervention,state_probes,extortion"

REACHED = {"reached_0.9_at": None, "lowest_after_reaching_0.9": None}
ROWS = [{"update": 40, "rounds": 4000, "seconds": 6.0, "cooperation/learner-learner": 0.25, **REACHED}]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        run = finished(root, "ipd_icl_beta", seed, ROWS, overrides=["train.learners=2"]).path
        assert main(["evaluate", str(run), "--only", QUICK, "--episodes", "4"]) == 0
    finished(root, "ipd_no_pool", rows=ROWS, overrides=["train.learners=2"])
    return root


def kept_of(run, analysis, learner):
    return json.loads((run / "evaluation" / f"{analysis}.json").read_text())["learners"][learner]["result"]


def test_questions_are_about_analyses_that_there_are():
    assert {analysis for analysis, _ in QUESTIONS.values()} <= ANALYSES.keys()


def test_numbers_are_those_that_were_kept(root):
    run = root / "ipd_icl_beta/seed_0"
    found = collect(run)
    assert found.keys() == {"learner_0", "learner_1"}
    for learner, numbers in found.items():
        assert numbers["score, held-out suite"] == pytest.approx(kept_of(run, "suite", learner)["score"], abs=1e-4)
        assert numbers[LABEL] == kept_of(run, "intervention", learner)["label"]
        tft = next(one for one in kept_of(run, "probes", learner)["probes"] if one["co_player"] == "tft")
        assert numbers["late cooperation with TFT"] == pytest.approx(tft["cooperation_late"], abs=1e-4)
        assert "payoff, Axelrod library" not in numbers  # was not asked


def test_tables_show_every_seed_and_what_was_asked_only(root):
    runs = {("ipd_icl_beta", seed): collect(root / f"ipd_icl_beta/seed_{seed}") for seed in (0, 1)}
    table = text(runs)
    means = [np.mean([one["score, held-out suite"] for one in run.values()]) for run in runs.values()]
    over_seeds = next(line for line in table.splitlines() if line.startswith("| score, held-out suite"))
    assert f" {interval(means).mean:.2f} (" in over_seeds
    for seed, mean in enumerate(means):
        row = next(line for line in table.splitlines() if line.startswith(f"| ipd_icl_beta {seed} "))
        assert f" {mean:.2f} " in row
    assert "Axelrod" not in table


def test_results_take_them_along(root, tmp_path):
    assert main(["results", str(root), "--out", str(tmp_path / "out")]) == 0
    written = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert written.keys() == {"ipd_icl_beta/seed_0", "ipd_icl_beta/seed_1"}  # the third was not asked
    assert written["ipd_icl_beta/seed_1"] == collect(root / "ipd_icl_beta/seed_1")
    for name in ("inference.png", "reasons.png"):
        assert (tmp_path / "out" / name).stat().st_size > 5000


def test_a_damaged_answer_is_refused_before_anything_is_written(root, tmp_path, capsys):
    file = root / "ipd_icl_beta/seed_1/evaluation/suite.json"
    good = file.read_text()
    content = json.loads(good)
    del content["learners"]["learner_0"]["result"]["score"]
    file.write_text(json.dumps(content))
    try:
        with pytest.raises(UserError, match=r"suite\.json is no answer of suite"):
            collect(file.parent.parent)
        capsys.readouterr()
        assert main(["results", str(root), "--out", str(tmp_path / "out")]) == 2
        assert "suite.json" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
    finally:
        file.write_text(good)
