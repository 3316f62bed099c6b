"""Whether a machine, or the cluster it is part of, is fit for runs: a line a check, and what to do where one fails."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from coop_icl.errors import UserError
from coop_icl.rllib.cluster import address_given, alive, check_address, first_line
from coop_icl.rllib.fitness import (
    HEAD_PORTS,
    Unfit,
    authentication,
    compiled,
    disk,
    gpus,
    memory,
    requirements,
    shared_memory,
    sockets,
    versions,
)
from coop_icl.rllib.session import check_names, start, stop
from coop_icl.rllib.shared import check_shared

AGENT = "dashboard-agent-listen-port"


def doctor(runs: Path, lock: Path | None = None) -> int:
    """Print a line for each check; 0 if all hold, else 1.

    Args:
        runs: folder that runs would be written to.
        lock: pinned versions; by default ``requirements.lock`` beside the code, and without one what the installed
            package requires.
    """
    beside = Path(__file__).parents[2] / "requirements.lock"
    lock = lock or (beside if beside.is_file() else None)
    checks: dict[str, Callable[[], str]] = {
        "versions": requirements if lock is None else lambda: versions(lock),
        "environment": environment,
        "authentication": authentication,
        "sockets": sockets,
        "memory": memory,
        "shared memory": shared_memory,
        "disk": lambda: disk(runs),
        "compiled part": compiled,
        "GPU": gpus,
        "cluster": lambda: cluster(runs),
    }
    wrong = 0
    for name, check in checks.items():
        try:
            found, mark = check(), "ok"
        except UserError as error:
            found, mark, wrong = " ".join(str(error).split()), "wrong", wrong + 1
        print(f"{mark:6} {name:15} {found}", flush=True)
    return 1 if wrong else 0


def environment() -> str:
    """Whether Ray can start workers of this Python in this folder.

    Raises:
        UserError: if not.
    """
    check_names()
    return f"{sys.executable}, whose path Ray can pass on"


def cluster(runs: Path) -> str:
    """Whether the cluster that RAY_ADDRESS names takes us, shares ``runs``, and keeps others out.

    Raises:
        UserError: if not.
    """
    address = address_given()
    if address is None:
        return "none named by RAY_ADDRESS; runs are on an embedded Ray"
    check_address()
    where = start()
    try:
        made = not runs.exists()
        runs.mkdir(parents=True, exist_ok=True)
        try:
            check_shared(runs)
        finally:
            if made:
                runs.rmdir()
        check_job_agents()
        nodes = len(alive())
        shared = f"all see {runs}" if nodes > 1 else "no storage to share"
        return f"{where}; {shared}; {closed(_dashboard(address))}"
    finally:
        stop()


def check_job_agents() -> None:
    """Raise Unfit if a node of the cluster that we are connected to has no agent that takes jobs.

    An agent whose port something else has goes on without listening; jobs are refused only when one is submitted.
    """
    from ray._private.ray_constants import KV_NAMESPACE_DASHBOARD
    from ray.dashboard.consts import DASHBOARD_AGENT_ADDR_NODE_ID_PREFIX
    from ray.experimental.internal_kv import _internal_kv_get

    deaf = []
    for node in alive():
        found = _internal_kv_get(
            f"{DASHBOARD_AGENT_ADDR_NODE_ID_PREFIX}{node['NodeID']}", namespace=KV_NAMESPACE_DASHBOARD
        )
        if not found or json.loads(found)[1] <= 0:
            deaf.append(node["NodeManagerAddress"])
    if deaf:
        raise Unfit(
            f"{len(deaf)} of {len(alive())} nodes take no jobs ({', '.join(deaf)}): another Ray has port "
            f"{HEAD_PORTS[AGENT]}; start such a node with --{AGENT}={HEAD_PORTS[AGENT] + 1}"
        )


def _dashboard(address: str) -> str:
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient(address).get_address()
    except Exception as error:  # whatever is wrong with it
        raise Unfit(
            f"the dashboard of {address} does not answer: {first_line(error)}; start the head with it"
        ) from None


def closed(dashboard: str) -> str:
    """Whether a dashboard asks for a token.

    Raises:
        Unfit: if it answers without one.
    """
    try:
        urllib.request.urlopen(f"{dashboard}/api/jobs/", timeout=5).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return f"{dashboard} asks for a token"
        return f"{dashboard} answers {error.code}"
    except OSError:
        return f"{dashboard} is not open from here"
    raise Unfit(f"{dashboard} lets everyone in, to run what they like; start every node with RAY_AUTH_MODE=token")
