"""Words of the command line: seeds, names, settings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from coop_icl.errors import UserError

OVERRIDE = re.compile(r"^[A-Za-z_][\w.]*=")
"""How a setting begins."""


def seeds_of(text: str) -> list[int]:
    """Seeds named by ``0``, ``0,3`` or ``0-4``.

    Raises:
        UserError: if the text has another form.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
            raise UserError(f"seeds must look like 0, 0,3 or 0-4, got '{text}'")
        seeds.extend(range(int(match[1]), int(match[2] or match[1]) + 1))
    return list(dict.fromkeys(seeds))


def names_in(text: str) -> list[str]:
    """Words between commas."""
    return [word for word in (part.strip() for part in text.split(",")) if word]


def check_overrides(overrides: Sequence[str]) -> None:
    """Raise UserError naming the first word that is not ``key=value``."""
    wrong = [text for text in overrides if not OVERRIDE.match(text)]
    if wrong:
        raise UserError(f"override '{wrong[0]}' must have the form key=value")
