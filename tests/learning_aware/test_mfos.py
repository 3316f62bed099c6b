"""M-FOS: its meta-game in closed forms, what it learns from, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coop_icl.learning_aware.lola import naive
from coop_icl.learning_aware.meta_agent import MetaAgents, meta_state
from coop_icl.learning_aware.meta_game import play
from coop_icl.learning_aware.meta_results import NAME, results
from coop_icl.learning_aware.mfos import Learner, Training, advantages, drawn, train, train_together, windows
from coop_icl.learning_aware.pairs import learn, start
from coop_icl.learning_aware.record import record
from coop_icl.learning_aware.world import World
from coop_icl.seeding import SeedNode

TINY = Training(games=10, length=20, window=4, updates=3, minibatch=20, hidden=8)
BOS = World(payoffs=(((2.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (0.0, 2.0))), gamma=0.8)


def torch_rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Scripted(MetaAgents):
    """A meta-agent that makes a chosen function of both policies its next one."""

    def __init__(self, move):
        super().__init__(4, 1.0, [torch_rng()])
        self.move = move

    def choose(self, own, other, generators):
        return self.move(own, other)


def agent(seed=0, hidden=8):
    return MetaAgents(hidden, 10.0, [torch_rng(seed)])


# --- the meta-game ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", [World(rate=0.5), BOS], ids=["ipd", "bos"])
@pytest.mark.parametrize("other", ["naive", "lola_exact"])
def test_a_meta_agent_that_follows_its_gradient_is_a_naive_learner_in_a_pair(world, other):
    follows = Scripted(lambda own, theirs: own + world.rate * naive(own, theirs, world, np.random.default_rng()))
    seeds = [3, 4]
    policies, _ = play((follows, other), start(seeds), 5, world, np.random.default_rng())
    torch.testing.assert_close(policies, learn(("naive", other), world, seeds, 5))


def test_both_players_see_the_rounds_from_their_own_side():
    first, second = agent(1), agent(2)
    starts = drawn(4, [torch_rng()])
    policies, rounds = play((first, second), starts, 3, World(), np.random.default_rng())
    turned, others = play((second, first), starts[::-1], 3, World(), np.random.default_rng())
    torch.testing.assert_close(policies, turned[::-1])
    for mine, theirs in zip(rounds, others[::-1], strict=True):
        torch.testing.assert_close(mine, theirs)


def test_states_are_what_was_just_played_and_payoffs_those_of_the_new_policies():
    world, starts = World(), drawn(4, [torch_rng()])
    policies, (seen, _) = play((agent(), "naive"), starts, 3, world, np.random.default_rng())
    torch.testing.assert_close(seen.states[0], meta_state(*starts))
    torch.testing.assert_close(seen.states[-1], meta_state(*policies))
    torch.testing.assert_close(seen.policies[-1], policies[0])
    last = tuple(paid[-1] / (1 - world.gamma) for paid in seen.payoffs)
    torch.testing.assert_close(last, world.values(*policies))


def test_a_share_of_the_games_begins_anew_in_each_window():
    still = Scripted(lambda own, theirs: own)
    games = windows((still, Scripted(lambda own, theirs: own)), World(), TINY, np.random.default_rng(), [torch_rng()])
    seen = [next(games)[0].states[0] for _ in range(7)]
    for k in range(6):
        changed = (seen[k + 1] != seen[k]).any(1)
        assert changed.tolist() == [game % 5 == (k + 1) % 5 for game in range(10)]


# --- what it learns from ---------------------------------------------------------------------------------------------


def test_advantages_equal_the_sums_they_are_defined_by():
    training = replace(TINY, discount=0.9, trace=0.7)
    payoffs, values = torch.randn(4, 3, generator=torch_rng()), torch.randn(5, 3, generator=torch_rng(1))
    errors = payoffs + 0.9 * values[1:] - values[:-1]
    for t, found in enumerate(advantages(payoffs, values, training)):
        torch.testing.assert_close(found, sum(0.63 ** (k - t) * errors[k] for k in range(t, 4)))
    whole = advantages(payoffs, values, replace(training, trace=1.0))[0] + values[0]
    torch.testing.assert_close(whole, sum(0.9**k * payoffs[k] for k in range(4)) + 0.9**4 * values[4])


def test_an_update_makes_what_paid_more_likely_and_values_closer():
    """Paid by the first logit alone, the agent comes to choose a higher first logit, and no other one as much."""
    learner = Learner(replace(TINY, updates=100, minibatch=80, rate=0.01, entropy=0.0), [SeedNode(0)])
    starts = drawn(40, [torch_rng()])
    before = learner.agents.choose(*starts, None)
    rng = np.random.default_rng()
    for _ in range(30):
        _, (rounds, _) = play((learner.agents, "naive"), starts, 4, World(), rng, learner.generators)
        learner.improve(rounds._replace(payoffs=(rounds.policies[..., 0], rounds.payoffs[1])))
    moved = (learner.agents.choose(*starts, None) - before).mean(0)
    assert moved[0] > 0.2
    assert moved[0] > 2 * moved[1:].abs().max()


def test_it_reads_its_co_player_s_policy_and_not_its_payoffs():
    starts = drawn(4, [torch_rng()])
    moved = agent().choose(starts[0], starts[1] + 1, None) - agent().choose(*starts, None)
    assert moved.abs().min() > 0
    found = []
    for factor in (1.0, -5.0):
        learner = Learner(TINY, [SeedNode(0)])
        _, (rounds, _) = play(
            (learner.agents, "naive"), starts, 4, World(), np.random.default_rng(), learner.generators
        )
        learner.improve(rounds._replace(payoffs=(rounds.payoffs[0], rounds.payoffs[1] * factor)))
        found.append(learner.agents.choose(*starts, None))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


def test_what_it_draws_has_the_distribution_that_it_learns_with():
    one, starts = agent(), drawn(1, [torch_rng()])
    many = tuple(start.expand(20_000, 5) for start in starts)
    sample, law = one.choose(*many, [torch_rng()]), one(meta_state(*starts))[0]
    torch.testing.assert_close(sample.mean(0), law.mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(sample.std(0), law.stddev[0], atol=0.03, rtol=0)
    torch.testing.assert_close(one.choose(*starts, None), law.mean)


@pytest.mark.parametrize("together", [False, True])
def test_a_seed_gives_the_same_agents_and_another_one_others(together):
    def policies(seed):
        found = train_together(World(), TINY, [seed]) if together else (train("naive", World(), TINY, [seed]),)
        return [one.choose(*drawn(3, [torch_rng()]), None) for one in found]

    torch.testing.assert_close(policies(1), policies(1), rtol=0, atol=0)
    assert not torch.allclose(policies(1)[0], policies(2)[0])
    if together:
        assert not torch.allclose(*policies(1))


@pytest.mark.parametrize("together", [False, True])
def test_agents_that_are_computed_at_once_have_nothing_to_do_with_each_other(together):
    alone, many = (results(NAME if together else "naive", World(), seeds, 5, TINY) for seeds in ([3], [0, 3, 4]))
    assert many["seeds"][1]["whole"] == pytest.approx(alone["seeds"][0]["whole"], abs=1e-3)
    assert abs(many["seeds"][0]["whole"][0] - many["seeds"][1]["whole"][0]) > 1e-3


def test_windows_have_to_divide_meta_games():
    with pytest.raises(ValueError, match="a window of 30 rounds must divide meta-games of 100"):
        Training(window=30)


# --- its record ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["naive", NAME])
def test_results_have_the_form_of_pairs(other):
    found = results(other, World(), [0, 3], 5, TINY)
    assert found["methods"] == [NAME, other]
    assert found["updates"] == 5
    assert found["shown"] == [1, 2, 3, 5]
    for row, seed in zip(found["seeds"], (0, 3), strict=True):
        assert row["seed"] == seed
        assert row["payoff"] == pytest.approx([curve[-1] for curve in row["curve"]], abs=1e-3)
        assert np.shape(row["policy"]) == (2, 5)
        assert all(0 <= rate <= 1 for rate in row["cooperation"])


def test_a_meta_agent_comes_first(tmp_path):
    with pytest.raises(ValueError, match="name mfos first: mfos:naive"):
        record([("naive", "mfos")], [0], 1, tmp_path)


# --- that it learns --------------------------------------------------------------------------------------------------


def test_some_training_makes_it_better_paid_by_naive_learners():
    training = Training(games=50, updates=60, window=10, minibatch=125, hidden=16, rate=0.005)
    few, some = (results("naive", World(), [0], 50, replace(training, updates=n))["seeds"][0] for n in (1, 60))
    assert some["whole"][0] > few["whole"][0] + 0.5
