"""Every lane is told from its own player's view, whichever seat it sits in."""

from types import SimpleNamespace

import numpy as np
import pytest
from stacks import EVERYTHING, MODELS, ipd, make_policy, make_stack, seat

from coop_icl.config import from_mapping
from coop_icl.evaluation.probes import probe
from coop_icl.models.policy import ModelConfig
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.population import Component, Population
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.setting import build
from coop_icl.rollouts.telling import LEAST, spec_of
from coop_icl.seeding import SeedNode, Stream
from coop_icl.trajectory import learner_batch
from envs.registry import make_game

UNEVEN = [[[1, -2, 3], [4, 5, -6], [7, 8, 9]], [[-10, 11, 12], [13, -14, 15], [16, 17, -18]]]

GAMES = {
    "ipd": ("ipd_v0", {}),
    "bach_or_stravinsky": ("bach_or_stravinsky_v0", {}),
    "matching_pennies": ("matching_pennies_v0", {"continuation": 0.85}),
    "uneven": ("matrix_game", {"payoffs": UNEVEN, "continuation": 0.9}),
}
every_game = pytest.mark.parametrize("key", GAMES)


def make(key, mirrored=False, **more):
    name, options = GAMES[key]
    game = make_game(name, rounds=8, **options, **more)
    if not mirrored:
        return game
    return make_game("matrix_game", rounds=8, **{**options, **more, "payoffs": game.payoffs[::-1].transpose(0, 2, 1)})


def played_by_a_population(key, shuffle=True, episodes=40):
    game = make(key)
    co_player = make_co_player("uniform", game)
    learners = ("learner_0", "learner_1", "learner_2")
    population = Population(learners, [Component(0.5, None), Component(0.5, co_player)], shuffle)
    node = SeedNode(3)
    matchups = population.draw(node, episodes)
    modules = [[0], [1], [2]]
    return game, play(game, matchups, make_stack(game, "gru fused", 3), modules, {3: co_player}, node)


@every_game
def test_outcomes_are_own_action_first_in_both_seats(key):
    game, played = played_by_a_population(key)
    n = game.spec.num_actions
    assert (played.outcomes[0] == 0).all()
    for seat_ in (0, 1):
        own, other = played.actions[:, seat_].astype(int), played.actions[:, 1 - seat_].astype(int)
        assert (own != other).any()
        seen = played.outcomes[1:, seat_]
        expected = 1 + own * n + other
        np.testing.assert_array_equal(seen[played.mask[1:]], expected[:-1][played.mask[1:]])


@every_game
def test_rewards_are_the_payoffs_of_the_seat(key):
    game, played = played_by_a_population(key)
    table = np.asarray(game.payoffs)
    for seat_ in (0, 1):
        expected = table[seat_][played.actions[:, 0], played.actions[:, 1]] * played.mask
        np.testing.assert_array_equal(played.rewards[:, seat_], expected)


def test_what_is_seen_is_the_action_carried_out():
    game = make_game("ipd_v0", rounds=6, noise=1.0)  # every action is turned into the other one
    matchups = seat(("a", "allc", "alld"), 1, [1], [2])
    co_players = {i: make_co_player(name, game) for i, name in ((1, "allc"), (2, "alld"))}
    played = play(game, matchups, make_stack(game, "gru plain", 1), [[0]], co_players, SeedNode(0))
    assert (played.outcomes[1:, 0] == 3).all()  # DC: defected, and the other cooperated
    assert (played.outcomes[1:, 1] == 2).all()
    assert (played.rewards[:, 0] == 2).all()


@every_game
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("share", [True, False])
def test_a_learner_batch_has_the_lanes_of_its_learner_and_no_other(key, shuffle, share):
    game, played = played_by_a_population(key, shuffle)
    n, seats = game.spec.num_actions, played.matchups.seats
    for agents in [(0, 1, 2)] if share else [(0,), (1,), (2,)]:
        batch = learner_batch(played, agents)
        lanes = set(zip(batch.seats.tolist(), batch.games.tolist(), strict=True))
        assert lanes == {(s, g) for s in (0, 1) for g in range(len(played)) if seats[s, g] in agents}
        assert len(lanes) == len(batch)

        # from the batch alone: what the other did follows from what was seen next, payoffs from both
        own, other = batch.actions[:-1].astype(int), (batch.outcomes[1:].astype(int) - 1) % n
        np.testing.assert_array_equal(((batch.outcomes[1:] - 1) // n)[batch.mask[1:]], own[batch.mask[1:]])
        first = batch.seats[None, :] == 0
        payoffs = np.where(first, game.payoffs[0][own, other], game.payoffs[1][other, own])
        following = batch.mask[1:]
        np.testing.assert_array_equal(batch.rewards[:-1][following], payoffs[following])

        # and against the trajectory
        for lane, (seat_, column) in enumerate(zip(batch.seats, batch.games, strict=True)):
            for name in ("outcomes", "actions", "rewards", "logp"):
                expected = getattr(played, name)[:, seat_, column]
                np.testing.assert_array_equal(getattr(batch, name)[:, lane], expected, err_msg=name)
            np.testing.assert_array_equal(batch.mask[:, lane], played.mask[:, column])


def test_unshuffled_learners_of_an_asymmetric_game_sit_before_co_players():
    _, played = played_by_a_population("bach_or_stravinsky", shuffle=False)
    assert (played.matchups.seats[0] < 3).all()


class Mirrored:
    """A seed node whose action numbers are those of ``node`` with the seats exchanged."""

    def __init__(self, node):
        self.node = node

    def child(self, *keys):
        return self.node.child(*keys)

    def rng(self, stream):
        return self if stream == Stream.ACTION else self.node.rng(stream)

    def random(self, shape):
        return self.node.rng(Stream.ACTION).random(shape)[:, ::-1]


@every_game
@pytest.mark.parametrize("model", MODELS)
def test_mirrored_games_give_mirrored_trajectories(key, model):
    """Exchange the seats, the payoffs and the chances: each agent lives through the same episode."""
    game, mirror = make(key, observe=EVERYTHING), make(key, mirrored=True, observe=EVERYTHING)
    if game.spec.symmetric:
        np.testing.assert_array_equal(game.payoffs, mirror.payoffs)
    names = ("a", "b", "uniform") if game.spec.num_actions > 2 else ("a", "b", "uniform", "tabular", "wsls")
    co_players = {i: make_co_player(name, game) for i, name in enumerate(names) if i >= 2}
    others = [i for i in range(1, len(names)) for _ in range(5)]
    matchups = seat(names, 2, [0] * len(others), others)
    exchanged = seat(names, 2, others, [0] * len(others))
    stack, node = make_stack(game, model), SeedNode(11)
    one = play(game, matchups, stack, [[0], [1]], co_players, node)
    two = play(mirror, exchanged, stack, [[0], [1]], co_players, Mirrored(node))
    for name in ("outcomes", "actions", "rewards"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name)[:, ::-1], err_msg=name)
    np.testing.assert_allclose(one.logp, two.logp[:, ::-1], atol=1e-6)
    np.testing.assert_array_equal(one.mask, two.mask)
    assert (one.actions[:, 0] != one.actions[:, 1]).any()
    assert len(np.unique(one.outcomes)) > game.spec.num_actions


def test_an_observation_shows_the_payoff_of_its_own_seat():
    setting = build(
        from_mapping(
            {
                "name": "bos",
                "game": {
                    "name": "bach_or_stravinsky_v0",
                    "options": {"rounds": 10, "observe": ["reward", "action", "round"]},
                },
                "population": {"shuffle_seats": True},
                "train": {"episodes_per_learner": 20},
                "ray": {"blocks": 1, "num_env_runners": 0},
            },
            "test",
        )
    )
    played = setting.play_block(PolicyStack([setting.make_policy(i) for i in range(2)]), 0, 0)
    for agent in range(2):
        batch = learner_batch(played, [agent])
        assert set(batch.seats) == {0, 1}
        encoded = setting.encode(batch).vectors().numpy()
        np.testing.assert_array_equal(encoded[0, :, :3], 0)
        np.testing.assert_array_equal(encoded[1:, :, 0], batch.rewards[:-1])
        np.testing.assert_array_equal(encoded[1:, :, 1:3], np.eye(2)[batch.actions[:-1]])
        np.testing.assert_allclose(encoded[:, :, 3], np.tile(np.arange(10)[:, None] / 10, (1, 20)), atol=1e-7)


@pytest.mark.parametrize("compile_games", [True, False])
def test_a_seat_is_told_the_probabilities_of_the_seat_opposite_and_of_nobody_else(compile_games):
    game = ipd(rounds=4)
    policies = [make_policy(SimpleNamespace(spec=spec_of(game, True)), ModelConfig(hidden_size=16), i) for i in (0, 1)]
    co_players = {2: make_co_player("tft", game), 3: make_co_player("tabular", game)}
    matchups = seat(("a", "b", "tft", "tabular"), 2, [0, 2, 1, 3, 0], [1, 0, 2, 1, 3])
    played = play(
        *(game, matchups, PolicyStack(policies), [[0], [1]], co_players, SeedNode(3)),
        compile_games=compile_games,
        opponent_id=True,
    )
    tft = np.log(np.maximum([1, 0, 1, 0, 0, 1, 1, 0, 0, 1], LEAST))
    np.testing.assert_array_equal(played.told[:, 0], 0)  # two learners
    np.testing.assert_allclose(played.told[1, 1], tft, rtol=1e-6)  # seat 1 faces tft in seat 0
    np.testing.assert_array_equal(played.told[0, 1], 0)  # tft itself faces a learner
    np.testing.assert_allclose(played.told[0, 2], tft, rtol=1e-6)
    drawn = np.exp(played.told[[1, 0], [3, 4]]).reshape(2, 5, 2)
    np.testing.assert_allclose(drawn.sum(2), 1, atol=2e-4)
    assert len(np.unique(drawn[:, :, 0])) == 10  # each episode has an agent of its own
    batch = learner_batch(played, [0])
    np.testing.assert_array_equal(batch.told, played.told[batch.seats, batch.games])


def test_a_policy_that_was_told_is_told_when_it_is_probed():
    game = ipd(rounds=20)
    policy = make_policy(SimpleNamespace(spec=spec_of(game, True)), ModelConfig(hidden_size=16), 1)
    assert np.isfinite(probe(policy, game, make_co_player("tabular", game), episodes=8).payoff)
    one, two = (probe(policy, game, make_co_player(name, game), episodes=64) for name in ("allc", "alld"))
    assert one.cooperation[0] != two.cooperation[0]  # before it has seen anything
