"""Files of ``coop-icl baselines``: the memory-1 policies that pairs of learners came to, as players."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coop_icl.errors import UserError
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.memory_one import fixed
from envs.batched import BatchedGame

MAX_FILE = 2**22
"""Largest file that is read, bytes."""


@dataclass(frozen=True)
class Table:
    """What one learner of a pair came to.

    Attributes:
        method: how it learned, and among whom if the other learned otherwise: ``lola_exact``, ``lola_exact_vs_naive``.
        seed: of the pair; player: 0 or 1.
        probabilities: of cooperating after start, CC, CD, DC, DD.
        payoffs: of the game it learned in, [player][action of the first][action of the second].
    """

    method: str
    seed: int
    player: int
    probabilities: tuple[float, ...]
    payoffs: tuple[Any, ...]

    @property
    def label(self) -> str:
        """``<method>/<seed>/learner_<player>``."""
        return f"{self.method}/{self.seed}/learner_{self.player}"

    def co_player(self, game: BatchedGame) -> CoPlayer:
        """To be met in a game.

        Raises:
            UserError: if it learned in another one.
        """
        payoffs = getattr(game, "payoffs", None)
        if payoffs is None or not np.array_equal(np.asarray(payoffs), np.array(self.payoffs, dtype=np.float32)):
            raise UserError(f"{self.label} learned with other payoffs than {game.spec.name} has; leave out its file")
        return fixed(self.label, self.probabilities)


def tables_of(path: Path) -> list[Table]:
    """Both learners of every pair in a file, by seed.

    Raises:
        UserError: one line, if it is no such file.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise ValueError(f"larger than {MAX_FILE >> 20} MiB")
        found = json.loads(path.read_text(encoding="utf-8"))
        first, second = (str(name) for name in found["methods"])
        methods = (first, second) if first == second else (f"{first}_vs_{second}", f"{second}_vs_{first}")
        payoffs = np.array(found["world"]["payoffs"], dtype=np.float64)
        if payoffs.shape != (2, 2, 2):
            raise ValueError("payoffs must have shape [2, 2, 2]")
        return [_table(row, method, player, payoffs) for row in found["seeds"] for player, method in enumerate(methods)]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); copy it to a place of your own") from None
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise UserError(f"{path} is no file of `coop-icl baselines` ({reason}); write it again") from None


def _table(row: Mapping[str, Any], method: str, player: int, payoffs: np.ndarray) -> Table:
    chances = tuple(float(p) for p in row["policy"][player])
    fixed(method, chances)  # refuses what is no policy
    return Table(method, int(row["seed"]), player, chances, tuple(payoffs.tolist()))
