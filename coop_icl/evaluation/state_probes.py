"""What the memory of an agent knows of its co-player: linear read-outs of the hidden state, by round.

Targets are the five probabilities of tabular agents, and whether the co-player is another learner or a tabular agent.
Read-outs are fitted on some episodes and scored on others; units are clipped to the range that they had in the former,
since one that hardly moved there would count out of all measure where it does. Beside them stand the same read-outs of
shuffled labels (fitted to and scored on), and what can be known: the posterior means of Beta urns, whose R^2 no
estimate exceeds in expectation, and a logistic regression on the counts of outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coop_icl.evaluation.analysis import Analysis, Effort, Subject, two_by_two
from coop_icl.evaluation.batches import as_co_player, play_each
from coop_icl.evaluation.exact import MIRROR
from coop_icl.evaluation.urns import posterior_means
from coop_icl.models.policy import SequencePolicy
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.memory_one import tabular
from coop_icl.rollouts.telling import is_told, observe
from coop_icl.seeding import Purpose, SeedNode, Stream
from coop_icl.trajectory import Trajectory
from envs.batched import BatchedGame

PARAMETERS = ("start", "CC", "CD", "DC", "DD")
"""Of the co-player, in its own view."""
SEEN = (0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.7, 0.99)
"""Rounds that the state has seen, as shares of an episode; at 0 there is nothing to know."""
MORE = 4
"""Times the episodes of a probe, as a read-out is fitted and not only a mean; not of policies that plan."""
HELD_OUT = 0.3
PENALTIES = tuple(10.0**power for power in range(-2, 5))


def features(policy: SequencePolicy, game: BatchedGame, played: Trajectory) -> NDArray[np.float32]:
    """The features [T, N, H] of the last layer, after each observation of the agent in seat 0 of every game.

    Of recurrent cores they are the hidden state.
    """
    seats = np.zeros(len(played), dtype=np.int64)
    seen = observe(game, played.outcomes[:, 0].astype(np.int64), seats, played.told[0])
    with torch.no_grad():
        return policy.core(policy.embed(seen.vectors()))[0].numpy()


def run(subject: Subject, effort: Effort) -> dict[str, Any]:
    """Read-outs of one agent.

    Returns:
        ``seen``: rounds R. ``r2``: [R, 5] of the ``state``, of the ``posterior`` and of ``shuffled`` labels.
        ``learner``: [R] ``auc`` and ``accuracy`` of learner-or-tabular from the state, ``shuffled`` and ``counts`` are
        the AUC of the comparisons. Co-players are tabular agents of U(0,1)^5, and the other learners (a copy if there
        are none).
    """
    game, policy = subject.game(), subject.policy
    rounds, node = game.spec.max_rounds, SeedNode(effort.seed).child(Purpose.EVALUATE)
    episodes = effort.episodes * (1 if policy.plans else MORE)
    others = {name: other.policy for name, other in subject.others.items()} or {subject.name: policy}
    learners = [as_co_player(name, one, game) for name, one in others.items()]
    agents = tabular()
    with_tabular, with_learners = (_play(policy, game, some, episodes, node) for some in ([agents], learners))
    numbers = node.child(Stream.CO_PLAYER).rng(1).random((episodes, agents.num_parameters))
    truth = agents.initial_state(numbers)
    seen = sorted({min(rounds - 1, round(share * rounds)) for share in SEEN})
    known = [features(policy, game, played)[seen] for played in (with_tabular, with_learners)]
    beliefs = posterior_means(with_tabular.outcomes[:, 0].astype(np.int64), with_tabular.actions[:, 1])[seen]
    counts = [_counts(played)[seen] for played in (with_tabular, with_learners)]
    held = max(2, round(HELD_OUT * episodes))
    mixed = node.rng(Stream.MATCHUP).permutation(episodes)
    return {
        "rounds": rounds,
        "seen": seen,
        "episodes": episodes,
        "held_out": held,
        "told": is_told(policy, game),
        "parameters": list(PARAMETERS),
        "r2": {
            "state": [readout(x, truth, held) for x in known[0]],
            "posterior": [_r2(x[-held:], truth[-held:]) for x in beliefs],
            "shuffled": [readout(x, truth[mixed], held) for x in known[0]],
        },
        "learner": _learner_or_tabular(known, counts, held, node),
    }


STATE_PROBES = Analysis("what its memory knows of the co-player", two_by_two, run)


def _play(
    policy: SequencePolicy, game: BatchedGame, co_players: Sequence[CoPlayer], episodes: int, node: SeedNode
) -> Trajectory:
    """Episodes shared among the co-players."""
    sizes = [len(part) for part in np.array_split(np.arange(episodes), len(co_players))]
    return play_each(policy, game, co_players, sizes, node)


def _counts(played: Trajectory) -> NDArray[np.float64]:
    """How often each outcome was seen and how often cooperation followed it, [T, N, 10], before each round."""
    visited = MIRROR[played.outcomes[:, 0].astype(np.int64)][..., None] == np.arange(5)
    both = np.concatenate([visited, visited & (played.actions[:, 1] == 0)[..., None]], axis=2)
    return (np.cumsum(both, axis=0) - both).astype(np.float64)


def readout(known: NDArray[np.floating], labels: NDArray[np.float64], held: int) -> list[float]:
    """R^2 [5] of ridge regressions of [N, 5] on [N, H] over the last ``held`` rows."""
    ridge, _, pipeline, scale, _ = _sklearn()
    model = pipeline(scale(clip=True), ridge(PENALTIES, alpha_per_target=True)).fit(known[:-held], labels[:-held])
    return _r2(model.predict(known[-held:]), labels[-held:])


def _r2(guess: NDArray[np.floating], truth: NDArray[np.float64]) -> list[float]:
    """Share of the variance [5] that is explained."""
    missed = ((guess - truth) ** 2).sum(0) / ((truth - truth.mean(0)) ** 2).sum(0)
    return [round(float(x), 4) for x in 1 - missed]


def _learner_or_tabular(
    known: list[NDArray[np.float32]], counts: list[NDArray[np.float64]], held: int, node: SeedNode
) -> dict[str, list[float]]:
    """Scores [R] of telling the two kinds apart, whose episodes are mixed at random first."""
    episodes = known[0].shape[1]
    rng = node.rng(Stream.GAME)
    order, wrong = rng.permutation(2 * episodes), rng.permutation(2 * episodes)
    label = np.repeat([False, True], episodes)[order]
    states, tallies = (np.concatenate(both, axis=1)[:, order] for both in (known, counts))
    found: dict[str, list[float]] = {"auc": [], "accuracy": [], "shuffled": [], "counts": []}
    for state, tally in zip(states, tallies, strict=True):
        auc, accuracy = _classify(state, label, 2 * held)
        found["auc"].append(auc)
        found["accuracy"].append(accuracy)
        found["shuffled"].append(_classify(state, label[wrong], 2 * held)[0])
        found["counts"].append(_classify(tally, label, 2 * held)[0])
    return found


def _classify(known: NDArray[np.floating], label: NDArray[np.bool_], held: int) -> tuple[float, float]:
    """AUC and accuracy over the last ``held`` rows of a logistic regression on the rows before them."""
    _, logistic, pipeline, scale, auc = _sklearn()
    model = pipeline(scale(clip=True), logistic(max_iter=2000)).fit(known[:-held], label[:-held])
    chance = model.predict_proba(known[-held:])[:, 1]
    right = ((chance > 0.5) == label[-held:]).mean()
    return round(float(auc(label[-held:], chance)), 4), round(float(right), 4)


def _sklearn() -> tuple[Any, Any, Any, Any, Any]:
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return RidgeCV, LogisticRegression, make_pipeline, MinMaxScaler, roc_auc_score
