"""``make bench``: speed, memory and growth of this project beside others, for docs/results/speed.md.

Sections are measured one after the other and kept in bench.json; one that is measured again replaces its older self.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from bench import cells, cooperation, growth, iteration, machine, parts, planner, record, scale
from bench.pictures import draw
from bench.report import markdown
from bench.timing import Effort, say
from bench.workloads import experiment
from coop_icl.errors import UserError
from coop_icl.process import keep_freed_memory
from coop_icl.runs.files import write_json, write_text

SECTIONS: dict[str, Callable[[Effort], dict[str, Any]]] = {
    "iteration": iteration.section,
    "cells": cells.section,
    "growth": growth.section,
    "scale": scale.section,
    "profile": parts.section,
    "planner": planner.section,
}
RESULTS = Path("docs/results")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write bench.json, speed.md and its pictures; 2 if what was asked for makes no sense."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    out = Path(options.out) if options.out else None if options.quick else RESULTS
    try:
        names, effort = _asked(options)
        kept = record.read(out / "bench.json") if out else {}
        if not names and not kept:
            raise UserError(f"no sections in {(out or RESULTS) / 'bench.json'} to write again; measure some first")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    os.environ.pop("RAY_ADDRESS", None)  # an embedded Ray, on this machine
    stamp = machine.stamp(_command(words))
    if names and (stamp["machine"]["load_average_before"] or 0) > 0.5:
        say(f"load average {stamp['machine']['load_average_before']}: other work is running, figures will be noisy")
    sections, result = kept, {}
    for name in names or [None]:
        if name is not None:
            start = time.monotonic()
            found = {**_alone(SECTIONS[name], effort), "seconds": round(time.monotonic() - start, 1)}
            say(f"{name} took {found['seconds']:.0f} s")
            sections = record.merge(sections, {name: record.stamped(name, found, stamp)})
        result = record.complete(sections, cooperation.read(RESULTS / "curves.json"))
        if out is not None:
            write(result, out)  # after each section: what is measured is kept
    print(markdown(result), flush=True)
    if options.quick:
        print("a quick look on small batches: goals are stated for the full run", flush=True)
    if out is not None:
        say(f"written: {out / 'speed.md'}, {out / 'bench.json'}")
    return 0


def _alone(section: Callable[[Effort], dict[str, Any]], effort: Effort) -> dict[str, Any]:
    """A section in a process of its own, so that what others leave behind is not its time."""
    with ProcessPoolExecutor(1, get_context("spawn"), _prepare) as process:
        return process.submit(section, effort).result()


def _prepare() -> None:
    """As a training run does."""
    torch.set_num_threads(1)
    keep_freed_memory()


def write(result: Mapping[str, Any], out: Path) -> None:
    """bench.json, speed.md and the pictures."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "bench.json", result)
    write_text(out / "speed.md", markdown(result))
    draw(result["sections"], out)


def _asked(options: argparse.Namespace) -> tuple[list[str], Effort]:
    """Sections to measure, in order, and how.

    Raises:
        UserError: if there is no such section, cell or setting.
    """
    only = options.only or (["cells"] if options.cells else list(SECTIONS))
    unknown = [name for name in only if name not in (*SECTIONS, "none")]
    if unknown:
        raise UserError(f"no section '{unknown[0]}'; sections: {', '.join(SECTIONS)}, none")
    cells.select(options.cells)
    experiment(options.games, *options.set)
    effort = Effort(
        options.games, tuple(options.set), options.rounds, options.seconds, tuple(options.cells), options.quick
    )
    if options.quick:
        effort = Effort(min(options.games, 64), effort.overrides, 1, 0.2, effort.cells, True)
    return [name for name in SECTIONS if name in only], effort


def _command(words: Sequence[str]) -> str:
    """How to measure again, but for the folder it was written to."""
    kept = [w for w, before in zip(words, ["", *words], strict=False) if "--out" not in (before, w.partition("=")[0])]
    return shlex.join(["python", "-m", "bench.run", *kept])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", default=[], metavar="SECTION", help=f"{', '.join(SECTIONS)}; none only writes again")
    add("--cells", nargs="+", default=[], metavar="PART", help="parts of names of cells, e.g. gru64 512 ppo")
    add("--set", nargs="+", default=[], metavar="key=value", help="settings of the section iteration")
    add("--games", type=int, default=512, help="games an update of the section iteration (default 512)")
    add("--rounds", type=int, default=3, help="times around the programs that are compared (default 3)")
    add("--seconds", type=float, default=1.0, help="least length of a window (default 1; iteration: half more)")
    add("--quick", action="store_true", help="a look in about a minute; writes nothing unless --out")
    add("--out", help=f"folder of bench.json, speed.md and pictures (default {RESULTS})")
    return parser


if __name__ == "__main__":
    sys.exit(main())
