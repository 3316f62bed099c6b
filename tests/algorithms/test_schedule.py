"""Numbers that change over updates."""

import pytest

from coop_icl.algorithms.schedule import Schedule


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        (Schedule(0.3), {0: 0.3, 10: 0.3, 10_000: 0.3}),
        (Schedule(0.3, None, 50), {0: 0.3, 50: 0.3, 100: 0.3}),
        (Schedule(0.2, 0.1, 100), {0: 0.2, 25: 0.175, 50: 0.15, 100: 0.1, 101: 0.1, 10_000: 0.1}),
        (Schedule(0.0, 1.0, 4), {0: 0.0, 1: 0.25, 3: 0.75, 4: 1.0, 5: 1.0}),
        (Schedule(0.2, 0.0, 10), {0: 0.2, 5: 0.1, 10: 0.0, 11: 0.0}),
        (Schedule(0.2, 0.2, 10), {0: 0.2, 5: 0.2, 10: 0.2}),
        (Schedule(0.2, 0.1, 0), {0: 0.1, 1: 0.1}),
    ],
)
def test_a_straight_line_and_then_its_end(schedule, points):
    assert {update: schedule(update) for update in points} == pytest.approx(points)
