"""Ray's token, which lets its reader run code as the user: made private, and refused where others can read it."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from coop_icl.rllib.cluster import ClusterError


def token_file() -> Path:
    """Where Ray looks for its token unless RAY_AUTH_TOKEN has it."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")


def check_private() -> None:
    """Check, before Ray starts or a cluster is joined, that nobody else can read the token.

    Raises:
        ClusterError: if others can read its file; nothing is said where no file is used.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    file = token_file()
    try:
        open_to = file.stat().st_mode & 0o077
    except OSError:
        return
    if open_to:
        raise ClusterError(f"others on this machine can read the token in {file}; chmod 600 {file}")


def make_private() -> None:
    """Make the token that Ray would make for an instance of its own, but readable by this user alone.

    Raises:
        ClusterError: if it cannot be written, or others can read the one that is there.
    """
    check_private()
    given = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if given or os.environ.get("RAY_AUTH_MODE", "token").lower() != "token" or token_file().exists():
        return
    file = token_file()
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, encoding="ascii") as made:  # which has mode 0600
            made.write(secrets.token_hex(32))
            made.flush()
            os.link(made.name, file)  # whole at once: another run may start at the same time
    except FileExistsError:
        check_private()
    except OSError as error:
        raise ClusterError(
            f"{file}: Ray's token cannot be written there ({error.strerror}); make the folder writable, or give a "
            "token in RAY_AUTH_TOKEN"
        ) from None
