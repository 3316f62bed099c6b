"""Every way of learning that is compared here, and what it has to assume of its co-players."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Assumes:
    """What a method has to know or take for granted; everything else it does without.

    Attributes:
        weights: it reads its co-player's parameters while it learns.
        rule: it has a rule built in by which its co-player is taken to learn.
        payoffs: it knows what its co-player is paid.
        timescales: co-players learn between inner episodes, while it learns from whole meta-episodes only.
        batch: it knows which games share a co-player that learns from all of them.
        derivatives: it differentiates through a co-player's gradient.
        diversity: it needs a population of co-players that differ, to have something to infer.
    """

    weights: bool = False
    rule: bool = False
    payoffs: bool = False
    timescales: bool = False
    batch: bool = False
    derivatives: bool = False
    diversity: bool = False


@dataclass(frozen=True)
class Method:
    """A way of learning among learners.

    Attributes:
        title: as papers call it.
        source: who proposed it.
        assumes: what it needs.
        pairs: its name in ``record.LEARNERS``, if it is there.
        returns: what ``train.returns`` is for it, if that is how an experiment runs it.
        setting: another setting of ``train`` by which an experiment runs it.
    """

    title: str
    source: str
    assumes: Assumes
    pairs: str | None = None
    returns: str | None = None
    setting: str | None = None


LOLA = Assumes(weights=True, rule=True, payoffs=True, derivatives=True)
LOLA_PAPER = "Foerster et al. 2018, arXiv 1709.04326"
MFOS_PAPER = "Lu et al. 2022, arXiv 2205.01447"
COALA_PAPER = "Meulemans et al. 2025, arXiv 2410.18636"

METHODS: dict[str, Method] = {
    "in_context": Method(
        "in-context inference, plain policy gradient", "arXiv 2602.16301", Assumes(diversity=True), returns="plain"
    ),
    "naive": Method("naive learner", LOLA_PAPER, Assumes(), pairs="naive"),
    "lola_exact": Method("LOLA, first order, exact values", LOLA_PAPER, LOLA, pairs="lola_exact"),
    "lola_lookahead": Method("LOLA, through the step, exact values", LOLA_PAPER, LOLA, pairs="lola_lookahead"),
    "lola_dice": Method("LOLA-DiCE", "Foerster et al. 2018, arXiv 1802.05098", LOLA, pairs="lola_dice"),
    "alignment": Method(
        "Advantage Alignment",
        "Duque et al. 2025, arXiv 2406.14662",
        Assumes(rule=True, payoffs=True),
        pairs="alignment",
        setting="alignment",
    ),
    "mfos_meta": Method("M-FOS", MFOS_PAPER, Assumes(weights=True, timescales=True), pairs="mfos"),
    "mfos": Method(
        "M-FOS's return",
        MFOS_PAPER,
        Assumes(timescales=True, batch=True, diversity=True),
        returns="mfos",
    ),
    "coala": Method("COALA-PG", COALA_PAPER, Assumes(timescales=True, batch=True, diversity=True), returns="coala"),
    "batch_unaware": Method(
        "batch-unaware COALA-PG", COALA_PAPER, Assumes(timescales=True, diversity=True), returns="batch_unaware"
    ),
}
"""By name; Advantage Alignment's rule is that a co-player does more of what its advantages favour."""

HEADINGS = {
    "weights": "co-player's weights",
    "rule": "its learning rule",
    "payoffs": "its payoffs",
    "timescales": "two timescales",
    "batch": "which games it learns from",
    "derivatives": "second derivatives",
    "diversity": "a mixed population",
}


def table() -> str:
    """Markdown: a row a method, a column an assumption."""
    names = [field.name for field in fields(Assumes)]
    lines = [
        "| method | " + " | ".join(HEADINGS[name] for name in names) + " | source |",
        "|---|" + "---|" * (len(names) + 1),
    ]
    for method in METHODS.values():
        needs = ["yes" if getattr(method.assumes, name) else "" for name in names]
        lines.append(f"| {method.title} | {' | '.join(needs)} | {method.source} |")
    return "\n".join(lines)
