"""Part ``games``: for each game the mixed pool and its control, learners that meet nobody but each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coop_icl.config import load
from coop_icl.reporting import incentives
from coop_icl.reporting.beyond import families
from coop_icl.reporting.beyond.cells import GAP, PAYOFF, RATE, by_seed, final, mean, minutes, spread, with_others
from coop_icl.reporting.beyond.document import picture
from coop_icl.reporting.beyond.measuring import measure, probed, read
from coop_icl.reporting.beyond.panels import GREY, UNIT, dress, grid, over_training
from coop_icl.reporting.beyond.part import Part, Setting
from coop_icl.reporting.paper.document import costs
from coop_icl.reporting.pictures import COLOURS, save
from coop_icl.reporting.seed_data import Seed
from coop_icl.reporting.tables import markdown
from envs.batched import BatchedGame
from envs.registry import make_game

TITLES = {
    "ipd": "prisoner's dilemma",
    "chicken": "chicken",
    "stag_hunt": "stag hunt",
    "bach_or_stravinsky": "Bach or Stravinsky",
    "matching_pennies": "matching pennies",
    "public_goods": "public goods",
    "redrawn": "redrawn payoffs",
    "coin_game": "Coin Game",
    "cleanup": "CleanUp-lite",
    "harvest": "harvest",
    "rps": "rock, paper, scissors (PettingZoo's)",
}
"""Games by the first words of the names of their experiments."""
REDRAWN = "redrawn"
"""The one that is several games."""
MORE = {
    REDRAWN: {"redrawn_dilemmas_no_pool": "no pool, dilemmas only"},
    "coin_game": {"coin_game_tabular": "tabular co-players only"},
}
"""Other experiments of a game, and what their pools are called."""
WIDE = (0.2, 1.0)
"""Priors for which it is shown what inference is worth."""
POOLS = {"icl": "mixed pool", "no_pool": "no pool"}
"""By the last words of these."""
SHOWN = {"rps": ("payoff/learner-biased", "payoff with biased co-players", (-0.1, 0.5))}
"""Tag, words and limits of what is drawn where nobody says what cooperating is; elsewhere it is cooperation."""
PICTURE = "games.png"


def experiments(game: str) -> dict[str, str]:
    """The experiments of a game and what each one's pool is called."""
    return {f"{game}_{pool}": words for pool, words in POOLS.items()} | MORE.get(game, {})


def _measure(items: Sequence[str], runs: Path, folder: Path) -> None:
    for game in items:
        for name in experiments(game):
            measure(name, runs, folder, families.about if game == REDRAWN else None)


def _draw(folder: Path) -> None:
    figure, axes = grid(len(TITLES), 5)
    for axis, (game, title) in zip(axes, TITLES.items(), strict=True):
        tag, y, limits = SHOWN.get(game, (RATE, "cooperation with each other", UNIT))
        for (name, words), colour in zip(experiments(game).items(), (COLOURS[0], GREY, COLOURS[1]), strict=False):
            over_training(axis, read(folder, name), colour, words, tag)
        dress(axis, title, "update", y, limits)
    save(figure, folder / PICTURE)


def _text(folder: Path) -> str:
    data = {name: read(folder, name) for game in TITLES for name in experiments(game)}
    title = "Cooperation with each other over training, a line a seed"
    redrawn = families.table({name: data[name] for name in experiments(REDRAWN)})
    why = incentives.text(folder, WIDE)
    worth = f"{picture(folder, incentives.PICTURE, 'What inference is worth')}\n\n{why}" if why else ""
    parts = [picture(folder, PICTURE, title), results(data), probes(data), redrawn, worth, costs(list(data), data)]
    return "\n\n".join(part for part in parts if part)


def results(data: dict[str, list[Seed]]) -> str:
    """A row an experiment: figures of the last tenth of training."""
    header = (
        *("game", "pool", "cooperation with each other, by seed", "mean (95%)", "payoff with each other, by seed"),
        *("mean (95%)", "payoff gap, by seed", "cooperation with", "payoff with"),
        "minutes until its level lasts, by seed",
    )
    rows = []
    for game, title in TITLES.items():
        for name, pool in experiments(game).items():
            seeds = data[name]
            cells = [cell for of in (final(RATE), final(PAYOFF)) for cell in (by_seed(seeds, of), spread(seeds, of))]
            others = [with_others(seeds, figure) for figure in ("cooperation", "payoff")]
            shown = [*cells, by_seed(seeds, final(GAP)), *others, by_seed(seeds, minutes, 1)]
            shown = shown if seeds else ["not run", *["-"] * 7]
            rows.append((title, pool, *shown))
    return markdown(header, rows)


def probes(data: dict[str, list[Seed]]) -> str:
    """A row an experiment: what its learners do late in an episode with those of ``probed``; empty without any."""
    rows = []
    for game, title in TITLES.items():
        for name, pool in experiments(game).items():
            asked = [seed for seed in data[name] if "probes" in seed]
            cells = []
            kinds = probed(game_of(name)) if asked else ()
            for kind in kinds:
                late, payoff = (
                    mean(asked, lambda seed, kind=kind, key=key: seed["probes"].get(kind, {}).get(key))
                    for key in ("cooperation_late", "payoff")
                )
                cells.append(f"{late}, {payoff}")
            rows += [(title, pool, *cells)] if kinds else []
    roles = ("one who repays cooperation (TFT or the like)", "one who always cooperates", "one who never does")
    header = ("game", "pool", *(f"with {role}: late cooperation, payoff" for role in roles))
    return markdown(header, rows) if rows else ""


def game_of(experiment: str) -> BatchedGame:
    """The game that is played in an experiment."""
    game = load(experiment).game
    return make_game(game.name, **dict(game.options))


GAMES = Part(
    "games",
    "Other games",
    {game: tuple(Setting(name) for name in experiments(game)) for game in TITLES},
    _measure,
    _draw,
    _text,
)
