"""Read-outs of memory, where what the memory holds and what can be known are exact."""

from pathlib import Path

import numpy as np
import pytest
from hand_made import memory1_policy

from coop_icl.evaluation.analysis import Effort, Subject
from coop_icl.evaluation.state_probes import STATE_PROBES, readout
from coop_icl.evaluation.urns import UrnResponder, posterior_means
from coop_icl.models.cores import CORES
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import LoadedPolicy, PolicyInfo
from coop_icl.reporting.analyses.state_probes import draw_state_probes, table_state_probes, verdict_state_probes
from coop_icl.runs.files import plain
from envs.registry import make_game

ROUNDS = 20


def subject(policy, observe=("outcome",)):
    options = {"rounds": ROUNDS, "observe": list(observe)}
    features = make_game("ipd_v0", **options).spec.features
    return Subject("me", LoadedPolicy(policy, PolicyInfo(Path(), "ipd_v0", options, features, {}, "")))


@pytest.fixture(scope="module")
def forgetful():
    """A defector that remembers the last outcome and nothing else; its fellow learners are copies."""
    return STATE_PROBES.run(subject(memory1_policy((0,) * 5, ROUNDS)), Effort(800, 1))


def test_one_action_explains_a_third_of_a_uniform_probability(forgetful):
    """Var(E[p | x]) / Var(p) = (1/36) / (1/12), for who remembers it and for a Bayesian."""
    first, start = forgetful["seen"].index(1), forgetful["parameters"].index("start")
    for who in ("state", "posterior"):
        assert forgetful["r2"][who][first][start] == pytest.approx(1 / 3, abs=0.04)


def test_what_is_forgotten_is_not_found_and_what_was_never_met_is_not_known(forgetful):
    start, cc, dc = (forgetful["parameters"].index(name) for name in ("start", "CC", "DC"))
    state, posterior = (np.array(forgetful["r2"][name]) for name in ("state", "posterior"))
    assert abs(state[0]).max() < 0.02  # before the first round nothing is known
    assert abs(state[-1, start]) < 0.05
    assert posterior[-1, start] == pytest.approx(1 / 3, abs=0.04)
    assert abs(posterior[-1, [cc, dc]]).max() < 0.02  # a defector never sees either
    assert (posterior >= state - 0.05).all()  # a ceiling
    assert posterior[-1].max() > 0.6


def test_shuffled_labels_teach_nothing(forgetful):
    assert np.array(forgetful["r2"]["shuffled"]).max() < 0.02
    assert np.abs(np.array(forgetful["learner"]["shuffled"]) - 0.5).max() < 0.1


def test_a_defecting_learner_is_told_from_a_tabular_agent_at_the_known_rate(forgetful):
    """Half of the tabular agents cooperate first: AUC 1/2 + 1/2 * 1/2, accuracy the same."""
    at = forgetful["seen"].index(1)
    assert forgetful["learner"]["auc"][0] == pytest.approx(0.5, abs=0.05)
    for score in ("auc", "accuracy", "counts"):
        assert forgetful["learner"][score][at] == pytest.approx(0.75, abs=0.03)
    assert forgetful["learner"]["counts"][-1] > 0.97 > forgetful["learner"]["auc"][-1]


def test_pictures_and_words(forgetful):
    header, rows = table_state_probes(forgetful)
    assert {len(row) for row in rows} == {len(header)}
    assert "a Bayesian explains" in verdict_state_probes(forgetful)
    assert len(draw_state_probes(forgetful).axes) == 2
    assert plain(forgetful) == forgetful


@pytest.mark.parametrize("core", sorted(CORES))
def test_every_core_can_be_asked(core):
    policy = SequencePolicy(ModelConfig(core=core, hidden_size=16), (5, 1), 2, ROUNDS)
    policy.reset_parameters(0)
    result = STATE_PROBES.run(subject(policy, ("outcome", "round")), Effort(40))
    assert np.isfinite(np.array(result["r2"]["state"])).all()
    assert np.array(result["r2"]["state"]).shape == (len(result["seen"]), 5)


def test_urns_count_in_the_co_players_view():
    outcomes = np.array([[0], [2], [3], [2], [1]])  # start, CD, DC, CD: the co-player saw start, DC, CD, DC
    means = posterior_means(outcomes, np.array([[1], [0], [1], [0], [0]]))
    np.testing.assert_allclose(means[0, 0], [0.5] * 5)
    np.testing.assert_allclose(means[4, 0], [1 / 3, 0.5, 1 / 3, 3 / 4, 0.5])


def test_the_counting_responder_learns_to_cooperate_with_tft_and_to_exploit_allc():
    payoffs = make_game("ipd_v0").payoffs[0]
    for answer, late in (("tft", 0), ("allc", 1), ("alld", 1)):
        urns = UrnResponder(payoffs, 60)
        state, outcome, taken, mine = urns.initial_state(np.zeros((1, 0))), 0, [], 0
        for _ in range(60):
            theirs = {"tft": mine, "allc": 0, "alld": 1}[answer]
            mine, state = urns.act(np.array([outcome]), state, np.zeros(1))
            mine = int(mine[0])
            taken.append(mine)
            outcome = 1 + 2 * mine + theirs
        assert np.mean(taken[40:59]) == pytest.approx(late, abs=0.15)


def test_a_unit_that_hardly_moved_where_read_outs_are_fitted_does_not_spoil_them():
    rng = np.random.default_rng(0)
    known, held = rng.normal(size=(400, 3)), 100
    labels = known @ rng.normal(size=(3, 5))
    known[:, 2] *= 1e-6
    known[-1, 2] = 1.0  # a millionfold of all that was seen of it
    assert min(readout(known, labels - labels.min(), held)) > 0.3
