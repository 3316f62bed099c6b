"""The rule that tells mechanisms apart, on policies whose mechanism is known because it was built by hand."""

from pathlib import Path

import numpy as np
import pytest
from hand_made import latched_policy, memory1_policy

from coop_icl.evaluation.analysis import Effort, Subject
from coop_icl.evaluation.intervention import INTERVENTION, design
from coop_icl.evaluation.mechanism import LABELS, judge
from coop_icl.policy_store import LoadedPolicy, PolicyInfo
from coop_icl.reporting.analyses.intervention import draw_intervention, table_intervention, verdict_intervention
from coop_icl.runs.files import plain
from envs.registry import make_game

ROUNDS = 60
MECHANISMS = {
    "defector": memory1_policy((0, 0, 0, 0, 0), ROUNDS),
    "unconditional": memory1_policy((0.6,) * 5, ROUNDS),
    "handshake": latched_policy(ROUNDS),
    "convention": latched_policy(ROUNDS, repaid=True),
    "best response": memory1_policy((1, 1, 0.2, 1, 0.2), ROUNDS),
    "best response to first impressions": memory1_policy((1, 1, 0, 0, 0), ROUNDS),
}


def subject(policy, rounds=ROUNDS):
    info = PolicyInfo(Path(), "ipd_v0", {"rounds": rounds}, (("outcome", 5),), {}, "")
    return Subject("me", LoadedPolicy(policy, info))


def cell(result, opening, now, switch):
    (found,) = [c for c in result["cells"] if (c["opening"], c["now"], c["switch"]) == (opening, now, switch)]
    return found["cooperation"]["value"]


@pytest.fixture(scope="module")
def results():
    return {label: INTERVENTION.run(subject(policy), Effort(96, 3)) for label, policy in MECHANISMS.items()}


@pytest.mark.parametrize("label", MECHANISMS)
def test_a_built_mechanism_is_recognised(results, label):
    assert results[label]["label"] == label
    assert results[label]["meaning"] == LABELS[label]


@pytest.mark.parametrize("label", MECHANISMS)
def test_nothing_changes_before_the_switch_and_nothing_with_a_player_without_memory(results, label):
    placebo = results[label]["placebo"]
    assert placebo["low"] - 1e-6 <= 0 <= placebo["high"] + 1e-6
    control = results[label]["references"]["no history"]
    assert control["label"] == "unconditional"
    assert all(abs(share["value"]) < 0.1 for share in control["shares"].values())
    assert all(abs(c["cooperation"]["value"] - 0.6) < 0.05 for c in results["unconditional"]["cells"])


def test_cells_hold_what_follows_from_the_policies(results):
    k = design(ROUNDS)[1]
    handshake, convention = results["handshake"], results["convention"]
    assert cell(handshake, "learner", "alld", k) == 1.0
    assert cell(convention, "learner", "alld", k) == 0.0
    for one in (handshake, convention):
        assert cell(one, "learner", "learner", 0) == cell(one, "learner", "tft", k) == 1.0
        assert cell(one, "tft", "tft", 0) == pytest.approx(1 / 3, abs=0.05)  # D D C for ever
        assert cell(one, "allc", "tft", k) < 0.5
    grim = results["best response to first impressions"]
    assert cell(grim, "allc", "tft", k) == 1.0
    assert cell(grim, "alld", "tft", k) == 0.0
    assert grim["shares"][str(k)]["lingers"]["value"] == pytest.approx(2 / 3, abs=0.02)


def test_counting_responds_to_the_present_more_than_a_grudge_does(results):
    urns = results["best response"]["references"]["urns"]["shares"]
    assert urns["lingers"]["high"] < 0.5


def test_the_same_seed_gives_the_same_figures_and_they_are_plain():
    one, two = (INTERVENTION.run(subject(MECHANISMS["best response"]), Effort(12, 5)) for _ in range(2))
    assert one == two == plain(one)


def test_pictures_and_words(results):
    result = results["convention"]
    header, rows = table_intervention(result)
    assert {len(row) for row in rows} == {len(header)}
    assert "convention" in verdict_intervention(result)
    assert draw_intervention(result).axes


@pytest.mark.parametrize(
    ("stops", "needs", "lingers", "label"),
    [
        (0.9, 0.1, 0.1, "best response"),
        (0.9, 0.1, 0.9, "best response to first impressions"),
        (0.9, 0.9, None, "convention"),
        (0.1, 0.9, None, "handshake"),
        (0.1, 0.1, 0.1, "unconditional"),
        (0.5, 0.1, 0.1, "mixed"),
        (0.9, 0.5, 0.1, "mixed"),
        (0.9, 0.1, 0.5, "mixed"),
        (None, None, None, "mixed"),
    ],
)
def test_the_rule(stops, needs, lingers, label):
    def around(value):
        return None if value is None else {"value": value, "low": value - 0.05, "high": value + 0.05}

    shares = {"stops": around(stops), "needs": around(needs), "lingers": around(lingers)}
    assert judge(around(0.9), shares) == label
    assert judge(around(0.1), shares) == "defector"


def test_it_is_asked_of_prisoners_dilemmas_only():
    assert INTERVENTION.reason_against(make_game("ipd_v0")) == ""
    for name, options in (("stag_hunt_v0", {}), ("ipd_v0", {"rounds": 9}), ("ipd_v0", {"noise": 0.1})):
        assert INTERVENTION.reason_against(make_game(name, **options))


def test_the_policies_do_what_they_are_built_to_do():
    one, rounds = latched_policy(repaid=True), np.eye(5, dtype=np.float32)
    import torch

    history = torch.from_numpy(rounds[[0, 4, 1, 1, 2, 4, 4, 3]])[:, None]
    lead = one(history)[0][:, 0, 0] - one(history)[0][:, 0, 1]
    assert (lead > 0).tolist() == [False, True, True, True, False, False, False, True]
