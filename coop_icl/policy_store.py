"""A trained policy as a folder that outlives its run: ``model.safetensors`` and ``policy.json``.

Nothing in it is code: loading unpickles nothing, and a file that is not what it should be is refused in one line.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from coop_icl.errors import UserError
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.predictive import policy_from
from envs.batched import GameSpec

FORMAT = 1
WEIGHTS, DESCRIPTION = "model.safetensors", "policy.json"
MAX_WEIGHTS, MAX_DESCRIPTION = 256 * 2**20, 2**20
"""Largest files that are read, bytes."""
MAX_HEADER, MAX_PARTS = 2**20, 64
"""Largest table of contents of the weights, bytes; most parts of an observation."""


class PolicyError(UserError):
    """A stored policy cannot be used; the message is one line, names the file and says what to do."""


@dataclass(frozen=True)
class PolicyInfo:
    """What ``policy.json`` says besides the model.

    Attributes:
        folder: where it was loaded from.
        game_name, game_options: the game it was trained in, as ``envs.registry.make_game`` takes them.
        features: parts of the observation vector and their widths, in order.
        provenance: where it comes from: experiment, seed, learner, update, git commit, ...
        sha256: of the weights' file, hexadecimal.
    """

    folder: Path
    game_name: str
    game_options: dict[str, Any]
    features: tuple[tuple[str, int], ...]
    provenance: dict[str, Any]
    sha256: str


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy with its weights, and where it comes from."""

    policy: SequencePolicy
    info: PolicyInfo


def save_policy(
    folder: str | Path,
    policy: SequencePolicy,
    game_name: str,
    game_options: Mapping[str, Any],
    spec: GameSpec,
    provenance: Mapping[str, Any],
) -> Path:
    """Write a policy; an older one in ``folder`` is replaced, and a reader never sees half of one.

    Args:
        folder: its parent is created.
        policy: its weights are written in float32 as they are.
        game_name: with ``game_options`` what ``make_game`` takes; plain data.
        game_options: see ``game_name``.
        spec: of that game; gives the meaning of the observation vector.
        provenance: plain data.

    Returns:
        The folder.

    Raises:
        PolicyError: if the policy does not fit the game's observations.
    """
    folder = Path(folder)
    if policy.parts != tuple(width for _, width in spec.features) or policy.num_actions != spec.num_actions:
        raise PolicyError(f"{folder}: the policy does not fit {spec.name}; save it with the game it was trained in")
    weights = save_tensors({name: tensor.detach().cpu().contiguous() for name, tensor in policy.state_dict().items()})
    description = {
        "format": FORMAT,
        "policy": policy.describe(),
        "game": {"name": game_name, "options": dict(game_options)},
        "features": [list(feature) for feature in spec.features],
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "provenance": dict(provenance),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        new, old = staging / "new", staging / "old"
        new.mkdir()
        (new / WEIGHTS).write_bytes(weights)
        (new / DESCRIPTION).write_text(json.dumps(description, indent=2, default=_plain) + "\n", encoding="utf-8")
        if folder.exists():
            os.rename(folder, old)
        os.rename(new, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def load_policy(folder: str | Path) -> LoadedPolicy:
    """Read a policy, on the CPU.

    Raises:
        PolicyError: if a file is missing, too large, damaged, of another format or not what it claims to be.
    """
    folder = Path(folder)
    path = folder / WEIGHTS
    described = _describe(folder / DESCRIPTION)
    data = _read(path, MAX_WEIGHTS)
    if not _looks_like_safetensors(data):
        pickled = data.startswith((b"\x80", b"PK"))
        what = "is a pickle, which could run code and is never loaded" if pickled else "is no safetensors file"
        raise PolicyError(f"{path} {what}; export the policy again from its run")
    if hashlib.sha256(data).hexdigest() != described["weights_sha256"]:
        raise PolicyError(f"{path} differs from the sha256 in {DESCRIPTION}; copy the whole folder again")
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise PolicyError(f"{path} is damaged ({_line(error)}); export the policy again from its run") from None
    policy = _build(folder, described["policy"], tensors)
    try:
        info = PolicyInfo(
            folder,
            str(described["game"]["name"]),
            dict(described["game"]["options"]),
            tuple((str(name), int(width)) for name, width in described["features"]),
            dict(described["provenance"]),
            described["weights_sha256"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(folder / DESCRIPTION, f"has a malformed game or features ({_line(error)})") from None
    if tuple(width for _, width in info.features) != policy.parts:
        raise _bad(folder / DESCRIPTION, "has features that do not fit its model")
    return LoadedPolicy(policy, info)


def _describe(path: Path) -> dict[str, Any]:
    """The checked content of ``policy.json``."""
    try:
        described = json.loads(_read(path, MAX_DESCRIPTION))
    except (ValueError, RecursionError) as error:
        if isinstance(error, PolicyError):
            raise
        raise _bad(path, "is not JSON") from None
    if not isinstance(described, dict):
        raise _bad(path, "is not a JSON object")
    if described.get("format") != FORMAT:
        raise _bad(path, f"has format {described.get('format')!r}, this version reads {FORMAT}")
    missing = {"policy", "game", "features", "weights_sha256", "provenance"} - set(described)
    if missing:
        raise _bad(path, f"lacks {', '.join(sorted(missing))}")
    return described


def _read(path: Path, limit: int) -> bytes:
    if not path.is_file():
        raise PolicyError(f"{path} is missing; give the folder of an exported policy, e.g. RUN/policies/learner_0")
    try:
        large = path.stat().st_size > limit
        data = b"" if large else path.read_bytes()
    except OSError as error:
        raise PolicyError(f"{path} cannot be read ({error.strerror}); give the folder of an exported policy") from None
    if large:
        raise PolicyError(f"{path} is larger than {limit >> 20} MiB; give the folder of an exported policy")
    return data


def _looks_like_safetensors(data: bytes) -> bool:
    """Whether a header's length and a JSON object come first; a length can begin with a pickle's first byte."""
    header = int.from_bytes(data[:8], "little")
    return len(data) > 8 and header <= min(len(data) - 8, MAX_HEADER) and data[8:9] == b"{"


def _build(folder: Path, described: Any, tensors: dict[str, torch.Tensor]) -> SequencePolicy:
    """The policy ``described``, holding ``tensors``; nothing is allocated before names and shapes agree."""
    try:
        config = ModelConfig(**described["model"])
        if config.num_layers > len(tensors):
            raise ValueError(f"model.num_layers {config.num_layers} is more than there are weights")
        if len(described["parts"]) > MAX_PARTS:
            raise ValueError(f"an observation of more than {MAX_PARTS} parts")
        with torch.device("meta"):
            policy = policy_from(described)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise _bad(folder / DESCRIPTION, f"has a malformed policy ({_line(error)})") from None
    expected = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in policy.state_dict().items()}
    found = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise _bad(folder / WEIGHTS, f"does not fit the model in {DESCRIPTION} (first at {wrong[0]})")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise _bad(folder / WEIGHTS, "holds numbers that are not finite")
    with torch.random.fork_rng(devices=()):  # what a constructor draws is overwritten
        policy = policy_from(described)  # anew: buffers that are not saved are what the constructor makes them
    policy.load_state_dict(tensors)
    return policy


def _bad(path: Path, what: str) -> PolicyError:
    return PolicyError(f"{path} {what}; export the policy again from its run with this version")


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0] or type(error).__name__


def _plain(value: Any) -> Any:
    """Numpy values as JSON has them."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not plain data")
