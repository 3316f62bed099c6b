"""Interventions on the history: someone else plays a co-player's first rounds, and what the focal agent does later.

A design of openings by present co-players by the round of the switch, each with its own games; cells in which the
opening goes on are the games without intervention. ``mechanism`` says what follows. What the design cannot tell: while
both cooperate, ALLC looks like a learner, and while the focal agent defects, a TFT looks like ALLD. Going on as before
is then the best response to what can be known, so the shares compare only what shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coop_icl.evaluation.analysis import Analysis, Effort, Subject
from coop_icl.evaluation.batches import as_co_player, play_each
from coop_icl.evaluation.dilemma import late_rounds, prisoners_dilemma
from coop_icl.evaluation.mechanism import LABELS, LEAST, judge
from coop_icl.evaluation.resampling import interval, resampled_means
from coop_icl.evaluation.urns import UrnResponder
from coop_icl.matchups import LEARNER
from coop_icl.models.policy import SequencePolicy
from coop_icl.populations.coplayer import CoPlayer
from coop_icl.populations.registry import make_co_player
from coop_icl.populations.splice import Spliced
from coop_icl.seeding import Purpose, SeedNode
from envs.batched import BatchedGame

NOW = (LEARNER, "tft", "allc", "alld")
OPENINGS = (*NOW, "random")
STRANGERS = ("allc", "alld", "random")
"""Openings that say nothing for cooperating."""
SWITCHES = (0.05, 0.1, 0.2, 0.4)
"""Rounds of the opening, as shares of an episode."""
JUDGED = 0.2
"""The one that the verdict is about: late enough that learners have made their offers."""
Cell = tuple[str, str, int]
"""Opening, present co-player, and rounds of the opening (0: the present one all along)."""


@dataclass(frozen=True)
class Played:
    """What one focal agent did in every cell.

    Attributes:
        cells: C of them.
        cooperation, other_cooperation: bool [T, C, E], of the focal agent and of its co-player.
    """

    cells: tuple[Cell, ...]
    cooperation: NDArray[np.bool_]
    other_cooperation: NDArray[np.bool_]


def design(rounds: int) -> tuple[tuple[Cell, ...], int]:
    """All cells of a game's length, and the switch that is judged."""
    switches = sorted({max(1, round(share * rounds)) for share in SWITCHES})
    spliced = [(opening, now, k) for k in switches for opening in OPENINGS for now in NOW if opening != now]
    return (*((now, now, 0) for now in NOW), *spliced), max(1, round(JUDGED * rounds))


def intervene(
    focal: SequencePolicy | CoPlayer,
    partners: Sequence[CoPlayer],
    game: BatchedGame,
    cells: Sequence[Cell],
    effort: Effort,
) -> Played:
    """Play every cell; ``learner`` stands for the partners, which share a cell's games among them."""
    co_players, games = [], []
    for opening, now, switch in cells:
        pairs = [(a, b) for a in _kind(opening, partners, game) for b in _kind(now, partners, game)]
        if not switch:  # the same one all along
            pairs = [(one, make_co_player("alld", game)) for one in _kind(now, partners, game)]
        sizes = [len(part) for part in np.array_split(np.arange(effort.episodes), len(pairs))]
        for (first, then), size in zip(pairs, sizes, strict=True):
            if size:
                co_players.append(Spliced(game, first, then, switch or game.spec.max_rounds))
                games.append(size)
    played = play_each(focal, game, co_players, games, SeedNode(effort.seed).child(Purpose.EVALUATE))
    both = (played.actions == 0).reshape(game.spec.max_rounds, 2, len(cells), effort.episodes)
    return Played(tuple(cells), both[:, 0], both[:, 1])


def shares_at(played: Played, switch: int, seed: int) -> tuple[dict[str, float], dict[str, dict[str, float] | None]]:
    """Late cooperation with learners, and the three shares of ``mechanism`` for one switch, with intervals."""
    at = {cell: place for place, cell in enumerate(played.cells)}
    late = played.cooperation[late_rounds(len(played.cooperation))].mean(0)  # [C, E]
    means = resampled_means(late.T, SeedNode(seed).child(Purpose.EVALUATE, switch))

    def of(opening: str, now: str) -> NDArray[np.float64]:
        return means[:, at[opening, now, 0 if opening == now else switch]]

    learners, repaid, tft = of(LEARNER, LEARNER), of(LEARNER, "tft"), of("tft", "tft")
    strangers = np.mean([of(opening, "tft") for opening in STRANGERS], axis=0)
    shares = {
        "stops": _missing(of(LEARNER, "alld"), learners),
        "needs": _missing(tft, repaid),
        "lingers": _missing(strangers, tft),
    }
    return interval(learners), shares


def run(subject: Subject, effort: Effort) -> dict[str, Any]:
    """The whole experiment for one agent.

    Returns:
        ``cells``: of each what focal agent and co-player did late, with an interval over episodes. ``shares``: by
        switch (see ``mechanism``). ``label`` and ``meaning``: the verdict. ``placebo``: what switches change in the
        rounds before them, which must be nothing. ``tft_after``: late cooperation with TFT by who opened.
        ``references``: label and shares of a player whose actions depend on no history, and of one that counts and
        responds (``urns``), by the same rule. ``curves``: cooperation by round in the cells of the verdict.
    """
    game, seed = subject.game(), effort.seed
    rounds = game.spec.max_rounds
    partners = [as_co_player(name, other.policy, game) for name, other in subject.others.items()]
    partners = partners or [as_co_player(subject.name, subject.policy, game)]
    cells, judged = design(rounds)
    played = intervene(subject.policy, partners, game, cells, effort)
    by_switch = {k: shares_at(played, k, seed) for k in sorted({k for *_, k in cells if k})}
    with_learners, shares = by_switch[judged]
    label = judge(with_learners, shares)
    late, rows = late_rounds(rounds), _cells(played, seed)
    needed = [cell for cell in cells if _is_judged(cell, judged)]
    references = {
        "no history": make_co_player("random", game),
        "urns": UrnResponder(game.payoffs[0], rounds),  # type: ignore[attr-defined]
    }
    return {
        "rounds": rounds,
        "late": [late.start + 1, late.stop],
        "episodes": effort.episodes,
        "partners": [one.kind for one in partners],
        "judged_at": judged,
        "with_learners": with_learners,
        "shares": {str(k): found for k, (_, found) in by_switch.items()},
        "label": label,
        "meaning": LABELS[label],
        "placebo": _placebo(played, judged, seed),
        "references": {
            name: _reference(focal, partners, game, needed, judged, effort) for name, focal in references.items()
        },
        "tft_after": {
            row["opening"]: row["cooperation"] for row in rows if row["now"] == "tft" and row["switch"] in (0, judged)
        },
        "cells": rows,
        "curves": {
            f"{opening} > {now}" if k else now: [round(float(x), 3) for x in played.cooperation[:, place].mean(1)]
            for place, (opening, now, k) in enumerate(cells)
            if _is_judged((opening, now, k), judged)
        },
    }


INTERVENTION = Analysis("why it cooperates: interventions on the history", prisoners_dilemma, run)


def _is_judged(cell: Cell, judged: int) -> bool:
    """Whether a share that is judged needs a cell."""
    opening, now, switch = cell
    if not switch:
        return now in (LEARNER, "tft")
    return switch == judged and (now == "tft" or (opening, now) == (LEARNER, "alld"))


def _kind(name: str, partners: Sequence[CoPlayer], game: BatchedGame) -> Sequence[CoPlayer]:
    return partners if name == LEARNER else [make_co_player(name, game)]


def _missing(part: NDArray[np.float64], whole: NDArray[np.float64]) -> dict[str, float] | None:
    """1 - part / whole of resampled means [R], None if there is not enough to take a share of."""
    return interval(1 - part / np.maximum(whole, 1e-9)) if whole[0] >= LEAST else None


def _reference(
    focal: CoPlayer, partners: Sequence[CoPlayer], game: BatchedGame, cells: Sequence[Cell], judged: int, effort: Effort
) -> dict[str, Any]:
    with_learners, shares = shares_at(intervene(focal, partners, game, cells, effort), judged, effort.seed)
    return {"with_learners": with_learners, "shares": shares, "label": judge(with_learners, shares)}


def _placebo(played: Played, judged: int, seed: int) -> Mapping[str, float]:
    """Cooperation in the first rounds with a learner that will be replaced, less that with one that will not be."""
    early = played.cooperation[:judged].mean(0)
    will = [at for at, (opening, now, k) in enumerate(played.cells) if opening == LEARNER != now and k == judged]
    both = np.stack([early[will].mean(0), early[played.cells.index((LEARNER, LEARNER, 0))]], axis=1)
    means = resampled_means(both, SeedNode(seed).child(Purpose.EVALUATE, 0))
    return interval(means[:, 0] - means[:, 1])


def _cells(played: Played, seed: int) -> list[dict[str, Any]]:
    late = late_rounds(len(played.cooperation))
    means = resampled_means(played.cooperation[late].mean(0).T, SeedNode(seed).child(Purpose.EVALUATE, 1))
    others = played.other_cooperation[late].mean((0, 2))
    return [
        {
            "opening": opening,
            "now": now,
            "switch": k,
            "cooperation": interval(means[:, at]),
            "other": round(float(others[at]), 4),
        }
        for at, (opening, now, k) in enumerate(played.cells)
    ]
