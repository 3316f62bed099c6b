"""Strategies of the literature as finite-state machines; C = 0, D = 1. Names follow Axelrod's usage.

Sources as the Axelrod library gives them (Knight et al. 2016) where none is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.machines import Machine, compiled, noisy, switching

C, D = 0, 1


def memory_one(start: int, replies: Sequence[int]) -> Machine:
    """Deterministic memory-1: what it plays first, and after CC, CD, DC, DD."""
    return Machine(start, lambda play: 1.0 - play, lambda _, own, other: replies[2 * own + other])


def punisher(defections: int, punishments: int) -> Machine:
    """Defects for ``punishments`` rounds after as many defections in a row; a later one begins anew."""

    def step(state: tuple[int, int], own: int, other: int) -> tuple[int, int]:
        row = min(state[0] + 1, defections) if other == D else 0
        return row, punishments if row == defections else max(state[1] - 1, 0)

    return Machine((0, 0), lambda state: float(state[1] == 0), step)


def grim(defections: int = 1) -> Machine:
    """Defects for ever after ``defections`` in a row (one: Friedman 1971)."""
    return Machine(
        0, lambda row: float(row < defections), lambda row, _, other: row if row == defections else (row + 1) * other
    )


def forgetful_grudger(rounds: int = 10) -> Machine:
    """After a defection defects for ``rounds`` rounds whatever happens; one in the last of them begins anew."""
    return Machine(
        0,
        lambda left: float(left == 0),
        lambda left, _, other: left - 1 if left > 1 else rounds * other,
    )


def contrite_tft() -> Machine:
    """TFT that bears retaliation for its own slips without striking back (Axelrod & Wu 1995)."""

    def step(state: tuple[bool, int], own: int, other: int) -> tuple[bool, int]:
        contrite, intended = state
        if contrite and own == C:
            return False, C
        return contrite or (intended == C and own == D and other == C), other

    return Machine((False, C), lambda state: 1.0 - state[1], step)


def majority(limit: int, soft: bool) -> Machine:
    """Plays what the co-player has played more often; a tie counts as cooperation if ``soft``."""
    return Machine(
        0,
        lambda lead: float(lead > 0 or (soft and lead == 0)),
        lambda lead, _, other: max(-limit, min(limit, lead + 1 - 2 * other)),
    )


def gradual(limit: int) -> Machine:
    """Answers a defection by as many as there have been, then cooperates twice (Beaufils, Delahaye & Mathieu 1996)."""

    def step(state: tuple[int, int, int], own: int, other: int) -> tuple[int, int, int]:
        count, punish, calm = state
        count = min(count + other, limit)
        if punish > 1:
            return count, punish - 1, calm
        if punish == 1:  # two calm rounds follow
            return count, 0, 2
        if calm > 1:
            return count, 0, calm - 1
        return count, count if other == D else 0, 0

    return Machine((0, 0, 0), lambda state: float(state[1] == 0), step)


def prober() -> Machine:
    """Plays D, C, C; defects for ever with whoever cooperated in rounds 2 and 3, and is TFT with others."""

    def step(state: str, own: int, other: int) -> str:
        if state == "1":
            return "2"
        if state == "2":
            return "3 after C" if other == C else "3 after D"
        if state == "3 after C" and other == C:
            return "exploit"
        if state == "exploit":
            return state
        return "C" if other == C else "D"

    return Machine("1", lambda state: float(state not in ("1", "D", "exploit")), step)


def tester() -> Machine:
    """Defects first; whoever ever retaliates gets an apology and then TFT, others are exploited every other round."""

    def step(state: str, own: int, other: int) -> str:
        if state == "first":
            return "sorry" if other == D else "C1"
        if state in ("sorry", "C", "D"):
            return "C" if other == C else "D"
        if other == D:
            return "sorry"
        return {"C1": "C2", "C2": "exploit", "exploit": "relent", "relent": "exploit"}[state]

    return Machine("first", lambda state: float(state not in ("first", "D", "exploit")), step)


BASES: dict[str, Callable[[int], Machine]] = {
    "allc": lambda _: memory_one(C, (C, C, C, C)),
    "alld": lambda _: memory_one(D, (D, D, D, D)),
    "tft": lambda _: memory_one(C, (C, D, C, D)),
    "wsls": lambda _: memory_one(C, (C, D, D, C)),
    "grim": lambda _: grim(),
    "contrite_tft": lambda _: contrite_tft(),
    "bully": lambda _: memory_one(D, (D, C, D, C)),
    "tit_for_two_tats": lambda _: punisher(2, 1),
    "two_tits_for_tat": lambda _: punisher(1, 2),
    "hard_tft": lambda _: punisher(1, 3),
    "patient_grim": lambda _: grim(2),
    "forgetful_grudger": lambda _: forgetful_grudger(),
    "soft_majority": lambda rounds: majority(rounds, soft=True),
    "hard_majority": lambda rounds: majority(rounds, soft=False),
    "gradual": gradual,
    "prober": lambda _: prober(),
    "tester": lambda _: tester(),
}
"""Deterministic machines by name; each takes the longest episode that it may count through."""


def named(name: str, rounds: int) -> CoPlayer:
    """The machine called ``name`` of ``BASES`` as a co-player."""
    return compiled(name, [BASES[name](rounds)])


def slipping(name: str, slip: float, rounds: int) -> CoPlayer:
    """The same with a trembling hand.

    Raises:
        ValueError: if the name is unknown or ``slip`` no probability.
    """
    if not 0 <= slip <= 1:
        raise ValueError(f"slip of 'noisy' must be in [0, 1], got {slip}")
    return compiled(f"noisy_{name}", [noisy(_base("strategy", name)(rounds), slip)])


def switcher(first: str, second: str, earliest: float, latest: float, rounds: int) -> CoPlayer:
    """``first``, then ``second`` from a round drawn for each episode, both shares of ``rounds`` included.

    Raises:
        ValueError: if a name is unknown, or unless 0 <= earliest <= latest <= 1.
    """
    if not 0 <= earliest <= latest <= 1:
        raise ValueError(f"switcher needs 0 <= earliest <= latest <= 1, got {earliest} and {latest}")
    one, two = _base("first", first)(rounds), _base("second", second)(rounds)
    times = range(round(earliest * rounds), round(latest * rounds) + 1)
    steps = max(1, len(times) // 10)  # a dozen different rounds are enough
    return compiled(f"{first}_then_{second}", [switching(one, two, time) for time in times[::steps]])


def _base(option: str, name: str) -> Callable[[int], Machine]:
    """Return the maker of the machine that an option names."""
    if name not in BASES:
        raise ValueError(f"{option}: unknown strategy '{name}'; choose one of {', '.join(sorted(BASES))}")
    return BASES[name]
