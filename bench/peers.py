"""Programs on JAX that do the same work, each in a process of its own; they need the extra ``bench``."""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from typing import Any

from bench.workloads import Workload, games_per_update
from coop_icl.config import ExperimentConfig
from coop_icl.rollouts.setting import build

LIMIT = 120
"""Seconds after which a program in a process of its own is given up."""


class JaxLoop:
    """``bench.jax_loop``: one jitted program. Only what is the same work: even numbers of learners and lanes, a GRU."""

    def __init__(self, config: ExperimentConfig, tuned: bool = True) -> None:
        from bench.jax_loop import program

        self.name = "jax" if tuned else "jax_plain"
        self.label = "one jitted JAX program, " + ("tuned for CPUs" if tuned else "as usually written")
        self.games, self.rounds = games_per_update(config), build(config).game.spec.max_rounds
        self._steps = 2 * self.games * self.rounds
        self._program = program(config, tuned)
        self._state = self._program.start(config.seed)
        self.train()
        self.play()

    def train(self) -> int:
        """One update."""
        self._state = self._program.train(self._state)
        self._state[0]["w_hh"].block_until_ready()
        return self._steps

    def play(self) -> int:
        """An update's games."""
        episodes, _ = self._program.play(self._state)
        episodes.rewards.block_until_ready()
        return self._steps

    def stop(self) -> None:
        """Nothing to release."""


class Apart:
    """A workload in a process of its own, as JAX shares neither its devices nor its threads well.

    Args:
        make: what to build there; its name and sizes are read from it once it stands.
        arguments: of ``make``.
    """

    def __init__(self, make: Callable[..., Workload], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, arguments), daemon=True)
        self._process.start()
        theirs.close()
        self.name, self.label, self.games, self.rounds = self._answer()

    def train(self) -> int:
        """One update."""
        self._pipe.send("train")
        return self._answer()

    def play(self) -> int:
        """An update's games."""
        self._pipe.send("play")
        return self._answer()

    def stop(self) -> None:
        """End the process."""
        self._pipe.send("stop")
        self._process.join(10)
        self._process.kill()

    def _answer(self) -> Any:
        if not self._pipe.poll(LIMIT):
            self._process.kill()
            raise RuntimeError(f"a program in a process of its own gave no answer in {LIMIT} s")
        return self._pipe.recv()


def _serve(pipe: Any, make: Callable[..., Workload], arguments: Sequence[Any]) -> None:
    """Build a workload and do what is asked until told to stop."""
    work = make(*arguments)
    pipe.send((work.name, work.label, work.games, work.rounds))
    while (asked := pipe.recv()) != "stop":
        pipe.send(getattr(work, asked)())


class JaxMarlLoop:
    """``bench.jaxmarl_loop``: JaxMARL's interface and the structure of its IPPO. Even numbers of learners and lanes."""

    def __init__(self, config: ExperimentConfig) -> None:
        with contextlib.redirect_stdout(sys.stderr):  # JaxMARL prints when imported
            from bench import jaxmarl_loop

        self.name, self.label = "jax_jaxmarl", "JaxMARL's environment interface and IPPO, one policy"
        self.games, self.rounds = games_per_update(config), build(config).game.spec.max_rounds
        self._steps = 2 * self.games * self.rounds
        self._program = jaxmarl_loop.program(config)
        self._state = self._program.start(config.seed)
        self.train()
        self.play()

    def train(self) -> int:
        """One update."""
        self._state = self._program.train(self._state)
        self._state[0].step.block_until_ready()
        return self._steps

    def play(self) -> int:
        """An update's games."""
        played, _ = self._program.play(self._state)
        played.reward.block_until_ready()
        return self._steps

    def stop(self) -> None:
        """Nothing to release."""


def jax(config: ExperimentConfig, every: bool = True) -> list[Workload]:
    """Programs on JAX that do the same work, if the extra ``bench`` is installed; their names begin with ``jax``.

    Args:
        config: what is trained.
        every: also JAX as it is usually written, and JaxMARL.
    """
    if not has_jax():
        print("JAX is left out: the extra `bench` is not installed", file=sys.stderr)
        return []
    found: list[Workload] = [Apart(JaxLoop, config)]
    if every:
        found.append(Apart(JaxLoop, config, False))
        if has_jaxmarl():
            found.append(Apart(JaxMarlLoop, config))
        else:
            print("JaxMARL is left out: the extra `bench` is not installed", file=sys.stderr)
    return found


def has_jax() -> bool:
    """Whether JAX is installed, by the extra ``bench``."""
    return _installed("jax", "optax")


def has_jaxmarl() -> bool:
    """Whether JaxMARL is installed, by the extra ``bench``."""
    return has_jax() and _installed("flax", "jaxmarl")


def _installed(*names: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in names)
