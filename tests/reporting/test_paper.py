"""Figures of the paper beside ours, from finished runs and then from the file alone."""

import json

import pytest

from coop_icl.cli import main
from coop_icl.config import load, names, to_yaml
from coop_icl.reporting.paper import FIGURES, figures_named, measure
from coop_icl.runs.directory import RunDirectory

FIRST = figures_named("1")[0]


def finished(root, shift=0.0, seeds=2):
    """Runs that show what the paper shows, but for ``shift``."""
    tags = ("payoff/learner-learner", "cooperation/learner-learner", "payoff/learner-tabular")
    for name in FIRST.experiments:
        values = [row.paper + shift for row in FIRST.rows if row.experiment == name]
        final = dict(zip((*tags, "cooperation/learner-tabular"), values, strict=False))
        for seed in range(seeds):
            with RunDirectory.create(root, name, seed) as run:
                run.config.write_text(to_yaml(load(name, [f"seed={seed}"], root)))
                run.summary.write_text(json.dumps({"seed": seed, "final": final, "seconds": 60, "rounds": 1000}))
                run.provenance.write_text(json.dumps({"git": {"commit": "abc"}}))


def test_every_experiment_of_a_figure_exists():
    for figure in FIGURES:
        assert set(figure.experiments) <= set(names())


@pytest.mark.parametrize(("shift", "word", "code"), [(0.05, "pass", 0), (0.3, "falls short", 1)])
def test_a_figure_is_drawn_and_judged_from_its_file_alone(shift, word, code, tmp_path, capsys):
    finished(tmp_path / "runs", shift)
    out = tmp_path / "out"
    measure(FIRST, tmp_path / "runs", out)
    stored = json.loads((out / "fig1.json").read_text())
    assert [list(row["seeds"].values()) for row in stored["rows"]] == [[row.paper + shift] * 2 for row in FIRST.rows]
    assert {one["experiment"] for one in stored["cost"]} == set(FIRST.experiments)
    assert main(["reproduce", "1", "--runs", "nowhere", "--out", str(out)]) == code
    printed = capsys.readouterr().out
    assert printed.count(f"| {word} |") == len(FIRST.rows)
    assert (out / "fig1.md").read_text() in printed + "\n"
    assert (out / "fig1.png").read_bytes().startswith(b"\x89PNG")


def test_what_has_not_been_measured_and_figures_there_are_not(tmp_path, capsys):
    for arguments, word in (
        (["reproduce", "1", "--out", str(tmp_path)], "--train"),
        (["reproduce", "9"], "figures: 1"),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert word in error
