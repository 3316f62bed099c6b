"""Games played in compiled code are the games played round by round, bit for bit."""

from types import SimpleNamespace

import numpy as np
import pytest
from stacks import assert_same, ipd, make_policy, make_stack, seat

from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models import gru_kernel
from coop_icl.models.policy import ModelConfig
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.frozen import FrozenPolicy
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts import compiled
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.telling import spec_of
from coop_icl.seeding import SeedNode
from envs.registry import MATRIX_GAMES, make_game

needs_kernel = pytest.mark.skipif(not gru_kernel.level(), reason="not compiled for this machine")
MODEL = ModelConfig(hidden_size=16)
KINDS = ("tabular", "tft", "random")


def everyone(learners, games, kinds=KINDS):
    """Matchups of ``games`` games in which each agent meets each other one, itself excepted, in both seats."""
    agents = learners + len(kinds)
    pairs = np.array([(a, b) for a in range(agents) for b in range(agents) if a != b]).T
    seats = np.tile(pairs, games)[:, : pairs.shape[1] * games]
    names = (*(f"learner_{i}" for i in range(learners)), *kinds)
    return Matchups(names, (*([LEARNER] * learners), *kinds), learners, seats.astype(np.int16))


def both(game, stack, matchups, co_players, threads=1, **options):
    modules = [[i] for i in range(len(stack.policies))]
    return [
        play(game, matchups, stack, modules, co_players, SeedNode(4), 0, threads, compile_games, **options)
        for compile_games in (True, False)
    ]


@needs_kernel
@pytest.mark.parametrize("observe", [("outcome",), ("outcome", "action", "reward")])
@pytest.mark.parametrize("activation", ["none", "swish"])
@pytest.mark.parametrize("name", [name for name in MATRIX_GAMES if name != "matrix_game"])
def test_games_of_every_kind(name, activation, observe):
    game = make_game(name, rounds=12, observe=observe)
    stack = make_stack(game, (ModelConfig(hidden_size=16, activation=activation), True), learners=3)
    co_players = {3 + i: make_co_player(kind, game) for i, kind in enumerate(KINDS)}
    assert compiled.fits(game, stack, co_players)
    fast, slow = both(game, stack, everyone(3, 3), co_players, threads=2)
    assert_same(fast, slow)
    assert 0.02 < fast.actions.mean() < 0.98
    assert fast.logp.min() < -0.1


@needs_kernel
@pytest.mark.parametrize("threads", [2, 3, 500])
@pytest.mark.parametrize("instructions", [level for level in (3, 4, 5) if level <= gru_kernel.level()])
def test_neither_threads_nor_instructions_change_a_bit(instructions, threads, monkeypatch):
    game = ipd(rounds=9)
    stack, co_players = make_stack(game, (MODEL, True)), {2: make_co_player("tabular", game)}
    matchups = everyone(2, 7, kinds=("tabular",))
    alone = both(game, stack, matchups, co_players)[0]
    monkeypatch.setattr(gru_kernel, "level", lambda: instructions)
    assert_same(both(game, stack, matchups, co_players, threads)[0], alone)


@needs_kernel
@pytest.mark.parametrize("threads", [1, 2])
def test_frozen_policies_play_compiled_too(threads):
    game = ipd(rounds=9)
    stack = make_stack(game, (MODEL, True))
    old = FrozenPolicy(make_policy(game, ModelConfig(hidden_size=32, activation="swish"), 9))
    co_players = {2: old, 3: make_co_player("tabular", game)}
    assert compiled.fits(game, stack, co_players)
    fast, slow = both(game, stack, everyone(2, 5, kinds=("frozen", "tabular")), co_players, threads)
    assert_same(fast, slow)
    assert 0.02 < fast.actions[:, fast.matchups.seats == 2].mean() < 0.98


@needs_kernel
@pytest.mark.parametrize("observe", [("outcome",), ("reward", "outcome")])
def test_learners_are_told_who_their_co_player_is(observe):
    game = ipd(rounds=9, observe=observe)
    learner = SimpleNamespace(spec=spec_of(game, True))
    stack = PolicyStack([make_policy(learner, MODEL, i) for i in range(2)])
    old = FrozenPolicy(make_policy(game, MODEL, 9))
    co_players = {2: old, 3: make_co_player("tabular", game)}
    matchups = everyone(2, 5, kinds=("frozen", "tabular"))
    fast, slow = both(game, stack, matchups, co_players, 2, opponent_id=True)
    assert_same(fast, slow)
    np.testing.assert_array_equal(fast.told, slow.told)


@needs_kernel
def test_a_policy_without_games_and_games_without_co_players():
    game = ipd(rounds=9)
    stack = make_stack(game, (MODEL, True), learners=3)
    assert_same(*both(game, stack, seat(("a", "b", "c"), 3, [0, 1], [1, 0]), {}, threads=2))


@needs_kernel
def test_shared_weights_play_for_several_agents():
    game = ipd(rounds=9)
    stack, matchups = make_stack(game, (MODEL, True), learners=1), seat(("a", "b"), 2, [0, 1, 0], [1, 0, 1])
    fast, slow = (
        play(game, matchups, stack, [[0, 1]], {}, SeedNode(1), compile_games=compile_games)
        for compile_games in (True, False)
    )
    assert_same(fast, slow)


@pytest.mark.parametrize(
    "options", [{"noise": 0.1}, {"continuation": 0.9}, {"observe": ("outcome", "round")}], ids=lambda o: next(iter(o))
)
def test_other_games_are_played_round_by_round(options):
    game = ipd(rounds=9, **options)
    assert not compiled.fits(game, make_stack(game, (MODEL, True)), {})


def test_other_policies_and_co_players_are_played_round_by_round():
    game = ipd(rounds=9)
    stack = make_stack(game, (MODEL, True))
    policies = stack.policies
    frozen = FrozenPolicy(make_policy(game, ModelConfig(core="lstm", hidden_size=16), 3))
    assert not compiled.fits(game, stack, {2: frozen})
    assert not compiled.fits(game, stack, {2: make_co_player("uniform", game)})
    assert not compiled.fits(game, PolicyStack(policies, kernel=False), {})
    assert not compiled.fits(game, PolicyStack(policies, fused=False), {})
    three = make_game("matrix_game", payoffs=np.zeros((2, 3, 3)))
    assert not compiled.fits(three, PolicyStack([make_policy(three, MODEL, 0)]), {})
