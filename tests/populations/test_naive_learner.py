"""Naive learners: their steps against automatic differentiation, their groups, and what they come to."""

import numpy as np
import pytest
import torch

from coop_icl.populations.coplayer import LearningCoPlayer, group_of
from coop_icl.populations.memory_one import fixed
from coop_icl.populations.naive_learner import NaiveLearner
from coop_icl.populations.population import Component, Population
from coop_icl.populations.registry import CO_PLAYERS, make_co_player
from coop_icl.seeding import SeedNode
from envs.registry import make_game

T = 6
MIRROR = np.array([0, 1, 3, 2, 4])


def meta_game(inner, rounds=T):
    return make_game("ipd_v0", rounds=rounds * inner, inner_rounds=rounds)


def episode(learner, other, inner, lanes, seed=0, rounds=T):
    """A naive learner in seat 0 against ``other``: states by inner episode, and what it saw, did and earned."""
    game, rng = meta_game(inner, rounds), np.random.default_rng(seed)
    outcomes = game.reset(np.zeros((lanes, 0)))
    mine = learner.initial_state(rng.random((lanes, learner.num_parameters)))
    theirs = other.initial_state(rng.random((lanes, other.num_parameters)))
    states, seen, actions, rewards = [], [], [], []
    for t in range(rounds * inner):
        if t % rounds == 0:
            states.append(mine.copy())
        seen.append(outcomes[0].copy())
        own, mine = learner.act(outcomes[0], mine, rng.random(lanes))
        others, theirs = other.act(outcomes[1], theirs, rng.random(lanes))
        step = game.step(np.stack([own, others]))
        mine = learner.learn(step.rewards[0], mine)
        actions.append(own)
        rewards.append(step.rewards[0])
        outcomes = step.outcomes
    shape = (inner, rounds, lanes)
    return [*states, mine], *(np.array(x).reshape(shape) for x in (seen, actions, rewards))


def stepped(logits, values, seen, actions, rewards, learner):
    """Logits and values [5] after one inner episode [T, B] of one group, by automatic differentiation."""
    policy, critic = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(values).requires_grad_()
    seen, cooperated = torch.from_numpy(seen), torch.from_numpy(actions == 0)
    returns = torch.zeros(seen.shape, dtype=torch.float64)
    later = torch.zeros(seen.shape[1], dtype=torch.float64)
    for t in range(len(seen) - 1, -1, -1):
        later = torch.from_numpy(rewards[t]) + learner.gamma * later
        returns[t] = later
    logp = torch.nn.functional.logsigmoid(torch.where(cooperated, policy[seen], -policy[seen]))
    objective = ((returns - critic[seen].detach()) * logp).sum(0).mean()
    slope = torch.autograd.grad(objective, policy)[0]
    error = torch.stack([(returns - values[o])[seen == o].mean().nan_to_num() for o in range(5)])
    return (policy + learner.lr * slope).detach().numpy(), (critic + learner.critic_lr * error).detach().numpy()


@pytest.mark.parametrize("group", [1, 4])
def test_steps_are_those_of_automatic_differentiation(group):
    learner, other = NaiveLearner(T, group, lr=0.7, critic_lr=0.4, gamma=0.9), make_co_player("gtft", meta_game(4))
    states, seen, actions, rewards = episode(learner, other, 4, 2 * group)
    for m in range(4):
        for lanes in (slice(0, group), slice(group, None)):
            before, after = states[m][lanes], states[m + 1][lanes]
            played = (x[m][:, lanes] for x in (seen, actions, rewards))
            logits, values = stepped(before["logits"][0], before["values"][0], *played, learner)
            np.testing.assert_allclose(after["logits"], np.tile(logits, (group, 1)), atol=1e-12)
            np.testing.assert_allclose(after["values"], np.tile(values, (group, 1)), atol=1e-12)
        assert (states[m + 1]["rounds"] == 0).all()
        assert not np.array_equal(states[m]["logits"], states[m + 1]["logits"])


def test_one_group_does_not_see_the_other():
    learner, other = NaiveLearner(T, 3, lr=1.0), fixed("half", (0.5,) * 5)
    rng = np.random.default_rng(1)
    numbers, parameters = rng.random((T, 6)), rng.random((6, 5))
    rewards = rng.normal(size=(T, 6))

    def after(rows):
        state = learner.initial_state(parameters[rows])
        seen = np.zeros(len(rows), dtype=np.int64)
        for t in range(T):
            _, state = learner.act(seen, state, numbers[t][rows])
            state = learner.learn(rewards[t][rows], state)
        return state["logits"]

    both = after(np.arange(6))
    np.testing.assert_array_equal(both[:3], after(np.arange(3)))
    np.testing.assert_array_equal(both[3:], after(np.arange(3, 6)))
    assert not np.allclose(both[0], both[3])
    np.testing.assert_array_equal(both[:3], np.tile(both[0], (3, 1)))
    assert other.kind == "half"


def test_initial_logits_are_normal_and_the_group_s():
    state = NaiveLearner(T, 2, scale=2.0).initial_state(np.random.default_rng(0).random((4000, 5)))
    logits = state["logits"]
    np.testing.assert_array_equal(logits[::2], logits[1::2])
    assert np.abs(logits.mean(0)).max() < 4.5 * 2 / np.sqrt(2000)
    assert np.abs(logits.std(0) - 2).max() < 0.2


def test_they_learn_what_pays_against_who_plays():
    """ALLC and ALLD teach to defect after what they do; someone who forgives only those who cooperate teaches that."""
    learner, forgiving = NaiveLearner(20, 32, lr=1.0), fixed("teacher", (1, 1, 0, 1, 0))
    for name, cooperate in (("allc", False), ("alld", False), ("teacher", True)):
        other = forgiving if name == "teacher" else make_co_player(name, meta_game(1))
        states, _, actions, _ = episode(learner, other, 40, 64, rounds=20)
        rates = (actions == 0).mean((1, 2))
        assert (rates[-5:].mean() > 0.8) if cooperate else (rates[-5:].mean() < 0.1)
        assert abs(rates[0] - 0.5) < 0.3
        assert len(states) == 41


@pytest.mark.parametrize("key", ["lr", "scale"])
def test_without_a_rate_nothing_is_learned_and_without_a_scale_all_begin_alike(key):
    learner = NaiveLearner(T, **{"lr": 1.0, "scale": 1.0, key: 0.0})
    states, *_ = episode(learner, fixed("half", (0.5,) * 5), 3, 4)
    alike = np.array_equal(states[0]["logits"], states[-1]["logits"])
    assert alike == (key == "lr")
    assert (states[0]["logits"] == 0).all() == (key == "scale")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every of 'naive' must be a whole number from 1"),
        ({"group": 1.5}, "co-player 'naive': group must be a whole number, got 1.5"),
        ({"lr": -1}, "lr of 'naive' must be at least 0 and finite"),
        ({"scale": float("inf")}, "scale of 'naive' must be at least 0"),
        ({"critic_lr": 2}, "critic_lr of 'naive' must be in"),
        ({"gamma": float("nan")}, "gamma of 'naive' must be in"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        make_co_player("naive", meta_game(2), options)


def test_the_game_says_when_to_learn():
    assert make_co_player("naive", meta_game(3)).every == T
    assert make_co_player("naive", make_game("ipd_v0", rounds=9), {"every": 4}).every == 4
    with pytest.raises(ValueError, match=r"set game\.options\.inner_rounds"):
        make_co_player("naive", make_game("ipd_v0", rounds=9))
    with pytest.raises(ValueError, match=r"leave out game\.options\.continuation"):
        make_co_player("naive", make_game("ipd_v0", rounds=9, continuation=0.9), {"every": 3})


def test_strategies_that_follow_every_round_refuse_inner_episodes():
    for name in ("grim", "gradual", "noisy", "switcher"):
        make_co_player(name, make_game("ipd_v0", rounds=9))
        with pytest.raises(ValueError, match=f"co-player '{name}' knows no inner episodes"):
            make_co_player(name, meta_game(2))
    assert {"tft", "tabular", "wsls"} <= CO_PLAYERS.keys()
    assert make_co_player("tft", meta_game(2)).kind == "tft"


# --- groups in the population ----------------------------------------------------------------------------------------


def population(group, shuffle=True, learners=2):
    naive = make_co_player("naive", meta_game(2), {"group": group})
    tft = make_co_player("tft", meta_game(2))
    parts = [Component(0.25, None), Component(0.25, tft), Component(0.5, naive)]
    return Population([f"learner_{i}" for i in range(learners)], parts, shuffle)


@pytest.mark.parametrize("group", [1, 4, 8])
def test_learning_co_players_are_met_in_whole_groups(group):
    who = population(group)
    naive = who.agents.index("naive")
    orders = set()
    for block in range(20):
        drawn = who.draw(SeedNode(0).child(block), 32)
        for seat in (0, 1):
            games = np.nonzero(drawn.seats[seat] == naive)[0]
            assert len(games) % group == 0
            for lot in games.reshape(-1, group):
                assert (np.diff(lot) == 1).all()
                assert len(set(drawn.seats[1 - seat, lot])) == 1
                orders.add(seat)
    assert orders == {0, 1}


def test_groups_change_nothing_for_those_who_do_not_learn():
    alone, grouped = (population(group).draw(SeedNode(3), 32).seats for group in (1, 4))
    others = ~(alone == population(1).agents.index("naive")).any(0)
    np.testing.assert_array_equal(alone[:, others], grouped[:, others])


def test_shares_that_are_no_whole_groups_are_refused():
    message = "'naive' plays in groups of 5 but has 16 episodes of each learner in a block; change its weight or train"
    with pytest.raises(ValueError, match=message):
        population(5).draw(SeedNode(0), 32)


def test_only_those_who_learn_have_groups():
    assert isinstance(NaiveLearner(3), LearningCoPlayer)
    assert group_of(NaiveLearner(3, 7)) == 7
    assert group_of(make_co_player("tft", meta_game(2))) == 1
    assert not isinstance(make_co_player("tabular", meta_game(2)), LearningCoPlayer)
