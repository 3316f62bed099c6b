"""Games that do not say who cooperates are shown by their payoffs, wherever runs are shown."""

import re

import pytest

from coop_icl.cli import main
from coop_icl.reporting.page.report import report
from coop_icl.runs.directory import RunDirectory
from tests.reporting.runs import finished

ROWS = [
    {"update": u, "rounds": 100 * u, "seconds": 1.0, "payoff/learner-learner": 0.0, "payoff/learner-biased": 0.1 * u}
    for u in (20, 40)
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("without")
    return RunDirectory(finished(root / "runs", "rps_icl", rows=ROWS).path)


@pytest.mark.kind("games without cooperation", case="the report says 'learners cooperate at .9: never'")
def test_a_report_shows_payoffs(run):
    page = re.sub("<[^>]*>", " ", report(run.path).read_text(encoding="utf-8"))
    assert "Payoff a round of learners by kind of co-player. At the end: 0.00 with learner, 4.00 with biased." in page
    assert "learners cooperate at .9" not in page
    assert "cooperation of row against column" not in page
    assert "The game does not say who cooperates; a round it earns" in page
    assert not re.search(r"\bnan\b", page)
    card = (run.path / "policies/final/learner_0/MODEL_CARD.md").read_text(encoding="utf-8")
    assert "payoff/learner-learner" in card
    assert "nan" not in card


@pytest.mark.kind("games without cooperation", case="compare shows columns that no run has")
def test_a_comparison_has_columns_of_what_there_is(run, capsys):
    assert main(["compare", "--table", str(run.path)]) == 0
    header = capsys.readouterr().out.splitlines()[0].split()
    assert header == ["run", "payoff/learner-learner", "payoff/learner-tabular", "rounds", "time"]


@pytest.mark.kind("games without cooperation", case="cross-play prints nan")
def test_cross_play_prints_no_nan(run, capsys, tmp_path):
    assert main(["crossplay", str(run.path), "--episodes", "2", "--out", str(tmp_path / "out")]) == 0
    assert not re.search(r"\bnan\b", capsys.readouterr().out.replace(str(tmp_path), ""))
