"""Every co-player of the registry keeps the contract: stateless object, explicit state, batched, replayable."""

import numpy as np
import pytest
import torch

from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import save_policy
from coop_icl.populations.grid_players import BY_GAME
from coop_icl.populations.registry import ANY_GAME, CO_PLAYERS, make_co_player
from coop_icl.populations.walking import Sight
from envs.registry import make_game

ROUNDS, LANES = 7, 40
IPD = make_game("ipd_v0", rounds=ROUNDS)
THREE = make_game("matrix_game", rounds=ROUNDS, payoffs=np.arange(18).reshape(2, 3, 3))
MADE_FOR = {name: game for game, players in BY_GAME.items() for name in players}
"""The one game that a co-player on a grid knows how to play."""
GRIDS = {name: make_game(name, rounds=ROUNDS) for name in sorted(set(MADE_FOR.values()))}
every_name = pytest.mark.parametrize("name", sorted({*CO_PLAYERS, *MADE_FOR}))


def games_of(name):
    """Games that a co-player can play, the first one of which most tests use."""
    if name in MADE_FOR:
        return (GRIDS[MADE_FOR[name]],)
    return (IPD, THREE) if name in ANY_GAME else (IPD,)


def make(name, folder, game=None):
    game = game or games_of(name)[0]
    options = {}
    if name == "coin_table":
        options = {"probabilities": [0.3, 0.2, 0.9]}
    if name == "memory_one":
        options = {"probabilities": [0.9, 0.2, 0.6, 0.3, 0.5]}
    if name == "axelrod":
        pytest.importorskip("axelrod")
        options = {"strategy": "Firm But Fair"}  # draws numbers of its own
    if name == "naive":
        options = {"every": 3}
    if name == "frozen":
        policy = SequencePolicy(
            ModelConfig(hidden_size=8), [w for _, w in game.spec.features], game.spec.num_actions, 7
        )
        policy.reset_parameters(0)
        policy.action_head.weight.data *= 5
        payoffs = {"payoffs": game.payoffs.tolist()}
        save_policy(folder / "policy", policy, "matrix_game", {"rounds": ROUNDS, **payoffs}, game.spec, {})
        options = {"path": str(folder / "policy")}
    return make_co_player(name, game, options)


def seen_by(co_player, game, now, t):
    if now.ndim == 2 or co_player.observes == "outcomes":
        return now
    return game.encode(now, t, 0)


def histories(game, seed=0):
    """Outcomes [T, B]; in games that show more, what player 0 sees of random play, [T, B, F]."""
    if game.observe() is not None:
        rng = np.random.default_rng(seed)
        game.reset(rng.random((LANES, game.num_uniforms)))
        vectors = [game.observe()[0]]
        for _ in range(ROUNDS - 1):
            game.step(rng.integers(game.spec.num_actions, size=(game.spec.num_players, LANES)))
            vectors.append(game.observe()[0])
        return np.array(vectors)
    outcomes = np.random.default_rng(seed).integers(1, game.spec.num_outcomes, (ROUNDS, LANES))
    outcomes[0] = 0
    return outcomes


def live(co_player, game, outcomes, parameters, numbers):
    """Actions [T, B] over whole episodes."""
    state, actions = co_player.initial_state(parameters), []
    for t, now in enumerate(outcomes):
        action, state = co_player.act(seen_by(co_player, game, now, t), state, numbers[t])
        actions.append(action)
    return np.array(actions)


def chances(co_player, seed=1, lanes=LANES):
    rng = np.random.default_rng(seed)
    return rng.random((lanes, co_player.num_parameters)), rng.random((ROUNDS, lanes))


def inside(thing):
    """All numbers that a state or a co-player is made of."""
    if isinstance(thing, torch.nn.Module):
        thing = thing.state_dict()
    if isinstance(thing, Sight):
        thing = vars(thing)
    if isinstance(thing, np.ndarray) and thing.dtype.names:
        thing = {name: thing[name] for name in thing.dtype.names}
    if isinstance(thing, dict):
        return {key: inside(value) for key, value in thing.items()}
    if isinstance(thing, np.ndarray | torch.Tensor):
        return thing.tolist()
    return thing


@every_name
def test_shapes_types_and_ranges(name, tmp_path):
    for i, game in enumerate(games_of(name)):
        co_player = make(name, tmp_path / str(i), game)
        assert co_player.kind
        assert isinstance(co_player.kind, str)
        assert co_player.observes in ("outcomes", "observations")
        assert co_player.num_parameters >= 0
        for outcomes in (histories(game), histories(game)[:, :1], histories(game)[:, :0]):
            parameters, numbers = chances(co_player, lanes=outcomes.shape[1])
            actions = live(co_player, game, outcomes, parameters, numbers)
            assert actions.dtype == np.int64
            assert actions.shape == outcomes.shape[:2]
            assert ((actions >= 0) & (actions < game.spec.num_actions)).all()
            small = live(co_player, game, outcomes.astype(np.int8), parameters, numbers)  # as trajectories keep them
            np.testing.assert_array_equal(actions, small)


@every_name
def test_the_same_numbers_give_the_same_episode_whatever_was_played_before(name, tmp_path):
    game = games_of(name)[0]
    co_player, outcomes = make(name, tmp_path), histories(game)
    parameters, numbers = chances(co_player)
    first = live(co_player, game, outcomes, parameters, numbers)
    live(co_player, game, histories(game, 5), *chances(co_player, 6))
    np.testing.assert_array_equal(live(co_player, game, outcomes, parameters, numbers), first)


@every_name
def test_two_batches_in_turns_do_not_disturb_each_other(name, tmp_path):
    """The state is explicit: nothing is kept in the object between calls."""
    game = games_of(name)[0]
    co_player = make(name, tmp_path)
    batches = [(histories(game, seed), *chances(co_player, seed)) for seed in (2, 3)]
    alone = [live(co_player, game, *batch) for batch in batches]
    states = [co_player.initial_state(batch[1]) for batch in batches]
    for t in range(ROUNDS):
        for i, (outcomes, _, numbers) in enumerate(batches):
            action, states[i] = co_player.act(seen_by(co_player, game, outcomes[t], t), states[i], numbers[t])
            np.testing.assert_array_equal(action, alone[i][t])


@every_name
def test_act_changes_neither_the_object_nor_what_it_is_given(name, tmp_path):
    game = games_of(name)[0]
    co_player, outcomes = make(name, tmp_path), histories(game)
    parameters, numbers = chances(co_player)
    made_of = inside(vars(co_player))
    given = parameters.copy()
    state = co_player.initial_state(parameters)
    for t, now in enumerate(outcomes):
        seen, number = seen_by(co_player, game, now, t), numbers[t].copy()
        copies, before = (seen.copy(), number.copy()), inside(state)
        _, following = co_player.act(seen, state, number)
        assert inside(state) == before
        np.testing.assert_array_equal(seen, copies[0])
        np.testing.assert_array_equal(number, copies[1])
        state = following
    np.testing.assert_array_equal(parameters, given)
    assert inside(vars(co_player)) == made_of


def rearranged(state, rows):
    if state is None:
        return None
    if isinstance(state, dict):
        return {key: value[torch.from_numpy(rows)] for key, value in state.items()}
    return state[rows]


@every_name
def test_rows_may_be_rearranged_in_the_middle_of_an_episode(name, tmp_path):
    game = games_of(name)[0]
    co_player, outcomes = make(name, tmp_path), histories(game)
    parameters, numbers = chances(co_player)
    expected = live(co_player, game, outcomes, parameters, numbers)
    rng = np.random.default_rng(4)
    rows = rng.permutation(LANES)
    np.testing.assert_array_equal(
        live(co_player, game, outcomes[:, rows], parameters[rows], numbers[:, rows]), expected[:, rows]
    )
    state, rows = co_player.initial_state(parameters), np.arange(LANES)
    for t, now in enumerate(outcomes):
        move = rng.permutation(LANES)
        rows, state = rows[move], rearranged(state, move)
        action, state = co_player.act(seen_by(co_player, game, now[rows], t), state, numbers[t][rows])
        np.testing.assert_array_equal(action, expected[t][rows])


@every_name
def test_small_numbers_choose_the_first_action(name, tmp_path):
    for i, game in enumerate(games_of(name)):
        co_player, outcomes = make(name, tmp_path / str(i), game), histories(game)
        parameters, _ = chances(co_player)
        state = co_player.initial_state(parameters)
        grid = np.linspace(0, np.nextafter(1, 0), 11)
        by_number = np.array(
            [co_player.act(seen_by(co_player, game, outcomes[0], 0), state, np.full(LANES, u))[0] for u in grid]
        )
        assert (np.diff(by_number, axis=0) >= 0).all()


@every_name
def test_co_players_survive_the_journey_to_another_process(name, tmp_path):
    """Env runners build their own from the configuration: the same options give the same play."""
    one, two = make(name, tmp_path / "one"), make(name, tmp_path / "two")
    game = games_of(name)[0]
    outcomes, (parameters, numbers) = histories(game), chances(one)
    assert (one.kind, one.num_parameters) == (two.kind, two.num_parameters)
    np.testing.assert_array_equal(
        live(one, game, outcomes, parameters, numbers), live(two, game, outcomes, parameters, numbers)
    )


@every_name
def test_default_kinds_are_distinct_and_fit_for_a_metric_name(name, tmp_path):
    kinds = [make(other, tmp_path / other).kind for other in sorted({*CO_PLAYERS, *MADE_FOR})]
    assert len(set(kinds)) == len(kinds)
    assert all(kind.replace("_", "").replace(".", "").isalnum() for kind in kinds)


# --- what the registry refuses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tabullar", {}, "unknown co-player 'tabullar'; did you mean 'tabular'"),
        ("qqqq", {}, "unknown co-player 'qqqq'; choose one of allc, alld"),
        ("tabular", {"alhpa": 1}, "co-player 'tabular' has no option 'alhpa'; did you mean 'alpha'"),
        ("tft", {"alpha": 1}, "co-player 'tft' has no option 'alpha'"),
        ("tabular", {"alpha": 0}, "alpha and beta of 'tabular' must be positive numbers, got 0"),
        ("tabular", {"beta": -1.5}, "alpha and beta of 'tabular' must be positive numbers, got 1.0 and -1.5"),
        ("tabular", {"alpha": float("nan")}, "alpha and beta of 'tabular' must be positive numbers, got nan"),
        ("tabular", {"alpha": float("inf")}, "alpha and beta of 'tabular' must be positive numbers"),
        ("tabular", {"alpha": "a lot"}, "co-player 'tabular'"),
        ("random", {"p": 1.5}, r"co-player 'random': p must be a number in \[0, 1\], got 1.5"),
        ("random", {"p": float("nan")}, r"co-player 'random': p must be a number in \[0, 1\], got nan"),
        ("random", {"p": "often"}, "co-player 'random'"),
        ("gtft", {"forgiveness": -0.1}, r"co-player 'gtft': forgiveness must be a number in \[0, 1\], got -0.1"),
        ("axelrod", {}, "co-player 'axelrod'.*strategy"),
        ("memory_one", {}, "co-player 'memory_one'.*probabilities"),
        ("memory_one", {"probabilities": [0.5] * 4}, "probabilities of 'memory_one' must be five numbers"),
        ("memory_one", {"probabilities": [0.5] * 4 + [2]}, "probabilities of 'memory_one' must be five numbers"),
        ("memory_one", {"probabilities": [0.5] * 4 + [float("nan")]}, "probabilities of 'memory_one' must be five"),
        ("memory_one", {"probabilities": 0.5}, "co-player 'memory_one'"),
        ("extortion", {"chi": 0.5}, "chi must be at least 1, got 0.5"),
        ("extortion", {"chi": float("nan")}, "chi must be at least 1, got nan"),
        ("extortion", {"phi": 2.0}, "phi of 'extort_3' must be in"),
        ("generous", {"phi": 0}, "phi of 'generous_3' must be in"),
        ("generous", {"chi": "three"}, "co-player 'generous'"),
        ("coin_gready", {}, "unknown co-player 'coin_gready'; did you mean 'coin_greedy'"),
    ],
)
def test_unknown_names_and_options_and_bad_values(name, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_co_player(name, IPD, options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(set(CO_PLAYERS) - ANY_GAME))
def test_co_players_of_two_actions_refuse_other_games(name):
    with pytest.raises(ValueError, match=f"co-player '{name}' needs a game of two players and two actions"):
        make_co_player(name, THREE, {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "co-player 'coin_table' needs the option 'probabilities'"),
        ({"probabilities": [0.5] * 2}, "probabilities of 'coin_table' must be 3 numbers in"),
        ({"probabilities": [0.5, 0.5, 2]}, "probabilities of 'coin_table' must be 3 numbers in"),
        ({"probabilities": "often"}, "probabilities must be a list of numbers, got 'often'"),
    ],
)
def test_bad_probabilities_of_taking_coins(options, message):
    with pytest.raises(ValueError, match=message):
        make_co_player("coin_table", GRIDS["coin_game_v0"], options)


@pytest.mark.parametrize("name", sorted(MADE_FOR))
def test_co_players_made_for_a_game_refuse_others_and_want_to_see_its_grid(name):
    others = [IPD, *(game for key, game in GRIDS.items() if key != MADE_FOR[name])]
    for other in others:
        with pytest.raises(ValueError, match="needs the game") as caught:
            make_co_player(name, other, {})
        assert str(caught.value) == f"co-player '{name}' needs the game '{MADE_FOR[name]}', not '{other.spec.name}'"
    blind = make_game(MADE_FOR[name], observe=("outcome", "reward"))
    options = {"probabilities": [0.5] * 3} if name == "coin_table" else {}
    with pytest.raises(ValueError, match="does not show its grid; add 'grid' to "):
        make_co_player(name, blind, options)


@pytest.mark.parametrize("name", ["extortion", "generous"])
def test_zero_determinant_co_players_need_a_prisoners_dilemma(name):
    with pytest.raises(ValueError, match="symmetric matrix game, not 'bach_or_stravinsky_v0'"):
        make_co_player(name, make_game("bach_or_stravinsky_v0"), {})
    with pytest.raises(ValueError, match="prisoner's dilemma"):
        make_co_player(name, make_game("stag_hunt_v0"), {})
