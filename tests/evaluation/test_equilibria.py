"""Equilibria of symmetric games that are known."""

import numpy as np
import pytest

from coop_icl.evaluation.equilibria import KEPT, SUPPORTS, VERTICES, equilibria

NAMES = [f"s{i}" for i in range(40)]
DILEMMA = np.array([[1.0, -1.0], [2.0, 0.0]])
HAWK_DOVE = np.array([[-1.0, 4.0], [0.0, 2.0]])  # mixed: hawks p with 4 - 5 p = 2 - 2 p
CYCLE = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])


def padded(game, size):
    """The same game with strictly dominated strategies added, so that equilibria stay as they are."""
    bigger = np.full((size, size), game.min() - 5.0)
    bigger[: len(game), : len(game)] = game
    bigger[: len(game), len(game) :] = game.max()
    bigger[len(game) :] -= np.arange(size - len(game))[:, None] * 0.1
    return bigger


@pytest.mark.parametrize("size", [3, SUPPORTS, VERTICES, VERTICES + 1, 30])
def test_a_dilemma_has_one_equilibrium_whatever_the_method(size):
    found = equilibria(padded(DILEMMA, size), NAMES[:size])
    assert [(e["row"], e["column"], e["symmetric"]) for e in found["found"]] == [({"s1": 1.0}, {"s1": 1.0}, True)]
    assert found["pure"] == ["s1"]
    assert found["replicator"]["mixture"] == {"s1": 1.0}
    assert found["found"][0]["payoffs"] == [0, 0]


@pytest.mark.parametrize("size", [2, 7, 12])
def test_hawks_and_doves_mix_or_take_sides(size):
    game = padded(HAWK_DOVE, size) if size > 2 else HAWK_DOVE
    found = equilibria(game, NAMES[:size])
    mixed = [e for e in found["found"] if e["symmetric"]]
    sides = [e for e in found["found"] if not e["symmetric"]]
    assert [e["row"] for e in mixed] == [{"s0": pytest.approx(2 / 3, abs=1e-3), "s1": pytest.approx(1 / 3, abs=1e-3)}]
    assert [(e["row"], e["column"]) for e in sides] == [({"s0": 1.0}, {"s1": 1.0})]
    assert found["pure"] == []
    assert all(e["regret"] < 1e-3 for e in found["found"])


def test_a_cycle_has_its_equilibrium_in_the_middle():
    (only,) = equilibria(CYCLE, NAMES[:3])["found"]
    assert only["row"] == {name: pytest.approx(1 / 3, abs=1e-3) for name in NAMES[:3]}


@pytest.mark.parametrize("size", [4, 7, 20])
def test_ties_everywhere_are_survived(size):
    found = equilibria(np.zeros((size, size)), NAMES[:size])
    assert 1 <= len(found["found"]) <= KEPT
    assert found["pure"] == NAMES[:size]
    assert equilibria(np.ones((1, 1)), ["only"])["pure"] == ["only"]


def test_methods_are_named():
    methods = {equilibria(padded(DILEMMA, size), NAMES[:size])["method"] for size in (SUPPORTS, VERTICES, VERTICES + 1)}
    assert len(methods) == 3
