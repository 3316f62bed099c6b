"""Cross-play: every figure where it belongs, and bad input refused in a line."""

import json

import numpy as np
import pytest
from hand_made import memory1_policy

from coop_icl.errors import UserError
from coop_icl.evaluation.crossplay import crossplay
from coop_icl.evaluation.entrants import policies_at
from coop_icl.evaluation.exact import pair_payoffs
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import save_policy
from coop_icl.reporting.analyses.crossplay import ANNOTATED, draw_crossplay, table_crossplay, verdict_crossplay
from coop_icl.reporting.crossplay import crossplay_paths
from coop_icl.runs.files import plain
from envs.registry import make_game

ROUNDS = 20
TABLES = {"learner_0": (0, 0, 0, 0, 0), "learner_1": (1, 1, 0.2, 1, 0.2), "learner_2": (0.5,) * 5}
SCRIPTED = {"tft": (1, 1, 0, 1, 0), "allc": (1,) * 5, "random": (0.5,) * 5}


def export(folder, policy, name="ipd_v0", **options):
    options = {"rounds": ROUNDS, **options}
    return save_policy(folder, policy, name, options, make_game(name, **options).spec, {})


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "runs" / "ipd_test" / "seed_3"
    for name, table in TABLES.items():
        export(path / "policies" / "final" / name, memory1_policy(table, ROUNDS))
        export(path / "policies" / "update_10" / name, memory1_policy((0.5,) * 5, ROUNDS))
    (path / "config.yaml").write_text("")
    return path


def test_every_cell_is_the_expected_payoff_of_row_against_column(run):
    result = crossplay(policies_at([run]), list(SCRIPTED), 400, 1)
    tables = [*TABLES.values(), *SCRIPTED.values()]
    assert result["players"] == [*(f"ipd_test/3/{name}" for name in TABLES), *SCRIPTED]
    payoffs = make_game("ipd_v0").payoffs[0]
    for i, one in enumerate(tables):
        for j, other in enumerate(tables):
            expected = pair_payoffs(np.array(one), np.array(other), payoffs, ROUNDS).mean()
            error = result["payoff_error"][i][j]
            assert result["payoff"][i][j] == pytest.approx(expected, abs=4.5 * error + 1e-3)
            assert error < 0.05
    cooperation = np.array(result["cooperation"])
    assert (cooperation[0] == 0).all()
    assert (cooperation[4] == 1).all()
    assert cooperation[2] == pytest.approx(np.full(6, 0.5), abs=0.03)
    assert result["equilibria"]["pure"]
    assert plain(result) == result


def test_seats_are_exchanged_where_they_matter(tmp_path):
    paths = [
        export(tmp_path / name, memory1_policy((p,) * 5, ROUNDS), "bach_or_stravinsky_v0")
        for name, p in (("always_0", 1), ("always_1", 0))
    ]
    result = crossplay(policies_at(paths), ["uniform"], 40)
    table = make_game("bach_or_stravinsky_v0").payoffs
    for a in (0, 1):
        for b in (0, 1):
            assert result["payoff"][a][b] == pytest.approx((table[0][a][b] + table[1][b][a]) / 2)
    assert result["cooperation"][0][2] == 1


def test_policies_of_other_shapes_and_noisy_games_are_played_too(tmp_path):
    options = {"noise": 0.1, "continuation": 0.9}
    for name, config in {
        "gru": ModelConfig(hidden_size=16),
        "gru_24": ModelConfig(hidden_size=24, num_layers=2),
        "lstm": ModelConfig(core="lstm", hidden_size=8),
        "transformer": ModelConfig(core="transformer", hidden_size=8),
    }.items():
        policy = SequencePolicy(config, (5,), 2, ROUNDS)
        policy.reset_parameters(0)
        export(tmp_path / name, policy, **options)
    result = crossplay(policies_at([tmp_path]), ["alld", "grim"], 10)
    assert result["players"] == ["gru", "gru_24", "lstm", "transformer", "alld", "grim"]
    assert np.isfinite(result["payoff"]).all()
    assert np.array(result["cooperation"])[4] == pytest.approx(np.full(6, 0.1), abs=0.12)  # trembles


def test_paths_lead_to_runs_folders_of_runs_checkpoints_and_single_policies(run):
    of_run = [f"ipd_test/3/{name}" for name in TABLES]
    assert (
        list(policies_at([run])) == list(policies_at([run.parent])) == list(policies_at([run.parent / "*"])) == of_run
    )
    update = run / "policies" / "update_10"
    assert list(policies_at([update])) == [f"ipd_test/3@10/{name}" for name in TABLES]
    single = run / "policies" / "final" / "learner_1"
    assert list(policies_at([single, update, single])) == [
        "ipd_test/3/learner_1",
        *(f"ipd_test/3@10/{name}" for name in TABLES),
        "ipd_test/3/learner_1~2",
    ]


def test_the_same_seed_gives_the_same_figures(run):
    one, two, other = (crossplay(policies_at([run]), ["tft"], 6, seed) for seed in (1, 1, 2))
    assert one == two
    assert one["payoff"] != other["payoff"]


def test_the_command_prints_and_keeps_what_it_found(run, tmp_path, capsys):
    out = tmp_path / "a" / "b"
    assert crossplay_paths([run], ["tft"], 8, 0, out) == 0
    printed = capsys.readouterr().out
    assert "ipd_test/3/learner_1" in printed
    assert "equilibrium: " in printed
    assert json.loads((out / "crossplay.json").read_text())["episodes"] == 8
    assert (out / "crossplay.png").stat().st_size > 1000
    assert crossplay_paths([run], [], 2, 0, None) == 0


@pytest.mark.parametrize("size", [2, ANNOTATED + 1])
def test_pictures_and_words(size):
    names, cells = [f"p{i}" for i in range(size)], np.eye(size).tolist()
    found = {"pure": ["p1"], "found": [], "method": "none"}
    keys = ("payoff", "payoff_error", "cooperation", "cooperation_error")
    result = {"players": names, "equilibria": found, **dict.fromkeys(keys, cells)}
    header, rows = table_crossplay(result)
    assert {len(row) for row in rows} == {len(header)}
    assert len(draw_crossplay(result).axes) >= 2
    assert "best responses to themselves: p1" in verdict_crossplay(result)


def test_what_does_not_fit_is_refused_in_a_line(run, tmp_path):
    other = export(tmp_path / "other", memory1_policy((0,) * 5, 10), rounds=10)
    told = SequencePolicy(ModelConfig(hidden_size=16), (5, 10), 2, ROUNDS)
    (tmp_path / "empty").mkdir()
    good = policies_at([run])
    for call, words in (
        (lambda: policies_at([tmp_path / "nowhere"]), "nowhere has no exported policies"),
        (lambda: policies_at([tmp_path / "empty"]), "empty has no exported policies"),
        (lambda: crossplay(policies_at([run, other])), "trained in different games"),
        (lambda: crossplay(good, ["tftt"]), "unknown co-player 'tftt'; did you mean 'tft'"),
        (lambda: crossplay(good, ["frozen"]), "co-player 'frozen'"),
        (lambda: crossplay(good, [], 1), "episodes must be at least 2, got 1"),
        (lambda: crossplay({}), "at least one policy"),
        (lambda: crossplay_paths([run], [], 2, 0, run / "config.yaml"), "is no folder"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
    loaded = next(iter(good.values()))
    mixed = {**good, "told": type(loaded)(told, loaded.info)}
    with pytest.raises(UserError, match="one is told who its co-player is"):
        crossplay(mixed)
