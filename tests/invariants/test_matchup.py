"""Who plays whom is drawn once, from the seed tree, in the shares that the population states."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stacks import make_stack, seat

from coop_icl.matchups import LEARNER
from coop_icl.populations.memory_one import Memory1CoPlayer, fixed
from coop_icl.populations.population import Component, Population
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.seeding import Purpose, SeedNode, Stream
from coop_icl.trajectory import learner_batch
from envs.registry import make_game

IPD = make_game("ipd_v0", rounds=6)
ZOO = ("tabular", "allc", "alld", "tft", "gtft", "wsls", "grim", "random", "suspicious_tft")


def population(learners, mixture, shuffle=True):
    components = [
        Component(weight, None if name == LEARNER else make_co_player(name, IPD)) for name, weight in mixture.items()
    ]
    return Population([f"learner_{i}" for i in range(learners)], components, shuffle)


POPULATIONS = {
    "one": population(1, {"tabular": 2, "tft": 1}),
    "pair": population(2, {LEARNER: 1}),
    "paper": population(2, {LEARNER: 0.5, "tabular": 0.5}),
    "three": population(3, {LEARNER: 0.4, "tabular": 0.6}),
    "four": population(4, {"alld": 0.15, LEARNER: 0.6, "allc": 0.25}),
    "many": population(2, {LEARNER: 0.37, **{name: 0.1 + 0.03 * i for i, name in enumerate(ZOO)}}),
    "asymmetric": population(2, {LEARNER: 0.5, "tabular": 0.5}, shuffle=False),
}
every_population = pytest.mark.parametrize("key", POPULATIONS)
EPISODES = 26


def node(*keys):
    return SeedNode(1).child(Purpose.TRAIN, *keys)


def meetings(matchups):
    """How often each agent met each other one, [agents, agents]."""
    count = np.zeros((len(matchups.agents),) * 2, dtype=int)
    np.add.at(count, tuple(matchups.seats), 1)
    return count + count.T


def shares_of(drawn, who):
    """Episodes of each learner with each component of the population, [learners, components]."""
    met, learners = meetings(drawn), drawn.num_learners
    columns, agent = [], learners
    for component in who.components:
        if component.co_player is None:
            columns.append(met[:learners, :learners].sum(1))
        else:
            columns.append(met[:learners, agent])
            agent += 1
    return np.stack(columns, axis=1)


@every_population
def test_the_same_node_draws_the_same_matchups_and_another_one_others(key):
    draw = POPULATIONS[key].draw
    one = draw(node(0, 0), EPISODES)
    np.testing.assert_array_equal(one.seats, draw(node(0, 0), EPISODES).seats)
    others = [draw(n, EPISODES).seats for n in (node(0, 1), node(1, 0), node(1, 1), SeedNode(2).child(1, 0, 0))]
    for two in others:
        assert two.shape != one.seats.shape or (two != one.seats).any()


@every_population
@pytest.mark.parametrize("episodes", [2, EPISODES, 128])
def test_every_learner_plays_exactly_its_episodes(key, episodes):
    who = POPULATIONS[key]
    for block in range(20):
        drawn = who.draw(node(0, block), episodes)
        assert [len(drawn.games_of(i)[0]) for i in range(drawn.num_learners)] == [episodes] * drawn.num_learners


@every_population
def test_no_agent_meets_itself_and_no_two_co_players_meet(key):
    for block in range(20):
        drawn = POPULATIONS[key].draw(node(0, block), EPISODES)
        assert (drawn.seats[0] != drawn.seats[1]).all()
        assert (drawn.seats.min(0) < drawn.num_learners).all()
        assert drawn.seats.min() >= 0
        assert drawn.seats.max() < len(drawn.agents) == len(drawn.kinds)


@every_population
@pytest.mark.parametrize("episodes", [6, 26, 128])
def test_shares_are_exact_up_to_rounding_and_exact_on_average(key, episodes):
    who = POPULATIONS[key]
    weights = np.array([c.weight for c in who.components])
    expected = episodes * weights / weights.sum()
    lot = 2 if len(who.learners) % 2 and len(who.learners) > 1 else 1  # odd numbers of learners meet in rings
    found = np.array([shares_of(who.draw(node(1, block), episodes), who) for block in range(300)])
    assert (found == found[:, :1]).all()  # each learner has the same shares
    counts = found[:, 0]
    assert (np.abs(counts - expected) < lot + 1e-6).all()
    error = counts.std(0) / np.sqrt(len(counts))
    assert (np.abs(counts.mean(0) - expected) <= 4 * error + 1e-9).all()


@settings(deadline=None, max_examples=60)
@given(
    learners=st.integers(1, 5),
    weights=st.lists(st.floats(0.01, 10), min_size=1, max_size=6),
    episodes=st.integers(1, 60),
    block=st.integers(0, 1000),
)
def test_any_mixture_gives_whole_games_of_two_agents(learners, weights, episodes, block):
    if learners > 1 and learners % 2:
        episodes *= 2
    components = [Component(w, fixed(f"co_{i}", (0.5,) * 5)) for i, w in enumerate(weights)]
    if learners > 1:
        components[len(components) // 2] = Component(weights[len(weights) // 2], None)
    who = Population([f"learner_{i}" for i in range(learners)], components)
    drawn = who.draw(node(0, block), episodes)
    counts = shares_of(drawn, who)
    assert (counts.sum(1) == episodes).all()
    assert (counts == counts[0]).all()
    assert (drawn.seats[0] != drawn.seats[1]).all()


def test_pairs_of_learners_are_balanced():
    three, four = POPULATIONS["three"], POPULATIONS["four"]
    drawn = [meetings(three.draw(node(2, block), EPISODES))[:3, :3] for block in range(30)]
    for count in drawn:  # a ring of three is everyone with everyone
        assert len(set(count[np.triu_indices(3, 1)])) == 1
    total = sum(meetings(four.draw(node(2, block), 100))[:4, :4] for block in range(40))
    pairs = total[np.triu_indices(4, 1)]
    rounds = total[0].sum()  # in each, a learner meets one of three with the same chance
    assert np.abs(pairs - rounds / 3).max() < 4.5 * np.sqrt(rounds * (1 / 3) * (2 / 3))


@every_population
def test_seats_are_balanced_when_shuffled(key):
    who = POPULATIONS[key]
    drawn = [who.draw(node(3, block), 100) for block in range(20)]
    seats = np.concatenate([d.seats for d in drawn], axis=1)
    learners = len(who.learners)
    for agent in range(learners):
        for other in range(len(who.agents)):
            first = int(((seats[0] == agent) & (seats[1] == other)).sum())
            second = int(((seats[1] == agent) & (seats[0] == other)).sum())
            if first + second == 0:
                continue
            if who.shuffle_seats or other < learners:
                assert abs(first - second) < 4.5 * np.sqrt(first + second), (agent, other)
            else:
                assert second == 0


def test_seats_are_shuffled_for_each_game_by_itself():
    drawn = POPULATIONS["paper"].draw(node(0, 0), 400)
    against = (drawn.seats >= 2).any(0)
    first = drawn.seats[0, against] < 2
    runs = int((first[1:] != first[:-1]).sum())
    assert abs(runs - len(first) / 2) < 4.5 * np.sqrt(len(first)) / 2


@pytest.mark.parametrize("key", ["paper", "three", "four", "many"])
def test_kinds_of_a_learner_batch_tell_who_the_co_player_was(key):
    who = POPULATIONS[key]
    drawn = who.draw(node(4, 0), 60)
    learners = len(who.learners)
    co_players = dict(enumerate(who.co_players, learners))
    stack = make_stack(IPD, "gru fused", learners)
    played = play(IPD, drawn, stack, [[i] for i in range(learners)], co_players, node(4, 0))
    seen_kinds = set()
    for agent in range(learners):
        batch = learner_batch(played, [agent])
        own, other = (batch.outcomes[1:] - 1) // 2, (batch.outcomes[1:] - 1) % 2
        np.testing.assert_array_equal(own, batch.actions[:-1])
        for kind in np.unique(batch.kinds):
            lanes = batch.kinds == kind
            mine, theirs, name = own[:, lanes], other[:, lanes], who.kinds[kind]
            seen_kinds.add(name)
            sat = drawn.seats[1 - batch.seats[lanes], batch.games[lanes]]
            assert {who.kinds[i] for i in sat} == {name}
            if name == "alld":
                assert (theirs == 1).all()
            elif name == "allc":
                assert (theirs == 0).all()
            elif name == "tft":
                assert (theirs[0] == 0).all()
                np.testing.assert_array_equal(theirs[1:], mine[:-1])
            elif name == "suspicious_tft":
                assert (theirs[0] == 1).all()
                np.testing.assert_array_equal(theirs[1:], mine[:-1])
            elif name == "grim":
                np.testing.assert_array_equal(theirs[1:], np.maximum.accumulate(mine, 0)[:-1])
            elif name == "wsls":  # stays after the co-player cooperated, else shifts
                np.testing.assert_array_equal(theirs[1:], theirs[:-1] ^ mine[:-1])
    assert seen_kinds == set(who.kinds)


def test_draw_one_follows_the_shares():
    who = POPULATIONS["four"]
    games = [who.draw_one(node(5, i)) for i in range(1500)]
    assert all(one.num_games == 1 for one in games)
    names = [{who.kinds[i] for i in one.seats[:, 0]} for one in games]
    # of each learner's 100 episodes 15, 60, 25; a game of two learners counts for both
    total = 15 + 30 + 25
    for kind, share in (("alld", 15 / total), ("allc", 25 / total)):
        rate = np.mean([kind in name for name in names])
        assert abs(rate - share) < 4.5 * np.sqrt(share * (1 - share) / len(games))
    assert who.draw_one(node(5, 3)).seats.tolist() == games[3].seats.tolist()


def test_describe_names_seats():
    drawn = seat(("learner_0", "learner_1", "tft"), 2, [1, 0], [2, 1])
    assert drawn.describe(0) == {"player_0": "learner_1", "player_1": "tft"}
    assert drawn.describe(1) == {"player_0": "learner_0", "player_1": "learner_1"}


# --- the seed tree ---------------------------------------------------------------------------------------------------


def test_streams_of_blocks_iterations_and_co_players_are_different_numbers():
    rngs = {}
    for seed, purpose, iteration, block in itertools.product((0, 1), Purpose, range(2), range(2)):
        here = SeedNode(seed).child(purpose, iteration, block)
        for stream in Stream:
            rngs[seed, purpose, iteration, block, stream] = here.rng(stream)
        for agent in range(4):
            rngs[seed, purpose, iteration, block, "co-player", agent] = here.child(Stream.CO_PLAYER).rng(agent)
    numbers = np.array([rng.random(64) for rng in rngs.values()])
    assert len(np.unique(numbers)) == numbers.size
    correlations = np.corrcoef(numbers)[np.triu_indices(len(numbers), 1)]
    assert np.abs(correlations).max() < 0.65  # 4950 and more pairs of 64 numbers: 5 standard deviations


@given(st.integers(0, 2**63), st.lists(st.integers(0, 2**31), max_size=4), st.lists(st.integers(0, 2**31), max_size=4))
def test_different_paths_give_different_numbers_and_the_same_path_the_same(seed, one, two):
    first, second = SeedNode(seed).child(*one), SeedNode(seed).child(*two)
    assert (first.rng(0).random() == second.rng(0).random()) == (one == two)
    assert (first.integer(0) == second.integer(0)) == (one == two)
    assert 0 <= first.integer(0) < 2**63
    for i in range(len(one) + 1):
        assert SeedNode(seed).child(*one[:i]).child(*one[i:]) == first


def test_a_stream_starts_anew_at_each_call():
    assert node(0, 0).rng(1).random() == node(0, 0).rng(1).random()


def recorded(kind, parameters=5):
    """A tabular co-player that writes down the numbers its episodes were drawn from."""
    seen = []

    def table(uniforms):
        seen.append(uniforms.copy())
        return uniforms[:, :5]

    return Memory1CoPlayer(kind, parameters, table), seen


FIRST, SECOND = [0, 1, 0, 2, 3, 0, 3], [2, 2, 1, 1, 0, 3, 1]
"""Games of learners 0 and 1 with each other, with co-player 2 and with co-player 3."""


def games_without_three(co_player_three):
    first, numbers = recorded("first")
    matchups = seat(("a", "b", "first", "second"), 2, FIRST, SECOND)
    stack = make_stack(IPD, "gru fused")
    played = play(IPD, matchups, stack, [[0], [1]], {2: first, 3: co_player_three}, node(6, 0))
    keep = (matchups.seats != 3).all(0)
    return played.actions[:, :, keep], played.logp[:, :, keep], numbers[0], played.actions[:, :, ~keep]


def test_replacing_a_co_player_changes_its_own_games_only():
    results = [games_without_three(who) for who in (fixed("allc", (1,) * 5), recorded("x")[0], recorded("y", 9)[0])]
    actions, logp, numbers, theirs = results[0]
    for other_actions, other_logp, other_numbers, other_theirs in results[1:]:
        np.testing.assert_array_equal(actions, other_actions)
        np.testing.assert_allclose(logp, other_logp, atol=1e-6)
        np.testing.assert_array_equal(numbers, other_numbers)
        assert (theirs != other_theirs).any()


def test_co_players_added_behind_leave_the_draws_of_those_before_alone():
    (alone, numbers), (again, same) = recorded("first"), recorded("first")
    stack = make_stack(IPD, "gru fused")
    few = seat(("a", "b", "first"), 2, [0, 1, 2], [2, 2, 0])
    more = seat(("a", "b", "first", "second"), 2, [0, 1, 2, 3, 0], [2, 2, 0, 1, 1])
    play(IPD, few, stack, [[0], [1]], {2: alone}, node(7, 0))
    second, others = recorded("second")
    play(IPD, more, stack, [[0], [1]], {2: again, 3: second}, node(7, 0))
    np.testing.assert_array_equal(numbers[0], same[0])
    assert not np.isin(others[0], same[0]).any()


def test_episodes_of_blocks_and_iterations_differ_and_repeat():
    def tables(iteration, block):
        co_player, numbers = recorded("first")
        matchups = seat(("a", "b", "first"), 2, [0, 1, 2, 0], [2, 2, 0, 1])
        stack = make_stack(IPD, "gru fused")
        return numbers, play(IPD, matchups, stack, [[0], [1]], {2: co_player}, node(iteration, block))

    (numbers, played), (again, replayed) = tables(0, 0), tables(0, 0)
    np.testing.assert_array_equal(numbers[0], again[0])
    np.testing.assert_array_equal(played.actions, replayed.actions)
    for other in ((0, 1), (1, 0), (1, 1)):
        different, elsewhere = tables(*other)
        assert not np.isin(different[0], numbers[0]).any()
        assert (elsewhere.actions != played.actions).any()


# --- what a population refuses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("learners", "components", "message"),
    [
        (2, [], "at least one"),
        (2, [Component(0.0, None)], "positive"),
        (2, [Component(float("nan"), None)], "positive"),
        (2, [Component(-1.0, None), Component(1, fixed("x", (1,) * 5))], "positive"),
        (2, [Component(1, None), Component(1, None)], "more than once"),
        (1, [Component(1, None)], "seats 2 different learners in a game but there are 1"),
        (2, [Component(1, fixed("x", (1,) * 5), learners=2)], "learners of 'x' must be from 1 to 1"),
        (2, [Component(1, fixed("x", (1,) * 5)), Component(1, fixed("x", (0,) * 5))], "distinct"),
        (2, [Component(1, fixed(LEARNER, (1,) * 5))], "distinct"),
        (2, [Component(1, fixed("learner_1", (1,) * 5))], "distinct"),
    ],
)
def test_mixtures_that_make_no_sense_are_refused(learners, components, message):
    with pytest.raises(ValueError, match=message):
        Population([f"learner_{i}" for i in range(learners)], components)
