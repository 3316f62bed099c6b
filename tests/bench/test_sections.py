"""Sections of the bench, really measured on the smallest batches, and its command line; nothing is timed."""

import json
from dataclasses import replace

import pytest

from bench import growth, parts
from bench.cells import CELLS, Cell, measured, rates, select
from bench.floor import flops, gemm_rate
from bench.run import main
from bench.timing import Effort
from bench.workloads import games_per_update
from coop_icl.errors import UserError
from coop_icl.rllib.session import start, stop

TINY = Effort(rounds=1, seconds=0.0)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_cells_are_the_work_they_say(cell):
    config = cell.config()
    assert (config.model.core, config.model.hidden_size, config.train.learners) == (cell.core, cell.hidden, 2)
    assert config.train.algorithm == cell.algorithm
    assert config.train.epochs == (4 if cell.algorithm == "ppo" else 1)
    assert 1.5 * config.train.episodes_per_learner == pytest.approx(cell.games, abs=3)


def test_cells_by_parts_of_their_names():
    assert [cell.name for cell in select(("gru128", "ppo", "512"))] == ["gru128-512-ppo"]
    assert {cell.algorithm for cell in select(("transformer",))} == {"a2c", "ppo"}
    assert select(()) == CELLS
    with pytest.raises(UserError, match="gru64-512-ppo"):
        select(("gru65",))


def test_operations_are_those_of_the_products():
    config = next(cell for cell in CELLS if cell.name == "gru64-512-ppo").config()
    inputs, others = 2 * 192 * 5, 2 * (192 * 64 + 64 * 3)
    found = flops(config)
    assert found["rollout"] == pytest.approx((inputs + others) / 1.5)  # a third of the seats are co-players
    assert found["update"] == pytest.approx(4 * (2 * inputs + 3 * others) / 1.5)  # inputs need no gradient
    assert found["train"] == pytest.approx(found["rollout"] + found["update"])


def test_operations_of_a_transformer():
    config = Cell("transformer", 64, 8, "a2c").config("game.options.rounds=3")
    inputs = 2 * 5 * 64
    blocks = 2 * (2 * 12 * 64 * 64 + 4 * 64 * 2)  # a round sees two rounds of three on average
    assert flops(config)["rollout"] == pytest.approx((inputs + blocks + 2 * 64 * 3) / 1.5)
    assert flops(Cell("lstm", 64, 8, "a2c").config()) is None


def test_a_product_takes_time():
    assert 0.1 < gemm_rate(16, threads=1, seconds=0.05) < 1e5
    assert gemm_rate(16, threads=1, seconds=0.05, precision="bfloat16") > 0.1
    found = rates(16)
    assert set(found) == {"float32", "bfloat16"}
    assert all(set(rate) == {"one_core", "all_cores"} for rate in found.values())


def test_a_cell_is_measured(monkeypatch):
    monkeypatch.setattr("bench.cells.jax", lambda config, every: [])  # compiles for long; test_jax_loop has it
    cell = Cell("gru", 16, 8, "a2c")
    start(num_cpus=2)
    try:
        found = measured(cell, TINY)
    finally:
        stop()
    assert set(found["samples"]) == set(found["labels"]) == {"ray_0", "plain_fused", "plain_pytorch"}
    assert all(len(rates) == 1 and rates[0] > 0 for phases in found["samples"].values() for rates in phases.values())
    json.dumps(found)


def test_growth_is_measured_point_by_point():
    base = growth.Point(games=8, rounds=4, hidden=16, learners=2)
    factors = {"games": (8, 16)}
    found = growth.grow(base, factors, TINY)
    assert {factor: tuple(point["value"] for point in points) for factor, points in found.items()} == factors
    assert [point["games"] for point in found["games"]] == pytest.approx([8, 16], abs=2)
    assert all(p["samples"][phase][0] > 0 for ps in found.values() for p in ps for phase in ("train", "rollout"))


def test_memory_is_that_of_a_process_of_its_own():
    ballast = bytearray(600 * 2**20)
    ballast[:: 2**12] = b"x" * (len(ballast) // 2**12)
    found = growth.memory(growth.Point(rounds=4, hidden=16, learners=2), (9, 63), updates=1)
    (few, small), (many, large) = (point.values() for point in found["points"])
    assert (few, many) == (9, 63)
    assert 50 < small < 600
    assert found["kib_a_game"] == pytest.approx(1024 * (large - small) / 54)


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
def test_parts_of_an_update(algorithm):
    before = parts.setting.play, parts.CompiledGradient.__call__, parts.LossGradient.__call__
    found = parts.profile(Cell("gru", 16, 8, algorithm), updates=2)["milliseconds"]
    assert set(found) == set(parts.PARTS)
    assert all(found[part] > 0 for part in ("play", "gradient", "rest"))
    assert before == (parts.setting.play, parts.CompiledGradient.__call__, parts.LossGradient.__call__)


def test_an_inner_part_is_not_its_outer_parts_time():
    now = iter(range(0, 100, 10))
    clock = parts.Clock(lambda: next(now))
    clock.enter("outer")  # 10 of the rest
    clock.enter("inner")  # 10 of the outer part
    clock.leave()
    clock.leave()
    assert clock.take() == {"rest": 20, "outer": 20, "inner": 10}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--only", "iterations"],
            "no section 'iterations'; sections: iteration, cells, growth, scale, profile, planner, none",
        ),
        (["--cells", "gru65"], "no cell has all of gru65; cells: gru64-64-a2c"),
        (["--only", "iteration", "--set", "train.learnres=2"], "did you mean"),
        (["--only", "none", "--quick"], "measure some first"),
    ],
)
def test_errors_are_one_line(arguments, words, capsys):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_a_section_is_measured_kept_and_shown_again(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    files = tmp_path / "bench.json", tmp_path / "speed.md"
    assert main(["--quick", "--only", "profile", "--out", str(tmp_path)]) == 0
    first = [file.read_text() for file in files]
    measured_by = json.loads(first[0])["sections"]["profile"]["measured"]
    assert measured_by["command"] == "python -m bench.run --quick --only profile"
    assert "| gradient" in capsys.readouterr().out
    assert main(["--only", "none", "--out", str(tmp_path)]) == 0
    assert [file.read_text() for file in files] == first


@pytest.mark.parametrize("factor", growth.FACTORS)
def test_a_point_differs_from_the_base_in_one_factor(factor):
    def shown(point):
        config = point.config()
        return {
            "games": games_per_update(config),
            "rounds": config.game.options["rounds"],
            "hidden": config.model.hidden_size,
            "learners": config.train.learners,
            "env_runners": config.ray.num_env_runners,
        }

    base, other = growth.Point(env_runners=0), growth.FACTORS[factor][-1]
    found = shown(replace(base, **{factor: other}))
    wanted = {**shown(base), factor: other}
    assert found.pop("games") == pytest.approx(wanted.pop("games"), abs=8)  # whole episodes of each learner
    assert found == wanted
