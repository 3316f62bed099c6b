"""Policies trained earlier, as co-players that no longer learn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from coop_icl.models.policy import SequencePolicy
from coop_icl.models.sampling import sample
from coop_icl.policy_store import load_policy
from coop_icl.populations.coplayer import State
from envs.batched import BatchedGame


@dataclass(frozen=True)
class FrozenPolicy:
    """Plays a policy whose weights stay as they are; its state is the policy's memory of the episode.

    The transformer's memory is written in place, so a state is good for one ``act`` only. In compiled games
    (``rollouts.compiled``) a GRU plays by the kernel, which is the same up to rounding.
    """

    policy: SequencePolicy
    kind: str = "frozen"
    num_parameters: int = 0
    observes: Literal["outcomes", "observations"] = "observations"

    def initial_state(self, uniforms: NDArray[np.float64]) -> State:
        """Empty memory of B episodes; a policy that plans takes its seed from the first number."""
        seed = int(uniforms.flat[0] * 2**53) if uniforms.size else 0
        return self.policy.initial_state(len(uniforms), seed)

    @torch.no_grad()
    def act(
        self, seen: NDArray[np.float32], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """Actions [B] drawn from the policy's scores after observations [B, F], as a learner's are."""
        scores, _, state = self.policy.step(torch.from_numpy(seen), state)
        return sample(scores, uniforms), state


def frozen(game: BatchedGame, path: str | Path, kind: str | None = None) -> FrozenPolicy:
    """The exported policy in folder ``path``, to be met in ``game``; ``kind`` names it in metrics.

    Raises:
        ValueError: one line, if the policy cannot be loaded (``PolicyError``) or does not fit the game.
    """
    loaded, spec = load_policy(path), game.spec
    policy, kind = loaded.policy, "frozen" if kind is None else kind
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", kind):
        raise ValueError(f"kind of the frozen policy {path} must consist of letters, digits, _ . -, got '{kind}'")
    if loaded.info.features != spec.features:
        was, now = (_parts(features) for features in (loaded.info.features, spec.features))
        raise ValueError(f"frozen policy {path} observes {was} but {spec.name} shows {now}; set game.options.observe")
    if policy.grid and tuple(policy.grid[1:]) != spec.grid:
        raise ValueError(f"frozen policy {path} observes a grid of another shape than {spec.name}'s {spec.grid}")
    if policy.num_actions != spec.num_actions:
        raise ValueError(f"frozen policy {path} has {policy.num_actions} actions, {spec.name} has {spec.num_actions}")
    if policy.config.core == "transformer" and policy.max_rounds < spec.max_rounds:
        raise ValueError(
            f"frozen policy {path} remembers {policy.max_rounds} rounds but {spec.name} may last {spec.max_rounds}"
        )
    for parameter in policy.parameters():
        parameter.requires_grad_(False)
    return FrozenPolicy(policy, kind, num_parameters=int(policy.plans))


def _parts(features: tuple[tuple[str, int], ...]) -> str:
    return " + ".join(f"{name} ({width})" for name, width in features)
