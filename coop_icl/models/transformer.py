"""A causal transformer whose keys and values are cached between rounds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_icl.models.cores import CORES, Core, State


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward (Vaswani et al. 2017; Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, cache: Tensor, past: int) -> Tensor:
        """Features [N, T, W] of T rounds after ``past`` ones.

        ``cache`` [N, 2, heads, capacity, W / heads] holds keys and values; this call's are written into it, unless
        ``past`` is 0 and the call covers a whole sequence, which needs none (capacity 0).
        """
        n, t, width = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if cache.shape[3]:
            cache[:, 0, :, past : past + t] = k
            cache[:, 1, :, past : past + t] = v
            k, v = cache[:, 0, :, : past + t], cache[:, 1, :, : past + t]
        mask = None
        if past and t > 1:
            mask = torch.ones(t, past + t, dtype=torch.bool, device=x.device).tril(past)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=past == 0 and t > 1)
        x = x + self.out(attended.transpose(1, 2).reshape(n, t, width))
        return x + self.down(F.gelu(self.up(self.feed_norm(x))))


class TransformerCore(Core):
    """Causal self-attention over the episode with learned round embeddings.

    Args:
        input_size: width I of the input.
        hidden_size: width of the model, a multiple of ``num_heads``.
        num_layers: blocks.
        num_heads: attention heads.
        max_rounds: longest episode.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, num_heads: int = 4, max_rounds: int = 100
    ) -> None:
        super().__init__(input_size, hidden_size)
        if hidden_size % num_heads:
            raise ValueError(f"hidden_size {hidden_size} must be a multiple of num_heads {num_heads}")
        self.max_rounds, self.num_heads = max_rounds, num_heads
        self.embed = nn.Linear(input_size, hidden_size)
        self.rounds = nn.Parameter(torch.zeros(max_rounds, hidden_size))
        self.blocks = nn.ModuleList(Block(hidden_size, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_size)

    def initial_state(self, lanes: int) -> State:
        """``cache`` [N, layers, 2, heads, max_rounds, W / heads] and ``past`` [N], the rounds it holds."""
        width = self.hidden_size // self.num_heads
        shape = (lanes, len(self.blocks), 2, self.num_heads, self.max_rounds, width)
        return {
            "cache": self.rounds.new_zeros(shape),
            "past": torch.zeros(lanes, dtype=torch.long, device=self.rounds.device),
        }

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See ``Core.forward``; with a state, its cache is written in place. All lanes must be in the same round.

        Raises:
            ValueError: if the sequence is longer than ``max_rounds``.
        """
        t, n = inputs.shape[:2]
        past = 0 if state is None or not n else int(state["past"][0])
        if past + t > self.max_rounds:
            raise ValueError(f"sequence of {past + t} rounds is longer than max_rounds {self.max_rounds}")
        x = self.embed(inputs).transpose(0, 1) + self.rounds[past : past + t]
        for layer, block in enumerate(self.blocks):
            cache = x.new_empty(n, 2, self.num_heads, 0, 1) if state is None else state["cache"][:, layer]
            x = block(x, cache, past)
        features = self.norm(x).transpose(0, 1)
        return features, {} if state is None else {"cache": state["cache"], "past": state["past"] + t}

    def reset_parameters(self, generator: torch.Generator) -> None:
        """As ``Core``; round embeddings from N(0, 0.02), residual outputs scaled by 1 / sqrt(2 layers)."""
        super().reset_parameters(generator)
        nn.init.normal_(self.rounds, std=0.02, generator=generator)
        for block in self.blocks:
            for linear in (block.out, block.down):
                linear.weight.data /= (2 * len(self.blocks)) ** 0.5  # type: ignore[operator, union-attr]


CORES["transformer"] = TransformerCore
