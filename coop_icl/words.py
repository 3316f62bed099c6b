"""Words of the command line: seeds, names, settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from coop_icl.errors import UserError

OVERRIDE = re.compile(r"^[A-Za-z_][\w.]*=")
"""How a setting begins."""
LARGEST_SEED, MOST_SEEDS = 2**63 - 1, 10_000
RANGES = {
    "draws": (1, 10**6),
    "episodes": (1, 10**7),
    "jobs": (0, 4096),
    "port": (1, 2**16 - 1),
    "rounds": (1, 10**6),
    "seed": (0, LARGEST_SEED),
    "updates": (1, 10**6),
}
"""Least and greatest value of each whole number that a command takes."""


def seeds_of(text: str) -> list[int]:
    """Seeds named by ``0``, ``0,3`` or ``0-4``.

    Raises:
        UserError: if the text has another form, or names more than ``MOST_SEEDS``.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,20})(?:-(\d{1,20}))?\s*", part)
        if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
            raise UserError(f"seeds: got '{text[:60]}'; expected the form 0, 0,3 or 0-4")
        low, high = int(match[1]), int(match[2] or match[1])
        if high > LARGEST_SEED or len(seeds) + high - low >= MOST_SEEDS:
            raise UserError(f"seeds: got '{text[:60]}'; expected at most {MOST_SEEDS:,}, each below 2^63")
        seeds.extend(range(low, high + 1))
    return list(dict.fromkeys(seeds))


def check_ranges(options: Mapping[str, object]) -> None:
    """Raise UserError naming the first whole number of a command that is out of range."""
    for name, (low, high) in RANGES.items():
        value = options.get(name)
        if isinstance(value, int) and not low <= value <= high:
            raise UserError(
                f"--{name}: got {value}; expected {f'at least {low}' if value < low else f'at most {high}'}"
            )


def names_in(text: str) -> list[str]:
    """Words between commas."""
    return [word for word in (part.strip() for part in text.split(",")) if word]


def check_overrides(overrides: Sequence[str]) -> None:
    """Raise UserError naming the first word that is not ``key=value``."""
    wrong = [text for text in overrides if not OVERRIDE.match(text)]
    if wrong:
        raise UserError(f"override '{wrong[0]}' must have the form key=value")
