"""`coop-icl doctor`: a line a check; exit code 1 and what to do where something is wrong."""

import os
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from coop_icl.cli import main
from coop_icl.rllib import doctor, fitness
from tests.cluster.nodes import ROOT, can_hide_folders, free_ports, one_node


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lock(tmp_path):
    """Pins that this environment keeps."""
    path = tmp_path / "some.lock"
    path.write_text("".join(f"{name}=={metadata.version(name).split('+')[0]}\n" for name in ("torch", "ray", "numpy")))
    return path


def answers(capsys, lock=None, *arguments):
    """Exit code, and (mark, text) by check."""
    code = main(["doctor", *(["--lock", str(lock)] if lock else []), *arguments])
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    checks = ("versions", "environment", "authentication", "sockets", "memory", "shared memory", "disk")
    checks = (*checks, "compiled part", "GPU", "cluster")
    assert len(lines) == len(checks)
    return code, {
        check: (mark, text.removeprefix(check).strip()) for check, (mark, text) in zip(checks, lines, strict=True)
    }


def test_a_machine_that_is_fit(capsys, lock):
    code, found = answers(capsys, lock)
    assert {mark for mark, _ in found.values()} == {"ok"}, found
    assert code == 0
    assert found["versions"][1].startswith("3 of 3")


def test_another_version_and_a_missing_package(capsys, lock):
    lock.write_text(lock.read_text() + "gymnasium==0.0.1\nno-such-package==1.0\n")
    code, found = answers(capsys, lock)
    mark, text = found["versions"]
    assert (code, mark) == (1, "wrong")
    assert f"gymnasium {metadata.version('gymnasium')} (pinned 0.0.1)" in text
    assert "no-such-package not installed (pinned 1.0)" in text
    assert f"pip install -r {lock}" in text
    assert found["disk"][0] == "ok"


@pytest.mark.parametrize("text", [None, "", "torch\n"])
def test_a_lock_that_is_none(text, capsys, tmp_path):
    file = tmp_path / "other.lock"
    if text is not None:
        file.write_text(text)
    code, found = answers(capsys, file)
    assert (code, found["versions"][0]) == (1, "wrong")
    assert "--lock" in found["versions"][1]


@pytest.mark.kind("first hour", case="a wheel has no requirements.lock beside it")
def test_without_a_lock_what_is_installed_is_compared_with_what_it_requires(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "__file__", "/nowhere/coop_icl/rllib/doctor.py")
    code, found = answers(capsys)
    assert code == 0, found
    assert "packages are as coop_icl requires them" in found["versions"][1]
    monkeypatch.setattr(metadata, "requires", lambda name: ["torch>=99", "no-such-package", "x; extra == 'y'"])
    code, found = answers(capsys)
    assert code == 1
    assert f"2 of 2 differ: torch {metadata.version('torch').split('+')[0]} (required >=99)" in found["versions"][1]


@pytest.mark.kind("exposed", case="a token that others on the machine can read, without RAY_ADDRESS")
def test_a_token_that_others_can_read(capsys, lock, tmp_path):
    file = tmp_path / ".ray/auth_token"
    file.parent.mkdir()
    file.write_text("a secret\n")
    file.chmod(0o644)
    code, found = answers(capsys, lock)
    assert (code, found["authentication"][0]) == (1, "wrong")
    assert f"chmod 600 {file}" in found["authentication"][1]


@pytest.mark.kind("hangs and silence", case="the job agent's port is taken: 'No available agent to submit job'")
def test_a_port_of_a_head_that_is_taken_is_named(capsys, lock, monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setitem(fitness.HEAD_PORTS, "dashboard-agent-listen-port", port)
    assert "taken" not in answers(capsys, lock)[1]["sockets"][1]
    with socket.socket() as other:
        other.bind(("", port))
        other.listen()
        text = answers(capsys, lock)[1]["sockets"][1]
    assert f"{port} taken: start another head with --dashboard-agent-listen-port={port + 1}" in text


@pytest.mark.kind("hangs and silence", case="a head without a job agent looked fit")
def test_a_head_whose_agent_takes_no_jobs(tmp_path, monkeypatch):
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        with one_node(tmp_path, agent=other.getsockname()[1]) as cluster:
            done = cluster.coop_icl("doctor", "--runs", cluster.shared, "--lock", ROOT / "requirements.lock")
    line = done.stdout.splitlines()[-1]
    assert done.returncode == 1, done.stdout + done.stderr
    assert line.startswith("wrong  cluster"), done.stdout
    assert "1 of 1 nodes take no jobs" in line


def authentication(capsys, lock):
    code, found = answers(capsys, lock)
    assert code == 1  # nothing answers at the address
    assert found["cluster"][0] == "wrong"
    assert "no Ray cluster answers" in found["cluster"][1]
    return found["authentication"]


def test_tokens(capsys, lock, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_ports(1)[0]}")
    mark, text = authentication(capsys, lock)
    assert (mark, "set RAY_AUTH_MODE=token" in text) == ("wrong", True)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    mark, text = authentication(capsys, lock)
    assert (mark, "lets everyone in" in text) == ("wrong", True)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    mark, text = authentication(capsys, lock)
    assert (mark, "get-auth-token --generate" in text) == ("wrong", True)
    file = tmp_path / ".ray/auth_token"
    file.parent.mkdir()
    file.write_text("a secret\n")
    file.chmod(0o644)
    mark, text = authentication(capsys, lock)
    assert (mark, f"chmod 600 {file}" in text) == ("wrong", True)
    file.chmod(0o600)
    assert authentication(capsys, lock) == ("ok", f"by token, from {file}")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "another")
    mark, text = authentication(capsys, lock)
    assert mark == "ok"
    assert "a secret" not in text
    assert "another" not in text


def test_a_folder_that_cannot_be_written(capsys, lock):
    code, found = answers(capsys, lock, "--runs", "/proc/runs")
    mark, text = found["disk"]
    assert (code, mark) == (1, "wrong")
    assert "/proc cannot be written" in text
    assert "--runs" in text


@pytest.mark.skipif(not can_hide_folders(), reason="needs the right to mount (root)")
@pytest.mark.parametrize(
    ("place", "check", "words"),
    [("/dev/shm", "shared memory", "--shm-size"), ("{tmp}/small", "disk", "GiB")],
)
def test_little_room(place, check, words, tmp_path, lock):
    place = Path(place.format(tmp=tmp_path))
    place.mkdir(exist_ok=True)
    inner = f'mount -t tmpfs -o size=32m none {place} && exec "$@"'
    command = [sys.executable, "-m", "coop_icl.cli", "doctor", "--runs", str(tmp_path / "small"), "--lock", str(lock)]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", inner, "sh", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    (wrong,) = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert wrong.split(maxsplit=1)[1].startswith(check)
    assert words in wrong
