"""Cross-play of variations of a game, of files of pairs, and by method: closed forms, and bad input in a line."""

import json

import numpy as np
import pytest
import torch
from hand_made import memory1_policy

from coop_icl.cli import main
from coop_icl.errors import UserError
from coop_icl.evaluation.common_game import common_game
from coop_icl.evaluation.crossplay import crossplay
from coop_icl.evaluation.crossplay_groups import VERDICTS, by_group, judge
from coop_icl.evaluation.entrants import entrants_at
from coop_icl.evaluation.exact import pair_payoffs
from coop_icl.learning_aware.record import record
from coop_icl.learning_aware.world import IPD
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.predictive import OBSERVE, PredictivePolicy
from coop_icl.policy_store import save_policy
from coop_icl.reporting.analyses.crossplay_groups import letters_of
from coop_icl.runs.files import plain
from envs.registry import make_game

ROUNDS = 20
ALLC, ALLD, TFT = (1, 1, 1, 1, 1), (0, 0, 0, 0, 0), (1, 1, 0, 1, 0)
MIXED = ("lola_exact_vs_naive", "naive_vs_lola_exact")
NAMED = {"rounds": ROUNDS}


def export(root, experiment, seed, policies, **options):
    """A finished run of the game with ``options``."""
    run = root / experiment / f"seed_{seed}"
    spec = make_game("ipd_v0", **options).spec
    for name, policy in policies.items():
        save_policy(run / "policies" / "final" / name, policy, "ipd_v0", options, spec, {})
    (run / "config.yaml").write_text("")
    return run


def after_a_part(policy):
    """The same, of observations with another part of one number before its own, which it does not look at."""
    wide, weights = SequencePolicy(policy.config, (1, 5), 2, ROUNDS), policy.state_dict()
    name = "core.rnn.weight_ih_l0"
    wide.load_state_dict({**weights, name: torch.nn.functional.pad(weights[name], (1, 0))})
    return wide


def pairs(path, methods, *seeds, payoffs=IPD):
    """A file of pairs; for each seed the policies of both."""
    rows = [{"seed": seed, "policy": both} for seed, both in enumerate(seeds)]
    path.write_text(json.dumps({"methods": methods, "world": {"payoffs": payoffs}, "seeds": rows}))
    return path


def played(paths, game=NAMED, episodes=4, co_players=(), **chosen):
    entrants = entrants_at(paths, **chosen)
    result = crossplay({label: one.player for label, one in entrants.items()}, co_players, episodes, 0, game)
    return result, entrants


def cells_of(found):
    names = [group["name"] for group in found["groups"]]
    return {(row, to): found["cells"][i][j] for i, row in enumerate(names) for j, to in enumerate(names)}


def test_variations_of_a_game_meet_in_the_one_that_is_named(tmp_path):
    tft = {"learner_0": memory1_policy(TFT, 4 * ROUNDS)}
    runs = [
        export(tmp_path, "plain", 0, {"learner_0": memory1_policy(ALLD, ROUNDS)}, rounds=ROUNDS),
        export(tmp_path, "meta", 0, tft, rounds=4 * ROUNDS, inner_rounds=5),
    ]
    result, entrants = played(runs, co_players=["allc"])
    assert result["options"] == {"rounds": ROUNDS, "observe": ["outcome"]}
    assert result["players"] == ["plain/0/learner_0", "meta/0/learner_0", "allc"]
    assert result["payoff"][0] == pytest.approx([0, 2 / ROUNDS, 2])  # TFT pays once: no inner episode begins anew
    assert result["payoff"][1] == pytest.approx([-1 / ROUNDS, 1, 1])
    with pytest.raises(UserError, match=r"different games; .* or name the game \(--rounds\)"):
        crossplay({label: one.player for label, one in entrants.items()})


def test_who_sees_more_meets_who_sees_less(tmp_path):
    """Outcomes alone are enough beside one that plans, and one that sees its parts in another order."""
    planner = PredictivePolicy(ModelConfig(hidden_size=16, embedding_size=8), (5, 2, 1), 2, ROUNDS)
    planner.reset_parameters(0)
    planner.action_head.bias.data[0] = 500.0  # so sure of C that no plan changes it
    policies = {
        ("outcome",): memory1_policy(TFT, ROUNDS),
        ("reward", "outcome"): after_a_part(memory1_policy(ALLD, ROUNDS)),
        OBSERVE: planner,
    }
    runs = [
        export(tmp_path, f"seen_{len(sight)}", 0, {"learner_0": policy}, rounds=ROUNDS, observe=list(sight))
        for sight, policy in policies.items()
    ]
    result, _ = played(runs, episodes=2)
    cooperation = np.array(result["cooperation"])
    assert cooperation == pytest.approx(np.array([[1, 1 / ROUNDS, 1], [0, 0, 0], [1, 1, 1]]))
    assert result["payoff"][1] == pytest.approx([2 / ROUNDS, 0, 2])


def test_files_of_pairs_are_players(tmp_path):
    record([("lola_exact", "lola_exact"), ("lola_exact", "naive")], [0, 3], 2, tmp_path)
    entrants = entrants_at([tmp_path / "*.json"])
    assert list(entrants) == [
        *(f"lola_exact/{seed}/learner_{player}" for seed in (0, 3) for player in (0, 1)),
        *(f"{name}/{seed}/learner_{at}" for seed in (0, 3) for at, name in enumerate(MIXED)),
    ]
    assert len({one.run for one in entrants.values()}) == 4
    assert list(entrants_at([tmp_path / "*.json"], ["learner_1"], [3])) == [
        "lola_exact/3/learner_1",
        "naive_vs_lola_exact/3/learner_1",
    ]
    row = json.loads((tmp_path / "lola_exact_naive.json").read_text())["seeds"][1]
    tables = np.array(row["policy"])
    result, _ = played([tmp_path / "lola_exact_naive.json"], episodes=400, seeds=[3])
    for own, other in ((0, 1), (1, 0)):
        expected = pair_payoffs(tables[own], tables[other], make_game("ipd_v0").payoffs[0], ROUNDS).mean()
        assert result["payoff"][own][other] == pytest.approx(expected, abs=4.5 * result["payoff_error"][own][other])


def test_methods_are_judged_by_pairs_of_other_runs(tmp_path):
    files = [
        pairs(tmp_path / "nice.json", ["nice", "nice"], [TFT, TFT], [TFT, ALLC]),
        pairs(tmp_path / "bad.json", ["bad", "bad"], [ALLD, ALLD], [ALLD, ALLD], [ALLD, TFT]),
        pairs(tmp_path / "two.json", ["one", "other"], [ALLD, ALLC]),
        pairs(tmp_path / "half.json", ["half", "half"], [ALLC, ALLD]),
    ]
    result, entrants = played(files, co_players=["tft"])
    found = by_group(result, entrants)
    assert plain(found) == found
    assert found["groups"][0] == {"name": "nice", "players": 4, "runs": 2}
    cells, once = cells_of(found), 1 / ROUNDS
    nice = cells["nice", "nice"]
    assert (nice["of"], nice["pairs"], nice["payoff"], nice["verdict"]) == ("other runs", 8, 1, "cooperate")
    assert nice["one_run"] == nice["itself"] == {"payoff": 1, "cooperation": 1}
    # by seed of nice: two TFT, then one and ALLC; of bad: two ALLD, twice, then one and TFT
    losses = [[-once, -once, (1 - once) / 2], [(-once - 1) / 2, (-once - 1) / 2, (-once - 1 + 2) / 4]]
    cell = cells["nice", "bad"]
    assert [one["payoff"] for one in cell["runs"]] == pytest.approx(np.mean(losses, 1), abs=1e-4)
    assert cell["payoff"] == pytest.approx(np.mean(losses), abs=1e-4)
    assert cell["payoff_spread"] == pytest.approx(np.std(np.mean(losses, 1), ddof=1), abs=1e-4)
    assert cell["shares"] == pytest.approx({"is exploited": 5 / 24, "cooperate": 4 / 24, "defect": 15 / 24}, abs=1e-4)
    assert (cell["verdict"], cells["bad", "nice"]["shares"]["exploits"]) == ("defect", cell["shares"]["is exploited"])
    assert (cell["ahead"], cell["behind"]) == pytest.approx((0, 20 / 24), abs=1e-4)
    assert cells["bad", "nice"]["lead"] == -cell["lead"]
    # the two who learned together are all there are of their methods
    one, other = cells["one_vs_other", "other_vs_one"], cells["other_vs_one", "one_vs_other"]
    assert (one["of"], one["verdict"], other["verdict"]) == ("one run", "exploits", "is exploited")
    alone = cells["one_vs_other", "one_vs_other"]
    assert (alone["of"], alone["payoff_spread"], alone["itself"]) == ("itself", None, None)
    assert cells["one_vs_other", "nice"]["shares"] == {"defect": 0.75, "exploits": 0.25}
    assert (cells["tft", "half"]["verdict"], letters_of(cells["tft", "half"])) == ("split", "C/D")
    assert cells["tft", "tft"]["of"] == "itself"


def test_verdicts():
    payoff = np.zeros((2, 2))
    for pair, rates, verdict, back in (
        ((1.1, 0.8), (0.8, 0.9), "cooperate", "cooperate"),
        ((0.1, 0.0), (0.1, 0.15), "defect", "defect"),
        ((0.9, 0.3), (0.3, 0.5), "extorts", "yields"),
        ((1.5, -0.1), (0.3, 0.9), "exploits", "is exploited"),
        ((1.5, 0.0), (0.5, 1.0), "exploits", "is exploited"),
        ((0.5, 0.45), (0.5, 0.5), "mixed", "mixed"),
    ):
        payoff[0, 1], payoff[1, 0] = pair
        cooperation = np.array([[0.5, rates[0]], [rates[1], 0.5]])
        found = judge(payoff, cooperation, 0.0)
        names = list(VERDICTS)
        assert (names[found[0, 1]], names[found[1, 0]]) == (verdict, back)
        assert names[found[0, 0]] == "mixed"


def test_the_command_prints_and_keeps_groups(tmp_path, capsys):
    file = pairs(tmp_path / "pair.json", ["good", "evil"], [ALLC, ALLD], [ALLC, ALLD])
    out = tmp_path / "out"
    arguments = ["crossplay", str(file), "--rounds", "8", "--episodes", "2", "--co-players", "tft", "--out", str(out)]
    assert main([*arguments, "--by", "method"]) == 0
    printed = capsys.readouterr().out
    assert "evil_vs_good exploits good_vs_evil (100% of pairs; 2.00 to -1.00 over all)" in printed
    assert "cooperate with their own kind: good_vs_evil, tft" in printed
    found = json.loads((out / "crossplay_by_method.json").read_text())
    assert cells_of(found)["good_vs_evil", "evil_vs_good"]["pairs"] == 2
    assert json.loads((out / "crossplay.json").read_text())["options"] == {"rounds": 8}
    assert (out / "crossplay_by_method.png").stat().st_size > 1000
    assert main([*arguments[:2], *arguments[2:6], "--learners", "learner_1", "--seeds", "1"]) == 0
    assert "good_vs_evil" not in capsys.readouterr().out


def test_what_does_not_fit_is_refused_in_a_line(tmp_path):
    forms = SequencePolicy(ModelConfig(core="transformer", hidden_size=8), (5,), 2, 10)
    short = export(tmp_path, "short", 0, {"learner_0": forms}, rounds=10)
    noisy = export(tmp_path, "noisy", 0, {"learner_0": memory1_policy(TFT, 10)}, rounds=10, noise=0.1)
    told = SequencePolicy(ModelConfig(hidden_size=16), (5, 10), 2, 10)
    good = pairs(tmp_path / "good.json", ["a", "b"], [TFT, TFT])
    other = pairs(tmp_path / "other.json", ["a", "b"], [TFT, TFT], payoffs=np.ones((2, 2, 2)).tolist())
    for name, text in (("no", "{"), ("list", "[]"), ("few", pairs(tmp_path / "f.json", ["a"], []).read_text())):
        (tmp_path / f"{name}.json").write_text(text)
        with pytest.raises(UserError, match=rf"{name}\.json is no file of `coop-icl baselines`") as caught:
            entrants_at([tmp_path / f"{name}.json"])
        assert "\n" not in str(caught.value)
    pairs(tmp_path / "p.json", ["a", "b"], [TFT, (2, 0, 0, 0, 0)])
    for call, words in (
        (lambda: played([short], {"rounds": 20}), "remembers 10 rounds, not 20"),
        (lambda: played([short, noisy], {"rounds": 10}), "different games"),
        (lambda: played([good], None), r"a game that is named \(--rounds\)"),
        (lambda: played([good], {"rounds": 0}), "rounds must be"),
        (lambda: played([good], {"observe": ["round"]}), "leave out observe"),
        (lambda: played([other]), "a_vs_b/0/learner_0 learned with other payoffs than ipd_v0 has"),
        (lambda: played([good, noisy], learners=["learner_7"]), "choose other --learners or --seeds"),
        (lambda: played([good, noisy], learners=["learner_0", "learner_7"]), "nobody is called 'learner_7'"),
        (lambda: played([tmp_path / "p.json"]), r"p\.json is no file .*five numbers in \[0, 1\]"),
        (lambda: by_group({"game": "public_goods_v0", "options": {}}, {}), "leave out --by"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
    loaded = next(iter(entrants_at([noisy]).values())).player
    with pytest.raises(UserError, match="one is told who its co-player is"):
        common_game({"good": loaded, "told": type(loaded)(told, loaded.info)}, {"rounds": 10})
    assert played([short, noisy], {"rounds": 10, "noise": 0.2})[0]["options"]["noise"] == 0.2
