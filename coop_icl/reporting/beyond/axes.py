"""The ingredients that are varied one by one, and two of them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coop_icl.reporting.beyond.part import Setting

EXPERIMENT = "ipd_ingredients"
"""What they are ingredients of."""
SHARE, WIDTH = 0.5, 0.5
"""Its own share of games with tabular agents, and alpha and beta of these."""
Words = tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """An ingredient.

    Attributes:
        name: on the command line; title: in words; label: of the axis.
        scale: ``log``, ``linear``, or ``even``: values side by side.
        values: in order; own: the one that ``EXPERIMENT`` has.
        overrides: from a value to ``key=value`` words.
    """

    name: str
    title: str
    label: str
    scale: str
    values: tuple[float, ...]
    own: float
    overrides: Callable[[float], Words]


def setting(key: str) -> Callable[[float], Words]:
    """Overrides of one key."""
    return lambda value: (f"{key}={value:g}",)


def mixture(share: float, width: float) -> Words:
    """So much of the games with tabular agents drawn from Beta(width, width), the rest with other learners."""
    learner = f"{{name: learner, weight: {1 - share:g}}}"
    tabular = f"{{name: tabular, weight: {share:g}, alpha: {width:g}, beta: {width:g}}}"
    return (f"population.mixture=[{learner}{f', {tabular}' if share else ''}]",)


AXES = {
    axis.name: axis
    for axis in (
        Axis(
            *("share", "share of games with tabular agents", "share", "linear"),
            *((0.0, 0.1, 0.25, 0.5, 0.75, 0.9), SHARE, lambda value: mixture(value, WIDTH)),
        ),
        Axis(
            *("width", "width of the prior over tabular agents", "alpha = beta (small is wide)", "log"),
            *((0.2, 0.5, 1.0, 2.0, 5.0), WIDTH, lambda value: mixture(SHARE, value)),
        ),
        Axis(
            *("horizon", "rounds of an episode", "rounds", "log"),
            *((10, 25, 50, 100, 200), 100, setting("game.options.rounds")),
        ),
        Axis("discount", "discount", "gamma", "even", (0.9, 0.95, 0.98, 0.99, 1.0), 0.99, setting("train.gamma")),
        Axis(
            *("entropy", "entropy bonus at the start", "coefficient", "log"),
            *((0.003, 0.01, 0.03, 0.1, 0.2), 0.1, setting("train.entropy.start")),
        ),
        Axis(
            *("episodes", "episodes of a learner in an update", "episodes", "log"),
            *((32, 64, 128, 256), 128, setting("train.episodes_per_learner")),
        ),
        Axis("hidden", "hidden size", "units", "log", (8, 16, 32, 64), 32, setting("model.hidden_size")),
        Axis("learners", "number of learners", "learners", "linear", (2, 3, 4, 6, 8), 6, setting("train.learners")),
        Axis(
            *("noise", "chance that an action slips", "noise", "even"),
            *((0.0, 0.01, 0.03, 0.1), 0.0, setting("game.options.noise")),
        ),
    )
}
"""By name."""

BOTH = "share_width"
"""Share and width together."""
SHARES, WIDTHS = (0.25, 0.5, 0.75), (0.2, 0.5, 1.0, 5.0)


@dataclass(frozen=True)
class Variant:
    """``EXPERIMENT`` with one or two ingredients changed.

    Attributes:
        axis: whose file of data it is in: a name of ``AXES``, ``BOTH``, or ``base`` for the experiment itself.
        value: of the ingredient, of both in ``BOTH``, None for the experiment itself.
        setting: what is trained.
    """

    axis: str
    value: float | tuple[float, float] | None
    setting: Setting


BASE = Variant("base", None, Setting(EXPERIMENT))


def variant(axis: Axis, value: float) -> Variant:
    """The experiment with one value of an ingredient."""
    if value == axis.own:
        return BASE
    return Variant(axis.name, value, Setting(EXPERIMENT, axis.overrides(value), f"{axis.name}-{value:g}"))


def cell(share: float, width: float) -> Variant:
    """The experiment with a share and a width, as one of these axes has it if it does."""
    if share == SHARE:
        return variant(AXES["width"], width)
    if width == WIDTH:
        return variant(AXES["share"], share)
    name = f"share-{share:g}-width-{width:g}"
    return Variant(BOTH, (share, width), Setting(EXPERIMENT, mixture(share, width), name))


ITEMS: dict[str, tuple[Variant, ...]] = {
    **{name: tuple(variant(axis, value) for value in axis.values) for name, axis in AXES.items()},
    BOTH: tuple(cell(share, width) for share in SHARES for width in WIDTHS),
}
"""What can be trained by itself, and what is in its picture."""
