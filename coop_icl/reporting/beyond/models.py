"""Part ``models``: the same recipe with a GRU, an LSTM and a transformer of about as many parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

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

CORES = {"gru": "GRU", "lstm": "LSTM", "lstm_wide": "LSTM, wide", "transformer": "transformer"}
"""In words, by name."""
EXPERIMENTS = {
    "gru": "ipd_ingredients",
    "lstm": "ipd_icl_lstm",
    "lstm_wide": "ipd_icl_lstm_wide",
    "transformer": "ipd_icl_transformer",
}
"""What is trained with each; all but the wide one have about as many parameters."""
ASKED = ("learner_0", "learner_1")
EPISODES = 64
"""Per matchup of the analyses; the best response is asked of eight times as many."""
PICTURE = "models.png"


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


COLUMNS: dict[str, tuple[Value, int]] = {
    "updates to lasting cooperation": (to_cooperation("update"), 0),
    "million rounds": (to_cooperation("rounds", 1e6), 1),
    "minutes": (to_cooperation("seconds", 60), 1),
    "short of Bayes": (asked("gap"), 3),
    "short of the best response to a known one": (asked("gap_to_known"), 3),
    "co-players adapted to": (asked("adapted"), 2),
    "adapted from round": (asked("adapted_from"), 1),
    "to TFT from round": (asked("adapted_to_tft"), 1),
}
"""Beside cooperation: what it is, of a seed, and its digits."""


def _measure(items: Sequence[str], runs: Path, folder: Path) -> None:
    for core in items:
        measure(EXPERIMENTS[core], runs, folder, about)


def _draw(folder: Path) -> None:
    shown = ("minutes", "short of Bayes", "co-players adapted to", "adapted from round")
    figure, (curves, *axes) = grid(1 + len(shown), 5)
    data = {core: read(folder, EXPERIMENTS[core]) for core in CORES}
    for colour, (core, title) in zip(COLOURS, CORES.items(), strict=False):
        over_training(curves, data[core], colour, title)
    dress(curves, "cooperation with each other", "update", limits=UNIT)
    for axis, name in zip(axes, shown, strict=True):
        for x, (core, colour) in enumerate(zip(CORES, COLOURS, strict=False)):
            dots(axis, x, numbers(data[core], COLUMNS[name][0]), colour)
        axis.set_xticks(range(len(CORES)), list(CORES.values()))
        axis.set_xlim(-0.6, len(CORES) - 0.4)
        axis.set_ylim(bottom=0)
        dress(axis, "minutes to lasting cooperation" if name == "minutes" else name)
    save(figure, folder / PICTURE)


def _text(folder: Path) -> str:
    data = {EXPERIMENTS[core]: read(folder, EXPERIMENTS[core]) for core in CORES}
    shown = picture(folder, PICTURE, "Sequence models, a line or a dot a seed")
    return "\n\n".join([shown, results(list(data.values())), costs(list(data), data)])


def results(data: Sequence[Sequence[Seed]]) -> str:
    """A row a core: cooperation with each other, then ``COLUMNS``, seed by seed."""
    rows = []
    for title, seeds in zip(CORES.values(), data, strict=True):
        sizes = dict.fromkeys(str(seed["parameters"]) for seed in seeds if "parameters" in seed)
        rate = (by_seed(seeds, final(RATE)), spread(seeds, final(RATE)))
        cells = [" ".join(sizes) or "-", *rate, *(by_seed(seeds, of, digits) for of, digits in COLUMNS.values())]
        rows.append((title, *(cells if seeds else ["-", "not run", *["-"] * (1 + len(COLUMNS))])))
    return markdown(("core", "parameters", "cooperation with each other, by seed", "mean (95%)", *COLUMNS), rows)


MODELS = Part(
    "models",
    "Other sequence models",
    {core: (Setting(EXPERIMENTS[core]),) for core in CORES},
    _measure,
    _draw,
    _text,
)
