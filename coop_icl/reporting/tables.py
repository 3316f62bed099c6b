"""Tables as text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

Rows = Sequence[Sequence[str]]


def markdown(header: Sequence[str], rows: Rows) -> str:
    """A table in Markdown, its columns aligned so that it can be read in a terminal."""
    cells = [[_cell(text) for text in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def columns(header: Sequence[str], rows: Rows) -> str:
    """A table for a terminal: the first column to the left, the others to the right."""
    cells = [[printable(text) for text in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in cells
    )


def printable(text: str) -> str:
    """``text`` in one line and without control characters, which a terminal would obey."""
    return "".join(char if unicodedata.category(char)[0] != "C" else " " for char in str(text))


def sentence(text: str) -> str:
    """``text`` with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def _cell(text: str) -> str:
    """``text`` as it may stand in a table of Markdown."""
    return re.sub(r"([\\|<`\[])", r"\\\1", printable(text))
