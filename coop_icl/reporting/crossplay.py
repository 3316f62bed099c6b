"""``coop-icl crossplay``: play everyone against everyone, print the table, keep figures and a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from coop_icl.errors import UserError
from coop_icl.evaluation.crossplay import crossplay, policies_at
from coop_icl.reporting.analyses.crossplay import draw_crossplay, table_crossplay, verdict_crossplay
from coop_icl.reporting.pictures import plt
from coop_icl.runs.files import write_json


def crossplay_paths(
    paths: Sequence[str | Path], co_players: Sequence[str], episodes: int, seed: int, out: Path | None
) -> int:
    """Cross-play of all policies at ``paths`` and named co-players; returns the exit code.

    Args:
        paths: see ``policies_at``; co_players: names; episodes: per pair; seed: of the evaluation.
        out: folder for ``crossplay.json`` and ``crossplay.png``, created if need be; None prints only.

    Raises:
        UserError: one line, if a path, a name or a number is no good.
    """
    torch.set_num_threads(1)
    if out is not None and out.exists() and not out.is_dir():
        raise UserError(f"{out} is no folder; give another --out")
    result = crossplay(policies_at(paths), co_players, episodes, seed)
    header, rows = table_crossplay(result)
    widths = [max(len(row[at]) for row in (header, *rows)) + 2 for at in range(len(header))]
    for row in (header, *rows):
        first, *cells = (
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(first + "".join(cells))
    for found in result["equilibria"]["found"][:5]:
        row, column = (", ".join(f"{w:.2f} {name}" for name, w in found[side].items()) for side in ("row", "column"))
        print(f"equilibrium: {row}" + ("" if found["symmetric"] else f"  against  {column}"))
    print(verdict_crossplay(result))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "crossplay.json", result)
        figure = draw_crossplay(result)
        figure.savefig(out / "crossplay.png", dpi=130)
        plt.close(figure)
        print(f"written to {out}")
    return 0
