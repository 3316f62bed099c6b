"""Scores against strategies of the Axelrod library, of a policy that always defects."""

import builtins
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import Effort, Subject
from coop_icl.evaluation.axelrod_suite import AXELROD, PANEL, axelrod_scores, duel, family_of
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import LoadedPolicy, PolicyInfo
from coop_icl.populations import axelrod as library
from coop_icl.populations.registry import make_co_player
from envs.registry import make_game

pytest.importorskip("axelrod")
ROUNDS = 10
STRATEGIES = ("Tit For Tat", "Cooperator", "Grudger", "Random", "Tit For 2 Tats")


def defector(name="ipd_v0"):
    policy = SequencePolicy(ModelConfig(hidden_size=4), [5], 2, ROUNDS)
    policy.reset_parameters(0)
    policy.action_head.weight.data[:] = 0
    policy.action_head.bias.data[:] = torch.tensor([-50.0, 50.0])
    info = PolicyInfo(Path("nowhere"), name, {"rounds": ROUNDS}, (("outcome", 5),), {}, "")
    return Subject("one", LoadedPolicy(policy, info))


def test_scores_of_closed_form():
    found = axelrod_scores(defector(), Effort(episodes=128), STRATEGIES)
    assert found["episodes"] == 2
    by_name = {row["strategy"]: row for row in found["members"]}
    assert set(by_name) == set(STRATEGIES)
    tft = by_name["Tit For Tat"]
    assert (tft["payoff"], tft["alld"]) == (pytest.approx(0.2), pytest.approx(0.2))
    assert tft["panel_best"] == pytest.approx(1.0)  # cooperating throughout
    assert tft["score"] == pytest.approx(-0.8)
    assert (by_name["Cooperator"]["score"], by_name["Cooperator"]["panel_best_by"]) == (pytest.approx(0), "alld")
    assert by_name["Tit For 2 Tats"]["payoff"] == pytest.approx(0.4)
    assert by_name["Random"]["family"] == "memory 1, stochastic"
    assert by_name["Random"]["payoff"] == pytest.approx(by_name["Random"]["alld"])  # in the same episodes
    assert set(found["panel"]) == set(PANEL)
    assert found["panel"]["alld"] == pytest.approx(found["payoff"])
    for family in found["families"]:
        assert family["over_alld"] == pytest.approx(0, abs=1e-6)
        assert family["low"] - 1e-9 <= family["score"] <= family["high"] + 1e-9
    json.dumps(found)
    assert axelrod_scores(defector(), Effort(episodes=128), STRATEGIES) == found


def test_what_is_left_out_is_listed_with_a_reason(monkeypatch):
    some = ("Tit For Tat", "ZD-GEN-2")
    monkeypatch.setattr(
        "coop_icl.evaluation.axelrod_suite.playable", lambda: {name: library.playable()[name] for name in some}
    )
    found = axelrod_scores(defector(), Effort(episodes=1))
    assert [row["strategy"] for row in found["members"]] == ["Tit For Tat"]
    reasons = {row["strategy"]: row["reason"] for row in found["excluded"]}
    assert reasons["ZD-GEN-2"] == "is not defined with these payoffs"
    assert reasons["Meta Winner"] == "takes too long"
    assert "Darwin" in reasons


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Tit For Tat", "memory 1, deterministic"),
        ("Random", "memory 1, stochastic"),
        ("Tit For 2 Tats", "finite memory, deterministic"),
        ("Grudger", "unbounded memory, deterministic"),
    ],
)
def test_families(name, family):
    assert family_of(name) == family


def test_a_duel_pays_what_the_strategies_earn():
    game = make_game("ipd_v0", rounds=ROUNDS)
    tft, alld = (make_co_player(name, game) for name in ("tft", "alld"))
    np.testing.assert_allclose(duel(game, tft, alld, 3, 0), [-0.1] * 3)
    np.testing.assert_allclose(duel(game, alld, tft, 3, 0), [0.2] * 3)


def test_refusals(monkeypatch):
    with pytest.raises(UserError, match="has no strategy 'Nobody"):
        axelrod_scores(defector(), Effort(), ["Nobody at all"])
    with pytest.raises(UserError, match="no prisoner's dilemma"):
        axelrod_scores(defector("stag_hunt_v0"), Effort())
    assert AXELROD.reason_against(make_game("stag_hunt_v0"))
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "axelrod":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r"pip install coop_icl\[axelrod\]$"):
        axelrod_scores(defector(), Effort())
