"""The commands that make docs/results/ from per-seed data, and train what is missing: ``reproduce`` and ``beyond``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.words import names_in, seeds_of

INTERRUPTED = 130


def add_commands(commands: Any) -> None:
    """Add both to the subparsers of the command line."""
    reproduce = commands.add_parser("reproduce", help="a figure of the paper: picture, and its numbers beside ours")
    reproduce.add_argument("figure", help="1, 2, 3, 4, or all")
    reproduce.add_argument("overrides", nargs="*", metavar="ray.key=value", help="where training runs")
    reproduce.add_argument("--scale", default="laptop", help="laptop, or paper: its own settings (default laptop)")
    _add_training(
        reproduce,
        "docs/results/paper",
        "train what is not finished and measure it; otherwise draw from the data (default: at paper scale only)",
    )
    reproduce.set_defaults(run=_reproduce)

    beyond = commands.add_parser("beyond", help="other games, methods, models, ingredients: pictures and tables")
    beyond.add_argument("part", help="games, methods, models, ingredients, or all")
    beyond.add_argument("overrides", nargs="*", metavar="ray.key=value", help="where training runs")
    beyond.add_argument("--only", default="", metavar="NAME,...", help="what to train and measure of it (default: all)")
    _add_training(
        beyond,
        "docs/results/beyond",
        "train what is not finished and measure what is; otherwise draw from the data (default)",
    )
    beyond.set_defaults(run=_beyond)


def _add_training(parser: argparse.ArgumentParser, out: str, train: str) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--train", action=argparse.BooleanOptionalAction, help=train)
    what.add_argument("--measure", action="store_true", help="train nothing, add what finished runs show to the data")
    parser.add_argument("--seeds", default="0-4", help="seeds to train (default 0-4)")
    parser.add_argument("--jobs", type=int, default=0, help="runs trained at once (default: one for each core)")
    parser.add_argument("--runs", default="runs", help="folder of runs (default runs)")
    parser.add_argument("--out", default=out, help=f"folder of data (default {out})")


def _runs_of(options: argparse.Namespace) -> Path:
    runs = Path(options.runs)
    if options.measure and not runs.is_dir():
        raise UserError(f"{runs}: no such folder of runs; name one with --runs")
    return runs


def _only_ray(overrides: Sequence[str]) -> None:
    wrong = [text for text in overrides if not text.startswith("ray.")]
    if wrong:
        raise UserError(f"'{wrong[0]}' would change what a figure shows; only ray.* settings may be given")


def _reproduce(options: argparse.Namespace) -> int:
    from coop_icl.config import load
    from coop_icl.reporting.cost import table
    from coop_icl.reporting.paper.figures import figures_named
    from coop_icl.reporting.paper.reproduce import measure, needed, show
    from coop_icl.stages import train_missing

    figures = figures_named(options.figure)
    experiments, missing = needed(figures, options.scale)
    _only_ray(options.overrides)
    runs, out, seeds = _runs_of(options), Path(options.out), seeds_of(options.seeds)
    if options.measure:
        measure(experiments, runs, out)
    elif options.scale == "paper" if options.train is None else options.train:
        for name in missing:
            print(f"{name}: no such experiment, left out")
        print(table([load(name) for name in experiments], len(seeds)), flush=True)
        code = train_missing(experiments, options.overrides, seeds, runs, options.jobs)
        if code:
            return code
        measure(experiments, runs, out)
    return show(figures, options.scale, out)


def _beyond(options: argparse.Namespace) -> int:
    from coop_icl.reporting.beyond.parts import chosen, parts_named, show
    from coop_icl.stages import train_settings

    parts = parts_named(options.part)
    wanted = chosen(parts, names_in(options.only))
    _only_ray(options.overrides)
    runs, out, seeds, code = _runs_of(options), Path(options.out), seeds_of(options.seeds), 0
    if options.measure:
        for part, names in wanted:
            part.measure(names, runs / part.folder, out)
    for part, names in wanted if options.train else []:
        known, missing = part.settings(names)
        for experiment in missing:
            print(f"{experiment}: no such experiment, left out")
        settings = [(setting.experiment, setting.words) for setting in known]
        code = train_settings(settings, options.overrides, seeds, runs / part.folder, options.jobs) or code
        if code == INTERRUPTED:
            return code
        part.measure(names, runs / part.folder, out)  # what is finished, even if something else failed
    show(parts, out)
    return code
