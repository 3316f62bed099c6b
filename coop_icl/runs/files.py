"""Text and JSON files that are either whole or absent."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step; see ``plain``."""
    write_text(path, json.dumps(plain(data), indent=2) + "\n")


def to_line(row: Mapping[str, Any]) -> str:
    """One line of a JSON-lines file."""
    return json.dumps(plain(row)) + "\n"


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file, none if it does not exist; a line cut short by a crash ends the file."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a JSON-lines file in one step."""
    write_text(path, "".join(to_line(row) for row in rows))


def plain(value: Any) -> Any:
    """``value`` as JSON has it: numbers that are not finite become null, numpy values lists, the unknown text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
