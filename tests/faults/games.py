"""Games that go wrong, and the env runner that plays them; as a program, the command line with such games by name."""

import sys
import time
from dataclasses import replace

import torch

from coop_icl.cli import main
from coop_icl.rllib.env_runner import BatchedEnvRunner
from envs import registry


class BrokenError(Exception):
    """What a game of a careless author raises."""


class Faulty:
    """A real game whose ``step`` and ``encode`` pass through ``fault`` while ``active`` says so."""

    def __init__(self, game, fault, active=lambda: True):
        self._game, self._fault, self._active, self._rounds = game, fault, active, 0

    def __getattr__(self, name):
        return getattr(self._game, name)

    def stage(self):
        """None: whatever happens, happens in ``step``."""

    def table(self):
        """None where observations go wrong: they are those of ``encode``."""
        return None if self._fault[0] == "observation" else self._game.table()

    def reset(self, uniforms):
        self._rounds = 0
        return self._game.reset(uniforms)

    def step(self, actions):
        step, self._rounds = self._game.step(actions), self._rounds + 1
        if self._rounds != 3 or not self._active():
            return step
        if self._fault == "raise":
            raise BrokenError("the board fell off the table")
        if self._fault == "stall":
            time.sleep(3600)
        while self._fault == "spin":  # and swallow whatever it can
            try:
                sum(range(1000))
            except Exception:
                continue
        if self._fault[0] == "reward":
            step.rewards[:, ::2] = self._fault[1]
        return step

    def encode(self, outcomes, rounds, seats):
        vectors = self._game.encode(outcomes, rounds, seats)
        if self._fault[0] == "observation" and self._active():
            vectors = vectors.copy()
            vectors[..., 0] = self._fault[1]
        return vectors


class FaultyRunner(BatchedEnvRunner):
    """Plays ``Faulty`` games; the config's ``env_config`` has ``fault``, ``at`` (iterations), ``workers``."""

    def make_module(self):
        super().make_module()
        self.now = False
        fault = self.config.env_config["fault"]
        self.setting = replace(self.setting, game=Faulty(self.setting.game, fault, lambda: self.now))

    def play_blocks(self, iteration, blocks, state=None):
        plan = self.config.env_config
        self.now = iteration in plan["at"] and self.worker_index in plan["workers"]
        if state is not None:
            self.set_state(state)
        if self.now and plan["fault"][0] == "logits":
            with torch.no_grad():
                for name in self.setting.module_ids:
                    self.module[name].policy.action_head.bias[0] = plan["fault"][1]
        return super().play_blocks(iteration, blocks)


class Factory:
    """``faulty_<fault>``: the iterated prisoner's dilemma, gone wrong."""

    actions = ("cooperate", "defect")

    def __init__(self, name, fault):
        self.name, self._fault = name, fault

    def batched_game(self, **options):
        return Faulty(registry.make_game("ipd_v0", **options), self._fault)


if __name__ == "__main__":
    faults = {"raise": "raise", "stall": "stall", "spin": "spin", "nan": ("reward", float("nan"))}
    registry.GAMES.update({f"faulty_{name}": Factory(f"faulty_{name}", fault) for name, fault in faults.items()})
    sys.exit(main(sys.argv[1:]))
