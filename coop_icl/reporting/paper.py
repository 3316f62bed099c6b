"""``coop-icl reproduce``: rows of the paper's figures beside ours, seed by seed.

The paper's numbers are read off its plots, to about .02. A figure is measured from finished runs into a file, and
drawn and judged from that file alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.evaluation.probes import meet
from coop_icl.evaluation.report import evaluate, policies_of
from coop_icl.reporting.intervals import interval
from coop_icl.reporting.pictures import beside
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.files import plain, write_json, write_text
from coop_icl.runs.finding import find_runs
from envs.registry import make_game

NEAR = 0.1
"""A mean passes that is no farther from the paper's."""


@dataclass(frozen=True)
class Row:
    """One number of the paper.

    Attributes:
        experiment: ours that shows it; label: what it is.
        paper: the paper's value for A2C.
        of: the same of one finished run of ours.
    """

    experiment: str
    label: str
    paper: float
    of: Callable[[RunDirectory], float]


@dataclass(frozen=True)
class Figure:
    """Rows of one figure of the paper, ``name`` on the command line."""

    name: str
    title: str
    rows: tuple[Row, ...]

    @property
    def experiments(self) -> list[str]:
        """What has to be trained, in order."""
        return list(dict.fromkeys(row.experiment for row in self.rows))


def _final(tag: str) -> Callable[[RunDirectory], float]:
    """A figure of the last tenth of training."""
    return lambda run: json.loads(run.summary.read_text())["final"][tag]


def _probe(co_player: str, column: str) -> Callable[[RunDirectory], float]:
    """A column of the probes of the first learner."""

    def found(run: RunDirectory) -> float:
        rows = evaluate(run.path, [co_player])["probes"]["learner_0"]
        return rows[0][column]

    return found


def _frozen_payoff(run: RunDirectory) -> float:
    """Mean payoff of the frozen policy of step 1 against the learners of step 2."""
    victim = RunDirectory(run.path.parents[1] / "ipd_step1" / run.path.name)
    frozen = next(iter(policies_of(victim.path).values()))
    game = make_game(frozen.info.game_name, **frozen.info.game_options)
    payoffs = [meet(one.policy, frozen.policy, game).other_payoff for one in policies_of(run.path).values()]
    return sum(payoffs) / len(payoffs)


def _mixed(experiment: str, paper: Sequence[float]) -> tuple[Row, ...]:
    """Payoff and cooperation of learners with each other, then with tabular agents."""
    of = {
        f"{figure} {words}": _final(f"{figure}/learner-{kind}")
        for kind, words in (("learner", "with each other"), ("tabular", "with tabular"))
        for figure in ("payoff", "cooperation")
    }
    return tuple(Row(experiment, label, value, found) for value, (label, found) in zip(paper, of.items(), strict=False))


FIGURES = (
    Figure(
        "1",
        "The mixed pool and its ablations",
        (
            *_mixed("ipd_icl", (0.965, 0.955, 1.02, 0.06)),
            *_mixed("ipd_opponent_id", (0.0, 0.0, 1.05, 0.08)),
            *_mixed("ipd_no_pool", (0.0, 0.0)),
        ),
    ),
    Figure(
        "2",
        "The mechanism: best response, extortion, mutual extortion",
        (
            Row("ipd_step1", "cooperation with TFT, late", 1.0, _probe("tft", "cooperation_late")),
            Row("ipd_step1", "cooperation with ALLC", 0.0, _probe("allc", "cooperation")),
            Row("ipd_step1", "cooperation with ALLD, late", 0.08, _probe("alld", "cooperation_late")),
            Row("ipd_step2", "payoff of the learner", 1.32, _final("payoff/learner-fixed_icl")),
            Row("ipd_step2", "payoff of the frozen policy", -0.04, _frozen_payoff),
            Row("ipd_step2", "cooperation of the learner", 0.41, _final("cooperation/learner-fixed_icl")),
            Row("ipd_step3", "cooperation with each other", 0.57, _final("cooperation/learner-learner")),
        ),
    ),
)


def figures_named(name: str) -> list[Figure]:
    """The figure called ``name``, or all.

    Raises:
        UserError: if there is no such figure.
    """
    found = [figure for figure in FIGURES if name in (figure.name, "all")]
    if not found:
        raise UserError(f"no figure '{name}'; figures: {', '.join(f.name for f in FIGURES)}, all")
    return found


def measure(figure: Figure, runs: Path, out: Path) -> None:
    """Write ``fig<name>.json``: the paper's value, ours by seed, wall time and rounds, from finished runs.

    Raises:
        UserError: if an experiment has no finished run.
    """
    finished = {name: [r for r in find_runs([runs / name]) if r.summary.is_file()] for name in figure.experiments}
    rows = [
        {
            "experiment": row.experiment,
            "label": row.label,
            "paper": row.paper,
            "seeds": {_summary(run)["seed"]: row.of(run) for run in finished[row.experiment]},
        }
        for row in figure.rows
    ]
    cost = [
        {
            "experiment": name,
            "command": f"make train EXP={name} SEEDS={','.join(str(_summary(run)['seed']) for run in found)}",
            "minutes": [_summary(run)["seconds"] / 60 for run in found],
            "rounds": [_summary(run)["rounds"] for run in found],
            "commits": sorted({str(_commit(run)) for run in found}),
        }
        for name, found in finished.items()
    ]
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / f"fig{figure.name}.json", plain({"figure": figure.name, "rows": rows, "cost": cost}))


def draw(figures: Sequence[Figure], out: Path) -> int:
    """Print and write the tables and pictures of measured figures; 0 if every row passes, else 1.

    Raises:
        UserError: if a figure has not been measured.
    """
    passed = True
    for figure in figures:
        path = out / f"fig{figure.name}.json"
        if not path.is_file():
            raise UserError(f"{path} is missing; make it with: coop-icl reproduce {figure.name} --train")
        rows = json.loads(path.read_text())["rows"]
        text = f"## Figure {figure.name}: {figure.title}\n\n{table(rows)}\n"
        print(text)
        write_text(out / f"fig{figure.name}.md", text)
        beside(rows, out / f"fig{figure.name}.png", f"Figure {figure.name}: {figure.title}")
        passed = passed and all(_word(row) == "pass" for row in rows)
    return 0 if passed else 1


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The verdicts in Markdown."""
    lines = [
        "| experiment | figure | paper (A2C) | ours, by seed | mean | interquartile mean | 95% interval | verdict |",
        "|---|---|---:|---|---:|---:|---|---|",
    ]
    for row in rows:
        found = interval(list(row["seeds"].values()))
        spread = "-" if found.low is None else f"{found.low:.2f} to {found.high:.2f}"
        seeds = " ".join(f"{value:.2f}" for value in row["seeds"].values())
        lines.append(
            f"| `{row['experiment']}` | {row['label']} | {row['paper']:.2f} | {seeds} | {found.mean:.2f} | "
            f"{found.iqm:.2f} | {spread} | {_word(row)} |"
        )
    return "\n".join(lines)


def _word(row: dict[str, Any]) -> str:
    return "pass" if abs(interval(list(row["seeds"].values())).mean - row["paper"]) <= NEAR else "falls short"


def _summary(run: RunDirectory) -> dict[str, Any]:
    return json.loads(run.summary.read_text())


def _commit(run: RunDirectory) -> str | None:
    return (json.loads(run.provenance.read_text()).get("git") or {}).get("commit")
