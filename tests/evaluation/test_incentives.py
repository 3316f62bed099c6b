"""What inference is worth: limits, closed forms and quadratures of the same quantities."""

import numpy as np
import pytest

from coop_icl.evaluation import incentives as module
from coop_icl.evaluation.bayes import fixed_value, known_value
from coop_icl.evaluation.incentives import incentives, policies_of, reciprocity, stage_payoffs
from coop_icl.evaluation.joint import best_responses, joint_game, visits
from coop_icl.populations.registry import make_co_player
from coop_icl.seeding import SeedNode
from envs.registry import make_game

NUMBERS = SeedNode(4).rng(0).random((64, 4, 11))


def tabulated(name, **options):
    game = make_game(name, **options)
    return game, joint_game(game, np.zeros((1, game.num_uniforms)))


@pytest.mark.parametrize("name", ["ipd", "stag_hunt", "matching_pennies"])
@pytest.mark.parametrize("prior", [0.5, 1.0])
def test_means_over_draws_are_those_of_the_prior(name, prior):
    game, joint = tabulated(name, rounds=20)
    own = joint.payoffs.reshape(2, 2)
    found = incentives(game, prior, draws=1000)
    exact = {action: fixed_value(own, 20, prior, prior, at) / 20 for at, action in enumerate(("cooperate", "defect"))}
    for action, value in exact.items():
        estimate = found["constant"][action]
        assert estimate["value"] == pytest.approx(value, abs=4 * estimate["error"])
    known = found["known"]
    assert known["value"] == pytest.approx(known_value(own, 20, prior, prior) / 20, abs=4 * known["error"])


@pytest.mark.parametrize("name", ["ipd", "chicken", "stag_hunt", "matching_pennies", "public_goods"])
def test_a_prior_of_certainty_leaves_nothing_to_infer(name):
    found = incentives(make_game(name, rounds=30), 1e8, draws=20)
    assert found["gain"]["value"] == pytest.approx(0, abs=1e-3)


def test_against_one_table_only_the_last_round_is_left_to_gain():
    """Tit-for-tat: cooperating earns R, defecting in the last round besides (T - R) / rounds more."""
    game, joint = tabulated("ipd", rounds=50)
    tables = make_co_player("tft", game).initial_state(np.zeros((1, 0)))[:, None]
    blind = (visits(joint, tables, policies_of(joint, tables, 50), 50)[0] @ joint.payoffs[0]).max()
    assert blind == pytest.approx(1.0)
    assert best_responses(joint, tables, 50)[0][0] - blind == pytest.approx(1 / 50)


@pytest.mark.parametrize("prior", [0.5, 2.0])
def test_a_bayesian_earns_no_less_than_blind_and_no_more_than_known(prior):
    found = incentives(make_game("stag_hunt", rounds=10), prior, draws=2000, bounds=True)
    lower, upper = found["bayes"]
    assert lower == upper  # exact in short games
    assert found["blind"]["value"] - 4 * found["blind"]["error"] < lower
    assert lower < found["known"]["value"] - 4 * found["gain"]["error"]


def test_the_wider_the_prior_the_more_there_is_to_infer():
    gains = [incentives(make_game("ipd"), prior, draws=256)["gain"]["value"] for prior in (0.2, 1.0, 5.0)]
    assert gains[0] > 2 * gains[1] > 0.04
    assert gains[2] < 0.005


def test_more_players_leave_less_to_infer():
    games = [make_game("public_goods", players=players, multiplier=2.0) for players in (2, 3, 4)]
    found = [incentives(game, 1.0, draws=128) for game in games]
    relative = [one["relative"]["value"] for one in found]
    assert relative[0] > 3 * relative[1] > 9 * relative[2]
    with_most = [one["response"]["cooperates_with"]["value"] for one in found]
    assert with_most[0] > 0.3 > 0.2 > with_most[1] > with_most[2]


@pytest.mark.parametrize("name", ["ipd", "public_goods", "redrawn"])
def test_gains_add_up(name):
    found = incentives(make_game(name, rounds=20), 1.0, draws=50)
    gain = found["known"]["value"] - found["blind"]["value"]
    assert found["gain"]["value"] == pytest.approx(gain)
    assert found["gain_over_constant"]["value"] >= gain - 1e-12
    assert -1e-12 <= found["response"]["gain_from_it"]["value"] <= gain + 1e-12
    assert len(found["blind"]["policy"]) == make_game(name).spec.num_outcomes
    assert found == incentives(make_game(name, rounds=20), 1.0, draws=50)
    assert found != incentives(make_game(name, rounds=20), 1.0, draws=50, seed=1)


def test_what_is_known_of_redrawn_games():
    """Each piece of knowledge helps; both together as much as there is to gain."""
    found = incentives(make_game("redrawn", rounds=30), 1.0, draws=800)
    values = {key: found["partly_known"][key]["value"] for key in ("game", "co_player")}
    assert all(found["blind"]["value"] + 0.02 < value < found["known"]["value"] - 0.02 for value in values.values())


def test_redrawn_corners_have_a_known_best_response():
    """In harmony (T = S = 1 / 2) defecting with a defector is worth less than cooperating."""
    found = incentives(make_game("redrawn", family="harmony", rounds=20), 5.0, draws=50)
    assert found["response"]["cooperation"]["value"] > 0.9


def test_stage_payoffs():
    ipd = stage_payoffs(tabulated("ipd")[1])
    assert ipd == {
        "all_cooperate": 1,
        "all_defect": 0,
        "defect_alone": 2,
        "cooperate_alone": -1,
        "worth": 1,
        "temptation": 1,
        "risk": 1,
        "spread": 3,
    }
    goods = stage_payoffs(tabulated("public_goods", players=5, multiplier=3.0)[1])
    assert [goods[key] for key in ("worth", "temptation", "risk")] == pytest.approx([2.0, 0.4, 0.4])


@pytest.mark.parametrize(("name", "slope"), [("tft", 1.0), ("allc", 0.0), ("wsls", 0.0), ("alld", 0.0)])
def test_reciprocity_of_known_strategies(name, slope):
    game, joint = tabulated("ipd")
    tables = make_co_player(name, game).initial_state(np.zeros((1, 0)))[:, None]
    assert reciprocity(joint, tables) == pytest.approx([slope])
    assert reciprocity(joint, 1 - tables) == pytest.approx([-slope])


@pytest.mark.parametrize("players", [3, 5])
def test_strict_reciprocators_are_best_cooperated_with_until_the_end(players):
    game = make_game("public_goods", players=players, multiplier=2.0, rounds=20)
    assert incentives(game, 1.0, draws=5)["response"]["with_reciprocators"] == pytest.approx(0.95)


def test_the_search_for_a_table_comes_near_the_best_of_all(monkeypatch):
    _, joint = tabulated("public_goods", players=3, multiplier=2.9)
    tables = NUMBERS[:, :2, :7]

    def best(policies):
        return (visits(joint, tables, policies, 30).mean(0) @ joint.payoffs[0]).max()

    every = policies_of(joint, tables, 30)
    assert len(np.unique(every, axis=0)) == 2**7
    monkeypatch.setattr(module, "ENUMERATED", 5)
    some = policies_of(joint, tables, 30)
    assert len(some) == 3
    assert best(some[:2]) < best(every)
    assert best(some) == pytest.approx(best(every), abs=5e-3)


@pytest.mark.parametrize(("draws", "seed"), [(1, 0), (10, -1)])
def test_arguments_out_of_range_are_refused(draws, seed):
    with pytest.raises(ValueError, match="draws must be at least 2"):
        incentives(make_game("ipd"), 1.0, draws, seed)
