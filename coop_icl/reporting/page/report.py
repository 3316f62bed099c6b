"""``coop-icl report``: everything about a run on one page."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import torch

from coop_icl.errors import UserError
from coop_icl.evaluation.analyses import ANALYSES, select
from coop_icl.evaluation.analysis import Effort, Subject
from coop_icl.evaluation.asking import ask
from coop_icl.evaluation.kept import keep, kept
from coop_icl.evaluation.subjects import subjects_of
from coop_icl.reporting.card import write_cards
from coop_icl.reporting.page import sections
from coop_icl.reporting.page.html import element, page
from coop_icl.reporting.page.meetings import TITLE, meetings
from coop_icl.reporting.page.style import STYLE
from coop_icl.reporting.page.training import Rows
from coop_icl.reporting.run_data import RunData, read_run
from coop_icl.reporting.tables import printable, sentence
from coop_icl.runs.files import write_text

QUICK = Effort(episodes=128)
"""For what has not been asked before."""
Answers = dict[str, dict[str, dict[str, Any]]]


def report(
    path: Path,
    out: Path | None = None,
    names: Sequence[str] = (),
    learners: Sequence[str] = (),
    effort: Effort = QUICK,
) -> Path:
    """Write the report of a run, its pictures as PNG files into ``<run>/report/``, and its model cards.

    Where the run's folder cannot be written, pictures and answers go into a folder beside ``out``, named after it, and
    the cards are left as they are.

    Args:
        path: the run; one without exported policies has no analyses.
        out: the page; by default ``<run>/report.html``.
        names: of analyses; by default all, and cross-play.
        learners: of policies; by default all.
        effort: for analyses of which no answer is kept; those that are kept stay as they are.

    Returns:
        The page.

    Raises:
        UserError: one line, if a name, a policy or a file of the run is no good, or a file cannot be written.
    """
    torch.set_num_threads(1)
    data, analyses = read_run(path), select(names or ANALYSES)
    exported = (path / "policies" / "final").is_dir() and any((path / "policies" / "final").iterdir())
    subjects = subjects_of(path, learners) if exported else []
    out = path / "report.html" if out is None else out
    if not out.parent.is_dir() or out.is_dir():
        raise UserError(f"{out} cannot be written; give --out a file in a folder that exists")
    rows = data.rows()
    ours = os.access(path, os.W_OK)
    folder = path / "report" if ours else out.with_suffix("")
    shelf = path if ours else folder
    new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        answers = _answers(path, shelf, subjects, list(analyses), effort.check())
        played = meetings(path, shelf, subjects, effort, folder) if subjects and not names else []
        write_text(out, _page(data, rows, answers, played, folder))
    except OSError as error:
        raise UserError(
            f"the report cannot be written ({error.strerror}: {error.filename}); give --out a file in a folder of yours"
        ) from None
    finally:
        if new and not out.exists():
            with contextlib.suppress(OSError):  # it holds answers, which the next try reads
                folder.rmdir()
    if ours:
        write_cards(path, subjects)
    else:
        print(f"{path} cannot be written: answers are kept in {folder}, model cards stay as they are", file=sys.stderr)
    return out


def _answers(path: Path, shelf: Path, subjects: Sequence[Subject], names: Sequence[str], effort: Effort) -> Answers:
    """Answers kept beside the run or on ``shelf``, and new ones where there are none, which are kept on ``shelf``."""
    found: Answers = {}
    for name in names:
        found[name] = {}
        for subject in subjects:
            entry = kept(path, name, subject) or kept(shelf, name, subject)
            if entry is None:
                print(f"asking {name} of {printable(subject.name)}", file=sys.stderr, flush=True)
                for answer in ask([subject], select([name]), effort):
                    keep(shelf, answer, effort)
                entry = kept(shelf, name, subject)
            assert entry is not None
            found[name][subject.name] = entry
    return found


def _page(data: RunData, rows: Rows, answers: Answers, played: list[Element], folder: Path) -> str:
    name = f"{data.config.name}, seed {data.config.seed}"
    parts: dict[str, tuple[str, list[Element]]] = {"training": ("Training", sections.over_training(data, rows, folder))}
    for analysis, entries in answers.items():
        if entries:
            parts[analysis] = (sentence(ANALYSES[analysis].title), sections.analysis(analysis, entries, folder))
    if played:
        parts["crossplay"] = (TITLE, played)
    evaluated = [entry for entries in answers.values() for entry in entries.values()]
    parts["config"] = ("Config", sections.settings(data))
    parts["provenance"] = ("Provenance", sections.provenance(data, evaluated))
    header = element(
        "header",
        element("p", "Report of a run", class_="kicker"),
        element("h1", name),
        sections.claim(data),
        sections.contents({key: title for key, (title, _) in parts.items()}),
    )
    main = element("main", *(sections.section(key, title, children) for key, (title, children) in parts.items()))
    if not evaluated:
        main.insert(1, element("p", "No policies have been exported yet: nothing can be asked of them.", class_="note"))
    return page(f"{name}: report", STYLE, header, main)
