"""Whether every node of a cluster sees the folder that runs are written to."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from coop_icl.hints import how_to
from coop_icl.rllib.cluster import ClusterError, alive, first_line

SECONDS_TO_LOOK = 60.0


def check_shared(folder: Path) -> None:
    """Raise ClusterError unless every node sees ``folder``, which must exist, at the same path; one node always does.

    Checkpoints, metrics and policies are looked for there by whatever node continues, evaluates or starts from a run.
    """
    nodes = alive()
    if len(nodes) < 2:
        return
    mark = folder.absolute() / f".seen_{uuid.uuid4().hex}"
    mark.touch()
    try:
        blind = [name for name, seen in _on_every_node(_sees(), nodes, str(mark)).items() if not seen]
    finally:
        mark.unlink(missing_ok=True)
    if blind:
        raise ClusterError(
            f"{folder} is not shared: {len(blind)} of {len(nodes)} nodes do not see it ({', '.join(blind)}); keep "
            f"runs on storage that every node mounts at the same path: {how_to('train', runs='/shared/runs')}"
        )


def _sees() -> Any:
    """Whether a file is there; refers to nothing of this project, so that any node can run it."""

    def sees(path: str) -> bool:
        deadline = time.monotonic() + 5.0  # network file systems may take a moment
        while not os.path.isfile(path):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    return sees


def _on_every_node(function: Any, nodes: list[dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """What ``function`` returns on each node, by the node's address and the beginning of its id."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(function)
    asked = {
        f"{node['NodeManagerAddress']} {node['NodeID'][:8]}": task.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(*arguments)
        for node in nodes
    }
    try:
        return dict(zip(asked, ray.get(list(asked.values()), timeout=SECONDS_TO_LOOK), strict=True))
    except Exception as error:
        raise ClusterError(f"a node of the cluster does not answer: {first_line(error)}; see 'ray status'") from None
