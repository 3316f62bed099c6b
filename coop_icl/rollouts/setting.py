"""The actors of an experiment, built from its configuration: game, population, and which weights play for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coop_icl.config import ConfigError, ExperimentConfig
from coop_icl.matchups import Matchups
from coop_icl.models.encoders import grid_of
from coop_icl.models.observations import Observations
from coop_icl.models.policy import SequencePolicy
from coop_icl.models.predictive import OBSERVE, PredictivePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.phase_data import MOST_OUTCOMES, PhaseData
from coop_icl.policy_store import PolicyError, load_policy
from coop_icl.populations.coplayer import CoPlayer, group_of
from coop_icl.populations.population import LEARNER, Component, Population
from coop_icl.populations.registry import make_co_player
from coop_icl.process import cores
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.room import check_room
from coop_icl.rollouts.telling import observe, spec_of
from coop_icl.seeding import Purpose, SeedNode
from coop_icl.trajectory import LearnerBatch, Trajectory
from envs.batched import BatchedGame, GameSpec
from envs.registry import make_game

HEAVIEST = 1e9
"""Largest weight of an entry of a mixture; only shares count."""


@dataclass(frozen=True)
class Setting:
    """Everything but the weights.

    Attributes:
        game: stepped by ``play``.
        population: draws the matchups.
        module_ids: one set of weights each, ``learner_0``, ...
        agents: for each module the learners (agent indices) that it plays for.
        seed: root of the run's tree of seeds.
        init: policies that modules start from, by module.
    """

    config: ExperimentConfig
    game: BatchedGame
    population: Population
    module_ids: tuple[str, ...]
    agents: tuple[tuple[int, ...], ...]
    seed: SeedNode
    init: Mapping[str, SequencePolicy]

    @property
    def spec(self) -> GameSpec:
        """The game's description, with the features that learners see."""
        return spec_of(self.game, self.config.population.opponent_id)

    def make_policy(self, module: int) -> SequencePolicy:
        """A policy with the weights a run starts from."""
        spec = self.spec
        shape = self.config.model, [width for _, width in spec.features], spec.num_actions, spec.max_rounds
        if self.config.is_ppi:
            policy: SequencePolicy = PredictivePolicy(*shape, self.config.ppi.planner)
        else:
            policy = SequencePolicy(*shape, grid=grid_of(spec.features, spec.grid))
        policy.reset_parameters(self.seed.child(Purpose.INIT).integer(module))
        if self.module_ids[module] in self.init:
            policy.load_state_dict(self.init[self.module_ids[module]].state_dict())
        return policy

    def co_players(self) -> dict[int, CoPlayer]:
        """Co-players by agent index."""
        first = len(self.population.learners)
        return {first + i: co_player for i, co_player in enumerate(self.population.co_players)}

    def inner_rounds(self) -> int | None:
        """Length of the game's inner episodes, if it has any."""
        return getattr(self.game, "inner_rounds", None)

    def groups(self) -> dict[int, int]:
        """How many consecutive games belong together, by co-player (agent index)."""
        return {agent: group_of(co_player) for agent, co_player in self.co_players().items()}

    def block(self, iteration: int, block: int) -> SeedNode:
        """Place of a block of training games in the seed tree."""
        return self.seed.child(Purpose.TRAIN, iteration, block)

    def episodes_per_block(self) -> int:
        """Episodes each learner plays in one block."""
        return self.config.train.episodes_per_learner // self.config.ray.blocks

    def threads(self) -> int:
        """Threads of a process that has the machine, or its share of it, to itself."""
        return self.config.ray.learner_threads or cores()

    def play_block(self, stack: PolicyStack, iteration: int, block: int, weights_version: int = 0) -> Trajectory:
        """Draw and play one block of an iteration."""
        self.prepare(stack, iteration)
        node = self.block(iteration, block)
        matchups = self.population.draw(node, self.episodes_per_block())
        return self.play(matchups, stack, node, weights_version, self.threads())

    def prepare(self, stack: PolicyStack, iteration: int) -> None:
        """Let policies that plan do so as is due in an iteration."""
        for policy in stack.policies:
            if isinstance(policy, PredictivePolicy):
                policy.planner = self.config.ppi.planner_of(iteration)

    def play(
        self, matchups: Matchups, stack: PolicyStack, node: SeedNode, weights_version: int = 0, threads: int = 1
    ) -> Trajectory:
        """Play matchups of the population; see ``rollout.play``."""
        told, co_players = self.config.population.opponent_id, self.co_players()
        return play(
            self.game, matchups, stack, self.agents, co_players, node, weights_version, threads, opponent_id=told
        )

    def encode(self, batch: LearnerBatch) -> Observations:
        """What the lanes of a learner's batch saw."""
        return observe(self.game, batch.outcomes, batch.seats, batch.told, batch.observations)


def build(config: ExperimentConfig) -> Setting:
    """The setting of an experiment.

    Raises:
        ConfigError: one line naming the key that is wrong, before any work starts.
    """
    try:
        game = make_game(config.game.name, **dict(config.game.options))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"game: {error}") from None
    if config.population.opponent_id and game.spec.num_players != 2:
        raise ConfigError(
            f"population.opponent_id: got true; expected false in games of more than two ({game.spec.name})"
        )
    if config.model.encoder == "conv" and game.spec.grid is None:
        raise ConfigError(f"model.encoder: got 'conv'; expected linear or mlp ({game.spec.name} shows no grid)")
    check_room(config, game)
    learners = [f"learner_{i}" for i in range(config.train.learners)]
    components = [_component(entry, game) for entry in config.population.mixture]
    shuffle = config.population.shuffle_seats
    try:
        shuffle = game.spec.symmetric if shuffle is None else shuffle
        population = Population(learners, components, shuffle, game.spec.num_players)
        population.draw(SeedNode(0), config.train.episodes_per_learner // config.ray.blocks)  # raises now or never
    except ValueError as error:
        raise ConfigError(f"population.mixture: {error}") from None
    if config.is_ppi:
        check_ppi(config, game)
    if config.train.alignment and game.spec.num_players != 2:
        raise ConfigError(
            f"train.alignment: got {config.train.alignment}; expected 0 in {game.spec.name} (not of two players)"
        )
    if config.credits_inner_episodes and getattr(game, "inner_rounds", None) is None:
        raise ConfigError(
            f"train.returns: got {config.train.returns}; expected plain, unless game.options.inner_rounds is set"
        )
    shared = config.train.share_parameters
    agents = (tuple(range(len(learners))),) if shared else tuple((i,) for i in range(len(learners)))
    return Setting(
        config,
        game,
        population,
        ("learner_0",) if shared else tuple(learners),
        agents,
        SeedNode(config.seed),
        {name: _initial(name, path, config, game) for name, path in config.train.init.items()},
    )


def _component(entry: Mapping[str, Any], game: BatchedGame) -> Component:
    """One part of the mixture."""
    options = {key: value for key, value in entry.items() if key not in ("name", "weight", "learners")}
    name, weight, seated = str(entry["name"]), entry.get("weight", 1.0), entry.get("learners", 1)
    if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 < weight <= HEAVIEST:
        raise ConfigError(f"population.mixture: {name}: got weight {weight!r}; expected a positive number")
    if name == LEARNER and "learners" in entry:
        raise ConfigError(
            f"population.mixture: {name}: got learners {seated!r}; expected none (learners take all seats)"
        )
    if not isinstance(seated, int) or isinstance(seated, bool):
        raise ConfigError(f"population.mixture: {name}: got learners {seated!r}; expected a whole number")
    try:
        co_player = None if name == LEARNER else make_co_player(name, game, options)
    except ValueError as error:
        raise ConfigError(f"population.mixture: {error}") from None
    return Component(float(weight), co_player, seated)


def check_ppi(config: ExperimentConfig, game: BatchedGame) -> None:
    """Raise ConfigError if PPI cannot be run in this game, or has nothing to begin with."""
    if game.spec.num_players != 2 or game.bounds() is not None:
        raise ConfigError(f"game: train.algorithm ppi needs a matrix game of two players, not {game.spec.name}")
    if config.model.encoder != "linear":
        raise ConfigError(f"model.encoder: got '{config.model.encoder}'; expected linear with train.algorithm ppi")
    if tuple(name for name, _ in game.spec.features) != OBSERVE:
        raise ConfigError(f"game.options.observe: expected [{', '.join(OBSERVE)}] with train.algorithm ppi")
    if game.stage() is None:
        raise ConfigError("game.options: train.algorithm ppi needs episodes of a fixed length without noise")
    if game.spec.num_outcomes > MOST_OUTCOMES:
        raise ConfigError(f"game: train.algorithm ppi needs at most {MOST_OUTCOMES} joint outcomes (one byte a round)")
    options = {key: value for key, value in config.ppi.pretraining.items() if key != "name"}
    try:
        make_co_player(str(config.ppi.pretraining["name"]), game, options)
    except ValueError as error:
        raise ConfigError(f"ppi.pretraining: {error}") from None
    for learner, path in config.ppi.data.items():
        earlier = PhaseData(path)
        if not earlier.phases():
            raise ConfigError(f"ppi.data: {learner}: no trajectories in {path}; train that experiment first")
        one = earlier.open(earlier.phases()).take(np.zeros(1, np.int64))
        told = 2 * game.spec.num_outcomes if config.population.opponent_id else 0
        if (one.symbols.shape[1], one.told.shape[1]) != (game.spec.max_rounds, told):
            raise ConfigError(f"ppi.data: {learner}: {path} has episodes of another length, or told otherwise")


def _initial(name: str, path: str, config: ExperimentConfig, game: BatchedGame) -> SequencePolicy:
    """The policy that learner ``name`` starts from."""
    try:
        loaded = load_policy(path)
    except PolicyError as error:
        raise ConfigError(f"train.init: {name}: {error}") from None
    features = spec_of(game, config.population.opponent_id).features
    same = loaded.policy.config == config.model and loaded.policy.grid == tuple(grid_of(features, game.spec.grid))
    if not same or loaded.info.features != features:
        raise ConfigError(f"train.init: {name}: {path} has another model or observation; use those it was trained with")
    return loaded.policy
