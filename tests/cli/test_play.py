"""A person against a trained agent, at a terminal and through a pipe."""

import io
import os
import pty
import re
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from coop_icl.cli import main
from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import Effort
from coop_icl.evaluation.answering import answers
from coop_icl.evaluation.duel import AGENT, PERSON, Duel
from coop_icl.evaluation.exact import best_response, pair_payoffs
from coop_icl.evaluation.subjects import read
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.reporting.playing import letters_of
from envs.registry import MATRIX_GAMES, action_names, make_game
from tests.evaluation.exported import export, export_run
from tests.reporting.runs import finished

PAYOFFS = np.array([[1.0, -1.0], [2.0, 0.0]])
every_game = pytest.mark.parametrize("game", MATRIX_GAMES)


def typed(monkeypatch, capsys, text, *arguments):
    """Output of playing with ``text`` as standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["play", *arguments]) == 0
    done = capsys.readouterr()
    assert done.err == ""
    return done.out


@every_game
def test_every_game_can_be_played_to_its_end(game, tmp_path, monkeypatch, capsys):
    policy = export(tmp_path / "me", game, seed=4)
    names = action_names(game, policy.num_actions)
    letters = letters_of(names)
    assert len({*letters, "q"}) == len(names) + 1
    out = typed(monkeypatch, capsys, "\n".join(letters * 6), str(tmp_path / "me"))
    rounds = re.findall(
        r"^round +\d+  you: (.*?)(?: \(your hand trembled\))?, it: (.*?)   (\S+) and (\S+)   so far", out, re.M
    )
    assert 1 <= len(rounds) <= 12
    table = make_game(game, **read(tmp_path / "me").info.game_options).payoffs
    for mine, its, my_payoff, its_payoff in rounds:
        a, b = names.index(its), names.index(mine)
        assert (float(its_payoff), float(my_payoff)) == (table[0, a, b], table[1, a, b])
    total = sum(float(one) for _, _, one, _ in rounds)
    assert f"After {len(rounds)} round{'s' * (len(rounds) > 1)} you have {total:g} (" in out
    assert f"P({names[0]})" in out
    assert "value" in out


@pytest.mark.parametrize("text", ["cdq", "cd", "cd\x04c", "xcd?q", "C D\n\nQ"])
def test_a_person_may_stop_at_any_time(text, tmp_path, monkeypatch, capsys):
    export(tmp_path / "me")
    out = typed(monkeypatch, capsys, text, str(tmp_path / "me"))
    assert "After 2 of 12 rounds you have" in out
    assert ("(c, d or q)" in out) == ("x" in text)


@pytest.mark.parametrize("text", ["", "q", "\x04"])
def test_nothing_played_nothing_said(text, tmp_path, monkeypatch, capsys):
    export(tmp_path / "me")
    assert "No round was played." in typed(monkeypatch, capsys, text, str(tmp_path / "me"))


def test_ctrl_c_ends_the_episode_and_shows_what_there_is(tmp_path, monkeypatch, capsys):
    class Impatient(io.StringIO):
        def read(self, size=-1):
            one = super().read(size)
            if one == "!":
                raise KeyboardInterrupt
            return one

    export(tmp_path / "me")
    monkeypatch.setattr("sys.stdin", Impatient("cc!ccc"))
    assert main(["play", str(tmp_path / "me")]) == 0
    assert "After 2 of 12 rounds" in capsys.readouterr().out


def test_length_learner_and_seed_can_be_chosen(tmp_path, monkeypatch, capsys):
    export_run(tmp_path)
    play = lambda *more: typed(monkeypatch, capsys, "c" * 40, str(tmp_path), *more)  # noqa: E731
    assert "against learner_0" in play("--rounds", "40")
    assert "After 40 rounds" in play("--rounds", "40")
    assert "against learner_1" in play("--learner", "learner_1")
    assert play("--seed", "1") == play("--seed", "1") != play("--seed", "2")


@pytest.mark.parametrize("core", ["gru", "lstm", "transformer"])
@pytest.mark.parametrize("game", ["ipd", "matching_pennies"])
def test_what_the_agent_had_in_mind_is_what_a_replay_gives(core, game, tmp_path):
    export(tmp_path / "me", game, core=core, observe=["outcome", "action", "reward", "round"])
    loaded = read(tmp_path / "me")
    duel = Duel(loaded, seed=5)
    for action in (0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1):
        duel.play(action)
    assert duel.over
    outcomes = [0, *(1 + 2 * one.its + one.mine for one in duel.history[:-1])]
    seen = torch.from_numpy(duel.game.encode(np.array(outcomes)[:, None], np.arange(12)[:, None], AGENT))
    with torch.no_grad():
        scores, values, _ = loaded.policy(seen)
    expected = torch.softmax(scores, -1)[:, 0, 0].tolist()
    assert [one.probability for one in duel.history] == pytest.approx(expected, abs=1e-5)
    assert [one.value for one in duel.history] == pytest.approx(values[:, 0].tolist(), abs=1e-5)
    with pytest.raises(ValueError, match="over"):
        duel.play(0)


def test_seats_and_chances_are_those_of_the_game(tmp_path):
    export(tmp_path / "bos", "bach_or_stravinsky", continuation=None)
    duel = Duel(read(tmp_path / "bos"), seed=1)
    for _ in range(12):
        one = duel.play(1)
        together = {(0, 0): (1, 2), (1, 1): (2, 1)}
        assert (one.my_payoff, one.its_payoff) == together.get((one.mine, one.its), (0, 0))
    export(tmp_path / "noisy", "ipd", noise=0.5)
    noisy = Duel(read(tmp_path / "noisy"), rounds=400, seed=1)
    slips = np.mean([noisy.play(0).mine for _ in range(400)])
    assert 0.4 < slips < 0.6
    assert PERSON == 1 - AGENT


def test_an_agent_that_plans_and_one_that_is_told_can_be_played(tmp_path, monkeypatch, capsys):
    for experiment in ("ppi_smoke", "ipd_opponent_id"):
        run = finished(tmp_path, experiment)
        out = typed(monkeypatch, capsys, "cdcdq", str(run.path))
        assert "After 4 of 20 rounds" in out
        assert ("best way found" in out) == (experiment != "ppi_smoke")  # to answer a plan takes too long


def test_wrong_wishes_are_refused(tmp_path, capsys):
    export_run(tmp_path)
    export(tmp_path / "tr", core="transformer")
    for arguments, word in (
        (["--rounds", "0"], "rounds"),
        (["--learner", "learner_9"], "learner_1"),
        (["--seed", "-3"], "seed"),
    ):
        assert main(["play", str(tmp_path), *arguments]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert word in error
    with pytest.raises(UserError, match="at most 12"):
        Duel(read(tmp_path / "tr"), rounds=13)


def always(action):
    policy = SequencePolicy(ModelConfig(hidden_size=4), [5], 2, 10)
    policy.reset_parameters(0)
    policy.action_head.bias.data[:] = torch.tensor([50.0, -50.0] if action == 0 else [-50.0, 50.0])
    return policy


def test_how_well_an_agent_can_be_answered():
    game = make_game("ipd", rounds=10)
    few = Effort(episodes=16)
    against_allc = answers(always(0), game, few)
    assert against_allc == pytest.approx({"alld": 2.0, "fitted": 2.0, "allc": 1.0, "tft": 1.0})
    against_alld = answers(always(1), game, few)
    assert next(iter(against_alld.values())) == against_alld["fitted"] == 0.0
    assert against_alld["tft"] == pytest.approx(
        pair_payoffs(np.array([1.0, 1, 0, 1, 0]), np.zeros(5), PAYOFFS, 10).mean()
    )
    asymmetric = make_game("matrix_game", payoffs=[[[0, 0], [0, 0]], [[1, 5], [2, 3]]], rounds=10)
    payoffs = np.asarray(asymmetric.payoffs[1]).T
    value = best_response(np.ones(5), payoffs, 10)[0] / 10
    assert answers(always(0), asymmetric, few)["fitted"] == pytest.approx(value) == pytest.approx(5.0)
    assert answers(always(0), make_game("ipd", rounds=10, noise=0.1), few) == {}


def test_keys_at_a_terminal_need_no_return_and_leave_it_as_it_was(tmp_path):
    export(tmp_path / "me")
    main_end, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    command = [sys.executable, "-m", "coop_icl.cli", "play", str(tmp_path / "me")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    text, sent = "", 0
    deadline = time.monotonic() + 60
    while "P(cooperate):" not in text and time.monotonic() < deadline:
        text += os.read(main_end, 4096).decode()
        if text.count("\nround") > sent:
            os.write(main_end, b"cd\x04"[sent : sent + 1])
            sent += 1
    assert process.wait(30) == 0
    assert "After 2 of 12 rounds" in text
    assert termios.tcgetattr(terminal) == before
    os.close(main_end)
    os.close(terminal)
