"""Starting Ray: an embedded local instance, or a running cluster."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from coop_icl.interrupt import signals_kept
from coop_icl.rllib.auth_token import check_private, make_private
from coop_icl.rllib.cluster import ClusterError, address_given, join
from coop_icl.rllib.shared import check_shared

NOISE = (
    "ray._private.authentication.authentication_token_setup",
    "ray._common.deprecation",
    "ray.rllib.algorithms.algorithm_config",
    "ray.tune.trainable.trainable",
    "ray.rllib.utils.deprecation",
)
"""Loggers that report things this project has already decided."""

LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Variable by which Ray, where it is "0", takes 127.0.0.1 for its address instead of one that others reach."""

_undo = ExitStack()
"""What ``stop`` takes back."""

ATTEMPTS = 3
"""Of starting an embedded instance: on a busy machine one of its processes gives up on another after 15 seconds, for
which we found no setting, and the instance with it."""


def quiet() -> Callable[[], None]:
    """A function that silences advice that does not concern the user; errors still come through.

    It refers to nothing of this project, so that workers can run it before they know where the project is.
    """
    names = NOISE

    def silence() -> None:
        import logging
        import warnings

        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module=r"gymnasium\..*")

    return silence


def start(num_cpus: int | None = None, address: str | None = None, dashboard: bool = False) -> str:
    """Connect to Ray and return a line that says where it runs.

    Args:
        num_cpus: size of an embedded instance; None takes the machine's cores.
        address: a cluster; None takes RAY_ADDRESS, and starts an embedded instance if that is unset.
        dashboard: start the dashboard of an embedded instance, on 127.0.0.1 only.

    Raises:
        ClusterError: one line, if no cluster answers at the address or it does not take us, an embedded instance
            does not start, or others can read the token.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else an alarm about restarts, at every start
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "60")  # a busy machine takes more than the usual 30
    os.environ.setdefault("RAY_worker_niceness", "0")  # env runners count as much as the driver
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    silence = quiet()
    silence()

    address = address or address_given()
    common = {"logging_level": logging.ERROR, "runtime_env": {"worker_process_setup_hook": silence}}
    with signals_kept():
        if address:
            check_private()
            return join(address, **common)
        context = _embedded(num_cpus=num_cpus, include_dashboard=dashboard, **common)
    asks = "" if os.environ.get("RAY_AUTH_MODE") == "disabled" else " (its token: ray get-auth-token)"
    url = f", dashboard at http://{context.dashboard_url}{asks}" if dashboard and context.dashboard_url else ""
    return f"embedded local Ray{url}"


def _embedded(runtime_env: dict[str, Any], **settings: Any) -> Any:
    """The context of an instance that this machine alone reaches, after up to ``ATTEMPTS`` attempts.

    Raises:
        ClusterError: one line, if none came up, or others can read the token.
    """
    import ray

    check_names()
    make_private()
    _undo.enter_context(_loopback())
    failed: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            return ray.init(
                address="local",
                dashboard_host="127.0.0.1",
                log_to_driver=False,
                _node_ip_address="127.0.0.1",
                runtime_env=dict(runtime_env),  # Ray writes into it, and refuses what it has written before
                **settings,
            )
        except Exception as error:  # Ray raises nothing more exact where a node of its own does not come up
            failed = error
            ray.shutdown()
    _undo.close()
    if "AF_UNIX" in str(failed):
        key = next((name for name in ("RAY_TMPDIR", "TMPDIR") if name in os.environ), "TMPDIR")
        folder = os.environ.get(key, tempfile.gettempdir())
        raise ClusterError(f"{key}: got {folder}; expected a shorter path for Ray's sockets (set RAY_TMPDIR=/tmp)")
    reason = (str(failed).splitlines() or [type(failed).__name__])[0].split(". ")[0].rstrip(".")
    raise ClusterError(
        f"Ray did not start on this machine ({reason}); it may be busy or short of memory: try again, and if that "
        "does not help look into /tmp/ray/session_latest/logs"
    ) from failed


def check_names() -> None:
    """Raise ClusterError if Ray cannot pass on where it runs: its workers would fail to start, after minutes."""
    try:
        os.getcwd().encode()
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding()
        raise ClusterError(
            f"the current folder: got a name that the locale's encoding ({encoding}) cannot read; expected one that it "
            "can (set LC_ALL=C.UTF-8, or work in a folder with an ASCII name)"
        ) from None
    if any(sign.isspace() for sign in sys.executable):
        raise ClusterError(
            f"the Python environment: got {sys.executable}; expected a path without spaces, since Ray takes it apart "
            "(make the environment in another folder; runs may be anywhere)"
        )


@contextmanager
def _loopback() -> Iterator[None]:
    """Let Ray take 127.0.0.1 for this machine's address, here and in processes that are started meanwhile.

    It replaces that address by one that others reach otherwise, and every part of it then listens on all of them.
    """
    from ray._private import ray_constants  # which reads the variable when it is imported

    before, constant = os.environ.get(LOOPBACK), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[LOOPBACK], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = constant
        os.environ.pop(LOOPBACK)
        if before is not None:
            os.environ[LOOPBACK] = before


def stop() -> None:
    """Disconnect; an embedded instance ends with it."""
    import ray

    ray.shutdown()
    _undo.close()


@contextmanager
def connected(folder: Path, num_cpus: int | None = None, dashboard: bool = False) -> Iterator[str]:
    """Ray while it is entered, for work that writes into ``folder``; gives the line that says where Ray runs.

    Raises:
        ClusterError: if no cluster answers, or the cluster has nodes that do not see the folder.
    """
    where = start(num_cpus, dashboard=dashboard)
    try:
        check_shared(folder)
        yield where
    finally:
        stop()
