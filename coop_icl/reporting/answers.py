"""``evaluation.md``: what the learners of many runs answered, one number a learner for each question, side by side.

From the answers that ``coop-icl evaluate`` kept beside the runs; nothing is played here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from coop_icl.errors import UserError
from coop_icl.evaluation.kept import file_of, kept
from coop_icl.evaluation.subjects import subjects_of
from coop_icl.reporting.intervals import interval
from coop_icl.reporting.tables import markdown

Result = Mapping[str, Any]
Learners = dict[str, dict[str, float | str]]
"""Numbers (or words) of each learner of a run, by question."""

Runs = Mapping[tuple[str, int], Learners]
"""By experiment and seed."""

LABEL = "why it cooperates"


def _with(name: str, key: str) -> Callable[[Result], float | None]:
    return lambda result: next(one[key] for one in result["probes"] if one["co_player"] == name)


def _share(result: Result) -> float | None:
    """The middle of the interval, which is as wide as the bounds are apart."""
    least, most = result["tabular"]["share_of_bayes"]
    return None if least is None or most is None else (least + most) / 2


def _adapted(result: Result) -> float:
    return float(np.mean([one["adapted_from"] is not None for one in result["co_players"]]))


def _over_alld(result: Result) -> float:
    return float(np.mean([family["over_alld"] for family in result["families"]]))


def _at(key: str, rounds: int) -> Callable[[Result], float | None]:
    return lambda result: dict(zip(result["seen"], result["learner"][key], strict=True)).get(rounds)


def _explained(kind: str) -> Callable[[Result], float]:
    return lambda result: float(np.mean(result["r2"][kind][-1]))


def _label(result: Result) -> str:
    return result["label"]


def _stops(result: Result) -> float | None:
    share = result["shares"][str(result["judged_at"])]["stops"]
    return None if share is None else share["value"]


def _slope(result: Result) -> float | None:
    chi = result["line"]["chi"] if result["line"] else None
    return None if chi is None else chi["value"]


QUESTIONS: dict[str, tuple[str, Callable[[Result], float | str | None]]] = {
    "late cooperation with TFT": ("probes", _with("tft", "cooperation_late")),
    "late cooperation with ALLC": ("probes", _with("allc", "cooperation_late")),
    "late cooperation with ALLD": ("probes", _with("alld", "cooperation_late")),
    "payoff with tabular agents": ("best_response", lambda result: result["tabular"]["payoff"]),
    "share of what inference can gain": ("best_response", _share),
    "share of co-players adapted to": ("adaptation", _adapted),
    "score, held-out suite": ("suite", lambda result: result["score"]),
    "payoff there over ALLD's": ("suite", _over_alld),
    "payoff, Axelrod library": ("axelrod", lambda result: result["payoff"]),
    "cooperation that goes when it stops being repaid": ("intervention", _stops),
    LABEL: ("intervention", _label),
    "learner or tabular, AUC after 5 rounds": ("state_probes", _at("auc", 5)),
    "variance of the co-player's parameters explained": ("state_probes", _explained("state")),
    "the same, by a Bayesian": ("state_probes", _explained("posterior")),
    "slope of payoffs with tabular agents (above 1 extorts)": ("extortion", _slope),
    "payoff ahead of fellow learners": ("extortion", lambda result: result["with_learners"]),
}
"""What is shown: the analysis, and its number or word of an answer, None where it has none."""


def collect(run: Path) -> Learners:
    """Of each learner of a run what it answered, as far as it was asked.

    Raises:
        UserError: if an answer is damaged, naming the file.
    """
    found: Learners = {}
    for subject in subjects_of(run):
        for question, (analysis, number) in QUESTIONS.items():
            entry = kept(run, analysis, subject)
            if entry is None or "result" not in entry:
                continue
            try:
                value = number(entry["result"])
            except (KeyError, TypeError, ValueError, IndexError, StopIteration) as error:
                file = file_of(run, analysis)
                raise UserError(f"{file} is no answer of {analysis} ({error!r}); evaluate the run again") from None
            if value is not None:
                found.setdefault(subject.name, {})[question] = value if isinstance(value, str) else round(value, 4)
    return found


def text(runs: Runs) -> str:
    """The answers in Markdown: a table over seeds, and one with every seed; ``runs`` by experiment and seed."""
    experiments = list(dict.fromkeys(name for name, _ in runs))
    asked = [one for one in QUESTIONS if any(one in learner for run in runs.values() for learner in run.values())]
    over = [(one, *(_over_seeds(runs, name, one) for name in experiments)) for one in asked]
    by_seed = [(f"{name} {seed}", *(_of_run(run, one) for one in asked)) for (name, seed), run in runs.items()]
    parts = [
        "Means over the learners of a seed; the mean over seeds with its 95% bootstrap interval.",
        markdown(("", *experiments), over),
        "Every seed, means over its learners:",
        markdown(("run", *asked), by_seed),
    ]
    return "\n\n".join(parts) + "\n"


def labels(run: Learners) -> Counter[str]:
    """How many learners of a run cooperate for which reason."""
    return Counter(str(learner[LABEL]) for learner in run.values() if LABEL in learner)


def numbers(run: Learners, question: str) -> list[float]:
    """Of each learner of a run that has one."""
    return [float(learner[question]) for learner in run.values() if question in learner]


def _over_seeds(runs: Runs, experiment: str, question: str) -> str:
    of_it = [run for (name, _), run in runs.items() if name == experiment]
    if question == LABEL:
        return _listed(sum((labels(run) for run in of_it), Counter()))
    means = [float(np.mean(found)) for run in of_it if (found := numbers(run, question))]
    if not means:
        return "-"
    over = interval(means)
    spread = "" if over.low is None else f" ({over.low:.2f} to {over.high:.2f})"
    return f"{over.mean:.2f}{spread}"


def _of_run(run: Learners, question: str) -> str:
    if question == LABEL:
        return _listed(labels(run))
    found = numbers(run, question)
    return f"{np.mean(found):.2f}" if found else "-"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {label}" for label, count in sorted(counts.items(), key=lambda x: -x[1])) or "-"
