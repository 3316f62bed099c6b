"""``beyond.md``: a section a part between notes written by hand, ``notes/{intro,<part>}.md`` beside the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coop_icl.reporting.beyond.part import Part
from coop_icl.runs.files import write_text


def section(part: Part, folder: Path) -> str:
    """One part in Markdown; errors as its ``text``."""
    how = f"Drawn by `make beyond PART={part.name}` from the data; trained by `{part.command()}`."
    return "\n\n".join([f"## {part.title}", how, part.text(folder)])


def write(folder: Path, sections: Mapping[str, str]) -> Path:
    """Write the document beside ``folder``, which holds data, pictures and notes; returns its path."""
    path, parts = folder.parent / f"{folder.name}.md", [_note(folder, "intro")]
    for name, text in sections.items():
        parts += [text, _note(folder, name)]
    write_text(path, "\n\n".join(part for part in parts if part) + "\n")
    return path


def picture(folder: Path, name: str, title: str) -> str:
    """A reference to one of its pictures."""
    return f"![{title}]({folder.name}/{name})"


def _note(folder: Path, name: str) -> str:
    """What was written by hand, nothing if there is none."""
    path = folder / "notes" / f"{name}.md"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
