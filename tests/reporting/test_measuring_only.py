"""What finished runs show is added to the data without training anything."""

import pytest

from coop_icl.cli import main
from coop_icl.reporting.beyond import ingredients
from coop_icl.reporting.beyond.axes import EXPERIMENT
from coop_icl.reporting.paper.data import path_of
from coop_icl.runs.files import read_rows
from tests.reporting.runs import finished


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Folders of runs and of data; training fails."""

    def no_training(*_):
        raise AssertionError("something was to be trained")

    monkeypatch.setattr("coop_icl.jobs.train_many", no_training)
    return ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "data")]


def test_of_beyond(folders, tmp_path, capsys):
    finished(tmp_path / "runs" / "ingredients", EXPERIMENT, 3, policies=False, overrides=["name=horizon-10"])
    assert main(["beyond", "ingredients", "--measure", "--only", "horizon", *folders]) == 0
    rows = read_rows(ingredients.path_of(tmp_path / "data", "horizon"))
    assert [(row["value"], row["seed"]) for row in rows] == [(10, 3)]
    assert "horizon-10: 1 finished runs measured" in capsys.readouterr().out


def test_of_the_paper(folders, tmp_path):
    finished(tmp_path / "runs", "ipd_icl", 3)
    main(["reproduce", "3", "--measure", *folders])
    assert [row["seed"] for row in read_rows(path_of(tmp_path / "data", "ipd_icl"))] == [3]


@pytest.mark.parametrize("command", [["beyond", "games"], ["reproduce", "1"]])
@pytest.mark.parametrize(("more", "word"), [([], "no such folder of runs"), (["--train"], "not allowed with")])
def test_of_nothing_is_an_error(command, more, word, folders, tmp_path, capsys):
    try:
        code = main([*command, "--measure", *more, *folders])
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert word in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
