"""What a run says of itself, for cards and reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coop_icl.config import ExperimentConfig
from coop_icl.policy_store import DESCRIPTION
from coop_icl.runs.directory import RunDirectory, RunError
from coop_icl.runs.reading import config_of, provenance_of, rows_of, summary_of


@dataclass(frozen=True)
class RunData:
    """A run.

    Attributes:
        run: its folder. config: its experiment. summary: what it came to, None if it has not ended.
        provenance: where it comes from.
    """

    run: RunDirectory
    config: ExperimentConfig
    summary: dict[str, Any] | None
    provenance: dict[str, Any]

    def rows(self) -> list[dict[str, Any]]:
        """Rows of metrics; errors as ``rows_of``."""
        return rows_of(self.run)

    @property
    def commit(self) -> str | None:
        """Of the code that trained it; marked if that had changes of its own."""
        git = self.provenance.get("git") or {}
        commit = git.get("commit")
        return f"{commit}{', with changes that are not committed' if git.get('dirty') else ''}" if commit else None


def read_run(path: Path) -> RunData:
    """The run at ``path``.

    Raises:
        RunError: if there is none, or a file is not what a run writes.
    """
    run = RunDirectory(path)
    if not run.config.is_file():
        raise RunError(f"{path} is no run (it has no config.yaml); give a folder such as runs/ipd_icl/seed_0")
    summary = summary_of(run) if run.summary.is_file() else None
    return RunData(run, config_of(run), summary, provenance_of(run))


def run_around(path: Path) -> RunData | None:
    """The run at ``path``, or whose exported policy that is (``RUN/policies/final/learner_0``); None if there is none.

    Raises:
        RunError: if a file of it is not what a run writes.
    """
    path = path.resolve()
    places = [path, *([path.parents[2]] if (path / DESCRIPTION).is_file() and len(path.parents) > 2 else [])]
    return next((read_run(place) for place in places if (place / "config.yaml").is_file()), None)
