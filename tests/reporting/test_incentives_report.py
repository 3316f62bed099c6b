"""``coop-icl incentives``: the table, what it keeps, and what it refuses."""

import json

import pytest

from coop_icl.cli import main
from coop_icl.reporting.incentives import CASES, PRIORS
from envs.registry import GAMES, make_game


def test_it_prints_a_table_and_keeps_figures_and_a_picture(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    arguments = ["incentives", "--games", "redrawn,ipd_v0", "--draws", "20", "--rounds", "10", "--seed", "3"]
    assert main([*arguments, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "redrawn family=plane" in text
    kept = json.loads((out / "incentives.json").read_text())
    assert len(kept["cases"]) == len(PRIORS) * (1 + len(CASES["redrawn"]))
    assert kept["command"] == "coop-icl incentives --games redrawn,ipd_v0 --draws 20 --seed 3 --rounds 10 --out FOLDER"
    assert str(tmp_path) not in (out / "incentives.json").read_text()
    assert {"value", "error"} <= kept["cases"][0]["gain"].keys()
    assert (out / "incentives.png").stat().st_size > 10_000


def test_public_goods_are_drawn_by_number_of_players(tmp_path, monkeypatch, capsys):
    few = tuple({"players": players, "multiplier": 2.0} for players in (2, 3))
    monkeypatch.setitem(CASES, "public_goods", few)
    assert main(["incentives", "--games", "public_goods", "--draws", "8", "--rounds", "5", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "incentives.png").is_file()
    assert "public_goods players=3 multiplier=2.0" in capsys.readouterr().out


def test_every_case_is_a_game_that_can_be_made():
    for name, cases in CASES.items():
        assert name in GAMES
        for options in cases:
            assert make_game(name, rounds=3, **options).spec.max_rounds == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--games", "idp"], ["idp", "ipd"]),
        (["--draws", "1"], ["draws", "1"]),
        (["--rounds", "0"], ["rounds", "0"]),
        (["--seed", "-1"], ["seed", "-1"]),
    ],
)
def test_bad_input_is_one_line(arguments, words, capsys):
    assert main(["incentives", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words)


def test_a_file_is_no_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["incentives", "--games", "ipd", "--out", str(tmp_path / "file")]) == 2
    assert "no folder" in capsys.readouterr().err
