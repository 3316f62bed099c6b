"""Part ``models``: a GRU, an LSTM and a transformer of about as many parameters, in a mixed pool and alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.axes import Axes

from coop_icl.evaluation.analysis import Effort
from coop_icl.evaluation.asking import evaluate
from coop_icl.reporting.beyond.cells import RATE, Value, by_seed, final, numbers, spread, to_cooperation
from coop_icl.reporting.beyond.document import picture
from coop_icl.reporting.beyond.measuring import measure, read
from coop_icl.reporting.beyond.panels import UNIT, dots, dress, grid, over_training
from coop_icl.reporting.beyond.part import Part, Setting
from coop_icl.reporting.paper.document import costs
from coop_icl.reporting.paper.probing import policies_in
from coop_icl.reporting.pictures import COLOURS, save
from coop_icl.reporting.seed_data import Seed
from coop_icl.reporting.tables import markdown
from coop_icl.runs.directory import RunDirectory

MIXED = {
    "gru": ("GRU", "ipd_ingredients"),
    "lstm": ("LSTM", "ipd_icl_lstm"),
    "lstm_wide": ("LSTM, wide", "ipd_icl_lstm_wide"),
    "transformer": ("transformer", "ipd_icl_transformer"),
    "ample_gru": ("GRU, ample", "ipd_ample"),
    "ample_lstm": ("LSTM, ample", "ipd_ample_lstm"),
}
"""Learners of a mixed pool by name: in words, and what is trained. Ample ones have more data and a wider prior; all but
the wide one have about as many parameters."""
ALONE = {
    "alone_gru": ("GRU", "ipd_inference"),
    "alone_lstm": ("LSTM", "ipd_inference_lstm"),
    "alone_transformer": ("transformer, 1 block", "ipd_inference_transformer"),
    "alone_transformer_2": ("transformer, 2 blocks", "ipd_inference_transformer_2"),
}
"""The same of learners that meet tabular agents only."""
EXPERIMENTS = {core: experiment for core, (_, experiment) in (MIXED | ALONE).items()}
WITH_TABULAR = "payoff/learner-tabular"
ASKED = ("learner_0", "learner_1")
EPISODES = 64
"""Per matchup of the analyses; the best response is asked of eight times as many."""
PICTURE = "models.png"
ALONE_HEAD = "### Inference alone\n\nOne learner that meets tabular agents only, Beta(.5, .5)."


def about(run: RunDirectory) -> dict[str, Any]:
    """``parameters`` of one policy, and what analyses say of ``ASKED``; nothing for a run without policies.

    By learner: ``gap``, payoff a round short of the Bayes-optimal response to tabular agents (the middle of its
    bounds), ``gap_to_known`` of that to known ones, ``adapted`` the share of co-players to which it adapts,
    ``adapted_from`` the mean round from which it has adapted to these, None if there are none, and
    ``adapted_to_tft`` for tit for tat.

    Raises:
        UserError: if a policy cannot be read.
    """
    policies = policies_in(run.policies / "final")
    if not policies:
        return {}
    learners = [name for name in ASKED if (run.policies / "final" / name).is_dir()]
    answers = evaluate(run.path, ("best_response", "adaptation"), learners, Effort(EPISODES))
    asked = {name: _brief(*(answers[analysis][name] for analysis in answers)) for name in learners}
    return {"parameters": sum(weights.numel() for weights in policies[0].parameters()), "asked": asked}


def _brief(response: dict[str, Any], adaptation: dict[str, Any]) -> dict[str, float | None]:
    """The numbers of ``about`` that the answers hold; none where an analysis makes no sense."""
    found: dict[str, float | None] = {}
    if "skipped" not in response:
        least, most = response["tabular"]["gap_to_bayes"]
        found |= {"gap": round((least + most) / 2, 4), "gap_to_known": round(response["tabular"]["gap_to_known"], 4)}
    if "skipped" not in adaptation:
        rounds = {one["co_player"]: one["adapted_from"] for one in adaptation["co_players"]}
        reached = [number for number in rounds.values() if number is not None]
        found |= {"adapted": round(len(reached) / len(rounds), 4), "adapted_to_tft": rounds["tft"]}
        found["adapted_from"] = round(mean(reached), 2) if reached else None
    return found


def asked(key: str) -> Value:
    """A number of ``about``, mean over the learners that have it."""

    def found(seed: Seed) -> float | None:
        values = [learner.get(key) for learner in seed.get("asked", {}).values()]
        values = [value for value in values if value is not None]
        return sum(values) / len(values) if values else None

    return found


INFERENCE: dict[str, tuple[Value, int]] = {
    "short of Bayes": (asked("gap"), 3),
    "short of the best response to a known one": (asked("gap_to_known"), 3),
    "co-players adapted to": (asked("adapted"), 2),
    "adapted from round": (asked("adapted_from"), 1),
    "to TFT from round": (asked("adapted_to_tft"), 1),
}
"""How well co-players are inferred: what it is, of a seed, and its digits."""
COOPERATION: dict[str, tuple[Value, int]] = {
    "updates to lasting cooperation": (to_cooperation("update"), 0),
    "million rounds": (to_cooperation("rounds", 1e6), 1),
    "minutes": (to_cooperation("seconds", 60), 1),
}
"""How soon learners cooperate with each other."""
COLUMNS = COOPERATION | INFERENCE


def _measure(items: Sequence[str], runs: Path, folder: Path) -> None:
    for core in items:
        measure(EXPERIMENTS[core], runs, folder, about)


def _draw(folder: Path) -> None:
    shown = ("minutes", "short of Bayes", "adapted from round")
    figure, (curves, *axes, alone, gaps) = grid(3 + len(shown), 3)
    mixed = [(title, read(folder, experiment)) for title, experiment in MIXED.values()]
    only = [(title, read(folder, experiment)) for title, experiment in ALONE.values()]
    for colour, (title, seeds) in zip(COLOURS, mixed, strict=False):
        over_training(curves, seeds, colour, title)
    dress(curves, "cooperation with each other", "update", limits=UNIT)
    for axis, name in zip(axes, shown, strict=True):
        _dots(axis, mixed, name)
        dress(axis, "minutes to lasting cooperation" if name == "minutes" else name)
    for colour, (title, seeds) in zip(COLOURS, only, strict=False):
        over_training(alone, seeds, colour, title, WITH_TABULAR)
    dress(alone, "inference alone: payoff from tabular agents", "update", limits=(0.7, 1.1))
    _dots(gaps, only, "short of Bayes")
    dress(gaps, "inference alone: short of Bayes")
    save(figure, folder / PICTURE)


def _dots(axis: Axes, rows: Sequence[tuple[str, Sequence[Seed]]], name: str) -> None:
    """One of ``COLUMNS``, a dot a seed."""
    for x, ((_, seeds), colour) in enumerate(zip(rows, COLOURS, strict=False)):
        dots(axis, x, numbers(seeds, COLUMNS[name][0]), colour)
    axis.set_xticks(range(len(rows)), [title.replace(", ", "\n") for title, _ in rows], rotation=30)
    axis.set_xlim(-0.6, len(rows) - 0.4)
    axis.set_ylim(bottom=0)


def _text(folder: Path) -> str:
    data = {experiment: read(folder, experiment) for experiment in EXPERIMENTS.values()}
    shown = picture(folder, PICTURE, "Sequence models, a line or a dot a seed")
    alone = f"{ALONE_HEAD}\n\n{inference(data)}"
    return "\n\n".join([shown, results(data), alone, costs(list(data), data)])


def results(data: Mapping[str, Sequence[Seed]]) -> str:
    """A row of each of ``MIXED``: cooperation with each other, then ``COLUMNS``, seed by seed."""
    return _table(MIXED, "cooperation with each other", RATE, COLUMNS, data)


def inference(data: Mapping[str, Sequence[Seed]]) -> str:
    """A row of each of ``ALONE``: payoff from tabular agents, then ``INFERENCE``, seed by seed."""
    return _table(ALONE, "payoff from tabular agents", WITH_TABULAR, INFERENCE, data)


def _table(
    named: Mapping[str, tuple[str, str]],
    what: str,
    tag: str,
    columns: Mapping[str, tuple[Value, int]],
    data: Mapping[str, Sequence[Seed]],
) -> str:
    rows = []
    for title, experiment in named.values():
        seeds = data[experiment]
        sizes = dict.fromkeys(str(seed["parameters"]) for seed in seeds if "parameters" in seed)
        cells = [" ".join(sizes) or "-", by_seed(seeds, final(tag)), spread(seeds, final(tag))]
        cells += [by_seed(seeds, of, digits) for of, digits in columns.values()]
        rows.append((title, *(cells if seeds else ["-", "not run", *["-"] * (1 + len(columns))])))
    return markdown(("core", "parameters", f"{what}, by seed", "mean (95%)", *columns), rows)


MODELS = Part(
    "models",
    "Other sequence models",
    {core: (Setting(experiment),) for core, experiment in EXPERIMENTS.items()},
    _measure,
    _draw,
    _text,
)
