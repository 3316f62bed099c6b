"""Files that are not what they should be: one line, exit code 2, nothing run and nothing written, in every command."""

import io
import json
import os
import pickle
from pathlib import Path

import pytest

from coop_icl.cli import main
from coop_icl.runs.manifest import write_manifest
from envs.registry import make_game
from tests.evaluation.exported import ROCK_PAPER_SCISSORS
from tests.reporting.runs import finished
from tests.runs.test_policy_store import SPOILERS, replace_weights, rewrite

RUN = "runs/mine/seed_0"
POLICY = f"{RUN}/policies/final/learner_0"
FROZEN = f"population.mixture=[{{name: frozen, path: {POLICY}}}]"
TAKE_POLICIES = {
    "evaluate": ["evaluate", RUN, "--episodes", "2"],
    "evaluate one": ["evaluate", POLICY, "--episodes", "2", "--only", "probes"],
    "report": ["report", RUN, "--episodes", "2", "--analyses", "probes"],
    "play": ["play", RUN],
    "crossplay": ["crossplay", RUN, "--episodes", "2"],
    "results": ["results", RUN, "--out", "out"],
    "verify": ["verify", "mine.yaml"],
    "train against": ["train", "smoke", "game.options.rounds=20", FROZEN, "--runs", "new"],
}
ALSO_THEIR_GAME = [name for name in TAKE_POLICIES if name != "train against"]  # which plays a game of its own
KEPT = "evaluation/probes.json"
ITS_OWN = {"config.yaml", "summary.json", "provenance.json"}
JSON = ("summary.json", "provenance.json", "evaluation.json")
TAKE_RUNS = {
    "compare": (["compare", RUN, "--table"], {"config.yaml", "metrics.jsonl"}),
    "results": (
        ["results", RUN, "--out", "out"],
        {"summary.json", "provenance.json", "metrics.jsonl", "evaluation.json"},
    ),
    "verify": (["verify", "mine.yaml"], {"summary.json"}),
    "resume": (["resume", RUN], {"config.yaml"}),
    "report": (TAKE_POLICIES["report"], {*ITS_OWN, "metrics.jsonl", KEPT}),
    "play": (["play", RUN], ITS_OWN),
    "evaluate": (TAKE_POLICIES["evaluate"], ITS_OWN),
}


class Bomb:
    """What a pickle can do when it is loaded."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


def huge_header(folder):
    header = b'{"' + b"a" * 2**21 + b'": {}}'
    replace_weights(folder, len(header).to_bytes(8, "little") + header)


def fifo(folder):
    (folder / "policy.json").unlink()
    os.mkfifo(folder / "policy.json")


def loop(folder):
    (folder / "policy.json").unlink()
    (folder / "policy.json").symlink_to("policy.json")


def policy_with(folder, **changes):
    described = json.loads((folder / "policy.json").read_text())["policy"]
    rewrite(folder, policy={**described, **changes})


POLICY_SPOILERS = {
    **{name: spoil for name, (spoil, _) in SPOILERS.items()},
    "features": lambda f: rewrite(f, features=[["outcome", 4]]),
    "bomb": lambda f: replace_weights(f, pickle.dumps(Bomb())),
    "bomb as description": lambda f: (f / "policy.json").write_bytes(pickle.dumps(Bomb())),
    "huge header": huge_header,
    "header beyond the file": lambda f: replace_weights(f, (2**63).to_bytes(8, "little") + b"{}"),
    "many parts": lambda f: policy_with(f, parts=[1] * 10**5, model={"hidden_size": 8, "embedding_size": 4}),
    "huge part": lambda f: policy_with(f, parts=[10**15]),
    "many digits": lambda f: (f / "policy.json").write_text('{"format": 1' + "0" * 10**5 + "}"),
    "fifo": fifo,
    "link to itself": loop,
}
SQUARE = [[0] * 100] * 100
GAME_SPOILERS = {
    "no such game": {"name": "chess", "options": {}},
    "other features": {"name": "ipd_v0", "options": {"rounds": 20, "observe": ["round"]}},
    "other actions": {"name": "matrix_game", "options": {"payoffs": ROCK_PAPER_SCISSORS}},
    "endless": {"name": "ipd_v0", "options": {"rounds": 10**12}},
    "long": {"name": "ipd_v0", "options": {"rounds": 10**6}},
    "no number": {"name": "ipd_v0", "options": {"rounds": "20"}},
    "unknown option": {"name": "ipd_v0", "options": {"round": 20}},
    "name as option": {"name": "ipd_v0", "options": {"name": "x"}},
    "wide": {"name": "matrix_game", "options": {"payoffs": [SQUARE, SQUARE]}},
    "no payoffs": {"name": "matrix_game", "options": {"payoffs": 5}},
    "no parts": {"name": "ipd_v0", "options": {"observe": 5}},
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A finished run, ``mine``, whose claim is about probes; nobody types."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("base: smoke\nexpect: {probe/allc/cooperation: [0, 1]}\n")
    finished(Path("runs"), "mine.yaml")
    summary = json.loads(Path(RUN, "summary.json").read_text())
    more = {"reached_0.9_at": None, "lowest_after_reaching_0.9": None}
    Path(RUN, "summary.json").write_text(json.dumps({**summary, **more}))
    return tmp_path


def refused(arguments, capsys, *words):
    capsys.readouterr()
    before = set(Path().rglob("*"))
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert error.startswith("coop-icl: ")
    assert all(word in error for word in words), error
    assert {path for path in set(Path().rglob("*")) - before if path.name != ".lock"} == set()


@pytest.mark.parametrize("command", TAKE_POLICIES)
def test_commands_take_what_is_good(command, here, monkeypatch):
    monkeypatch.setattr("coop_icl.training._run", lambda setting, directory: 0)
    assert main(TAKE_POLICIES[command]) == 0


@pytest.mark.parametrize("spoiler", POLICY_SPOILERS)
def test_policies_that_are_none(spoiler, here, capsys):
    POLICY_SPOILERS[spoiler](here / POLICY)
    for command, arguments in TAKE_POLICIES.items():
        if command == "evaluate one" and not (here / POLICY / "policy.json").is_file():
            refused(arguments, capsys, "learner_0", "policy.json")
        else:
            refused(arguments, capsys, "learner_0", "; ")


@pytest.mark.parametrize("spoiler", GAME_SPOILERS)
def test_policies_of_another_game(spoiler, here, capsys):
    rewrite(here / POLICY, game=GAME_SPOILERS[spoiler])
    for command in ALSO_THEIR_GAME:
        refused(TAKE_POLICIES[command], capsys, "learner_0")


def test_policies_of_different_games_are_not_one_run(here, capsys):
    game = {"name": "stag_hunt_v0", "options": {"rounds": 20}}
    assert make_game(name="stag_hunt_v0", rounds=20).spec.features == make_game("ipd", rounds=20).spec.features
    rewrite(here / POLICY, game=game)
    refused(TAKE_POLICIES["evaluate"], capsys, "learner_0", "learner_1", "different games")
    assert main(TAKE_POLICIES["evaluate one"]) == 0


TEXTS = {
    "nothing": "",
    "noise": "\x00\x01{",
    "list": "[1, 2]",
    "nested": "[" * 10**5,
    "word": '"word"',
    "other keys": '{"what": 1}',
    "code": "!!python/object/apply:os.mkdir [exploded]",
    "endless": "a: &a [1, 1]\nb: &b [*a, *a]\nname: *b",
    "environment": "claim: ${oc.env:HOME}",
}


ALLOWED = {
    *(("metrics.jsonl", text) for text in TEXTS if text not in ("list", "word", "other keys")),  # lines cut by a crash
    ("provenance.json", "other keys"),
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", KEPT, *JSON])
def test_files_that_no_run_wrote(name, text, here, capsys):
    (here / RUN / "checkpoints" / "update_000001").mkdir()
    (here / RUN / "checkpoints" / "update_000001" / "x").touch()
    write_manifest(here / RUN / "checkpoints" / "update_000001")
    (here / RUN / name).parent.mkdir(exist_ok=True)
    (here / RUN / name).write_text(TEXTS[text])
    for arguments, reads in TAKE_RUNS.values():
        if name in reads and (name, text) not in ALLOWED:
            refused(arguments, capsys, name)


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", KEPT, *JSON])
def test_pickles_in_place_of_files(name, here, capsys):
    (here / RUN / name).parent.mkdir(exist_ok=True)
    (here / RUN / name).write_bytes(pickle.dumps(Bomb()))
    for command, (arguments, reads) in TAKE_RUNS.items():
        if name in reads and command != "resume":
            refused(arguments, capsys, name)
    assert not Path("exploded").exists()


@pytest.mark.parametrize("command", ["evaluate", "report", "play", "compare", "results", "resume"])
@pytest.mark.parametrize("path", ["", "nowhere", "../..", "a\nb", "runs/mine/seed_0/config.yaml"])
def test_places_where_nothing_is(command, path, here, capsys):
    refused([command, path], capsys)


def test_a_run_that_may_not_be_written_to(here, capsys):
    (here / RUN / "evaluation").write_text("a file where a folder is needed")
    assert main(TAKE_POLICIES["evaluate"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "evaluation" in error
