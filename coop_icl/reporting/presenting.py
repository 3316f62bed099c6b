"""How the answers of an analysis are shown: the functions of ``reporting/analyses/<name>.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True)
class Presenter:
    """Functions of an analysis's result.

    Attributes:
        draw: a matplotlib figure. table: header and rows. verdict: one sentence with the answer and its figure.
    """

    draw: Callable[[dict[str, Any]], Any]
    table: Callable[[dict[str, Any]], Table]
    verdict: Callable[[dict[str, Any]], str]


def presenter(name: str) -> Presenter:
    """Of the analysis called ``name``: ``draw_<name>``, ``table_<name>`` and ``verdict_<name>`` of its module.

    Raises:
        ImportError, AttributeError: if the module or a function is missing.
    """
    module = import_module(f"coop_icl.reporting.analyses.{name}")
    return Presenter(*(getattr(module, f"{part}_{name}") for part in ("draw", "table", "verdict")))
