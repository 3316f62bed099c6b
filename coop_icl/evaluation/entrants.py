"""Who takes part in cross-play: exported policies, and what pairs of learning-aware methods came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coop_icl.errors import UserError
from coop_icl.evaluation.pair_files import Table, tables_of
from coop_icl.evaluation.subjects import read
from coop_icl.policy_store import DESCRIPTION, LoadedPolicy
from coop_icl.populations.registry import nearest
from coop_icl.runs.directory import RunError
from coop_icl.runs.finding import find_runs, places


@dataclass(frozen=True)
class Entrant:
    """A player and where it comes from.

    Attributes:
        player: what plays.
        group: of its like: the experiment, or the method (``lola_exact``, ``lola_exact_vs_naive``).
        seed: of the run.
        name: which of its run's learners it is.
        run: the same for all that learned together, of other groups too, and for nobody else.
    """

    player: LoadedPolicy | Table
    group: str
    seed: str
    name: str
    run: str


def entrants_at(
    paths: Sequence[str | Path], learners: Sequence[str] = (), seeds: Sequence[int] = ()
) -> dict[str, Entrant]:
    """Players by label, ``<experiment or method>/<seed>/<learner>``, with ``@<update>`` after the seed for checkpoints.

    Args:
        paths: of finished runs, folders of runs, checkpoints (``RUN/policies/update_100``), single policies, or files
            that ``coop-icl baselines`` wrote, whose two learners are ``learner_0`` and ``learner_1``.
        learners, seeds: those of these names, and of runs of these seeds; all if none are given.

    Raises:
        UserError: if a path leads to nobody, one cannot be read, or nobody is left to choose from.
    """
    found: dict[str, Entrant] = {}
    for given in paths:
        here = [one for place in places(given) for one in _entrants(place, learners, seeds)]
        if not here:
            raise UserError(f"{given} has no exported policies; give finished runs, checkpoints or folders of policies")
        for label, entrant in here:
            new, number = label, 2
            while new in found:
                new, number = f"{label}~{number}", number + 1
            if entrant is not None:
                found[new] = entrant
    if paths and not found:
        raise UserError("nobody has such a name and seed; choose other --learners or --seeds")
    names = {entrant.name for entrant in found.values()}
    for name in learners:
        if name not in names:
            raise UserError(f"nobody is called '{name}'{nearest(name, names)}")
    return found


def policies_at(paths: Sequence[str | Path]) -> dict[str, LoadedPolicy]:
    """The exported policies among ``entrants_at``."""
    found = {label: entrant.player for label, entrant in entrants_at(paths).items()}
    return {label: player for label, player in found.items() if isinstance(player, LoadedPolicy)}


def _entrants(path: Path, learners: Sequence[str], seeds: Sequence[int]) -> list[tuple[str, Entrant | None]]:
    """Everyone at a path; None stands for those that are not chosen."""

    def chosen(name: str, seed: str) -> bool:
        number = seed.partition("@")[0]
        return (not learners or name in learners) and (not seeds or (number.isdigit() and int(number) in seeds))

    if path.suffix == ".json" and path.is_file():
        run = str(path.resolve())
        tables = [
            (table, Entrant(table, table.method, str(table.seed), f"learner_{table.player}", f"{run}/{table.seed}"))
            for table in tables_of(path)
        ]
        return [(table.label, one if chosen(one.name, one.seed) else None) for table, one in tables]
    found = []
    for folder in _folders(path):
        group, seed, name = _origin(folder)
        label = "/".join(word for word in (group, seed, name) if word)
        whole = folder.resolve()
        run = str(whole.parents[2] if seed else whole)
        group = f"{group}@{seed.partition('@')[2]}" if "@" in seed else group or name
        entrant = Entrant(read(folder), group, seed, name, run) if chosen(name, seed) else None
        found.append((label, entrant))
    return found


def _folders(path: Path) -> list[Path]:
    """Folders of exported policies at a path."""
    for folder in (path, path / "policies" / "final"):
        if (folder / DESCRIPTION).is_file():
            return [folder]
        inside = sorted(child for child in folder.glob("*") if child.is_dir() and not child.name.startswith("."))
        if folder.parent.name != "policies":  # there each folder has to be a policy, and one that is not is refused
            inside = [child for child in inside if (child / DESCRIPTION).is_file()]
        if inside:
            return inside
    if (path / "config.yaml").is_file():  # a run that has exported none
        return []
    try:
        return [folder for run in find_runs([path]) for folder in _folders(run.path)]
    except RunError:
        return []


def _origin(folder: Path) -> tuple[str, str, str]:
    """Experiment, seed (with the update of a checkpoint) and learner; of a policy on its own the last alone."""
    parts = folder.resolve().parts
    if len(parts) < 6 or parts[-3] != "policies":
        return "", "", folder.resolve().name
    seed = parts[-4].removeprefix("seed_")
    update = "" if parts[-2] == "final" else f"@{parts[-2].removeprefix('update_')}"
    return parts[-5], f"{seed}{update}", parts[-1]
