"""Runs on a real cluster of two nodes: joined, sent as a job, several at once, watched, and refused where unfit."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.cluster.nodes import ROOT, TINY, can_hide_folders, free_ports, two_nodes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not can_hide_folders(), reason="needs the right to mount (root)"),
]
METRIC = re.compile(r'^(ray_coop_icl_\w+)\{.*experiment="watched"', re.MULTILINE)


@pytest.fixture(scope="module")
def cluster():
    with two_nodes() as cluster:
        yield cluster


def weights(runs, name="smoke", seed=0):
    return (runs / name / f"seed_{seed}/policies/final/learner_0/model.safetensors").read_bytes()


def actors(cluster, name):
    """Node of every actor of a class, dead ones too."""
    return [actor["node_id"] for actor in cluster.listed("actors") if actor["class_name"] == name]


def test_env_runners_on_two_nodes_leave_what_an_embedded_ray_leaves(cluster):
    runs, here = cluster.shared / "runs", cluster.shared / "here"
    done = cluster.coop_icl("train", "smoke", *TINY, "ray.num_env_runners=2", "--runs", runs)
    assert done.returncode == 0, done.stderr
    assert "2 nodes" in done.stderr
    assert len(set(actors(cluster, "BatchedEnvRunner"))) == 2
    embedded = cluster.coop_icl("train", "smoke", *TINY, "ray.num_env_runners=0", "--runs", here, address="")
    assert embedded.returncode == 0, embedded.stderr
    assert weights(runs) == weights(here)
    other = cluster.coop_icl("train", "smoke", *TINY, "ray.num_env_runners=0", "--runs", here, "--seeds", 1, address="")
    assert other.returncode == 0, other.stderr
    assert weights(here, seed=1) != weights(here)


@pytest.mark.parametrize("seeds", ["0", "0-1"])
def test_a_folder_that_one_node_does_not_see_is_refused_before_anything_is_trained(cluster, seeds):
    done = cluster.coop_icl("train", "smoke", *TINY, "--runs", cluster.alone, "--seeds", seeds)
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("coop-icl: ")]
    assert "is not shared: 1 of 2 nodes" in line
    assert "RUNS_DIR=" in line
    assert "Traceback" not in done.stderr
    assert not [path for path in cluster.alone.rglob("*") if path.is_file() and path.name != ".lock"]
    missing = cluster.coop_icl("doctor", "--runs", cluster.alone)
    assert missing.returncode == 1
    assert "is not shared" in missing.stdout
    fit = cluster.coop_icl("doctor", "--runs", cluster.shared)
    assert re.search(r"^ok +cluster .*2 nodes; all see .* asks for a token$", fit.stdout, re.MULTILINE), fit.stdout


def test_a_job_trains_the_same_run_and_its_log_is_followed(cluster):
    runs = cluster.shared / "sent"
    arguments = ["smoke", *TINY, "ray.num_env_runners=1", "--runs", str(runs)]
    for address in (cluster.dashboard, cluster.address):
        done = cluster.coop_icl("submit", *arguments, "--seeds", "0" if "//" in address else "7", address=address)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "update 4/4" in done.stdout
        assert "coop-icl compare" in done.stdout
        assert done.stderr.splitlines()[-1].endswith("succeeded")
    here = cluster.coop_icl("train", *arguments[:-1], cluster.shared / "same", "ray.num_env_runners=0", address="")
    assert here.returncode == 0, here.stderr
    assert weights(runs) == weights(cluster.shared / "same")
    git = json.loads((runs / "smoke/seed_0/provenance.json").read_text())["git"]
    head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True)
    assert (git or {}).get("commit") == (head.stdout.strip() or None)
    again = cluster.coop_icl("submit", *arguments, address=cluster.dashboard)
    assert again.returncode == 1  # the job says that there is a run already
    assert "already holds a run" in again.stdout


def test_seeds_and_settings_are_trained_on_both_nodes_at_once(cluster):
    runs = cluster.shared / "many"
    arguments = ["train", "smoke", *TINY, "ray.num_env_runners=0", "--seeds", "0-1", "--runs", runs]
    done = cluster.coop_icl(*arguments, "--sweep", "train.lr.start=1e-3,4e-3", timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 settings, 4 runs, 2 at a time" in done.stdout
    names = ["smoke-train.lr.start-1e-3", "smoke-train.lr.start-4e-3"]
    assert sorted(path.name for path in runs.iterdir()) == names
    assert len({weights(runs, name, seed) for name in names for seed in (0, 1)}) == 4
    assert len(set(actors(cluster, "Here"))) == 2


@contextlib.contextmanager
def a_long_run(cluster, name):
    arguments = ["train", "smoke", *TINY, "ray.num_env_runners=1", "train.updates=100000", f"name={name}"]
    environment = {**cluster.environment, "RAY_ADDRESS": cluster.address}
    process = subprocess.Popen(
        [sys.executable, "-m", "coop_icl.cli", *arguments], cwd=cluster.shared, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_every_metric_of_the_dashboard_is_scraped_from_a_run(cluster):
    discovery = cluster.shared.parent / "ray/prom_metrics_service_discovery.json"
    with a_long_run(cluster, "watched") as process:
        wanted = set(re.findall(r"ray_coop_icl_\w+", Path(ROOT / "docker/grafana/coop_icl.json").read_text()))
        found, deadline = set(), time.monotonic() + 120
        while time.monotonic() < deadline and not wanted <= found:
            time.sleep(2)
            assert process.poll() is None
            for entry in json.loads(discovery.read_text()):
                for target in entry["targets"]:
                    try:
                        with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as page:
                            found |= set(re.findall(METRIC, page.read().decode()))
                    except OSError:
                        continue
        assert wanted
        assert found == wanted


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Debian's package prometheus")
def test_prometheus_has_a_runs_rates(cluster, tmp_path):
    ((port,), config) = free_ports(1), tmp_path / "prometheus.yml"
    written = (ROOT / "docker/prometheus/prometheus.yml").read_text()
    config.write_text(
        written.replace("/tmp/ray/", f"{cluster.shared.parent}/ray/").replace("15s", "2s").replace("10s", "2s")
    )
    settings = {"PORT": port, "CONFIG": config, "DATA": tmp_path / "data"}
    command = ["make", "-C", ROOT, "prometheus", *(f"PROMETHEUS_{name}={value}" for name, value in settings.items())]
    query = "ray_coop_icl_cooperation_rate{who='learner-tabular', experiment='scraped'}"
    address = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    try:
        with a_long_run(cluster, "scraped") as run:
            found, deadline = [], time.monotonic() + 120
            while not found and time.monotonic() < deadline:
                time.sleep(1)
                assert run.poll() is None
                assert server.poll() is None, server.stderr.read()
                with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=10) as page:
                    found = json.load(page)["data"]["result"]
        assert 0.0 <= float(found[0]["value"][1]) <= 1.0
        assert found[0]["metric"]["seed"] == "0"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.mark.parametrize("command", ["train", "submit"])
def test_another_token_is_refused_in_one_line(cluster, command):
    address = cluster.address if command == "train" else cluster.dashboard
    arguments = [command, "smoke", *TINY, "--runs", cluster.shared / "refused"]
    done = cluster.coop_icl(*arguments, address=address, RAY_AUTH_TOKEN="0" * 32)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "token" in done.stderr
    assert "coop-icl doctor" in done.stderr
