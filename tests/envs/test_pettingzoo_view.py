"""The PettingZoo view: conformance, and the same dynamics as the batch."""

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from envs.parallel_env import GameParallelEnv
from envs.registry import MATRIX_GAMES, make_game, make_parallel_env
from tests.envs.games import THREE_BY_THREE, every_case, needed

pytestmark = pytest.mark.filterwarnings("error")  # PettingZoo's checks only warn of much that is wrong


def play(env, seed=None, actions_seed=0):
    """Everything one episode of random actions shows, from reset to end."""
    rng = np.random.default_rng(actions_seed)
    seen = [env.reset(seed=seed)]
    while env.agents:
        seen.append(env.step({agent: int(rng.integers(env.action_space(agent).n)) for agent in env.agents}))
    return seen


def shown(game, outcomes, played):
    """Observations [P, B, F] before a round."""
    vectors = game.observe()
    return game.encode(outcomes, played, np.arange(game.spec.num_players)[:, None]) if vectors is None else vectors


def same(left, right):
    np.testing.assert_equal(left, right)
    return True


@every_case
def test_passes_pettingzoos_checks(name, options):
    make = lambda: make_parallel_env(name, **needed(name), **options)  # noqa: E731
    parallel_api_test(make(), num_cycles=50)
    parallel_seed_test(make, num_cycles=50)


@every_case
def test_a_seed_fixes_the_whole_episode_and_the_ones_after_it(name, options):
    """PettingZoo's own seed test stops after one round: it reads a dict's keys as its values."""
    one, two = (make_parallel_env(name, **needed(name), **options) for _ in range(2))
    assert same([play(one, 5), play(one), play(one)], [play(two, 5), play(two), play(two)])


def test_other_seeds_and_unseeded_resets_differ_and_the_seed_brings_the_episode_back():
    env = make_parallel_env("ipd", rounds=40, noise=0.5)
    first, second, third = play(env, 5), play(env), play(env, 6)
    assert same(first, play(env, 5))
    for other in (second, third):
        with pytest.raises(AssertionError):
            same(first, other)


@every_case
def test_batch_equals_single_views(name, options):
    games = 6
    rng = np.random.default_rng(3)
    batch = make_game(name, **needed(name), **options)
    spec = batch.spec
    uniforms = rng.random((games, batch.num_uniforms))
    envs = [make_parallel_env(name, **needed(name), **options) for _ in range(games)]
    outcomes = batch.reset(uniforms)
    vectors = shown(batch, outcomes, 0)
    assert vectors.shape == (spec.num_players, games, spec.observation_size)
    for b, env in enumerate(envs):
        observations, infos = env.reset(options={"uniforms": uniforms[b]})
        assert env.agents == [f"player_{seat}" for seat in range(spec.num_players)]
        for p, agent in enumerate(env.agents):
            np.testing.assert_array_equal(observations[agent], vectors[p, b])
            assert infos[agent] == {"outcome": 0}
    for played in range(1, spec.max_rounds + 1):
        actions = rng.integers(spec.num_actions, size=(spec.num_players, games))
        outcomes, rewards, terminated, truncated, cooperated = batch.step(actions)
        assert ((outcomes >= 0) & (outcomes < spec.num_outcomes)).all()
        vectors = shown(batch, outcomes, played)
        for b, env in enumerate(envs):
            if not env.agents:
                assert not rewards[:, b].any()
                continue
            agents = env.agents
            step = env.step({agent: int(actions[p, b]) for p, agent in enumerate(agents)})
            for p, agent in enumerate(agents):
                observations, paid, terminations, truncations, infos = (part[agent] for part in step)
                assert observations.dtype == np.float32
                np.testing.assert_array_equal(observations, vectors[p, b])
                assert paid == rewards[p, b]
                assert terminations == terminated[b]
                assert truncations == truncated[b]
                silent = cooperated is None or np.isnan(cooperated[p, b])
                assert infos == {"outcome": outcomes[p, b], **({} if silent else {"cooperated": cooperated[p, b]})}
            assert bool(env.agents) == (not (terminated[b] or truncated[b]))
    assert not any(env.agents for env in envs)


@every_case
def test_observations_are_in_the_space_and_reach_its_bounds(name, options):
    env = make_parallel_env(name, **needed(name), **options)
    seen = {agent: [] for agent in env.possible_agents}
    for seed in range(150 if name in MATRIX_GAMES else 12):
        for observations, *_ in play(env, seed, seed):
            assert env.state_space.contains(env.state())
            for agent, vector in observations.items():
                assert env.observation_space(agent).contains(vector)
                seen[agent].append(vector)
    for agent, vectors in seen.items():
        if name in MATRIX_GAMES:
            np.testing.assert_array_equal(np.min(vectors, axis=0), env.observation_space(agent).low)
            np.testing.assert_array_equal(np.max(vectors, axis=0), env.observation_space(agent).high)
        else:  # not everything happens in a few episodes
            assert (np.max(vectors, axis=0) > np.min(vectors, axis=0)).mean() > 0.3


def test_state_holds_all_observations():
    env = make_parallel_env("bach_or_stravinsky", observe=("outcome", "reward"), rounds=3)
    env.reset(seed=0)
    observations, *_ = env.step({"player_0": 1, "player_1": 1})
    np.testing.assert_array_equal(env.state(), np.concatenate([observations["player_0"], observations["player_1"]]))
    observations["player_0"][:] = 9  # the caller's copy
    assert env.state().max() == 2


def test_a_replay_leaves_the_generator_alone():
    one, two = (make_parallel_env("ipd", rounds=30, noise=0.5) for _ in range(2))
    one.reset(seed=1)
    two.reset(seed=1)
    two.reset(options={"uniforms": np.zeros(60)})
    assert same(play(one), play(two))


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({"player_0": 0}, "player_1 has none"),
        ({"player_0": 0, "player_1": 0, "player_2": 0}, "unknown agent .player_2"),
        ({"player_0": 0, "player_1": 2}, "player_1"),
        ({"player_0": -1, "player_1": 0}, "player_0"),
        ({"player_0": 0.5, "player_1": 0}, "player_0"),
    ],
)
def test_wrong_actions(actions, message):
    env = make_parallel_env("ipd")
    env.reset(seed=0)
    with pytest.raises(ValueError, match=f"actions.*{message}"):
        env.step(actions)


@pytest.mark.parametrize("uniforms", [np.zeros(3), np.zeros((1, 4)), np.ones(4), np.full(4, np.nan), -np.ones(4)])
def test_wrong_uniforms(uniforms):
    env = make_parallel_env("ipd", rounds=2, noise=0.1)
    with pytest.raises(ValueError, match="uniforms"):
        env.reset(options={"uniforms": uniforms})


def test_no_step_without_an_episode():
    env = make_parallel_env("ipd", rounds=1)
    both = {"player_0": 0, "player_1": 0}
    for call in (env.state, lambda: env.step(both)):
        with pytest.raises(RuntimeError, match="reset"):
            call()
    env.reset(seed=0)
    env.step(both)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(both)


def test_metadata():
    env = make_parallel_env("ipd")
    assert env.metadata == {"name": "ipd_v0", "is_parallelizable": True, "render_modes": ["ansi", "rgb_array"]}
    assert str(env) == "ipd_v0"


def test_wrong_render_mode_and_labels():
    with pytest.raises(ValueError, match=r"render_mode.*human"):
        make_parallel_env("ipd", "human")
    with pytest.raises(ValueError, match="labels must name 3"):
        GameParallelEnv(make_game("matrix_game", payoffs=THREE_BY_THREE), labels="CD")
