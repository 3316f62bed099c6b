"""What pairs of methods come to, seed by seed, as files and as a table."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coop_icl.learning_aware import meta_results
from coop_icl.learning_aware.pairs import UPDATES, results
from coop_icl.learning_aware.world import World

LEARNERS = (*UPDATES, meta_results.NAME)
"""Methods that can be recorded in pairs, by name."""

PAIRS = (
    ("naive", "naive"),
    ("lola_exact", "lola_exact"),
    ("lola_exact", "naive"),
    ("lola_lookahead", "lola_lookahead"),
    ("lola_lookahead", "naive"),
    ("alignment", "alignment"),
    ("alignment", "naive"),
    ("alignment", "lola_exact"),
    ("lola_dice", "lola_dice"),
)
"""The pairs that are recorded unless others are named; those with M-FOS take minutes and are to be named."""

UPDATES_OF_PAIRS = 300

SAMPLED = World(games=512)
"""For LOLA-DiCE, whose estimates take eight times as many games to bear the rates of exact gradients."""


def world_of(methods: tuple[str, str]) -> World:
    """The game and the rates in which a pair of methods is recorded."""
    return SAMPLED if "lola_dice" in methods else World()


def record(pairs: Sequence[tuple[str, str]], seeds: Sequence[int], updates: int | None, folder: Path) -> str:
    """Let each pair of methods learn from ``seeds``, write ``<first>_<second>.json`` each, and return a table.

    Args:
        pairs: names of ``LEARNERS``.
        seeds: one a pair of learners; with M-FOS one a training.
        updates: simultaneous steps; by default ``UPDATES_OF_PAIRS``, and for M-FOS as many as a meta-game has.
        folder: for the files.

    Raises:
        ValueError: if a method is unknown, or a pair has M-FOS as its second method only.
    """
    for pair in pairs:
        for name in pair:
            if name not in LEARNERS:
                raise ValueError(f"unknown method '{name}'; choose one of {', '.join(LEARNERS)}")
        if pair[1] == meta_results.NAME != pair[0]:
            raise ValueError(f"name {meta_results.NAME} first: {meta_results.NAME}:{pair[0]}")
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for pair in pairs:
        began = time.process_time()
        if meta_results.NAME in pair:
            one = meta_results.results(pair[1], world_of(pair), seeds, updates)
        else:
            one = results(pair, world_of(pair), seeds, updates or UPDATES_OF_PAIRS)
        one["cpu_seconds"] = round(time.process_time() - began, 1)
        (folder / f"{'_'.join(pair)}.json").write_text(text_of(one), encoding="utf-8")
        found.append(one)
    return table(found)


def text_of(found: dict[str, Any]) -> str:
    """JSON with a line a seed."""
    head = json.dumps({key: value for key, value in found.items() if key != "seeds"})
    return head[:-1] + ', "seeds": [\n' + ",\n".join(json.dumps(row) for row in found["seeds"]) + "\n]}\n"


def table(found: Sequence[dict[str, Any]]) -> str:
    """Markdown: mean payoffs of both, how many pairs cooperate, and the first one's mean policy."""
    lines = [
        "| first | second | payoff | of the second | cooperate (both above .9) | first one's start, CC, CD, DC, DD |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        payoffs = np.array([row["payoff"] for row in one["seeds"]])
        policy = np.mean([row["policy"][0] for row in one["seeds"]], axis=0)
        both = int((payoffs > 0.9).all(1).sum())
        spread = [f"{mean:.2f} ± {std:.2f}" for mean, std in zip(payoffs.mean(0), payoffs.std(0), strict=True)]
        chances = ", ".join(f"{p:.2f}" for p in policy)
        names = " | ".join(one["methods"])
        lines.append(f"| {names} | {spread[0]} | {spread[1]} | {both} of {len(payoffs)} | {chances} |")
    return "\n".join(lines)
