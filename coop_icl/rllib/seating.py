"""One episode of RLlib's own env runner: who sits where, what co-players remember, and which numbers drive it.

An episode's place in the seed tree is stored with it, and everything drawn in it is a function of that place, of the
seat and of the round. RLlib moves rows of a batch about, so nothing here is kept by row: memories are kept by episode.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.rl_module import RLModule

from coop_icl.config import from_mapping
from coop_icl.matchups import LEARNER
from coop_icl.populations.coplayer import State
from coop_icl.rollouts.setting import Setting, build
from coop_icl.seeding import SeedNode, Stream
from envs.registry import make_game

TURN, MEMORY, UNIFORM = "coop_icl_turn", "coop_icl_memory", "coop_icl_uniform"
"""Columns of RLlib's batches: a co-player's ``Turn``, what it remembers next, a learner's uniform number."""


@functools.lru_cache(maxsize=8)
def setting_of(experiment_yaml: str) -> Setting:
    """The actors of an experiment given as YAML; one object a process, so play no games on its ``game``."""
    return build(from_mapping(yaml.safe_load(experiment_yaml), "experiment"))


def seat_one_episode(episode: Any, setting: Setting, node: SeedNode) -> None:
    """Draw an episode's matchup and leave it in ``episode.custom_data``.

    Stores, each by seat (``player_0``): ``matchup``, names of agents; ``kinds``; ``modules``, who computes the
    actions; ``memories`` of co-players, filled in as the episode goes on. And ``node``, its place in the seed tree.
    """
    drawn = setting.population.draw_one(node)
    matchup = drawn.describe(0)
    kinds = dict(zip(drawn.agents, drawn.kinds, strict=True))
    modules = modules_of(setting)
    episode.custom_data.update(
        matchup=matchup,
        kinds={seat: kinds[name] for seat, name in matchup.items()},
        modules={seat: modules[name] for seat, name in matchup.items()},
        memories={},
        node=node,
    )


def modules_of(setting: Setting) -> dict[str, str]:
    """The module that plays for each agent: learners may share one, a co-player's is called as its kind."""
    agents = setting.population.agents
    learners = {agents[i]: name for name, group in zip(setting.module_ids, setting.agents, strict=True) for i in group}
    return {name: learners.get(name, name) for name in agents}


def module_of(agent_id: Any, episode: Any, **kwargs: Any) -> str:
    """RLlib's ``policy_mapping_fn``: reads what ``seat_one_episode`` stored, and draws nothing."""
    return episode.custom_data["modules"][agent_id]


@functools.lru_cache(maxsize=8)
def says_itself(experiment_yaml: str) -> bool:
    """Whether an experiment's game says what cooperating is; tried in a game of its own."""
    named = setting_of(experiment_yaml).config.game
    game = make_game(named.name, **dict(named.options))
    outcomes = game.reset(np.full((1, game.num_uniforms), 0.5))
    return game.step(np.zeros_like(outcomes)).cooperated is not None


def log_episode(episode: Any, metrics_logger: Any, window: int, said: bool = False) -> None:
    """Cooperation rate and mean payoff of each learner of an episode, by kind of co-player.

    Cooperating is action 0, or if ``said`` what infos call so; an episode without that and its opposite has no rate.
    """
    matchup, kinds = episode.custom_data["matchup"], episode.custom_data["kinds"]
    against = "_".join(dict.fromkeys(kind for kind in kinds.values() if kind != LEARNER)) or LEARNER
    for seat, name in matchup.items():
        if kinds[seat] != LEARNER:
            continue
        played = episode.agent_episodes[seat]
        values = {"mean_payoff": float(np.mean(played.get_rewards()))}
        if said:
            cooperated = [info["cooperated"] for info in played.get_infos() if "cooperated" in info]
        else:
            cooperated = np.asarray(played.get_actions()) == 0
        if len(cooperated):
            values["cooperation"] = float(np.mean(cooperated))
        for figure, value in values.items():
            metrics_logger.log_value((name, f"vs_{against}", figure), value, reduce="mean", window=window)


@functools.lru_cache(maxsize=4096)
def action_uniforms(node: SeedNode, rounds: int, players: int) -> NDArray[np.float64]:
    """One number a round and seat, [rounds, players], as ``rollouts.play`` draws them for a block of one game."""
    return node.rng(Stream.ACTION).random((rounds, players))


@dataclass(frozen=True)
class Turn:
    """All that a co-player's next decision depends on; ``state`` has a leading dimension of one."""

    seen: Any
    state: State
    uniform: float


@dataclass(frozen=True)
class Memory:
    """A co-player's state as one opaque item, which RLlib neither converts nor batches."""

    state: State


class SeatConnector(ConnectorV2):
    """Env-to-module piece: hands every acting agent its uniform number, and co-players what they see and remember.

    Reads the episodes and changes nothing, so it does not matter how often RLlib runs the pipeline. Must come after
    ``AddObservationsFromEpisodesToBatch``: RLlib takes the map from rows to agents from the first column.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting
        self._co_players = {co_player.kind: co_player for co_player in setting.co_players().values()}

    def __call__(self, *, batch: Any, episodes: Any, rl_module: Any = None, **kwargs: Any) -> Any:
        """Add the columns ``uniform`` (learners) and ``turn`` (co-players)."""
        spec = self._setting.game.spec
        by_id = {episode.id_: episode for episode in episodes}
        for played in self.single_agent_episode_iterator(episodes, agents_that_stepped_only=True):
            if played.is_done:
                continue
            data = by_id[played.multi_agent_episode_id].custom_data
            seat, t = int(str(played.agent_id).removeprefix("player_")), len(played)
            number = action_uniforms(data["node"], spec.max_rounds, spec.num_players)[t, seat]
            if data["kinds"][played.agent_id] == LEARNER:
                self.add_batch_item(batch, UNIFORM, np.float32(number), played)
            else:
                self.add_batch_item(batch, TURN, self._turn(played, data, number), played)
        return batch

    def _turn(self, played: Any, data: Any, number: float) -> Turn:
        name = data["matchup"][played.agent_id]
        co_player = self._co_players[name]
        by_outcome = co_player.observes == "outcomes"
        seen = played.get_infos(-1)["outcome"] if by_outcome else played.get_observations(-1)
        if len(played):
            state = data["memories"][played.agent_id]
        else:
            agent = self._setting.population.agents.index(name)
            rng = data["node"].child(Stream.CO_PLAYER).rng(agent)
            seats = sorted(seat for seat, who in data["matchup"].items() if who == name)  # each with a draw of its own
            numbers, row = rng.random((len(seats), co_player.num_parameters)), seats.index(played.agent_id)
            state = co_player.initial_state(numbers[row : row + 1])
        return Turn(seen, state, number)


class MemoryConnector(ConnectorV2):
    """Module-to-env piece: takes what co-players remember off the batch and keeps it with their episode."""

    def __call__(self, *, batch: Any, episodes: Any, rl_module: Any = None, **kwargs: Any) -> Any:
        """Move the column ``memory`` to ``custom_data["memories"]``."""
        by_id = {episode.id_: episode for episode in episodes}
        for (episode_id, agent_id, _), (memory,) in batch.pop(MEMORY, {}).items():
            by_id[episode_id].custom_data["memories"][agent_id] = memory.state
        return batch


class CoPlayerModule(RLModule):
    """A co-player as an RLModule without weights; ``model_config`` has ``experiment`` (YAML) and ``kind``.

    Co-players' states may be any structure, so each episode is a batch of its own: slower than the batched runner,
    which steps all episodes at once, and indifferent to the order of rows.
    """

    def setup(self) -> None:
        """Build the co-player."""
        config: dict[str, Any] = self.model_config  # type: ignore[assignment]
        found = setting_of(config["experiment"]).co_players().values()
        self.co_player = next(co_player for co_player in found if co_player.kind == config["kind"])

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        actions = np.zeros(len(batch[TURN]), dtype=np.int64)
        memories = np.empty(len(actions), dtype=object)
        for i, turn in enumerate(batch[TURN]):
            seen, uniform = np.asarray(turn.seen)[None], np.array([turn.uniform])
            action, state = self.co_player.act(seen, turn.state, uniform)
            actions[i], memories[i] = action[0], Memory(state)
        return {Columns.ACTIONS: torch.from_numpy(actions), MEMORY: memories}

    def _forward_train(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        raise RuntimeError("co-players do not learn; list the learners in policies_to_train")


class RewardScale(ConnectorV2):
    """Learner piece: rewards times a constant, in the batch and not in the episodes."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self._scale = scale

    def __call__(self, *, batch: Any, episodes: Any, rl_module: Any = None, **kwargs: Any) -> Any:
        """Add the column ``rewards``."""
        for played in self.single_agent_episode_iterator(episodes, agents_that_stepped_only=False):
            rewards = np.asarray(played.get_rewards(slice(0, len(played))), dtype=np.float32) * self._scale
            self.add_n_batch_items(batch, Columns.REWARDS, rewards, len(played), played)
        return batch
