"""PettingZoo environments that others wrote, as batched games."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from pettingzoo import ParallelEnv
from pettingzoo.test import parallel_api_test

from envs.finding import found
from envs.registry import make_game, make_parallel_env

RPS = {"env": "pettingzoo.classic.rps_v2:parallel_env", "kwargs": {"max_cycles": 9}, "rounds": 9}
SPREAD = {"env": "mpe2.simple_spread_v3:parallel_env", "kwargs": {"N": 2, "max_cycles": 12}, "rounds": 12}
PURSUIT = {
    "env": "pettingzoo.sisl.pursuit_v5:parallel_env",
    "kwargs": {"n_pursuers": 3, "n_evaders": 2, "x_size": 6, "y_size": 6, "obs_range": 3},
    "rounds": 8,
}
KNIGHTS = {
    "env": "pettingzoo.butterfly.knights_archers_zombies_v11:parallel_env",
    "kwargs": {"spawn_delay": 5},
    "rounds": 150,
}
CASES = {"rps": RPS, "spread": SPREAD, "pursuit": PURSUIT}
HERE = "tests.envs.test_third_party"


every_env = pytest.mark.parametrize("key", CASES)


def with_them(options, seed, actions):
    """An episode of the environment itself: observations and rewards of each round."""
    env = found(options["env"])(**options["kwargs"])
    seen, paid = [env.reset(seed=seed)[0]], []
    for now in actions:
        if not env.agents:
            break
        observations, rewards, *_ = env.step(
            {agent: int(now[env.possible_agents.index(agent)]) for agent in env.agents}
        )
        seen.append(observations)
        paid.append(rewards)
    return env, seen, paid


def vector(env, agent, observation):
    space = env.observation_space(agent)
    return np.eye(space.n)[observation] if isinstance(space, Discrete) else np.asarray(observation).reshape(-1)


@every_env
def test_a_batch_plays_what_the_environment_plays(key):
    options = CASES[key]
    game = make_game("pettingzoo", **options)
    spec = game.spec
    rng = np.random.default_rng(0)
    uniforms = rng.random((3, 1))
    actions = rng.integers(spec.num_actions, size=(spec.max_rounds, spec.num_players, 3))
    assert not game.reset(uniforms).any()
    shown, steps = [game.observe()], []
    for now in actions:
        steps.append(game.step(now))
        shown.append(game.observe())
    for b in range(3):
        env, seen, paid = with_them(options, int(uniforms[b, 0] * 2**31), actions[:, :, b])
        assert len(paid) == spec.max_rounds
        for t, observations in enumerate(seen):
            for p, agent in enumerate(env.possible_agents):
                np.testing.assert_allclose(shown[t][p, b], vector(env, agent, observations[agent]), rtol=1e-6)
        for t, rewards in enumerate(paid):
            np.testing.assert_allclose(steps[t].rewards[:, b], [rewards[agent] for agent in env.possible_agents])
            np.testing.assert_array_equal(steps[t].outcomes, 1 + actions[t])
    assert all(not (step.terminated | step.truncated).any() for step in steps[:-1])
    assert (steps[-1].terminated ^ steps[-1].truncated).all()
    assert np.isnan(steps[0].cooperated).all()


@every_env
def test_the_same_numbers_give_the_same_episode_in_copies_that_have_played_before(key):
    game = make_game("pettingzoo", **CASES[key])
    rng = np.random.default_rng(1)
    uniforms = rng.random((3, 1))
    actions = rng.integers(game.spec.num_actions, size=(4, game.spec.num_players, 3))

    def play(numbers, rows):
        game.reset(numbers[rows])
        shown = [game.observe()]
        for now in actions:
            game.step(now[:, rows])
            shown.append(game.observe())
        return np.array(shown)

    first = play(uniforms, [0, 1, 2])
    play(rng.random((3, 1)), [0, 1, 2])
    for rows in ([0, 1, 2], [2, 1, 0], [1]):  # in whichever copies
        np.testing.assert_array_equal(play(uniforms, rows), first[:, :, rows])


@pytest.mark.parametrize("key", ["spread", "pursuit"])
def test_the_view_passes_pettingzoos_checks(key):
    options = CASES[key]
    env = make_parallel_env("pettingzoo", **options)
    parallel_api_test(env, num_cycles=20)
    assert env.reset(seed=3)[0].keys() == {f"player_{seat}" for seat in range(env.game.spec.num_players)}


def test_agents_that_leave_see_zeros_and_the_others_go_on():
    game = make_game("pettingzoo", **KNIGHTS)
    rng = np.random.default_rng(0)
    game.reset(rng.random((2, 1)))
    gone = np.zeros((4, 2), dtype=bool)
    left_early = 0
    for _ in range(150):
        step = game.step(rng.integers(game.spec.num_actions, size=(4, 2)))
        now = ~game.observe().any(axis=2)
        assert (now | ~gone).all()  # nobody comes back
        gone = now
        over = step.terminated | step.truncated
        left_early += (gone.any(axis=0) & ~over).sum()
        if over.all():
            break
    assert over.all()
    assert left_early


class Small(ParallelEnv):
    """Two agents and what the tests want of them."""

    metadata = {"name": "small"}  # noqa: RUF012

    def __init__(self, widths=(2, 2), actions=(3, 3), ends=(), start=0, kind=Box):
        self.possible_agents = ["a", "b"]
        self.agents = []
        self._widths, self._actions, self._ends, self._start, self._kind = widths, actions, ends, start, kind

    def observation_space(self, agent):
        width = self._widths[self.possible_agents.index(agent)]
        return Dict({"x": Discrete(width)}) if self._kind is Dict else Box(1, 5, (width,))

    def action_space(self, agent):
        return Discrete(self._actions[self.possible_agents.index(agent)], start=self._start)

    def reset(self, seed=None, options=None):
        self.agents, self.rounds, self.taken = self.possible_agents[:], 0, []
        return {agent: np.full(2, 1 + seed % 4, np.float32) for agent in self.agents}, {}

    def step(self, actions):
        self.rounds += 1
        self.taken.append(dict(actions))
        here = self.agents
        terminated = {agent: ("terminated", agent, self.rounds) in self._ends for agent in here}
        truncated = {agent: ("truncated", agent, self.rounds) in self._ends for agent in here}
        self.agents = [agent for agent in here if not terminated[agent] and not truncated[agent]]
        seen = {agent: np.full(2, 1 + self.rounds % 4, np.float32) for agent in here}
        return seen, dict.fromkeys(here, 1.0), terminated, truncated, {agent: {} for agent in here}


def ParallelSmall(**kwargs):
    return Small(**kwargs)


def parallel_env(what="env", **kwargs):
    """As PettingZoo's modules have it; may also make something else, or fail."""
    if what == "number":
        return 3
    if what == "error":
        raise RuntimeError("no display\nand more")
    return Small(**kwargs)


@pytest.mark.parametrize(
    ("ends", "terminated", "truncated"),
    [
        ([("terminated", "a", 2), ("terminated", "b", 3)], True, False),
        ([("truncated", "a", 2), ("terminated", "b", 3)], False, True),
        ([("truncated", "a", 3), ("truncated", "b", 3)], False, True),
        ([("terminated", "a", 2)], False, True),  # the other one is cut at the cap
    ],
)
def test_how_a_game_ends(ends, terminated, truncated):
    game = make_game("pettingzoo", env=f"{HERE}:parallel_env", kwargs={"ends": ends}, rounds=4)
    game.reset(np.zeros((1, 1)))
    rewards = []
    for _ in range(5):
        step = game.step(np.zeros((2, 1), dtype=int))
        rewards.append(step.rewards[:, 0].tolist())
    assert (bool(step.terminated[0]), bool(step.truncated[0])) == (terminated, truncated)
    last = {agent: max((t for _, who, t in ends if who == agent), default=4) for agent in "ab"}
    assert rewards == [[float(t <= last["a"]), float(t <= last["b"])] for t in range(1, 6)]


def test_actions_that_do_not_start_at_zero():
    game = make_game("pettingzoo", env=f"{HERE}:Small", kwargs={"start": 2})
    game.reset(np.zeros((1, 1)))
    game.step(np.array([[0], [2]]))
    assert game._copies[0].taken == [{"a": 2, "b": 4}]


def test_bounds_hold_what_agents_see_that_have_left():
    low, high = make_game("pettingzoo", env=f"{HERE}:Small").bounds()
    assert low.tolist() == [[0, 0]] * 2
    assert high.tolist() == [[5, 5]] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "option 'env' must be given for pettingzoo"),
        ({"env": "rps"}, "env must be written package.module:parallel_env, got 'rps'"),
        ({"env": 3}, "env must be written package.module:parallel_env, got 3"),
        (
            {"env": "no_such.module:parallel_env"},
            "env 'no_such.module:parallel_env' cannot be imported: there is no module 'no_such', neither installed nor",
        ),
        ({"env": "os:system"}, "env 'os:system' must name parallel_env or a ParallelEnv, as in os:parallel_env"),
        ({"env": f"{HERE}:ParallelSmall"}, f"env '{HERE}:ParallelSmall' must name parallel_env or a ParallelEnv"),
        ({"env": "os:parallel_env"}, "env 'os:parallel_env' cannot be made: os has no parallel_env"),
        ({"env": f"{HERE}:parallel_env", "kwargs": {"what": "number"}}, f"env '{HERE}:parallel_env' must make a"),
        (
            {"env": f"{HERE}:parallel_env", "kwargs": {"what": "error"}},
            f"env '{HERE}:parallel_env' cannot be made with",
        ),
        (
            {"env": f"{HERE}:Small", "kwargs": {"sice": 3}},
            f"env '{HERE}:Small' cannot be made with kwargs {{'sice': 3}}",
        ),
        ({"env": f"{HERE}:Small", "kwargs": [3]}, "kwargs must be names and values, got [3]"),
        ({"env": f"{HERE}:Small", "kwargs": {"widths": (2, 3)}}, f"env '{HERE}:Small' must have the same observation"),
        ({"env": f"{HERE}:Small", "kwargs": {"actions": (2, 3)}}, f"env '{HERE}:Small' must have the same action"),
        ({"env": f"{HERE}:Small", "kwargs": {"kind": Dict}}, f"env '{HERE}:Small' must have Box or Discrete obs"),
        ({"env": f"{HERE}:Small", "rounds": 0}, "rounds must be at least 1, got 0"),
        ({"env": f"{HERE}:Small", "round": 5}, "unknown option of pettingzoo 'round': did you mean 'rounds'?"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=r"env|kwargs|rounds") as caught:
        make_game("pettingzoo", **options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_unequal_agents_of_a_real_environment():
    with pytest.raises(ValueError, match="must have the same observation space for all agents"):
        make_game("pettingzoo", env="mpe2.simple_tag_v3:parallel_env")
