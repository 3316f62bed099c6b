"""The same work as one jitted JAX program, written as JAX is meant to be: what a user of JAX tools would compare with.

Two deviations, both in JAX's favour: learners are paired with their neighbours instead of at random, and their tabular
co-players are drawn inside the program, so nothing ever leaves it. Needs the extra ``bench`` (jax and optax).

Dimensions: T rounds, L learners, N lanes a learner, H hidden. Lanes below N / 2 play another learner, the others a
tabular agent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax  # pyright: ignore[reportMissingImports]
import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
import optax  # pyright: ignore[reportMissingImports]
from jax import lax  # pyright: ignore[reportMissingImports]

from coop_icl.config import ExperimentConfig

PAYOFFS = jnp.array([[1.0, -1.0], [2.0, 0.0]])
"""Own payoff by own and other action, 0 cooperates."""


class Episodes(NamedTuple):
    """What was played, each [L, T, N]: symbols seen, actions, log-probabilities, values, rewards."""

    seen: Any
    actions: Any
    logp: Any
    values: Any
    rewards: Any


class Program(NamedTuple):
    """Jitted functions of one experiment.

    ``start(seed)`` gives a state, ``train(state)`` the next one, ``play(state)`` the same state and the mean reward;
    ``look(parameters, key)`` plays and returns episodes, losses and gradients, so that they can be compared with ours.
    """

    start: Callable[[int], Any]
    train: Callable[[Any], Any]
    play: Callable[[Any], Any]
    look: Callable[[Any, Any], Any]


def program(config: ExperimentConfig) -> Program:
    """Learners, games and PPO (or A2C) as one program; needs an even number of learners and of lanes."""
    t, learners = config.train, config.train.learners
    lanes, rounds = t.episodes_per_learner, int(config.game.options["rounds"])
    optimizer = optax.chain(optax.clip_by_global_norm(t.max_grad_norm), optax.adam(t.lr.start, eps=t.adam_eps))

    def play(parameters: Any, key: Any) -> Episodes:
        of_actions, of_agents, of_noise = jax.random.split(key, 3)
        tables = jax.random.uniform(of_agents, (learners, lanes - lanes // 2, 5))
        draws = jax.random.uniform(of_actions, (rounds, learners, lanes))
        noise = jax.random.uniform(of_noise, (rounds, learners, lanes - lanes // 2))

        def step(carry: Any, drawn: Any) -> Any:
            hidden, seen, other_seen = carry
            hidden = jax.vmap(lambda p, h, s: _cell(p, h, p["w_ih"][s] + p["b_ih"]))(parameters, hidden, seen)
            scores, values = jax.vmap(_heads)(parameters, hidden)
            logp = jax.nn.log_softmax(scores)
            actions = (drawn[0] >= jnp.exp(logp[..., 0])).astype(jnp.int32)
            agents = drawn[1] >= jnp.take_along_axis(tables, other_seen[..., None], 2)[..., 0]
            paired = actions[:, : lanes // 2].reshape(learners // 2, 2, -1)[:, ::-1].reshape(learners, -1)
            others = jnp.concatenate([paired, agents.astype(jnp.int32)], 1)
            taken = jnp.take_along_axis(logp, actions[..., None], 2)[..., 0]
            after = 1 + 2 * actions + others, (1 + 2 * others + actions)[:, lanes // 2 :]
            return (hidden, *after), Episodes(seen, actions, taken, values, PAYOFFS[actions, others])

        start = (
            jnp.zeros((learners, lanes, config.model.hidden_size)),
            jnp.zeros((learners, lanes), jnp.int32),
            jnp.zeros((learners, lanes - lanes // 2), jnp.int32),
        )
        _, episodes = lax.scan(step, start, (draws, noise))
        return Episodes(*(jnp.swapaxes(x, 0, 1) for x in episodes))

    def advantages(episodes: Episodes) -> tuple[Any, Any]:
        """Advantages centred by kind of co-player and scaled, and returns, of one learner."""
        rewards = episodes.rewards * t.reward_scale
        after = jnp.concatenate([episodes.values[1:], jnp.zeros((1, lanes))])
        deltas = rewards + t.gamma * after - episodes.values

        def back(carry: Any, delta: Any) -> Any:
            carry = delta + t.gamma * t.gae_lambda * carry
            return carry, carry

        raw = lax.scan(back, jnp.zeros(lanes), deltas, reverse=True)[1]
        halves = jnp.split(raw, [lanes // 2], axis=1)
        centred = jnp.concatenate([half - half.mean() for half in halves], 1)
        return centred / (centred.std() + 1e-8), raw + episodes.values

    def loss(parameters: Any, episodes: Episodes, advantage: Any, returns: Any) -> Any:
        """PPO's or A2C's loss of one learner, replayed from empty memory."""
        inputs = jax.nn.one_hot(episodes.seen, 5) @ parameters["w_ih"] + parameters["b_ih"]

        def step(hidden: Any, x: Any) -> Any:
            hidden = _cell(parameters, hidden, x)
            return hidden, hidden

        features = lax.scan(step, jnp.zeros((lanes, config.model.hidden_size)), inputs)[1]
        scores, values = _heads(parameters, features)
        log_all = jax.nn.log_softmax(scores)
        logp = jnp.take_along_axis(log_all, episodes.actions[..., None], 2)[..., 0]
        entropy = -(jnp.exp(log_all) * log_all).sum(-1).mean()
        if t.algorithm == "ppo":
            ratio = jnp.exp(logp - episodes.logp)
            clipped = jnp.clip(ratio, 1 - t.clip, 1 + t.clip)
            policy = -jnp.minimum(ratio * advantage, clipped * advantage).mean()
        else:
            policy = -(logp * advantage).mean()
        value = 0.5 * jnp.square(values - returns).mean()
        return policy + t.value_coefficient * value - t.entropy.start * entropy

    def train(state: Any) -> Any:
        parameters, memory, key = state
        key, now = jax.random.split(key)
        episodes = play(parameters, now)
        advantage, returns = jax.vmap(advantages)(episodes)

        def epoch(carry: Any, _: Any) -> Any:
            parameters, memory = carry
            gradients = jax.vmap(jax.grad(loss))(parameters, episodes, advantage, returns)
            changes, memory = jax.vmap(optimizer.update)(gradients, memory, parameters)
            return (optax.apply_updates(parameters, changes), memory), None

        (parameters, memory), _ = lax.scan(epoch, (parameters, memory), None, length=t.epochs)
        return parameters, memory, key

    def only_play(state: Any) -> Any:
        parameters, memory, key = state
        key, now = jax.random.split(key)
        episodes = play(parameters, now)
        return parameters, memory, key, episodes.rewards.mean()

    def start(seed: int) -> Any:
        keys = jax.random.split(jax.random.key(seed), learners + 1)
        parameters = jax.vmap(lambda k: _weights(k, config.model.hidden_size))(keys[1:])
        return parameters, jax.vmap(optimizer.init)(parameters), keys[0]

    def look(parameters: Any, key: Any) -> Any:
        episodes = play(parameters, key)
        advantage, returns = jax.vmap(advantages)(episodes)
        return episodes, *jax.vmap(jax.value_and_grad(loss))(parameters, episodes, advantage, returns)

    return Program(start, jax.jit(train), jax.jit(only_play), jax.jit(look))


def _weights(key: Any, hidden: int) -> dict[str, Any]:
    one, two, three = jax.random.split(key, 3)
    orthogonal = jax.nn.initializers.orthogonal()
    return {
        "w_ih": 0.5 * jax.random.normal(one, (5, 3 * hidden)),
        "w_hh": jnp.concatenate([orthogonal(k, (hidden, hidden)) for k in jax.random.split(two, 3)], 1),
        "b_ih": jnp.zeros(3 * hidden),
        "b_hh": jnp.zeros(3 * hidden),
        "heads": 0.5 * orthogonal(three, (hidden, 3)),
        "bias": jnp.zeros(3),
    }


def _cell(p: dict[str, Any], hidden: Any, x: Any) -> Any:
    """The GRU's next state [N, H] from its input's projection [N, 3H], as ``torch.nn.GRU`` defines it."""
    size = hidden.shape[-1]
    recurrent = hidden @ p["w_hh"] + p["b_hh"]
    gates = jax.nn.sigmoid(x[..., : 2 * size] + recurrent[..., : 2 * size])
    reset, update = jnp.split(gates, 2, -1)
    new = jnp.tanh(x[..., 2 * size :] + reset * recurrent[..., 2 * size :])
    return new + update * (hidden - new)


def _heads(p: dict[str, Any], features: Any) -> tuple[Any, Any]:
    out = features @ p["heads"] + p["bias"]
    return out[..., :2], out[..., 2]
