"""What interventions on the history show (``evaluation.intervention``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coop_icl.matchups import LEARNER
from coop_icl.reporting.pictures import COLOURS, plt

SHARES = {
    "stops": "goes when it stops being repaid",
    "needs": "needs another opening than TFT's",
    "lingers": "is lost by a bad opening",
}


def draw_intervention(result: Mapping[str, Any]) -> Figure:
    """Late cooperation by opening and present co-player; cooperation by round in the cells of the verdict."""
    figure, (grid, curves) = plt.subplots(1, 2, figsize=(9, 3.4))
    rates, openings, now = _judged(result)
    image = grid.imshow(rates, vmin=0, vmax=1, cmap="cividis")
    for (row, column), rate in np.ndenumerate(rates):
        grid.text(column, row, f"{rate:.2f}", ha="center", va="center", color="w" if rate < 0.6 else "k", fontsize=9)
    grid.set_xticks(range(len(now)), now)
    grid.set_yticks(range(len(openings)), openings)
    grid.set(xlabel="co-player from then on", ylabel=f"opening, {result['judged_at']} rounds")
    grid.set_title(f"cooperation in rounds {result['late'][0]} to {result['late'][1]}", fontsize=10)
    figure.colorbar(image, ax=grid, shrink=0.8)
    for at, (name, line) in enumerate(result["curves"].items()):
        style = "-" if at < len(COLOURS) else "--"
        curves.plot(range(1, len(line) + 1), line, style, label=name, color=COLOURS[at % len(COLOURS)], lw=1.3)
    curves.axvline(result["judged_at"] + 0.5, color="0.5", lw=0.8, ls=":")
    curves.set(xlabel="round", ylabel="cooperation", ylim=(-0.03, 1.03))
    curves.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    curves.grid(alpha=0.25)
    figure.suptitle(f"{result['label']}: {result['meaning']}", fontsize=10)
    figure.tight_layout()
    return figure


def table_intervention(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The three shares by the round of the switch, and those of the references at the one that is judged."""
    header = ("who", "rounds of the opening", *(f"cooperation that {words}" for words in SHARES.values()))
    rows = [("the agent", k, *(_share(found[name]) for name in SHARES)) for k, found in result["shares"].items()]
    for name, reference in result["references"].items():
        shares = (_share(reference["shares"][share]) for share in SHARES)
        rows.append((name, str(result["judged_at"]), *shares))
    return header, rows


def verdict_intervention(result: Mapping[str, Any]) -> str:
    """What the agent's cooperation follows."""
    shares, rate = result["shares"][str(result["judged_at"])], result["with_learners"]["value"]
    if shares["stops"] is None:
        return f"{result['label']}: late in an episode with learners it cooperates at {rate:.2f}, nothing to explain"
    parts = [f"{_share(shares[name])} of it {words}" for name, words in SHARES.items() if shares[name] is not None]
    after = ", ".join(f"{found['value']:.2f} after {name}" for name, found in result["tft_after"].items())
    return (
        f"{result['label']} ({result['meaning']}): it cooperates with learners at {rate:.2f}; {'; '.join(parts)}; with "
        f"TFT at {after}"
    )


def _judged(result: Mapping[str, Any]) -> tuple[np.ndarray, list[str], list[str]]:
    """Late cooperation [openings, present co-players] for the switch that is judged."""
    cells = {
        (cell["opening"], cell["now"]): cell["cooperation"]["value"]
        for cell in result["cells"]
        if cell["switch"] in (0, result["judged_at"])
    }
    openings, now = list(dict.fromkeys(o for o, _ in cells)), list(dict.fromkeys(n for _, n in cells))
    openings.sort(key=lambda name: name != LEARNER)
    return np.array([[cells[opening, one] for one in now] for opening in openings]), openings, now


def _share(share: Mapping[str, float] | None) -> str:
    return "-" if share is None else f"{share['value']:.2f} [{share['low']:.2f}, {share['high']:.2f}]"
