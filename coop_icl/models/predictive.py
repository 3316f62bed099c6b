"""A policy that is a model of what comes next, and acts by planning inside it (PPI, see ``planning``).

One step of the core takes in a round: what is observed, the own action that led there, the reward (each embedded
linearly). Its output gives, by one linear head each, the own next action; the next observation for each own action; and
the reward for each action and observation. So a is conditioned on the history, o on that and a, r on that, a and o: the
paper's factorisation (o, r, a in turn) at a third of the steps; see docs/decisions/0012.

Dimensions: A actions, S observations, K numbers told; outputs O = A + 2 A S: own action, observation by action, reward
by action and observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_icl.models import gru_kernel, plan_kernel
from coop_icl.models.buffers import Buffers
from coop_icl.models.cores import State
from coop_icl.models.groups import gru_weights, is_one_gru
from coop_icl.models.observations import Observations
from coop_icl.models.planning import Memory, PlannerConfig, action_values, improve
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.sampling import log_probabilities

OBSERVE = ("outcome", "action", "reward")
"""What a game must show of a round, in this order."""


class PredictivePolicy(SequencePolicy):
    """Plans at every step.

    Args:
        config, parts, num_actions, max_rounds: as of ``SequencePolicy``; the core is recurrent, and the parts are those
            of ``OBSERVE`` and perhaps what is told of the co-player.
        planner: how it plans.

    Attributes:
        compiled: False plans in torch operations (tests hold both equal).

    Raises:
        ValueError: if it cannot be built so.
    """

    plans = True

    def __init__(
        self,
        config: ModelConfig,
        parts: Sequence[int],
        num_actions: int,
        max_rounds: int,
        planner: PlannerConfig | None = None,
    ) -> None:
        super().__init__(config, parts, num_actions, max_rounds)
        self.planner = planner or PlannerConfig()
        self.planner.check()
        if config.core not in ("gru", "lstm"):
            raise ValueError(f"model.core must be gru or lstm to plan with, got '{config.core}'")
        if config.encoder != "linear":
            raise ValueError(f"model.encoder must be linear to plan with, got '{config.encoder}'")
        if tuple(parts[1:3]) != (num_actions, 1) or len(parts) not in (3, 4):
            raise ValueError(f"a policy that plans must observe {', '.join(OBSERVE)}; set game.options.observe")
        del self.value_head
        self.num_outcomes, self.compiled = parts[0], True
        self.observation_head = nn.Linear(config.hidden_size, num_actions * self.num_outcomes)
        self.reward_head = nn.Linear(config.hidden_size, num_actions * self.num_outcomes)

    # -- the model -------------------------------------------------------------------------------------------------

    def predict(self, observations: Observations, buffers: Buffers) -> Tensor:
        """Outputs [O, T, N] for whole episodes from empty memory."""
        if is_one_gru([self]) and gru_kernel.fits(self.action_head.weight, self.config.hidden_size):
            weights, bias = self.all_heads()
            kernel = gru_kernel.Weights(gru_weights(self), weights, bias, *self.options())
            first, last = gru_kernel.gru_sequence(kernel, observations, buffers)
            return torch.cat([first.movedim(-1, 0), last[None]])
        features, _ = self.core(self.embed(observations.vectors()))
        return F.linear(self.activate(features), *self.all_heads()).movedim(-1, 0)

    def options(self) -> tuple[bool, bool]:
        """Of the compiled GRU: whether heads see swish(h), whether products are taken in bfloat16."""
        return self.config.activation == "swish", self.config.precision == "bfloat16"

    def heads_of(self) -> tuple[nn.Linear, ...]:
        """See ``SequencePolicy``."""
        return self.action_head, self.observation_head, self.reward_head

    def all_heads(self) -> tuple[Tensor, Tensor]:
        """Weights [O, H] and biases [O] of all heads."""
        heads = self.heads_of()
        return torch.cat([head.weight for head in heads]), torch.cat([head.bias for head in heads])

    def own(self, memory: Memory) -> Tensor:
        """See ``WorldModel``; ``memory`` is the core's, its ``features`` [M, H] and what is ``told`` [M, K]."""
        return log_probabilities(self.action_head(self.activate(memory["features"])))

    def following(self, memory: Memory, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See ``WorldModel``."""
        features = self.activate(memory["features"])
        shape = (len(actions), self.num_actions, self.num_outcomes)
        lanes = torch.arange(len(actions))
        heads = self.observation_head, self.reward_head
        scores, rewards = (head(features).view(shape)[lanes, actions] for head in heads)
        return log_probabilities(scores), rewards

    def advance(self, memory: Memory, actions: Tensor, outcomes: Tensor, rewards: Tensor) -> Memory:
        """See ``WorldModel``."""
        seen = F.one_hot(outcomes, self.num_outcomes), F.one_hot(actions, self.num_actions), rewards[:, None]
        inputs = torch.cat([*(part.to(rewards.dtype) for part in seen), memory["told"]], 1)
        return self._remember(inputs, {name: x for name, x in memory.items() if name not in ("features", "told")})

    def _remember(self, observations: Tensor, state: Mapping[str, Tensor]) -> Memory:
        features, after = self.core.step(self.embed(observations), dict(state))
        return {**after, "features": features, "told": observations[:, sum(self.parts[:3]) :]}

    # -- the policy ------------------------------------------------------------------------------------------------

    def initial_state(self, lanes: int, seed: int = 0) -> State:
        """Empty memory of N lanes; ``planning`` [2] is the seed of the roll-outs' numbers and the round."""
        return {**self.core.initial_state(lanes), "planning": torch.tensor([seed, 0])}

    @torch.no_grad()
    def step(self, observations: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Scores [N, A] after planning, the values [N] that it expects, and the next memory."""
        numbers, (seed, round_) = state["planning"], state["planning"].tolist()
        memory = self._remember(observations, {name: x for name, x in state.items() if name != "planning"})
        uniforms = self._uniforms(seed, round_, len(observations))
        compiled = self.compiled and plan_kernel.fits(self)
        values = (plan_kernel.action_values if compiled else action_values)(self, memory, self.planner, uniforms)
        scores = improve(self.own(memory), values, self.planner.alpha)
        expected = (torch.softmax(scores, 1) * values).sum(1)
        kept = {name: x for name, x in memory.items() if name not in ("features", "told")}
        return scores, expected, {**kept, "planning": numbers + torch.tensor([0, 1])}

    def forward(self, observations: Tensor, state: State | None = None) -> tuple[Tensor, Tensor, State]:
        """Scores, values and memory after observations [T, N, F], planned round by round; without gradients."""
        state = self.initial_state(observations.shape[1]) if state is None else state
        steps = []
        for now in observations:
            *outputs, state = self.step(now, state)
            steps.append(outputs)
        scores, values = zip(*steps, strict=True)
        return torch.stack(scores), torch.stack(values), state

    def _uniforms(self, seed: int, round_: int, lanes: int) -> Tensor:
        """Numbers of the roll-outs of a round, [N, A, K, horizon, 2]; a lane's depend on its place."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(round_,))))
        planner, actions = self.planner, self.num_actions
        shape = (lanes, 1 if planner.common_numbers else actions, planner.rollouts, planner.horizon, 2)
        return torch.from_numpy(rng.random(shape, dtype=np.float32)).expand(-1, actions, -1, -1, -1)

    def describe(self) -> dict[str, object]:
        """See ``SequencePolicy``."""
        return {**super().describe(), "planner": asdict(self.planner)}


def policy_from(described: Mapping[str, Any]) -> SequencePolicy:
    """The policy that ``describe`` has described, with weights of any value.

    Raises:
        ValueError, TypeError, KeyError: if the description is malformed.
    """
    shape = ModelConfig(**described["model"]), described["parts"], described["num_actions"], described["max_rounds"]
    if "planner" in described:
        return PredictivePolicy(*shape, PlannerConfig(**described["planner"]))
    return SequencePolicy(*shape, grid=described.get("grid", ()))
