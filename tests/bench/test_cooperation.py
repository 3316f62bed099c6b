"""When cooperation comes to stay, on curves made by hand."""

import json

import pytest

from bench.cooperation import RATE, read, stays, summary


def curve(*rates):
    steps = range(1, len(rates) + 1)
    return {
        "update": [10 * i for i in steps],
        "seconds": [60.0 * i for i in steps],
        "rounds": [1000 * i for i in steps],
        RATE: list(rates),
    }


@pytest.mark.parametrize(
    ("rates", "row"),
    [
        ((0.3, 0.9, 0.95), 1),
        ((0.3, 0.89), None),
        ((0.9, 0.8, 0.85), 0),  # dips that stay at .8 do not count
        ((0.9, 0.79, 0.95, 0.9), 2),  # lost and found again
        ((0.9, 0.95, 0.5), None),  # lost at the end
        ((0.9, 0.79, 0.85), None),
        ((None, 0.95, None, 0.9), 1),
        ((), None),
    ],
)
def test_the_first_row_from_which_it_stays(rates, row):
    assert stays(rates) == row


def test_runs_and_medians():
    found = summary(
        {
            "ipd_icl/seed_0": curve(0.3, 0.9),
            "ipd_icl/seed_1": curve(0.9, 0.9),
            "ipd_icl/seed_2": curve(0.9, 0.2),
            "ipd_icl_beta/seed_0": curve(0.9, 0.7),
            "ipd_no_pool/seed_0": curve(0.0, 0.0),
        }
    )
    assert found["runs"]["ipd_icl/seed_0"] == {"update": 20, "minutes": 2.0, "rounds": 2000}
    assert found["runs"]["ipd_icl/seed_2"] is None
    assert set(found["runs"]) == {"ipd_icl/seed_0", "ipd_icl/seed_1", "ipd_icl/seed_2", "ipd_icl_beta/seed_0"}
    assert found["median_minutes"] == {"ipd_icl": 2.0, "ipd_icl_beta": None, "all": None}
    json.dumps(found, allow_nan=False)


def test_curves_without_seconds_are_left_out(tmp_path):
    path = tmp_path / "curves.json"
    path.write_text(json.dumps({"ipd_icl/seed_0": {"update": [10], RATE: [0.95]}}))
    assert "seconds" in read(path)["note"]
    assert "no runs" in read(tmp_path / "absent.json")["note"]
