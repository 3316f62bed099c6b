"""Reading experiment files: unknown keys are rejected, ``base`` inherits, ``key=value`` overrides."""

from __future__ import annotations

import difflib
import importlib.resources
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from coop_icl.schema import ConfigError, ExperimentConfig, check

__all__ = ["ConfigError", "ExperimentConfig", "check", "find", "from_mapping", "load", "names", "to_yaml"]


POLICY_OF_A_RUN = re.compile(r"([A-Za-z0-9_.-]+):(learner_\d+)")
RESOLVER = re.compile(r"\$\{[^}]*:[^}]*")


def load(experiment: str, overrides: Sequence[str] = (), runs: Path = Path("runs")) -> ExperimentConfig:
    """The experiment called ``experiment`` (a name or a path of a YAML file) with ``key=value`` overrides.

    Policies and data that it names as ``EXPERIMENT:LEARNER`` are looked for in ``runs``.

    Raises:
        ConfigError: one line naming the file, key or value that is wrong.
    """
    path = find(experiment)
    layers = _read(path, ())
    merged = OmegaConf.structured(ExperimentConfig)
    for origin, layer in layers:
        if "expect" in layer or "claim" in layer:
            merged.expect = {}  # figures belong to one claim: another claim inherits none
        merged = _merge(merged, layer, str(origin))
    if not any("name" in layer for _, layer in layers[-1:]):
        merged.name = path.stem
    if merged.stages:
        _reject_beside_stages(layers)
    for override in overrides:
        if "=" not in override:
            raise ConfigError(f"override '{override}' must have the form key=value")
        try:
            layer = OmegaConf.from_dotlist([override])
        except Exception as error:  # whatever the YAML of the value raises
            raise ConfigError(f"override '{override}': not valid YAML: {_first_line(error)}") from None
        _reject_resolvers(layer, f"override '{override}'")
        merged = _merge(merged, layer, f"override '{override}'")
    config = from_omegaconf(merged)
    for entry in config.population.mixture:
        if "path" in entry:
            entry["path"] = _policy(str(entry["path"]), config.seed, runs)
    config.ppi.data = {name: _data(path, config.seed, runs) for name, path in config.ppi.data.items()}
    config.train.init = {name: _policy(path, config.seed, runs) for name, path in config.train.init.items()}
    return config


def seed_of(experiment: str, overrides: Sequence[str]) -> tuple[int, str] | None:
    """The seed that a file or an override sets, and which; None if none does.

    Raises:
        ConfigError: as ``load``.
    """
    origins = [str(path) for path, layer in _read(find(experiment), ()) if "seed" in layer]
    origins += [f"'{text}'" for text in overrides if text.startswith("seed=")]
    return (load(experiment, overrides).seed, origins[-1]) if origins else None


def _policy(named: str, seed: int, runs: Path) -> str:
    """Absolute path of a policy (Ray's workers run in folders of their own)."""
    match = POLICY_OF_A_RUN.fullmatch(named)
    path = runs / match[1] / f"seed_{seed}" / "policies" / "final" / match[2] if match else Path(named)
    return str(path.absolute())


def _data(named: str, seed: int, runs: Path) -> str:
    """Absolute path of the trajectories that a learner has left (``phase_data``)."""
    match = POLICY_OF_A_RUN.fullmatch(named)
    return str((runs / match[1] / f"seed_{seed}" / "data" / match[2] if match else Path(named)).absolute())


def from_omegaconf(config: Any) -> ExperimentConfig:
    """A checked experiment from a merged OmegaConf object."""
    try:
        result = OmegaConf.to_object(config)
    except OmegaConfBaseException as error:
        raise ConfigError(_first_line(error)) from None
    assert isinstance(result, ExperimentConfig)
    check(result)
    return result


def from_mapping(mapping: dict[str, Any], origin: str) -> ExperimentConfig:
    """A checked experiment from plain data, e.g. a run's resolved ``config.yaml``."""
    return from_omegaconf(_merge(OmegaConf.structured(ExperimentConfig), OmegaConf.create(mapping), origin))


def to_yaml(config: ExperimentConfig) -> str:
    """The resolved experiment as YAML."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def names() -> list[str]:
    """Names of all experiments that come with the project."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def find(experiment: str) -> Path:
    """The file of an experiment, given its name or path."""
    if experiment.endswith((".yaml", ".yml")):
        path = Path(experiment)
        if not path.is_file():
            raise ConfigError(f"no experiment file {experiment}")
        return path
    path = _folder() / f"{experiment}.yaml"
    if not path.is_file():
        raise ConfigError(f"unknown experiment '{experiment}'{nearest(experiment, names())}")
    return path


def nearest(word: str, known: Sequence[str]) -> str:
    """A hint at the known word closest to ``word``."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def _folder() -> Path:
    return Path(str(importlib.resources.files("experiments")))


def _read(path: Path, seen: tuple[Path, ...]) -> list[tuple[Path, DictConfig]]:
    """The layers of a file, its bases first."""
    if path.resolve() in seen:
        raise ConfigError(f"{path}: base leads back to itself")
    try:
        layer = OmegaConf.load(path)
    except Exception as error:
        raise ConfigError(f"{path}: not valid YAML: {_first_line(error)}") from None
    if not isinstance(layer, DictConfig):
        raise ConfigError(f"{path}: must be a mapping of keys to values")
    _reject_resolvers(layer, str(path))
    if not layer:
        raise ConfigError(f"{path}: no settings; expected keys and values (base: smoke inherits an experiment)")
    if "base" not in layer:
        return [(path, layer)]
    base = layer.pop("base")
    if not isinstance(base, str) or not base:
        raise ConfigError(f"{path}: base: got {base!r}; expected the name of an experiment")
    local = path.parent / f"{base}.yaml"
    return [*_read(local if local.is_file() else find(base), (*seen, path.resolve())), (path, layer)]


def _reject_beside_stages(layers: Sequence[tuple[Path, DictConfig]]) -> None:
    """Raise ConfigError naming the settings that stages would leave unused."""
    for path, layer in layers:
        unused = [str(key) for key in layer if key not in ("name", "claim", "expect", "stages")]
        if unused:
            raise ConfigError(f"{path}: stages: got {', '.join(unused)} beside it; expected these in the stages' files")


def _reject_resolvers(layer: Any, origin: str) -> None:
    """Raise ConfigError if text asks a resolver, which may read the environment: that must not reach a written file."""
    for text in _texts(OmegaConf.to_container(layer, resolve=False)):
        found = RESOLVER.search(text)
        if found:
            raise ConfigError(f"{origin}: got '{found[0]}'; expected a plain value (resolvers are not read)")


def _texts(value: Any) -> Iterator[str]:
    """All text in nested keys and values."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _merge(config: Any, layer: Any, origin: str) -> Any:
    _reject_unknown(config, layer, origin, "")
    mixture = OmegaConf.select(layer, "population.mixture")
    for entry in mixture if isinstance(mixture, ListConfig) else ():
        if not isinstance(entry, DictConfig):
            raise ConfigError(
                f"{origin}: population.mixture must have entries {{name: ..., weight: ...}}, got {entry!r}"
            )
    try:
        return OmegaConf.merge(config, layer)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None)
        raise ConfigError(f"{origin}: {f'{key}: ' if key else ''}{_first_line(error)}") from None


def _reject_unknown(config: Any, layer: Any, origin: str, prefix: str) -> None:
    """Name the first key of ``layer`` that ``config`` does not have, and the nearest one it has."""
    if not isinstance(layer, DictConfig) or not isinstance(config, DictConfig):
        return
    kind = OmegaConf.get_type(config)
    if kind is dict or kind is None:
        return
    for key in layer:
        full = f"{prefix}{key}"
        if key not in config:
            known = _keys(OmegaConf.structured(ExperimentConfig), "") if not prefix else list(config)
            near = nearest(str(key), [str(k) for k in config]) if prefix else nearest(full, known)
            raise ConfigError(f"{origin}: unknown key '{full}'{near}")
        if OmegaConf.is_missing(layer, key) or OmegaConf.is_interpolation(layer, str(key)):
            continue
        node, given = config._get_node(key), layer._get_node(key)
        if isinstance(node, DictConfig) and OmegaConf.get_type(node) is not dict and not isinstance(given, DictConfig):
            raise ConfigError(f"{origin}: {full} must have keys of its own: {', '.join(str(k) for k in node)}")
        _reject_unknown(node, given, origin, f"{full}.")


def _keys(config: DictConfig, prefix: str) -> list[str]:
    """All dotted keys."""
    found = []
    for key in config:
        found.append(f"{prefix}{key}")
        node = config._get_node(key)
        if isinstance(node, DictConfig) and OmegaConf.get_type(node) is not dict:
            found.extend(_keys(node, f"{prefix}{key}."))
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
