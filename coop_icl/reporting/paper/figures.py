"""The paper's figures 1 to 4: which experiments show them, and the numbers they show, read off its plots to about .02.

The paper numbers figure 1 (mixed pool and ablations) and figure 3 (step 4). That figure 2 is the mechanism with PPI and
figure 4 the mechanism with A2C is our reading.
"""

from __future__ import annotations

from dataclasses import dataclass

from coop_icl.errors import UserError
from coop_icl.reporting.paper.values import (
    Value,
    difference,
    extorting,
    final,
    first,
    in_round,
    peak,
    probed,
    responds_early,
    rise,
)

SCALES = {"laptop": "", "paper": "_paper"}
"""What follows an experiment's name at each scale."""
NEAR = 0.1
"""A mean passes that is no farther from the paper's."""
ALGORITHMS = {"ppi": "PPI", "ipd": "A2C"}
"""The paper's algorithm by the first word of an experiment's name."""


@dataclass(frozen=True)
class Row:
    """One number, or claim, of the paper.

    Attributes:
        experiment: ours that shows it, without the scale; label: what it is.
        paper: the paper's value, or its claim in words.
        band: where the mean over seeds must lie.
        of: the same of one seed of ours.
    """

    experiment: str
    label: str
    paper: float | str
    band: tuple[float, float]
    of: Value


@dataclass(frozen=True)
class Figure:
    """One figure of the paper, ``name`` on the command line.

    Attributes:
        experiments: what has to be trained, in order, without the scale; title, caption: of the picture.
        rows: what is judged.
    """

    name: str
    title: str
    caption: str
    experiments: tuple[str, ...]
    rows: tuple[Row, ...]


def near(experiment: str, label: str, paper: float, of: Value) -> Row:
    """A number to be met within ``NEAR``."""
    return Row(experiment, label, paper, (paper - NEAR, paper + NEAR), of)


def mixed(experiment: str, *paper: float | tuple[float, float]) -> tuple[Row, ...]:
    """Payoff and cooperation with each other, then with tabular agents; the paper gives a value, or from and to."""
    rows = []
    tags = [(f, k) for k in ("learner", "tabular") for f in ("payoff", "cooperation")]
    for (figure, kind), given in zip(tags, paper, strict=False):
        low, high = given if isinstance(given, tuple) else (given, given)
        words = "each other" if kind == "learner" else "tabular agents"
        value = f"{low:.2f} to {high:.2f}" if isinstance(given, tuple) else given
        band = (low - NEAR, high + NEAR)
        rows.append(Row(experiment, f"{figure} with {words}", value, band, final(f"{figure}/learner-{kind}")))
    return tuple(rows)


def mechanism(prefix: str, numbers: tuple[Row, ...]) -> tuple[Row, ...]:
    """The claims that the mechanism rests on, then the paper's numbers, sorted by step."""
    one, two, three = (f"{prefix}_step{i}" for i in (1, 2, 3))
    with_frozen, frozen_with = (f"payoff/{pair}" for pair in ("learner-fixed_icl", "fixed_icl-learner"))
    rate = "cooperation/learner-learner"
    claims = (
        Row(one, "cooperation with TFT, rounds 71 to 90", "cooperates", (0.9, 1.0), probed("tft", "cooperation_late")),
        Row(one, "cooperation with ALLC", "exploits", (0.0, 0.1), probed("allc", "cooperation")),
        Row(one, "cooperation with ALLD, rounds 71 to 90", "defects", (0.0, 0.1), probed("alld", "cooperation_late")),
        Row(two, "payoff ahead of the frozen policy", "extorts", (0.5, 3.0), difference(with_frozen, frozen_with)),
        Row(two, "slope chi of the nearest extortioner", "extorts", (1.2, 1e3), extorting("chi")),
        Row(two, "random policies that fit worse", "extorts", (0.95, 1.0), extorting("worse_at_random")),
        Row(three, "cooperation at its highest, less the first", "rises", (0.3, 1.0), rise(rate)),
    )
    return tuple(sorted((*claims, *numbers), key=lambda row: row.experiment))


def extortion_numbers(experiment: str, paper: tuple[float, float, float, float]) -> tuple[Row, ...]:
    """Payoff of learner and frozen policy, cooperation of both."""
    tags = [(f, pair) for f in ("payoff", "cooperation") for pair in ("learner-fixed_icl", "fixed_icl-learner")]
    return tuple(
        near(
            experiment,
            f"{figure} of the {'learner' if pair[0] == 'l' else 'frozen policy'}",
            value,
            final(f"{figure}/{pair}"),
        )
        for (figure, pair), value in zip(tags, paper, strict=True)
    )


RATE = "cooperation/learner-learner"

FIGURES = (
    Figure(
        "1",
        "The mixed pool and its ablations",
        "Payoff and cooperation over training, a thin line a seed, thick the mean; dashed: the paper at the end.",
        tuple(f"{p}_{name}" for p in ALGORITHMS for name in ("icl", "opponent_id", "no_pool")),
        (
            *mixed("ppi_icl", 0.92, 0.89, 0.99, 0.09),
            *mixed("ppi_opponent_id", 0.10, 0.10, 1.035, 0.08),
            *mixed("ppi_no_pool", (0.16, 0.23), (0.15, 0.22)),
            *mixed("ipd_icl", 0.965, 0.955, 1.02, 0.06),
            *mixed("ipd_opponent_id", 0.0, 0.0, 1.05, 0.08),
            *mixed("ipd_no_pool", 0.0, 0.0),
        ),
    ),
    Figure(
        "2",
        "The mechanism with PPI: best response, extortion, mutual extortion",
        "Steps 1 to 3, a thin line a seed, thick the mean; dashed: the paper at the end.",
        tuple(f"ppi_step{i}" for i in (1, 2, 3)),
        mechanism(
            "ppi",
            (
                near("ppi_step1", "cooperation with TFT, round 1", 0.0, in_round("tft", 1)),
                near("ppi_step1", "cooperation with TFT, round 11", 0.5, in_round("tft", 11)),
                near("ppi_step1", "cooperation with TFT, round 30", 0.9, in_round("tft", 30)),
                near("ppi_step1", "cooperation with TFT, round 60", 0.98, in_round("tft", 60)),
                near("ppi_step1", "payoff with ALLC", 2.0, probed("allc", "payoff")),
                near("ppi_step1", "cooperation with ALLD, round 5", 0.28, in_round("alld", 5)),
                *extortion_numbers("ppi_step2", (0.88, 0.24, 0.46, 0.67)),
                near("ppi_step3", "cooperation, first", 0.14, first(RATE)),
                near("ppi_step3", "cooperation, end", 0.95, final(RATE)),
            ),
        ),
    ),
    Figure(
        "3",
        "Step 4: the mixed pool early in training",
        "Cooperation by round of learners that are still learning, means over seeds; thin: seeds.",
        ("ppi_icl", "ipd_icl"),
        tuple(
            Row(name, "late cooperation with TFT less that with ALLD, early", "not stated", (0.3, 1.0), responds_early)
            for name in ("ppi_icl", "ipd_icl")
        ),
    ),
    Figure(
        "4",
        "The mechanism with A2C: best response, extortion, mutual extortion",
        "Steps 1 to 3, a thin line a seed, thick the mean; dashed: the paper at the end.",
        tuple(f"ipd_step{i}" for i in (1, 2, 3)),
        mechanism(
            "ipd",
            (
                near("ipd_step1", "cooperation with TFT, round 18", 1.0, in_round("tft", 18)),
                near("ipd_step1", "cooperation with TFT, last round", 0.62, in_round("tft", -1)),
                *extortion_numbers("ipd_step2", (1.32, -0.04, 0.41, 0.865)),
                near("ipd_step3", "cooperation, highest", 0.94, peak(RATE)),
                near("ipd_step3", "cooperation, end", 0.57, final(RATE)),
            ),
        ),
    ),
)


def figures_named(name: str) -> list[Figure]:
    """The figure called ``name``, or all.

    Raises:
        UserError: if there is no such figure.
    """
    found = [figure for figure in FIGURES if name in (figure.name, "all")]
    if not found:
        raise UserError(f"no figure '{name}'; figures: {', '.join(f.name for f in FIGURES)}, all")
    return found


def at_scale(experiment: str, scale: str) -> str:
    """The name of an experiment at a scale.

    Raises:
        UserError: if there is no such scale.
    """
    if scale not in SCALES:
        raise UserError(f"no scale '{scale}'; scales: {', '.join(SCALES)}")
    return experiment + SCALES[scale]
