"""Programs that need the extra ``bench`` are left out, and said to be, where it is not installed."""

import pytest

from bench import peers
from bench.workloads import LOCAL, experiment


def test_without_the_extra_what_is_left_out_is_named(monkeypatch, capsys):
    monkeypatch.setattr(peers, "_installed", lambda *names: False)
    assert peers.jax(experiment(24, *LOCAL)) == []
    assert "JAX is left out" in capsys.readouterr().err


@pytest.mark.skipif(not peers.has_jax(), reason="the extra `bench` is not installed")
@pytest.mark.parametrize(("every", "names"), [(True, ["jax", "jax_plain"]), (False, ["jax"])])
def test_jax_alone_is_measured(every, names, monkeypatch, capsys):
    monkeypatch.setattr(peers, "has_jaxmarl", lambda: False)
    tiny = experiment(24, "game.options={rounds: 4}", "train.learners=2", "model.hidden_size=16", *LOCAL)
    loops = peers.jax(tiny, every)
    assert [loop.name for loop in loops] == names
    for loop in loops:
        assert loop.train() == loop.play() == 2 * loop.games * 4
    assert ("JaxMARL is left out" in capsys.readouterr().err) == every
