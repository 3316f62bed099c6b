"""Pictures, tables and sentences of best_response, adaptation, suite and axelrod."""

import importlib

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure


def family(name, score, **more):
    return {"family": name, "score": score, "low": score - 0.1, "high": score + 0.1, "over_alld": 0.25, **more}


def curves(name, adapted):
    by_round = {key: [0.5] * 10 for key in ("cooperation", "other_cooperation", "given_away", "shortfall_left")}
    return {"co_player": name, "payoff": 0.75, "payoff_by_round": [0.75] * 10, "adapted_from": adapted, **by_round}


MEMBER = {"co_player": "bully", "payoff": 1.5, "best": 2.0, "alld": 1.25, "cooperation": 0.125, "score": 0.6}
STRATEGY = {
    "strategy": "Shubik",
    "payoff": 1.5,
    "alld": 1.25,
    "panel_best": 1.75,
    "panel_best_by": "tft",
    "score": -0.25,
}
RESULTS = {
    "best_response": {
        "ceiling": {"blind": 1.0, "bayes": [1.025, 1.034], "known": 1.049},
        "tabular": {
            "payoff": 1.012,
            "payoff_error": 0.001,
            "gap_to_known": 0.037,
            "gap_to_bayes": [0.013, 0.022],
            "share_of_bayes": [0.353, 0.48],
        },
        "fixed": [{"co_player": "tft", "payoff": 0.5, "best": 1.01, "gap": 0.51, "gap_error": 0.002}],
    },
    "adaptation": {
        "rounds": 10,
        "within": 0.05,
        "co_players": [curves("tft", 4), curves("alld", 1), curves("grim", None)],
    },
    "suite": {
        "score": 0.5,
        "families": [family("exploiters", 0.6, members=[MEMBER]), family("noisy", 0.4, members=[MEMBER])],
    },
    "axelrod": {
        "payoff": 0.6,
        "panel": {"alld": 0.4, "tft": 0.8},
        "families": [family("memory 1, stochastic", -0.2, strategies=3)],
        "members": [{**STRATEGY, "cooperation": 0.25}],
    },
}
WORDS = {
    "best_response": ("1.012 ± 0.001", "1.025 to 1.034", "35 to 48% of what inference can gain"),
    "adaptation": ("2 of 3 co-players", "by round 4", "not with grim."),
    "suite": ("scores 0.50 of 1", "most with exploiters (0.60)", "least with noisy (0.40)", "+0.25 a round"),
    "axelrod": ("1 strategies", "earns 0.60 a round", "more than 1 of 2", "tft 0.80, alld 0.40"),
}
ROWS = {"best_response": 3, "adaptation": 3, "suite": 4, "axelrod": 2}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_as_picture_table_and_sentence(name):
    module = importlib.import_module(f"coop_icl.reporting.analyses.{name}")
    figure = getattr(module, f"draw_{name}")(RESULTS[name])
    assert isinstance(figure, Figure)
    assert figure.axes
    plt.close(figure)
    header, rows = getattr(module, f"table_{name}")(RESULTS[name])
    assert len(rows) == ROWS[name]
    assert all(len(row) == len(header) for row in rows)
    assert all(isinstance(cell, str) for row in rows for cell in row)
    said = getattr(module, f"verdict_{name}")(RESULTS[name])
    assert said.endswith(".")
    assert "\n" not in said
    for words in WORDS[name]:
        assert words in said


def test_where_inference_gains_nothing_none_is_claimed():
    from coop_icl.reporting.analyses.best_response import verdict_best_response

    result = RESULTS["best_response"]
    nothing = {**result, "tabular": {**result["tabular"], "share_of_bayes": [None, None]}}
    assert verdict_best_response(nothing).endswith("there is nothing to gain from inference.")
