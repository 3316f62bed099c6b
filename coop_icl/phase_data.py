"""What a learner of PPI has lived through, on disk: a byte a round, so that 800,000 trajectories (the paper's) fit.

Each phase is a folder with ``symbols.npy`` int8 [N, T], the joint outcome after each round in the learner's view (own
action first; actions and payoffs follow from it), ``seats.npy`` int8 [N], and ``told.npy`` float32 [N, K], what the
learner was told of its co-player. A phase is there whole or not at all; files are memory-mapped, never unpickled.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.errors import UserError
from coop_icl.trajectory import Trajectory

KINDS = {"symbols": np.int8, "seats": np.int8, "told": np.float32}
"""Files of a phase, and what they hold."""


MOST_OUTCOMES = 127
"""A symbol is a byte with a sign."""


class DataError(UserError):
    """Trajectories cannot be read; the message is one line and names the folder."""


@dataclass(frozen=True)
class Lived:
    """Trajectories of a learner: symbols int8 [N, T], seats int8 [N], told float32 [N, K]; as in the files."""

    symbols: NDArray[np.int8]
    seats: NDArray[np.int8]
    told: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def outcomes(self) -> NDArray[np.int8]:
        """Int8 [T, N], what was seen before each round."""
        seen = np.zeros(self.symbols.T.shape, np.int8)
        seen[1:] = self.symbols[:, :-1].T
        return seen


def lived(trajectory: Trajectory, agents: Sequence[int], num_actions: int) -> Lived:
    """The trajectories of ``agents`` (one learner, or all that share its weights); episodes have the full length."""
    found = [trajectory.matchups.games_of(agent) for agent in agents]
    seats, games = (np.concatenate(part) for part in zip(*found, strict=True))
    own, other = trajectory.actions[:, seats, games], trajectory.actions[:, 1 - seats, games]
    return Lived(
        (1 + num_actions * own + other).T.astype(np.int8), seats.astype(np.int8), trajectory.told[seats, games]
    )


class PhaseData:
    """The trajectories of one learner, by phase; phase 0 is what it was pretrained on."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def write(self, phase: int, trajectories: Lived) -> None:
        """Keep a phase, in place of one of that number that may be there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".phase.", dir=self.folder))
        try:
            for name in KINDS:
                np.save(staging / f"{name}.npy", np.ascontiguousarray(getattr(trajectories, name)), allow_pickle=False)
            shutil.rmtree(self._of(phase), ignore_errors=True)
            os.rename(staging, self._of(phase))
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def phases(self) -> list[int]:
        """Those that are there, in order."""
        names = (path.name for path in self.folder.iterdir()) if self.folder.is_dir() else ()
        return sorted(int(match[1]) for match in (re.fullmatch(r"phase_(\d+)", name) for name in names) if match)

    def open(self, phases: Iterable[int]) -> Library:
        """Some phases, memory-mapped.

        Raises:
            DataError: if one is missing or damaged.
        """
        return Library([self._read(phase) for phase in phases])

    def _read(self, phase: int) -> Lived:
        folder = self._of(phase)
        try:
            arrays = [np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in KINDS]
        except (OSError, ValueError) as error:
            line = str(error).splitlines()[0]
            raise DataError(f"{folder} cannot be read ({line}); train again in another folder") from None
        return Lived(*arrays)

    def _of(self, phase: int) -> Path:
        return self.folder / f"phase_{phase:04d}"


class Library:
    """Trajectories of several phases under one numbering."""

    def __init__(self, parts: Sequence[Lived]) -> None:
        self._parts = parts
        self._edges = np.cumsum([0, *(len(part) for part in parts)])

    def __len__(self) -> int:
        return int(self._edges[-1])

    def take(self, rows: NDArray[np.integer]) -> Lived:
        """Some trajectories, by number, in that order."""
        of = np.searchsorted(self._edges, rows, side="right") - 1
        first = self._parts[0]
        taken: dict[str, Any] = {
            name: np.empty((len(rows), *getattr(first, name).shape[1:]), kind) for name, kind in KINDS.items()
        }
        for number in np.unique(of):
            where = of == number
            for name, array in taken.items():
                array[where] = getattr(self._parts[number], name)[rows[where] - self._edges[number]]
        return Lived(**taken)
