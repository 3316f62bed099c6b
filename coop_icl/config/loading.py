"""Loading experiments: a file's ``base`` is inherited, ``key=value`` words come last, unknown keys are refused."""

from __future__ import annotations

import copy
import importlib.resources
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from coop_icl.config.checks import check
from coop_icl.config.layers import Layer, blamed, first_line, from_file, from_word, plain, refers, shown
from coop_icl.config.paths import with_paths
from coop_icl.config.schema import NAME, ConfigError, ExperimentConfig
from coop_icl.config.sorts import check_sorts, keys, nearest

POLICY_OF_A_RUN = re.compile(rf"({NAME.pattern}):(learner_\d+)")
DOTTED = re.compile(r"[a-z_]+(?:\.[A-Za-z0-9_]+)*")
"""What may be a key in the text of an error."""


@dataclass(frozen=True)
class Loaded:
    """An experiment, and where each of its settings is from.

    Attributes:
        config: the experiment.
        layers: what was set, the bases' first and the command line's last.
    """

    config: ExperimentConfig
    layers: tuple[Layer, ...]

    def seed_from(self) -> str | None:
        """Return where the seed is set, None if it is the default."""
        origins = [layer.at("seed") for layer in self.layers if "seed" in layer.values]
        return origins[-1] if origins else None

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Let errors about settings begin with where the setting is from."""
        with _blaming(self.layers):
            yield


def load(experiment: str, overrides: Sequence[str] = (), runs: Path = Path("runs")) -> ExperimentConfig:
    """Return the experiment called ``experiment``; see ``read``."""
    return read(experiment, overrides, runs).config


def read(experiment: str, overrides: Sequence[str] = (), runs: Path = Path("runs")) -> Loaded:
    """Read the experiment called ``experiment`` (a name or a path of a YAML file) with ``key=value`` overrides.

    Policies and data that it names as ``EXPERIMENT:LEARNER`` are looked for in ``runs``.

    Raises:
        ConfigError: one line naming the file or word, the line, and the key or value that is wrong.
    """
    path = find(experiment)
    files = _files(path, ())
    layers = list(files)
    merged = asdict(ExperimentConfig())
    for layer in files:
        if "expect" in layer.values or "claim" in layer.values:
            merged["expect"] = {}  # figures belong to one claim: another claim inherits none
        check_sorts(layer)
        merged = _over(merged, layer.values)
    if "name" not in files[-1].values:
        merged["name"] = path.stem
    if merged["stages"]:
        _refuse_beside_stages(files)
    for word in overrides:
        layer = _with_whole_lists(from_word(word), merged)
        check_sorts(layer)
        merged = _over(merged, layer.values)
        layers.append(layer)
    with _blaming(layers):
        config = _resolved(merged)
    seed = config.seed
    config = with_paths(config, lambda path: _policy(path, seed, runs), lambda path: _data(path, seed, runs))
    return Loaded(config, tuple(layers))


def from_mapping(mapping: dict[str, Any], origin: str) -> ExperimentConfig:
    """Return a checked experiment from plain data, e.g. a run's resolved ``config.yaml``.

    Raises:
        ConfigError: one line with ``origin`` and the key that is wrong.
    """
    layer = plain(Layer(origin, mapping))
    check_sorts(layer)
    with _blaming([layer]):
        return _resolved(mapping)


def to_yaml(config: ExperimentConfig) -> str:
    """Return the resolved experiment as YAML."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def names() -> list[str]:
    """Return the names of all experiments that come with the project."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def find(experiment: str) -> Path:
    """Return the file of an experiment, given its name or path.

    Raises:
        ConfigError: if there is none.
    """
    if experiment.endswith((".yaml", ".yml")):
        path = Path(experiment)
        if not path.is_file():
            raise ConfigError(f"no experiment file {experiment}")
        return path
    path = _folder() / f"{experiment}.yaml"
    if not path.is_file():
        raise ConfigError(f"unknown experiment '{experiment}'{nearest(experiment, names())}")
    return path


def _folder() -> Path:
    return Path(str(importlib.resources.files("experiments")))


def _policy(named: str, seed: int, runs: Path) -> str:
    """Absolute path of a policy (Ray's workers run in folders of their own)."""
    match = POLICY_OF_A_RUN.fullmatch(named)
    path = (
        runs / match[1] / f"seed_{seed}" / "policies" / "final" / match[2] if match else Path(os.path.expanduser(named))
    )
    return str(path.absolute())


def _data(named: str, seed: int, runs: Path) -> str:
    """Absolute path of the trajectories that a learner has left (``phase_data``)."""
    match = POLICY_OF_A_RUN.fullmatch(named)
    path = runs / match[1] / f"seed_{seed}" / "data" / match[2] if match else Path(os.path.expanduser(named))
    return str(path.absolute())


def _files(path: Path, seen: tuple[Path, ...]) -> list[Layer]:
    """The layers of a file, its bases first."""
    if path.resolve() in seen:
        raise ConfigError(f"{path}: base leads back to itself")
    layer = from_file(path)
    if "base" not in layer.values:
        return [layer]
    base = layer.values.pop("base")
    if not isinstance(base, str) or not base:
        raise ConfigError(f"{layer.at('base')}: base: got {shown(base)}; expected the name of an experiment")
    beside = path.parent / f"{base}.yaml"
    itself = beside.resolve() == path.resolve() and base in names()  # the one that comes with the project is meant
    above = beside if beside.is_file() and not itself else find(base)
    return [*_files(above, (*seen, path.resolve())), layer]


def _refuse_beside_stages(layers: Sequence[Layer]) -> None:
    """Raise ConfigError naming the settings that stages would leave unused."""
    for layer in layers:
        unused = [key for key in layer.values if key not in ("name", "claim", "expect", "stages")]
        if unused:
            raise ConfigError(
                f"{layer.at('stages')}: stages: got {', '.join(unused)} beside it; expected these in the stages' files"
            )


def _with_whole_lists(layer: Layer, config: Any) -> Layer:
    """The same setting; one that changes an element of a list sets the whole list instead.

    Raises:
        ConfigError: if the list has no such element.
    """
    done, node = [], config
    value: Any = layer.values
    while isinstance(value, dict) and len(value) == 1 and isinstance(node, dict):
        key, inner = next(iter(value.items()))
        if key not in node:
            return layer
        done, node, value = [*done, key], node[key], inner
    if (
        not isinstance(node, list)
        or not isinstance(value, dict)
        or not value
        or not all(str(key).isdigit() for key in value)
    ):
        return layer
    name = ".".join(done)
    whole: Any = copy.deepcopy(node)
    for index, inner in value.items():
        if int(index) >= len(whole):
            some = f"an element from 0 to {len(whole) - 1}" if whole else "none (the list is empty)"
            raise ConfigError(f"{layer.origin}: {name}: got element {index}; expected {some}")
        whole[int(index)] = _over(whole[int(index)], inner)
    for key in reversed(done):
        whole = {key: whole}
    return Layer(layer.origin, whole, layer.lines, layer.raw)


def _over(old: Any, new: Any) -> Any:
    """What a value becomes when another one is given: keys are merged, anything else is replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: _over(old[key], value) if key in old else value for key, value in new.items()}}


def _resolved(values: dict[str, Any]) -> ExperimentConfig:
    """A checked experiment from plain values."""
    try:
        merged = OmegaConf.merge(OmegaConf.structured(ExperimentConfig), values)
        if refers(values):
            check_sorts(Layer("", cast(dict[str, Any], OmegaConf.to_container(merged, resolve=True))))
        result = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None)
        raise ConfigError(f"{f'{key}: ' if key else ''}{first_line(error)}") from None
    except RecursionError:
        raise ConfigError("a value refers to itself") from None
    assert isinstance(result, ExperimentConfig)
    check(result)
    return result


@contextmanager
def _blaming(layers: Sequence[Layer]) -> Iterator[None]:
    """Let errors about settings begin with the file or word that the first of their keys is from."""
    try:
        yield
    except ConfigError as error:
        known = {key for key, _ in keys()}
        text = str(error).removeprefix(": ")
        first = text.partition(": ")[0]
        named = [first] * (first in known) + [key for key in DOTTED.findall(text) if _known_part(key, known)]
        raise ConfigError(f"{blamed(layers, named)}: {text}" if named else text) from None


def _known_part(key: str, known: set[str]) -> bool:
    """Whether a word is a key, or leads into a mapping or list that is one."""
    while key:
        if key in known:
            return "." in key or key in ("seed", "name", "stages", "expect", "game")
        key = key.rpartition(".")[0]
    return False
