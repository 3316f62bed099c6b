"""Model cards: ``MODEL_CARD.md`` in the folder of an exported policy, from what its files say and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from coop_icl.errors import UserError
from coop_icl.evaluation.analyses import ANALYSES
from coop_icl.evaluation.analysis import Subject
from coop_icl.evaluation.kept import kept
from coop_icl.reporting.presenting import told
from coop_icl.reporting.run_data import RunData, run_around
from coop_icl.reporting.tables import markdown, printable, sentence
from coop_icl.runs.files import write_text

CARD = "MODEL_CARD.md"
FIGURES = (
    *("cooperation/learner-learner", "cooperation/learner-tabular"),
    *("payoff/learner-learner", "payoff/learner-tabular", "payoff_gap/learners"),
)
"""Of the end of training, with those that the experiment makes a claim about."""
LONG = 40
"""Rows of a table that are shown."""
Entries = Mapping[str, Mapping[str, Any]]


def write_cards(path: Path, subjects: Iterable[Subject]) -> list[Path]:
    """A card for each policy at ``path``, with what is kept of its evaluation; an older one is replaced.

    Raises:
        UserError: if a file of the run or of the evaluation is damaged, or a card cannot be written.
    """
    data = run_around(path)
    places = [path] if data is None or data.run.path == path.resolve() else [path, data.run.path]
    written = []
    for subject in subjects:
        found = {name: next(filter(None, (kept(place, name, subject) for place in places)), None) for name in ANALYSES}
        file = subject.loaded.info.folder / CARD
        try:
            write_text(file, card(subject, data, {name: entry for name, entry in found.items() if entry is not None}))
        except OSError as error:
            raise UserError(f"{file} cannot be written ({error.strerror}); copy the run to a place of yours") from None
        written.append(file)
    return written


def card(subject: Subject, data: RunData | None, entries: Entries) -> str:
    """The text of a card; ``entries`` are kept answers by analysis."""
    sections = {
        "Game": _game(subject),
        "Training": _training(subject, data),
        "Evaluation": _evaluation(entries),
        "Limits": _limits(subject, data, entries),
        "Loading": _loading(subject),
    }
    origin = f" of {data.config.name}, seed {data.config.seed}" if data else ""
    title = f"# {escaped(subject.name + origin)}\n\nA policy for `{_code(subject.loaded.info.game_name)}`."
    return "\n\n".join([title, *(f"## {name}\n\n{text}" for name, text in sections.items())]) + "\n"


def escaped(text: Any) -> str:
    """``text`` in one line, as Markdown that shows it as it is."""
    return re.sub(r"([\\`*\[\]<>|#&]|(?<!\w)_|_(?!\w))", r"\\\1", printable(str(text)))


def _code(text: Any) -> str:
    return printable(str(text)).replace("`", "'")


def _list(facts: Iterable[tuple[str, Any]]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts if value not in (None, ""))


def _game(subject: Subject) -> str:
    spec, info = subject.game().spec, subject.loaded.info
    observed = ", ".join(f"{name} ({width})" for name, width in info.features)
    return _list(
        [
            ("name", f"`{_code(spec.name)}`"),
            ("options", f"`{_code(json.dumps(info.game_options))}`" if info.game_options else ""),
            ("players, actions", f"{spec.num_players}, {spec.num_actions}"),
            ("rounds", spec.max_rounds),
            ("observes", escaped(observed)),
        ]
    )


def _training(subject: Subject, data: RunData | None) -> str:
    model = subject.policy.config
    weights = sum(parameter.numel() for parameter in subject.policy.parameters())
    shape = f"{model.core}, {model.hidden_size} units, {model.num_layers} layer{'s' * (model.num_layers > 1)}"
    facts: list[tuple[str, Any]] = [
        ("model", f"{shape}, {weights:,} weights"),
        ("weights, sha256", f"`{subject.loaded.info.sha256}`"),
    ]
    if data is None:
        provenance = {key: value for key, value in subject.loaded.info.provenance.items() if key != "versions"}
        return _list([*facts, ("provenance", f"`{_code(json.dumps(provenance))}`")])
    config, summary = data.config, data.summary or {}
    mixture = [f"{entry['name']} ({entry.get('weight', 1.0):g})" for entry in config.population.mixture]
    facts += [
        ("experiment", f"`{_code(config.name)}`, seed {config.seed}"),
        ("claim of the experiment", escaped(config.claim)),
        ("algorithm", f"{escaped(config.train.algorithm)}, {config.train.learners} learners"),
        ("population, by weight", escaped(", ".join(mixture))),
        ("updates", _count(summary.get("updates"))),
        ("rounds", _count(summary.get("rounds"))),
        ("commit", escaped(data.commit) if data.commit else None),
        ("command", f"`{_code(data.provenance['command'])}`" if "command" in data.provenance else None),
        ("started", escaped(data.provenance["started"]) if "started" in data.provenance else None),
    ]
    final = summary.get("final", {})
    figures = [(tag, f"{final[tag]:.3f}") for tag in dict.fromkeys([*FIGURES, *config.expect]) if tag in final]
    table = f"\n\nOver the last tenth of training, all learners:\n\n{markdown(('figure', 'value'), figures)}"
    return _list(facts) + (table if figures else "")


def _evaluation(entries: Entries) -> str:
    parts = []
    for name, entry in entries.items():
        if "result" not in entry:
            parts.append(f"### {name}\n\nNot asked: {escaped(entry['skipped'])}.")
            continue
        verdict, table = told(name, entry["result"])
        settings = ", ".join(f"{key} {value}" for key, value in entry["settings"].items())
        header, rows = table
        rest = f"\n\n{len(rows) - LONG} more rows are in `evaluation/{name}.json`." if len(rows) > LONG else ""
        parts.append(
            f"### {sentence(ANALYSES[name].title)}\n\n{escaped(verdict)} ({escaped(settings)})\n\n"
            f"{markdown(header, rows[:LONG])}{rest}"
        )
    return "\n\n".join(parts) or "None yet; `coop-icl evaluate` fills this in."


def _limits(subject: Subject, data: RunData | None, entries: Entries) -> str:
    spec = subject.game().spec
    limits = [
        f"Trained in `{_code(spec.name)}` of {spec.max_rounds} rounds with the observations above; nothing here says "
        "what it does in another game or with another length.",
    ]
    if data is not None:
        kinds = ", ".join(escaped(entry["name"]) for entry in data.config.population.mixture)
        limits.append(f"In training it met these kinds of co-players only: {kinds}.")
        limits.append(f"One of {data.config.train.learners} learners of one seed; other seeds may differ.")
        if data.summary is None or not data.summary["finished"]:
            limits.append("Its training has not come to its end.")
        if (data.provenance.get("git") or {}).get("dirty"):
            limits.append("The code that trained it had changes that are in no commit.")
    else:
        limits.append("The run that it comes from is not beside it: no claim, seed or metrics are known here.")
    missing = [name for name in ANALYSES if "result" not in entries.get(name, {})]
    if missing:
        limits.append(f"Not measured: {', '.join(missing)}.")
    episodes = sorted({entry["settings"].get("episodes", 0) for entry in entries.values() if "result" in entry})
    if episodes:
        limits.append(f"Figures of the evaluation are means over {' or '.join(map(str, episodes))} episodes a matchup.")
    return "\n".join(f"- {limit}" for limit in limits)


def _loading(subject: Subject) -> str:
    return f"""Weights are safetensors, the description is JSON; nothing is unpickled.

```python
from coop_icl.evaluation.subjects import game_of, read

loaded = read("{_code(subject.name)}")  # the folder that this card is in
game = game_of(loaded)
state = loaded.policy.initial_state(1)
# scores [1, actions], values [1] and the next memory after an observation [1, {sum(subject.policy.parts)}]:
# scores, values, state = loaded.policy.step(observation, state)
```"""


def _count(value: Any) -> str | None:
    return f"{value:,}" if isinstance(value, int) else None
