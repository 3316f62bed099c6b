"""Extortion, asked of policies that are zero-determinant strategies of known slope."""

from pathlib import Path

import numpy as np
import pytest
from hand_made import memory1_policy

from coop_icl.evaluation.analysis import Effort, Subject
from coop_icl.evaluation.payoff_lines import EXTORTION, feasible, payoff_line
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import LoadedPolicy, PolicyInfo
from coop_icl.populations.memory_one import zero_determinant
from coop_icl.reporting.analyses.extortion import draw_extortion, table_extortion, verdict_extortion
from coop_icl.runs.files import plain
from coop_icl.seeding import SeedNode
from envs.registry import make_game

DONATION = np.array([[1.0, -1.0], [2.0, 0.0]])


def asked(table, episodes=256, others=()):
    def of(policy):
        return LoadedPolicy(policy, PolicyInfo(Path(), "ipd_v0", {"rounds": 100}, (("outcome", 5),), {}, ""))

    fellows = {f"learner_{i}": of(memory1_policy(other)) for i, other in enumerate(others)}
    return EXTORTION.run(Subject("me", of(memory1_policy(table)), fellows), Effort(episodes, 2))


@pytest.mark.parametrize("chi", [1.0, 1.5, 2.0, 3.0])
def test_a_known_slope_is_found_in_what_is_played_and_in_what_is_earned(chi):
    table = zero_determinant(chi, DONATION).initial_state(np.zeros((1, 0)))[0]
    result = asked(table)
    (fit,) = [fit for fit in result["fits"] if fit["co_player"] == "tabular"]
    assert fit["chi"] == pytest.approx(chi, abs=0.05)
    assert fit["residual"] < 0.01 < fit["random_residual"]
    line = result["line"]
    assert line["chi"]["value"] == pytest.approx(chi, abs=0.05)
    assert line["straight"]
    assert line["explained"] > 0.98
    assert ("it extorts" in verdict_extortion(result)) == (chi > 1)


def test_a_defector_lies_on_a_falling_line_and_one_who_is_random_on_none():
    defector = asked((0, 0, 0, 0, 0), 64)
    assert defector["line"]["chi"]["value"] == pytest.approx(-2, abs=1e-3)  # 2 and -1 for every cooperation
    assert defector["line"]["explained"] == pytest.approx(1, abs=1e-3)
    assert "does not extort" in verdict_extortion(defector)
    assert "enforces no line" in verdict_extortion(asked((0.5,) * 5, 64))


def test_with_learners_payoffs_are_those_of_the_two_policies():
    result = asked((0, 0, 0, 0, 0), 16, others=[(1, 1, 1, 1, 1), (0, 0, 0, 0, 0)])
    with_learners = [(fit["payoff"], fit["other_payoff"]) for fit in result["fits"] if fit["learner"]]
    assert with_learners == [(2, -1), (0, 0)]
    assert result["with_learners"] == pytest.approx(1.5)
    assert "+1.50 a round ahead" in verdict_extortion(result)
    assert plain(result) == result
    header, rows = table_extortion(result)
    assert {len(row) for row in rows} == {len(header)}
    assert draw_extortion(result).axes


def test_the_region_is_spanned_by_the_stage_game():
    assert sorted(map(tuple, feasible(DONATION))) == [(-1, 2), (0, 0), (1, 1), (2, -1)]
    inside = np.array([[4.0, -1.0], [5.0, 1.5]])  # (P, P) lies between (S, T) and (T, S), no corner
    assert sorted(map(tuple, feasible(inside))) == [(-1, 5), (1.5, 1.5), (4, 4), (5, -1)]


def test_a_line_through_the_baseline_is_recovered_whatever_its_slope():
    across = np.linspace(-1, 1, 41)
    for slope in (-2.0, 0.0, 1.0, 7.0):
        found = payoff_line(np.stack([3 + slope * across, 3 + across], axis=1), 3.0, SeedNode(0))
        assert found["chi"]["value"] == pytest.approx(slope, abs=1e-6)
        assert found["explained"] == pytest.approx(1)


def test_it_is_asked_of_prisoners_dilemmas_only():
    assert EXTORTION.reason_against(make_game("ipd_v0")) == ""
    assert "no prisoner's dilemma" in EXTORTION.reason_against(make_game("chicken_v0"))


def test_policies_that_are_told_can_be_asked_too():
    told = SequencePolicy(ModelConfig(hidden_size=16), (5, 10), 2, 100)
    told.reset_parameters(0)
    features = (("outcome", 5), ("co_player", 10))
    loaded = LoadedPolicy(told, PolicyInfo(Path(), "ipd_v0", {"rounds": 100}, features, {}, ""))
    result = EXTORTION.run(Subject("me", loaded, {"other": loaded}), Effort(32))
    (fit,) = [fit for fit in result["fits"] if fit["learner"]]
    assert fit["payoff"] == pytest.approx(fit["other_payoff"], abs=0.1)  # both see zeros where they are told
