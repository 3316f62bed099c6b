"""The same work as one jitted JAX program, written as JAX is meant to be: what a user of JAX tools would compare with.

Two deviations, both in JAX's favour: learners are paired with their neighbours instead of at random, and their tabular
co-players are drawn inside the program, so nothing ever leaves it. Needs the extra ``bench``.

What makes it fast on CPUs: learners have a device each if there are as many cores; the replay forgets what is
inside a round (``jax.checkpoint``) and has projection and heads in its scan, because memory is what it waits for.

Dimensions: T rounds, L learners (of one device), N lanes a learner, H hidden. Lanes below N / 2 play another learner,
the others a tabular agent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax  # pyright: ignore[reportMissingImports]
import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
import numpy as np
import optax  # pyright: ignore[reportMissingImports]
from jax import lax  # pyright: ignore[reportMissingImports]
from jax.sharding import Mesh, PartitionSpec  # pyright: ignore[reportMissingImports]

from coop_icl.config import ExperimentConfig
from coop_icl.process import cores

PAYOFFS = np.array([[1.0, -1.0], [2.0, 0.0]], np.float32)
"""Own payoff by own and other action, 0 cooperates."""
AXIS = "learners"


class Episodes(NamedTuple):
    """What was played, each [L, T, N]: symbols seen, actions, log-probabilities, values, rewards."""

    seen: Any
    actions: Any
    logp: Any
    values: Any
    rewards: Any


class Program(NamedTuple):
    """Jitted functions of one experiment.

    ``start(seed)`` gives a state, ``train(state)`` the next one, ``play(state)`` episodes and the next one;
    ``look(parameters, keys)`` plays and returns episodes, losses and gradients, so that they can be compared with ours.
    """

    start: Callable[[int], Any]
    train: Callable[[Any], Any]
    play: Callable[[Any], Any]
    look: Callable[[Any, Any], Any]


def program(config: ExperimentConfig, tuned: bool = True) -> Program:
    """Learners, games and PPO (or A2C) as one program; needs an even number of learners and of lanes.

    Args:
        config: what is trained.
        tuned: False leaves out what is done for CPUs: one device then, and the gates of every round are kept.
    """
    t, learners = config.train, config.train.learners
    lanes, rounds = t.episodes_per_learner, int(config.game.options["rounds"])
    optimizer = optax.chain(optax.clip_by_global_norm(t.max_grad_norm), optax.adam(t.lr.start, eps=t.adam_eps))

    def partners(actions: Any) -> Any:
        if actions.shape[0] == 1:
            return lax.ppermute(actions, AXIS, [(i, i ^ 1) for i in range(learners)])
        return actions.reshape(-1, 2, actions.shape[1])[:, ::-1].reshape(actions.shape)

    def draw(key: Any) -> tuple[Any, Any, Any]:
        """A learner's chances to take actions [T, N], and its tabular co-players: tables [N / 2, 5] and chances."""
        of_actions, of_agents, of_noise = jax.random.split(key, 3)
        tables = jax.random.uniform(of_agents, (lanes - lanes // 2, 5))
        noise = jax.random.uniform(of_noise, (rounds, lanes - lanes // 2))
        return jax.random.uniform(of_actions, (rounds, lanes)), tables, noise

    def play(parameters: Any, keys: Any) -> Episodes:
        draws, tables, noise = jax.vmap(draw, out_axes=(1, 0, 1))(keys)

        def step(carry: Any, drawn: Any) -> Any:
            hidden, seen, other_seen = carry
            hidden, (scores, values) = jax.vmap(_round)(parameters, hidden, seen)
            logp = jax.nn.log_softmax(scores)
            actions = (drawn[0] >= jnp.exp(logp[..., 0])).astype(jnp.int32)
            agents = drawn[1] >= jnp.take_along_axis(tables, other_seen[..., None], 2)[..., 0]
            others = jnp.concatenate([partners(actions[:, : lanes // 2]), agents.astype(jnp.int32)], 1)
            taken = jnp.take_along_axis(logp, actions[..., None], 2)[..., 0]
            after = 1 + 2 * actions + others, (1 + 2 * others + actions)[:, lanes // 2 :]
            return (hidden, *after), Episodes(seen, actions, taken, values, jnp.asarray(PAYOFFS)[actions, others])

        start = (
            jnp.zeros((len(keys), lanes, config.model.hidden_size)),
            jnp.zeros((len(keys), lanes), jnp.int32),
            jnp.zeros((len(keys), lanes - lanes // 2), jnp.int32),
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

        def one(hidden: Any, seen: Any) -> Any:
            return _round(parameters, hidden, seen)

        replay = jax.checkpoint(one, prevent_cse=False) if tuned else one
        start = jnp.zeros((lanes, config.model.hidden_size))
        scores, values = lax.scan(replay, start, episodes.seen)[1]
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
        parameters, memory, keys = state
        keys, now = _next(keys)
        episodes = play(parameters, now)
        advantage, returns = jax.vmap(advantages)(episodes)

        def epoch(carry: Any, _: Any) -> Any:
            parameters, memory = carry
            gradients = jax.vmap(jax.grad(loss))(parameters, episodes, advantage, returns)
            changes, memory = jax.vmap(optimizer.update)(gradients, memory, parameters)
            return (optax.apply_updates(parameters, changes), memory), None

        (parameters, memory), _ = lax.scan(epoch, (parameters, memory), None, length=t.epochs)
        return parameters, memory, keys

    def only_play(state: Any) -> Any:
        parameters, memory, keys = state
        keys, now = _next(keys)
        return play(parameters, now), (parameters, memory, keys)

    def look(parameters: Any, keys: Any) -> Any:
        episodes = play(parameters, keys)
        advantage, returns = jax.vmap(advantages)(episodes)
        return episodes, *jax.vmap(jax.value_and_grad(loss))(parameters, episodes, advantage, returns)

    def start(keys: Any) -> Any:
        keys, now = _next(keys)
        parameters = jax.vmap(lambda key: _weights(key, config.model.hidden_size))(now)
        return parameters, jax.vmap(optimizer.init)(parameters), keys

    if tuned and learners <= cores():  # with several learners on one of several devices XLA was seen to lock up
        with contextlib.suppress(RuntimeError):  # one that has begun keeps its devices
            jax.config.update("jax_num_cpu_devices", learners)
    devices = jax.devices() if tuned else jax.devices()[:1]
    count = learners if learners <= len(devices) else 1
    mesh, spec = Mesh(np.array(devices[:count]), (AXIS,)), PartitionSpec(AXIS)

    def spread(function: Callable[..., Any]) -> Callable[..., Any]:
        """Each device does its learners' part; only partners on different devices ever meet."""
        return jax.jit(jax.shard_map(function, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))

    begin = spread(start)
    return Program(
        lambda seed: begin(jax.random.split(jax.random.key(seed), learners)),
        spread(train),
        spread(only_play),
        spread(look),
    )


def _next(keys: Any) -> tuple[Any, Any]:
    """Each key's successor and one to use."""
    both = jax.vmap(jax.random.split)(keys)
    return both[:, 0], both[:, 1]


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


def _round(p: dict[str, Any], hidden: Any, seen: Any) -> tuple[Any, tuple[Any, Any]]:
    """The GRU's next state [N, H], as ``torch.nn.GRU`` defines it, and its scores [N, 2] and values [N]."""
    size = hidden.shape[-1]
    x = jax.nn.one_hot(seen, 5) @ p["w_ih"] + p["b_ih"]
    recurrent = hidden @ p["w_hh"] + p["b_hh"]
    gates = jax.nn.sigmoid(x[..., : 2 * size] + recurrent[..., : 2 * size])
    reset, update = jnp.split(gates, 2, -1)
    new = jnp.tanh(x[..., 2 * size :] + reset * recurrent[..., 2 * size :])
    hidden = new + update * (hidden - new)
    out = hidden @ p["heads"] + p["bias"]
    return hidden, (out[..., :2], out[..., 2])
