"""``coop-icl crossplay``: play everyone against everyone, print the table, keep figures and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from coop_icl.errors import UserError
from coop_icl.evaluation.crossplay import crossplay
from coop_icl.evaluation.crossplay_groups import by_group
from coop_icl.evaluation.entrants import entrants_at
from coop_icl.reporting.analyses.crossplay import draw_crossplay, table_crossplay, verdict_crossplay
from coop_icl.reporting.analyses.crossplay_groups import LEGEND, draw_groups, table_groups, words_groups
from coop_icl.reporting.pictures import plt
from coop_icl.reporting.tables import columns
from coop_icl.runs.files import write_json


def crossplay_paths(
    paths: Sequence[str | Path],
    co_players: Sequence[str],
    episodes: int,
    seed: int,
    out: Path | None,
    rounds: int | None = None,
    learners: Sequence[str] = (),
    seeds: Sequence[int] = (),
    by_method: bool = False,
) -> int:
    """Cross-play of all players at ``paths`` and named co-players; returns the exit code.

    Args:
        paths: see ``entrants_at``; co_players: names; episodes: per pair; seed: of the evaluation.
        out: folder for ``crossplay.json`` and a picture, ``crossplay.png``, created if need be; None prints only.
        rounds: of the game, for policies of its variations; None takes those that all were trained for.
        learners, seeds: see ``entrants_at``.
        by_method: whether to print and draw groups and not players; their figures are ``crossplay_by_method.json``.

    Raises:
        UserError: one line, if a path, a name or a number is no good.
    """
    torch.set_num_threads(1)
    if out is not None and out.exists() and not out.is_dir():
        raise UserError(f"{out} is no folder; give another --out")
    entrants = entrants_at(paths, learners, seeds)
    players = {label: entrant.player for label, entrant in entrants.items()}
    result = crossplay(players, co_players, episodes, seed, None if rounds is None else {"rounds": rounds})
    groups = by_group(result, entrants) if by_method else None
    if groups is None:
        print(columns(*table_crossplay(result)))
        for found in result["equilibria"]["found"][:5]:
            row, column = (
                ", ".join(f"{w:.2f} {name}" for name, w in found[side].items()) for side in ("row", "column")
            )
            print(f"equilibrium: {row}" + ("" if found["symmetric"] else f"  against  {column}"))
        print(verdict_crossplay(result))
    else:
        print(columns(*table_groups(groups)))
        print("payoff/cooperation of row a round; " + LEGEND)
        print("\n".join(words_groups(groups)))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "crossplay.json", result)
        figure = draw_crossplay(result) if groups is None else draw_groups(groups)
        if groups is not None:
            write_json(out / "crossplay_by_method.json", groups)
        figure.savefig(out / f"crossplay{'' if groups is None else '_by_method'}.png", dpi=130)
        plt.close(figure)
        print(f"written to {out}")
    return 0
