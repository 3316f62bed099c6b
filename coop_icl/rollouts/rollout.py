"""Play a block of matchups to the end of every episode.

Memory is empty at the first round and nowhere else is it reset: a rollout is exactly one episode a game.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from coop_icl.matchups import Matchups
from coop_icl.models.sampling import sample
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.coplayer import CoPlayer, State
from coop_icl.seeding import SeedNode, Stream
from coop_icl.trajectory import Trajectory
from envs.batched import BatchedGame


@dataclass
class _Seated:
    """A co-player and the seats it takes."""

    co_player: CoPlayer
    seats: NDArray[np.intp]
    games: NDArray[np.intp]
    state: State


def play(
    game: BatchedGame,
    matchups: Matchups,
    stack: PolicyStack,
    modules: Sequence[Sequence[int]],
    co_players: Mapping[int, CoPlayer],
    node: SeedNode,
    weights_version: int = 0,
) -> Trajectory:
    """Play every matchup once.

    Args:
        game: reset and stepped here; any state it has is overwritten.
        matchups: who sits where.
        stack: the learners' policies.
        modules: for each policy of the stack the learners (agent indices) that it plays for; one each, or all of
            them under parameter sharing.
        co_players: by agent index, every agent of ``matchups`` that is no learner.
        node: the block's place in the seed tree; the same node plays the same episodes.
        weights_version: stored with the trajectory.

    Returns:
        Whole episodes; ``logp`` is the learners' log-probability of each action they took.
    """
    spec = game.spec
    games, rounds = matchups.num_games, spec.max_rounds
    outcomes = game.reset(node.rng(Stream.GAME).random((games, game.num_uniforms)))
    uniforms = node.rng(Stream.ACTION).random((rounds, spec.num_players, games))
    of_policy = [_lanes(matchups, agents) for agents in modules]
    sizes = [len(seats) for seats, _ in of_policy]
    learners = (np.concatenate([seats for seats, _ in of_policy]), np.concatenate([games for _, games in of_policy]))
    seated = _seat_co_players(matchups, co_players, node)
    actor = stack.actor(sizes)

    seen = np.zeros((rounds, spec.num_players, games), dtype=np.int8)
    actions = np.zeros((rounds, spec.num_players, games), dtype=np.int64)
    rewards = np.zeros((rounds, spec.num_players, games), dtype=np.float32)
    mask = np.zeros((rounds, games), dtype=np.bool_)
    scores = torch.zeros(rounds, sum(sizes), spec.num_actions)
    alive = np.ones(games, dtype=np.bool_)
    played = 0
    for t in range(rounds):
        seen[t], mask[t] = outcomes, alive
        inputs = torch.from_numpy(game.encode(outcomes[learners], t, learners[0])).split(sizes)
        torch.cat(actor.step(inputs), out=scores[t])
        actions[t][learners] = sample(scores[t], uniforms[t][learners])
        for one in seated:
            lane = (one.seats, one.games)
            sees = outcomes[lane] if one.co_player.observes == "outcomes" else game.encode(outcomes[lane], t, lane[0])
            actions[t][lane], one.state = one.co_player.act(sees, one.state, uniforms[t][lane])
        step = game.step(actions[t])
        outcomes, rewards[t] = step.outcomes, step.rewards
        alive = alive & ~(step.terminated | step.truncated)
        played = t + 1
        if not alive.any():
            break
    taken = torch.from_numpy(actions[:, learners[0], learners[1]])
    chosen = torch.log_softmax(scores, -1).gather(2, taken[:, :, None])[:, :, 0].numpy()
    chosen[played:] = 0.0
    logp = np.zeros_like(rewards)
    logp[:, learners[0], learners[1]] = chosen * mask[:, learners[1]]
    return Trajectory(seen, actions.astype(np.int8), rewards, logp, mask, matchups, weights_version)


def _lanes(matchups: Matchups, agents: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Seats and games of one policy's lanes, in the order of ``learner_batch``."""
    found = [matchups.games_of(agent) for agent in agents]
    return np.concatenate([seats for seats, _ in found]), np.concatenate([games for _, games in found])


def _seat_co_players(matchups: Matchups, co_players: Mapping[int, CoPlayer], node: SeedNode) -> list[_Seated]:
    """Every co-player with its seats and the initial state of its episodes, each from a stream of its own."""
    seated = []
    for agent, co_player in sorted(co_players.items()):
        seats, games = matchups.games_of(agent)
        if not len(games):
            continue
        rng = node.child(Stream.CO_PLAYER).rng(agent)
        state = co_player.initial_state(rng.random((len(games), co_player.num_parameters)))
        seated.append(_Seated(co_player, seats, games, state))
    return seated
