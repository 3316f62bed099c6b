"""``coop-icl beyond``: the parts by name, and showing them from data alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coop_icl.config import nearest
from coop_icl.errors import UserError
from coop_icl.reporting.beyond.document import section, write
from coop_icl.reporting.beyond.games import GAMES
from coop_icl.reporting.beyond.ingredients import INGREDIENTS
from coop_icl.reporting.beyond.methods import METHODS
from coop_icl.reporting.beyond.models import MODELS
from coop_icl.reporting.beyond.part import Part

PARTS = {part.name: part for part in (GAMES, METHODS, MODELS, INGREDIENTS)}
"""In the order of the document."""


def parts_named(name: str) -> list[Part]:
    """The part called ``name``, or all.

    Raises:
        UserError: if there is no such part.
    """
    if name != "all" and name not in PARTS:
        raise UserError(f"no part '{name}'; parts: {', '.join(PARTS)}, all")
    return [part for part in PARTS.values() if name in (part.name, "all")]


def chosen(parts: Sequence[Part], only: Sequence[str]) -> list[tuple[Part, list[str]]]:
    """Each part with its items, those named in ``only`` if any are; without parts that have none of these.

    Raises:
        UserError: if no part has an item of a name.
    """
    known = [item for part in parts for item in part.items]
    for name in only:
        if name not in known:
            raise UserError(f"--only: nothing is called '{name}' here{nearest(name, known)}")
    found = [(part, [item for item in part.items if not only or item in only]) for part in parts]
    return [(part, items) for part, items in found if items]


def show(parts: Sequence[Part], folder: Path) -> None:
    """Draw parts, print their sections and write the document of all.

    Raises:
        UserError: if data are damaged.
    """
    sections = [section(part, folder) for part in PARTS.values()]  # damaged data show before anything is written
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        part.draw(folder)
    for part, text in zip(PARTS.values(), sections, strict=True):
        if part in parts:
            print(text + "\n")
    print(f"written to {write(folder, dict(zip(PARTS, sections, strict=True)))} and {folder}")
