"""Training on a cluster of raylets on this machine that are killed and replaced; prints ``same`` and seconds each."""

import os
import sys
import time

import ray
from ray.cluster_utils import Cluster

from coop_icl.rllib.session import start, stop
from tests.faults.building import build, same, trained


def nodes_of_runners(algorithm):
    """Nodes on which env runners are."""
    found = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: ray.get_runtime_context().get_node_id(), local_env_runner=False
    )
    return set(found)


def come_and_go(cluster, algorithm, node):
    """Kill ``node``, let another join, train until it is used; the new node and the seconds that took."""
    cluster.remove_node(node, allow_graceful=False)
    for _ in range(3):
        algorithm.train()
    began, new = time.monotonic(), cluster.add_node(num_cpus=1)
    while time.monotonic() - began < 120 and new.node_id not in nodes_of_runners(algorithm):
        algorithm.train()
    return new, time.monotonic() - began


def main(times):
    os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    node = cluster.add_node(num_cpus=1)
    start(address=cluster.address)
    algorithm, seconds = build("ray.num_env_runners=2"), []
    algorithm.train()
    assert node.node_id in nodes_of_runners(algorithm)
    for _ in range(times):
        node, one = come_and_go(cluster, algorithm, node)
        seconds.append(one)
    updates, weights = algorithm.updates_done, algorithm.module_weights()
    algorithm.stop()
    print("same" if same(weights, trained(updates, "ray.num_env_runners=0")) else "different")
    print(*seconds)
    stop()
    cluster.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
