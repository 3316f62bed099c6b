"""``bench.json``: sections that were measured, each with where and when, and what follows from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.cells import CELLS
from bench.ratios import goals, ratios

FORM = 2
"""Of what is stored; to be raised when a section holds something else than before."""
ORDER = ("iteration", "cells", "growth", "scale", "profile", "planner")
"""Sections in the order in which they are measured and shown."""


def read(path: Path) -> dict[str, Any]:
    """Sections of a ``bench.json`` by name; none if it is absent or of another ``FORM``."""
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return stored.get("sections", {}) if stored.get("form") == FORM else {}


def stamped(name: str, section: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any]:
    """A section with what it was measured with; each cell has its own, as cells can be measured apart."""
    if name != "cells":
        return {"measured": measured, **section}
    return {**section, "cells": {cell: {"measured": measured, **found} for cell, found in section["cells"].items()}}


def merge(kept: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Sections with those just found in place of older ones; cells are replaced one by one."""
    both = {**kept, **found}
    if "cells" in kept and "cells" in found:
        cells = {**kept["cells"]["cells"], **found["cells"]["cells"]}
        order = [cell.name for cell in CELLS]
        names = sorted(cells, key=lambda name: order.index(name) if name in order else len(order))
        both["cells"] = {**found["cells"], "cells": {name: cells[name] for name in names}}
    return {name: both[name] for name in ORDER if name in both}


def complete(sections: Mapping[str, Any], cooperation: Mapping[str, Any]) -> dict[str, Any]:
    """The content of ``bench.json``."""
    found = ratios(sections, cooperation)
    return {
        "form": FORM,
        "sections": dict(sections),
        "cooperation": dict(cooperation),
        "ratios": found,
        "goals": goals(found),
    }
