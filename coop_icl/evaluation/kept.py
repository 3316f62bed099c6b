"""Answers kept beside a run: ``evaluation/<analysis>.json``, an entry a learner, with its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.evaluation.analysis import Effort, Subject
from coop_icl.evaluation.asking import Answer
from coop_icl.runs.files import write_json
from coop_icl.runs.provenance import code

FORMAT = 1
LARGEST = 256 * 2**20
"""Bytes of a file that is read."""


def file_of(path: Path, analysis: str) -> Path:
    """Where the answers of an analysis are kept beside what is at ``path``."""
    return path / "evaluation" / f"{analysis}.json"


def keep(path: Path, answer: Answer, effort: Effort, more: Mapping[str, Any] | None = None) -> None:
    """Put an answer into its file, in one step; those of other learners stay, of which the weights are the same.

    Args:
        path: of the run, or of the policy's folder.
        answer: replaces an earlier one of that learner.
        effort: it was asked with; more: further settings.

    Raises:
        UserError: if the file cannot be written.
    """
    file, subject = file_of(path, answer.analysis), answer.subject
    try:
        before = _read(file)
    except UserError:
        before = {}
    present = {one: loaded.info.sha256 for one, loaded in subject.others.items()}
    kept = {name: entry for name, entry in before.items() if entry["weights_sha256"] == present.get(name)}
    kept[subject.name] = {
        "settings": {**asdict(effort), **(more or {})},
        "weights_sha256": subject.loaded.info.sha256,
        "made_with": code(),
        **({"skipped": answer.reason} if answer.result is None else {"result": answer.result}),
    }
    info = subject.loaded.info
    content = {
        "format": FORMAT,
        "analysis": answer.analysis,
        "game": {"name": info.game_name, "options": info.game_options},
        "learners": dict(sorted(kept.items())),
    }
    try:
        file.parent.mkdir(exist_ok=True)
        write_json(file, content)
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror}); copy the run to a place of your own") from None


def kept(path: Path, analysis: str, subject: Subject) -> dict[str, Any] | None:
    """The entry (``settings``, ``result`` or ``skipped``) of a learner with these very weights, None if there is none.

    Raises:
        UserError: if the file is not what it should be.
    """
    entry = _read(file_of(path, analysis)).get(subject.name)
    return entry if entry is not None and entry["weights_sha256"] == subject.loaded.info.sha256 else None


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """Entries by learner; none if there is no file."""
    if not file.is_file():
        return {}
    try:
        if file.stat().st_size > LARGEST:
            raise ValueError("too large")
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}")
        entries = dict(content["learners"])
        if not all(
            isinstance(entry["settings"], dict)
            and isinstance(entry["weights_sha256"], str)
            and (isinstance(entry.get("result"), dict) or isinstance(entry.get("skipped"), str))
            for entry in entries.values()
        ):
            raise ValueError("entries of another form")
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); copy the run to a place of your own") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{file} is no kept evaluation ({reason}); delete it and evaluate again") from None
    return entries
