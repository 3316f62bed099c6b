"""Tables that are read as they are and as Markdown; numbers with as many figures as they deserve."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> list[str]:
    """Lines of a table, padded to be read as it is; the first ``words`` columns are text, the others numbers."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        sides = [c.ljust(w) if i < words else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return "| " + " | ".join(sides) + " |"

    rule = "|" + "|".join("-" * (w + 2) if i < words else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return [line(head), rule, *map(line, rows)]


def short(value: float) -> str:
    """Three figures, e.g. ``8.4k``, ``1.23M``."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * unit:
            return f"{value / unit:.3g}{name}" if value < 999.5 * unit else f"{value / unit:.0f}{name}"
    return f"{value:.0f}"


def spread(rates: Sequence[float]) -> str:
    """Median (least-greatest)."""
    return f"{short(median(rates))} ({short(min(rates))}-{short(max(rates))})"


def over(value: float, other: float | None) -> str:
    """A ratio, a dash if there is nothing to divide by."""
    return "-" if other is None else f"{value / other:.2f}"
