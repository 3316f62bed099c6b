"""``coop-icl verify``: whether finished runs show what their experiment claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coop_icl.config import ExperimentConfig, load
from coop_icl.errors import UserError
from coop_icl.evaluation.probing import probe_path
from coop_icl.hints import how_to
from coop_icl.reporting.intervals import Interval, interval
from coop_icl.reporting.tables import markdown
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.finding import differing, find_runs
from coop_icl.runs.reading import config_of, summary_of

PROBE = "probe/"
"""``probe/<co-player>/<column>`` is a column of ``Probe.row``, played now by the policies of the run, their mean."""


@dataclass(frozen=True)
class Verdict:
    """One figure that an experiment claims.

    Attributes:
        experiment: its name; band: what is claimed of the mean of its ``figure``, a tag of ``summary.json``'s
            ``final`` or of a probe (``PROBE``).
        seeds: the figure of each finished run, by seed.
        found: its mean.
    """

    experiment: str
    figure: str
    band: tuple[float, float]
    seeds: dict[int, float]
    found: Interval

    @property
    def word(self) -> str:
        """``pass`` if the mean lies in the band, else ``falls short``."""
        return "pass" if self.band[0] <= self.found.mean <= self.band[1] else "falls short"


def verdicts(experiment: str, runs: Path) -> list[Verdict]:
    """One for each figure that the experiment, or each of its stages, expects.

    Raises:
        UserError: if an experiment has no finished run, or expects nothing.
    """
    config = load(experiment, runs=runs)
    configs = [load(stage, runs=runs) for stage in config.stages] or [config]
    found = [verdict for one in configs for verdict in verdicts_of(one, _runs_of(one, runs))]
    if not found:
        raise UserError(f"{experiment} expects no figure; give it 'expect: {{figure: [low, high]}}'")
    return found


def verify(experiment: str, runs: Path) -> int:
    """Print a table of verdicts; 0 if all pass, else 1."""
    found = verdicts(experiment, runs)
    print(table(found))
    for line in left_out(experiment, runs):
        print(line)
    return 0 if all(verdict.word == "pass" for verdict in found) else 1


def left_out(experiment: str, runs: Path) -> list[str]:
    """Return a line for each run of the experiment that does not count, or counts with other settings."""
    config = load(experiment, runs=runs)
    lines = []
    for one in [load(stage, runs=runs) for stage in config.stages] or [config]:
        for run in _runs_of(one, runs):
            summary = summary_of(run) if run.summary.is_file() else None
            if summary is None or not summary["finished"]:
                lines.append(
                    f"{run.path} is not finished and does not count; {how_to('resume', run.path)} goes on with it"
                )
            elif other := [key for key in differing(config_of(run), one) if key != "seed"]:
                lines.append(f"{run.path} was trained with other settings: {', '.join(other)}")
    return lines


def table(found: Sequence[Verdict]) -> str:
    """A table in Markdown, readable in a terminal."""
    head = ("experiment", "figure", "claimed", "seeds", "mean", "interquartile mean", "95% interval", "verdict")
    rows = [
        (
            v.experiment,
            v.figure,
            f"{v.band[0]:g} to {v.band[1]:g}",
            " ".join(f"{value:.2f}" for value in v.seeds.values()),
            f"{v.found.mean:.3f}",
            f"{v.found.iqm:.3f}",
            "-" if v.found.low is None else f"{v.found.low:.3f} to {v.found.high:.3f}",
            v.word,
        )
        for v in found
    ]
    return markdown(head, rows)


def verdicts_of(config: ExperimentConfig, runs: Iterable[RunDirectory]) -> list[Verdict]:
    """One for each figure that ``config`` expects, of those of its ``runs`` that are finished.

    Raises:
        UserError: if none is, or one lacks a figure.
    """
    if not config.expect:
        return []
    finals = {}
    for run in runs:
        summary = summary_of(run) if run.summary.is_file() else None
        if summary is not None and summary["finished"]:
            finals[summary["seed"]] = {**summary["final"], **_probed(run.path, config.expect)}
    if not finals:
        raise UserError(f"no finished run of {config.name}; train it first: {how_to('train', config.name)}")
    return [_verdict(config.name, figure, band, dict(sorted(finals.items()))) for figure, band in config.expect.items()]


def _runs_of(config: ExperimentConfig, runs: Path) -> list[RunDirectory]:
    return find_runs([runs / config.name]) if config.expect else []


def _probed(run: Path, figures: Iterable[str]) -> dict[str, float]:
    """Those of ``figures`` that are columns of probes, means over learners; unknown columns are left out."""
    wanted = [figure for figure in figures if figure.startswith(PROBE) and figure.count("/") == 2]
    kinds = list(dict.fromkeys(figure.split("/")[1] for figure in wanted))
    if not kinds:
        return {}
    found = probe_path(run, kinds)["probes"].values()
    rows = [dict(zip(kinds, some, strict=True)) for some in found]
    values = {figure: [row[figure.split("/")[1]].get(figure.split("/")[2]) for row in rows] for figure in wanted}
    return {
        figure: float(np.mean(some))
        for figure, some in values.items()
        if all(isinstance(value, float) for value in some)
    }


def _verdict(experiment: str, figure: str, band: Sequence[float], finals: dict[int, dict[str, float]]) -> Verdict:
    lacking = [seed for seed, final in finals.items() if figure not in final]
    if lacking:
        raise UserError(f"{experiment} seed {lacking[0]} has no figure '{figure}'; see 'final' in its summary.json")
    seeds = {seed: final[figure] for seed, final in finals.items()}
    return Verdict(experiment, figure, (band[0], band[1]), seeds, interval(list(seeds.values())))
