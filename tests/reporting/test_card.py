"""Model cards: what the files say, escaped, and nothing that they do not say."""

import json
import re

import pytest

from coop_icl.cli import main
from coop_icl.errors import UserError
from coop_icl.evaluation import Effort, evaluate
from coop_icl.evaluation.analyses import select
from coop_icl.evaluation.asking import ask
from coop_icl.evaluation.kept import file_of, keep
from coop_icl.evaluation.subjects import subjects_of
from coop_icl.reporting.card import card, escaped, write_cards
from tests.evaluation.exported import GAMES, export, export_run
from tests.reporting.runs import finished

FEW = Effort(episodes=4, seed=2)
HOSTILE = "<script>alert(1)</script> [x](http://e) `c` *b* | # \x1b[31m\n## Forged"


def test_a_card_of_a_run_says_how_it_was_trained_and_what_was_found(tmp_path):
    run = finished(tmp_path, "smoke", seed=3)
    assert main(["evaluate", str(run.path), "--episodes", "4", "--seed", "2"]) == 0
    text = (run.policies / "final" / "learner_1" / "MODEL_CARD.md").read_text()
    for words in ("# learner_1 of smoke, seed 3", "`ipd_v0`", "abcdef0123", "updates: 40", "rounds: 4,000", "ppo"):
        assert words in text
    assert re.search(r"\| cooperation/learner-tabular \| 0.250 ", text)
    found = evaluate(run.path, ["probes"], ["learner_1"], FEW)["probes"]["learner_1"]
    for row in found["probes"]:
        line = next(line for line in text.splitlines() if line.startswith(f"| {row['co_player']} "))
        assert f"{row['payoff']:.2f}" in line
    assert "(episodes 4, seed 2)" in text
    assert "means over 4 episodes" in text
    assert "fellows" in text


def test_a_card_follows_the_evaluation(tmp_path):
    export_run(tmp_path)
    subject = subjects_of(tmp_path)[0]
    (file, _) = write_cards(tmp_path, subjects_of(tmp_path))
    assert "None yet" in file.read_text()
    assert "Not measured: probes" in file.read_text()
    assert "no claim, seed or metrics are known" in file.read_text()
    for effort in (FEW, Effort(episodes=5)):
        (answer,) = ask([subject], select(["probes"]), effort)
        keep(tmp_path, answer, effort)
        write_cards(tmp_path, [subject])
        assert f"(episodes {effort.episodes}, seed {effort.seed})" in file.read_text()
    export(subject.loaded.info.folder, seed=9)
    write_cards(tmp_path, subjects_of(tmp_path, ["learner_0"]))
    assert "None yet" in file.read_text()  # what was found was of other weights


def test_a_policy_on_its_own_and_in_its_run(tmp_path):
    run = finished(tmp_path, "smoke")
    folder = run.policies / "final" / "learner_0"
    assert main(["evaluate", str(folder), "--episodes", "4"]) == 0
    assert "experiment: `smoke`, seed 0" in (folder / "MODEL_CARD.md").read_text()
    alone = tmp_path / "elsewhere"
    folder.rename(alone)
    write_cards(alone, subjects_of(alone))
    assert "experiment" not in (alone / "MODEL_CARD.md").read_text().split("## Limits")[0]


@pytest.mark.parametrize("game", GAMES)
def test_every_game_has_cards(game, tmp_path):
    export_run(tmp_path, game)
    for file in write_cards(tmp_path, subjects_of(tmp_path)):
        code = re.search(r"```python\n(.*?)```", file.read_text(), re.DOTALL)[1]
        exec(code.replace('read("', f'read("{file.parent.parent}/'), {})  # what it says of loading works


def test_what_is_hostile_stays_text(tmp_path):
    export(tmp_path / "learner_0", provenance={"command": HOSTILE})
    (subject,) = subjects_of(tmp_path)
    entry = {"settings": {HOSTILE: HOSTILE}, "skipped": HOSTILE}
    text = card(subject, None, {"probes": entry})
    assert "\x1b" not in text
    assert "\n## Forged" not in text
    prose = re.sub(r"`[^`]*`", "", text)
    assert not re.search(r"(?<!\\)<script", prose)
    assert escaped("a_b <i> [l](u)") == "a_b \\<i\\> \\[l\\](u)"


def test_answers_of_another_form_are_refused(tmp_path):
    export_run(tmp_path)
    (answer,) = ask(subjects_of(tmp_path, ["learner_0"]), select(["probes"]), FEW)
    keep(tmp_path, answer, FEW)
    file = file_of(tmp_path, "probes")
    content = json.loads(file.read_text())
    content["learners"]["learner_0"]["result"] = {"probes": [{"co_player": 3}], "meetings": 1}
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"evaluation/probes\.json .*; delete it"):
        write_cards(tmp_path, subjects_of(tmp_path))
