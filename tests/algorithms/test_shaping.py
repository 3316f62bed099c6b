"""Learning-aware returns against the loop that defines them, and where they must agree."""

import dataclasses

import numpy as np
import pytest
import torch

from coop_icl.algorithms.losses import Coefficients
from coop_icl.algorithms.returns import discounted_sums
from coop_icl.algorithms.shaping import RETURNS, WEIGHTS, Shaping, group_ids, inner_returns
from coop_icl.algorithms.update import update
from coop_icl.config import ConfigError, from_mapping
from coop_icl.models.stack import PolicyStack
from coop_icl.rollouts.setting import build
from coop_icl.trajectory import learner_batch, with_co_player

T, M, B = 3, 4, 5
KINDS = torch.tensor([7] * B + [0] * 4 + [7] * B + [3] * 2)
"""Two groups of five that learn (kind 7), learners (0), and one of two (3)."""
GROUPS = [list(range(5)), [5], [6], [7], [8], list(range(9, 14)), [14, 15]]
SIZES = {7: B, 3: 2}


def rewards(rounds=T * M, lanes=16):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(rounds, lanes)))


def loop(kind, paid, groups, batch, gamma):
    """Weight by weight: every payoff from round t on, asked whether and how it counts."""
    rounds, lanes = paid.shape
    found = np.zeros((rounds, lanes))
    for group in groups:
        for lane in group:
            for t in range(rounds):
                for other in group:
                    for s in range(t, rounds):
                        later = s // T > t // T
                        if other != lane and (not later or kind == "batch_unaware"):
                            continue
                        share = 1.0 if kind == "mfos" and not later else 1 / batch
                        found[t, lane] += share * gamma ** (s - t) * float(paid[s, other])
    return found


@pytest.mark.parametrize("gamma", [1.0, 0.9])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_equal_the_loop(kind, gamma):
    found = Shaping(kind, T, B, SIZES).weights(rewards(), KINDS, gamma)
    np.testing.assert_allclose(found, loop(kind, rewards(), GROUPS, B, gamma), atol=1e-10)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_with_one_game_in_a_group_all_are_the_plain_return(kind):
    alone = Shaping(kind, T).weights(rewards(), KINDS, 0.9)
    torch.testing.assert_close(alone, discounted_sums(rewards(), 0.9))


@pytest.mark.parametrize("kind", WEIGHTS)
def test_with_one_inner_episode_there_is_no_future_to_share(kind):
    own = discounted_sums(rewards(T), 0.9)
    found = Shaping(kind, T, B, SIZES).weights(rewards(T), KINDS, 0.9)
    torch.testing.assert_close(found, own if kind == "mfos" else own / B)


def test_they_differ_otherwise():
    one, two, three = (Shaping(kind, T, B, SIZES).weights(rewards(), KINDS, 1.0) for kind in WEIGHTS)
    early = slice(0, T)
    for a, b in ((one, two), (two, three), (one, three)):
        assert ((a - b)[early, :B].abs() > 1e-6).all()
    torch.testing.assert_close(one[-T:], three[-T:])  # nothing follows the last inner episode
    torch.testing.assert_close(one[:, 5:9], three[:, 5:9])  # learners do not learn within an episode


def test_returns_within_inner_episodes():
    found = inner_returns(rewards(), T, 0.8)
    for m in range(M):
        part = slice(m * T, (m + 1) * T)
        torch.testing.assert_close(found[part], discounted_sums(rewards()[part], 0.8))


def test_groups_are_consecutive_lanes_of_a_kind_wherever_they_are():
    ids = group_ids(KINDS, SIZES).tolist()
    assert sorted(map(sorted, GROUPS)) == sorted([i for i, x in enumerate(ids) if x == one] for one in set(ids))
    mixed = torch.tensor([7, 0, 7, 0, 7, 7])
    ids = group_ids(mixed, {7: 2})
    assert ids[0] == ids[2] != ids[4] == ids[5]
    assert ids[1] != ids[3]


def test_what_is_not_whole_is_refused():
    with pytest.raises(ValueError, match="5 games are no whole groups of 2"):
        group_ids(torch.tensor([7] * 5), {7: 2})
    with pytest.raises(ValueError, match="12 rounds are no whole inner episodes of 5"):
        inner_returns(rewards(), 5, 1.0)


def test_no_lanes_have_no_weights():
    assert Shaping("coala", T, B, SIZES).weights(rewards(lanes=0), KINDS[:0], 1.0).shape == (T * M, 0)
    assert RETURNS[0] == "plain"


# --- Advantage Alignment in an update --------------------------------------------------------------------------------


def aligned_setting(**train):
    mixture = [{"name": "learner", "weight": 0.5}, {"name": "tft", "weight": 0.5}]
    config = {
        "name": "aligned",
        "game": {"options": {"rounds": 6}},
        "population": {"mixture": mixture},
        "model": {"hidden_size": 16},
        "train": {"episodes_per_learner": 16, "epochs": 1, "reward_scale": 1.0, **train},
        "ray": {"num_env_runners": 0, "blocks": 1},
    }
    return build(from_mapping(config, "test"))


def batches_of(setting):
    stack = PolicyStack([setting.make_policy(i) for i in range(2)])
    trajectory = setting.play_block(stack, 0, 0)
    return trajectory, [with_co_player(trajectory, learner_batch(trajectory, agents)) for agents in setting.agents]


def weights_after(setting, batches):
    stack = PolicyStack([setting.make_policy(i) for i in range(2)])
    optimizers = [torch.optim.SGD(policy.parameters(), lr=0.1) for policy in stack.policies]
    settings, rng = setting.config.update_settings(), np.random.default_rng(0)
    update(stack, optimizers, batches, setting.encode, settings, Coefficients(0.01, 0.5, 0.2), rng)
    return torch.cat([p.detach().flatten() for policy in stack.policies for p in policy.parameters()])


def test_what_the_co_player_earned_is_what_stands_in_its_seat():
    trajectory, batches = batches_of(aligned_setting())
    for batch in batches:
        for lane in range(len(batch)):
            seat, game = 1 - int(batch.seats[lane]), batch.games[lane]
            np.testing.assert_array_equal(batch.co_rewards[:, lane], trajectory.rewards[:, seat, game])
            np.testing.assert_array_equal(batch.co_values[:, lane], trajectory.values[:, seat, game])


def test_alignment_looks_at_learners_only_and_only_if_it_has_a_weight():
    with_it, without = aligned_setting(alignment=1.0), aligned_setting()
    _, batches = batches_of(with_it)
    plain = weights_after(without, batches)
    torch.testing.assert_close(weights_after(aligned_setting(alignment=1e-9), batches), plain)
    assert not torch.allclose(weights_after(with_it, batches), plain)
    expected = weights_after(with_it, batches)
    fixed, learned = (
        [dataclasses.replace(b, co_rewards=b.co_rewards + 3 * where(b)) for b in batches]
        for where in (
            lambda b: (b.kinds != 0) * np.float32(1),
            lambda b: (b.kinds == 0) * np.arange(6, dtype=np.float32)[:, None],
        )
    )
    torch.testing.assert_close(weights_after(with_it, fixed), expected)
    assert not torch.allclose(weights_after(with_it, learned), expected)


def test_settings_of_alignment_that_cannot_be():
    for train, message in (
        ({"alignment": -1.0}, "train.alignment: got -1.0; expected at least 0"),
        ({"alignment": 1.0, "algorithm": "ppi"}, "train.alignment: got 1.0; expected 0 with train.algorithm ppi"),
        ({"alignment": 1.0, "returns": "coala"}, "train.alignment: got 1.0; expected 0 with train.returns coala"),
    ):
        with pytest.raises(ConfigError, match=message):
            aligned_setting(**train)
