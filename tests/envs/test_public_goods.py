"""The public goods game: payoffs, symbols and views in closed form, from two players to eight."""

import numpy as np
import pytest

from envs.registry import make_game

every_number = pytest.mark.parametrize("players", range(2, 9))


def every_profile(players):
    """All actions that can be played at once, [P, 2^P]."""
    return (np.arange(2**players) >> np.arange(players)[:, None]) & 1


@every_number
def test_payoffs_and_symbols_of_every_profile(players):
    game = make_game("public_goods", players=players, multiplier=1.7, rounds=3)
    actions = every_profile(players)
    assert (game.reset(np.zeros((actions.shape[1], 0))) == 0).all()
    step = game.step(actions)
    contributions = (actions == 0).sum(0)
    np.testing.assert_allclose(step.rewards, 1.7 * contributions / players - (actions == 0), atol=1e-6)
    others_kept = (actions == 1).sum(0) - actions
    np.testing.assert_array_equal(step.outcomes, 1 + players * actions + others_kept)
    assert step.outcomes.max() == game.spec.num_outcomes - 1 == 2 * players
    assert step.outcomes.min() == 1
    assert step.cooperated is None


@every_number
def test_it_is_a_dilemma_by_default(players):
    game = make_game("public_goods", players=players)
    actions = every_profile(players)
    game.reset(np.zeros((actions.shape[1], 0)))
    rewards = game.step(actions).rewards
    for seat in range(players):
        kept = rewards[seat, actions[seat] == 1]
        gave = rewards[seat, actions[seat] == 0]  # the others do the same in the same order
        np.testing.assert_allclose(kept - gave, 1 - game.multiplier / players, atol=1e-6)
    assert 1 < game.multiplier < players
    assert rewards[:, 0].sum() == rewards.sum(0).max() > 0 == rewards[:, -1].sum()


@every_number
def test_seats_are_alike(players):
    game = make_game("public_goods", players=players, rounds=5, noise=0.2, continuation=0.9)
    rng = np.random.default_rng(0)
    numbers = rng.random((40, game.num_uniforms))
    order = rng.permutation(players)
    moved = numbers.copy()
    hands = moved[:, 1:].reshape(40, 5, players)
    moved[:, 1:] = hands[:, :, order].reshape(40, -1)
    chosen = rng.integers(2, size=(5, players, 40))
    lives = []
    for uniforms, seats in ((numbers, np.arange(players)), (moved, order)):
        game.reset(uniforms)
        steps = [game.step(actions[seats]) for actions in chosen]
        lives.append([(step.outcomes, step.rewards) for step in steps])
    for (outcomes, rewards), (same_outcomes, same_rewards) in zip(*lives, strict=True):
        np.testing.assert_array_equal(outcomes[order], same_outcomes)
        np.testing.assert_array_equal(rewards[order], same_rewards)
    assert game.spec.symmetric


def test_two_players_are_a_matrix_game():
    """Symbols, payoffs and observations of the prisoner's dilemma with T, R, P, S = .75, .5, 0, -.25."""
    payoffs = np.array([[[0.5, -0.25], [0.75, 0]], [[0.5, 0.75], [-0.25, 0]]])
    options = {"rounds": 9, "observe": ("outcome", "action", "reward", "round")}
    one = make_game("public_goods", players=2, multiplier=1.5, **options)
    two = make_game("matrix_game", payoffs=payoffs, **options)
    np.testing.assert_array_equal(one.stage(), two.stage())
    rng = np.random.default_rng(0)
    outcomes = [game.reset(np.zeros((30, 0))) for game in (one, two)]
    for t in range(9):
        np.testing.assert_array_equal(*outcomes)
        seats = np.arange(2)[:, None]
        np.testing.assert_array_equal(one.encode(outcomes[0], t, seats), two.encode(outcomes[1], t, seats))
        actions = rng.integers(2, size=(2, 30))
        steps = [game.step(actions) for game in (one, two)]
        for mine, theirs in zip(steps[0][:4], steps[1][:4], strict=True):
            np.testing.assert_array_equal(mine, theirs)
        outcomes = [step.outcomes for step in steps]


def test_only_two_steady_players_of_a_fixed_length_are_a_stage_game():
    for options in ({"players": 3}, {"players": 2, "noise": 0.1}, {"players": 2, "continuation": 0.9}):
        assert make_game("public_goods", **options).stage() is None


@every_number
def test_tables_of_observations_are_what_stepping_shows(players):
    game = make_game("public_goods", players=players, rounds=2, observe=("reward", "action", "outcome"))
    actions, table = every_profile(players), game.table()
    game.reset(np.zeros((actions.shape[1], 0)))
    step = game.step(actions)
    seats = np.arange(players)[:, None]
    seen = table[seats, step.outcomes]
    np.testing.assert_array_equal(seen, game.encode(step.outcomes, 1, seats))
    np.testing.assert_array_equal(seen[..., 0], step.rewards)
    np.testing.assert_array_equal(seen[..., 1:3], np.eye(2)[actions])
    np.testing.assert_array_equal(seen[..., 3:], np.eye(1 + 2 * players)[step.outcomes])
    assert not table[:, 0, :3].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"players": 1}, "players must be from 2 to 8, got 1"),
        ({"players": 9}, "players must be from 2 to 8, got 9"),
        ({"players": 2.5}, "players must be a whole number, got 2.5"),
        ({"multiplier": 0}, "multiplier must be a number above 0, got 0"),
        ({"multiplier": "much"}, "multiplier must be a number above 0, got 'much'"),
        ({"multiplier": float("nan")}, "multiplier must be a number above 0, got nan"),
        ({"rounds": 0}, "rounds must be at least 1, got 0"),
        ({"noise": 2}, "noise must be in"),
        ({"continuation": 1}, "continuation must be in"),
        ({"observe": ["grid"]}, "observe must be distinct parts out of"),
        ({"player": 3}, "unknown option of public_goods_v0 'player': did you mean 'players'"),
    ],
)
def test_options_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_game("public_goods", **options)
    assert "\n" not in str(caught.value)
