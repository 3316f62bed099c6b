"""Sending a run to a cluster as a Ray job: the code here, the same command line, its log followed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from coop_icl.hints import how_to
from coop_icl.rllib.auth_token import check_private
from coop_icl.rllib.cluster import ClusterError, address_given, check_answers, first_line
from coop_icl.runs.provenance import SENT, git_state, source_folders, source_hash

NOISE = ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk", "ray._private.runtime_env.packaging")
"""Loggers that report each step of an upload."""

EXCLUDED = ("__pycache__", "*.so", f"!*{sysconfig.get_config_var('EXT_SUFFIX')}")
"""What is not sent: compiled parts go along only for this Python on this kind of machine, which others do not load."""


def submit(arguments: Sequence[str], follow: bool = True) -> int:
    """Run ``coop-icl`` with these arguments on the cluster that RAY_ADDRESS names.

    RAY_ADDRESS is the head (``10.0.0.1:6379``) or its dashboard (``http://127.0.0.1:8265``, perhaps through a tunnel).
    The job and its env runners start in an empty folder: Ray puts theirs first on the path, and where the head was
    started in a checkout that would run instead of what was sent.

    Returns:
        0 if the job was sent and, when its log is followed, succeeded; else 1.

    Raises:
        ClusterError: if no cluster answers, or it does not take the job.
    """
    address = address_given()
    if address is None:
        raise ClusterError(
            "no cluster is named; give its head or its dashboard, e.g. RAY_ADDRESS=http://127.0.0.1:8265 before "
            f"'{how_to('submit')}'"
        )
    _check(address)
    from ray.job_submission import JobStatus, JobSubmissionClient

    for name in NOISE:
        logging.getLogger(name).setLevel(logging.WARNING)
    folders = source_folders()
    sent = source_hash(folders)
    try:
        client = JobSubmissionClient(address)
        with tempfile.TemporaryDirectory() as empty:
            job = client.submit_job(
                entrypoint=shlex.join(["python", "-P", "-m", "coop_icl.cli", *arguments]),
                entrypoint_num_cpus=1,
                runtime_env={
                    "working_dir": empty,
                    "py_modules": [str(folder) for folder in folders.values()],
                    "excludes": list(EXCLUDED),
                    "env_vars": {
                        "PYTHONSAFEPATH": "1",
                        "PYTHONUNBUFFERED": "1",
                        "RAY_USAGE_STATS_ENABLED": "0",
                        SENT: json.dumps(git_state(folders["coop_icl"])),
                    },
                },
                metadata={"command": shlex.join(["coop-icl", *arguments])},
            )
    except Exception as error:  # each way of refusing has its own
        raise ClusterError(
            f"the cluster at {address} does not take the job: {first_line(error)}; "
            "'coop-icl doctor' checks versions and the token"
        ) from None
    print(f"job {job} on {address}, code {sent[:12]}: coop-icl {shlex.join(arguments)}", file=sys.stderr, flush=True)
    if not follow:
        return 0
    try:
        asyncio.run(_follow(client, job))
    except KeyboardInterrupt:
        print(f"\n{job} goes on; 'ray job logs -f {job}' follows, 'ray job stop {job}' stops it", file=sys.stderr)
        raise
    status = client.get_job_status(job)
    print(f"job {job}: {status.value.lower()}", file=sys.stderr)
    return 0 if status == JobStatus.SUCCEEDED else 1


async def _follow(client: Any, job: str) -> None:
    """Print the job's log until it ends."""
    async for lines in client.tail_job_logs(job):
        print(lines, end="", flush=True)


def _check(address: str) -> None:
    check_private()
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        check_answers(f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}")
    elif "://" in address:
        raise ClusterError(
            f"RAY_ADDRESS must be host:port of a head, or http://host:port of a dashboard; got '{address}'"
        )
    else:
        check_answers(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
