"""What can be asked of exported policies, and what is kept of the answers."""

import json

import numpy as np
import pytest

import coop_icl.evaluation as evaluation
from coop_icl.cli import main
from coop_icl.errors import UserError
from coop_icl.evaluation import ANALYSES, Effort, evaluate
from coop_icl.evaluation.analysis import Analysis
from coop_icl.evaluation.asking import ask
from coop_icl.evaluation.crossplay import crossplay
from coop_icl.evaluation.duel import Duel
from coop_icl.evaluation.kept import file_of, keep, kept
from coop_icl.evaluation.probes import meet, probe_suite
from coop_icl.evaluation.probing import probe_path
from coop_icl.evaluation.subjects import policies_of, subjects_of
from coop_icl.reporting.presenting import presenter
from envs.registry import GAMES, MATRIX_GAMES, make_game
from tests.envs.games import needed
from tests.evaluation.exported import export, export_run

FEW = Effort(episodes=6, seed=3)
every_game = pytest.mark.parametrize("game", MATRIX_GAMES)


@every_game
@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_answers_in_plain_data_or_says_why_not(name, game, tmp_path):
    found = evaluate(export_run(tmp_path, game), [name], ["learner_1"], FEW)[name]
    assert list(found) == ["learner_1"]
    result = found["learner_1"]
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    reason = ANALYSES[name].reason_against(subjects_of(tmp_path)[0].game())
    assert reason or "skipped" not in result
    assert "\n" not in reason
    if "skipped" in result:
        assert result == {"skipped": reason}


@pytest.mark.parametrize("name", ANALYSES)
def test_the_same_seed_gives_the_same_answer(name, tmp_path):
    export_run(tmp_path)
    one, two = (evaluate(tmp_path, [name], ["learner_0"], FEW) for _ in range(2))
    assert one == two


def test_the_probes_are_those_of_the_probe_suite(tmp_path):
    export_run(tmp_path, learners=3)
    game = make_game("ipd", rounds=12)
    loaded = {name: one.policy for name, one in policies_of(tmp_path).items()}
    answer = evaluate(tmp_path, effort=FEW)["probes"]["learner_1"]
    suite = probe_suite(loaded["learner_1"], game, episodes=6, seed=3)
    assert [row["payoff"] for row in answer["probes"]] == [one.payoff for one in suite]
    assert [row["second"] for row in answer["meetings"]] == ["learner_0", "learner_2"]
    met = meet(loaded["learner_1"], loaded["learner_2"], game, 6, 3)
    np.testing.assert_allclose(answer["meetings"][1]["by_round"], met.cooperation, atol=1e-4)
    whole = probe_path(tmp_path, episodes=6, seed=3)
    pairs = [(row["first"], row["second"]) for row in whole["meetings"]]
    assert pairs == [("learner_0", "learner_1"), ("learner_0", "learner_2"), ("learner_1", "learner_2")]


def test_what_fails_for_a_reason_is_skipped_with_it(tmp_path):
    def run(subject, effort):
        raise UserError("this needs a library; install it")

    analysis = Analysis("Needs a library", lambda game: "", run)
    (answer,) = ask(subjects_of(export_run(tmp_path), ["learner_0"]), {"broken": analysis}, FEW)
    assert (answer.result, answer.reason) == (None, "this needs a library; install it")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "prbes"], ["prbes", "probes"]),
        (["--learners", "learner_7"], ["learner_7", "learner_1"]),
        (["--against", "tit"], ["tit", "tft"]),
        (["--episodes", "0"], ["episodes", "0"]),
        (["--seed", "-1"], ["seed", "-1"]),
    ],
)
def test_wrong_names_are_refused_before_anything_is_asked(arguments, words, tmp_path, capsys):
    export_run(tmp_path)
    assert main(["evaluate", str(tmp_path), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words), error
    assert not (tmp_path / "evaluation").exists()


def test_the_command_prints_and_keeps_what_it_found(tmp_path, capsys):
    export_run(tmp_path)
    assert main(["evaluate", str(tmp_path), "--episodes", "6", "--seed", "3", "--only", "probes"]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("learner_0", "learner_1", "tft", "alld", "evaluation/probes.json"))
    found = evaluate(tmp_path, effort=FEW)["probes"]
    stored = json.loads(file_of(tmp_path, "probes").read_text())
    assert {name: entry["result"] for name, entry in stored["learners"].items()} == found
    assert stored["game"]["name"] == "ipd"
    for subject in subjects_of(tmp_path):
        entry = kept(tmp_path, "probes", subject)
        assert entry["settings"] == {"episodes": 6, "seed": 3}
    assert json.loads((tmp_path / "evaluation.json").read_text()) == probe_path(tmp_path, episodes=6, seed=3)
    assert sorted(path.name for path in (tmp_path / "evaluation").iterdir()) == ["probes.json"]


def test_answers_of_other_learners_stay_unless_their_weights_have_changed(tmp_path):
    export_run(tmp_path, learners=3)
    for answer in ask(subjects_of(tmp_path), evaluation.analyses.select(["probes"]), FEW):
        keep(tmp_path, answer, FEW)
    export(tmp_path / "policies" / "final" / "learner_2", seed=77)
    first, _, third = subjects_of(tmp_path)
    assert kept(tmp_path, "probes", third) is None
    (again,) = ask([first], evaluation.analyses.select(["probes"]), Effort(episodes=2))
    keep(tmp_path, again, Effort(episodes=2), {"against": ["tft"]})
    stored = json.loads(file_of(tmp_path, "probes").read_text())["learners"]
    assert {name: entry["settings"]["episodes"] for name, entry in stored.items()} == {"learner_0": 2, "learner_1": 6}
    assert stored["learner_0"]["settings"]["against"] == ["tft"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 9}', '{"format": 1, "learners": {"learner_0": 3}}', "[" * 9**5]
)
def test_a_damaged_file_of_answers_is_refused_and_can_be_replaced(text, tmp_path):
    export_run(tmp_path)
    file = file_of(tmp_path, "probes")
    file.parent.mkdir()
    file.write_text(text)
    subject = subjects_of(tmp_path)[0]
    with pytest.raises(UserError, match=r"probes\.json is no kept evaluation .*; delete it"):
        kept(tmp_path, "probes", subject)
    (answer,) = ask([subject], evaluation.analyses.select(["probes"]), FEW)
    keep(tmp_path, answer, FEW)
    assert kept(tmp_path, "probes", subject)["result"] == answer.result


OTHER_GAMES = sorted(set(GAMES) - set(MATRIX_GAMES))


@pytest.mark.parametrize("name", ANALYSES)
@pytest.mark.parametrize("game", OTHER_GAMES)
def test_analyses_answer_in_every_other_game_or_say_why_not(name, game, tmp_path):
    found = evaluate(export_run(tmp_path, game, **needed(game)), [name], ["learner_1"], Effort(episodes=4))[name]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    reason = ANALYSES[name].reason_against(subjects_of(tmp_path)[0].game())
    assert ("skipped" in found["learner_1"]) == bool(reason)
    assert bool(reason) == (name != "probes")
    if name == "probes":
        show = presenter(name)
        show.table(found["learner_1"])
        assert show.verdict(found["learner_1"]).endswith(".")


@pytest.mark.parametrize("game", OTHER_GAMES)
def test_what_is_for_two_players_refuses_other_games_in_one_line(game, tmp_path):
    policies = policies_of(export_run(tmp_path, game, **needed(game)))
    spec = make_game(game, **needed(game)).spec
    seen = spec.grid is None and spec.num_outcomes == 1 + spec.num_actions**2
    for call, fits in (
        (lambda: crossplay(policies, episodes=2), spec.num_players == 2),
        (lambda: Duel(policies["learner_0"]).play(0), spec.num_players == 2 and seen),
    ):
        if fits:
            call()
            continue
        with pytest.raises(UserError) as caught:
            call()
        assert "\n" not in str(caught.value)
