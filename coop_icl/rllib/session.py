"""Starting Ray: an embedded local instance, or a running cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

NOISE = (
    "ray._private.authentication.authentication_token_setup",
    "ray._common.deprecation",
    "ray.rllib.algorithms.algorithm_config",
    "ray.tune.trainable.trainable",
    "ray.rllib.utils.deprecation",
)
"""Loggers that report things this project has already decided."""


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
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else an alarm about restarts, at every start
    os.environ.setdefault("RAY_worker_niceness", "0")  # env runners count as much as the driver
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    silence = quiet()
    silence()
    import ray

    address = address or os.environ.get("RAY_ADDRESS")
    common = {"logging_level": logging.ERROR, "runtime_env": {"worker_process_setup_hook": silence}}
    if address:
        ray.init(address=address, log_to_driver=True, **common)
        return f"Ray cluster at {ray.get_runtime_context().gcs_address}"
    context = ray.init(
        address="local",
        num_cpus=num_cpus,
        include_dashboard=dashboard,
        dashboard_host="127.0.0.1",
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        **common,
    )
    url = f", dashboard at http://{context.dashboard_url}" if dashboard and context.dashboard_url else ""
    return f"embedded local Ray{url}"


def stop() -> None:
    """Disconnect; an embedded instance ends with it."""
    import ray

    ray.shutdown()
