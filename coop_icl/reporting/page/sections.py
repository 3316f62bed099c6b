"""Sections of the report of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from coop_icl.config import to_yaml
from coop_icl.config.paths import portable
from coop_icl.errors import UserError
from coop_icl.evaluation.analyses import ANALYSES
from coop_icl.reporting.page import training
from coop_icl.reporting.page.charts import chart
from coop_icl.reporting.page.html import element, facts, figure, folded, table
from coop_icl.reporting.presenting import presenter, told
from coop_icl.reporting.run_data import RunData
from coop_icl.reporting.tables import sentence
from coop_icl.reporting.verify import Verdict, verdicts_of
from coop_icl.runs.finding import find_runs
from coop_icl.runs.progress import duration

LONG = 40
"""Rows of a table that is shown when asked for."""
Entries = Mapping[str, Mapping[str, Any]]


def claim(data: RunData) -> Element:
    """What the experiment claims, and whether this run shows it."""
    children: list[Element] = [element("p", " ".join(data.config.claim.split()) or "No claim.", class_="claim")]
    try:
        mine = verdicts_of(data.config, [data.run]) if data.summary and data.summary["finished"] else []
    except UserError as error:
        return element("div", *children, element("p", f"Verdict: {error}.", class_="verdict"))
    if not mine:
        why = "the experiment expects no figure" if data.summary else "the run has not ended"
        return element("div", *children, element("p", f"No verdict: {why}.", class_="verdict"))
    passed = all(verdict.word == "pass" for verdict in mine)
    word = element("span", "shown" if passed else "not shown", class_="pass" if passed else "short")
    children.append(element("p", "By this run the claim is ", word, ".", class_="verdict"))
    header = ("figure", "verdict", "this run", "expected", "mean of all seeds here")
    rows = [
        (one.figure, one.word, f"{one.found.mean:.3f}", f"{one.band[0]:g} to {one.band[1]:g}", _of_all(data, one))
        for one in mine
    ]
    return element("div", *children, table("What the experiment expects of its runs", header, rows))


def _of_all(data: RunData, mine: Verdict) -> str:
    """The mean of a figure over the finished seeds beside the run."""
    if mine.figure.startswith("probe/"):
        return "-"
    try:
        every = verdicts_of(data.config, find_runs([data.run.path.resolve().parent]))
    except UserError:  # a seed beside it is damaged
        return "-"
    one = next(verdict for verdict in every if verdict.figure == mine.figure)
    return f"{one.found.mean:.3f} ({len(one.seeds)})"


def over_training(data: RunData, rows: training.Rows, folder: Path) -> list[Element]:
    """Curves of training, and the figures of its end; ``rows`` are of metrics."""
    if not rows:
        return [element("p", "No metrics have been written.", class_="note")]
    found = []
    cooperates = bool(training.kinds_of(rows))
    prefix, what = (training.RATE, "Cooperation rate") if cooperates else (training.PAYOFF, "Payoff a round")
    kinds = training.kinds_of(rows, prefix)
    if kinds:
        ends = ", ".join(f"{training.last_of(rows, prefix + kind):.2f} with {kind}" for kind in kinds)
        caption = f"{what} of learners by kind of co-player. At the end: {ends}."
        name = "cooperation" if cooperates else "payoff"
        picture = chart(lambda: training.draw_by_kind(rows, prefix), name, f"Line chart. {caption}", folder)
        found.append(figure(picture, caption))
    if training.has_gaps(rows):
        last = training.last_of(rows, training.WIDEST)
        caption = (
            "Who earns more when learners meet: a learner that extorts shows above zero, its victims below. "
            f"At the end the best and the worst are {last:.3f} a round apart."
        )
        picture = chart(lambda: training.draw_gap(rows), "payoff_gap", f"Line chart. {caption}", folder)
        found.append(figure(picture, caption))
    summary = data.summary or {}
    pairs = {
        "updates": f"{rows[-1]['update']:,.0f}{'' if summary.get('finished') else ' (unfinished)'}",
        "rounds": f"{rows[-1]['rounds']:,.0f}",
        "time": duration(rows[-1]["seconds"]),
    }
    if cooperates and "reached_0.9_at" in summary:
        pairs["learners cooperate at .9"] = (
            f"from update {summary['reached_0.9_at']}; lowest after that {summary['lowest_after_reaching_0.9']:.2f}"
            if isinstance(summary["reached_0.9_at"], int)
            and isinstance(summary.get("lowest_after_reaching_0.9"), int | float)
            else "never"
        )
    return [*found, facts("Length of training", pairs)]


def analysis(name: str, entries: Entries, folder: Path) -> list[Element]:
    """The answers of an analysis: a sentence a learner, then a picture and a table of each."""
    reasons = {learner: entry["skipped"] for learner, entry in entries.items() if "result" not in entry}
    results = {learner: entry["result"] for learner, entry in entries.items() if "result" in entry}
    found: list[Element] = []
    for reason in dict.fromkeys(reasons.values()):
        who = "" if not results else f"{', '.join(one for one, why in reasons.items() if why == reason)}: "
        found.append(element("p", f"Not asked. {who}{reason}.", class_="note"))
    shown = {learner: told(name, result) for learner, result in results.items()}
    if shown:
        alike = {verdict: [one for one, (v, _) in shown.items() if v == verdict] for verdict, _ in shown.values()}
        pairs = [part for verdict, who in alike.items() for part in (("dt", ", ".join(who)), ("dd", verdict))]
        found.append(element("dl", *(element(tag, text) for tag, text in pairs)))
    for index, (learner, (verdict, cells)) in enumerate(shown.items()):
        picture = _drawn(name, learner, results[learner], verdict, folder)
        caption = f"{sentence(ANALYSES[name].title)}: {learner} ({_settings(entries[learner])})"
        figures = table(f"{name}, {learner}", *cells)
        if len(cells[1]) > LONG:
            figures = folded(f"Table of {len(cells[1])} rows", figures)
        found.append(folded(learner, figure(picture, caption), figures, open_=index == 0))
    return found


def _drawn(name: str, learner: str, result: dict[str, Any], verdict: str, folder: Path) -> Element:
    alt = f"Chart of {name} for {learner}. {verdict}"
    safe = "".join(char if char.isalnum() and char.isascii() else "_" for char in learner)
    try:
        return chart(lambda: presenter(name).draw(result), f"{name}-{safe}", alt, folder)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"evaluation/{name}.json cannot be drawn ({reason}); delete it and try again") from error


def _settings(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in entry["settings"].items())


def settings(data: RunData) -> list[Element]:
    """The resolved experiment."""
    config = element("pre", to_yaml(portable(data.config, data.run.path)))
    return [folded(f"{data.config.name}, seed {data.config.seed}: every setting", config, open_=False)]


def provenance(data: RunData, evaluated: Iterable[Mapping[str, Any]]) -> list[Element]:
    """Where the run and its evaluation come from."""
    pairs = {"commit": data.commit or "not known"}
    for key, value in data.provenance.items():
        if key != "git":
            flat = isinstance(value, Mapping)
            pairs[key.replace("_", " ")] = ", ".join(f"{k} {v}" for k, v in value.items()) if flat else str(value)
    commits = sorted({str((entry.get("made_with") or {}).get("commit")) for entry in evaluated})
    if commits:
        pairs["commit of the evaluation"] = ", ".join(commits)
    return [facts("Of the run", pairs)]


def contents(titles: Mapping[str, str]) -> Element:
    """Links to sections."""
    items = [element("li", element("a", title, href=f"#{name}")) for name, title in titles.items()]
    return element("nav", element("ul", *items), aria_label="Contents")


def section(name: str, title: str, children: Sequence[Element]) -> Element:
    """A section with its heading."""
    return element("section", element("h2", title, id=name), *children)
