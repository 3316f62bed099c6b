"""Sequence models compared: who is trained on what, and what is shown of them."""

import pytest

from coop_icl.config import load
from coop_icl.reporting.beyond import measuring, models
from coop_icl.reporting.beyond.cells import RATE
from coop_icl.rollouts.setting import build
from tests.reporting.runs import finished

EQUAL = sorted(set(models.EXPERIMENTS) - {"lstm_wide"})


def parameters(core):
    return sum(weights.numel() for weights in build(load(models.EXPERIMENTS[core])).make_policy(0).parameters())


@pytest.mark.parametrize("core", EQUAL)
def test_all_but_the_wide_one_have_about_as_many_parameters(core):
    assert parameters(core) == pytest.approx(parameters("gru"), rel=0.08)
    assert parameters("lstm_wide") > 3 * parameters("gru")


@pytest.mark.parametrize("rows", [models.MIXED, models.ALONE], ids=["mixed", "alone"])
def test_what_stands_side_by_side_differs_in_the_model_or_in_what_its_title_says(rows):
    titles = [title for title, _ in rows.values()]
    assert len(titles) == len(set(titles))
    groups = {}
    for title, experiment in rows.values():
        config = load(experiment)
        shared = (config.game, config.population, config.train, config.log)
        groups.setdefault("ample" in title, []).append(shared)
    assert all(one == group[0] for group in groups.values() for one in group)


def test_a_learner_alone_is_shown_by_what_it_earns_and_what_it_falls_short_of(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measuring, "EPISODES", 4)
    monkeypatch.setattr(models, "EPISODES", 4)
    along = [{"update": u, "rounds": u, "seconds": u, models.WITH_TABULAR: p} for u, p in ((20, 0.5), (40, 0.75))]
    finished(tmp_path, "ipd_inference", rows=along, overrides=["train.learners=1", "game.options.rounds=6"])
    models.MODELS.measure(["alone_gru"], tmp_path, tmp_path / "out")
    (seed,) = measuring.read(tmp_path / "out", "ipd_inference")
    assert RATE not in seed["final"]
    shown = models.inference({experiment: [] for experiment in models.EXPERIMENTS.values()} | {"ipd_inference": [seed]})
    row, *others = [line for line in shown.splitlines() if "GRU" in line or "not run" in line]
    assert "0.75" in row
    assert f"{seed['asked']['learner_0']['gap']:.3f}" in row
    assert len(others) == len(models.ALONE) - 1
