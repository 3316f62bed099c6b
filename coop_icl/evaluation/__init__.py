"""What trained agents do, measured without Ray: ``evaluate`` is the way in."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coop_icl.evaluation.analyses import ANALYSES
    from coop_icl.evaluation.analysis import Effort
    from coop_icl.evaluation.asking import evaluate

__all__ = ["ANALYSES", "Effort", "evaluate"]

_HOMES = {"ANALYSES": "analyses", "Effort": "analysis", "evaluate": "asking"}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: env runners need statistics only."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
