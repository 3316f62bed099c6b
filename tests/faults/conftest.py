"""Rows of docs/results/reliability.md: every test hands in one, and the session writes those that were full."""

import os
from pathlib import Path

import pytest

from tests.faults.reliability import ROWS, Row, update

SHARE = float(os.environ.get("FAULTS") or 1)
"""Share of the stated times; with less than 1 nothing is written."""


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(1200))


class Record:
    """How often to inject something, and what came of it."""

    def __init__(self, injected):
        self.injected, self.times = injected, max(1, round(SHARE * ROWS[injected][0]))

    def __call__(self, held, figure, times=None):
        """Keep the row; ``held`` of ``times`` injections did what they must."""
        self.row = Row(self.injected, times or self.times, held, figure)
        print(f"\n{self.row.injected}: {self.row.held} of {self.row.times} held; {self.row.figure}")
        assert self.row.held == self.row.times, self.row


@pytest.fixture
def record(request):
    """``record.times`` and ``record(held, figure)`` for the row that the test names by ``injects``."""
    one = Record(request.node.get_closest_marker("injects").args[0])
    yield one
    if SHARE >= 1 and hasattr(one, "row") and one.row.times >= ROWS[one.injected][0]:
        update(Path(__file__).parents[2] / "docs" / "results", one.row)
