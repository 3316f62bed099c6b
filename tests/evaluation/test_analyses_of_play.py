"""Analyses best_response, adaptation and suite, on policies whose behaviour is known."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from coop_icl.evaluation import bayes
from coop_icl.evaluation.adaptation import ADAPTATION, adapted_from
from coop_icl.evaluation.analysis import Effort, Subject
from coop_icl.evaluation.best_response import BEST_RESPONSE, adjusted_mean, prior_of
from coop_icl.evaluation.matches import match, mean_and_error, shortfalls
from coop_icl.evaluation.suite import IPD_SUITE_V0, SUITE, interval_of_mean
from coop_icl.evaluation.values import mean_payoffs, own_payoffs
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import LoadedPolicy, PolicyInfo
from coop_icl.populations.registry import make_co_player
from envs.registry import make_game

ROUNDS = 20
EFFORT = Effort(episodes=64)
PAYOFFS = np.array([[1.0, -1.0], [2.0, 0.0]])


def always(cooperation, rounds=ROUNDS, name="ipd_v0", folder=Path("nowhere")):
    """A subject that cooperates with the same probability whatever it sees."""
    policy = SequencePolicy(ModelConfig(hidden_size=4), [5], 2, rounds)
    policy.reset_parameters(0)
    policy.action_head.weight.data[:] = 0
    odds = np.clip(np.log(max(cooperation, 1e-30)) - np.log(max(1 - cooperation, 1e-30)), -50, 50)
    policy.action_head.bias.data[:] = torch.tensor([float(odds), 0.0])
    info = PolicyInfo(folder, name, {"rounds": rounds}, (("outcome", 5),), {}, "")
    return Subject("one", LoadedPolicy(policy, info))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(bayes, "EPISODES", 4000)
    monkeypatch.setattr(bayes, "BATCH", 4000)


@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize("name", ["tft", "tabular", "gradual", "switcher", "noisy"])
def test_what_actions_give_away_adds_up_to_the_gap(name, seat):
    """In expectation: value of the best response - payoff; exactly so where nothing is left to chance."""
    game = make_game("matrix_game", rounds=ROUNDS, payoffs=[PAYOFFS.tolist(), (PAYOFFS.T * 3).tolist()])
    co_player = make_co_player(name, game)
    played = match(always(0.5).policy, game, co_player, 1500, 0, seat)
    payoffs = own_payoffs(game, seat)
    given, room = shortfalls(played, payoffs)
    assert given.shape == room.shape == (ROUNDS, 1500)
    assert (given >= 0).all()
    assert (given <= room + 1e-9).all()
    gap = mean_payoffs(played.tables, payoffs, ROUNDS) - played.payoffs
    noise, error = mean_and_error(given.sum(0) / ROUNDS - gap)
    assert abs(noise) <= 5 * error + 1e-6
    if name in ("tft", "gradual"):
        np.testing.assert_allclose(given.sum(0) / ROUNDS, gap, atol=1e-5)


def test_a_defector_earns_what_it_must():
    """Its payoff is 1.000 a round to the last digit, and its share of what inference is worth is none."""
    found = BEST_RESPONSE.run(always(0), EFFORT)
    assert found["prior"] == {"alpha": 1.0, "beta": 1.0, "source": "default"}
    one = found["tabular"]
    assert one["payoff"] == pytest.approx(1.0, abs=4 * one["payoff_error"] + 1e-6)
    assert one["payoff_error"] < 0.01
    lower, upper = found["ceiling"]["bayes"]
    slack = 4 * sum(found["ceiling"]["bayes_errors"])
    assert 1 - slack < lower < upper + slack
    assert upper < found["ceiling"]["known"]
    assert one["gap_to_bayes"] == pytest.approx([lower - one["payoff"], upper - one["payoff"]])
    by_name = {row["co_player"]: row for row in found["fixed"]}
    assert by_name["alld"]["gap"] == pytest.approx(0)
    assert by_name["allc"]["gap"] == pytest.approx(0)
    assert by_name["tft"]["gap"] == pytest.approx((ROUNDS - 1 + 2 - 2) / ROUNDS)
    assert by_name["tft"]["payoff"] == pytest.approx(2 / ROUNDS)
    json.dumps(found)


def test_adjusted_means():
    rng = np.random.default_rng(0)
    control = rng.normal(size=(500, 2))
    exact, error = adjusted_mean(2 + control @ [3, -1], control)
    assert (exact, error) == (pytest.approx(2), pytest.approx(0, abs=1e-9))
    found, error = adjusted_mean(2 + control @ [3, -1] + rng.normal(size=500), control)
    assert error == pytest.approx(1 / np.sqrt(500), rel=0.1)
    assert abs(found - 2) < 4 * error


def test_asymmetric_priors_have_a_fixed_value_of_their_own():
    from coop_icl.evaluation.bayes import fixed_value

    rng = np.random.default_rng(0)
    draws = rng.beta(2, 0.7, (4000, 5))
    machine = match(
        always(0).policy, make_game("ipd_v0", rounds=ROUNDS), make_co_player("tabular", make_game("ipd_v0")), 4, 0
    )
    tables = type(machine.tables)(draws, machine.tables.after, np.zeros(4000, dtype=np.int64))
    for action in (0, 1):
        sampled, error = mean_and_error(mean_payoffs(tables, PAYOFFS, ROUNDS, action))
        assert abs(fixed_value(PAYOFFS, ROUNDS, 2, 0.7, action) / ROUNDS - sampled) < 4 * error
    assert fixed_value(PAYOFFS, ROUNDS, 1, 1, 1) == pytest.approx(ROUNDS)


def test_the_prior_is_read_from_the_run(tmp_path):
    folder = tmp_path / "seed_0" / "policies" / "final" / "learner_0"
    folder.mkdir(parents=True)
    loaded = always(0, folder=folder).loaded
    assert prior_of(loaded) == (1.0, 1.0, "default")
    config = tmp_path / "seed_0" / "config.yaml"
    mixture = "population: {mixture: [{name: learner, weight: 1}, {name: tabular, weight: 1, alpha: 0.5, beta: 2}]}"
    for text, expected in (
        (mixture, (0.5, 2.0, "run")),
        ("population: {mixture: [{name: tabular, weight: 1}]}", (1.0, 1.0, "run")),
        ("population: {mixture: [{name: learner, weight: 1}]}", (1.0, 1.0, "default")),
        ("population: 3", (1.0, 1.0, "default")),
        ("{", (1.0, 1.0, "default")),
    ):
        config.write_text(text)
        assert prior_of(loaded) == expected
    for mixture, expected in (
        ([{"name": "tabular", "weight": 1, "alpha": 0.5, "beta": 0.5}], (0.5, 0.5, "policy")),
        ([{"name": "tabular", "alpha": "wide"}], (1.0, 1.0, "default")),
        (3, (1.0, 1.0, "default")),
    ):
        loaded.info.provenance["mixture"] = mixture
        assert prior_of(loaded) == expected


def test_when_a_policy_has_adapted():
    room = np.full((20, 1), 10.0)
    never, once = np.full((20, 1), 1.0), np.zeros((20, 1))
    assert adapted_from(once, room) == 1
    once[6] = 0.6  # more than 5% of what is left
    assert adapted_from(once, room) == 8
    once[6] = 0.4
    assert adapted_from(once, room) == 1
    assert adapted_from(never, room) is None
    late = np.zeros((20, 1))
    late[18] = 1.0  # right only in the very last round, which is too late to tell
    assert adapted_from(late, room) is None
    assert adapted_from(late[::-1], room) == 3


def test_adaptation_of_a_defector():
    found = ADAPTATION.run(always(0), EFFORT)
    by_name = {row["co_player"]: row for row in found["co_players"]}
    assert by_name["alld"]["adapted_from"] == by_name["allc"]["adapted_from"] == 1
    assert by_name["tft"]["adapted_from"] is None
    assert by_name["grim"]["adapted_from"] == 2  # nothing better is left after the first defection
    switch = ROUNDS // 2
    assert switch - 2 <= by_name["tft_then_alld"]["adapted_from"] <= switch + 1
    for row in by_name.values():
        for key in ("payoff_by_round", "cooperation", "other_cooperation", "given_away", "shortfall_left"):
            assert len(row[key]) == ROUNDS
        assert np.mean(row["payoff_by_round"]) == pytest.approx(row["payoff"], abs=1e-3)
        assert set(row["cooperation"]) == {0.0}
    json.dumps(found)


def test_scores_of_a_defector_are_those_of_alld():
    found = SUITE.run(always(0), Effort(episodes=200))
    assert [row["family"] for row in found["families"]] == list(IPD_SUITE_V0)
    for family in found["families"]:
        assert family["low"] - 1e-9 <= family["score"] <= family["high"] + 1e-9
        for member in family["members"]:
            assert member["worst"] - 1e-6 <= member["alld"] <= member["best"] + 1e-6
            assert member["payoff"] == pytest.approx(member["alld"], abs=5 * member["payoff_error"] + 1e-6)
            assert member["cooperation"] == 0
    bully = next(m for m in found["families"][1]["members"] if m["co_player"] == "bully")
    assert bully["score"] == pytest.approx(1.0)  # it yields to whoever defects
    json.dumps(found)


def test_a_bootstrap_interval_covers_the_mean():
    """Nineteen times in twenty; and its width is that of the normal approximation."""
    rng = np.random.default_rng(0)
    covered, widths = 0, []
    for trial in range(60):
        mean, low, high = interval_of_mean([rng.normal(1, 1, 100), rng.normal(3, 2, 100)], seed=trial)
        covered += low <= 2 <= high
        assert low <= mean <= high
        widths.append(high - low)
    assert covered >= 50
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.sqrt((1 + 4) / 100) / 2, rel=0.1)
    assert interval_of_mean([np.ones(5), np.zeros(5)]) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("analysis", [BEST_RESPONSE, ADAPTATION, SUITE], ids=lambda one: one.title)
def test_games_that_make_no_sense_are_named(analysis):
    three = make_game("matrix_game", payoffs=np.arange(18).reshape(2, 3, 3))
    for game in (three, make_game("ipd_v0", noise=0.1)):
        assert "is no two-player matrix game" in analysis.reason_against(game)
    assert analysis.reason_against(make_game("ipd_v0")) == ""
    stag = analysis.reason_against(make_game("stag_hunt_v0"))
    assert ("no prisoner's dilemma" in stag) == (analysis is SUITE)


@pytest.mark.parametrize("name", ["stag_hunt_v0", "matching_pennies_v0"])
def test_other_games_have_best_responses_too(name):
    found = BEST_RESPONSE.run(always(0.5, rounds=8, name=name), EFFORT)
    assert found["ceiling"]["exact"]
    assert found["tabular"]["payoff"] <= found["ceiling"]["bayes"][0] + 4 * found["tabular"]["payoff_error"]
