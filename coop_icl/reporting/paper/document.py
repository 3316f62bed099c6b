"""``paper.md``: for each figure of the paper our picture, the verdicts and what it cost, between notes written by hand.

Everything here is generated; the words between are ``notes/intro.md`` and ``notes/fig<n>.md`` beside the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from coop_icl.reporting.paper.data import Seed
from coop_icl.reporting.paper.figures import FIGURES, Figure, at_scale
from coop_icl.reporting.paper.verdicts import judge, table
from coop_icl.runs.files import write_text

DOCUMENTS = {"laptop": "paper.md", "paper": "paper_scale.md"}
"""The document of each scale, beside the folder of data."""


def picture_of(figure: Figure, scale: str) -> str:
    """The file name of a figure's picture."""
    return f"fig{figure.name}.png" if scale == "laptop" else f"fig{figure.name}_{scale}.png"


def write(folder: Path, scale: str, data: Mapping[str, Sequence[Seed]]) -> Path:
    """Write the document of all figures beside ``folder``, which holds data, pictures and notes; returns its path."""
    path = folder.parent / DOCUMENTS[scale]
    parts = [_note(folder, "intro", scale)]
    for figure in FIGURES:
        parts += [section(figure, folder, scale, data), _note(folder, f"fig{figure.name}", scale)]
    write_text(path, "\n\n".join(part for part in parts if part) + "\n")
    return path


def section(figure: Figure, folder: Path, scale: str, data: Mapping[str, Sequence[Seed]]) -> str:
    """One figure in Markdown."""
    picture = folder / picture_of(figure, scale)
    parts = [f"## Figure {figure.name}: {figure.title}"]
    if picture.is_file():
        parts.append(f"![{figure.title}]({folder.name}/{picture.name})")
    command = f"make reproduce FIG={figure.name}" + ("" if scale == "laptop" else f" SCALE={scale}")
    trained = command if scale == "paper" else f"{command} TRAIN=1"
    parts.append(f"Drawn by `{command}{' TRAIN=' if scale == 'paper' else ''}` from the data; trained by `{trained}`.")
    parts.append(table(judge(figure, scale, data)))
    parts.append(costs([at_scale(name, scale) for name in figure.experiments], data))
    return "\n\n".join(parts)


def costs(experiments: Sequence[str], data: Mapping[str, Sequence[Seed]]) -> str:
    """Command, wall time and rounds of each experiment's runs."""
    lines = ["| experiment | command | minutes, by seed | million rounds, by seed | commit |", "|---|---|---|---|---|"]
    for name in experiments:
        seeds = data.get(name, ())
        if not seeds:
            lines.append(f"| `{name}` | `make train EXP={name} SEEDS=0-4` | not run | - | - |")
            continue
        numbers = ",".join(str(seed["seed"]) for seed in seeds)
        minutes = " ".join(f"{seed['seconds'] / 60:.1f}" for seed in seeds)
        rounds = " ".join(f"{seed['rounds'] / 1e6:.1f}" for seed in seeds)
        commits = " ".join(dict.fromkeys(str(seed["commit"])[:7] for seed in seeds))
        lines.append(f"| `{name}` | `make train EXP={name} SEEDS={numbers}` | {minutes} | {rounds} | {commits} |")
    return "\n".join(lines)


def _note(folder: Path, name: str, scale: str) -> str:
    """What was written by hand, nothing if there is none; notes are on the laptop's runs."""
    path = folder / "notes" / f"{name}.md"
    return path.read_text(encoding="utf-8").strip() if path.is_file() and scale == "laptop" else ""
