"""Joining a running Ray cluster: what must be so before work starts, and one line where it is not."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coop_icl.errors import UserError
from coop_icl.hints import how_to

SECONDS_TO_ANSWER = 5.0


class ClusterError(UserError):
    """A cluster does not answer, refuses, or cannot do what is asked; the message is one line and says what to do."""


def address_given() -> str | None:
    """The cluster that RAY_ADDRESS names; None stands for an embedded Ray."""
    address = os.environ.get("RAY_ADDRESS", "").strip()
    return None if address in ("", "local") else address


def check_address() -> None:
    """Raise ClusterError if RAY_ADDRESS names a cluster and nothing answers there."""
    address = address_given()
    if address is not None:
        _check_head(address)


def _check_head(address: str) -> None:
    if "://" in address:
        raise ClusterError(
            f"RAY_ADDRESS must be the head of a cluster, e.g. 10.0.0.1:6379, got '{address}'; "
            f"'{how_to('submit')}' sends a run through a dashboard's address"
        )
    if address != "auto":  # which Ray finds on this machine
        check_answers(address)


def check_answers(address: str) -> None:
    """Raise ClusterError unless something listens at ``host:port``; Ray itself would try for minutes, then give up."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(f"RAY_ADDRESS must look like 10.0.0.1:6379 (the head of a cluster), got '{address}'")
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"no Ray cluster answers at {address} ({error}); start one with 'ray start --head', or correct RAY_ADDRESS"
        ) from None


def join(address: str, **settings: Any) -> str:
    """Connect to a cluster of which this machine is a node; a line that says where it is.

    Raises:
        ClusterError: if nothing answers there, or it does not take us (other versions, another token).
    """
    import ray

    _check_head(address)
    try:
        with _muted():
            ray.init(address=address, log_to_driver=True, **settings)
    except Exception as error:  # connection, version and token each have their own
        ray.shutdown()
        raise ClusterError(
            f"the Ray cluster at {address} does not take us: {first_line(error)}; both sides need the same versions "
            "and the same token ('coop-icl doctor' checks), and this machine must be one of its nodes ('ray start')"
        ) from None
    return f"Ray cluster at {ray.get_runtime_context().gcs_address}, {len(alive())} nodes"


@contextmanager
def _muted() -> Iterator[None]:
    """Nothing on stderr while it is entered: Ray's compiled part repeats a refusal twenty times before it gives up."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def alive() -> list[dict[str, Any]]:
    """The nodes of the cluster that we are connected to."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def cpus() -> int:
    """CPUs of all nodes."""
    return int(sum(node["Resources"].get("CPU", 0) for node in alive()))


def first_line(error: Exception) -> str:
    """The first line of an error that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300].rstrip(".") if lines else type(error).__name__
