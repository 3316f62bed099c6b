"""What becomes of a run whose disk takes no more: one clear line."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from coop_icl.hints import how_to
from coop_icl.runs.directory import RunDirectory, RunError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that takes no more."""


@contextmanager
def full_disk_said_clearly(directory: RunDirectory) -> Iterator[None]:
    """Turn errors of a full disk into a RunError that says what is saved.

    TensorBoard's writer runs in a thread: it hands its error on to the caller, but would print a traceback first.
    """
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if not (isinstance(args.exc_value, OSError) and args.exc_value.errno in NO_SPACE):
            before(args)

    threading.excepthook = hook
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise _refusal(directory, error) from error
    finally:
        threading.excepthook = before


def _refusal(directory: RunDirectory, error: OSError) -> RunError:
    checkpoint = directory.latest_checkpoint()
    saved = f"the checkpoint of update {checkpoint[0]} is whole" if checkpoint else "nothing was saved yet"
    again = "delete the run and train again" if directory.has_progress() else "train again"
    advice = f"continue with: {how_to('resume', directory.path)}" if checkpoint else again
    what = os.strerror(error.errno or errno.ENOSPC)
    return RunError(f"{directory.path} cannot be written ({what}); {saved}: free some space, then {advice}")
