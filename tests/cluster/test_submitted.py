"""A job runs the code that was sent, wherever its head was started, and is followed to its end."""

import json
import re
import shutil

import pytest

from coop_icl.runs.provenance import source_folders, source_hash
from tests.cluster.nodes import ROOT, TINY, one_node

pytestmark = pytest.mark.timeout(300)
MARKER = "the checkout that the head was started in"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head that was started in another checkout, which says so and stops whoever imports it."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in source_folders():
        (checkout / name).mkdir()
        (checkout / name / "__init__.py").write_text(f"raise SystemExit({MARKER!r})\n")
    with one_node(checkout) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def sent(cluster):
    """A short run with an env runner of its own, sent as a job: its folder, and what submitting it said."""
    runs = cluster.shared / "runs"
    arguments = ["submit", "smoke", *TINY, "ray.num_env_runners=1", "--runs", runs]
    return runs, arguments, cluster.coop_icl(*arguments, address=cluster.dashboard)


@pytest.mark.kind("other code than was sent", case="a head started in another checkout")
def test_the_code_that_ran_is_what_was_sent(sent):
    runs, _, done = sent
    assert done.returncode == 0, done.stdout + done.stderr
    assert MARKER not in done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].endswith("succeeded")
    ran = json.loads((runs / "smoke/seed_0/provenance.json").read_text(encoding="utf-8"))
    assert ran["code"] == source_hash({name: ROOT / name for name in source_folders()})
    (said,) = re.findall(r", code (\w+):", done.stderr)
    assert ran["code"].startswith(said)


@pytest.mark.kind("lost or misreported", case="a job that fails")
def test_a_job_that_fails_says_why_and_gives_1(cluster, sent):
    _, arguments, first = sent
    assert first.returncode == 0, first.stdout + first.stderr
    again = cluster.coop_icl(*arguments, address=cluster.dashboard)
    assert again.returncode == 1
    assert "already holds a run" in again.stdout
    assert again.stderr.splitlines()[-1].endswith("failed")


@pytest.mark.kind("other code than was sent", case="the hash of sources")
def test_the_hash_is_of_contents_and_names_and_of_nothing_else(tmp_path):
    first, other = tmp_path / "here/p", tmp_path / "there/p"
    first.mkdir(parents=True)
    (first / "a.py").write_text("x = 1\n")
    (first / "b.c").write_text("int x;\n")
    shutil.copytree(first, other)
    (other / "b.so").write_bytes(b"compiled")
    (other / "__pycache__").mkdir()
    (other / "__pycache__/a.pyc").write_bytes(b"compiled")
    assert source_hash({"p": first}) == source_hash({"p": other})
    (other / "b.c").write_text("int y;\n")
    assert source_hash({"p": first}) != source_hash({"p": other})
    (other / "b.c").write_text("int x;\n")
    (other / "b.c").rename(other / "c.c")
    assert source_hash({"p": first}) != source_hash({"p": other})
