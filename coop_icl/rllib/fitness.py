"""Whether a machine is fit for runs: its versions, who may connect, memory and disk."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from importlib import metadata
from pathlib import Path

from coop_icl.errors import UserError
from coop_icl.models.gru_kernel import level
from coop_icl.rllib.auth_token import check_private, token_file
from coop_icl.rllib.cluster import address_given
from coop_icl.runs.provenance import LEVELS

GIB = 2**30
MEMORY_WANTED = 2 * GIB
"""Bytes that the driver, an embedded Ray and two env runners take."""

HEAD_PORTS = {"port": 6379, "dashboard-port": 8265, "dashboard-agent-listen-port": 52365}
"""Ports that ``ray start --head`` takes, by its option."""

SHM_WANTED, DISK_WANTED, DISK_PART = 1 * GIB, 5 * GIB, 0.05
"""Free bytes that one run needs in /dev/shm, and on disk; below this free part of a disk Ray takes no more objects."""


class Unfit(UserError):
    """A check does not hold; the message is one line and says what to do."""


def requirements(package: str = "coop_icl") -> str:
    """Whether what an installed package requires is there, in a version that it takes; extras do not count.

    Raises:
        Unfit: if something is missing or another version.
    """
    from packaging.requirements import Requirement  # comes with Ray

    wanted = [Requirement(text) for text in metadata.requires(package) or ()]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    found = {one.name: _installed(one.name) for one in wanted}
    wrong = [
        f"{one.name} {found[one.name] or 'not installed'} (required {one.specifier})"
        for one in wanted
        if not (found[one.name] and one.specifier.contains(found[one.name] or "", prereleases=True))
    ]
    if wrong:
        raise Unfit(f"{len(wrong)} of {len(wanted)} differ: {', '.join(wrong[:5])}; pip install --upgrade {package}")
    return f"{len(wanted)} of {len(wanted)} packages are as {package} requires them"


def versions(lock: Path) -> str:
    """Every installed package against its pin; build tags (``2.13.0+cpu``) do not matter.

    Raises:
        Unfit: if one is missing or another version.
    """
    if not lock.is_file():
        raise Unfit(f"--lock: got {lock}, which is no file; expected lines such as torch==2.13.0 (or leave out --lock)")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    if not pins:
        raise Unfit(f"{lock} pins nothing; name a file of lines such as torch==2.13.0 with --lock")
    wrong = []
    for name, pinned in pins.items():
        found = _installed(name) or "not installed"
        if found != pinned:
            wrong.append(f"{name} {found} (pinned {pinned})")
    if wrong:
        raise Unfit(f"{len(wrong)} of {len(pins)} differ: {', '.join(wrong[:5])}; pip install -r {lock}")
    return f"{len(pins)} of {len(pins)} packages are as {lock.name} pins them"


def _installed(name: str) -> str | None:
    """Return the version of a package without its build tag, None if it is not there."""
    try:
        return metadata.version(name).split("+")[0]
    except metadata.PackageNotFoundError:
        return None


def sockets() -> str:
    """Say which sockets Ray opens, and which of a head's ports something else has already.

    The job agent's is the one that is missed late: a head starts without it, and then no job can be submitted.
    """
    taken = {name: port for name, port in HEAD_PORTS.items() if not _free(port)}
    if address_given() is None:
        said = "an embedded Ray opens them on 127.0.0.1 only, at ports that are free"
    else:
        said = "a node opens them on every interface, unless it was started with --node-ip-address"
    if not taken:
        return f"{said}; ports of a head that would be started here are free"
    words = " ".join(f"--{option}={port + 1}" for option, port in taken.items())
    return f"{said}; {', '.join(map(str, taken.values()))} taken: start another head with {words}"


def _free(port: int) -> bool:
    """Return whether nothing listens at a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def memory() -> str:
    """Whether a run with Ray has room.

    Raises:
        Unfit: if not.
    """
    import ray  # noqa: F401  # which brings psutil
    import psutil  # isort: skip # pyright: ignore[reportMissingModuleSource]

    free = psutil.virtual_memory().available
    if free < MEMORY_WANTED:
        raise Unfit(
            f"{free / GIB:.1f} GiB available; a run takes about {MEMORY_WANTED / GIB:.0f} (close other programs, "
            "or use ray.num_env_runners=0)"
        )
    return f"{free / GIB:.1f} GiB available; a run takes about {MEMORY_WANTED / GIB:.0f}"


def compiled() -> str:
    """Say what the compiled part of GRUs uses here."""
    found = LEVELS[level()]
    return f"GRUs by {found}" if level() else "no: PyTorch's own operations stand in, several times slower"


def gpus() -> str:
    """Whether PyTorch sees the GPUs that this machine has.

    Raises:
        Unfit: if not.
    """
    import torch

    there, seen = len(list(Path("/dev").glob("nvidia[0-9]*"))), torch.cuda.device_count()
    if there > seen and os.environ.get("CUDA_VISIBLE_DEVICES") is None:
        why = "this PyTorch is built without CUDA" if torch.version.cuda is None else "its driver does not answer"
        raise Unfit(f"PyTorch sees {seen} of {there} GPUs: {why}; install another build, or see nvidia-smi")
    if not seen:
        return "none; Learners learn on the CPU"
    return f"{seen}, e.g. {torch.cuda.get_device_name(0)}; ask for one with ray.num_gpus_per_learner=1"


def authentication() -> str:
    """Whether Ray asks for a token, there is one, and nobody else can read it.

    Raises:
        UserError: if not.
    """
    mode, given = os.environ.get("RAY_AUTH_MODE", ""), address_given()
    if mode and mode != "token":
        raise Unfit(f"RAY_AUTH_MODE={mode} lets everyone in; set RAY_AUTH_MODE=token here and on every node")
    check_private()
    file = token_file()
    source = "RAY_AUTH_TOKEN" if os.environ.get("RAY_AUTH_TOKEN") else file
    if given is None:
        made = "" if source != file or file.exists() else ", which it makes, for you alone"
        return f"an embedded Ray listens on 127.0.0.1 only, and asks for the token from {source}{made}"
    if not mode:
        raise Unfit("RAY_AUTH_MODE is not set; set RAY_AUTH_MODE=token here and on every node before it starts")
    if source == file and not (file.is_file() and file.read_text(encoding="utf-8").strip()):
        raise Unfit(f"no token in {file}; make one with 'ray get-auth-token --generate', the same on every node")
    return f"by token, from {source}"


def shared_memory(folder: Path = Path("/dev/shm")) -> str:
    """Whether Ray's object store has room.

    Raises:
        Unfit: if not.
    """
    if not folder.is_dir():
        return f"no {folder} on this system; Ray uses files instead"
    free = shutil.disk_usage(folder).free
    if free < SHM_WANTED:
        raise Unfit(
            f"{free / GIB:.2f} GiB free in {folder}, a run needs {SHM_WANTED / GIB:.0f}; start a container with "
            "--shm-size=2g, or give the pod an emptyDir of medium Memory there"
        )
    return f"{free / GIB:.1f} GiB free in {folder}"


def disk(runs: Path) -> str:
    """Whether ``runs`` can be written, and there is room for it and for Ray's own files.

    Raises:
        Unfit: if not.
    """
    where = runs.absolute()
    while not where.exists():
        where = where.parent
    try:
        with tempfile.TemporaryFile(dir=where):
            pass
    except OSError as error:
        raise Unfit(f"{where} cannot be written ({error.strerror}); name another folder with --runs") from None
    for folder in (where, Path(tempfile.gettempdir())):
        use = shutil.disk_usage(folder)
        if use.free < max(DISK_WANTED, DISK_PART * use.total):
            raise Unfit(
                f"{use.free / GIB:.1f} GiB ({use.free / use.total:.0%}) free where {folder} is; "
                f"make {DISK_WANTED / GIB:.0f} GiB and {DISK_PART:.0%} free"
            )
    return f"{shutil.disk_usage(where).free / GIB:.0f} GiB free where {where} is, which can be written"
