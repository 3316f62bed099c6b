"""Memory is empty at the first round of an episode and nowhere else."""

import numpy as np
import pytest
import torch
from stacks import EVERYTHING, MODELS, assert_same, ipd, make_stack, seat

from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.rollout import play
from coop_icl.seeding import SeedNode
from coop_icl.trajectory import Trajectory, learner_batch

every_model = pytest.mark.parametrize("model", MODELS)
ROUNDS = 9


def block(game, stack, co_players, key):
    matchups = seat(("a", "b", "grim"), 2, [0, 1, 0, 2, 1, 2], [1, 0, 2, 0, 2, 1])
    return play(game, matchups, stack, [[0], [1]], co_players, SeedNode(5).child(key))


def observations(game, lanes, seed=0):
    """Random observation vectors [T, N, F] that begin as every episode does."""
    rng = np.random.default_rng(seed)
    outcomes = rng.integers(1, game.spec.num_outcomes, (game.spec.max_rounds, lanes))
    outcomes[0] = 0
    return torch.from_numpy(game.encode(outcomes, np.arange(len(outcomes))[:, None], 0))


def stepped(stack, inputs):
    """Scores [T, N, A] of each policy, one round at a time."""
    actor = stack.actor([x.shape[1] for x in inputs])
    rounds = zip(*inputs, strict=True)
    outputs = zip(*([one.clone() for one in actor.step(now)] for now in rounds), strict=True)
    return [torch.stack(rows)[..., :-1] for rows in outputs]


@torch.no_grad()
def replayed(stack, inputs):
    return [scores.clone() for scores, _ in stack.forward(inputs)]


@every_model
def test_second_block_is_played_as_by_a_fresh_stack(model):
    game = ipd(rounds=ROUNDS, continuation=0.9, observe=EVERYTHING)
    stack = make_stack(game, model)
    co_players = {2: make_co_player("grim", game)}
    first = block(game, stack, co_players, 0)
    inputs = [observations(game, 4, seed) for seed in (1, 2)]
    sum(scores.sum() + values.sum() for scores, values in stack.forward(inputs)).backward()  # learning in between
    second = block(game, stack, co_players, 1)

    fresh_game = ipd(rounds=ROUNDS, continuation=0.9, observe=EVERYTHING)
    fresh = block(fresh_game, make_stack(fresh_game, model), {2: make_co_player("grim", fresh_game)}, 1)
    assert_same(second, fresh)
    assert not np.array_equal(first.actions, second.actions)


@every_model
def test_replay_twice_gives_the_same(model):
    game = ipd(rounds=ROUNDS)
    stack = make_stack(game, model)
    one, two = ([observations(game, 5, seed), observations(game, 5, seed + 1)] for seed in (0, 7))
    first = replayed(stack, one)
    replayed(stack, two)
    for before, after in zip(first, replayed(stack, one), strict=True):
        assert torch.equal(before, after)


@every_model
def test_steps_from_empty_memory_equal_the_whole_episode(model):
    game = ipd(rounds=ROUNDS, observe=EVERYTHING)
    stack = make_stack(game, model)
    inputs = [observations(game, 5, 0), observations(game, 3, 1)]
    whole, by_round = replayed(stack, inputs), stepped(stack, inputs)
    for policy, x, one, two in zip(stack.policies, inputs, whole, by_round, strict=True):
        exact = 2e-2 if policy.config.precision == "bfloat16" else 1e-5
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(one, policy(x)[0].detach(), rtol=exact, atol=exact)
        state, alone = policy.initial_state(x.shape[1]), []
        for now in x:
            with torch.no_grad():
                scores, _, state = policy.step(now, state)
            alone.append(scores)
        torch.testing.assert_close(one, torch.stack(alone), rtol=exact, atol=exact)


@every_model
def test_the_first_round_is_remembered_and_the_future_is_not_seen(model):
    """Without this the tests above would hold for a model that has no memory, or sees what is to come."""
    game = ipd(rounds=ROUNDS)
    stack = make_stack(game, model, learners=1)
    x = observations(game, 4)
    early, late = x.clone(), x.clone()
    early[1] = early[1].roll(1, -1)
    late[-1] = late[-1].roll(1, -1)
    for run in (replayed, stepped):
        scores, changed_early, changed_late = (run(stack, [inputs])[0] for inputs in (x, early, late))
        assert ((scores[2:] - changed_early[2:]).abs().amax((1, 2)) > 1e-5).all()
        torch.testing.assert_close(scores[:-1], changed_late[:-1], rtol=0, atol=1e-6)
        assert (scores[-1] - changed_late[-1]).abs().max() > 1e-5


@every_model
@pytest.mark.parametrize("run", [replayed, stepped])
def test_a_lane_does_not_depend_on_other_lanes_or_learners(model, run):
    game = ipd(rounds=ROUNDS)
    stack = make_stack(game, model)
    x, y = observations(game, 6, 0), observations(game, 6, 1)
    others = observations(game, 6, 2)
    others[:, 2] = x[:, 2]
    ours = run(stack, [x, y])[0][:, 2]
    torch.testing.assert_close(run(stack, [others, y])[0][:, 2], ours, rtol=0, atol=1e-6)
    torch.testing.assert_close(run(stack, [x, 3 * y])[0][:, 2], ours, rtol=0, atol=1e-6)
    torch.testing.assert_close(run(stack, [x[:, 2:3], y])[0][:, 0], ours, rtol=1e-5, atol=1e-5)
    moved = run(stack, [x[:, [5, 4, 2, 0]], y])[0][:, 2]
    torch.testing.assert_close(moved, ours, rtol=1e-5, atol=1e-5)


@every_model
def test_no_lanes_is_no_trouble(model):
    game = ipd(rounds=ROUNDS)
    stack = make_stack(game, model)
    x = observations(game, 3)
    for run in (replayed, stepped):
        empty, full = run(stack, [x[:, :0], x])
        assert empty.shape == (ROUNDS, 0, 2)
        assert full.shape == (ROUNDS, 3, 2)


def test_is_first_exactly_at_the_first_round():
    game = ipd(rounds=12, continuation=0.8)
    co_players = {2: make_co_player("grim", game)}
    played = block(game, make_stack(game, "gru fused"), co_players, 0)
    assert played.mask.sum(0).min() < played.mask.sum(0).max()  # episodes of several lengths
    assert played.is_first[0].all()
    assert not played.is_first[1:].any()
    started = played.outcomes == 0  # the symbol that only the start of an episode shows
    np.testing.assert_array_equal(started & played.mask[:, None], np.repeat(played.is_first[:, None], 2, 1))


def test_is_first_survives_joining_and_splitting():
    game = ipd(rounds=6)
    stack, co_players = make_stack(game, "gru fused"), {2: make_co_player("grim", game)}
    parts = [block(game, stack, co_players, key) for key in range(3)]
    joined = Trajectory.concat(parts)
    assert joined.is_first.shape == (6, 18)
    assert joined.is_first[0].all()
    assert not joined.is_first[1:].any()
    for part, again in zip(parts, joined.split(3), strict=True):
        assert_same(part, again)
        np.testing.assert_array_equal(part.matchups.seats, again.matchups.seats)
    together = learner_batch(joined, [0])
    alone = [learner_batch(part, [0]) for part in parts]
    assert sorted(together.logp.sum(0)) == sorted(np.concatenate([batch.logp.sum(0) for batch in alone]))


def test_memory_of_co_players_is_reset_too():
    """GRIM, betrayed in the first block, begins the second one by cooperating."""
    game = ipd(rounds=6)
    matchups = seat(("a", "grim", "alld"), 1, [1, 2, 0], [2, 1, 1])
    co_players = {1: make_co_player("grim", game), 2: make_co_player("alld", game)}
    for key in range(2):
        played = play(game, matchups, make_stack(game, "gru fused", 1), [[0]], co_players, SeedNode(0).child(key))
        for where in ((0, 0), (1, 1)):
            assert played.actions[:, *where].tolist() == [0, 1, 1, 1, 1, 1]
