"""Figures of the paper beside ours, drawn and judged from per-seed data alone."""

import json

import pytest

from coop_icl.cli import main
from coop_icl.config import names
from coop_icl.reporting.paper.data import path_of
from coop_icl.reporting.paper.figures import FIGURES, at_scale, figures_named
from coop_icl.reporting.paper.reproduce import needed
from coop_icl.reporting.paper.verdicts import judge
from coop_icl.runs.files import write_rows

ROUNDS = 100


def made_up(experiment, seed=0, shift=0.0):
    """Data of a seed that shows what figure 1 of the paper shows, but for ``shift``, and something of everything."""
    rows = [row for row in FIGURES[0].rows if row.experiment == experiment]
    tags = ("payoff/learner-learner", "cooperation/learner-learner", "payoff/learner-tabular")
    tags = (*tags, "cooperation/learner-tabular")
    final = {"cooperation/learner-learner": 0.5}
    final |= dict(zip(tags, [sum(row.band) / 2 + shift for row in rows], strict=False))
    final |= {
        f"{f}/{pair}": 0.5 for f in ("payoff", "cooperation") for pair in ("learner-fixed_icl", "fixed_icl-learner")
    }
    curve = [i / ROUNDS for i in range(ROUNDS)]
    probes = {kind: {"by_round": curve, "cooperation": 0.5, "cooperation_late": 0.8, "payoff": 1.0} for kind in KINDS}
    fit = {"after": [0.9, None, 0.4, 0.1], "fitted": [0.9, 0.5, 0.4, 0.0], "chi": 2.0, "phi": 0.1}
    fit |= {"residual": 0.02, "random_residual": 0.3, "worse_at_random": 1.0}
    return {
        "experiment": experiment,
        "seed": seed,
        "updates": 20,
        "rounds": 2e6,
        "seconds": 90.0,
        "commit": "0123456789",
        "final": final,
        "training": {"update": [10, 20], **{tag: [0.1, value] for tag, value in final.items()}},
        "probes": probes,
        "extortion": {"fixed_icl": [fit, {**fit, "chi": None}]},
        "along": {"10": dict.fromkeys(KINDS, curve), "20": dict.fromkeys(KINDS, curve)},
    }


KINDS = ("tft", "allc", "alld", "tabular", "learner")


def stored(folder, figures=FIGURES, scale="laptop", **options):
    folder.mkdir(exist_ok=True)
    for name in {name for figure in figures for name in figure.experiments}:
        write_rows(path_of(folder, at_scale(name, scale)), [made_up(name, seed, **options) for seed in (0, 1)])


@pytest.mark.parametrize("scale", ["laptop", "paper"])
def test_every_experiment_of_policy_gradients_exists(scale):
    known, missing = needed(FIGURES, scale)
    assert set(known) <= set(names())
    assert not [name for name in missing if name.startswith("ipd")]
    order = [name for name in known if name.startswith("ipd_step")]
    assert order == sorted(order)  # a step starts from the one before


@pytest.mark.parametrize(("shift", "word", "code"), [(0.05, "pass", 0), (0.3, "falls short", 1)])
def test_a_figure_is_judged_from_its_data_alone(shift, word, code, tmp_path, capsys):
    folder = tmp_path / "paper"
    stored(folder, figures_named("1"), shift=shift)
    assert main(["reproduce", "1", "--runs", "nowhere", "--out", str(folder)]) == code
    printed = capsys.readouterr().out
    assert printed.count(f"| {word} ") == len(FIGURES[0].rows)
    assert (folder / "fig1.png").read_bytes().startswith(b"\x89PNG")
    document = (tmp_path / "paper.md").read_text()
    assert "(paper/fig1.png)" in document
    assert document.count("| not run ") >= sum(len(figure.rows) for figure in FIGURES if figure.name in ("2", "4"))


@pytest.mark.parametrize("scale", ["laptop", "paper"])
@pytest.mark.parametrize("figure", ["1", "2", "3", "4"])
def test_every_figure_is_drawn_with_and_without_data(figure, scale, tmp_path, capsys):
    name = f"fig{figure}.png" if scale == "laptop" else f"fig{figure}_paper.png"
    sizes = []
    for folder in (tmp_path / "without" / "paper", tmp_path / "with" / "paper"):
        folder.mkdir(parents=True)
        if folder.parent.name == "with":
            stored(folder, figures_named(figure), scale)
        assert main(["reproduce", figure, "--no-train", "--scale", scale, "--out", str(folder)]) in (0, 1)
        printed = capsys.readouterr().out
        assert ("| not run" in printed) == (folder.parent.name == "without")
        sizes.append((folder / name).stat().st_size)
    assert sizes[1] > sizes[0] > 1000


def test_what_was_not_run_never_passes(tmp_path):
    for figure in FIGURES:
        assert {verdict.word for verdict in judge(figure, "laptop", {})} == {"not run"}
        bare = {**made_up(figure.experiments[0]), "final": {}, "training": {"update": []}, "probes": {}}
        data = {name: [{**bare, "extortion": {}, "along": {}}] for name in figure.experiments}
        assert {verdict.word for verdict in judge(figure, "laptop", data)} == {"not run"}


def test_seeds_intervals_and_costs_are_shown(tmp_path, capsys):
    folder = tmp_path / "paper"
    folder.mkdir()
    rows = [made_up("ipd_no_pool", seed) for seed in (0, 1, 4)]
    for row, rate in zip(rows, (0.0, 0.3, 0.6), strict=True):
        row["final"]["cooperation/learner-learner"] = rate
    write_rows(path_of(folder, "ipd_no_pool"), rows)
    main(["reproduce", "1", "--out", str(folder)])
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "ipd_no_pool" in line and "cooperation" in line]
    assert "0.00 0.30 0.60" in line
    assert "0.00 to 0.60" in line
    (cost,) = [line for line in out.splitlines() if "make train EXP=ipd_no_pool" in line]
    assert "SEEDS=0,1,4" in cost
    assert "1.5 1.5 1.5" in cost
    assert "2.0 2.0 2.0" in cost
    assert "0123456 " in cost


def test_notes_written_by_hand_stay_beside_what_is_generated(tmp_path):
    folder = tmp_path / "paper"
    (folder / "notes").mkdir(parents=True)
    for name in ("intro", "fig3"):
        (folder / "notes" / f"{name}.md").write_text(f"Words on {name}.\n")
    main(["reproduce", "3", "--out", str(folder)])
    document = (tmp_path / "paper.md").read_text()
    assert document.startswith("Words on intro.")
    assert document.index("## Figure 3") < document.index("Words on fig3.") < document.index("## Figure 4")
    main(["reproduce", "3", "--no-train", "--scale", "paper", "--out", str(folder)])
    assert "Words" not in (tmp_path / "paper_scale.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["9"], "figures: 1"),
        (["1", "--scale", "huge"], "scales: laptop, paper"),
        (["1", "train.updates=3"], "ray."),
        (["1", "--seeds", "x", "--train"], "seeds"),
    ],
)
def test_wrong_figures_scales_and_settings_are_one_line(arguments, word, tmp_path, capsys):
    assert main(["reproduce", *arguments, "--out", str(tmp_path / "paper")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert word in error
    assert not (tmp_path / "paper").exists()


def test_data_are_what_json_can_hold():
    assert json.loads(json.dumps(made_up("ipd_icl"))) == made_up("ipd_icl")
