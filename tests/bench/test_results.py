"""From samples to ratios, goals, bench.json and speed.md; all figures made by hand."""

import json

import pytest

from bench import pictures, record
from bench.ratios import GOALS, RATIOS, Goal, of_cells, of_iteration, ratios, times_floor
from bench.report import markdown
from tests.bench.results import SAMPLES, STAMP, cells, growth, iteration, sections

COOPERATION = {"runs": {"ipd_icl/seed_0": None}, "median_minutes": {"ipd_icl": None, "all": None}}


def test_ratios_are_of_medians():
    assert of_iteration(SAMPLES, "ray_1") == pytest.approx(
        {
            "train_vs_stock_best": 300 / 5.5,
            "train_vs_stock_default": 300.0,
            "rollout_vs_stock_best": 1100 / 8,
            "plain_loop_vs_ray": 345 / 300,
            "ray_vs_plain_pytorch": 3.0,
            "ray_overhead": 345 / 320 - 1,
            "train_vs_jax": 5.0,
        }
    )


def test_ratios_of_cells():
    found = of_cells(cells("gru64-512-a2c", "gru64-512-ppo", "gru128-512-ppo")["cells"])
    assert found == pytest.approx(
        {
            "a2c_vs_jax": 4.0,
            "ppo_vs_jax": 4.0,
            "a2c_vs_plain_jax": 5.0,
            "ppo_vs_plain_jax": 5.0,
            "a2c_vs_jax_no_kernel": 3.0,
            "ppo_vs_jax_no_kernel": 3.0,
            "rollout_vs_jax": 500 / 800,
            "a2c_vs_jax_float32": 3.2,
            "ppo_vs_jax_float32": 3.2,
            "update_vs_floor": (1 / 100 - 1 / 500) / (4.0 / 2e3),
            "update_vs_floor_float32": (1 / 80 - 1 / 400) / (4.0 / 1e3),
        }
    )


def test_the_fastest_jax_program_is_the_peer_in_each_phase():
    found = cells("gru64-512-ppo")["cells"]
    one = found["gru64-512-ppo"]
    one["samples"] = {
        **one["samples"],
        "jax_one": {"train": [50.0], "rollout": [100.0]},
        "jax_two": {"train": [40.0], "rollout": [1000.0]},
    }
    assert of_cells(found)["ppo_vs_jax"] == pytest.approx(2.0)
    assert of_cells(found)["rollout_vs_jax"] == pytest.approx(0.5)


def test_without_jax_there_are_no_ratios_to_it():
    found = cells("gru64-512-ppo")["cells"]
    one = found["gru64-512-ppo"]
    one["samples"] = {name: phases for name, phases in one["samples"].items() if not name.startswith("jax")}
    assert set(of_cells(found)) == {"update_vs_floor", "update_vs_floor_float32"}
    assert "train_vs_jax" not in of_iteration({n: s for n, s in SAMPLES.items() if not n.startswith("jax")}, "ray_1")


def test_every_ratio_is_known_and_every_goal_is_of_a_ratio():
    found = ratios(sections(), COOPERATION)
    assert list(found) == list(RATIOS)
    assert {goal.ratio for goal in GOALS} <= set(RATIOS)
    assert ratios({}, {"note": "nothing"}) == {}


def test_times_are_multiples_of_the_floor():
    one = cells("gru64-512-ppo")["cells"]["gru64-512-ppo"]
    assert times_floor(one)["rollout"] == pytest.approx((1 / 500) / (1.0 / 2e3))
    assert times_floor({**one, "precision": "float32"})["rollout"] == pytest.approx((1 / 500) / (1.0 / 1e3))
    assert times_floor({**one, "flops": None}) == {}


@pytest.mark.parametrize(
    ("sign", "value", "verdict"),
    [
        (">=", 2.0, "pass"),
        (">=", 1.9, "falls short"),
        ("<=", 2.0, "pass"),
        ("<", 2.0, "falls short"),
        ("<", 1.9, "pass"),
        ("<", None, "falls short"),
    ],
)
def test_verdicts_at_the_bound(sign, value, verdict):
    assert Goal("ratio", sign, 2.0).verdict({"ratio": value}) == verdict
    assert Goal("ratio", sign, 2.0).verdict({}) == "not measured"


def test_a_section_replaces_its_older_self_only():
    kept = sections()
    later = {**STAMP, "commit": "f" * 40}
    new = {**iteration(), "peak_memory_gib": 2.5}
    both = record.merge(kept, {"iteration": record.stamped("iteration", new, later)})
    assert list(both) == ["iteration", "cells", "growth", "scale", "profile", "planner"]
    assert both["iteration"]["peak_memory_gib"] == 2.5
    assert both["iteration"]["measured"] == later
    assert both["growth"] == kept["growth"]
    assert both["growth"]["measured"] == STAMP


def test_cells_are_replaced_one_by_one():
    later = {**STAMP, "commit": "f" * 40}
    found = record.stamped("cells", cells("gru64-512-ppo", "gru64-64-ppo"), later)
    both = record.merge(sections(), {"cells": found})["cells"]["cells"]
    assert {name: cell["measured"]["commit"][0] for name, cell in both.items()} == {
        "gru64-64-ppo": "f",
        "gru64-512-a2c": "0",
        "gru64-512-ppo": "f",
    }
    assert list(both) == ["gru64-64-ppo", "gru64-512-a2c", "gru64-512-ppo"]


def test_results_of_an_older_form_count_as_none(tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps({"command": "python -m bench.run", "ratios": {}}))
    assert record.read(tmp_path / "bench.json") == {}
    assert record.read(tmp_path / "absent.json") == {}


def test_the_page_shows_everything():
    text = markdown(json.loads(json.dumps(record.complete(sections(), COOPERATION))))
    assert all(f"the {name}" in text for name in SAMPLES)
    assert all(f"`{name}`" in text for name in RATIOS)
    lines = [" ".join(line.replace("|", " ").split()) for line in text.splitlines()]

    def line(start):
        return next(line for line in lines if line.startswith(start))

    assert line("the ray_1 *") == "the ray_1 * 300k (290k-400k) 150k 1.1M (1M-1.2M) 550k 513"
    assert line("`ppo_vs_jax`").startswith("`ppo_vs_jax` >= 3 4.00 pass")
    assert line("`train_vs_stock_best`").startswith("`train_vs_stock_best` >= 100 54.55 falls short")
    assert line("`median_minutes_to_cooperation`").startswith("`median_minutes_to_cooperation` < 5 never falls short")
    assert line("`peak_memory_gib`").startswith("`peak_memory_gib` < 3 1.50 pass")
    assert line(
        "gru64-512-ppo 100 (90-500) 100 (100-100) 80 (80-80) 75 (75-75) 50 (50-50) 25 (25-25) 20 (20-20) 2.00 4.00 0%"
    )
    assert line("`ipd_icl/seed_0`") == "`ipd_icl/seed_0` never - -"
    assert line("gradient") == "gradient 10.0 20% 10.0 20%"
    assert "100 KiB a game" in text
    assert "commit 0123456789ab;" in text


def test_a_page_of_nothing_says_so():
    text = markdown(record.complete({}, {"note": "there are no runs"}))
    assert text.count("Not measured yet.") == 7
    assert text.count("not measured") == len(GOALS)
    assert "Left out: there are no runs." in text


def test_cells_without_counted_operations_or_peers_have_dashes():
    one = cells("transformer64-64-ppo")
    cell = one["cells"]["transformer64-64-ppo"]
    cell["flops"], cell["samples"] = None, {name: cell["samples"][name] for name in ("ray_0", "plain_fused")}
    text = markdown(record.complete({"cells": record.stamped("cells", one, STAMP)}, {"note": "none"}))
    assert "| - " in text


def test_pictures_are_of_a_readable_size(tmp_path):
    pictures.draw({"iteration": iteration(), "growth": growth()}, tmp_path)
    for name in ("speed_peers.png", "speed_growth.png"):
        height, width, _ = pictures.plt.imread(tmp_path / name).shape
        assert width < 1500
        assert 200 < height < 1000
    pictures.draw({}, tmp_path / "absent")
