"""Statistics of trajectories against numbers worked out by hand."""

import time
from dataclasses import replace

import numpy as np
import pytest

from coop_icl.evaluation.statistics import StatisticsWindow
from coop_icl.matchups import Matchups
from coop_icl.trajectory import Trajectory

AGENTS, KINDS = ("learner_0", "learner_1", "tabular"), ("learner", "learner", "tabular")


def trajectory(seats, actions, rewards, mask, agents=AGENTS, kinds=KINDS, learners=2):
    actions = np.asarray(actions, dtype=np.int8)
    zeros = np.zeros(actions.shape)
    return Trajectory(
        zeros.astype(np.int8),
        actions,
        np.asarray(rewards, dtype=np.float32),
        zeros.astype(np.float32),
        zeros.astype(np.float32),
        np.asarray(mask, dtype=bool),
        Matchups(agents, kinds, learners, np.asarray(seats, dtype=np.int16)),
        np.zeros((*actions.shape[1:], 0), dtype=np.float32),
    )


def by_game(games):
    """Arrays [T, 2, B] from one list of [T, 2] a game."""
    return np.stack([np.asarray(game) for game in games], axis=-1)


# Three rounds. Game 0: learner_1 in seat 0 meets learner_0, two rounds. Game 1: learner_0 meets the tabular agent.
# Game 2: the tabular agent in seat 0 meets learner_1, one round. What lies behind the mask is nonsense on purpose.
SEATS = [[1, 0, 2], [0, 2, 1]]
ACTIONS = by_game([[[0, 1], [0, 0], [0, 0]], [[0, 1], [1, 1], [0, 0]], [[1, 0], [0, 0], [0, 0]]])
REWARDS = by_game([[[-3, 0], [-1, -1], [9, 9]], [[-3, 0], [-2, -2], [-1, -1]], [[0, -3], [9, 9], [9, 9]]])
MASK = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 0]])

EXPECTED = {
    "cooperation/learner-learner": 3 / 4,
    "cooperation/learner_0/learner": 1 / 2,
    "cooperation/learner_1/learner": 1.0,
    "cooperation/learner-tabular": 3 / 4,
    "cooperation/learner_0/tabular": 2 / 3,
    "cooperation/learner_1/tabular": 1.0,
    "cooperation/tabular-learner": 1 / 4,
    "payoff/learner-learner": -5 / 4,
    "payoff/learner_0/learner": -1 / 2,
    "payoff/learner_1/learner": -2.0,
    "payoff/learner-tabular": -9 / 4,
    "payoff/learner_0/tabular": -2.0,
    "payoff/learner_1/tabular": -3.0,
    "payoff/tabular-learner": -3 / 4,
    "payoff_gap/learner_0": 1.5,
    "payoff_gap/learner_1": -1.5,
    "payoff_gap/learner_0-learner_1": 1.5,
    "payoff_gap/learners": 1.5,
    "outcomes/learner-learner/CC": 1 / 2,
    "outcomes/learner-learner/CD": 0.0,
    "outcomes/learner-learner/DC": 1 / 2,
    "outcomes/learner-learner/DD": 0.0,
}


def test_every_number_by_hand():
    window = StatisticsWindow()
    window.add(trajectory(SEATS, ACTIONS, REWARDS, MASK))
    assert window.scalars() == pytest.approx(EXPECTED)
    curves = window.by_round()
    assert list(curves) == ["learner-learner", "learner-tabular"]
    np.testing.assert_allclose(curves["learner-learner"], [1 / 2, 1.0])  # no such game reached round 3
    np.testing.assert_allclose(curves["learner-tabular"], [1.0, 0.0, 1.0])


def random_games(seed, games, rounds=20, agents=AGENTS, kinds=KINDS, learners=2):
    rng = np.random.default_rng(seed)
    first = rng.integers(learners, size=games)
    second = (first + rng.integers(1, len(agents), size=games)) % len(agents)
    lengths = rng.integers(1, rounds + 1, size=games)
    return trajectory(
        rng.permuted(np.stack([first, second]), axis=0),
        rng.integers(2, size=(rounds, 2, games)),
        rng.normal(size=(rounds, 2, games)),
        np.arange(rounds)[:, None] < lengths,
        agents,
        kinds,
        learners,
    )


def test_a_window_is_the_concatenation_of_its_updates():
    parts = [random_games(seed, games) for seed, games in ((0, 5), (1, 40), (2, 13))]
    window, whole = StatisticsWindow(), StatisticsWindow()
    for part in parts:
        window.add(part)
    whole.add(Trajectory.concat(parts))
    assert window.scalars() == pytest.approx(whole.scalars())
    for name, curve in whole.by_round().items():
        np.testing.assert_allclose(window.by_round()[name], curve)


def test_loops_over_lanes_give_the_same():
    agents, kinds = ("a", "b", "c", "tft", "tabular"), ("learner",) * 3 + ("tft", "tabular")
    played = random_games(3, 60, agents=agents, kinds=kinds, learners=3)
    window = StatisticsWindow()
    window.add(played)
    found: dict[str, list[float]] = {}
    for game in range(len(played)):
        for seat in (0, 1):
            own, other = played.matchups.seats[seat, game], played.matchups.seats[1 - seat, game]
            for t in np.flatnonzero(played.mask[:, game]) if own < 3 else ():
                cooperated, payoff = played.actions[t, seat, game] == 0, played.rewards[t, seat, game]
                for who in (f"learner-{kinds[other]}", f"{agents[own]}/{kinds[other]}"):
                    found.setdefault(f"cooperation/{who}", []).append(cooperated)
                    found.setdefault(f"payoff/{who}", []).append(payoff)
                if other >= 3:
                    theirs, earned = played.actions[t, 1 - seat, game] == 0, played.rewards[t, 1 - seat, game]
                    found.setdefault(f"cooperation/{kinds[other]}-learner", []).append(theirs)
                    found.setdefault(f"payoff/{kinds[other]}-learner", []).append(earned)
    expected = {tag: float(np.mean(values)) for tag, values in found.items()}
    scalars = window.scalars()
    assert {tag: scalars[tag] for tag in scalars if tag.startswith(("coop", "payoff/"))} == pytest.approx(expected)


def test_absent_kinds_are_left_out():
    window = StatisticsWindow()
    assert window.scalars() == {}
    assert window.by_round() == {}
    only_tabular = trajectory([[0], [2]], ACTIONS[:, :, 1:2], REWARDS[:, :, 1:2], MASK[:, 1:2])
    window.add(only_tabular)
    assert set(window.scalars()) == {
        f"{name}/{who}"
        for name in ("cooperation", "payoff")
        for who in ("learner-tabular", "tabular-learner", "learner_0/tabular")
    }
    assert list(window.by_round()) == ["learner-tabular"]
    window.clear()
    assert window.scalars() == {}


def test_other_agents_are_refused():
    window = StatisticsWindow()
    window.add(random_games(0, 4))
    with pytest.raises(ValueError, match="same agents"):
        window.add(random_games(0, 4, agents=("a", "b", "tft"), kinds=("learner", "learner", "tft")))


def test_it_is_quick_enough_for_every_update():
    played, window = random_games(0, 384, rounds=100), StatisticsWindow()
    times = []
    for _ in range(10):
        start = time.perf_counter()
        window.add(played)
        times.append(time.perf_counter() - start)
    assert min(times) < 3e-3


# Three players, two rounds. Game 0: learners 0, 1 and 2, one round only. Game 1: learners 0 and 1 with the tabular one.
# Game 2: learner 2 with two of it.
MANY_SEATS = [[0, 1, 3], [1, 3, 2], [2, 0, 3]]
MANY_ACTIONS = np.array([[[0, 0, 1], [1, 1, 0], [0, 0, 0]], [[1, 1, 0], [1, 0, 0], [1, 1, 1]]], dtype=np.int8)
MANY_REWARDS = np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[10, 20, 30], [40, 50, 60], [70, 80, 90]]])
MANY_MASK = np.array([[1, 1, 1], [0, 1, 1]])
FOUR = ("learner_0", "learner_1", "learner_2", "tabular")


def many(**more):
    return replace(
        trajectory(
            *(MANY_SEATS, MANY_ACTIONS, MANY_REWARDS, MANY_MASK),
            agents=FOUR,
            kinds=(*["learner"] * 3, "tabular"),
            learners=3,
        ),
        **more,
    )


def test_three_players_by_hand():
    window = StatisticsWindow()
    window.add(many())
    found = window.scalars()
    expected = {
        "cooperation/learner-learner": 2 / 3,
        "cooperation/learner-tabular": 4 / 6,  # C and D, C and D in one game, C and C in the other
        "cooperation/learner_0/tabular": 1 / 2,
        "cooperation/learner_1/tabular": 1 / 2,
        "cooperation/learner_2/tabular": 1.0,
        "cooperation/tabular-learner": 1 / 2,
        "payoff/learner-learner": 4.0,
        "payoff/learner_1/tabular": 11.0,
        "payoff_gap/learner_0-learner_2": -6.0,
        "payoff_gap/learner_0": 1 - 5.5,
        "payoff_gap/learners": 6.0,
        "outcomes/learner-learner/0_of_3": 0.0,
        "outcomes/learner-learner/1_of_3": 0.0,
        "outcomes/learner-learner/2_of_3": 1.0,
        "outcomes/learner-learner/3_of_3": 0.0,
    }
    assert {tag: found[tag] for tag in expected} == pytest.approx(expected)
    curves = window.by_round()
    np.testing.assert_allclose(curves["learner-learner"], [2 / 3])
    np.testing.assert_allclose(curves["learner-tabular"], [1.0, 1 / 3])


def test_what_a_game_calls_cooperating_is_counted_and_neither_is_left_out():
    nan = np.nan
    said = np.array(
        [[[nan, 1, 1], [nan, 0, nan], [nan, 0, 0]], [[1, nan, 0], [1, 0, nan], [1, nan, nan]]], dtype=np.float32
    )
    window = StatisticsWindow()
    window.add(many(cooperated=said))
    found = window.scalars()
    assert "cooperation/learner-learner" not in found  # nobody did either in the one round played
    assert not any(tag.startswith("outcomes/") for tag in found)
    assert found["payoff/learner-learner"] == 4.0
    assert found["cooperation/learner_1/tabular"] == 1.0
    assert found["cooperation/learner_0/tabular"] == 0.0
    assert "cooperation/learner_2/tabular" not in found
    assert found["cooperation/learner-tabular"] == 1 / 2
    # 0 and 0, as each of two learners sees it; then 1, 0 and 0 in the two seats that share a learner
    assert found["cooperation/tabular-learner"] == pytest.approx((1 / 2) / (4 + 3 / 2))
    curves = window.by_round()
    assert list(curves) == ["learner-tabular"]
    np.testing.assert_allclose(curves["learner-tabular"], [1 / 2])
    whole, parts = StatisticsWindow(), StatisticsWindow()
    whole.add(Trajectory.concat([many(cooperated=said)] * 2))
    for _ in range(2):
        parts.add(many(cooperated=said))
    assert whole.scalars() == parts.scalars() == pytest.approx(found)


def test_two_players_joint_outcomes_leave_out_rounds_in_which_one_did_neither():
    said = np.where(ACTIONS == 0, 1.0, 0.0).astype(np.float32)
    said[1, 0, 0] = np.nan  # game 0, of two learners: CD, as learner_0 has it, then CC without a figure
    window = StatisticsWindow()
    window.add(replace(trajectory(SEATS, ACTIONS, REWARDS, MASK), cooperated=said))
    found = window.scalars()
    assert found["outcomes/learner-learner/DC"] == 1.0
    assert found["cooperation/learner-learner"] == 2 / 3
    same = StatisticsWindow()
    same.add(replace(trajectory(SEATS, ACTIONS, REWARDS, MASK), cooperated=np.where(ACTIONS == 0, 1.0, 0.0)))
    assert same.scalars() == pytest.approx(EXPECTED)
