"""Progress: plain lines, and a bar where there is a terminal."""

import io

import pytest

from coop_icl.runs.progress import Progress, duration, short

VALUES = {
    "cooperation/learner-learner": 0.421,
    "cooperation/learner-tft": 0.9,
    "cooperation/learner-tabular": 0.109,
    "cooperation/learner_0/tabular": 0.3,
    "speed/rounds_per_second": 84_321.0,
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_plain_line_a_row():
    stream = io.StringIO()
    with Progress(1000, stream=stream) as progress:
        progress.row(120, 24.0, VALUES)
        progress.say("one env runner was lost")
        progress.row(130, 26.0, {"cooperation/learner-tft": 1.0, "cooperation/learner-learner": None})
    assert stream.getvalue().splitlines() == [
        "update 120/1000  coop learner-learner 0.42  learner-tabular 0.11  84k rounds/s  2m56s left",
        "one env runner was lost",
        "update 130/1000  coop learner-tft 1.00  2m54s left",
    ]


def test_lines_are_flushed():
    class Buffered(io.StringIO):
        flushed = ""

        def flush(self):
            self.flushed = self.getvalue()

    stream = Buffered()
    Progress(10, stream=stream).row(1, 1.0, {})
    assert stream.flushed == "update 1/10  9s left\n"


def test_time_left_counts_from_the_resume():
    stream = io.StringIO()
    Progress(100, done=80, seconds=1000.0, stream=stream).row(90, 1005.0, {})
    assert stream.getvalue() == "update 90/100  5s left\n"


def test_a_bar_on_a_terminal():
    stream = Terminal()
    with Progress(1000, done=100, stream=stream) as progress:
        progress.row(120, 24.0, VALUES)
        progress.say("hello")
    shown = stream.getvalue()
    assert "120/1000" in shown
    assert "12%" in shown
    assert "coop learner-learner 0.42  learner-tabular 0.11  84k rounds/s" in shown
    assert "left" in shown
    assert "hello\n" in shown


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.6, "1m00s"), (190, "3m10s"), (7500, "2h05m"), (90_000, "25h00m"), (-1, "0s")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(950, "950"), (999.6, "1k"), (84_321, "84k"), (999_600, "1.0M"), (1.25e6, "1.2M")]
)
def test_short_numbers(number, text):
    assert short(number) == text
