"""What concerns a cluster and cannot be: one line and exit code 2, soon, with nothing written."""

import json
import re
import time
from pathlib import Path

import pytest

from coop_icl.cli import main
from coop_icl.config.sweep import variants
from coop_icl.errors import UserError
from coop_icl.rllib.gauges import EXPORTED
from tests.cluster.nodes import free_ports

DASHBOARD = Path(__file__).parents[2] / "docker/grafana/coop_icl.json"


def refused(arguments, capsys):
    began = time.monotonic()
    assert main(arguments) == 2
    assert time.monotonic() - began < 30
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert error.startswith("coop-icl: ")
    assert not list(Path.cwd().rglob("*.yaml"))
    return error


@pytest.mark.parametrize("arguments", [["train", "smoke"], ["submit", "smoke"], ["train", "smoke", "--seeds", "0-1"]])
def test_no_cluster_answers(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    error = refused(arguments, capsys)
    assert f"no Ray cluster answers at {address}" in error
    assert "RAY_ADDRESS" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "address", "words"),
    [
        ("submit", "", ["no cluster is named", "RAY_ADDRESS="]),
        ("submit", "127.0.0.1", ["10.0.0.1:6379", "'127.0.0.1'"]),
        ("submit", "ray://127.0.0.1:10001", ["http://", "ray://127.0.0.1:10001"]),
        ("submit", "http://127.0.0.1:1", ["no Ray cluster answers at 127.0.0.1:1"]),
        ("train", "http://127.0.0.1:8265", ["coop-icl submit", "http://127.0.0.1:8265"]),
        ("train", "nonsense", ["10.0.0.1:6379", "'nonsense'"]),
        ("train", "127.0.0.1:99999999", ["no Ray cluster answers"]),
    ],
)
def test_addresses_of_another_kind(command, address, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", address)
    error = refused([command, "smoke"], capsys)
    assert all(word in error for word in words), error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "smoke", "--sweep", "train.gamma"], ["train.lr.start=1e-3,2e-3", "'train.gamma'"]),
        (["train", "smoke", "--sweep", "train.gamma=.9,"], ["'train.gamma=.9,'"]),
        (["train", "smoke", "--sweep", "train.gamma=.9,7"], ["train.gamma", "7"]),
        (["train", "smoke", "--sweep", "train.gamma=.9,.9"], ["the same"]),
        (["train", "smoke", "--sweep", "seed=1,2"], ["--seeds"]),
        (["train", "smoke", "--sweep", "train.lr={start: 1},{start: 2}"], ["no lists"]),
        (["train", "ipd_mechanism", "--sweep", "train.gamma=.9,.8"], ["stages", "one of those"]),
        (["submit", "smoke", "train.gamma=7"], ["train.gamma", "7"]),
        (["submit", "mine.yml"], ["mine.yml", "experiments/"]),
    ],
)
def test_sweeps_and_jobs_that_cannot_be(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    error = refused(arguments, capsys)
    assert all(word in error for word in words), error


def test_a_sweep_is_every_combination_each_with_a_folder_of_its_own():
    found = variants("train.lr.start=1e-3,2e-3  train.gamma=.9,.99")
    assert [variant.overrides for variant in found] == [
        ("train.lr.start=1e-3", "train.gamma=.9"),
        ("train.lr.start=1e-3", "train.gamma=.99"),
        ("train.lr.start=2e-3", "train.gamma=.9"),
        ("train.lr.start=2e-3", "train.gamma=.99"),
    ]
    assert found[1].suffix == "train.lr.start-1e-3-train.gamma-.99"
    assert [(variant.overrides, variant.suffix) for variant in variants("")] == [((), "")]
    with pytest.raises(UserError, match="signs"):
        variants("name_of=a+b,a*b")


def test_the_dashboard_shows_every_metric_there_is_and_no_other():
    board = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    variables = [variable["definition"] for variable in board["templating"]["list"] if "definition" in variable]
    shown = [re.findall(r"\bray_\w+", text) for text in expressions + variables]
    assert all(shown)
    assert {name for names in shown for name in names} == {f"ray_{name}" for name in EXPORTED}
    assert all('experiment=~"$experiment"' in text for text in expressions)
