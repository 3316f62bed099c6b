"""The PettingZoo view of one game: a batch of size one, spoken to through dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from envs.batched import BatchedGame
from envs.boards import Boarded, board_image, board_text
from envs.checks import whole
from envs.rendering import episode_strip, episode_text

RENDER_MODES = ("ansi", "rgb_array")

Observation = NDArray[np.float32]
Infos = dict[str, dict[str, Any]]


class GameParallelEnv(ParallelEnv[str, Observation, int]):
    """One game as a PettingZoo parallel environment; all dynamics are the batched game's.

    Agents are ``player_0``, ``player_1``, ...; an observation is float32 [F], what the game shows (``observe``) or
    encodes for that player's seat; ``infos`` hold ``{"outcome": int}``, the last joint outcome as that player sees it
    (0 at the start), and ``"cooperated"``, 1 or 0, after a round of which a game says so (``Step.cooperated``).

    Args:
        game: played with a batch of one; the environment owns it from now on.
        render_mode: ``ansi`` for text, ``rgb_array`` for an image uint8 [H, W, 3] of one size all episode long: the
            board as it is (``boards.film_strip`` and ``save_gif`` put several together), and in games without one the
            episode so far as a strip.
        labels: a name per action in rendered text.

    Raises:
        ValueError: naming the argument that is out of range.
    """

    def __init__(self, game: BatchedGame, render_mode: str | None = None, labels: Sequence[str] | None = None) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise ValueError(f"render_mode must be None or one of {list(RENDER_MODES)}, got {render_mode!r}")
        spec = game.spec
        if labels is not None and len(labels) != spec.num_actions:
            raise ValueError(f"labels must name {spec.num_actions} actions, got {list(labels)}")
        self.game, self.render_mode = game, render_mode
        self.metadata = {"name": spec.name, "render_modes": list(RENDER_MODES), "is_parallelizable": True}
        self.labels = labels or ("CD" if spec.num_actions == 2 else [str(a) for a in range(spec.num_actions)])
        self.possible_agents = [f"player_{seat}" for seat in range(spec.num_players)]
        self.agents: list[str] = []
        low, high = observation_bounds(game)
        self._boxes = {
            agent: Box(low[seat], high[seat], dtype=np.float32) for seat, agent in enumerate(self.possible_agents)
        }
        self.state_space = Box(low.reshape(-1), high.reshape(-1), dtype=np.float32)
        self._discretes = {agent: Discrete(spec.num_actions) for agent in self.possible_agents}
        self.observation_spaces = {**self._boxes}
        self.action_spaces = {**self._discretes}
        self._rng: np.random.Generator | None = None
        self._observations: dict[str, Observation] = {}
        self._actions: list[NDArray[np.int64]] = []
        self._rewards: list[NDArray[np.float32]] = []

    def observation_space(self, agent: str) -> Box:
        """Box that holds every observation of ``agent``; the tightest one, unless the game has bounds of its own."""
        return self._boxes[agent]

    def action_space(self, agent: str) -> Discrete:
        """Actions of ``agent``."""
        return self._discretes[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], Infos]:
        """Start an episode; return observations and infos.

        Args:
            seed: whole number from 0 that restarts the generator the episode's uniform numbers come from; None goes on
                with the last one.
            options: ``{"uniforms": array [K]}`` replays the episode of a batch that was reset with these numbers,
                and leaves the generator where it is. Other keys are ignored.

        Raises:
            ValueError: if the seed is no whole number from 0, or ``uniforms`` has the wrong shape or leaves [0, 1).
        """
        if seed is not None:
            whole("seed", seed, 0)
        if options is not None and not isinstance(options, Mapping):
            raise ValueError(f"options must be names and values, got {options!r}")
        given = (options or {}).get("uniforms")
        replayed = None if given is None else self._checked(given)
        if seed is not None or self._rng is None:
            self._rng = np.random.default_rng(seed)
        uniforms = self._rng.random(self.game.num_uniforms) if replayed is None else replayed
        self.agents = self.possible_agents[:]
        self._actions, self._rewards = [], []
        return self._observe(self.game.reset(uniforms[None]))

    def step(
        self, actions: dict[str, int]
    ) -> tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Play one round with an action per agent; return observations, rewards, terminations, truncations, infos.

        All five are empty if the episode is over and no agent acts.

        Raises:
            RuntimeError: before the first reset, or if agents act though the episode is over.
            ValueError: naming an agent that has no action, is unknown, or whose action is out of range.
        """
        if not self.agents and self._observations and isinstance(actions, Mapping) and not actions:
            return {}, {}, {}, {}, {}
        if not self.agents:
            raise RuntimeError("no episode is under way: call reset")
        chosen = np.array([[action] for action in self._chosen(actions)], dtype=np.int64)
        outcomes, paid, terminated, truncated, cooperated = self.game.step(chosen)
        self._actions.append(self._carried_out(outcomes[:, 0], chosen[:, 0]))
        self._rewards.append(paid[:, 0])
        observations, infos = self._observe(outcomes)
        if cooperated is not None:
            for seat, agent in enumerate(self.agents):
                if not np.isnan(cooperated[seat, 0]):
                    infos[agent]["cooperated"] = float(cooperated[seat, 0])
        rewards = {agent: float(paid[seat, 0]) for seat, agent in enumerate(self.agents)}
        terminations = dict.fromkeys(self.agents, bool(terminated[0]))
        truncations = dict.fromkeys(self.agents, bool(truncated[0]))
        if terminated[0] or truncated[0]:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def state(self) -> Observation:
        """All players' last observations one after the other, float32 [P * F].

        Raises:
            RuntimeError: before the first reset.
        """
        if not self._observations:
            raise RuntimeError("no episode is under way: call reset")
        return np.concatenate([self._observations[agent] for agent in self.possible_agents])

    def render(self) -> str | NDArray[np.uint8] | None:
        """The board, or the episode so far with the actions carried out, as ``render_mode`` asks; None without one.

        Raises:
            RuntimeError: before the first reset, if there is a ``render_mode``.
        """
        if self.render_mode is None:
            return None
        if not self._observations:
            raise RuntimeError("there is nothing to render yet: call reset")
        shape = (len(self._actions), len(self.possible_agents))
        actions = np.array(self._actions, dtype=np.int64).reshape(shape)
        rewards = np.array(self._rewards, dtype=np.float32).reshape(shape)
        if isinstance(self.game, Boarded):
            board = self.game.board()
            if self.render_mode == "rgb_array":
                return board_image(board)
            return f"{board_text(board)}\n{episode_text(actions, rewards, self.labels)}"
        if self.render_mode == "ansi":
            return episode_text(actions, rewards, self.labels)
        return episode_strip(actions, rewards, columns=self.game.spec.max_rounds)

    def _checked(self, uniforms: Any) -> NDArray[np.float64]:
        """Uniform numbers [K] of an episode to replay; see ``reset``."""
        try:
            numbers = np.array(uniforms, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"uniforms must be {self.game.num_uniforms} numbers, got {uniforms!r}") from None
        if numbers.shape != (self.game.num_uniforms,):
            raise ValueError(f"uniforms must have shape [{self.game.num_uniforms}], got {list(numbers.shape)}")
        if not ((numbers >= 0) & (numbers < 1)).all():
            raise ValueError("uniforms must be in [0, 1)")
        return numbers

    def _chosen(self, actions: Mapping[str, Any]) -> list[int]:
        """The agents' actions in the order of ``agents``; see ``step``."""
        if not isinstance(actions, Mapping):
            raise ValueError(f"actions must be given by agent, as in {{'{self.agents[0]}': 0}}, got {actions!r}")
        most = self.game.spec.num_actions - 1
        for agent in actions:
            if agent not in self.agents:
                raise ValueError(f"actions: unknown agent {agent!r}; expected {', '.join(self.agents)}")
        for agent in self.agents:
            if agent not in actions:
                raise ValueError(f"actions: {agent} has none; expected a whole number from 0 to {most}")
            if not _is_whole(actions[agent]) or not 0 <= actions[agent] <= most:
                raise ValueError(f"actions of {agent} must be a whole number from 0 to {most}, got {actions[agent]!r}")
        return [int(actions[agent]) for agent in self.agents]

    def _observe(self, outcomes: NDArray[np.int64]) -> tuple[dict[str, Observation], Infos]:
        played = len(self._actions)
        seats = np.arange(len(self.possible_agents))
        shown = self.game.observe()
        vectors = self.game.encode(outcomes[:, 0], played, seats) if shown is None else shown[:, 0]
        self._observations = dict(zip(self.possible_agents, vectors, strict=True))
        infos = {agent: {"outcome": int(outcomes[seat, 0])} for seat, agent in enumerate(self.possible_agents)}
        return {agent: vector.copy() for agent, vector in self._observations.items()}, infos

    def _carried_out(self, outcomes: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Actions [P] read back from outcomes [P], own action first; as chosen where outcomes do not hold them."""
        spec = self.game.spec
        joint = spec.num_actions**spec.num_players
        known = spec.num_outcomes == 1 + joint and self.game.bounds() is None
        held = known and bool((outcomes > 0).all())  # 0 where an inner episode begins
        return (outcomes - 1) * spec.num_actions // joint if held else chosen


def _is_whole(value: Any) -> bool:
    """Whether a value is one whole number, in whatever type; numpy's and torch's included."""
    try:
        number = np.asarray(value)
    except (TypeError, ValueError):
        return False
    return number.ndim == 0 and number.dtype.kind in "biuf" and bool(np.isfinite(number)) and number == int(number)


def observation_bounds(game: BatchedGame) -> tuple[Observation, Observation]:
    """Least and greatest observation by seat, [P, F] each: the game's own, or those over every outcome and round."""
    given = game.bounds()
    if given is not None:
        return given
    spec = game.spec
    rounds = np.arange(spec.max_rounds + 1)[:, None]
    seats = np.arange(spec.num_players)
    shape = (len(rounds), len(seats))
    vectors = [game.encode(np.full(shape, outcome), rounds, seats) for outcome in range(spec.num_outcomes)]
    return np.min([v.min(axis=0) for v in vectors], axis=0), np.max([v.max(axis=0) for v in vectors], axis=0)
