"""Settings as they were given: one file or one word of the command line, each with where it is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from coop_icl.config.schema import ConfigError

RESOLVER = re.compile(r"\$\{[^}]*:[^}]*\}?")
CLOCK = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
"""Text that YAML 1.1 reads as a number of base 60: 1:30 is 90."""
OCTAL = re.compile(r"[-+]?0[0-9_]+")
"""Text that YAML 1.1 reads as a number of base 8: 010 is 8."""
LARGEST, DEEPEST, MOST = 2**20, 32, 100_000
"""Bytes of the largest file, levels of the deepest one, and values in it."""


@dataclass(frozen=True)
class Layer:
    """Settings from one place.

    Attributes:
        origin: the file, or the word of the command line.
        values: keys and values, nested.
        lines: the line of each dotted key, where the origin is a file.
        raw: text of each value that was given without quotes, by dotted key.
    """

    origin: str
    values: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)

    def at(self, key: str) -> str:
        """Return where a key is set, e.g. ``mine.yaml:3``; without a line where none is known."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.origin}:{self.lines[key]}" if key else self.origin

    def sets(self, key: str) -> bool:
        """Return whether the layer sets a dotted key, a part of it, or all of it at once."""
        node: Any = self.values
        for part in key.split("."):
            if not isinstance(node, dict):
                return True
            if part not in node:
                return False
            node = node[part]
        return True


def from_file(path: Path) -> Layer:
    """Return the settings of a YAML file.

    Raises:
        ConfigError: one line with the file, and the line where there is one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not valid YAML: expected text in UTF-8") from None
    if len(text) > LARGEST:
        raise ConfigError(f"{path}: got {len(text):,} bytes; expected at most {LARGEST:,} of an experiment")
    values, lines, raw = _parsed(text, str(path))
    if values is None or values == {}:
        raise ConfigError(f"{path}: no settings; expected keys and values (base: smoke inherits an experiment)")
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: got {shown(values)}; expected a mapping of keys to values")
    return plain(Layer(str(path), values, lines, raw))


def from_word(word: str) -> Layer:
    """Return the setting of one word of the command line, ``key=value`` with a value in YAML.

    Raises:
        ConfigError: one line with the word.
    """
    origin = f"override '{word}'"
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise ConfigError(f"{origin} must have the form key=value")
    parts = key.split(".")
    if not all(parts):
        raise ConfigError(f"{origin}: got an empty part in the key; expected one like train.updates")
    value, _, raw = _parsed(text, origin)
    if _has_comment(text):
        raise ConfigError(f"{origin}: {key}: got {shown(value)} and a comment; expected quotes around text with #")
    values: Any = value
    for part in reversed(parts):
        values = {part: values}
    return plain(Layer(origin, values, raw={_join(key, inner): found for inner, found in raw.items()}))


def _has_comment(text: str) -> bool:
    """Whether YAML would leave out the end of a word from a ``#`` on."""
    end = max(token.end_mark.index for token in yaml.scan(text, Loader=yaml.SafeLoader) if token.id != "<stream end>")
    return "#" in text[end:]


def shown(value: Any) -> str:
    """Return a value as it is quoted in errors: on one line, and short."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _parsed(text: str, origin: str) -> tuple[Any, dict[str, int], dict[str, str]]:
    """Value, lines by key, and unquoted text by key, of YAML text."""
    lines: dict[str, int] = {}
    raw: dict[str, str] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        for count, (key, found) in enumerate(_nodes(node, "", 0)):
            if count > MOST:
                raise ConfigError(
                    f": not valid YAML: expected at most {MOST:,} values, references counted as they are read"
                )
            lines[key] = found.start_mark.line + 1
            if isinstance(found, yaml.ScalarNode) and found.style is None:
                raw[key] = found.value
        if isinstance(node, yaml.MappingNode):
            value: Any = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
        else:
            words: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={text}"]), resolve=False)
            value = words["value"]
    except ConfigError as error:
        raise ConfigError(f"{origin}{error}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}" if mark and "override" not in origin else ""
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{origin}{where}: not valid YAML: {' '.join(said.split())}") from None
    except RecursionError:
        raise ConfigError(f"{origin}: not valid YAML: nested deeper than {DEEPEST} levels") from None
    except Exception as error:  # whatever the values of YAML raise: huge numbers, dates, characters
        raise ConfigError(f"{origin}: not valid YAML: {first_line(error)}") from None
    return value, lines, raw


def _nodes(node: Any, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    """All values of a YAML document with their dotted keys.

    Raises:
        ConfigError: with the line, if levels or references make it more than an experiment.
    """
    if depth > DEEPEST:
        raise ConfigError(f": not valid YAML: nested deeper than {DEEPEST} levels")
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = _join(key, str(name.value))
            yield inner, value
            yield from _nodes(value, inner, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            yield _join(key, str(i)), value
            yield from _nodes(value, _join(key, str(i)), depth + 1)
    elif node is not None and not key:
        yield "", node


def _join(first: str, second: str) -> str:
    return ".".join(part for part in (first, second) if part)


def plain(layer: Layer) -> Layer:
    """Return the same layer, if its text is plain.

    Raises:
        ConfigError: one line, if text is read as a number it does not look like, or asks a resolver. A resolver may
            read the environment, and what it reads would reach written files.
    """
    for key, text in layer.raw.items():
        for form in (CLOCK, OCTAL):
            if form.fullmatch(text):
                number = yaml.safe_load(text)
                if str(number) != text:
                    raise ConfigError(
                        f"{layer.at(key)}: {key}: got {text}; expected a plain number (YAML reads it as {number}) "
                        "or text in quotes"
                    )
    for key, text in _texts(layer.values, ""):
        found = RESOLVER.search(text)
        if found:
            raise ConfigError(
                f"{layer.at(key)}: {key}: got '{found[0]}'; expected a plain value (resolvers are not read)"
            )
        if text.strip() == "???":
            raise ConfigError(f"{layer.at(key)}: {key}: got ???; expected a value")
    return layer


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """All text in nested keys and values, with the dotted key it is found at."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield key, str(name)
            yield from _texts(item, _join(key, str(name)))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts(item, _join(key, str(i)))
    elif isinstance(value, str):
        yield key, value


def refers(value: Any) -> bool:
    """Return whether text in nested keys and values refers to other values."""
    return any("${" in text for _, text in _texts(value, ""))


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, or its name."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def blamed(layers: Sequence[Layer], keys: Sequence[str]) -> str:
    """Return where the latest setting of one of ``keys`` is, the first key's before others of the same layer."""
    for layer in reversed(layers):
        for key in keys:
            if layer.sets(key):
                return layer.at(key)
    files = [layer.origin for layer in layers if layer.lines]
    return files[-1] if files else layers[-1].origin
