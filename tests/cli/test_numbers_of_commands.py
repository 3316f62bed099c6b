"""Whole numbers of every command are refused out of their range, before any work starts."""

import argparse

import pytest

from coop_icl.cli import _parser, main
from coop_icl.words import MOST_SEEDS, RANGES, seeds_of


def numbers():
    """Every whole number that a command takes, with words that make the rest of it complete."""
    commands = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    for name, parser in commands.choices.items():
        needed = ["nowhere" for action in parser._actions if not action.option_strings and action.nargs != "*"]
        for action in parser._actions:
            if action.type is int:
                yield pytest.param([name, *needed], action.option_strings[0], id=f"{name} {action.option_strings[0]}")


@pytest.mark.kind("numbers that do not fit", case="whole numbers of commands below and above all sense")
@pytest.mark.parametrize(("words", "option"), list(numbers()))
def test_whole_numbers_of_commands_have_a_range(words, option, capsys):
    low, high = RANGES[option.removeprefix("--")]  # a new option needs one
    for value, bound in ((low - 1, f"at least {low}"), (high + 1, f"at most {high}"), (-(10**30), f"at least {low}")):
        assert main([*words, f"{option}={value}"]) == 2
        assert capsys.readouterr().err == f"coop-icl: {option}: got {value}; expected {bound}\n"


def test_there_are_numbers():
    assert len(list(numbers())) >= 15


@pytest.mark.kind("numbers that do not fit", case="--seeds 0-99999999999 fills the memory")
@pytest.mark.parametrize("text", ["0-99999999999", f"{2**63}", f"0-{MOST_SEEDS}", "0-9999,10000", "9" * 5000])
def test_seeds_without_end_are_refused(text, capsys):
    assert main(["train", "smoke", "--seeds", text]) == 2
    said = capsys.readouterr().err
    assert said.startswith("coop-icl: seeds: got ")
    assert said.count("\n") == 1
    assert len(said) < 300


def test_as_many_seeds_as_are_allowed():
    assert len(seeds_of(f"0-{MOST_SEEDS - 1}")) == MOST_SEEDS
