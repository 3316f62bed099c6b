"""``coop-icl reproduce``: measure finished runs, then draw and judge figures from the data alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coop_icl.config import names
from coop_icl.reporting.paper import data as store
from coop_icl.reporting.paper.document import picture_of, section, write
from coop_icl.reporting.paper.drawing import draw
from coop_icl.reporting.paper.figures import FIGURES, Figure, at_scale
from coop_icl.reporting.paper.verdicts import judge


def needed(figures: Sequence[Figure], scale: str) -> tuple[list[str], list[str]]:
    """Experiments to be trained for figures at a scale, in order, and those that there are not.

    Raises:
        UserError: if there is no such scale.
    """
    known = set(names())
    every = list(dict.fromkeys(at_scale(name, scale) for figure in figures for name in figure.experiments))
    return [name for name in every if name in known], [name for name in every if name not in known]


def measure(experiments: Sequence[str], runs: Path, folder: Path) -> None:
    """Write the data of what is finished, and say how many seeds that is."""
    for name in experiments:
        print(f"{name}: {store.measure(name, runs, folder)} finished runs measured", flush=True)


def show(figures: Sequence[Figure], scale: str, folder: Path) -> int:
    """Draw figures, print their verdicts, write the document; 0 if every row passes, else 1.

    Raises:
        UserError: if data are damaged.
    """
    every = {at_scale(name, scale) for figure in FIGURES for name in figure.experiments}
    data = {name: store.read(folder, name) for name in sorted(every)}
    folder.mkdir(parents=True, exist_ok=True)
    words = []
    for figure in figures:
        draw(figure, scale, data, folder / picture_of(figure, scale))
        print(section(figure, folder, scale, data) + "\n")
        words += [verdict.word for verdict in judge(figure, scale, data)]
    print(f"written to {write(folder, scale, data)} and {folder}")
    return 0 if set(words) <= {"pass"} else 1
