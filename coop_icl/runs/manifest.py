"""A list of a folder's files with their checksums, beside them: what was changed, cut short, lost or added is found.

It protects against accidents (a disk, a crash, a copy that was cut short). It is no signature: who can write a
checkpoint can write its manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from coop_icl.errors import UserError

NAME = "manifest.json"
LARGEST = 2**20
"""Bytes of the largest manifest that is read."""


class DamagedError(UserError):
    """A folder is not what was written; the message names the file."""


def write_manifest(folder: Path) -> None:
    """Write the manifest of a folder, once all else is in it."""
    files = {name: [path.stat().st_size, _sha256(path)] for name, path in _files(folder).items()}
    (folder / NAME).write_text(_text(files), encoding="utf-8")


def check_manifest(folder: Path) -> None:
    """Raise DamagedError, naming the first file that is not as it was when the manifest was written."""
    listed = _read(folder / NAME)
    found = _files(folder)
    for name, (size, digest) in listed.items():
        path = folder / name
        if name not in found:
            raise DamagedError(f"{path} is missing")
        if path.is_symlink() or not path.is_file():
            raise DamagedError(f"{path} is no file")
        try:
            if path.stat().st_size != size:
                raise DamagedError(f"{path} has {path.stat().st_size} bytes instead of {size}")
            if _sha256(path) != digest:
                raise DamagedError(f"{path} differs from its checksum")
        except OSError as error:
            raise DamagedError(f"{path} cannot be read ({error.strerror})") from None
    foreign = sorted(found.keys() - listed.keys())
    if foreign:
        raise DamagedError(f"{folder / foreign[0]} does not belong there")


def _files(folder: Path) -> dict[str, Path]:
    """Whatever is in a folder but folders and the manifest, by name."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix(): path for path in found if path != folder / NAME}


def _read(path: Path) -> dict[str, tuple[int, str]]:
    """Sizes and checksums, from a manifest that is to the byte what was written."""
    try:
        if path.is_symlink() or not path.is_file():
            raise DamagedError(f"{path} is missing")
        if path.stat().st_size > LARGEST:
            raise DamagedError(f"{path} is larger than {LARGEST >> 20} MiB")
        text = path.read_bytes().decode()
        files = json.loads(text)["files"]
        if text != _text(files):
            raise ValueError
        return {str(name): (int(size), str(digest)) for name, (size, digest) in files.items()}
    except OSError as error:
        raise DamagedError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedError(f"{path} differs from what was written") from None


def _text(files: Mapping[str, object]) -> str:
    """The manifest, with a checksum of its own."""
    digest = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    return json.dumps({"sha256": digest, "files": files}, indent=1) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
