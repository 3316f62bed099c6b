"""Summaries of rows by hand."""

import pytest

from coop_icl.config import ExperimentConfig
from coop_icl.runs.summary import summarise


def config(updates=100):
    made = ExperimentConfig(name="ipd_icl", seed=4)
    made.train.updates = updates
    return made


def rows(rates, every=10):
    return [
        {
            "update": every * (i + 1),
            "rounds": 1000 * (i + 1),
            "seconds": 2.0 * (i + 1),
            "cooperation/learner-learner": rate,
        }
        for i, rate in enumerate(rates)
    ]


def test_reached_and_kept():
    found = summarise(rows([0.1, 0.5, 0.9, 0.95, 0.7, 0.99, 0.8, 0.9, 0.9, 0.97]), config())
    assert found == {
        "experiment": "ipd_icl",
        "seed": 4,
        "finished": True,
        "updates": 100,
        "rounds": 10_000,
        "seconds": 20.0,
        "rounds_per_second": 500.0,
        "final": {"cooperation/learner-learner": 0.97},
        "reached_0.9_at": 30,
        "lowest_after_reaching_0.9": 0.7,
    }


def test_never_reached_and_not_finished():
    found = summarise(rows([0.1, 0.89]), config())
    assert (found["reached_0.9_at"], found["lowest_after_reaching_0.9"]) == (None, None)
    assert (found["finished"], found["updates"]) == (False, 20)


def test_the_last_tenth_weighs_rows_by_their_updates():
    # 190 updates: the last tenth is (171, 190]; rows end at 165, 180 (9 of its updates fall within) and 190
    made = [
        {"update": u, "rounds": u, "seconds": u, "payoff/learner-tabular": v} for u, v in ((165, 9), (180, 1), (190, 2))
    ]
    found = summarise(made, config(190))
    assert found["final"]["payoff/learner-tabular"] == pytest.approx((9 * 1 + 10 * 2) / 19)


def test_only_figures_of_play_and_no_gaps():
    made = rows([0.1] * 20, every=5)
    made[-1] |= {
        "payoff/learner_0/tabular": -1.5,
        "learning/learner_0/entropy": 0.3,
        "outcomes/learner-learner/CC": 0.2,
    }
    made[-2] |= {"payoff/learner_0/tabular": None, "cooperation/learner-learner": None}
    final = summarise(made, config())["final"]
    assert final == pytest.approx(
        {"cooperation/learner-learner": 0.1, "payoff/learner_0/tabular": -1.5, "outcomes/learner-learner/CC": 0.2}
    )


def test_no_rows():
    found = summarise([], config())
    assert found["final"] == {}
    assert (found["updates"], found["rounds_per_second"], found["finished"]) == (0, None, False)
