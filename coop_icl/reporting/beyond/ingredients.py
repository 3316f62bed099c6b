"""Part ``ingredients``: cooperation as the settings of one experiment are varied, see ``axes``.

A seed's data: ``experiment``, ``axis``, ``value``, ``seed``, ``updates``, ``rounds``, ``seconds``, ``commit``,
``final`` (figures of the last tenth of training), ``peak`` (the highest row of cooperation with each other) and
``lasting_at``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coop_icl.errors import UserError
from coop_icl.reporting import seed_data
from coop_icl.reporting.beyond.axes import AXES, BOTH, EXPERIMENT, ITEMS, SHARES, WIDTHS, Axis, Variant, cell
from coop_icl.reporting.beyond.cells import GAP, PAYOFF, RATE, by_seed, final, mean, numbers, spread, with_others
from coop_icl.reporting.beyond.document import picture
from coop_icl.reporting.beyond.measuring import lasting
from coop_icl.reporting.beyond.panels import GREY, UNIT, dress, grid
from coop_icl.reporting.beyond.part import Part
from coop_icl.reporting.pictures import COLOURS, plt, save
from coop_icl.reporting.seed_data import Seed, finished, merge, seed_of
from coop_icl.reporting.tables import markdown, sentence
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.reading import rows_of

PICTURE, BOTH_PICTURE = "ingredients.png", "ingredients_share_width.png"
JITTER = 0.012
"""Distance of neighbouring dots, of an axis's width."""


def path_of(folder: Path, axis: str) -> Path:
    """The file of an axis's data."""
    return folder / f"ingredients_{axis}.jsonl"


def read(folder: Path) -> dict[Variant, list[Seed]]:
    """The data of every variant by seed.

    Raises:
        UserError: if a file is not what ``measure`` writes.
    """
    every = list(dict.fromkeys(variant for some in ITEMS.values() for variant in some))
    rows = {axis: _rows(path_of(folder, axis)) for axis in {variant.axis for variant in every}}
    return {variant: [row for row in rows[variant.axis] if row["value"] == _plain(variant)] for variant in every}


def _rows(path: Path) -> list[Seed]:
    rows = seed_data.read(path, ["axis", "value", "peak"])
    if not all(isinstance(row["peak"], int | float | None) for row in rows):
        raise UserError(f"{path} is damaged; delete it, or measure again with TRAIN=1")
    return rows


def _plain(variant: Variant) -> Any:
    return list(variant.value) if isinstance(variant.value, tuple) else variant.value


def _measure(items: Sequence[str], runs: Path, folder: Path) -> None:
    found: dict[str, list[Seed]] = {}
    for variant in dict.fromkeys(variant for item in items for variant in ITEMS[item]):
        seeds = [_seed(run, variant) for run in finished(runs / variant.setting.runs)]
        found.setdefault(variant.axis, []).extend(seeds)
        print(f"{variant.setting.runs}: {len(seeds)} finished runs measured", flush=True)
    for axis, seeds in found.items():
        merge(path_of(folder, axis), seeds, ("value", "seed"))


def _seed(run: RunDirectory, variant: Variant) -> Seed:
    rows, seed = rows_of(run), seed_of(run)
    del seed["training"]
    rates = [row[RATE] for row in rows if row.get(RATE) is not None]
    more = {"axis": variant.axis, "value": _plain(variant), "peak": round(max(rates), 4) if rates else None}
    return seed | more | {"experiment": EXPERIMENT, "lasting_at": lasting(rows, seed["final"].get(RATE))}


def _draw(folder: Path) -> None:
    data = read(folder)
    figure, axes = grid(len(AXES), 3)
    for place, (panel, axis) in enumerate(zip(axes, AXES.values(), strict=True)):
        _panel(panel, axis, [data[variant] for variant in ITEMS[axis.name]], first=place == 0)
    figure.suptitle("Cooperation with each other at the end, a dot a seed; dotted: the recipe's own value", fontsize=10)
    save(figure, folder / PICTURE)
    _both(data, folder / BOTH_PICTURE)


def _panel(panel: Any, axis: Axis, seeds: Sequence[Sequence[Seed]], first: bool) -> None:
    places = np.arange(len(axis.values)) if axis.scale == "even" else np.array(axis.values, dtype=np.float64)
    x = np.log(places) if axis.scale == "log" else places
    step = JITTER * (x[-1] - x[0])
    for of, colour, label in (
        (lambda seed: seed["peak"], GREY, "highest row"),
        (final(RATE), COLOURS[0], "at the end"),
    ):
        found = [numbers(some, of) for some in seeds]
        means = [(at, np.mean(values)) for at, values in zip(x, found, strict=True) if values]
        if means:
            panel.plot(*zip(*means, strict=True), color=colour, lw=1.5, alpha=0.7, label=label if first else None)
        for at, values in zip(x, found, strict=True) if colour != GREY else ():
            shifts = (np.arange(len(values)) - (len(values) - 1) / 2) * step
            panel.scatter(at + shifts, values, s=14, color=colour, alpha=0.8, zorder=3)
    if panel.has_data():
        panel.axvline(x[axis.values.index(axis.own)], color="0.3", lw=0.8, ls=":")
        panel.set_xlim(x[0] - 5 * step, x[-1] + 5 * step)
        panel.set_xticks(x, [f"{value:g}" for value in axis.values])
    dress(panel, axis.title, axis.label, "cooperation", UNIT)


def _both(data: dict[Variant, list[Seed]], path: Path) -> None:
    """Share and width together: a heat map of means, the seeds' numbers in the cells."""
    figure, panel = plt.subplots(figsize=(6.2, 3.6))
    seeds = [[numbers(data[cell(share, width)], final(RATE)) for width in WIDTHS] for share in SHARES]
    means = np.array([[np.mean(values) if values else np.nan for values in line] for line in seeds])
    image = panel.imshow(means, vmin=0, vmax=1, cmap="viridis", aspect="auto", origin="lower")
    for i, line in enumerate(seeds):
        for j, values in enumerate(line):
            texts = [f"{value:.2f}" for value in values]
            text = "\n".join([" ".join(texts[k : k + 3]) for k in range(0, len(texts), 3)]) or "not run"
            dark = bool(values) and means[i][j] < 0.6
            panel.text(j, i, text, ha="center", va="center", fontsize=7, color="white" if dark else "black")
    panel.set_xticks(range(len(WIDTHS)), [f"{width:g}" for width in WIDTHS])
    panel.set_yticks(range(len(SHARES)), [f"{share:g}" for share in SHARES])
    panel.set_xlabel("alpha = beta of tabular agents (small is wide)", fontsize=8)
    panel.set_ylabel("share of games with tabular agents", fontsize=8)
    panel.set_title("cooperation with each other at the end, by seed", fontsize=9)
    figure.colorbar(image, ax=panel, label="mean")
    save(figure, path)


def _text(folder: Path) -> str:
    data = read(folder)
    parts = [picture(folder, PICTURE, "Cooperation with each other as ingredients vary, a dot a seed")]
    for name, axis in AXES.items():
        rows = [(f"{value:g}{' (own)' if value == axis.own else ''}", variant) for value, variant in _of(axis)]
        parts += [_head(name, axis.title), _table(axis.label, rows, data)]
    title = "share and width together"
    both = [(f"{share:g}, {width:g}", cell(share, width)) for share in SHARES for width in WIDTHS]
    shown = picture(folder, BOTH_PICTURE, "Cooperation with each other by share and width")
    parts += [_head(BOTH, title), shown, _table("share, alpha = beta", both, data)]
    return "\n\n".join(parts)


def _of(axis: Axis) -> list[tuple[float, Variant]]:
    return list(zip(axis.values, ITEMS[axis.name], strict=True))


def _head(item: str, title: str) -> str:
    return f"### {sentence(title)}\n\n`{INGREDIENTS.command(item)}`"


def _table(label: str, rows: Sequence[tuple[str, Variant]], data: dict[Variant, list[Seed]]) -> str:
    """A row a variant."""
    header = (
        *(label, "cooperation with each other, by seed", "mean (95%)", "highest row, mean", "payoff, mean"),
        *("payoff gap", "cooperation with", "payoff with", "minutes of training"),
    )
    cells = []
    for name, variant in rows:
        seeds = data[variant]
        rate = (by_seed(seeds, final(RATE)), spread(seeds, final(RATE)), mean(seeds, lambda seed: seed["peak"]))
        payoffs = (mean(seeds, final(PAYOFF)), mean(seeds, final(GAP)))
        others = (with_others(seeds, "cooperation"), with_others(seeds, "payoff"))
        time = mean(seeds, lambda seed: seed["seconds"] / 60, 1)
        cells.append((name, *((*rate, *payoffs, *others, time) if seeds else ("not run", *["-"] * 7))))
    return markdown(header, cells)


INGREDIENTS = Part(
    "ingredients",
    "What it takes",
    {name: tuple(variant.setting for variant in variants) for name, variants in ITEMS.items()},
    _measure,
    _draw,
    _text,
    folder="ingredients",
)
