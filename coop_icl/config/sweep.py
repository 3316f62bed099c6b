"""Settings to try beside each other: ``train.lr.start=1e-3,2e-3`` is two, each with runs in a folder of its own."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from coop_icl.errors import UserError

PART = re.compile(r"([A-Za-z_][\w.]*)=(.*)")


@dataclass(frozen=True)
class Variant:
    """One setting of a sweep.

    Attributes:
        overrides: ``key=value`` words.
        suffix: what its runs' folder is called after, empty without a sweep.
    """

    overrides: tuple[str, ...] = ()
    suffix: str = ""


def variants(sweep: str) -> list[Variant]:
    """All combinations of the values that each key may take; keys are separated by spaces, values by commas.

    Raises:
        UserError: if the text has another form, or two settings would share a folder.
    """
    axes: list[list[tuple[str, str]]] = []
    for word in sweep.split():
        match = PART.fullmatch(word)
        values = match[2].split(",") if match else []
        if match is None or not all(values) or re.search(r"[\[\]{}]", word):
            raise UserError(f"a sweep must look like train.lr.start=1e-3,2e-3 (no lists as values), got '{word}'")
        if match[1] in ("seed", "name"):
            raise UserError(
                f"a sweep cannot go over '{match[1]}'; seeds are given by --seeds 0-4, folders get their names"
            )
        axes.append([(match[1], value) for value in values])
    found = [
        Variant(
            tuple(f"{key}={value}" for key, value in chosen),
            "-".join(re.sub(r"[^A-Za-z0-9_.-]", "_", f"{key}-{value}") for key, value in chosen),
        )
        for chosen in itertools.product(*axes)
    ]
    if len({variant.suffix for variant in found}) < len(found):
        raise UserError(f"two settings of the sweep '{sweep}' are the same, or differ only in signs; name each once")
    return found
