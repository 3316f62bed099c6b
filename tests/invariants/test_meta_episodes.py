"""Meta-episodes as they are played and learned from: who learns from which games, and who is credited with what."""

import dataclasses

import numpy as np
import pytest
import torch

from coop_icl.algorithms.losses import Coefficients
from coop_icl.algorithms.shaping import Shaping, group_ids
from coop_icl.algorithms.update import update
from coop_icl.config import ConfigError, from_mapping, load, names
from coop_icl.models.stack import PolicyStack
from coop_icl.rllib import stock
from coop_icl.rllib.learner import update_settings
from coop_icl.rollouts import compiled
from coop_icl.rollouts.setting import build
from coop_icl.seeding import Stream
from coop_icl.trajectory import Trajectory, learner_batch

GROUP, T, M = 4, 5, 3
EXPERIMENTS = [name for name in names() if load(name).train.returns != "plain"]


def setting_of(**train):
    config = {
        "name": "meta",
        "game": {"options": {"rounds": T * M, "inner_rounds": T}},
        "population": {
            "mixture": [
                {"name": "learner", "weight": 0.25},
                {"name": "tabular", "weight": 0.25},
                {"name": "naive", "weight": 0.5, "group": GROUP, "lr": 2.0},
            ]
        },
        "model": {"hidden_size": 16},
        "train": {"episodes_per_learner": 32, "epochs": 1, "reward_scale": 1.0, **train},
        "ray": {"num_env_runners": 0, "blocks": 2},
    }
    return build(from_mapping(config, "test"))


def shaped(kind):
    return setting_of(returns=kind, gae_lambda=1.0, td_lambda=1.0, gamma=1.0)


def played(setting):
    stack = PolicyStack([setting.make_policy(i) for i in range(2)])
    return stack, Trajectory.concat([setting.play_block(stack, 0, block) for block in range(2)])


def test_naive_learners_play_what_they_have_learned_from_all_games_of_their_group():
    """Play one block's naive learners again by hand: from the seed tree, what they saw and what they were paid."""
    setting = setting_of()
    stack = PolicyStack([setting.make_policy(i) for i in range(2)])
    node, agent = setting.block(0, 0), setting.population.agents.index("naive")
    found = setting.play_block(stack, 0, 0)
    seats, games = found.matchups.games_of(agent)
    learner = setting.co_players()[agent]
    numbers = node.child(Stream.CO_PLAYER).rng(agent).random((len(games), learner.num_parameters))
    uniforms = node.rng(Stream.ACTION).random((T * M, 2, len(found)))[:, seats, games]
    state = learner.initial_state(numbers)
    for t in range(T * M):
        seen = found.outcomes[t, seats, games]
        assert (seen == 0).all() == (t % T == 0)
        action, state = learner.act(seen, state, uniforms[t])
        np.testing.assert_array_equal(action, found.actions[t, seats, games])
        before, state = state, learner.learn(found.rewards[t, seats, games], state)
        moved = np.abs(state["logits"] - before["logits"]).max(1) > 0
        assert moved.any() == (t % T == T - 1)
    lots = state["logits"].reshape(-1, GROUP, 5)
    np.testing.assert_array_equal(lots, np.repeat(lots[:, :1], GROUP, axis=1))


def test_a_learner_s_groups_are_the_games_that_shared_a_naive_learner():
    setting = setting_of()
    _, trajectory = played(setting)
    agent = setting.population.agents.index("naive")
    blocks = len(trajectory) // 2
    for learner in range(2):
        batch = learner_batch(trajectory, [learner])
        ids = group_ids(torch.from_numpy(batch.kinds).long(), setting.groups()).numpy()
        lots = [np.nonzero((ids == one) & (batch.kinds == agent))[0] for one in np.unique(ids)]
        lots = [lot for lot in lots if len(lot)]
        assert len(lots) == 16 // GROUP
        for lot in lots:
            assert len(lot) == GROUP
            assert len(set(batch.seats[lot])) == 1
            assert len(set(batch.games[lot] // blocks)) == 1
            assert (np.diff(batch.games[lot]) == 1).all()
        others = batch.kinds != agent
        assert len(set(ids[others])) == others.sum()


def test_memory_goes_on_over_inner_episodes():
    """The rollout equals its replay as one sequence: nothing is reset inside."""
    setting = setting_of()
    stack, trajectory = played(setting)
    assert not compiled.fits(setting.game, stack, setting.co_players())
    for policy, agents in zip(stack.policies, setting.agents, strict=True):
        batch = learner_batch(trajectory, agents)
        scores, values, _ = policy(setting.encode(batch).vectors())
        logp = scores.log_softmax(-1).gather(-1, torch.from_numpy(batch.actions).long()[..., None])[..., 0]
        np.testing.assert_allclose(logp.detach(), batch.logp, atol=2e-5)
        np.testing.assert_allclose(values.detach(), batch.values, atol=2e-5)


@pytest.mark.parametrize("kind", ["coala", "mfos", "batch_unaware"])
def test_an_update_learns_from_the_weights(kind):
    """One step on the full batch, against the same weights handed to plain returns as payoffs of each round."""
    setting = shaped(kind)
    settings = update_settings(setting)
    assert settings.shaping == Shaping(kind, T, GROUP, setting.groups())
    stack, trajectory = played(setting)
    batches = [learner_batch(trajectory, agents) for agents in setting.agents]
    plain = [
        dataclasses.replace(
            batch,
            rewards=settings.shaping.weights(
                torch.from_numpy(batch.rewards), torch.from_numpy(batch.kinds).long(), 1.0
            ).numpy(),
        )
        for batch in batches
    ]
    moved = []
    for some, how in ((batches, settings), (plain, dataclasses.replace(settings, shaping=None, gamma=0.0))):
        one = PolicyStack([setting.make_policy(i) for i in range(2)])
        optimizers = [torch.optim.SGD(policy.parameters(), lr=0.1) for policy in one.policies]
        found = update(
            one, optimizers, some, setting.encode, how, Coefficients(0.01, 0.5, 0.2), np.random.default_rng(0)
        )
        assert all(stats["ratio_error"] < 1e-4 for stats in found)
        moved.append(torch.cat([p.detach().flatten() for policy in one.policies for p in policy.parameters()]))
    torch.testing.assert_close(*moved)
    began = torch.cat([p.detach().flatten() for policy in stack.policies for p in policy.parameters()])
    assert not torch.allclose(moved[0], began)


def test_plain_returns_know_of_no_groups():
    assert update_settings(setting_of()).shaping is None


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_experiments_are_played_in_whole_groups(name):
    config = load(name)
    setting = build(config)
    for block in range(2):
        drawn = setting.population.draw(setting.block(0, block), setting.episodes_per_block())
        games = len(drawn.games_of(drawn.agents.index("naive"))[0])
        assert games == 3 / 4 * config.train.learners * config.train.episodes_per_learner / config.ray.blocks


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.returns=coalla", "train.returns: got 'coalla'; expected one of plain, coala, mfos, batch_unaware"),
        ("train.gae_lambda=0.9", "train.gae_lambda: got 0.9; expected 1 with train.returns coala"),
        ("train.td_lambda=0.9", "train.td_lambda: got 0.9; expected 1 with train.returns coala"),
        ("ray.num_learners=2", "ray.num_learners: got 2; expected 0 or 1 with train.returns coala"),
        ("game.options.inner_rounds=null", "population.mixture: co-player 'naive' learns between inner episodes"),
        ("game.options.inner_rounds=7", "game: inner_rounds must be a whole number that divides rounds 200, got 7"),
        ("train.episodes_per_learner=64", "population.mixture: 'naive' plays in groups of 16 but has 24 episodes"),
    ],
)
def test_what_does_not_go_together_is_refused(override, message):
    with pytest.raises(ConfigError) as caught:
        build(load("ipd_coala", [override]))
    assert str(caught.value).removeprefix(f"override '{override}': ").startswith(message)
    assert "\n" not in str(caught.value)


def test_without_inner_episodes_there_is_nothing_to_credit():
    with pytest.raises(ConfigError, match=r"train\.returns: got coala; expected plain, .*game\.options\.inner_rounds"):
        build(load("ipd_icl", ["train.returns=coala", "train.gae_lambda=1", "train.td_lambda=1"]))


def test_rllib_s_own_path_refuses_what_it_cannot_play():
    for name, overrides, message in (
        ("ipd_coala", [], r"train\.returns coala is known to the batched path only"),
        ("ipd_coala", ["train.returns=plain"], r"population\.mixture: co-players that learn play on the batched path"),
        ("ipd_alignment", [], r"train\.alignment is known to the batched path only"),
    ):
        with pytest.raises(ConfigError, match=message):
            stock.stock_config(load(name, overrides))
