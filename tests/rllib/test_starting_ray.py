"""An embedded Ray that does not come up: tried again, and said in one line if it never does."""

import os
import sys
from types import SimpleNamespace

import pytest
import ray

from coop_icl.rllib import session
from coop_icl.rllib.cluster import ClusterError
from coop_icl.rllib.session import start


@pytest.fixture
def failing(monkeypatch):
    """Lets Ray fail to start a number of times; what it was asked for is collected."""
    asked = []

    def arrange(times):
        def init(**settings):
            asked.append(settings)
            if sum(one != "shutdown" for one in asked) <= times:
                raise RuntimeError("The current node timed out during startup. This could happen because of anything.")
            return SimpleNamespace(dashboard_url=None)

        monkeypatch.setattr(ray, "init", init)
        monkeypatch.setattr(ray, "shutdown", lambda: asked.append("shutdown"))
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        return asked

    yield arrange
    session.stop()


def test_it_is_tried_again_from_a_clean_slate(failing):
    asked = failing(1)
    assert session.start(num_cpus=2) == "embedded local Ray"
    first, between, second = asked
    assert between == "shutdown"
    assert first == second
    assert first["num_cpus"] == 2


def test_one_that_never_comes_up_is_one_line(failing):
    asked = failing(session.ATTEMPTS)
    with pytest.raises(ClusterError) as raised:
        session.start()
    assert "did not start on this machine (The current node timed out during startup);" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert asked.count("shutdown") == session.ATTEMPTS


@pytest.mark.kind("first hour", case="a Python environment in a folder with a space: workers fail to start for minutes")
def test_an_environment_whose_path_has_a_space_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/home/me/my env/bin/python")
    with pytest.raises(ClusterError, match=r"the Python environment: got /home/me/my env/bin/python; expected a path"):
        start(num_cpus=1)


@pytest.mark.kind("the locale", case="a folder whose name the locale cannot read: Ray fails with an encoding error")
def test_a_folder_that_the_locale_cannot_read_is_refused(monkeypatch):
    monkeypatch.setattr(os, "getcwd", lambda: os.fsdecode(b"/home/caf\xe9"))
    with pytest.raises(ClusterError, match="the current folder: got a name that the locale's encoding"):
        start(num_cpus=1)


@pytest.mark.kind("wrong advice", case="a long TMPDIR, usual on clusters: 'the machine may be busy'")
def test_a_temporary_folder_with_too_long_a_path_is_named(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(long))
    with pytest.raises(ClusterError, match=f"TMPDIR: got {long}; expected a shorter path"):
        start(num_cpus=1)
