"""Trajectories on disk: compact, whole or not there, one numbering over phases."""

import numpy as np
import pytest

from coop_icl.matchups import Matchups
from coop_icl.phase_data import DataError, Lived, PhaseData, lived
from coop_icl.trajectory import Trajectory


def some(count, seed=0, told=0, rounds=7):
    rng = np.random.default_rng(seed)
    symbols = rng.integers(1, 5, (count, rounds)).astype(np.int8)
    return Lived(symbols, rng.integers(0, 2, count).astype(np.int8), rng.random((count, told), dtype=np.float32))


def same(one, two):
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("symbols", "seats", "told"))


@pytest.mark.parametrize("told", [0, 10])
def test_what_is_written_is_read_under_one_numbering(tmp_path, told):
    data, parts = PhaseData(tmp_path / "a" / "b"), [some(5, 0, told), some(3, 1, told), some(4, 2, told)]
    for phase, part in enumerate(parts):
        data.write(phase, part)
    assert data.phases() == [0, 1, 2]
    library = data.open(range(3))
    rows = np.array([11, 0, 5, 4, 7, 5])
    taken = library.take(rows)
    together = Lived(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("symbols", "seats", "told")))
    assert len(library) == 12
    assert same(taken, Lived(together.symbols[rows], together.seats[rows], together.told[rows]))
    assert len(data.open([1])) == 3


def test_a_round_takes_a_byte(tmp_path):
    PhaseData(tmp_path).write(0, some(1000, rounds=100))
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.npy"))
    assert 100_000 < size < 102_000


def test_outcomes_begin_empty_and_follow_the_symbols():
    one = some(3)
    assert one.outcomes.shape == (7, 3)
    assert (one.outcomes[0] == 0).all()
    np.testing.assert_array_equal(one.outcomes[1:], one.symbols[:, :-1].T)


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    data, first = PhaseData(tmp_path), some(4)
    data.write(0, first)
    bad = Lived(first.symbols, first.seats, np.array([object()], dtype=object))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="allow_pickle"):
        data.write(0, bad)
    with pytest.raises(ValueError, match="allow_pickle"):
        data.write(1, bad)
    assert [path.name for path in tmp_path.iterdir()] == ["phase_0000"]
    assert same(data.open([0]).take(np.arange(4)), first)


def test_a_phase_that_is_written_again_replaces_the_old_one(tmp_path):
    data = PhaseData(tmp_path)
    data.write(2, some(9))
    data.write(2, some(4, 1))
    assert same(data.open([2]).take(np.arange(4)), some(4, 1))
    assert data.phases() == [2]


def test_missing_and_damaged_phases_are_named(tmp_path):
    data = PhaseData(tmp_path)
    assert data.phases() == []
    data.write(0, some(2))
    with pytest.raises(DataError, match="phase_0001 cannot be read"):
        data.open(range(2))
    np.save(tmp_path / "phase_0000" / "seats.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="phase_0000 cannot be read"):
        data.open([0])


def test_a_learner_keeps_its_own_view_in_either_seat():
    seats = np.array([[0, 1, 2, 0], [1, 2, 0, 2]], dtype=np.int16)
    actions = np.array([[[0, 0, 1, 1], [0, 1, 0, 1]], [[1, 1, 0, 0], [0, 0, 1, 1]]], dtype=np.int8)
    zeros, told = np.zeros((2, 2, 4), np.float32), np.arange(8, dtype=np.float32).reshape(2, 4, 1)
    matchups = Matchups(("a", "b", "tft"), ("learner", "learner", "tft"), 2, seats)
    played = Trajectory(actions, actions, zeros, zeros, zeros, np.ones((2, 4), bool), matchups, told)
    mine = lived(played, [0], 2)
    assert mine.seats.tolist() == [0, 0, 1]  # games 0, 3 and 2
    assert mine.symbols.tolist() == [[1, 3], [4, 2], [2, 3]]
    assert mine.told[:, 0].tolist() == [0, 3, 6]
    assert len(lived(played, [0, 1], 2)) == 5
