"""The stated cost of a run follows from its settings; known ones worked out by hand."""

import pytest

from bench.floor import flops
from coop_icl.cli import main
from coop_icl.config import load
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.reporting.cost import estimate, flop_per_decision, table


def policy(parts=(5,), rounds=100, **model):
    return SequencePolicy(ModelConfig(**model), parts, 2, rounds)


def test_a_decision_costs_two_operations_a_weight():
    gru = 2 * (3 * 64 * 5 + 3 * 64 * 64 + 64 * 3)
    assert flop_per_decision(policy(hidden_size=64)) == gru
    embedded = 2 * (5 * 32 + 3 * 128 * 32 + 3 * 128 * 128 + 128 * 3)
    assert flop_per_decision(policy(hidden_size=128, embedding_size=32, activation="swish")) == embedded
    blocks = 2 * (5 * 32 + 12 * 32 * 32 + 32 * 3) + 2 * 32 * 11  # all rounds so far, 5.5 of 10 on average, both ways
    assert flop_per_decision(policy(rounds=10, core="transformer", hidden_size=32)) == blocks


def test_the_published_mixed_pool_costs_what_was_worked_out_from_the_paper():
    """8.2e10 rounds and about 3e16 operations of learning, for each learner."""
    cost = estimate(load("ipd_icl_paper"))
    assert cost is not None
    assert cost.decisions == pytest.approx(8.192e10)
    assert cost.rounds == pytest.approx(1.5 * 8.192e10)  # of a learner's games half are with the other one
    assert cost.learning_flop == pytest.approx(3e16, rel=0.03)
    assert cost.flop == pytest.approx(2 * cost.learning_flop * 4 / 3)  # play is one pass, learning three


def test_it_agrees_with_the_bench_but_for_the_gradient_of_observations():
    config = load("ipd_step1", ["train.epochs=1"])
    cost, measured = estimate(config), flops(config)
    assert cost is not None
    assert measured is not None
    steps = 2 * cost.rounds  # the bench divides by all seats
    inputs = 2 * 3 * 64 * 5 * cost.decisions
    assert measured["train"] * steps == pytest.approx(cost.flop - inputs)


def test_frozen_co_players_cost_a_pass_each():
    one, two = (estimate(load(name, ["train.updates=10"])) for name in ("ipd_step1", "ipd_step2"))
    assert one is not None
    assert two is not None
    passes = 1 + 3 * 4
    assert (two.flop / two.decisions / 2) / (one.flop / one.decisions) == pytest.approx((passes + 1) / passes)


def test_it_is_printed_before_anything_is_trained(tmp_path, monkeypatch, capsys):
    text = table([load("ipd_icl_paper")], seeds=5)
    assert "200,000 updates" in text
    assert "1.2e+11 rounds" in text
    monkeypatch.setattr("coop_icl.stages.train_missing", lambda *_: 7)  # as if training had been interrupted
    assert main(["reproduce", "4", "--scale", "paper", "--runs", str(tmp_path), "--out", str(tmp_path / "o")]) == 7
    out = capsys.readouterr().out
    assert out.index("estimated cost") < out.index("ipd_step1_paper") < out.index("ipd_step3_paper")
    assert "TFLOP/s" in out


def test_games_of_more_players_take_fewer_rounds_for_as_many_decisions():
    cost = estimate(load("public_goods_icl"))
    assert cost is not None
    assert cost.rounds == pytest.approx(6 * cost.decisions * (0.5 / 3 + 0.5))  # among three learners, and alone
    both = "population.mixture=[{name: tabular, learners: 2}]"
    assert estimate(load("public_goods_icl", [both])).rounds == pytest.approx(6 * cost.decisions / 2)


def test_a_convolution_costs_its_weights_in_every_cell():
    config = ModelConfig(hidden_size=16, encoder="conv", encoder_size=8)
    conv = SequencePolicy(config, (36, 2), 4, 10, (0, 4, 3, 3))
    encoder = 9 * (16 * 4 * 9 + 16 * 16 * 9) + 8 * 16 * 9
    assert flop_per_decision(conv) == 2 * (encoder + 3 * 16 * (8 + 2) + 3 * 16 * 16 + 16 * 5)
