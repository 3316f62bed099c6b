"""The RLlib view of a game is the PettingZoo view, and ends when all agents have ended."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv
from ray.rllib.utils.pre_checks.env import check_multiagent_environments

from coop_icl.config import to_yaml
from coop_icl.config.schema import ExperimentConfig, GameConfig
from coop_icl.rllib.multi_agent_env import GameMultiAgentEnv, ParallelMultiAgentEnv
from envs.registry import GAMES, make_parallel_env

NOISY = {"rounds": 9, "continuation": 0.8, "noise": 0.3, "observe": ["outcome", "reward", "round"]}


def context(name: str = "ipd", render_mode: str | None = None, **options) -> dict:
    experiment = ExperimentConfig(name="env", game=GameConfig(name, options))
    experiment.population.mixture = [{"name": "uniform", "weight": 1.0}]
    return {"experiment": to_yaml(experiment), "render_mode": render_mode}


@pytest.mark.parametrize("rounds", [1, 6])
@pytest.mark.parametrize("name", sorted(set(GAMES) - {"matrix_game", "pettingzoo"}))
def test_rllibs_own_checks_pass(name, rounds):
    check_multiagent_environments(GameMultiAgentEnv(context(name, rounds=rounds)))


def test_equals_the_pettingzoo_view_step_by_step():
    wrapped, plain = GameMultiAgentEnv(context(**NOISY)), make_parallel_env("ipd", **NOISY)
    rng = np.random.default_rng(0)
    lengths = set()
    for seed in range(20):
        mine, theirs = wrapped.reset(seed=seed), plain.reset(seed=seed)
        length, over = 0, False
        while not over:
            same(mine, theirs)
            actions = {agent: int(rng.integers(2)) for agent in plain.agents}
            mine, theirs = wrapped.step(actions), plain.step(actions)
            ended = mine[2].pop("__all__"), mine[3].pop("__all__")
            assert ended == (all(theirs[2].values()), all(theirs[3].values()))
            over, length = not plain.agents, length + 1
            assert any(ended) == over
        same(mine, theirs)
        lengths.add(length)
    assert len(lengths) > 3


def same(mine, theirs):
    assert len(mine) == len(theirs)
    for left, right in zip(mine, theirs, strict=True):
        assert left.keys() == right.keys()
        for agent in left:
            np.testing.assert_array_equal(left[agent], right[agent])


def test_the_seed_given_in_advance_wins_once():
    wrapped, plain = GameMultiAgentEnv(context(**NOISY)), make_parallel_env("ipd", **NOISY)

    def play(env, seed):
        env.reset(seed=seed)
        rewards = []
        while getattr(env, "par_env", env).agents:
            rewards.append(env.step({"player_0": 0, "player_1": 1})[1])
        return rewards

    by_seed = {seed: play(plain, seed) for seed in range(8)}
    wrapped.seed_next(5)
    assert play(wrapped, 3) == by_seed[5] != by_seed[3]
    assert play(wrapped, 3) == by_seed[3]


def test_renders():
    env = GameMultiAgentEnv(context(render_mode="ansi", rounds=3))
    env.reset(seed=0)
    env.step({"player_0": 0, "player_1": 1})
    assert env.render_mode == "ansi"
    assert "C" in env.render()
    assert "D" in env.render()


class Ends(ParallelEnv):
    """Agents end at given rounds in given ways; those that have ended are left out, as PettingZoo has it."""

    metadata: dict = {"name": "ends"}  # noqa: RUF012

    def __init__(self, ends: dict[str, tuple[int, str]]) -> None:
        self.ends, self.possible_agents, self.render_mode = ends, list(ends), None

    def observation_space(self, agent):
        return Box(0, 1, (1,))

    def action_space(self, agent):
        return Discrete(2)

    def reset(self, seed=None, options=None):
        self.agents, self.t = self.possible_agents[:], 0
        return {a: np.zeros(1, np.float32) for a in self.agents}, {a: {} for a in self.agents}

    def step(self, actions):
        self.t += 1
        acting = self.agents
        ended = {a: self.ends[a][1] if self.t >= self.ends[a][0] else "" for a in acting}
        self.agents = [a for a in acting if not ended[a]]
        return (
            {a: np.zeros(1, np.float32) for a in acting},
            dict.fromkeys(acting, 0.0),
            {a: ended[a] == "terminated" for a in acting},
            {a: ended[a] == "truncated" for a in acting},
            {a: {} for a in acting},
        )


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((2, "terminated"), (2, "terminated"), (True, False)),
        ((2, "truncated"), (2, "truncated"), (False, True)),
        ((2, "terminated"), (2, "truncated"), (False, True)),
        ((1, "terminated"), (2, "terminated"), (True, False)),
        ((1, "truncated"), (2, "terminated"), (False, True)),
    ],
)
def test_an_episode_is_over_when_all_agents_have_ended(first, second, expected):
    env = ParallelMultiAgentEnv(Ends({"a": first, "b": second}))
    for _ in range(2):  # the second time round nothing is left of the first
        env.reset(seed=1)
        _, _, terminated, truncated, _ = env.step(dict.fromkeys(env.agents, 0))
        assert (terminated["__all__"], truncated["__all__"]) == (False, False)
        _, _, terminated, truncated, _ = env.step(dict.fromkeys(env.par_env.agents, 0))
        assert (terminated["__all__"], truncated["__all__"]) == expected
