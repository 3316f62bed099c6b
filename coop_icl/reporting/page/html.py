"""Elements of a page. Text goes in as text and is escaped when the page is written, wherever it came from."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, tostring

Child = Element | str


def element(name: str, /, *children: Child | None, **attributes: str | None) -> Element:
    """An element; ``class_`` and ``aria_label`` stand for ``class`` and ``aria-label``, None is left out."""
    kept = {key.rstrip("_").replace("_", "-"): visible(v) for key, v in attributes.items() if v is not None}
    made = Element(name, kept)
    for child in children:
        if child is not None:
            append(made, child)
    return made


def append(parent: Element, child: Child) -> None:
    """Add an element or text at the end."""
    if isinstance(child, Element):
        parent.append(child)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + visible(child)
    else:
        parent.text = (parent.text or "") + visible(child)


def visible(text: str) -> str:
    """``text`` without characters that control how the rest is shown; line ends stay."""
    return "".join(c for c in str(text) if c == "\n" or unicodedata.category(c)[0] != "C")


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Element:
    """A table that scrolls on its own where it is too wide; the first cell of a row is its header."""
    head = element("thead", element("tr", *(element("th", text, scope="col") for text in header)))
    body = element(
        "tbody",
        *(
            element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
            for row in rows
        ),
    )
    return _scrolling(element("table", element("caption", caption), head, body), caption)


def facts(caption: str, pairs: Mapping[str, str]) -> Element:
    """A table of names and values."""
    rows = [element("tr", element("th", name, scope="row"), element("td", value)) for name, value in pairs.items()]
    made = element("table", element("caption", caption), element("tbody", *rows), class_="facts")
    return _scrolling(made, caption)


def figure(picture: Element, caption: str) -> Element:
    """A picture that scrolls on its own where it is too wide, and what it shows."""
    return element("figure", _scrolling(picture, caption), element("figcaption", caption))


def folded(summary: str, *children: Child | None, open_: bool = False) -> Element:
    """What is shown when asked for."""
    return element("details", element("summary", summary), *children, open="open" if open_ else None)


def page(title: str, style: str, *body: Child) -> str:
    """The text of a whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", style),
    )
    root = element("html", head, element("body", *body), lang="en")
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"


def _scrolling(child: Element, label: str) -> Element:
    return element("div", child, class_="scroll", role="region", aria_label=label, tabindex="0")
