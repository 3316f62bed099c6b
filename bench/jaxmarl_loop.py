"""The same games on JaxMARL's environment interface, trained by the structure of its IPPO with a recurrent policy.

JaxMARL's package holds environments; its algorithms are scripts of its repository. So the loop is written here, after
its ``ippo_rnn``: one policy in all seats, Flax's GRU scanned with resets, ``step`` of the environment under vmap with
its automatic reset, PPO with clipped values. In JaxMARL's favour, the model is as small as ours (symbols straight into
the GRU, linear heads; there, dense layers before it and in the heads) and a batch is not shuffled, being used whole.

Co-players with a table are part of an environment with one seat, as JaxMARL's scripted opponents are. Needs the extra
``bench``. Dimensions: T rounds, S seats of the policy, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn  # pyright: ignore[reportMissingImports]
import jax  # pyright: ignore[reportMissingImports]
import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
import optax  # pyright: ignore[reportMissingImports]
from flax import struct  # pyright: ignore[reportMissingImports]
from flax.training.train_state import TrainState  # pyright: ignore[reportMissingImports]
from jax import lax  # pyright: ignore[reportMissingImports]
from jaxmarl.environments.multi_agent_env import MultiAgentEnv, State  # pyright: ignore[reportMissingImports]
from jaxmarl.environments.spaces import Box, Discrete  # pyright: ignore[reportMissingImports]

from bench.jax_loop import PAYOFFS
from coop_icl.config import ExperimentConfig


@struct.dataclass
class Game(State):
    """A game under way: symbol last seen by each player [2], and the tabular co-player's chances to cooperate [5]."""

    seen: Any
    table: Any


class IteratedPrisonersDilemma(MultiAgentEnv):
    """One-hot symbols: the start, then own and other action of the last round. Tabular: one seat, against a table."""

    def __init__(self, rounds: int, tabular: bool) -> None:
        super().__init__(num_agents=1 if tabular else 2)
        self.rounds = rounds
        self.observation_spaces = {agent: Box(0.0, 1.0, (5,)) for agent in self.agents}
        self.action_spaces = {agent: Discrete(2) for agent in self.agents}

    @partial(jax.jit, static_argnums=0)
    def reset(self, key: Any) -> Any:
        """Observations and state of a new game, with a new co-player if there is one."""
        table = jax.random.uniform(key, (5,)) if self.num_agents == 1 else jnp.zeros(5)
        state = Game(done=jnp.array(False), step=jnp.array(0), seen=jnp.zeros(2, jnp.int32), table=table)
        return self.get_obs(state), state

    def step_env(self, key: Any, state: Any, actions: Any) -> Any:
        """One round."""
        mine = actions[self.agents[0]]
        if self.num_agents == 1:
            other = (jax.random.uniform(key) >= state.table[state.seen[1]]).astype(mine.dtype)
        else:
            other = actions[self.agents[1]]
        both = jnp.stack([mine, other])
        rewards = jnp.asarray(PAYOFFS)[both, both[::-1]]
        done = state.step + 1 >= self.rounds
        state = state.replace(done=done, step=state.step + 1, seen=1 + 2 * both + both[::-1])
        dones = {**dict.fromkeys(self.agents, done), "__all__": done}
        return self.get_obs(state), state, dict(zip(self.agents, rewards, strict=False)), dones, {}

    def get_obs(self, state: Any) -> Any:
        """Each seat's symbol, one-hot."""
        return dict(zip(self.agents, jax.nn.one_hot(state.seen, 5), strict=False))


class ScannedGRU(nn.Module):
    """Flax's GRU over rounds, its memory emptied where a game begins."""

    hidden: int

    @partial(nn.scan, variable_broadcast="params", in_axes=0, out_axes=0, split_rngs={"params": False})
    @nn.compact
    def __call__(self, memory: Any, x: Any) -> Any:
        """The memory [S, H] after a round, twice."""
        seen, begins = x
        memory = jnp.where(begins[:, None], jnp.zeros_like(memory), memory)
        return nn.GRUCell(features=self.hidden)(memory, seen)


class ActorCritic(nn.Module):
    """GRU with linear heads: memory [S, H], scores [T, S, 2], values [T, S]."""

    hidden: int

    @nn.compact
    def __call__(self, memory: Any, x: Any) -> Any:
        """Of observations [T, S, 5] and whether a game begins [T, S]."""
        memory, features = ScannedGRU(self.hidden)(memory, x)
        return memory, nn.Dense(2)(features), nn.Dense(1)(features)[..., 0]


class Transition(NamedTuple):
    """A round of all seats."""

    begins: Any
    done: Any
    action: Any
    value: Any
    reward: Any
    logp: Any
    seen: Any


class Program(NamedTuple):
    """Functions of one experiment: a state from a seed, the next state, and what was played with the next state."""

    start: Callable[[int], Any]
    train: Callable[[Any], Any]
    play: Callable[[Any], Any]


def program(config: ExperimentConfig) -> Program:
    """IPPO on as many games of each kind as the experiment has; needs an even number of learners and of lanes."""
    t = config.train
    lanes, rounds, hidden = t.episodes_per_learner, int(config.game.options["rounds"]), config.model.hidden_size
    pairs, tabular = t.learners * (lanes // 2) // 2, t.learners * (lanes - lanes // 2)
    kinds = [(IteratedPrisonersDilemma(rounds, False), pairs), (IteratedPrisonersDilemma(rounds, True), tabular)]
    seats = sum(env.num_agents * games for env, games in kinds)
    network: Any = ActorCritic(hidden)
    optimizer = optax.chain(optax.clip_by_global_norm(t.max_grad_norm), optax.adam(t.lr.start, eps=t.adam_eps))

    def batchify(parts: Any) -> Any:
        return jnp.concatenate(
            [part[agent] for (env, _), part in zip(kinds, parts, strict=True) for agent in env.agents]
        )

    def unbatchify(x: Any) -> Any:
        found, first = [], 0
        for env, games in kinds:
            found.append({agent: x[first + i * games :][:games] for i, agent in enumerate(env.agents)})
            first += env.num_agents * games
        return found

    def start(seed: int) -> Any:
        of_weights, *of_games, key = jax.random.split(jax.random.key(seed), 4)
        memory, begins = jnp.zeros((seats, hidden)), jnp.ones(seats, bool)
        weights = network.init(of_weights, memory, (jnp.zeros((1, seats, 5)), begins[None]))
        train_state = TrainState.create(apply_fn=network.apply, params=weights, tx=optimizer)
        begun = [
            jax.vmap(env.reset)(jax.random.split(one, games)) for (env, games), one in zip(kinds, of_games, strict=True)
        ]
        return train_state, [state for _, state in begun], batchify([seen for seen, _ in begun]), begins, memory, key

    def rollout(state: Any) -> Any:
        train_state = state[0]

        def step(carry: Any, _: Any) -> Any:
            games_now, seen, begins, memory, key = carry
            key, of_actions, *of_games = jax.random.split(key, 4)
            memory, scores, value = network.apply(train_state.params, memory, (seen[None], begins[None]))
            action = jax.random.categorical(of_actions, scores[0])
            logp = jnp.take_along_axis(jax.nn.log_softmax(scores[0]), action[:, None], 1)[:, 0]
            after = [
                jax.vmap(env.step)(jax.random.split(one, games), state, actions)
                for (env, games), one, state, actions in zip(
                    kinds, of_games, games_now, unbatchify(action), strict=True
                )
            ]
            seen_after, states, rewards, dones, _ = zip(*after, strict=True)
            done = batchify(dones)
            played = Transition(begins, done, action, value[0], batchify(rewards), logp, seen)
            return (list(states), batchify(seen_after), done, memory, key), played

        carry, played = lax.scan(step, state[1:], None, length=rounds)
        return (train_state, *carry), played

    def loss(weights: Any, memory: Any, played: Transition, advantage: Any, targets: Any) -> Any:
        _, scores, value = network.apply(weights, memory, (played.seen, played.begins))
        log_all = jax.nn.log_softmax(scores)
        logp = jnp.take_along_axis(log_all, played.action[..., None], 2)[..., 0]
        moved = played.value + jnp.clip(value - played.value, -t.clip, t.clip)
        of_value = 0.5 * jnp.maximum(jnp.square(value - targets), jnp.square(moved - targets)).mean()
        ratio = jnp.exp(logp - played.logp)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        policy = -jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - t.clip, 1 + t.clip) * advantage).mean()
        entropy = -(jnp.exp(log_all) * log_all).sum(-1).mean()
        return policy + t.value_coefficient * of_value - t.entropy.start * entropy

    def train(state: Any) -> Any:
        memory = state[4]
        (train_state, *rest), played = rollout(state)
        _, seen, begins, last, _ = rest
        _, _, bootstrap = network.apply(train_state.params, last, (seen[None], begins[None]))

        def back(carry: Any, now: Transition) -> Any:
            advantage, after = carry
            going = 1 - now.done
            delta = now.reward * t.reward_scale + t.gamma * after * going - now.value
            advantage = delta + t.gamma * t.gae_lambda * going * advantage
            return (advantage, now.value), advantage

        advantage = lax.scan(back, (jnp.zeros(seats), bootstrap[0]), played, reverse=True, unroll=16)[1]

        def epoch(train_state: Any, _: Any) -> Any:
            gradient = jax.grad(loss)(train_state.params, memory, played, advantage, advantage + played.value)
            return train_state.apply_gradients(grads=gradient), None

        train_state, _ = lax.scan(epoch, train_state, None, length=t.epochs)
        return train_state, *rest

    def play(state: Any) -> Any:
        state, played = rollout(state)
        return played, state

    return Program(start, jax.jit(train), jax.jit(play))
