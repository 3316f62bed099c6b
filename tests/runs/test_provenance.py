"""Provenance: of this checkout, of none, and never of a surrounding one."""

import json
import subprocess
from datetime import datetime

import numpy
import torch

from coop_icl.runs.provenance import git_state, provenance


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def package(folder):
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    return folder


def test_what_is_recorded():
    record = provenance(7, ["coop-icl", "train", "a b"])
    assert json.loads(json.dumps(record)) == record
    assert record["seed"] == 7
    assert record["command"] == "coop-icl train 'a b'"
    assert record["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert record["versions"]["numpy"] == numpy.__version__
    assert record["versions"]["coop_icl"]
    assert record["cpus"] >= 1
    assert datetime.fromisoformat(record["started"]).utcoffset() is not None


def test_commit_and_changes(tmp_path):
    inside = package(tmp_path / "repo" / "coop_icl")
    assert git_state(inside) is None
    git(inside.parent, "init", "-q")
    git(inside.parent, "add", ".")
    git(inside.parent, "commit", "-qm", "one")
    commit = git(inside.parent, "rev-parse", "HEAD")
    assert git_state(inside) == {"commit": commit, "dirty": False}
    (inside / "new.py").write_text("")
    assert git_state(inside) == {"commit": commit, "dirty": True}


def test_a_checkout_around_an_installed_package_is_not_meant(tmp_path):
    site = package(tmp_path / "repo" / ".venv" / "site-packages" / "coop_icl")
    git(tmp_path / "repo", "init", "-q")
    assert git_state(site) is None
