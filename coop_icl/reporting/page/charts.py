"""Figures as pictures of a page: SVG that takes its colours and letters from the page, and PNG files beside it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text

from coop_icl.reporting.page.html import visible
from coop_icl.reporting.pictures import COLOURS

INK = "#141413"
"""What is drawn in it takes the colour of the text."""
NAMES = ("blue", "vermilion", "green", "purple", "sky", "orange")
"""Of ``pictures.COLOURS``, as the style sheet calls them."""
SETTINGS: dict[str, Any] = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "legend.framealpha": 0.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "coop_icl",
    "text.parse_math": False,
}
SMALLEST, LARGEST = 0.85, 1.5
"""CSS pixels for a point of the figure: what is narrower scrolls."""
HEX = re.compile(r"#[0-9a-fA-F]{6}")


def chart(draw: Callable[[], Figure], name: str, alt: str, folder: Path) -> ElementTree.Element:
    """Draw a figure, leave it as ``<name>.png`` in a folder, and return it as SVG for a page.

    Args:
        draw: makes the figure.
        name: distinct on the page; letters, digits and ``_-``.
        alt: what the figure shows, for those who do not see it.
        folder: exists.
    """
    with matplotlib.rc_context(SETTINGS):  # type: ignore[arg-type]
        figure = draw()
        try:
            for words in figure.findobj(Text):
                words.set_text(visible(words.get_text()))  # SVG has no place for control characters
            figure.savefig(folder / f"{name}.png", dpi=130, facecolor="white")
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        finally:
            plt.close(figure)
    return _adapted(ElementTree.fromstring(buffer.getvalue()), name, alt)


def _adapted(svg: ElementTree.Element, name: str, alt: str) -> ElementTree.Element:
    """Without names of name spaces, rules for the rest of the page, and numbers of another picture's parts."""
    for parent in list(svg.iter()):
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    seen: set[str] = set()
    for node in svg.iter():
        node.tag = _local(node.tag)
        attributes = {_local(key): value for key, value in node.attrib.items()}
        node.attrib.clear()
        for key, value in attributes.items():
            if key == "id":
                value = f"{name}-{value}"
                while value in seen:  # equal images have equal names
                    value += "-"
                seen.add(value)
            elif key == "href" and value.startswith("#"):
                value = f"#{name}-{value[1:]}"
            elif key != "href":
                value = value.replace("url(#", f"url(#{name}-")
                value = _font(HEX.sub(lambda match: _colour(match[0]), value)) if key == "style" else value
            node.set(key, value)
        node.text = visible(node.text) if node.text and node.text.strip() else None
        node.tail = None
    width = float(svg.get("viewBox", "0 0 400 300").split()[2])
    for key in ("width", "height", "version"):
        svg.attrib.pop(key, None)
    svg.set("role", "img")
    svg.set("aria-label", visible(alt))
    svg.set("style", f"min-width: {SMALLEST * width:.0f}px; max-width: {LARGEST * width:.0f}px")
    return svg


def _colour(colour: str) -> str:
    """A colour as the style sheet has it: that of the text for near black, of the page for near white."""
    lower = colour.lower()
    if lower in COLOURS:
        return f"var(--{NAMES[COLOURS.index(lower)]})"
    parts = [int(lower[i : i + 2], 16) for i in (1, 3, 5)]
    if max(parts) - min(parts) > 12:
        return colour
    if max(parts) < 0x60:
        return "currentColor"
    return "var(--raised)" if 0xD8 < min(parts) < 0xFC else colour


def _font(style: str) -> str:
    """The page chooses the family."""
    style = re.sub(r"font-family:[^;]*;? *", "", style)
    return re.sub(r"(font:[^;]*?[\d.]+px) [^;]*", r"\1 system-ui, 'Segoe UI', Arial, sans-serif", style)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
