"""A run on two hosts with addresses of their own: network namespaces, joined by a cable and by nothing else."""

import pytest

from tests.cluster.nodes import TINY, can_hide_folders, can_make_hosts, two_hosts, two_nodes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (can_hide_folders() and can_make_hosts()), reason="needs the right to make hosts (root)"),
]


@pytest.fixture(scope="module")
def cluster():
    with two_hosts() as hosts, two_nodes(hosts) as cluster:
        yield cluster


def test_env_runners_on_two_hosts_leave_what_an_embedded_ray_leaves(cluster):
    runs, here = cluster.shared / "runs", cluster.shared / "here"
    done = cluster.coop_icl("train", "smoke", *TINY, "ray.num_env_runners=2", "--runs", runs)
    assert done.returncode == 0, done.stderr
    assert "Ray cluster at 10.77.0.1:" in done.stderr
    assert "2 nodes" in done.stderr
    hosts = {node["node_id"]: node["node_ip"] for node in cluster.listed("nodes")}
    runners = [actor for actor in cluster.listed("actors") if actor["class_name"] == "BatchedEnvRunner"]
    assert {hosts[runner["node_id"]] for runner in runners} == {"10.77.0.1", "10.77.0.2"}
    embedded = cluster.coop_icl("train", "smoke", *TINY, "ray.num_env_runners=0", "--runs", here, address="")
    assert embedded.returncode == 0, embedded.stderr
    one, two = (root / "smoke/seed_0/policies/final/learner_0/model.safetensors" for root in (runs, here))
    assert one.read_bytes() == two.read_bytes()


def test_a_folder_of_one_host_is_refused_and_the_other_host_is_named(cluster):
    done = cluster.coop_icl("train", "smoke", *TINY, "--runs", cluster.alone)
    assert done.returncode == 2, done.stderr
    assert "is not shared: 1 of 2 nodes do not see it (10.77.0.2 " in done.stderr
