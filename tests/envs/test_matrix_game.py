"""The rules of the batched matrix game, against hand-written outcomes and closed forms."""

import numpy as np
import pytest

from envs.matrix_game import MatrixGame
from envs.registry import MATRIX_GAMES, make_game, make_parallel_env
from tests.envs.games import THREE_BY_THREE

C, D = 0, 1
START, CC, CD, DC, DD = range(5)


def fraction_within(observed, expected, trials, errors=5.0):
    """Whether a fraction is within so many standard errors of a probability."""
    return abs(observed - expected) <= errors * np.sqrt(expected * (1 - expected) / trials)


@pytest.mark.parametrize(
    ("actions", "outcomes", "rewards"),
    [((C, C), (CC, CC), (1, 1)), ((C, D), (CD, DC), (-1, 2)), ((D, C), (DC, CD), (2, -1)), ((D, D), (DD, DD), (0, 0))],
)
def test_ipd_from_each_side(actions, outcomes, rewards):
    env = make_parallel_env("ipd", rounds=2)
    observations, infos = env.reset(seed=0)
    for agent in env.agents:
        assert infos[agent]["outcome"] == START
        np.testing.assert_array_equal(observations[agent], [1, 0, 0, 0, 0])
    observations, paid, _, _, infos = env.step(dict(zip(env.agents, actions, strict=True)))
    for agent, outcome, reward in zip(env.agents, outcomes, rewards, strict=True):
        assert infos[agent]["outcome"] == outcome
        assert paid[agent] == reward
        np.testing.assert_array_equal(observations[agent], np.eye(5)[outcome])


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("stag_hunt", [(4, 4), (1, 3), (3, 1), (2, 2)]),
        ("chicken", [(0, 0), (-1, 1), (1, -1), (-2, -2)]),
        ("matching_pennies", [(1, -1), (-1, 1), (-1, 1), (1, -1)]),
        ("bach_or_stravinsky", [(2, 1), (0, 0), (0, 0), (1, 2)]),
    ],
)
def test_payoffs_of_the_other_games(name, table):
    game = make_game(name)
    game.reset(np.zeros((4, 0)))
    assert game.step(np.array([[C, C, D, D], [C, D, C, D]])).rewards.T.tolist() == [list(row) for row in table]
    assert game.spec.symmetric == (name in ("stag_hunt", "chicken"))


@pytest.mark.parametrize("payoffs", [THREE_BY_THREE, np.stack([THREE_BY_THREE[0], THREE_BY_THREE[0].T])])
def test_swapping_the_players_swaps_all_they_see_and_earn(payoffs):
    swapped = np.stack([payoffs[1].T, payoffs[0].T])
    games = [MatrixGame(table, rounds=5, noise=0.3, observe=("outcome", "action")) for table in (payoffs, swapped)]
    rng = np.random.default_rng(0)
    uniforms = rng.random((50, 10))
    games[0].reset(uniforms)
    games[1].reset(uniforms.reshape(50, 5, 2)[:, :, ::-1].reshape(50, 10))
    for played in range(1, 6):
        actions = rng.integers(3, size=(2, 50))
        one, two = games[0].step(actions), games[1].step(actions[::-1])
        np.testing.assert_array_equal(one.outcomes, two.outcomes[::-1])
        np.testing.assert_array_equal(one.rewards, two.rewards[::-1])
        views = [g.encode(s.outcomes, played, np.arange(2)[:, None]) for g, s in zip(games, (one, two), strict=True)]
        np.testing.assert_array_equal(views[0], views[1][::-1])
    assert games[0].spec.symmetric == games[1].spec.symmetric == np.array_equal(payoffs, swapped)


@pytest.mark.parametrize("observe", [("reward", "action", "round"), ("round", "outcome", "action", "reward")])
def test_features_are_the_reward_paid_the_action_taken_and_the_round(observe):
    game = MatrixGame(THREE_BY_THREE, rounds=9, observe=observe)
    edges = np.cumsum([0, *(width for _, width in game.spec.features)])
    part = {name: slice(edges[i], edges[i + 1]) for i, (name, _) in enumerate(game.spec.features)}
    assert game.spec.observation_size == edges[-1]
    start = game.encode(game.reset(np.zeros((1, 0))), 0, np.arange(2)[:, None])
    assert not start[..., part["reward"]].any()
    assert not start[..., part["action"]].any()
    for played in range(1, 10):
        actions = np.array([[(played - 1) // 3], [(played - 1) % 3]])
        outcomes, rewards, *_ = game.step(actions)
        vectors = game.encode(outcomes, played, np.arange(2)[:, None])
        np.testing.assert_array_equal(vectors[..., part["reward"]], rewards[..., None])
        np.testing.assert_array_equal(rewards, THREE_BY_THREE[:, actions[0], actions[1]])
        np.testing.assert_array_equal(vectors[..., part["action"]], np.eye(3)[actions])
        np.testing.assert_allclose(vectors[..., part["round"]], played / 9, rtol=1e-6)


def test_encode_gives_the_caller_an_array_of_its_own():
    game = MatrixGame(THREE_BY_THREE, observe=("outcome", "round"))
    first = game.encode(np.int64(3), 50, 0)
    game.encode(np.int64(3), 100, 0)
    assert first[-1] == 0.5
    first[:] = 9
    assert game.encode(np.array([3]), 0, 0).sum() == 1


def test_fixed_horizon_ends_exactly_at_rounds():
    game = make_game("ipd", rounds=4)
    game.reset(np.zeros((3, 0)))
    for played in range(1, 5):
        step = game.step(np.zeros((2, 3), dtype=np.int64))
        assert step.terminated.tolist() == [played == 4] * 3
        assert not step.truncated.any()


@pytest.mark.parametrize("options", [{}, {"noise": 0.4}, {"continuation": 0.6}, {"continuation": 0.9, "noise": 1.0}])
def test_games_that_are_over_ignore_actions(options):
    game = make_game("stag_hunt", rounds=4, **options)
    rng = np.random.default_rng(0)
    game.reset(rng.random((60, game.num_uniforms)))
    before = None
    for _ in range(7):
        step = game.step(rng.integers(2, size=(2, 60)))
        assert not (step.terminated & step.truncated).any()
        if before is not None:
            over = before.terminated | before.truncated
            assert (step.rewards[:, over] == 0).all()
            assert (step.rewards[:, ~over] > 0).all()
            np.testing.assert_array_equal(step.outcomes[:, over], before.outcomes[:, over])
            np.testing.assert_array_equal(step.terminated[over], before.terminated[over])
            np.testing.assert_array_equal(step.truncated[over], before.truncated[over])
        before = step


def lengths_and_cut(continuation, rounds, games, seed=0):
    game = make_game("ipd", rounds=rounds, continuation=continuation)
    game.reset(np.random.default_rng(seed).random((games, 1)))
    lengths = np.ones(games, dtype=np.int64)
    for _ in range(rounds):
        step = game.step(np.zeros((2, games), dtype=np.int64))
        lengths += ~(step.terminated | step.truncated)
    return lengths, step.terminated, step.truncated


@pytest.mark.parametrize("continuation", [0.2, 0.5, 0.9])
def test_lengths_are_geometric(continuation):
    games = 20000
    lengths, terminated, _ = lengths_and_cut(continuation, 300, games)
    assert terminated.all()
    mean, deviation = 1 / (1 - continuation), np.sqrt(continuation) / (1 - continuation)
    assert abs(lengths.mean() - mean) <= 5 * deviation / np.sqrt(games)
    for k in (1, 2, 3):
        assert fraction_within((lengths == k).mean(), continuation ** (k - 1) * (1 - continuation), games)


def test_the_cap_truncates_exactly_the_games_that_would_go_on():
    games = 20000
    lengths, terminated, truncated = lengths_and_cut(0.8, 3, games)
    assert (terminated ^ truncated).all()
    assert (lengths[truncated] == 3).all()
    assert fraction_within(truncated.mean(), 0.8**3, games)
    assert fraction_within((terminated & (lengths == 3)).mean(), 0.8**2 * 0.2, games)


def test_no_continuation_is_one_round():
    lengths, terminated, _ = lengths_and_cut(0.0, 5, 100)
    assert (lengths == 1).all()
    assert terminated.all()


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.6, 1.0])
@pytest.mark.parametrize("continuation", [None, 0.95])
def test_trembling_hand(noise, continuation):
    """Flips at rate ``noise`` in every round and seat, evenly over the other actions; seen and paid by both."""
    games, rounds = 4000, 3
    game = make_game("matrix_game", payoffs=THREE_BY_THREE, rounds=rounds, noise=noise, continuation=continuation)
    rng = np.random.default_rng(1)
    game.reset(rng.random((games, game.num_uniforms)))
    alive, flips = np.ones(games, dtype=bool), []
    for _ in range(rounds):
        chosen = rng.integers(3, size=(2, games))
        step = game.step(chosen)
        own, other = np.divmod(step.outcomes - 1, 3)
        np.testing.assert_array_equal(own, other[::-1])
        paid = THREE_BY_THREE[:, own[0], own[1]]
        np.testing.assert_array_equal(step.rewards[:, alive], paid[:, alive])
        shift = np.where(alive, (own - chosen) % 3, 0)
        for seat in range(2):
            for other_action in (1, 2):
                rate = (shift[seat, alive] == other_action).mean()
                assert fraction_within(rate, noise / 2, alive.sum())
        assert fraction_within((shift[:, alive] > 0).all(axis=0).mean(), noise**2, alive.sum())  # independent hands
        flips.append(shift[0] > 0)
        alive = alive & ~(step.terminated | step.truncated)
    if 0 < noise < 1:
        assert (flips[0] != flips[1]).any()
        assert (flips[1] != flips[2]).any()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("payoffs", np.zeros((2, 2))),
        ("payoffs", np.zeros((3, 2, 2))),
        ("payoffs", np.zeros((2, 2, 3))),
        ("payoffs", np.zeros((2, 1, 1))),
        ("payoffs", np.full((2, 2, 2), np.nan)),
        ("rounds", 0),
        ("continuation", 1.0),
        ("continuation", -0.1),
        ("continuation", float("nan")),
        ("noise", -0.1),
        ("noise", 1.1),
        ("observe", ()),
        ("observe", ("outcome", "outcome")),
        ("observe", ("outcom",)),
    ],
)
def test_bad_arguments_are_named(argument, value):
    with pytest.raises(ValueError, match=f"^{argument} must be|^{argument} must have"):
        make_game("ipd", **{argument: value})


def test_bad_shapes_are_named():
    game = make_game("ipd", rounds=3, noise=0.5)
    with pytest.raises(ValueError, match="uniforms must have shape"):
        game.reset(np.zeros((4, 5)))
    game.reset(np.zeros((4, 6)))
    with pytest.raises(ValueError, match="actions must have shape"):
        game.step(np.zeros((4, 2), dtype=np.int64))


@pytest.mark.parametrize("observe", [("outcome",), ("action", "reward", "outcome"), ("outcome", "round")])
@pytest.mark.parametrize("name", [name for name in MATRIX_GAMES if name != "matrix_game"])
def test_tables_of_observations_and_payoffs_are_what_stepping_shows(name, observe):
    game = make_game(name, rounds=3, observe=observe)
    table, stage = game.table(), game.stage()
    game.reset(np.zeros((4, 0)))
    step = game.step(np.array([[C, C, D, D], [C, D, C, D]]))
    for seat in range(2):
        assert stage is not None
        assert stage[seat, START] == 0
        np.testing.assert_array_equal(stage[seat, step.outcomes[seat]], step.rewards[seat])
        encoded = game.encode(step.outcomes[seat], 1, seat)
        assert (table is None) == ("round" in observe)
        if table is not None:
            np.testing.assert_array_equal(table[seat, step.outcomes[seat]], encoded)
            np.testing.assert_array_equal(table[seat, START], game.encode(np.zeros(1, dtype=int), 0, seat)[0])
    for options in ({"noise": 0.1}, {"continuation": 0.5}):
        assert make_game(name, **options).stage() is None
