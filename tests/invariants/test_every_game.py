"""Memory, perspective, and rollout against replay, in every game of the registry with every set of options."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from stacks import assert_same

from coop_icl.algorithms.losses import Coefficients
from coop_icl.algorithms.update import update
from coop_icl.config import from_mapping
from coop_icl.matchups import LEARNER, Matchups
from coop_icl.models import gru_kernel
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import load_policy, save_policy
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.setting import build
from coop_icl.seeding import SeedNode, Stream
from coop_icl.trajectory import OPTIONAL, Trajectory, learner_batch
from envs.registry import make_game
from tests.envs.games import CASES, needed

MODELS = {
    "gru": {"hidden_size": 16},
    "lstm": {"core": "lstm", "hidden_size": 8},
    "mlp": {"hidden_size": 16, "encoder": "mlp", "encoder_size": 8},
    "conv": {"hidden_size": 16, "encoder": "conv", "encoder_size": 8},
}
ROUNDS = 12
every_case = pytest.mark.parametrize(("name", "options"), CASES)


def options_of(name, options):
    return {**needed(name), **options, "rounds": ROUNDS}


def make_setting(name, options, model="gru"):
    """As many learners as seats and one more: among themselves, alone with co-players, and all but one of them."""
    game = make_game(name, **options_of(name, options))
    players = game.spec.num_players
    if MODELS[model].get("encoder") == "conv" and game.spec.grid is None:
        pytest.skip("no grid")
    plain = {key: one.tolist() if isinstance(one, np.ndarray) else one for key, one in needed(name).items()}
    mixture = [{"name": LEARNER}, {"name": "uniform", "learners": players - 1}]
    return build(
        from_mapping(
            {
                "name": "x",
                "game": {"name": name, "options": {**options_of(name, options), **plain}},
                "population": {"mixture": mixture, "shuffle_seats": True},
                "model": MODELS[model],
                "train": {"learners": players, "episodes_per_learner": 12 * (players - 1), "epochs": 1},
                "ray": {"num_env_runners": 0, "blocks": 1},
            },
            "test",
        )
    )


def make_stack(setting):
    """Policies far enough from uniform that what they remember shows in what they do."""
    policies = [setting.make_policy(i) for i in range(len(setting.module_ids))]
    for policy in policies:
        policy.action_head.weight.data *= 4
    return PolicyStack(policies)


def same(one, two):
    assert_same(one, two)
    for field_ in OPTIONAL:
        np.testing.assert_array_equal(getattr(one, field_), getattr(two, field_), err_msg=field_)


@every_case
def test_a_block_is_played_as_by_a_fresh_game_and_a_fresh_stack(name, options):
    setting = make_setting(name, options)
    stack = make_stack(setting)
    first, second = (setting.play_block(stack, 0, block) for block in (0, 1))
    fresh = make_setting(name, options)
    same(second, fresh.play_block(make_stack(fresh), 0, 1))
    same(first, setting.play_block(stack, 0, 0))
    assert first.actions.shape != second.actions.shape or (first.actions != second.actions).any()
    started = (first.outcomes == 0) & first.mask[:, None]
    np.testing.assert_array_equal(started, np.broadcast_to(first.is_first[:, None], started.shape))


@every_case
def test_every_lane_is_the_game_as_its_seat_sees_it(name, options):
    """The actions of a block, played again in a fresh game: what each seat saw, earned, and is said to have done."""
    setting = make_setting(name, options)
    played, game = setting.play_block(make_stack(setting), 0, 0), make_game(name, **options_of(name, options))
    players, games = played.matchups.seats.shape
    outcomes = game.reset(setting.block(0, 0).rng(Stream.GAME).random((games, game.num_uniforms)))
    seats, alive = np.arange(players)[:, None], np.ones(games, dtype=bool)
    batches = [learner_batch(played, agents) for agents in setting.agents]
    encoded = [setting.encode(batch).vectors().numpy() for batch in batches]
    for t in range(ROUNDS):
        np.testing.assert_array_equal(played.mask[t], alive)
        np.testing.assert_array_equal(played.outcomes[t][:, alive], outcomes[:, alive])
        shown = game.observe()
        vectors = game.encode(outcomes, t, seats) if shown is None else shown
        for batch, seen in zip(batches, encoded, strict=True):
            np.testing.assert_array_equal(seen[t][batch.mask[t]], vectors[batch.seats, batch.games][batch.mask[t]])
        step = game.step(played.actions[t].astype(np.int64))
        np.testing.assert_array_equal(played.rewards[t] * alive, step.rewards * alive)
        if step.cooperated is not None:
            np.testing.assert_array_equal(played.cooperated[t][:, alive], step.cooperated[:, alive])
        outcomes, alive = step.outcomes, alive & ~(step.terminated | step.truncated)
        if not alive.any():
            break
    assert (played.observations is None) == (game.observe() is None)
    for agents, batch in zip(setting.agents, batches, strict=True):
        assert (played.matchups.seats[batch.seats, batch.games] == agents[0]).all()
        assert set(batch.seats) == set(range(players))
        for field_ in ("outcomes", "actions", "rewards", "logp", "values"):
            np.testing.assert_array_equal(getattr(batch, field_), getattr(played, field_)[:, batch.seats, batch.games])


@pytest.mark.parametrize("model", MODELS)
@every_case
def test_replay_gives_the_log_probabilities_of_the_rollout(name, options, model):
    setting = make_setting(name, options, model)
    stack = make_stack(setting)
    played = setting.play_block(stack, 0, 0)
    batches = [learner_batch(played, agents) for agents in setting.agents]
    with torch.no_grad():
        outputs = stack.forward([setting.encode(batch) for batch in batches])
    for batch, (scores, values) in zip(batches, outputs, strict=True):
        taken = torch.from_numpy(batch.actions.astype(np.int64))
        logp = stack.log_probabilities(scores.movedim(-1, 0), taken).numpy() * batch.mask
        np.testing.assert_allclose(batch.logp, logp, atol=1e-5)
        np.testing.assert_allclose(batch.values, values.numpy() * batch.mask, atol=1e-5)
        assert batch.logp[batch.mask].std() > 1e-3  # a policy that has something to get wrong
        if stack.compiled:
            np.testing.assert_array_equal(batch.logp, logp)
    optimizers = [torch.optim.Adam(policy.parameters(), lr=0.01) for policy in stack.policies]
    how, rng = setting.config.update_settings(), np.random.default_rng(0)
    before = [parameter.detach().clone() for policy in stack.policies for parameter in policy.parameters()]
    statistics = update(stack, optimizers, batches, setting.encode, how, Coefficients(0.01, 0.5, 0.2), rng)
    after = [parameter for policy in stack.policies for parameter in policy.parameters()]
    assert all(not torch.equal(one, two) for one, two in zip(before, after, strict=True))  # encoders learn too
    for stats in statistics:
        assert stats["ratio_error"] < (1e-30 if stack.compiled else 1e-5)
        assert stats["skipped"] == 0


@every_case
def test_what_is_learned_from_is_what_was_shown(name, options):
    """All lanes or some; and vectors become a table where a lane is shown the same after the same outcome."""
    setting = make_setting(name, options)
    played = setting.play_block(make_stack(setting), 0, 0)
    batch = learner_batch(played, setting.agents[0])
    seen, some = setting.encode(batch), torch.tensor([3, 0, 5])
    vectors = seen.vectors().numpy()
    if batch.observations is not None:
        np.testing.assert_array_equal(vectors, batch.observations)
    np.testing.assert_array_equal(seen.lanes(some).vectors().numpy(), vectors[:, some.numpy()])
    if "family" in options:  # of redrawn games
        assert len(seen.table) == len(batch) * setting.game.spec.num_outcomes < vectors[..., 0].size


@every_case
def test_joining_and_splitting_keep_everything(name, options):
    setting = make_setting(name, options)
    stack = make_stack(setting)
    parts = [setting.play_block(stack, 0, block) for block in range(2)]
    joined = Trajectory.concat(parts)
    assert len(joined) == len(parts[0]) + len(parts[1])
    if len(parts[0]) == len(parts[1]):
        for part, again in zip(parts, joined.split(2), strict=True):
            same(part, again)
    for field_ in OPTIONAL:
        whole, of = getattr(joined, field_), [getattr(part, field_) for part in parts]
        assert whole is None or np.array_equal(whole, np.concatenate(of, axis=2), equal_nan=True)


@dataclass
class Watcher:
    """Plays action 0 and writes down what it is shown."""

    observes: str = "observations"
    kind: str = "watcher"
    num_parameters: int = 1
    seen: list = field(default_factory=list)
    drawn: list = field(default_factory=list)

    def initial_state(self, uniforms):
        self.drawn.append(uniforms)
        return uniforms

    def act(self, seen, state, uniforms):
        self.seen.append(seen)
        return np.zeros(len(seen), dtype=np.int64), state


@pytest.mark.parametrize("observes", ["observations", "outcomes"])
@every_case
def test_co_players_are_shown_what_their_seats_see_and_are_drawn_for_each_seat(name, options, observes):
    setting = make_setting(name, options)
    game, players = setting.game, setting.game.spec.num_players
    seats = np.ones((players, 5), dtype=np.int16)
    seats[np.arange(5) % players, np.arange(5)] = 0
    matchups, watcher = Matchups(("a", "watcher"), (LEARNER, "watcher"), 1, seats), Watcher(observes)
    played = play(game, matchups, PolicyStack([setting.make_policy(0)]), [[0]], {1: watcher}, SeedNode(3))
    lanes = matchups.games_of(1)
    assert len(np.unique(watcher.drawn[0])) == len(lanes[0]) == 5 * (players - 1)
    for t, seen in enumerate(watcher.seen):
        lived = played.mask[t][lanes[1]]
        outcomes = played.outcomes[t][lanes].astype(np.int64)
        if observes == "outcomes":
            expected = outcomes
        elif played.observations is None:
            expected = game.encode(outcomes, t, lanes[0])
        else:
            expected = played.observations[t][lanes]
        np.testing.assert_array_equal(seen[lived], expected[lived])


@pytest.mark.parametrize("model", MODELS)
@every_case
def test_an_exported_policy_plays_as_before(name, options, model, tmp_path):
    setting = make_setting(name, options, model)
    policy = make_stack(setting).policies[0]
    game = setting.config.game
    loaded = load_policy(save_policy(tmp_path / "one", policy, game.name, game.options, setting.spec, {}))
    assert loaded.policy.config == policy.config
    inputs = torch.rand(ROUNDS, 3, sum(policy.parts))
    assert torch.equal(policy(inputs)[0], loaded.policy(inputs)[0])


@pytest.mark.skipif(not gru_kernel.level(), reason="not compiled for this machine")
@pytest.mark.parametrize("model", MODELS)
def test_compiled_grus_are_used_exactly_where_they_fit(model):
    stack = make_stack(make_setting("coin_game", {}, model))
    assert stack.compiled == (model != "lstm")
    assert stack.fused == (model != "lstm")
