"""Every key of the schema, with values of each wrong sort, from a file and from the command line: one line each.

The cases are drawn from the schema itself, so that a new key is tested by being declared.
"""

import dataclasses
import random
import types
import typing
from pathlib import Path

import pytest

from coop_icl.config.sorts import keys
from coop_icl.errors import UserError
from coop_icl.stages import plan

KEYS, EACH = dict(keys()), 8
HUGE = str(10**30)
NUMBERS = ["-1", "1.5", ".nan", "-.inf", str(10**9), HUGE, str(-(10**400))]
WORDS = ["many", "''", "null", "true", "no", "${nowhere}", "${train}", "ü\\"]
CONTAINERS = ["[]", "{}", "[1]", "{a: 1}", "[[]]", "{1: 2}", "[null]"]
UNREADABLE = ["!!python/x", "[", "{", "&a [*a]"]
TRAPS = ["1:30", "010", "???", "${oc.env:HOME}"]
VALUES = [*NUMBERS, *WORDS, *CONTAINERS, *UNREADABLE, *TRAPS]

TEXT = ["many", "''"]
WRONG = {
    int: [*CONTAINERS, *TEXT, "-1", "1.5", ".nan", "-.inf", HUGE, str(-(10**400)), "null", "true", "no", "${train}"],
    float: [*CONTAINERS, *TEXT, "-1", ".nan", "-.inf", str(-(10**400)), "null", "true", "no", "${train}"],
    bool: [*CONTAINERS, *TEXT, *NUMBERS, "null", "${train}"],
    str: [*CONTAINERS, *NUMBERS, "null", "true", "no", "${train}"],
    list: [*NUMBERS, *TEXT, "null", "true", "{}", "{a: 1}", "{1: 2}", "[[]]", "[null]", "${train}"],
    dict: [*NUMBERS, *TEXT, "null", "true", "[]", "[1]", "{1: 2}", "${train}"],
}
"""What a key of each sort never takes; other values may or may not be refused."""
ALWAYS_WRONG = [*UNREADABLE, *TRAPS, "${nowhere}"]


def sort_of(annotation):
    """The sort of a key, and whether it may be null."""
    if dataclasses.is_dataclass(annotation):
        return dict, False
    if isinstance(annotation, types.UnionType):
        return next(kind for kind in typing.get_args(annotation) if kind is not types.NoneType), True
    return typing.get_origin(annotation) or annotation, False


def in_a_file(folder, key, text):
    """A file with a key on lines of its own, no settings beside it, and how a complaint about it begins."""
    *above, last = key.split(".")
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(above)]
    path = folder / "mine.yaml"
    path.write_text("\n".join([*lines, f"{'  ' * len(above)}{last}: {text}"]) + "\n", encoding="utf-8")
    return path, [], f"{path}:"


def in_a_word(folder, key, text):
    """An experiment, a word for its command line, and how a complaint about it begins."""
    path = folder / "mine.yaml"
    path.write_text("claim: none\n", encoding="utf-8")
    return path, [f"{key}={text}"], f"override '{key}={text}': "


@pytest.mark.kind("containers and paths in configs", case="each key with values of 30 sorts, from a file or a word")
@pytest.mark.parametrize("share", ["some", pytest.param("all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("place", [in_a_file, in_a_word])
@pytest.mark.parametrize("key", KEYS)
def test_values_of_wrong_sorts_are_refused_in_one_line_with_key_and_place(key, place, share, tmp_path):
    sort, may_be_null = sort_of(KEYS[key])
    values = VALUES if share == "all" else random.Random(f"{key} {place.__name__}").sample(VALUES, EACH)
    wrong = [text for text in WRONG[sort] if not (may_be_null and text == "null")] + ALWAYS_WRONG
    unclear = {}
    for text in values:
        path, words, origin = place(tmp_path, key, text)
        try:
            plan(str(path), words, None, Path("/proc/nowhere"))
            said = None
        except UserError as error:  # anything else would be a traceback
            said = str(error)
        named = (key, f"{key.partition('.')[0]}: ")  # games and co-players name their options themselves
        names = said is not None and (text in UNREADABLE or any(name in said.removeprefix(origin) for name in named))
        clear = said is not None and "\n" not in said and said.startswith(origin) and names
        if not clear and (text in wrong or said is not None):
            unclear[text] = said
    assert not unclear


def test_there_are_a_thousand_cases():
    assert len(KEYS) * EACH * 2 > 1000
