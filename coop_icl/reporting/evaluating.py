"""``coop-icl evaluate``: ask the exported policies of a run, print the answers and keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from coop_icl.errors import UserError
from coop_icl.evaluation.analyses import ANALYSES, QUICK, select
from coop_icl.evaluation.analysis import Effort
from coop_icl.evaluation.asking import Answer, ask
from coop_icl.evaluation.kept import file_of, keep
from coop_icl.evaluation.probing import combined, probing
from coop_icl.evaluation.subjects import subjects_of
from coop_icl.reporting.card import write_cards
from coop_icl.reporting.presenting import presenter
from coop_icl.reporting.run_data import run_around
from coop_icl.reporting.tables import columns, printable
from coop_icl.runs.files import write_json

LONG = 40
"""Rows of a table that are printed."""


def evaluate_path(
    path: Path,
    only: Sequence[str] = QUICK,
    learners: Sequence[str] = (),
    effort: Effort | None = None,
    against: Sequence[str] = (),
) -> int:
    """Ask, print a table and a verdict for each answer as it comes, and keep it (``kept``); returns the exit code.

    Args:
        path: a finished run, or the folder of one policy.
        only: names of analyses; learners: of policies, all by default.
        effort: how thoroughly.
        against: co-players of the probes, if not the usual ones.

    Raises:
        UserError: one line, if a name or a policy is no good, before anything is asked.
    """
    torch.set_num_threads(1)
    effort = (effort or Effort()).check()
    analyses = select(only)
    if against:
        if "probes" not in analyses:
            raise UserError("--against names co-players of the probes; add probes to --only")
        analyses["probes"] = probing(against)
    subjects = subjects_of(path, learners)
    run_around(path)  # what the cards will say; a damaged file is refused before the work
    asked = ""
    answers: dict[str, Any] = {}
    for answer in ask(subjects, analyses, effort):
        if answer.analysis != asked:
            asked = answer.analysis
            print(f"\n{asked}: {analyses[asked].title}", flush=True)
        print(f"\n{shown(answer)}", flush=True)
        keep(path, answer, effort, {"against": list(against)} if against and asked == "probes" else None)
        if asked == "probes" and answer.result is not None:
            answers[answer.subject.name] = answer.result
    if answers and not learners:  # all of them in one file, which ``coop-icl results`` takes
        write_json(path / "evaluation.json", combined(answers, effort))
    write_cards(path, subjects)
    files = ", ".join(str(file_of(path, name)) for name in analyses)
    print(f"\nwritten to {files}, and model cards{_more(analyses, path)}")
    return 0


def shown(answer: Answer) -> str:
    """An answer in words and figures."""
    name = printable(answer.subject.name)
    if answer.result is None:
        return f"{name}: skipped, {printable(answer.reason)}"
    show = presenter(answer.analysis)
    head, rows = show.table(answer.result)
    left = f"\n... and {len(rows) - LONG} rows more, which are in the report" if len(rows) > LONG else ""
    return f"{name}\n{columns(head, rows[:LONG])}{left}\n{printable(show.verdict(answer.result))}"


def _more(asked: Mapping[str, Any], path: Path) -> str:
    rest = [name for name in ANALYSES if name not in asked]
    if not rest:
        return ""
    return f"\nmore can be asked: coop-icl evaluate {path} --only {','.join(rest)}   (or --all)"
