"""The population callback: the one place that decides who plays whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ray.rllib.callbacks.callbacks import RLlibCallback

from coop_icl.matchups import Matchups
from coop_icl.rllib.seating import log_episode, says_itself, seat_one_episode, setting_of
from coop_icl.seeding import Purpose, SeedNode, Stream


@dataclass
class EpisodeBatch:
    """A block of episodes about to be played.

    Attributes:
        node: the block's place in the seed tree.
        episodes_per_learner: episodes each learner plays in it.
        matchups: who sits where, set by the callback.
    """

    node: SeedNode
    episodes_per_learner: int
    matchups: Matchups | None = None


class PopulationCallback(RLlibCallback):
    """Injects co-players: draws all matchups of an episode batch jointly from the seed tree.

    With RLlib's own env runner, which creates one episode at a time, it draws that episode's matchup, leaves it in
    ``episode.custom_data["matchup"]``, and seeds the environment from the same place in the tree.
    """

    def __init__(self) -> None:
        super().__init__()
        self._created: Counter[int] = Counter()

    def on_episode_created(
        self, *, episode: Any, env_runner: Any = None, env: Any = None, env_index: int = 0, **kwargs: Any
    ) -> None:
        """Draw matchups for a block (ours) or for one episode (RLlib's)."""
        if isinstance(episode, EpisodeBatch):
            episode.matchups = env_runner.setting.population.draw(episode.node, episode.episodes_per_learner)
            return
        config = env_runner.config
        setting = setting_of(config.env_config["experiment"])
        purpose = Purpose.EVALUATE if config.in_evaluation else Purpose.TRAIN
        node = runner_node(setting.seed, env_runner.worker_index or 0, env_index, self._created[env_index], purpose)
        self._created[env_index] += 1
        seat_one_episode(episode, setting, node)
        env.envs[env_index].unwrapped.seed_next(node.integer(Stream.GAME))

    def on_episode_end(
        self, *, episode: Any, env_runner: Any = None, metrics_logger: Any = None, **kwargs: Any
    ) -> None:
        """Log an episode of RLlib's own env runner."""
        config = env_runner.config
        said = says_itself(config.env_config["experiment"])
        log_episode(episode, metrics_logger, config.metrics_num_episodes_for_smoothing, said)


def runner_node(seed: SeedNode, worker: int, env: int, episode: int, purpose: Purpose = Purpose.TRAIN) -> SeedNode:
    """Place of one episode of an env runner that plays game by game."""
    return seed.child(purpose, worker, env, episode)
