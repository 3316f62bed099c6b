"""``coop-icl incentives``: what inferring co-players is worth, game by game; a table, figures and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.evaluation.incentives import incentives
from coop_icl.populations.registry import nearest
from coop_icl.reporting.incentives_picture import draw
from coop_icl.reporting.pictures import save
from coop_icl.reporting.tables import columns, markdown
from coop_icl.runs.files import write_json
from envs.registry import make_game

PRIORS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""a of Beta(a, a), from wide to narrow."""

CASES: dict[str, tuple[dict[str, Any], ...]] = {
    **{name: ({},) for name in ("ipd", "chicken", "stag_hunt", "bach_or_stravinsky", "matching_pennies")},
    "redrawn": tuple({"family": name} for name in ("plane", "prisoners_dilemma", "chicken", "stag_hunt", "harmony")),
    "public_goods": (
        *({"players": players, "multiplier": 2.0} for players in range(2, 9)),
        *({"players": players, "multiplier": (players + 1) / 2} for players in range(4, 9)),
    ),
}
"""Options of each game; the second series of public goods lies halfway between the bounds of the dilemma."""

HEADER = (
    "game",
    "a",
    "blind",
    "known",
    "gain",
    "of spread",
    "game told",
    "cooperates",
    "with",
    "reciprocal",
    "tft",
    "table",
)
LEGEND = (
    "blind: the best memory-1 table, the last column; known: best responses to known draws, which cooperate in a\n"
    "share of rounds, mostly with a share of draws, with the most reciprocal tenth and with tit-for-tat"
)
"""What the columns are."""
FIGURES, PICTURE = "incentives.json", "incentives.png"


def incentives_of(
    names: Sequence[str], draws: int, seed: int, rounds: int, bounds: bool = False
) -> Iterator[dict[str, Any]]:
    """``incentives`` of every case and prior of the games named, all if none is, with the case's ``options``.

    Raises:
        UserError: one line, if a name or a number is no good.
    """
    known = [name.removesuffix("_v0") for name in names]
    for name in known:
        if name not in CASES:
            raise UserError(f"no incentives are known of '{name}'{nearest(name, CASES)}")
    for name in known or CASES:
        for options in CASES[name]:
            for prior in PRIORS:
                try:
                    found = incentives(make_game(name, rounds=rounds, **options), prior, draws, seed, bounds)
                except ValueError as error:
                    raise UserError(str(error)) from None
                yield {"options": options, **found}


def show(names: Sequence[str], draws: int, seed: int, rounds: int, bounds: bool, out: Path | None) -> int:
    """Print a table of ``incentives_of``; keep figures and a picture in ``out``; returns the exit code.

    Raises:
        UserError: as above, or if ``out`` is no folder.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise UserError(f"{out} is no folder; give another --out")
    cases = list(incentives_of(names, draws, seed, rounds, bounds))
    print(columns(HEADER, [_row(case) for case in cases]))
    print(LEGEND)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        chosen = f" --games {','.join(names)}" if names else ""
        extra = " --bounds" if bounds else ""
        command = f"coop-icl incentives{chosen} --draws {draws} --seed {seed} --rounds {rounds}{extra} --out FOLDER"
        write_json(out / FIGURES, {"command": command, "seed": seed, "cases": rounded(cases)})
        save(draw(cases), out / PICTURE)
        print(f"written to {out}")
    return 0


def text(folder: Path, priors: Sequence[float] = PRIORS) -> str:
    """The figures that ``show`` kept in ``folder`` for some priors, in Markdown; nothing without any.

    Raises:
        UserError: if the file is something else.
    """
    path = folder / FIGURES
    if not path.is_file():
        return ""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        rows = [_row(case) for case in kept["cases"] if case["prior"] in priors]
        return "\n\n".join([f"`{kept['command']}`", markdown(HEADER, rows), LEGEND.replace("\n", " ") + "."])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{path} is damaged; make it again with: coop-icl incentives --out {folder}") from None


def title(case: dict[str, Any]) -> str:
    """A game with the options that set it apart."""
    return " ".join([case["game"].removesuffix("_v0"), *(f"{key}={value}" for key, value in case["options"].items())])


def rounded(value: Any) -> Any:
    """Plain data with five decimals."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return round(value, 5) + 0.0 if isinstance(value, float) else value


def _row(case: dict[str, Any]) -> list[str]:
    response = case["response"]
    return [
        title(case),
        f"{case['prior']:g}",
        f"{case['blind']['value']:.3f}",
        f"{case['known']['value']:.3f}",
        _told(case["gain"]),
        _told(case["relative"]),
        _told(case["partly_known"]["relative"]) if "partly_known" in case else "",
        f"{response['cooperation']['value']:.3f}",
        _told(response["cooperates_with"]),
        f"{response['most_reciprocal']['cooperation']['value']:.2f}",
        f"{response['with_reciprocators']:.2f}",
        case["blind"]["policy"],
    ]


def _told(estimate: dict[str, float]) -> str:
    value, error = (round(estimate[key], 3) + 0.0 for key in ("value", "error"))  # no -0.000
    return f"{value:.3f} ± {error:.3f}"
