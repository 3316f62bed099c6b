"""The files of a run, checked: what is not what a run writes is refused in one line, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from coop_icl.config import ConfigError, ExperimentConfig, from_mapping
from coop_icl.config.paths import located
from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.files import read_rows

LARGEST_CONFIG, LARGEST_JSON, LARGEST_METRICS = 2**18, 2**24, 2**29
"""Bytes of the largest files that are read."""
DEEPEST = 32
"""Levels of a config."""
DONE = ("experiment", "updates", "rounds", "seconds")
"""Keys of a summary beyond those that every reader needs."""


def config_of(run: RunDirectory) -> ExperimentConfig:
    """The experiment of a run, as it was resolved, with absolute paths.

    Raises:
        RunError: if ``config.yaml`` is missing or not a resolved experiment.
    """
    text = _text(run.config, LARGEST_CONFIG)
    try:
        _check_shape(text)
        content = yaml.safe_load(text)
        if not isinstance(content, dict):
            raise _bad(run.config, "is no mapping of keys to values")
        return located(from_mapping(content, str(run.config)), run.path)
    except ConfigError as error:
        raise RunError(f"{_line(error)}; take the config.yaml that the run wrote") from None
    except RunError:
        raise
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _bad(run.config, f"is not valid YAML ({_line(error)})") from None


def summary_of(run: RunDirectory, also: Sequence[str] = ()) -> dict[str, Any]:
    """What a run came to; ``seed``, ``finished``, ``final`` and the keys in ``also`` are there.

    Raises:
        RunError: if ``summary.json`` is missing or something else.
    """
    found = _json(run.summary)
    lacking = [key for key in ("seed", "finished", "final", *also) if key not in found]
    if lacking:
        raise _bad(run.summary, f"lacks {', '.join(lacking)}")
    kinds = {"seed": int, "finished": bool, "final": dict, "updates": int, "rounds": int, "seconds": int | float}
    for key, kind in kinds.items():
        if key in found and not isinstance(found[key], kind):
            raise _bad(run.summary, f"has no proper value of {key}")
    if not all(isinstance(value, int | float) for value in found["final"].values()):
        raise _bad(run.summary, "has figures in final that are no numbers")
    return found


def provenance_of(run: RunDirectory) -> dict[str, Any]:
    """Where a run comes from; nothing if it does not say.

    Raises:
        RunError: if ``provenance.json`` is something else.
    """
    if not run.provenance.is_file():
        return {}
    found = _json(run.provenance)
    if not isinstance(found.get("git"), dict | None):
        raise _bad(run.provenance, "has no proper value of git")
    return found


def rows_of(run: RunDirectory) -> list[dict[str, Any]]:
    """Rows of metrics in order, each with its ``update``; other values are numbers or None.

    Raises:
        RunError: if ``metrics.jsonl`` is something else.
    """
    path = run.metrics
    if path.is_file() and path.stat().st_size > LARGEST_METRICS:
        raise _bad(path, f"is larger than {LARGEST_METRICS >> 20} MiB")
    try:
        rows = read_rows(path)
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); copy the run to a place of your own") from None
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"cannot be read ({_line(error)})") from None
    for row in rows:
        numbers = isinstance(row, Mapping) and all(isinstance(v, int | float | None) for v in row.values())
        if not numbers or not {"update", "rounds", "seconds"} <= {key for key, v in row.items() if v is not None}:
            raise _bad(path, "has a line that is no row of metrics")
    return rows


def _check_shape(text: str) -> None:
    """A resolved config refers to nothing, neither to itself (it might be endless) nor to the environment."""
    depth = 0
    for event in yaml.parse(text):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:  # which would take hours to read
            raise ValueError(f"more than {DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent) or (isinstance(event, yaml.ScalarEvent) and "${" in event.value):
            raise ValueError("it refers to other values")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path, LARGEST_JSON))
    except (ValueError, RecursionError) as error:
        if isinstance(error, RunError):
            raise
        raise _bad(path, f"is not JSON ({_line(error)})") from None
    if not isinstance(found, dict):
        raise _bad(path, "is not a JSON object")
    return found


def _text(path: Path, limit: int) -> str:
    try:
        if not path.is_file():
            raise RunError(f"{path} is missing; give the folder of a run, e.g. runs/ipd_icl/seed_0")
        if path.stat().st_size > limit:
            raise _bad(path, f"is larger than {limit >> 20} MiB")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise _bad(path, "is not text") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); give the folder of a run") from None


def _bad(path: Path, what: str) -> RunError:
    return RunError(f"{path} {what}; it is damaged, or no run of this project wrote it")


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
