"""Returns of learning-aware policy gradients: what the weight of a decision counts of the future it has a hand in.

An episode is M inner episodes of T rounds. Its games come in groups of B that share one naive co-player, which learns
from all of them after each inner episode: what is done in one game changes what is earned in all games of the group
later on. Shapes: [M * T, N], time first. Weights multiply the gradient of log pi, as in Meulemans et al. (2025),
*Multi-agent cooperation through learning-aware policy gradients* (COALA-PG), ICLR, arXiv 2410.18636.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from coop_icl.algorithms.returns import discounted_sums

Weights = Callable[[Tensor, Tensor, Tensor, int], Tensor]
"""From the return to the end of the inner episode, the own one after it, that of the whole group after it, and B."""


def coala(current: Tensor, own: Tensor, group: Tensor, batch: int) -> Tensor:
    """(1/B) current + (1/B) sum over the group of what comes after: the unbiased gradient of the mean return."""
    return (current + group) / batch


def mfos(current: Tensor, own: Tensor, group: Tensor, batch: int) -> Tensor:
    """Current + (1/B) sum over the group of what comes after: the present counts B times too much.

    The return of M-FOS (Lu et al. 2022, *Model-Free Opponent Shaping*, ICML, arXiv 2205.01447) as the COALA-PG paper
    compares with it; M-FOS's own architecture, a meta-policy that hands a vector to an inner one, is not part of it.
    """
    return current + group / batch


def batch_unaware(current: Tensor, own: Tensor, group: Tensor, batch: int) -> Tensor:
    """(1/B) own return to the end of the episode: as if no game of the group but the own one were to follow."""
    return (current + own) / batch


WEIGHTS: dict[str, Weights] = {"coala": coala, "mfos": mfos, "batch_unaware": batch_unaware}
"""By the names that ``train.returns`` takes."""

PLAIN = "plain"
RETURNS = (PLAIN, *WEIGHTS)
"""``plain`` is the discounted return of an episode, by generalised advantage estimation."""


@dataclass(frozen=True)
class Shaping:
    """How decisions of a meta-episode are credited.

    Attributes:
        kind: one of ``WEIGHTS``.
        inner_rounds: T.
        batch: B, the size of the groups, by which weights are divided; games that are in no group are divided by it
            too, so that every game counts alike.
        sizes: games in a group, by kind of co-player (agent index); 1 where none is given.
    """

    kind: str
    inner_rounds: int
    batch: int = 1
    sizes: Mapping[int, int] = field(default_factory=dict)

    def weights(self, rewards: Tensor, kinds: Tensor, gamma: float) -> Tensor:
        """Weights [M * T, N] from rewards [M * T, N] and kinds [N] of lanes whose groups are consecutive.

        Raises:
            ValueError: if an inner episode or a group is not whole.
        """
        current = inner_returns(rewards, self.inner_rounds, gamma)
        own = discounted_sums(rewards, gamma) - current
        group = group_sums(own, group_ids(kinds, self.sizes))
        return WEIGHTS[self.kind](current, own, group, self.batch)


def inner_returns(rewards: Tensor, inner_rounds: int, gamma: float) -> Tensor:
    """Discounted sums [M * T, N] from each round to the end of its inner episode.

    Raises:
        ValueError: if the last inner episode is not whole.
    """
    rounds, lanes = rewards.shape
    if rounds % inner_rounds:
        raise ValueError(f"{rounds} rounds are no whole inner episodes of {inner_rounds}")
    episodes = rounds // inner_rounds
    inner = rewards.reshape(episodes, inner_rounds, lanes).transpose(0, 1).reshape(inner_rounds, episodes * lanes)
    sums = discounted_sums(inner, gamma).view(inner_rounds, episodes, lanes)
    return sums.transpose(0, 1).reshape(rounds, lanes)


def group_ids(kinds: Tensor, sizes: Mapping[int, int]) -> Tensor:
    """A number [N] for each lane that only the lanes of its group have; groups are consecutive lanes of one kind.

    Raises:
        ValueError: if a kind's lanes are no whole groups.
    """
    ids = torch.zeros_like(kinds)
    found = 0
    for kind in torch.unique(kinds).tolist():
        lanes, size = torch.nonzero(kinds == kind)[:, 0], sizes.get(kind, 1)
        if len(lanes) % size:
            raise ValueError(f"{len(lanes)} games are no whole groups of {size}")
        ids[lanes] = found + torch.arange(len(lanes), device=kinds.device) // size
        found += len(lanes) // size
    return ids


def group_sums(values: Tensor, ids: Tensor) -> Tensor:
    """Sums [T, N] over the lanes of each lane's group of values [T, N]."""
    groups = int(ids.max()) + 1 if len(ids) else 0
    return values.new_zeros(len(values), groups).index_add_(1, ids, values)[:, ids]
