"""Strategies of the Axelrod library (Knight et al. 2016) as co-players; an optional extra.

The library's players are objects that remember; a co-player's state is explicit. So the state here is what a player is
a function of, its seed and the outcomes it has seen, and players that have come this far are kept aside for speed
(``_PLAYERS``): one that is not there any more is played up to that point again, with the same result.
"""

from __future__ import annotations

import difflib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from coop_icl.populations.coplayer import State

KEPT = 8192
"""Players kept aside, the latest ones."""
_PLAYERS: OrderedDict[tuple, tuple[Any, Any, int]] = OrderedDict()
"""Player, what it knows of its co-player, and the action it has chosen, by all that they are a function of."""

Episode = tuple[int, bytes | None]
"""Seed, and outcomes seen so far; None before the first decision."""


def library() -> ModuleType:
    """The Axelrod library.

    Raises:
        ValueError: one line, if it or something that it needs is not installed.
    """
    try:
        import axelrod
    except ModuleNotFoundError as error:
        if error.name == "axelrod":
            raise ValueError("strategies of the Axelrod library are an extra: pip install coop_icl[axelrod]") from None
        raise ValueError(f"the Axelrod library needs the module '{error.name}', which is not installed") from None
    except ImportError as error:
        raise ValueError(f"the Axelrod library cannot be imported: {' '.join(str(error).split())}") from None
    return axelrod


@lru_cache(maxsize=1)
def playable() -> dict[str, Any]:
    """Classes of the strategies that can be co-players, by name; see ``excluded`` for the others."""
    return {one.name: one for one in library().all_strategies if one.name not in excluded()}


@lru_cache(maxsize=1)
def excluded() -> dict[str, str]:
    """Strategies that are no co-players, and why.

    Long-running ones (most meta players) take seconds a match; those that look into their co-player, change it or keep
    something from match to match are no function of what they have seen.
    """
    classifiers = library().Classifiers
    reasons = {
        "long_run_time": "takes too long",
        "inspects_source": "looks into its co-player",
        "manipulates_source": "changes its co-player",
        "manipulates_state": "changes its co-player, or keeps something from match to match",
    }
    found = {}
    for one in library().all_strategies:
        against = [reason for key, reason in reasons.items() if classifiers[key](one())]
        if against:
            found[one.name] = ", ".join(against)
    return found


@dataclass(frozen=True)
class AxelrodCoPlayer:
    """One strategy of the library; its random numbers follow from the episode's one number.

    Attributes:
        name: as the library spells it.
        rounds: the length that it is told; infinity if it is not known beforehand.
        payoffs: R, S, T, P, which it is told too.
        kind: family name.
    """

    name: str
    rounds: float
    payoffs: tuple[float, float, float, float]
    kind: str
    num_parameters: int = 1
    observes: Literal["outcomes", "observations"] = field(default="outcomes")

    def initial_state(self, uniforms: NDArray[np.float64]) -> State:
        """An ``Episode`` each, [B]."""
        states = np.empty(len(uniforms), dtype=object)
        for i, number in enumerate(uniforms[:, 0]):
            states[i] = (int(number * 2**31), None)
        return states

    def act(
        self, seen: NDArray[np.integer], state: State, uniforms: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], State]:
        """Actions [B] after the outcomes seen [B]; the numbers of the decisions are not used."""
        following = np.empty(len(seen), dtype=object)
        actions = np.zeros(len(seen), dtype=np.int64)
        for i, outcome in enumerate(seen.tolist()):
            actions[i], following[i] = self._decide(state[i], outcome)
        return actions, following

    def _decide(self, episode: Episode, outcome: int) -> tuple[int, Episode]:
        seed, before = episode
        history = (before or b"") + (bytes([outcome]) if outcome else b"")
        key = (self.name, self.rounds, self.payoffs, seed)
        found = _PLAYERS.get((*key, history))
        if found is None:
            found = self._advance(_PLAYERS.pop((*key, before), None) if outcome else None, history, seed)
            if len(history) + 1 < self.rounds:
                _PLAYERS[(*key, history)] = found
            if len(_PLAYERS) > KEPT:
                _PLAYERS.popitem(last=False)
        return found[2], (seed, history)

    def _advance(self, kept: tuple[Any, Any, int] | None, history: bytes, seed: int) -> tuple[Any, Any, int]:
        """The player after ``history``; ``kept`` is the same player one outcome earlier."""
        axelrod = library()
        letters = axelrod.Action.C, axelrod.Action.D
        if kept is None:
            player, other = new_player(self.name, self.rounds, self.payoffs, seed), axelrod.MockPlayer()
            action, remaining = player.strategy(other), history
        else:
            player, other, _ = kept
            action, remaining = letters[0], history[-1:]
        for outcome in remaining:
            mine, theirs = letters[(outcome - 1) // 2], letters[(outcome - 1) % 2]
            player.update_history(mine, theirs)
            other.update_history(theirs, mine)
            action = player.strategy(other)
        return player, other, int(action == letters[1])


def new_player(name: str, rounds: float, payoffs: tuple[float, float, float, float], seed: int) -> Any:
    """A player of the library, ready for the first round as in the library's own matches."""
    r, s, t, p = payoffs
    player = playable()[name]()
    with np.errstate(all="ignore"):  # a strategy that is not defined raises after all
        player.set_match_attributes(length=rounds, game=library().Game(r=r, s=s, t=t, p=p), noise=0)
    player.set_seed(seed)
    return player


def axelrod_player(
    strategy: str, rounds: float, payoffs: NDArray[np.floating], kind: str | None = None
) -> AxelrodCoPlayer:
    """The strategy called ``strategy`` (``Tit For Tat``, or ``tit_for_tat``).

    Args:
        strategy: name; capitals and signs do not matter.
        rounds: length of an episode, which it is told; infinity if nobody knows it.
        payoffs: own ones [2, 2] by own and other action, which it is told.
        kind: family name, by default ``axelrod_`` and the name.

    Raises:
        ValueError: one line, if the library is not installed, or the strategy is unknown, excluded or makes no sense
            with these payoffs.
    """
    names = {_bare(name): name for name in playable()}
    name = names.get(_bare(strategy))
    if name is None:
        for left_out, reason in excluded().items():
            if _bare(strategy) == _bare(left_out):
                raise ValueError(f"strategy '{left_out}' of the Axelrod library is no co-player: it {reason}")
        close = difflib.get_close_matches(_bare(strategy), names, n=1, cutoff=0.5)
        hint = f"; did you mean '{names[close[0]]}'?" if close else ""
        raise ValueError(f"the Axelrod library has no strategy '{strategy}'{hint}")
    (r, s), (t, p) = np.asarray(payoffs, dtype=np.float64).tolist()
    try:
        new_player(name, rounds, (r, s, t, p), 0)
    except ValueError:
        raise ValueError(f"strategy '{name}' of the Axelrod library is not defined with these payoffs") from None
    return AxelrodCoPlayer(name, rounds, (r, s, t, p), kind or f"axelrod_{slug(name)}")


def slug(name: str) -> str:
    """``Tit For 2 Tats`` as ``tit_for_2_tats``."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _bare(name: str) -> str:
    """Letters and digits only, by which names are compared."""
    return slug(name).replace("_", "")
