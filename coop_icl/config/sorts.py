"""Whether settings are of the sort that the schema declares: keys, containers, numbers, text."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from coop_icl.config.layers import Layer, shown
from coop_icl.config.schema import ConfigError, ExperimentConfig

WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping of keys to values",
}
"""What is expected, by sort."""


def check_sorts(layer: Layer) -> None:
    """Raise ConfigError naming the first key that the schema lacks, or whose value is of another sort than its own.

    Values that refer to others (``${train.updates}``) are left out here; what they come to is checked once resolved.
    """
    _check(layer, layer.values, ExperimentConfig, "")


@cache
def fields(schema: type) -> dict[str, Any]:
    """Return the type of each key of a section."""
    return typing.get_type_hints(schema)


def keys(schema: type = ExperimentConfig, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Return all dotted keys with their types, sections among them."""
    for name, sort in fields(schema).items():
        yield f"{prefix}{name}", sort
        if dataclasses.is_dataclass(sort):
            yield from keys(typing.cast(type, sort), f"{prefix}{name}.")


def nearest(word: str, known: Sequence[str]) -> str:
    """Return a hint at the known word closest to ``word``."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def _check(layer: Layer, value: Any, sort: Any, key: str) -> None:
    """Raise ConfigError if a value, or one in it, is not of its sort."""
    inside: Any = value  # which it stays, whatever pyright makes of the tests below
    if dataclasses.is_dataclass(sort):
        _check_section(layer, value, typing.cast(type, sort), key)
        return
    if isinstance(value, str) and "${" in value and typing.get_origin(sort) not in (list, dict):
        return
    if isinstance(sort, types.UnionType):  # only ``X | None`` occurs
        if value is None:
            return
        sort = next(kind for kind in typing.get_args(sort) if kind is not types.NoneType)
    kind: Any = typing.get_origin(sort) or sort
    inner = typing.get_args(sort)
    if kind is Any:
        _check_free(layer, value, key)
    elif not _is(value, kind):
        expected = WORDS[kind]
        if key == "population.mixture":
            expected = "a list of entries {name: ..., weight: ...}"
        elif key.startswith("population.mixture.") and kind is dict:
            expected = "an entry {name: ..., weight: ...}"
        raise ConfigError(f"{layer.at(key)}: {key}: got {_given(layer, value, key)}; expected {expected}")
    elif kind is list:
        for i, item in enumerate(inside):
            _check(layer, item, inner[0], f"{key}.{i}")
    elif kind is dict:
        for name, item in inside.items():
            if not isinstance(name, str):
                raise ConfigError(f"{layer.at(key)}: {key}: got the key {shown(name)}; expected text (quote it)")
            _check(layer, item, inner[1], f"{key}.{name}")


def _check_section(layer: Layer, value: Any, section: type, key: str) -> None:
    """Raise ConfigError if a value is no section, or has a key or a value that does not belong there."""
    known = fields(section)
    if not isinstance(value, dict):
        got = _given(layer, value, key)
        raise ConfigError(f"{layer.at(key)}: {key}: got {got}; expected keys of its own: {', '.join(known)}")
    for name, item in value.items():
        full = f"{key}.{name}" if key else str(name)
        if name not in known and "." in str(name):
            nested = ": {".join(str(name).split(".")) + ": ..." + "}" * str(name).count(".")
            raise ConfigError(f"{layer.at(full)}: unknown key '{full}'; expected a key a level ({nested})")
        if name not in known:
            raise ConfigError(f"{layer.at(full)}: unknown key '{full}'{_nearest_key(full)}")
        _check(layer, item, known[name], full)


def _nearest_key(full: str) -> str:
    """A hint at the key that was meant, those of the same section first."""
    section, _, word = full.rpartition(".")
    everywhere = [key for key, _ in keys()]
    beside = [key.rpartition(".")[2] for key in everywhere if key.rpartition(".")[0] == section]
    close = difflib.get_close_matches(word, beside, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{section}.{close[0]}'?" if section else f"; did you mean '{close[0]}'?"
    ends = {key.rpartition(".")[2]: key for key in reversed(everywhere)}
    if word in ends:
        return f"; did you mean '{ends[word]}'?"
    beside = [f"{section}.{name}" if section else name for name in beside]
    return nearest(full, beside if section else everywhere)


def _check_free(layer: Layer, value: Any, key: str) -> None:
    """Raise ConfigError if a value that its owner will check has keys that are no text, or is a word read as truth."""
    raw = layer.raw.get(key, "")
    if isinstance(value, bool) and raw.lower() not in ("true", "false", ""):
        raise ConfigError(f"{layer.at(key)}: {key}: got {raw}; expected true, false or text in quotes")
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise ConfigError(f"{layer.at(key)}: {key}: got the key {shown(name)}; expected text (quote it)")
            _check_free(layer, item, f"{key}.{name}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _check_free(layer, item, f"{key}.{i}")


def _is(value: Any, kind: type) -> bool:
    """Whether a value is of a sort."""
    if kind is float:
        try:
            return isinstance(value, int | float) and not isinstance(value, bool) and float(value) is not None
        except OverflowError:
            return False
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _given(layer: Layer, value: Any, key: str) -> str:
    """A value as it was written, and as what it is read where these differ."""
    raw = layer.raw.get(key)
    if raw and isinstance(value, bool) and raw.lower() not in ("true", "false"):
        return f"{raw} (YAML reads it as {str(value).lower()}; quote it)"
    return "nothing" if value is None else shown(value)
