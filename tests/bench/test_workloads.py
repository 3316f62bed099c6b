"""Programs that need the extra ``bench`` are left out, and said to be, where it is not installed."""

import pytest

from bench import workloads


def test_without_the_extra_each_program_left_out_is_named(monkeypatch, capsys):
    monkeypatch.setattr(workloads, "_installed", lambda *names: False)
    assert workloads.jax(24) == []
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ["JaxLoop", "JaxMarlLoop"]


@pytest.mark.skipif(not workloads.has_jax(), reason="the extra `bench` is not installed")
def test_jax_alone_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(workloads, "has_jaxmarl", lambda: False)
    loops = workloads.jax(24, "game.options={rounds: 4}", "train.learners=2", "model.hidden_size=16")
    assert [loop.name for loop in loops] == ["jax"]
    assert loops[0].train() == loops[0].play() == 2 * loops[0].games * 4
    assert "JaxMarlLoop is left out" in capsys.readouterr().err
