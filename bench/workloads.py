"""The same game, model and batch in several programs, each of which can train and can only play."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import torch

from bench import plain_loop
from coop_icl.config import ExperimentConfig, load
from coop_icl.process import cores
from coop_icl.rollouts.setting import build
from coop_icl.trajectory import Trajectory

ENVS = 64
"""Games side by side in the faster stock run: beyond that it gains nothing."""
ONE_BY_ONE = 32
"""Most games in an update of the stock path at one environment: its rate is flat, and 512 would take minutes."""


class Workload(Protocol):
    """One program under test.

    Attributes:
        name: key in results; label: for readers.
        games: games in one update.
        rounds: length of a game.
    """

    name: str
    label: str
    games: int
    rounds: int

    def train(self) -> int:
        """Play and learn from one update's games; the agent-steps (players x rounds) it was."""
        ...

    def play(self) -> int:
        """Only play; the agent-steps it was."""
        ...

    def stop(self) -> None:
        """Release what it holds."""
        ...


LOCAL = ("ray.num_env_runners=0", "ray.num_learners=0", "ray.mode=sync")
"""All in one process."""


def experiment(games: int, *overrides: str, name: str = "ipd_icl") -> ExperimentConfig:
    """The experiment as it ships but for its batch: full, and as near to ``games`` games as its blocks allow."""
    overrides = ("train.minibatches=1", *overrides)
    shipped = load(name, overrides)
    blocks = shipped.ray.blocks
    episodes = max(1, round(games / games_per_episode(shipped) / blocks)) * blocks
    return load(name, [*overrides, "train.updates=1000000", f"train.episodes_per_learner={episodes}"])


def games_per_episode(config: ExperimentConfig) -> float:
    """Games in which each learner plays one episode; a game between two learners is an episode of both."""
    mixture = config.population.mixture
    weights = [float(entry.get("weight", 1.0)) for entry in mixture]
    paired = sum(w for w, entry in zip(weights, mixture, strict=True) if entry["name"] == "learner") / sum(weights)
    return config.train.learners * (1 - paired / 2)


def games_per_update(config: ExperimentConfig) -> int:
    """Games of an update, on average."""
    return round(config.train.episodes_per_learner * games_per_episode(config))


class RayLoop:
    """This project through Ray, as ``coop-icl train`` runs it, without what it writes."""

    def __init__(self, config: ExperimentConfig) -> None:
        from coop_icl.rllib.config import algorithm_config

        runners, learners = config.ray.num_env_runners, config.ray.num_learners
        self.name = f"ray_{runners}"
        self.label = f"coop_icl through Ray, {_number(runners, 'env runner')}"
        self.label += f", {_number(learners, 'Learner actor')}" if learners else ""
        self.label += ", asynchronous" if config.ray.mode == "async" else ""
        self.games = games_per_update(config)
        self.rounds = build(config).game.spec.max_rounds
        self._blocks = list(range(config.ray.blocks))
        self._runners = runners
        self._played = 0
        self._algorithm: Any = algorithm_config(config).build_algo()
        self.train()
        self._weights = {"rl_module": self._algorithm.module_weights(), "weights_seq_no": 0}

    def train(self) -> int:
        """One ``Algorithm.train()``."""
        self._algorithm.train()
        return self._algorithm.trajectory.agent_steps()

    def play(self) -> int:
        """Weights out to the env runners, an update's games back."""
        self._played += 1
        if not self._runners:
            pairs = self._algorithm.env_runner.play_blocks(self._played, self._blocks, self._weights)
        else:
            pairs = self._from_runners()
        return Trajectory.concat([part for _, part in sorted(pairs, key=lambda pair: pair[0])]).agent_steps()

    def _from_runners(self) -> list[tuple[int, Trajectory]]:
        import ray

        state = ray.put(self._weights)
        shares = [self._blocks[i :: self._runners] for i in range(self._runners)]
        answers = self._algorithm.env_runner_group.foreach_env_runner(
            "play_blocks",
            kwargs=[{"iteration": self._played, "blocks": share, "state": state} for share in shares],
            local_env_runner=False,
            remote_worker_ids=sorted(self._algorithm.env_runner_group.healthy_env_runner_ids()),
        )
        return [pair for pairs in answers for pair in pairs]

    def call(self) -> None:
        """Weights out to the env runners, nothing back."""
        blocks, self._blocks = self._blocks, []
        self._from_runners()
        self._blocks = blocks

    def stop(self) -> None:
        """End the actors."""
        self._algorithm.stop()


class PlainLoop:
    """``bench.plain_loop``: no Ray. Fused is this project's own GRU arithmetic, else ``torch.nn.GRU``.

    Without ``kernel`` the fused GRU is torch operations only, as on a machine without a C compiler. ``suffix`` tells
    programs apart that differ in their experiment.
    """

    def __init__(self, config: ExperimentConfig, fused: bool, kernel: bool = True, suffix: str = "") -> None:
        self.name = ("plain_fused" if kernel else "plain_no_kernel") if fused else "plain_pytorch"
        self.name += f"_{suffix}" if suffix else ""
        self.label = "plain loop without Ray, "
        self.label += ("fused GRU" + ("" if kernel else ", no kernel")) if fused else "nn.GRU (plain PyTorch)"
        self.label += f", {suffix}" if suffix else ""
        self._setting = build(config)
        self.rounds = self._setting.game.spec.max_rounds
        self._blocks = range(config.ray.blocks)
        self._played = 0
        self._updates = plain_loop.train(config, fused, kernel)
        self._stack = next(self._updates)[-1]
        self.games = games_per_update(config)

    def train(self) -> int:
        """One pass of the loop."""
        return next(self._updates)[1].agent_steps()

    def play(self) -> int:
        """An update's games."""
        self._played += 1
        parts = [self._setting.play_block(self._stack, self._played, block) for block in self._blocks]
        return Trajectory.concat(parts).agent_steps()

    def stop(self) -> None:
        """End the loop."""
        self._updates.close()  # type: ignore[attr-defined]


class StockRLlib:
    """RLlib's own env runner and PPO, in the driver; as many epochs, each one step on the whole batch."""

    def __init__(self, config: ExperimentConfig, num_envs: int, games: int, threads: int = 1) -> None:
        from coop_icl.rllib.stock import stock_config

        self.name = f"stock_{num_envs}" + (f"_threads_{threads}" if threads > 1 else "")
        self.label = f"stock RLlib PPO, {_number(num_envs, 'env')}, {_number(threads, 'torch thread')}"
        self._threads = threads
        self.games = games
        self.rounds = build(config).game.spec.max_rounds
        stock = stock_config(config, num_envs=num_envs)
        stock.training(train_batch_size_per_learner=games * self.rounds)
        stock.reporting(min_time_s_per_iteration=0)
        self._algorithm: Any = stock.build_algo()
        self.play()

    def train(self) -> int:
        """One ``Algorithm.train()``."""
        with _torch_threads(self._threads):
            result = self._algorithm.train()
        return sum(int(steps) for steps in result["env_runners"]["num_agent_steps_sampled"].values())

    def play(self) -> int:
        """As many games as there are environments; metrics are collected, as in training."""
        with _torch_threads(self._threads):
            episodes = self._algorithm.env_runner.sample()
            self._algorithm.env_runner.get_metrics()
        return sum(episode.agent_steps() for episode in episodes)

    def stop(self) -> None:
        """End it."""
        self._algorithm.stop()


def ours(games: int, *overrides: str) -> list[Workload]:
    """This project as it ships first, then with other numbers of env runners, then without Ray."""
    shipped, local = experiment(games, *overrides), experiment(games, *overrides, *LOCAL)
    remote = [experiment(games, *overrides, *LOCAL, "ray.num_env_runners=1")]
    runners = {config.ray.num_env_runners: config for config in (local, *remote, shipped)}
    first = runners.pop(shipped.ray.num_env_runners)
    return [*map(RayLoop, (first, *runners.values())), PlainLoop(local, fused=True), PlainLoop(local, fused=False)]


def stock(games: int, *overrides: str) -> list[Workload]:
    """RLlib's own path at its best number of environments, on whole turns of them, and at its default of one."""
    config = experiment(games, *overrides, *LOCAL)
    turns = max(1, round(games / ENVS)) * ENVS
    threads = sorted({1, cores()})
    return [*(StockRLlib(config, ENVS, turns, n) for n in threads), StockRLlib(config, 1, min(games, ONE_BY_ONE))]


@contextlib.contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    """So many threads inside torch's operations; elsewhere there is one."""
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(1)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
