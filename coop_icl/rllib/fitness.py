"""Whether a machine is fit for runs: its versions, who may connect, memory and disk."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

from coop_icl.errors import UserError
from coop_icl.rllib.auth_token import check_private, token_file
from coop_icl.rllib.cluster import address_given

GIB = 2**30
SHM_WANTED, DISK_WANTED, DISK_PART = 1 * GIB, 5 * GIB, 0.05
"""Free bytes that one run needs in /dev/shm, and on disk; below this free part of a disk Ray takes no more objects."""


class Unfit(UserError):
    """A check does not hold; the message is one line and says what to do."""


def versions(lock: Path) -> str:
    """Every installed package against its pin; build tags (``2.13.0+cpu``) do not matter.

    Raises:
        Unfit: if one is missing or another version.
    """
    if not lock.is_file():
        raise Unfit(f"no {lock} to compare with; run from a checkout, or name one with --lock")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    if not pins:
        raise Unfit(f"{lock} pins nothing; name a file of lines such as torch==2.13.0 with --lock")
    wrong = []
    for name, pinned in pins.items():
        try:
            found = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            found = "not installed"
        if found != pinned:
            wrong.append(f"{name} {found} (pinned {pinned})")
    if wrong:
        raise Unfit(f"{len(wrong)} of {len(pins)} differ: {', '.join(wrong[:5])}; pip install -r {lock}")
    return f"{len(pins)} of {len(pins)} packages are as {lock.name} pins them"


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
