"""Matchups of more than two: learners in their shares, co-players in the seats they leave; two are drawn as ever."""

import numpy as np
import pytest

from coop_icl.config import from_mapping
from coop_icl.matchups import LEARNER
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.memory_one import fixed
from coop_icl.populations.population import Component, Population
from coop_icl.rollouts.setting import build
from coop_icl.seeding import Purpose, SeedNode
from coop_icl.trajectory import learner_batch


def population(players, learners, mixture, shuffle=True):
    """Mixture: weight by kind, or (weight, learners)."""
    components = []
    for kind, entry in mixture.items():
        weight, seated = entry if isinstance(entry, tuple) else (entry, 1)
        components.append(Component(weight, None if kind == LEARNER else fixed(kind, (1,) * 5), seated))
    return Population([f"learner_{i}" for i in range(learners)], components, shuffle, players)


POPULATIONS = {
    "three of three": population(3, 3, {LEARNER: 1}),
    "three of four": population(3, 4, {LEARNER: 0.5, "a": 0.5}),
    "three of six": population(3, 6, {"a": 0.2, LEARNER: 0.5, "b": 0.3}),
    "four of six": population(4, 6, {LEARNER: 1, "a": 1, "b": (1, 2), "c": (1, 3)}),
    "five of seven": population(5, 7, {"a": (1, 4), "b": 1}),
    "eight of eight": population(8, 8, {LEARNER: 1, "a": 2}),
    "one with seven": population(8, 1, {"a": 2, "b": 1}),
    "unshuffled": population(3, 4, {LEARNER: 0.5, "a": (0.25, 2), "b": 0.25}, shuffle=False),
}
every_population = pytest.mark.parametrize("key", POPULATIONS)
EPISODES = 60  # a multiple of whatever lots learners are dealt in


def node(*keys):
    return SeedNode(1).child(Purpose.TRAIN, *keys)


def games_by_component(who, drawn):
    """For each component of the mixture the seats [P, games] of its games."""
    company, agent, found = drawn.company(), len(who.learners), []
    for component in who.components:
        among = component.co_player is None
        found.append(drawn.seats[:, company == (0 if among else agent)])
        agent += not among
    return found


@every_population
def test_every_learner_plays_exactly_its_episodes_and_no_two_seats_are_one_learner(key):
    who = POPULATIONS[key]
    for block in range(10):
        drawn = who.draw(node(0, block), EPISODES)
        assert drawn.seats.shape[0] == drawn.num_players == who.players
        for agent in range(len(who.learners)):
            _, games = drawn.games_of(agent)
            assert len(games) == len(set(games)) == EPISODES


@every_population
def test_games_have_the_learners_that_their_entry_asks_for_and_one_kind_of_co_player(key):
    who = POPULATIONS[key]
    drawn = who.draw(node(0, 0), EPISODES)
    parts = games_by_component(who, drawn)
    assert sum(part.shape[1] for part in parts) == drawn.num_games
    for component, seats in zip(who.components, parts, strict=True):
        assert seats.size
        expected = who.players if component.co_player is None else component.learners
        assert ((seats < len(who.learners)).sum(0) == expected).all()
        for game in seats.T:
            assert len(set(game[game >= len(who.learners)])) == (component.co_player is not None)


@every_population
def test_shares_are_those_of_each_learners_episodes(key):
    who = POPULATIONS[key]
    weights = np.array([component.weight for component in who.components])
    expected = EPISODES * weights / weights.sum()
    found = []
    for block in range(60):
        parts = games_by_component(who, who.draw(node(1, block), EPISODES))
        counts = np.array([[(part == agent).sum() for part in parts] for agent in range(len(who.learners))])
        assert (counts == counts[0]).all()  # each learner has the same shares
        found.append(counts[0])
    largest_lot = 7 * 5 * 4  # no lot of learners is larger
    assert (np.abs(np.array(found) - expected) < min(largest_lot, EPISODES)).all()
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - expected) <= 4.5 * error + 1e-9).all()


@every_population
def test_seats_are_balanced_when_shuffled_and_learners_come_first_otherwise(key):
    who = POPULATIONS[key]
    seats = np.concatenate([who.draw(node(2, block), EPISODES).seats for block in range(30)], axis=1)
    learns = seats < len(who.learners)
    if not who.shuffle_seats:
        assert (learns[:-1] >= learns[1:]).all()
        return
    for counted in (learns, seats == 0):
        rates = counted.mean(1)
        spread = 4.5 * np.sqrt(rates.mean() * (1 - rates.mean()) / seats.shape[1])
        assert np.abs(rates - rates.mean()).max() <= spread


@every_population
def test_the_same_node_draws_the_same_matchups_and_another_one_others(key):
    draw = POPULATIONS[key].draw
    one, two = draw(node(0, 0), EPISODES), draw(node(0, 1), EPISODES)
    np.testing.assert_array_equal(one.seats, draw(node(0, 0), EPISODES).seats)
    assert one.seats.shape != two.seats.shape or (one.seats != two.seats).any()


@every_population
def test_one_game_at_a_time_has_the_shares_of_games(key):
    who = POPULATIONS[key]
    many = [who.draw_one(node(3, i)) for i in range(400)]
    games = np.concatenate([one.seats for one in many], axis=1)
    assert games.shape == (who.players, 400)
    per_episode = np.array([c.weight / (who.players if c.co_player is None else c.learners) for c in who.components])
    shares = per_episode / per_episode.sum()
    assert who.games_per_episode() == pytest.approx(
        per_episode.sum() / sum(component.weight for component in who.components)
    )
    last = games.max(0)
    kinds = [0 if c.co_player is None else who.agents.index(c.co_player.kind) for c in who.components]
    rates = [((last < len(who.learners)) if kind == 0 else last == kind).mean() for kind in kinds]
    assert (np.abs(rates - shares) < 4.5 * np.sqrt(shares * (1 - shares) / 400) + 1e-9).all()


def test_learners_meet_each_other_equally_often():
    who = POPULATIONS["three of four"]
    met = np.zeros((4, 4))
    for block in range(40):
        for game in who.draw(node(4, block), EPISODES).seats.T:
            learners = game[game < 4]
            met[np.ix_(learners, learners)] += len(learners) > 1
    pairs = met[np.triu_indices(4, 1)]
    assert np.abs(pairs - pairs.mean()).max() < 5 * np.sqrt(pairs.mean())


def test_learners_that_cannot_be_dealt_are_refused():
    who = population(3, 4, {"a": 1, LEARNER: 1})
    assert who.draw(node(0, 0), 6).num_games > 0
    with pytest.raises(ValueError, match=r"4 learners cannot be dealt into games of 3 in .* a multiple of 3"):
        who.draw(node(0, 0), 4)


def test_kinds_of_a_batch_are_those_of_the_company():
    config = {
        "name": "x",
        "game": {"name": "public_goods_v0", "options": {"players": 3, "rounds": 6}},
        "population": {
            "mixture": [{"name": LEARNER}, {"name": "allc", "learners": 2}, {"name": "alld"}, {"name": "tabular"}]
        },
        "model": {"hidden_size": 16},
        "train": {"learners": 4, "episodes_per_learner": 24},
        "ray": {"num_env_runners": 0, "blocks": 1},
    }
    setting = build(from_mapping(config, "test"))
    played = setting.play_block(PolicyStack([setting.make_policy(i) for i in range(4)]), 0, 0)
    for agent in range(4):
        batch = learner_batch(played, [agent])
        assert set(batch.kinds) == {0, 4, 5, 6}
        own, kept = np.divmod(batch.outcomes[1:].astype(int) - 1, 3)  # by the others
        np.testing.assert_array_equal(own, batch.actions[:-1])
        assert (kept[:, batch.kinds == 4] <= 1).all()  # one other learner, and who always contributes
        assert (kept[:, batch.kinds == 5] == 2).all()
        paid = 2.0 * (3 - own - kept) / 3 - (1 - own)
        np.testing.assert_allclose(batch.rewards[:-1], paid, atol=1e-6)


PINNED = {
    (2, 4): ([[2, 2, 2, 1, 0, 1], [0, 0, 1, 2, 1, 0]], [[2], [1]]),
    (3, 4): ([[3, 3, 3, 1, 3, 3, 2, 0, 1], [0, 0, 1, 3, 2, 2, 0, 1, 2]], [[1], [3]]),
    (4, 3): ([[0, 4, 4, 4, 1, 2, 3, 2], [4, 1, 2, 3, 3, 0, 1, 0]], [[2], [4]]),
    (1, 3): ([[0, 1, 1], [1, 0, 0]], [[1], [0]]),
}
"""Seats as they were drawn before there were games of more than two: a block, and one game."""


@pytest.mark.parametrize("case", PINNED)
def test_two_players_are_drawn_as_before(case):
    learners, episodes = case
    who = population(2, learners, {"x": 0.4, **({LEARNER: 0.6} if learners > 1 else {})})
    block, one = PINNED[case]
    assert who.draw(SeedNode(5), episodes).seats.tolist() == block
    assert who.draw_one(SeedNode(6)).seats.tolist() == one
