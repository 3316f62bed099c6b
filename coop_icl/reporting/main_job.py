"""``coop-icl results``: the per-seed table, curves, probes and other answers of finished runs, for docs/results/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.evaluation.probing import probe_path
from coop_icl.hints import how_to
from coop_icl.reporting.answers import Runs, collect, text
from coop_icl.reporting.answers_pictures import draw_inference, draw_reasons
from coop_icl.reporting.pictures import adaptation, curves
from coop_icl.runs.files import plain, write_json, write_text
from coop_icl.runs.finding import find_runs
from coop_icl.runs.reading import DONE, provenance_of, rows_of, summary_of

RATE = "cooperation/learner-learner"
REACHED = ("reached_0.9_at", "lowest_after_reaching_0.9")
EPISODES = 256
"""Per probe."""


def write(paths: Sequence[Path], out: Path) -> int:
    """Write main_job.json, main_job.md, probes.json and pictures of all finished runs below ``paths`` into ``out``.

    Raises:
        UserError: if a run is not finished.
    """
    runs = [run for run in find_runs(paths) if run.config.is_file()]
    unfinished = [run.path for run in runs if not run.summary.is_file()]
    if unfinished:
        raise UserError(f"{unfinished[0]} is not finished; continue it with: {how_to('resume', unfinished[0])}")
    rows, histories, probes, answers = [], {}, {}, {}
    for run in runs:
        summary, made = summary_of(run, (*DONE, *REACHED)), provenance_of(run)
        rows.append(_row(summary, made))
        key = (summary["experiment"], summary["seed"])
        histories[key] = rows_of(run)
        probes[key] = _evaluation(run.path)
        answers[key] = collect(run.path)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "main_job.json", json.dumps(plain(rows), indent=1) + "\n")
    write_json(out / "probes.json", {f"{name}/seed_{seed}": _brief(found) for (name, seed), found in probes.items()})
    write_json(out / "curves.json", {f"{name}/seed_{seed}": _curve(h) for (name, seed), h in histories.items()})
    write_text(out / "main_job.md", _markdown(rows, probes))
    curves(histories, out / "curves.png")
    for experiment in dict.fromkeys(name for name, _ in probes):
        found = {seed: result for (name, seed), result in probes.items() if name == experiment}
        adaptation(found, out / f"adaptation_{experiment}.png", experiment)
    _answers({key: learners for key, learners in answers.items() if learners}, out)
    print(f"wrote {len(rows)} runs to {out}")
    return 0


def _answers(asked: Runs, out: Path) -> None:
    """What learners answered, if any were asked: tables, numbers and two pictures."""
    if asked:
        write_text(out / "evaluation.md", text(asked))
        write_json(out / "evaluation.json", {f"{name}/seed_{seed}": of_it for (name, seed), of_it in asked.items()})
        draw_inference(asked, out / "inference.png")
        draw_reasons(asked, out / "reasons.png")


def _evaluation(run: Path) -> dict[str, Any]:
    """The run's probes: as ``make evaluate`` left them, else made now and left there."""
    kept = run / "evaluation.json"
    if not kept.is_file():
        write_json(kept, probe_path(run, episodes=EPISODES))
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
        _markdown([], {("", 0): found})
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{kept} is no evaluation of a run ({reason}); delete it and try again") from None
    return found


def _row(summary: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    return {
        "experiment": summary["experiment"],
        "seed": summary["seed"],
        "cooperation": summary["final"].get(RATE),
        "cooperation_with_tabular": summary["final"].get("cooperation/learner-tabular"),
        "payoff_gap": summary["final"].get("payoff_gap/learners"),
        "reached_0.9_at": summary["reached_0.9_at"],
        "lowest_after_reaching_0.9": summary["lowest_after_reaching_0.9"],
        "seconds": summary["seconds"],
        "rounds": summary["rounds"],
        "updates": summary["updates"],
        "commit": (made.get("git") or {}).get("commit"),
        "command": f"make train EXP={summary['experiment']} SEED={summary['seed']}",
    }


def _brief(result: dict[str, Any]) -> dict[str, Any]:
    """Probes without the curves by round."""

    def strip(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items() if k != "by_round"} for row in rows
        ]

    return {
        "probes": {name: strip(rows) for name, rows in result["probes"].items()},
        "meetings": strip(result["meetings"]),
    }


def _curve(history: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    keys = ("update", "rounds", "seconds", RATE, "cooperation/learner-tabular", "payoff_gap/learners")
    return {key: [None if row.get(key) is None else round(row[key], 4) for row in history] for key in keys}


def _markdown(rows: list[dict[str, Any]], probes: dict[tuple[str, int], dict[str, Any]]) -> str:
    lines = [
        "| experiment | seed | learner-learner cooperation | with tabular | payoff gap | reached 0.9 at update | lowest"
        " after | minutes | rounds | command |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            row["experiment"],
            str(row["seed"]),
            *(_number(row[key]) for key in ("cooperation", "cooperation_with_tabular", "payoff_gap")),
            str(row["reached_0.9_at"] or "never"),
            _number(row["lowest_after_reaching_0.9"]),
            f"{row['seconds'] / 60:.1f}",
            f"{row['rounds'] / 1e6:.1f}M",
            f"`{row['command']}`",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "Probes: cooperation over the episode -> late (rounds 71 to 90 of 100), mean payoff a round.",
        "",
    ]
    kinds = [row["co_player"] for row in next(iter(next(iter(probes.values()))["probes"].values()))]
    lines += ["| run | learner | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 2) + "|"]
    for (experiment, seed), result in probes.items():
        for name, found in result["probes"].items():
            cells = [f"{r['cooperation']:.2f} -> {r['cooperation_late']:.2f}, {r['payoff']:.2f}" for r in found]
            lines.append(f"| {experiment} {seed} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
