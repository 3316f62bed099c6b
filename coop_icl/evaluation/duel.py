"""An episode of one person against a policy, round by round, with what the policy expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from coop_icl.errors import UserError
from coop_icl.evaluation.subjects import game_of
from coop_icl.models.sampling import sample
from coop_icl.policy_store import LoadedPolicy
from coop_icl.rollouts.telling import is_told, spec_of
from coop_icl.seeding import Purpose, SeedNode, Stream
from envs.batched import BatchedGame
from envs.registry import make_game

AGENT, PERSON = 0, 1
"""Seats."""


@dataclass(frozen=True)
class Round:
    """What happened in a round, and what the agent had in mind before it.

    Attributes:
        mine, its: the actions carried out, the person's and the agent's.
        my_payoff, its_payoff: of this round.
        probability: with which the agent took action 0.
        value: what it expected of the returns from here on, discounted and scaled as in its training.
    """

    mine: int
    its: int
    my_payoff: float
    its_payoff: float
    probability: float
    value: float


class Duel:
    """One episode; the agent sits in seat 0 and takes the person for another learner, if it is told of co-players.

    Args:
        loaded: the agent.
        rounds: length, or cap, of the game; by default that of its training.
        seed: of the agent's choices and of the game's chances.

    Raises:
        UserError: if the game is not one of two players who see each other's actions, or the agent cannot play so many
            rounds.
    """

    def __init__(self, loaded: LoadedPolicy, rounds: int | None = None, seed: int = 0) -> None:
        self.game = resized(loaded, rounds)
        self.policy, self.rounds, self.over = loaded.policy, self.game.spec.max_rounds, False
        self.history: list[Round] = []
        node = SeedNode(seed).child(Purpose.EVALUATE)
        self._outcomes = self.game.reset(node.rng(Stream.GAME).random((1, self.game.num_uniforms)))
        self._uniforms = node.rng(Stream.ACTION).random(self.rounds)
        self._state = self.policy.initial_state(1, node.integer(Stream.PLAN))
        told = spec_of(self.game, is_told(self.policy, self.game)).observation_size - self.game.spec.observation_size
        self._told = np.zeros((1, told), dtype=np.float32)

    @torch.no_grad()
    def play(self, action: int) -> Round:
        """Play the next round with the person's action.

        Raises:
            ValueError: if the episode is over, or there is no such action.
        """
        if self.over:
            raise ValueError("the episode is over")
        if not 0 <= action < self.game.spec.num_actions:
            raise ValueError(f"action must be in 0 to {self.game.spec.num_actions - 1}, got {action}")
        now = len(self.history)
        shown = self.game.observe()
        seen = self.game.encode(self._outcomes[AGENT], now, AGENT) if shown is None else shown[AGENT]
        observation = torch.from_numpy(np.concatenate([seen, self._told], axis=1))
        scores, value, self._state = self.policy.step(observation, self._state)
        chosen = sample(scores, self._uniforms[now : now + 1])
        step = self.game.step(np.stack([chosen, np.array([action])]))
        self._outcomes, self.over = step.outcomes, bool(step.terminated[0] or step.truncated[0])
        shown = int(step.outcomes[PERSON, 0])  # 0 where an inner episode begins; there no action is replaced by noise
        own, other = divmod(shown - 1, self.game.spec.num_actions) if shown else (action, int(chosen[0]))
        mine, its = float(step.rewards[PERSON, 0]), float(step.rewards[AGENT, 0])
        probability = float(torch.softmax(scores, 1)[0, 0])
        self.history.append(Round(own, other, mine, its, probability, float(value[0])))
        return self.history[-1]


def resized(loaded: LoadedPolicy, rounds: int | None) -> BatchedGame:
    """The agent's game, with another number of rounds if one is given.

    Raises:
        UserError: as ``Duel``.
    """
    game, policy = game_of(loaded), loaded.policy
    if game.spec.num_players != 2:
        raise UserError(f"{game.spec.name} has {game.spec.num_players} players; a person can play games of two")
    if game.spec.num_outcomes != 1 + game.spec.num_actions**2 or game.spec.grid is not None:
        raise UserError(f"a person can play games in which outcomes say what both did, {game.spec.name} is none")
    if rounds is None:
        return game
    if rounds < 1 or (policy.config.core == "transformer" and rounds > policy.max_rounds):
        most = f" and at most {policy.max_rounds}" if policy.config.core == "transformer" else ""
        raise UserError(f"rounds must be at least 1{most}, got {rounds}")
    return make_game(loaded.info.game_name, **{**loaded.info.game_options, "rounds": rounds})
