"""A policy: an encoder of observations, a sequence core, an action and a value head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import coop_icl.models.transformer  # noqa: F401  (registers its core)
from coop_icl.models.cores import CORES, Core, State
from coop_icl.models.encoders import ENCODERS, Grid, make_encoder, reset_encoder

WIDEST = 2**16
"""Numbers in the widest layer: 16 GiB of weights in its recurrence."""


@dataclass(frozen=True)
class ModelConfig:
    """Shape of a policy.

    Attributes:
        core: ``gru``, ``lstm`` or ``transformer``.
        hidden_size: width of the core.
        num_layers: layers of the core.
        num_heads: attention heads (transformer).
        embedding_size: width of the linear embedding of each part of the observation; 0 feeds the parts in as they
            are, which with one part is the same function with fewer weights.
        encoder: ``linear`` (see ``embedding_size``), ``mlp`` over the whole observation, or ``conv`` over its grid.
        encoder_size: width of what an encoder that is not linear makes of an observation, or of its grid.
        activation: applied to the core's features before the heads, ``none`` or ``swish`` (paper).
        precision: of the factors of a GRU's recurrent products where it is compiled, on processors with bfloat16 units:
            ``float32`` or ``bfloat16``, which learns about half as fast again; everywhere else float32.
    """

    core: str = "gru"
    hidden_size: int = 64
    num_layers: int = 1
    num_heads: int = 4
    embedding_size: int = 0
    activation: str = "none"
    precision: str = "float32"
    encoder: str = "linear"
    encoder_size: int = 64

    def check(self) -> None:
        """Raise ValueError naming the first value out of range."""
        for name, known in (
            ("core", sorted(CORES)),
            ("activation", ("none", "swish")),
            ("precision", ("float32", "bfloat16")),
            ("encoder", ENCODERS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"model.{name}: got '{getattr(self, name)}'; expected one of {', '.join(known)}")
        for name, least, most in (
            ("hidden_size", 1, WIDEST),
            ("num_layers", 1, 1024),
            ("num_heads", 1, WIDEST),
            ("encoder_size", 1, WIDEST),
            ("embedding_size", 0, WIDEST),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                bound = f"at least {least}" if value < least else f"at most {most}"
                raise ValueError(f"model.{name}: got {value}; expected {bound}")
        if self.encoder != "linear" and self.embedding_size:
            raise ValueError(f"model.embedding_size: got {self.embedding_size}; expected 0 with encoder {self.encoder}")
        if self.core == "transformer" and self.hidden_size % self.num_heads:
            raise ValueError(
                f"model.hidden_size: got {self.hidden_size}; expected a multiple of model.num_heads {self.num_heads}"
            )


class SequencePolicy(nn.Module):
    """Action scores and values from a history of observations.

    Args:
        config: shape of the policy.
        parts: widths of the parts of an observation vector, summing to F.
        num_actions: A.
        max_rounds: longest episode, for cores that need to know.
        grid: which part is a grid, for the encoder that needs to know (``encoders.Grid``).

    Raises:
        ValueError: naming what is out of range, or does not fit.

    Attributes:
        plans: whether it draws numbers of its own at every step.
    """

    plans = False

    def __init__(
        self, config: ModelConfig, parts: Sequence[int], num_actions: int, max_rounds: int, grid: Grid = ()
    ) -> None:
        super().__init__()
        config.check()
        self.config, self.parts, self.grid = config, tuple(parts), tuple(grid)
        self.num_actions, self.max_rounds = num_actions, max_rounds
        size = config.embedding_size
        self.embeddings = nn.ModuleList(nn.Linear(width, size) for width in parts) if size else None
        self.encoder = make_encoder(config.encoder, self.parts, self.grid, config.encoder_size)
        core_input = size * len(self.parts) if size else sum(self.parts)
        if self.encoder is not None:
            core_input = self.encoder.output_size
        self.core: Core = CORES[config.core](
            core_input,
            config.hidden_size,
            num_layers=config.num_layers,
            num_heads=config.num_heads,
            max_rounds=max_rounds,
        )
        self.action_head = nn.Linear(config.hidden_size, num_actions)
        self.value_head = nn.Linear(config.hidden_size, 1)

    def initial_state(self, lanes: int, seed: int = 0) -> State:
        """Empty memory of N lanes; ``seed`` is for policies that plan."""
        return self.core.initial_state(lanes)

    def forward(self, observations: Tensor, state: State | None = None) -> tuple[Tensor, Tensor, State]:
        """Scores [T, N, A], values [T, N] and the memory after observations [T, N, F]."""
        features, after = self.core(self.embed(observations), state)
        return *self.heads(features), after

    def step(self, observations: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Scores [N, A], values [N] and the next memory for one round of observations [N, F]."""
        features, state = self.core.step(self.embed(observations), state)
        return *self.heads(features), state

    def embed(self, observations: Tensor) -> Tensor:
        """The core's input [..., I]."""
        if self.encoder is not None:
            return self.encoder(observations)
        if self.embeddings is None:
            return observations
        pieces = observations.split(self.parts, dim=-1)
        return torch.cat([embed(piece) for embed, piece in zip(self.embeddings, pieces, strict=True)], dim=-1)

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [..., A] and values [...] from features [..., H]."""
        features = self.activate(features)
        return self.action_head(features), self.value_head(features)[..., 0]

    def activate(self, features: Tensor) -> Tensor:
        """The features that the heads see."""
        return F.silu(features) if self.config.activation == "swish" else features

    def heads_of(self) -> tuple[nn.Linear, ...]:
        """What reads the features, in the order in which weights are drawn."""
        return self.action_head, self.value_head

    def reset_parameters(self, seed: int) -> None:
        """Draw all weights from ``seed``, never from a global generator."""
        generator = torch.Generator().manual_seed(seed)
        self.core.reset_parameters(generator)
        for embedding in self.embeddings or ():
            nn.init.normal_(embedding.weight, std=1 / math.sqrt(embedding.in_features), generator=generator)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(embedding.bias)  # type: ignore[union-attr, arg-type]
        if self.encoder is not None:
            reset_encoder(self.encoder, generator)
        for head in self.heads_of():
            nn.init.orthogonal_(head.weight, gain=0.5, generator=generator)
            nn.init.zeros_(head.bias)

    def describe(self) -> dict[str, object]:
        """What ``policy.json`` needs to build the policy again."""
        return {
            "model": asdict(self.config),
            "parts": list(self.parts),
            "num_actions": self.num_actions,
            "max_rounds": self.max_rounds,
            **({"grid": list(self.grid)} if self.grid else {}),
        }
