"""What a part of ``beyond`` consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coop_icl.config import names


@dataclass(frozen=True)
class Setting:
    """What is trained, with every seed.

    Attributes:
        experiment: its name.
        overrides: ``key=value`` words.
        name: what its runs' folder is called; by default as the experiment.
    """

    experiment: str
    overrides: tuple[str, ...] = ()
    name: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The overrides, and the name."""
        return (*self.overrides, f"name={self.name}") if self.name else self.overrides

    @property
    def runs(self) -> str:
        """The folder of its runs in the folder of all."""
        return self.name or self.experiment


@dataclass(frozen=True)
class Part:
    """One part of ``beyond``.

    Attributes:
        name: on the command line; title: in the document.
        items: what can be trained by itself, by name on the command line.
        measure: ``(items, runs, folder)``: add the data of finished runs to those in ``folder``.
        draw: ``(folder)``: draw all pictures from the data there, into it.
        text: ``(folder)``: its section in Markdown, from the data there, without heading.
        folder: where in the folder of runs its runs are.
    """

    name: str
    title: str
    items: Mapping[str, tuple[Setting, ...]]
    measure: Callable[[Sequence[str], Path, Path], None]
    draw: Callable[[Path], None]
    text: Callable[[Path], str]
    folder: str = ""

    def settings(self, items: Sequence[str]) -> tuple[list[Setting], list[str]]:
        """What has to be trained for some items, each once, and names of experiments that there are not."""
        every = list(dict.fromkeys(setting for item in items for setting in self.items[item]))
        known = set(names())
        missing = dict.fromkeys(setting.experiment for setting in every if setting.experiment not in known)
        return [setting for setting in every if setting.experiment in known], list(missing)

    def command(self, item: str = "") -> str:
        """How all of it, or one item, is trained, measured and drawn."""
        return f"make beyond PART={self.name} TRAIN=1" + (f' ARGS="--only {item}"' if item else "")
