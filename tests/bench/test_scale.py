"""The model of more env runners: its arithmetic, the size of messages, and the section itself on the smallest batch."""

import numpy as np
import pytest

from bench import scale
from bench.report import markdown
from bench.scale import Constants, size
from bench.timing import Effort
from tests.bench.results import sections

PARTS = Constants(play=0.4, learn=0.1, call=0.01, rounds=1000, weights=100, trajectories=900, bandwidth=1e4)


def test_one_after_the_other():
    assert PARTS.rate(0, "sync", 2, 2, 1e4) == pytest.approx(1000 / (0.2 + 0.1))
    assert PARTS.rate(1, "sync", 2, 2, 1e4) == pytest.approx(1000 / (0.4 + 0.01 + 0.1 + 0.1))
    assert PARTS.rate(2, "sync", 2, 2, 1e4) == pytest.approx(1000 / (0.2 + 0.01 + 0.11 + 0.1))
    assert PARTS.rate(4, "sync", 4, None, 1e4) == pytest.approx(1000 / (0.1 + 0.01 + 0.13 + 0.1))


def test_an_env_runner_without_a_block_brings_nothing():
    more = Constants(**{**vars(PARTS), "weights": 0})
    assert more.rate(3, "sync", 2, None, 1e4) == more.rate(2, "sync", 2, None, 1e4)
    assert more.rate(2, "sync", 3, None, 1e4) < more.rate(3, "sync", 3, None, 1e4)


def test_at_the_same_time():
    assert PARTS.rate(1, "async", 2, None, 1e4) == pytest.approx(1000 / 0.51)  # waits for games
    assert PARTS.rate(32, "async", 32, None, 1e9) == pytest.approx(1000 / 0.1)  # waits for the Learner
    assert PARTS.rate(2, "async", 2, 2, 1e9) == pytest.approx(1000 / 0.3)  # the machine has no more to give


def test_bytes_of_a_message_are_those_of_its_arrays_and_little_more():
    assert 8000 < size({"array": np.zeros(1000)}) < 8200
    assert size(np.zeros(10**6, np.uint8)) - size(np.zeros(10**5, np.uint8)) == 9 * 10**5


def test_the_section_measures_what_its_page_shows():
    found = scale.section(Effort(rounds=1, seconds=0.0, quick=True))
    assert [(run["env_runners"], run["mode"]) for run in found["runs"]] == [(0, "sync")]
    assert all(run["samples"][0] > 0 and run["model"] > 0 for run in found["runs"])
    constants = Constants(**found["constants"])
    assert constants.rounds == 20 * 8 * 6 * 3 // 4
    assert min(constants.play, constants.call, constants.bandwidth) > 0
    stored = sections()
    text = markdown(
        {
            "sections": {"scale": {**stored["scale"], **found}},
            "cooperation": {"note": "none"},
            "ratios": {},
            "goals": [],
        }
    )
    assert f"{constants.trajectories / constants.rounds:.1f} bytes a round" in text
