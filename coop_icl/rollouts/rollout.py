"""Play a block of matchups to the end of every episode.

Memory is empty at the first round and nowhere else is it reset: a rollout is exactly one episode a game.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coop_icl.matchups import Matchups
from coop_icl.models.sampling import sample
from coop_icl.models.stack import PolicyStack
from coop_icl.populations.coplayer import CoPlayer, LearningCoPlayer, State
from coop_icl.populations.frozen import FrozenPolicy
from coop_icl.populations.memory_one import Memory1CoPlayer
from coop_icl.rollouts import compiled
from coop_icl.rollouts.telling import tell
from coop_icl.seeding import SeedNode, Stream
from coop_icl.trajectory import Trajectory, integers_below
from envs.batched import BatchedGame


@dataclass
class _Seated:
    """A co-player and the seats it takes."""

    co_player: CoPlayer
    seats: NDArray[np.intp]
    games: NDArray[np.intp]
    state: State


@dataclass(frozen=True)
class _Played:
    """Arrays as in ``Trajectory``; ``outputs`` [A + 1, T, N] are scores and values of the learners' lanes."""

    outcomes: NDArray[np.signedinteger]
    actions: NDArray[np.signedinteger]
    rewards: NDArray[np.float32]
    mask: NDArray[np.bool_]
    outputs: torch.Tensor
    observations: NDArray[np.float32] | None = None
    cooperated: NDArray[np.float32] | None = None


def play(
    game: BatchedGame,
    matchups: Matchups,
    stack: PolicyStack,
    modules: Sequence[Sequence[int]],
    co_players: Mapping[int, CoPlayer],
    node: SeedNode,
    weights_version: int = 0,
    threads: int = 1,
    compile_games: bool = True,
    opponent_id: bool = False,
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
        threads: how many share the games where they are played in compiled code; the episodes are the same with any.
        compile_games: False plays round by round (tests hold both equal).
        opponent_id: whether learners are told who their co-player is (``telling``), in games of two.

    Returns:
        Whole episodes; ``logp`` is the learners' log-probability of each action they took.
    """
    spec = game.spec
    games, rounds = matchups.num_games, spec.max_rounds
    outcomes = game.reset(node.rng(Stream.GAME).random((games, game.num_uniforms)))
    uniforms = node.rng(Stream.ACTION).random((rounds, spec.num_players, games))
    lanes = [_lanes(matchups, agents) for agents in modules]
    seated = _seat_co_players(matchups, co_players, node)
    told = _told(game, matchups, seated) if opponent_id else np.zeros((spec.num_players, games, 0), dtype=np.float32)
    if compile_games and compiled.fits(game, stack, co_players):
        played = _play_compiled(game, stack, lanes, seated, told, uniforms, threads)
    else:
        planning = node.integer(Stream.PLAN) if stack.plans else 0
        played = _play_rounds(game, outcomes, stack, lanes, seated, told, uniforms, planning)
    seats, of = (np.concatenate(part) for part in zip(*lanes, strict=True))
    taken = torch.from_numpy(played.actions[:, seats, of].astype(np.int64))
    chosen = stack.log_probabilities(played.outputs[:-1], taken)
    logp, values = np.zeros_like(played.rewards), np.zeros_like(played.rewards)
    logp[:, seats, of] = chosen.numpy() * played.mask[:, of]
    values[:, seats, of] = played.outputs[-1].numpy() * played.mask[:, of]
    return Trajectory(
        *(played.outcomes, played.actions, played.rewards, logp, values, played.mask, matchups, told, weights_version),
        played.observations,
        played.cooperated,
    )


def _play_rounds(
    game: BatchedGame,
    outcomes: NDArray[np.int64],
    stack: PolicyStack,
    lanes: Sequence[compiled.Lanes],
    seated: Sequence[_Seated],
    told: NDArray[np.float32],
    uniforms: NDArray[np.float64],
    planning: int,
) -> _Played:
    """Round by round: any game, any policies, any co-players; ``planning`` is the seed of policies that plan."""
    rounds, _, games = uniforms.shape
    sizes = [len(of) for _, of in lanes]
    learners = np.concatenate([seats for seats, _ in lanes]), np.concatenate([of for _, of in lanes])
    actor = stack.actor(sizes, planning)
    seen: Any = np.zeros(uniforms.shape, dtype=integers_below(game.spec.num_outcomes))
    actions = np.zeros(uniforms.shape, dtype=np.int64)
    rewards = np.zeros(uniforms.shape, dtype=np.float32)
    mask = np.zeros((rounds, games), dtype=np.bool_)
    outputs = torch.zeros(rounds, sum(sizes), game.spec.num_actions + 1)
    alive = np.ones(games, dtype=np.bool_)
    shown, cooperated = game.observe(), None
    observations = None if shown is None else np.zeros((rounds, *shown.shape), dtype=np.float32)
    learning = [(one, one.co_player) for one in seated if isinstance(one.co_player, LearningCoPlayer)]
    for t in range(rounds):
        seen[t], mask[t] = outcomes, alive
        if observations is None:
            vectors = game.encode(outcomes[learners], t, learners[0])
        else:
            observations[t] = game.observe()
            vectors = observations[t][learners]
        inputs = torch.from_numpy(np.concatenate([vectors, told[learners]], axis=1)).split(sizes)
        torch.cat(actor.step(inputs), out=outputs[t])
        actions[t][learners] = sample(outputs[t, :, :-1], uniforms[t][learners])
        for one in seated:
            lane = (one.seats, one.games)
            if one.co_player.observes == "outcomes":
                sees = outcomes[lane]
            else:
                sees = game.encode(outcomes[lane], t, lane[0]) if observations is None else observations[t][lane]
            actions[t][lane], one.state = one.co_player.act(sees, one.state, uniforms[t][lane])
        step = game.step(actions[t])
        outcomes, rewards[t] = step.outcomes, step.rewards
        if step.cooperated is not None:
            cooperated = np.full(uniforms.shape, np.nan, dtype=np.float32) if cooperated is None else cooperated
            cooperated[t] = step.cooperated
        for one, co_player in learning:
            one.state = co_player.learn(rewards[t][one.seats, one.games], one.state)
        alive = alive & ~(step.terminated | step.truncated)
        if not alive.any():
            break
    taken = actions.astype(integers_below(game.spec.num_actions))
    return _Played(seen, taken, rewards, mask, outputs.movedim(-1, 0), observations, cooperated)


def _play_compiled(
    game: BatchedGame,
    stack: PolicyStack,
    lanes: Sequence[compiled.Lanes],
    seated: Sequence[_Seated],
    told: NDArray[np.float32],
    uniforms: NDArray[np.float64],
    threads: int,
) -> _Played:
    """The same for what ``compiled.fits``."""
    frozen = [
        (one.co_player.policy, (one.seats, one.games)) for one in seated if isinstance(one.co_player, FrozenPolicy)
    ]
    tabular = [one for one in seated if not isinstance(one.co_player, FrozenPolicy)]
    none = np.zeros(0, np.intp)
    tables = (
        np.concatenate([none, *(one.seats for one in tabular)]),
        np.concatenate([none, *(one.games for one in tabular)]),
    )
    cooperate = np.concatenate([np.zeros((0, 5)), *(one.state for one in tabular)])
    agents = compiled.Agents(lanes, frozen, tables, cooperate)
    seen, actions, outputs = compiled.play(game, stack, agents, told, uniforms, threads)
    payoffs = game.stage()
    assert payoffs is not None
    joint = 1 + 2 * actions + actions[:, ::-1]
    rewards = np.stack([table[joint[:, seat]] for seat, table in enumerate(payoffs)], axis=1)
    return _Played(seen, actions, rewards, np.ones((actions.shape[0], actions.shape[2]), dtype=np.bool_), outputs)


def _told(game: BatchedGame, matchups: Matchups, seated: Sequence[_Seated]) -> NDArray[np.float32]:
    """What each seat is told of its co-player."""
    tables = [(one.seats, one.games, one.state) for one in seated if isinstance(one.co_player, Memory1CoPlayer)]
    return tell((2, matchups.num_games, 2 * game.spec.num_outcomes), tables)


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
