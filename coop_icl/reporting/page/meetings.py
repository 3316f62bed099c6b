"""Cross-play of a run's learners and scripted strategies, as a section of its report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import Effort, Subject, two_by_two
from coop_icl.evaluation.crossplay import crossplay
from coop_icl.evaluation.kept import file_of
from coop_icl.reporting.analyses.crossplay import draw_crossplay, table_crossplay, verdict_crossplay
from coop_icl.reporting.page.charts import chart
from coop_icl.reporting.page.html import element, figure, table
from coop_icl.reporting.tables import sentence
from coop_icl.runs.files import write_json
from coop_icl.runs.provenance import code

TITLE = "Everyone against everyone: who earns what with whom"
SCRIPTED = ("allc", "alld", "tft", "wsls", "grim")
PLANNED = 8
"""One episode of those that plan for so many of an effort's."""


def meetings(path: Path, shelf: Path, subjects: Sequence[Subject], effort: Effort, folder: Path) -> list[Element]:
    """A sentence, heat maps and a table; one sentence where it cannot be played.

    Args:
        path: of the run; shelf: where what was played is kept, by itself the run. It is played again for other
            policies only.
        subjects: at least one; effort: for what is played; folder: takes the picture.

    Raises:
        UserError: if what was kept is damaged.
    """
    file = file_of(shelf, "crossplay")
    try:
        kept = _kept(file_of(path, "crossplay"), subjects) or _kept(file, subjects)
        result = _played(file, subjects, effort) if kept is None else kept
    except NotPlayed as error:
        return [element("p", f"Not played. {error}.", class_="note")]
    try:
        verdict = f"{sentence(verdict_crossplay(result))}."
        caption = f"{TITLE} (episodes {result['episodes']}, seed {result['seed']})"
        picture = chart(lambda: draw_crossplay(result), "crossplay", f"Heat maps. {verdict}", folder)
        return [element("p", verdict), figure(picture, caption), table("cross-play", *table_crossplay(result))]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _damaged(file, error) from None


class NotPlayed(Exception):
    """These policies cannot be cross-played; the message says why."""


def _played(file: Path, subjects: Sequence[Subject], effort: Effort) -> dict[str, Any]:
    scripted = () if two_by_two(subjects[0].game()) else SCRIPTED
    share = PLANNED if any(subject.policy.plans for subject in subjects) else 1
    policies = {subject.name: subject.loaded for subject in subjects}
    try:
        result = crossplay(policies, scripted, max(2, effort.episodes // share), effort.seed)
    except UserError as error:
        raise NotPlayed(str(error)) from None
    file.parent.mkdir(exist_ok=True)
    write_json(file, {"weights_sha256": _sums(subjects), "made_with": code(), "result": result})
    return result


def _kept(file: Path, subjects: Sequence[Subject]) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return dict(content["result"]) if content["weights_sha256"] == _sums(subjects) else None
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return UserError(f"{file} is no kept cross-play ({reason}); delete it and try again")


def _sums(subjects: Sequence[Subject]) -> dict[str, str]:
    return {subject.name: subject.loaded.info.sha256 for subject in subjects}
