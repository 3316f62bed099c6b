"""What each method assumes is declared, for every method that can be run, and the document shows just that."""

import inspect
import json
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from coop_icl.algorithms.shaping import RETURNS, Shaping
from coop_icl.cli import main
from coop_icl.config.schema import TrainConfig
from coop_icl.learning_aware import meta_agent, meta_game, mfos
from coop_icl.learning_aware.methods import HEADINGS, METHODS, Assumes, table
from coop_icl.learning_aware.pairs import UPDATES
from coop_icl.learning_aware.record import LEARNERS, PAIRS, record

ROOT = Path(__file__).parents[2]


def test_every_method_that_can_be_run_says_what_it_assumes():
    assert {method.pairs for method in METHODS.values()} - {None} == set(LEARNERS)
    assert {method.returns for method in METHODS.values()} - {None} == set(RETURNS)
    assert all((method.pairs is None) != (method.returns is None) for method in METHODS.values())
    assert all(hasattr(TrainConfig(), method.setting) for method in METHODS.values() if method.setting)
    assert set(HEADINGS) == {field.name for field in fields(Assumes)}


def test_the_document_shows_the_declared_table():
    assert table() in (ROOT / "docs" / "learning_aware.md").read_text()


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.returns not in (None, "plain")])
def test_only_methods_that_know_the_batch_look_at_other_games(name):
    rewards, kinds = torch.zeros(4, 2), torch.tensor([1, 1])
    changed = rewards.clone()
    changed[3, 1] = 1.0
    shaping = Shaping(METHODS[name].returns, 2, 2, {1: 2})
    seen = (shaping.weights(changed, kinds, 1.0) - shaping.weights(rewards, kinds, 1.0))[:, 0].any()
    assert bool(seen) == METHODS[name].assumes.batch


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.pairs])
def test_methods_that_read_no_weights_have_no_derivatives_through_them(name):
    assumes = METHODS[name].assumes
    assert assumes.weights >= assumes.derivatives
    found = UPDATES.get(METHODS[name].pairs)
    sources = [found] if found else [mfos, meta_game, meta_agent]
    assert any("create_graph" in inspect.getsource(source) for source in sources) == assumes.derivatives


def test_what_pairs_come_to_is_written_seed_by_seed(tmp_path):
    text = record([("naive", "lola_exact")], [0, 3], 2, tmp_path)
    assert "| naive | lola_exact |" in text
    found = json.loads((tmp_path / "naive_lola_exact.json").read_text())
    assert [row["seed"] for row in found["seeds"]] == [0, 3]
    assert found["world"]["gamma"] == 0.96
    assert all(name in UPDATES for pair in PAIRS for name in pair)
    with pytest.raises(ValueError, match="unknown method 'lolla'"):
        record([("lolla", "naive")], [0], 1, tmp_path)


def test_the_command_writes_and_shows_them_and_refuses_what_it_does_not_know(tmp_path, capsys):
    wanted = ["--pairs", "naive:lola_exact", "--seeds", "0", "--updates", "2", "--out", str(tmp_path)]
    assert main(["baselines", *wanted]) == 0
    assert "| naive | lola_exact |" in capsys.readouterr().out
    assert (tmp_path / "naive_lola_exact.json").is_file()
    assert main(["baselines", "--pairs", "lolla", "--out", str(tmp_path)]) == 2
    assert "--pairs: unknown method 'lolla'" in capsys.readouterr().err
