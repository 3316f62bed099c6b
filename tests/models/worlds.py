"""Models of what comes next that are known exactly, and Q of any model by enumeration."""

import numpy as np
import torch

from coop_icl.models.sampling import log_probabilities


def exact_values(model, memory, horizon, discount):
    """Q [N, A] by following every action and observation there is, with its probability."""
    actions = model.own(memory).shape[1]
    columns = []
    for action in range(actions):
        taken = torch.full((len(next(iter(memory.values()))),), action)
        columns.append(_value_after(model, memory, taken, horizon, discount))
    return torch.stack(columns, 1)


def _value_after(model, memory, taken, horizon, discount):
    logp, rewards = model.following(memory, taken)
    value = (logp.exp() * rewards).sum(1)
    if horizon == 1:
        return value
    for seen in range(logp.shape[1]):
        outcomes = torch.full_like(taken, seen)
        after = model.advance(memory, taken, outcomes, rewards[:, seen])
        later = exact_values(model, after, horizon - 1, discount)
        value = value + discount * logp[:, seen].exp() * (model.own(after).exp() * later).sum(1)
    return value


class Urns:
    """The exact model of a tabular agent's life against another one in the prisoner's dilemma.

    All ten probabilities are uniform on [0, 1], so that after n rounds in a state, c of them with cooperation, the next
    one is cooperation with probability (c + 1) / (n + 2). Memory: ``seen`` [M] and ``counts`` [M, own or other, 5, 2].
    """

    payoffs = torch.tensor([0.0, 1.0, -1.0, 2.0, 0.0])

    def start(self, games):
        return {"seen": torch.zeros(games, dtype=torch.long), "counts": torch.ones(games, 2, 5, 2)}

    def _cooperation(self, memory):
        counts = memory["counts"][torch.arange(len(memory["seen"])), :, memory["seen"]]
        return counts / counts.sum(2, keepdim=True)

    def own(self, memory):
        return self._cooperation(memory)[:, 0].log()

    def following(self, memory, actions):
        other = self._cooperation(memory)[:, 1]
        probabilities = torch.zeros(len(actions), 5)
        lanes = torch.arange(len(actions))
        for action in (0, 1):
            probabilities[lanes, 1 + 2 * actions + action] = other[:, action]
        return probabilities.log(), self.payoffs.expand(len(actions), 5)

    def advance(self, memory, actions, outcomes, rewards):
        counts, lanes = memory["counts"].clone(), torch.arange(len(actions))
        counts[lanes, 0, memory["seen"], actions] += 1
        counts[lanes, 1, memory["seen"], (outcomes - 1) % 2] += 1
        return {"seen": outcomes, "counts": counts}


class Chain:
    """A Markov model of three observations, three actions and drawn numbers; memory: ``seen`` [M]."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self._own = torch.from_numpy(rng.normal(size=(3, 3)))
        self._next = torch.from_numpy(rng.normal(size=(3, 3, 3)))
        self._rewards = torch.from_numpy(rng.normal(size=(3, 3, 3)))

    def own(self, memory):
        return log_probabilities(self._own[memory["seen"]])

    def following(self, memory, actions):
        return log_probabilities(self._next[memory["seen"], actions]), self._rewards[memory["seen"], actions]

    def advance(self, memory, actions, outcomes, rewards):
        return {"seen": outcomes}
