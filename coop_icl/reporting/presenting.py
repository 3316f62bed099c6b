"""How the answers of an analysis are shown: the functions of ``reporting/analyses/<name>.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from coop_icl.errors import UserError
from coop_icl.reporting.tables import sentence

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True)
class Presenter:
    """Functions of an analysis's result.

    Attributes:
        draw: a matplotlib figure. table: header and rows. verdict: one sentence with the answer and its figure,
            with a capital letter and a full stop.
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
    draw, table, verdict = (getattr(module, f"{part}_{name}") for part in ("draw", "table", "verdict"))
    return Presenter(draw, table, lambda result: sentence(verdict(result)).removesuffix(".") + ".")


def told(name: str, result: dict[str, Any]) -> tuple[str, Table]:
    """Verdict and table of a result that was read from a file.

    Raises:
        UserError: if it is not what the analysis gives.
    """
    show = presenter(name)
    try:
        return show.verdict(result), show.table(result)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, ZeroDivisionError) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"evaluation/{name}.json is of another form ({what}); delete it and evaluate again") from None
