"""Sequence cores: what maps a history of inputs to features. Time-major, whole episodes, memory empty at the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

State = dict[str, Tensor]
"""Memory between rounds; every tensor has the lanes [N] as its first dimension."""


class Core(nn.Module):
    """Maps inputs [T, N, I] to features [T, N, H]; ``step`` does the same one round at a time.

    Buffers that are not persistent must follow from the constructor's arguments: exported policies do not hold them.

    Args:
        input_size: width I of the input.
        hidden_size: width H of the features.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size

    def initial_state(self, lanes: int) -> State:
        """Empty memory of N lanes."""
        raise NotImplementedError

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Features of a whole sequence and the memory after it."""
        raise NotImplementedError

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Features [N, H] of one round with inputs [N, I], and the next memory."""
        features, state = self(inputs[None], state)
        return features[0], state

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all matrices anew, orthogonal recurrent ones, normal inputs, Glorot otherwise, and zero the biases.

        A bias is a vector whose own name begins with ``bias``, as in torch's modules. Other vectors and numbers stay as
        the constructor made them; a core that wants them random draws them here, from ``generator``.
        """
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                if name.rpartition(".")[2].startswith("bias"):
                    nn.init.zeros_(parameter)
            elif "weight_hh" in name:
                for block in parameter.data.split(self.hidden_size):
                    nn.init.orthogonal_(block, generator=generator)
            elif "weight_ih_l0" in name:  # observations are mostly one-hot: one active input, not input_size
                nn.init.normal_(parameter, std=0.5, generator=generator)
            else:
                nn.init.xavier_uniform_(parameter, generator=generator)


class GRUWeights(NamedTuple):
    """Weights of a one-layer GRU as ``nn.GRU`` names them: [3H, F], [3H, H], [3H], [3H]."""

    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor
    b_hh: Tensor


class GRUCore(Core):
    """A GRU (Cho et al. 2014), the paper's sequence model."""

    rnn: nn.GRU

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, **_: object) -> None:
        super().__init__(input_size, hidden_size)
        self.rnn = nn.GRU(input_size, hidden_size, num_layers)

    def initial_state(self, lanes: int) -> State:
        """``h`` [N, layers, H] of zeros."""
        weight = next(self.parameters())
        return {"h": weight.new_zeros(lanes, self.rnn.num_layers, self.hidden_size)}

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See ``Core.forward``."""
        h = None if state is None else state["h"].transpose(0, 1).contiguous()
        features, h = self.rnn(inputs, h)
        return features, {"h": h.transpose(0, 1)}


class LSTMCore(Core):
    """An LSTM (Hochreiter & Schmidhuber 1997) with the forget gate's bias at 1."""

    rnn: nn.LSTM
    rows = 64
    """Lanes a library call: oneDNN's LSTM is fastest on 32 to 64."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, **_: object) -> None:
        super().__init__(input_size, hidden_size)
        self.rnn = nn.LSTM(input_size, hidden_size, num_layers)

    def initial_state(self, lanes: int) -> State:
        """``h`` and ``c``, each [N, layers, H] of zeros."""
        weight = next(self.parameters())
        shape = (lanes, self.rnn.num_layers, self.hidden_size)
        return {"h": weight.new_zeros(shape), "c": weight.new_zeros(shape)}

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See ``Core.forward``."""
        state = self.initial_state(inputs.shape[1]) if state is None else state
        rows = self.rows if inputs.device.type == "cpu" and inputs.shape[0] > 1 else inputs.shape[1]
        features, hs, cs = [], [], []
        for x, h, c in zip(
            inputs.split(rows, 1),
            state["h"].transpose(0, 1).split(rows, 1),
            state["c"].transpose(0, 1).split(rows, 1),
            strict=True,
        ):
            y, (h_next, c_next) = self.rnn(x, (h.contiguous(), c.contiguous()))
            features.append(y)
            hs.append(h_next)
            cs.append(c_next)
        return torch.cat(features, 1), {"h": torch.cat(hs, 1).transpose(0, 1), "c": torch.cat(cs, 1).transpose(0, 1)}

    def reset_parameters(self, generator: torch.Generator) -> None:
        """As ``Core``; forget gates start open."""
        super().reset_parameters(generator)
        for layer in range(self.rnn.num_layers):
            getattr(self.rnn, f"bias_ih_l{layer}").data[self.hidden_size : 2 * self.hidden_size] = 1.0


CORES: dict[str, Callable[..., Core]] = {"gru": GRUCore, "lstm": LSTMCore}
"""Cores by name; modules that define further ones add to it."""
