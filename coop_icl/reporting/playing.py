"""``coop-icl play``: a person plays an episode against a trained agent, then sees what the agent had in mind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import torch

from coop_icl.evaluation.analysis import Effort, Subject
from coop_icl.evaluation.answering import FITTED, answers
from coop_icl.evaluation.duel import Duel, Round, resized
from coop_icl.evaluation.subjects import subjects_of
from coop_icl.reporting.keys import keys
from coop_icl.reporting.run_data import RunData, run_around
from coop_icl.reporting.tables import columns, printable
from envs.registry import action_names

QUIT = "q"
NUMBERS = "0123456789abcdef"
BARS = " .:-=+*#%@"
"""A probability in tenths."""
WIDE = 50
"""Rounds in a line."""
LINES = 20
"""Of the table of what the agent had in mind."""
EFFORT = Effort(episodes=256)
"""For how well it can be answered."""


def play_path(
    path: Path, learner: str = "", rounds: int | None = None, seed: int = 0, stream: IO[str] | None = None
) -> int:
    """Play at the terminal; returns the exit code, 0 also where the person stops early.

    Args:
        path: a finished run, or the folder of one policy.
        learner: the agent, by default the first one.
        rounds: of the episode, by default those of the agent's training.
        seed: of the agent's choices.
        stream: of keys, by default standard input.

    Raises:
        UserError: one line, if the path or a wish is no good, before the episode starts.
    """
    torch.set_num_threads(1)
    subject = subjects_of(path, [learner] if learner else [])[0]
    data = run_around(path)
    Effort(seed=seed).check()
    duel = Duel(subject.loaded, rounds, seed)
    names = action_names(subject.loaded.info.game_name, duel.game.spec.num_actions)
    print(_welcome(subject, data, duel, names), flush=True)
    with suppress(KeyboardInterrupt), keys(stream) as pressed:
        _episode(duel, names, pressed)
    print(f"\n\n{_ending(subject, data, duel, rounds, names)}", flush=True)
    return 0


def letters_of(names: Sequence[str]) -> list[str]:
    """A key for each action: its first letter, or its number where letters do not tell actions apart."""
    letters = [name[0].lower() for name in names]
    return letters if len({*letters, QUIT}) == len(names) + 1 else list(NUMBERS[: len(names)])


def _welcome(subject: Subject, data: RunData | None, duel: Duel, names: Sequence[str]) -> str:
    origin = f" of {data.config.name}, seed {data.config.seed}" if data else ""
    spec = duel.game.spec
    cap = "up to " if getattr(duel.game, "continuation", None) is not None else ""
    lines = [f"{spec.name}, {cap}{duel.rounds} rounds against {printable(subject.name + origin)}."]
    payoffs = getattr(duel.game, "payoffs", None)
    if payoffs is not None:
        rows = [
            (f"you: {mine}", *(f"{payoffs[1][b][a]:g}, {payoffs[0][b][a]:g}" for b in range(len(names))))
            for a, mine in enumerate(names)
        ]
        lines += ["", columns(("payoff (you, it)", *(f"it: {name}" for name in names)), rows)]
    if getattr(duel.game, "noise", 0):
        lines += ["", f"Hands tremble: with probability {duel.game.noise:g} another action is carried out."]  # type: ignore[attr-defined]
    chosen = [f"{key} = {name}" for key, name in zip(letters_of(names), names, strict=True)]
    return "\n".join([*lines, "", f"You both move at once. {'   '.join(chosen)}   {QUIT} = stop"])


def _episode(duel: Duel, names: Sequence[str], pressed: Iterator[str]) -> None:
    """Play until the episode or the person's patience ends."""
    letters = letters_of(names)
    totals = [0.0, 0.0]
    while not duel.over:
        print(f"\nround {len(duel.history) + 1:>3}  ", end="", flush=True)
        key = next(pressed, QUIT).lower()
        while key not in (*letters, QUIT):
            print(f"({', '.join(letters)} or {QUIT}) ", end="", flush=True)
            key = next(pressed, QUIT).lower()
        if key == QUIT:
            return
        wished = letters.index(key)
        one = duel.play(wished)
        totals = [totals[0] + one.my_payoff, totals[1] + one.its_payoff]
        slip = " (your hand trembled)" if one.mine != wished else ""
        print(
            f"you: {names[one.mine]}{slip}, it: {names[one.its]}   {one.my_payoff:+g} and {one.its_payoff:+g}"
            f"   so far {totals[0]:g} and {totals[1]:g}",
            end="",
            flush=True,
        )


def _ending(subject: Subject, data: RunData | None, duel: Duel, rounds: int | None, names: Sequence[str]) -> str:
    played = duel.history
    if not played:
        return "No round was played."
    mine, its = sum(one.my_payoff for one in played), sum(one.its_payoff for one in played)
    of = "" if duel.over else f" of {duel.rounds}"
    parts = [
        f"After {len(played)}{of} round{'s' * (len(played) > 1)} you have {mine:g} ({mine / len(played):.2f} a round), "
        f"it has {its:g} ({its / len(played):.2f} a round)."
    ]
    found = answers(subject.policy, resized(subject.loaded, rounds), EFFORT)
    if found:
        ways = ", ".join(f"{_way(name)} {payoff:.2f}" for name, payoff in found.items())
        parts.append(
            f"Over a whole episode of {duel.rounds} rounds the best way found to answer it earns "
            f"{next(iter(found.values())):.2f} a round\n(means over {EFFORT.episodes} episodes: {ways})."
        )
    return "\n\n".join([*parts, _mind(played, data, subject.policy.plans, names)])


def _way(name: str) -> str:
    return "best response to its memory-1 summary" if name == FITTED else name


def _mind(played: Sequence[Round], data: RunData | None, plans: bool, names: Sequence[str]) -> str:
    """What the agent had in mind before each round: its probability of action 0, and its value."""
    initials = letters_of(names)
    bars = "".join(BARS[min(int(one.probability * len(BARS)), len(BARS) - 1)] for one in played)
    strips = (
        ("you", "".join(initials[one.mine].upper() for one in played)),
        ("it", "".join(initials[one.its].upper() for one in played)),
        (f"P({names[0]})", bars),
    )
    width = max(len(title) for title, _ in strips)
    strip = "\n\n".join(
        "\n".join(f"  {title.ljust(width)}  {text[start : start + WIDE]}" for title, text in strips)
        for start in range(0, len(played), WIDE)
    )
    scale = data.config.train.reward_scale if data is not None and not plans else 1.0
    unit = f"payoff it expected from then on, discounted by {data.config.train.gamma:g} a round" if data else ""
    value = unit if unit and not plans else "its value, on the scale of its training"
    step = -(-len(played) // LINES)
    rows = [
        (str(t + 1), names[one.mine], names[one.its], f"{one.probability:.2f}", f"{one.value / scale:.2f}")
        for t, one in enumerate(played)
        if t % step == 0 or t == len(played) - 1
    ]
    header = ("round", "you", "it", f"P({names[0]})", "value")
    return (
        f"What it had in mind, before each round ('{BARS[0]}' is 0, '{BARS[-1]}' is 1):\n\n{strip}\n\n"
        f"{columns(header, rows)}\n\nP({names[0]}): its probability of that action. value: {value}."
    )
