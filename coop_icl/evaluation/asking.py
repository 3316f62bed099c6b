"""Ask trained policies: analyses, one policy after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.evaluation.analyses import QUICK, select
from coop_icl.evaluation.analysis import Analysis, Effort, Subject
from coop_icl.evaluation.subjects import subjects_of
from coop_icl.runs.files import plain


@dataclass(frozen=True)
class Answer:
    """What an analysis found of a policy.

    Attributes:
        analysis: its name.
        subject: whom it was asked of.
        result: plain data, as JSON gives it back; None if there is none.
        reason: why there is none, one line.
    """

    analysis: str
    subject: Subject
    result: dict[str, Any] | None
    reason: str = ""


def ask(subjects: Iterable[Subject], analyses: Mapping[str, Analysis], effort: Effort) -> Iterator[Answer]:
    """An answer for each analysis and subject, as they come; where there can be none, an answer without result."""
    subjects = list(subjects)
    for name, analysis in analyses.items():
        for subject in subjects:
            yield _answer(name, analysis, subject, effort)


def evaluate(
    path: str | Path,
    only: Sequence[str] = QUICK,
    learners: Sequence[str] = (),
    effort: Effort | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Ask the exported policies at ``path``.

    Args:
        path: a finished run, the folder of one policy, or a folder of such folders.
        only: names of analyses (``ANALYSES``); by default those that take seconds.
        learners: names of policies; by default all.
        effort: how thoroughly; by default ``Effort()``.

    Returns:
        Plain data by analysis and policy; ``{"skipped": reason}`` where an analysis makes no sense.

    Raises:
        UserError: one line, if a policy or a name is no good.
    """
    effort = (effort or Effort()).check()
    analyses = select(only)
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in analyses}
    for answer in ask(subjects_of(Path(path), learners), analyses, effort):
        result = {"skipped": answer.reason} if answer.result is None else answer.result
        found[answer.analysis][answer.subject.name] = result
    return found


def _answer(name: str, analysis: Analysis, subject: Subject, effort: Effort) -> Answer:
    reason = analysis.reason_against(subject.game())
    if reason:
        return Answer(name, subject, None, reason)
    try:
        return Answer(name, subject, plain(analysis.run(subject, effort)))
    except UserError as error:  # e.g. an optional library that is not there
        return Answer(name, subject, None, str(error))
