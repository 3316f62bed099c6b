"""A sequence policy as an RLModule, for both the batched and the stock path."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor

from coop_icl.models.predictive import policy_from
from coop_icl.models.sampling import log_probabilities, sample
from coop_icl.models.transformer import TransformerCore
from coop_icl.policy_store import load_policy
from coop_icl.rllib.seating import UNIFORM


class SequenceRLModule(TorchRLModule, ValueFunctionAPI):
    """Wraps a ``SequencePolicy``; ``model_config`` is its ``describe()`` plus ``seed``, ``init`` and ``max_seq_len``.

    RLlib's batches are lanes-first [B, T, ...]; the policy is time-first. States have no time dimension. RLlib keeps
    the state of every round and mixes lanes that are in different rounds, so a transformer's state is what it has
    seen, [rounds, F] a lane, not its cache of keys and values.
    """

    def setup(self) -> None:
        """Build the policy and draw the weights the run starts from."""
        config: dict[str, Any] = self.model_config  # type: ignore[assignment]
        self.policy = policy_from(config)
        self.policy.reset_parameters(config["seed"])
        if config.get("init"):
            self.policy.load_state_dict(load_policy(config["init"]).policy.state_dict())

    def get_initial_state(self) -> dict[str, Any]:
        """Empty memory of one lane, without the lane dimension."""
        if isinstance(self.policy.core, TransformerCore):
            seen = np.zeros((self.policy.max_rounds, sum(self.policy.parts)), dtype=np.float32)
            return {"seen": seen, "past": np.zeros((), dtype=np.int64)}
        return {key: value[0].cpu().numpy() for key, value in self.policy.initial_state(1).items()}

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        features, state = self._features(batch)
        scores, _ = self.policy.heads(features)
        return {
            Columns.ACTION_DIST_INPUTS: scores.transpose(0, 1),
            Columns.EMBEDDINGS: features.transpose(0, 1),
            Columns.STATE_OUT: state,
        }

    def _forward_exploration(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Acts by the uniform numbers of the seed tree where the batch has them, else leaves sampling to RLlib."""
        with torch.no_grad():
            out = self._forward(batch, **kwargs)
        del out[Columns.EMBEDDINGS]  # RLlib would store them with every round
        if UNIFORM in batch:
            scores = out[Columns.ACTION_DIST_INPUTS]
            lanes = scores.reshape(-1, scores.shape[-1])
            actions = torch.from_numpy(sample(lanes.cpu(), batch[UNIFORM].reshape(-1).cpu().numpy()))
            actions = actions.to(scores.device).view(scores.shape[:-1])
            out[Columns.ACTIONS] = actions
            out[Columns.ACTION_LOGP] = log_probabilities(scores).gather(-1, actions[..., None])[..., 0]
        return out

    def _forward_inference(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        with torch.no_grad():
            out = self._forward(batch, **kwargs)
        del out[Columns.EMBEDDINGS]
        return out

    def compute_values(self, batch: dict[str, Any], embeddings: Any | None = None) -> Tensor:
        """Values [B, T]."""
        features = self._features(batch)[0] if embeddings is None else embeddings.transpose(0, 1)
        return self.policy.heads(features)[1].transpose(0, 1)

    def _features(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Features [T, B, H] and the memory after the batch's rounds."""
        observations = batch[Columns.OBS].transpose(0, 1).float()
        state = batch[Columns.STATE_IN]
        if isinstance(self.policy.core, TransformerCore):
            return self._attend(observations, state["seen"], state["past"])
        return self.policy.core(self.policy.embed(observations), dict(state))

    def _attend(self, observations: Tensor, seen: Tensor, past: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Features of observations [T, N, F] that follow on ``past`` [N] rounds, kept in ``seen`` [N, rounds, F].

        The round that RLlib appends to an episode, to bootstrap from, lies beyond ``max_rounds`` and takes over the
        features of the last one. Its value does not count: whole episodes end for good, here as in ``returns.gae``.
        """
        rounds, _, width = observations.shape
        capacity = self.policy.max_rounds
        slots = past[:, None] + torch.arange(rounds, device=past.device)  # [N, T]
        seen = F.pad(seen, (0, 0, 0, rounds))
        seen = seen.scatter(1, slots[:, :, None].expand(-1, -1, width), observations.transpose(0, 1))
        length = min(int(slots.max()) + 1, capacity)
        features, _ = self.policy.core(self.policy.embed(seen[:, :length].transpose(0, 1)))
        rows = slots.clamp(max=length - 1).T[:, :, None].expand(-1, -1, features.shape[-1])
        return features.gather(0, rows), {"seen": seen[:, :capacity], "past": past + rounds}
