"""Per-seed data of an experiment: measured from finished runs once, kept as JSON lines (one a seed), read by all else.

A seed's data, plain JSON:

- ``experiment``, ``seed``, ``updates``, ``rounds``, ``seconds``, ``commit``;
- ``final``: figures of the last tenth of training by tag (``cooperation/learner-tabular``, ...);
- ``training``: ``update`` and the same tags over training, thinned to at most ``POINTS`` rows;
- ``probes``: what the trained learners did, by kind of co-player, means over learners, see ``Probe.row``, with the
  cooperation rate of both by round; ``learner`` is each other, and frozen co-players of the run come by their kind;
- ``extortion``: by frozen co-player, for each learner its cooperation after CC, CD, DC, DD and the nearest extortioner;
- ``along``: rates by round as in ``probes`` of policies exported on the way, by update.
"""

from __future__ import annotations

from pathlib import Path

import torch

from coop_icl.reporting import seed_data
from coop_icl.reporting.paper.probing import probes_of
from coop_icl.reporting.seed_data import Seed, finished, seed_of
from coop_icl.runs.files import write_rows
from coop_icl.runs.reading import config_of


def path_of(folder: Path, experiment: str) -> Path:
    """The file of an experiment's data."""
    return folder / f"{experiment}.jsonl"


def read(folder: Path, experiment: str) -> list[Seed]:
    """The data of an experiment by seed, none if it has not been measured.

    Raises:
        UserError: if the file is not what ``measure`` writes.
    """
    return seed_data.read(path_of(folder, experiment), ["training"])


def measure(experiment: str, runs: Path, folder: Path) -> int:
    """Write the data of all finished runs of ``experiment`` in ``runs``; returns how many there are.

    A file that is there is replaced if there is at least one finished run, and left alone otherwise.
    """
    found = finished(runs / experiment)
    if found:
        torch.set_num_threads(1)
        folder.mkdir(parents=True, exist_ok=True)
        write_rows(path_of(folder, experiment), [seed_of(run) | probes_of(run, config_of(run)) for run in found])
    return len(found)
