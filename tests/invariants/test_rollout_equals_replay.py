"""The policy that learns from an episode is the policy that played it."""

import numpy as np
import pytest
import torch
from stacks import EVERYTHING, MODELS, make_policy, make_stack, seat

from coop_icl.algorithms.losses import LOSSES, Coefficients
from coop_icl.algorithms.update import update
from coop_icl.config import from_mapping
from coop_icl.models.policy import ModelConfig
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.setting import build
from coop_icl.seeding import SeedNode
from coop_icl.trajectory import learner_batch

CORES = (
    *("gru compiled", "gru compiled embedded", "gru compiled in bfloat16", "gru fused", "gru plain", "gru two layers"),
    *("lstm", "transformer"),
)
OBSERVE = {"outcome": ("outcome",), "everything": EVERYTHING}


def make_setting(
    observe=("outcome",), continuation=None, learners=2, share=False, algorithm="ppo", minibatches=1, opponent_id=False
):
    config = {
        "name": "replay",
        "game": {"options": {"rounds": 10, "continuation": continuation, "observe": list(observe)}},
        "population": {
            "mixture": [{"name": "learner", "weight": 0.5}, {"name": "tabular", "weight": 0.5}],
            "opponent_id": opponent_id,
        },
        "train": {
            "learners": learners,
            "share_parameters": share,
            "algorithm": algorithm,
            "episodes_per_learner": 12,
            "minibatches": minibatches,
        },
        "ray": {"num_env_runners": 0, "blocks": 1},
    }
    return build(from_mapping(config, "test"))


@torch.no_grad()
def replay(stack, setting, batches):
    """Log-probabilities [T, N] of what each learner did, and values, from the whole episodes."""
    outputs = stack.forward([setting.encode(batch) for batch in batches])
    taken = [torch.from_numpy(batch.actions.astype(np.int64)) for batch in batches]
    return [
        (stack.log_probabilities(scores.movedim(-1, 0), actions).numpy(), values.numpy())
        for (scores, values), actions in zip(outputs, taken, strict=True)
    ]


def compare(stack, setting, played, exactly):
    batches = [learner_batch(played, agents) for agents in setting.agents]
    for batch, again in zip(batches, replay(stack, setting, batches), strict=True):
        for found, expected in zip((batch.logp, batch.values), again, strict=True):
            if exactly:
                np.testing.assert_array_equal(found, expected * batch.mask)
            else:
                np.testing.assert_allclose(found, expected * batch.mask, atol=1e-5)
        assert batch.values[batch.mask].std() > 1e-3
        assert batch.logp[batch.mask].std() > 0.01  # a policy that has something to get wrong
        assert (batch.logp[batch.mask] < 0).all()
    return batches


@pytest.mark.parametrize("embedding", [0, 3])
@pytest.mark.parametrize("continuation", [None, 0.85])
@pytest.mark.parametrize("observe", OBSERVE)
@pytest.mark.parametrize("model", CORES)
def test_replay_gives_the_log_probabilities_of_the_rollout(model, observe, continuation, embedding):
    setting = make_setting(OBSERVE[observe], continuation)
    config, fused = MODELS[model]
    options = {**vars(config), "embedding_size": embedding}
    stack = make_stack(setting.game, (ModelConfig(**options), fused))
    played = setting.play_block(stack, 0, 0)
    batches = compare(stack, setting, played, exactly=stack.fused)
    assert len({len(batch) for batch in batches}) == 1
    if continuation is not None:
        assert played.mask.sum(0).min() < played.mask.sum(0).max()


@pytest.mark.parametrize("observe", OBSERVE)
@pytest.mark.parametrize("model", CORES)
def test_learners_that_are_told_their_co_player_replay_too(model, observe):
    setting = make_setting(OBSERVE[observe], opponent_id=True)
    config, fused = MODELS[model]
    policies = [setting.make_policy(i) for i in range(2)]
    assert policies[0].parts == (*(width for _, width in setting.game.spec.features), 10)
    stack = PolicyStack([told(setting, config, i) for i in range(2)], fused)
    compare(stack, setting, setting.play_block(stack, 0, 0), exactly=stack.fused)


def told(setting, config, seed):
    """A policy that sees what learners of the setting see."""
    return make_policy(setting, config, seed)  # it asks for nothing but ``spec``


@pytest.mark.parametrize("model", CORES)
def test_shared_parameters_replay_too(model):
    setting = make_setting(learners=3, share=True)
    stack = make_stack(setting.game, model, learners=1)
    compare(stack, setting, setting.play_block(stack, 0, 0), exactly=stack.fused)


@pytest.mark.parametrize("model", CORES)
def test_lanes_of_unequal_numbers_replay_too(model):
    setting = make_setting(EVERYTHING, 0.9)
    stack = make_stack(setting.game, model)
    matchups = seat(("a", "b", "tabular"), 2, [0, 0, 2, 1, 0, 2, 2], [1, 2, 0, 0, 2, 0, 1])
    played = play(setting.game, matchups, stack, [[0], [1]], {2: make_co_player("tabular", setting.game)}, SeedNode(2))
    batches = compare(stack, setting, played, exactly=False)
    assert [len(batch) for batch in batches] == [6, 3]


def test_log_probabilities_and_values_are_zero_for_co_players_and_after_the_end():
    setting = make_setting(continuation=0.7)
    played = setting.play_block(make_stack(setting.game, "gru fused"), 0, 0)
    learns = np.broadcast_to(played.matchups.seats < 2, played.logp.shape) & played.mask[:, None]
    assert (played.logp[~learns] == 0).all()
    assert (played.values[~learns] == 0).all()
    assert (played.logp[learns] < 0).all()
    assert (played.rewards[~np.repeat(played.mask[:, None], 2, 1)] == 0).all()


@pytest.mark.parametrize("minibatches", [1, 2])
@pytest.mark.parametrize("algorithm", LOSSES)
@pytest.mark.parametrize("model", CORES)
def test_the_first_probability_ratio_of_an_update_is_one(model, algorithm, minibatches):
    setting = make_setting(EVERYTHING, 0.9, algorithm=algorithm, minibatches=minibatches)
    stack = make_stack(setting.game, model)
    optimizers = [torch.optim.Adam(policy.parameters(), lr=0.01) for policy in stack.policies]
    coefficients = Coefficients(entropy=0.01, value=0.5, clip=0.2)
    for iteration in range(2):
        played = setting.play_block(stack, iteration, 0)
        batches = [learner_batch(played, agents) for agents in setting.agents]
        settings, rng = setting.config.update_settings(), np.random.default_rng(0)
        for stats in update(stack, optimizers, batches, setting.encode, settings, coefficients, rng):
            assert stats["ratio_error"] < 1e-5
            assert stats["kl"] > 1e-6  # the mean over all steps: it does move


def test_blocks_and_iterations_of_a_setting_are_games_of_their_own():
    setting = make_setting()
    stack = make_stack(setting.game, "gru fused")
    played = {key: setting.play_block(stack, *key).actions for key in ((0, 0), (0, 1), (1, 0), (1, 1))}
    np.testing.assert_array_equal(played[0, 0], setting.play_block(stack, 0, 0).actions)
    assert len({actions.tobytes() for actions in played.values()}) == 4


def test_stale_weights_show_in_the_ratio():
    setting = make_setting()
    stack = make_stack(setting.game, "gru fused")
    batches = [learner_batch(setting.play_block(stack, 0, 0), agents) for agents in setting.agents]
    other = make_stack(setting.game, "gru fused", seed=9)
    optimizers = [torch.optim.Adam(policy.parameters()) for policy in other.policies]
    settings, rng = setting.config.update_settings(), np.random.default_rng(0)
    for stats in update(other, optimizers, batches, setting.encode, settings, Coefficients(0.0, 0.5, 0.2), rng):
        assert stats["ratio_error"] > 0.01


def test_a_setting_starts_every_learner_from_weights_of_its_own():
    setting = make_setting()
    one, two, again = (setting.make_policy(i) for i in (0, 1, 0))
    assert torch.equal(one.action_head.weight, again.action_head.weight)
    assert not torch.equal(one.action_head.weight, two.action_head.weight)
    shared = make_setting(learners=3, share=True)
    assert shared.module_ids == ("learner_0",)
    assert shared.agents == ((0, 1, 2),)
    played = shared.play_block(PolicyStack([shared.make_policy(0)]), 0, 0)
    assert len(learner_batch(played, shared.agents[0])) == 36
