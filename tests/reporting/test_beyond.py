"""Beyond the paper: what is trained, what is kept of it, and what is shown from the data alone."""

import json
from dataclasses import replace

import pytest

from coop_icl.cli import main
from coop_icl.config import load, names
from coop_icl.errors import UserError
from coop_icl.reporting.beyond import games, ingredients, measuring
from coop_icl.reporting.beyond.axes import AXES, BASE, BOTH, EXPERIMENT, ITEMS, SHARES, WIDTHS, cell
from coop_icl.reporting.beyond.cells import RATE
from coop_icl.reporting.beyond.measuring import lasting
from coop_icl.reporting.beyond.parts import PARTS
from coop_icl.reporting.seed_data import merge
from coop_icl.rollouts.setting import build
from coop_icl.runs.files import read_rows, write_rows
from tests.reporting.runs import finished

LISTED = [(name, variant) for name, variants in ITEMS.items() for variant in variants]
DAMAGED = [
    "",
    "nonsense\n",
    "[1]\n",
    '{"experiment": "x"}\n',
    '{"experiment": "x", "seed": 0, "updates": 1, "rounds": 1, "seconds": 1, "final": {"a": "b"}, "training": {}}\n',
]


def made_up(experiment="ipd_icl", seed=0, rate=0.9, **more):
    return {
        "experiment": experiment,
        "seed": seed,
        "updates": 40,
        "rounds": 3_000_000,
        "seconds": 90.0,
        "commit": "0123456789",
        "final": {RATE: rate, "payoff/learner-learner": rate, "payoff_gap/learners": 0.01, "payoff/learner-naive": 1.2},
        "training": {"update": [20, 40], RATE: [None, rate]},
        "lasting_at": {"update": 20, "rounds": 1_500_000, "seconds": 45.0},
        "probes": {kind: {"cooperation_late": 0.25, "payoff": 1.5} for kind in ("tft", "allc", "alld")},
    } | more


def point(variant, seed, rate):
    """Data of a seed of an ingredient."""
    value = list(variant.value) if isinstance(variant.value, tuple) else variant.value
    row = made_up(EXPERIMENT, seed, rate, axis=variant.axis, value=value, peak=rate + 0.05)
    del row["training"], row["probes"]
    return row


def stored(folder):
    """Something of every part."""
    asked = {"gap": 0.03, "gap_to_known": 0.06, "adapted": 0.5, "adapted_from": 7, "adapted_to_tft": None}
    for name in {setting.experiment for part in PARTS.values() for item in part.items.values() for setting in item}:
        rows = [made_up(name, seed, 0.9 - seed / 10, parameters=13827, asked={"learner_0": asked}) for seed in (0, 1)]
        merge(measuring.path_of(folder, name), rows, ("experiment", "seed"))
    for number, variant in enumerate(dict.fromkeys(variant for _, variant in LISTED)):
        rows = [point(variant, seed, number / 50 + seed / 10) for seed in (0, 1, 2)]
        merge(ingredients.path_of(folder, variant.axis), rows, ("value", "seed"))


def line_of(text, start):
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(("axis", "variant"), LISTED, ids=lambda one: one if isinstance(one, str) else one.setting.runs)
def test_every_value_of_every_ingredient_can_be_trained(axis, variant):
    config = load(EXPERIMENT, variant.setting.words)
    assert config.name == variant.setting.runs
    assert (config == load(EXPERIMENT)) == (variant == BASE)
    setting = build(config)
    assert setting.make_policy(0).num_actions == 2


@pytest.mark.parametrize("axis", AXES.values(), ids=lambda axis: axis.name)
def test_the_own_value_of_an_ingredient_is_that_of_the_experiment(axis):
    assert ITEMS[axis.name][axis.values.index(axis.own)] == BASE
    base, same = load(EXPERIMENT), load(EXPERIMENT, axis.overrides(axis.own))
    base.game.options = {"noise": 0.0} | base.game.options
    same.game.options = {"noise": 0.0} | same.game.options
    assert same == base
    assert list(axis.values) == sorted(axis.values)


def test_share_and_width_together_share_runs_with_each_alone():
    here = {cell(share, width) for share in SHARES for width in WIDTHS}
    assert here & set(ITEMS["share"]) == {cell(share, 0.5) for share in SHARES}
    assert here & set(ITEMS["width"]) == {cell(0.5, width) for width in WIDTHS}
    assert sum(variant.axis == BOTH for variant in here) == (len(SHARES) - 1) * (len(WIDTHS) - 1)
    runs = [variant.setting.runs for variant in {variant for _, variant in LISTED}]
    assert len(runs) == len(set(runs))


@pytest.mark.parametrize("part", PARTS.values(), ids=lambda part: part.name)
def test_what_there_is_no_experiment_for_is_named(part):
    known, missing = part.settings(list(part.items))
    assert {setting.experiment for setting in known} <= set(names())
    assert not set(missing) & set(names())
    assert len(known) == len(set(known))


def test_cooperation_lasts_from_where_it_stays_near_its_end():
    rates = [0.1, 0.85, 0.7, 0.82, None, 0.95, 0.9]
    rows = [{"update": i, "rounds": 10 * i, "seconds": float(i), RATE: rate} for i, rate in enumerate(rates)]
    assert lasting(rows, 0.9) == {"update": 3, "rounds": 30, "seconds": 3.0}
    assert lasting(rows, 0.2) is None
    assert lasting(rows, None) is None


@pytest.mark.parametrize("part", [*PARTS, "all"])
def test_everything_is_drawn_with_and_without_data_and_always_alike(part, tmp_path, capsys):
    pictures = []
    for kind in ("without", "with", "again"):
        folder = tmp_path / kind / "beyond"
        if kind != "without":
            stored(folder)
        assert main(["beyond", part, "--no-train", "--out", str(folder), "--runs", "nowhere"]) == 0
        printed = capsys.readouterr().out
        assert ("not run" in printed) == (kind == "without")
        pictures.append({path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))})
        document = (tmp_path / kind / "beyond.md").read_text()
        assert all(f"(beyond/{name})" in document for name in pictures[-1])
        assert all(f"## {one.title}" in document for one in PARTS.values())
    assert pictures[0].keys() == pictures[1].keys() != set()
    assert all(pictures[0][name] != pictures[1][name] for name in pictures[0])
    assert pictures[1] == pictures[2]


def test_games_show_every_seed_their_mean_and_what_their_learners_do(tmp_path, capsys):
    rows = [made_up(seed=seed, rate=rate) for seed, rate in ((0, 0.8), (2, 0.9))]
    rows[1]["lasting_at"] = None
    merge(measuring.path_of(tmp_path / "beyond", "ipd_icl"), rows, ("experiment", "seed"))
    main(["beyond", "games", "--out", str(tmp_path / "beyond")])
    out = capsys.readouterr().out
    found, *_ = [line for line in out.splitlines() if "prisoner's dilemma" in line and "mixed pool" in line]
    cells = [text.strip() for text in found.strip("|").split("|")]
    assert cells[2:6] == ["0.80 0.90", "0.85 (0.80 to 0.90)"] * 2
    assert cells[6:] == ["0.01 0.01", "-", "naive 1.20", "0.8 -"]
    assert "0.25, 1.50" in out
    assert "SEEDS=0,2" in line_of(out, "| `ipd_icl`")[1]


def test_methods_stand_beside_what_they_assume_and_pairs_of_memory_1_policies(tmp_path, capsys):
    folder = tmp_path / "beyond"
    merge(measuring.path_of(folder, "ipd_mfos"), [made_up("ipd_mfos"), made_up("ipd_mfos", 1, 0.2)], ["seed"])
    (tmp_path / "learning_aware").mkdir()
    found = {"methods": ["naive", "naive"], "updates": 300, "cpu_seconds": 0.4}
    found["seeds"] = [{"seed": 0, "payoff": [1.0, 0.95]}, {"seed": 1, "payoff": [0.0, -0.5]}]
    path = tmp_path / "learning_aware" / "naive_naive.json"
    path.write_text(json.dumps(found))
    assert main(["beyond", "methods", "--out", str(folder)]) == 0
    out = capsys.readouterr().out
    reached, assumed = [line.split("|") for line in out.splitlines() if line.startswith("| M-FOS's return  ")]
    assert [text.strip() for text in reached[-4:-1]] == ["naive 1.20", "1.5 -", "0.8 -"]  # defection is no cooperation
    assert [text.strip() for text in assumed[2:-1]].count("yes") == 3
    pair = line_of(out, "| naive learner")
    assert pair[2:] == ["0.50 ± 0.50", "0.22 ± 0.72", "1 of 2", "300", "0.4"]
    path.write_text('{"methods": ["naive"]}')
    assert main(["beyond", "methods", "--out", str(folder)]) == 2
    assert "naive_naive.json is damaged" in capsys.readouterr().err


def test_each_ingredient_is_a_row_a_value_with_the_command_that_makes_it(tmp_path, capsys):
    folder = tmp_path / "beyond"
    stored(folder)
    main(["beyond", "ingredients", "--out", str(folder)])
    out = capsys.readouterr().out
    for name in ITEMS:
        assert f'`make beyond PART=ingredients TRAIN=1 ARGS="--only {name}"`' in out
    wanted = ingredients.read(folder)[ITEMS["horizon"][1]]
    rates = " ".join(f"{seed['final'][RATE]:.2f}" for seed in wanted)
    assert line_of(out, "| 25 ")[1] == rates
    assert sum(line.startswith("| 0.5 (own)") for line in out.splitlines()) == 2  # share and width


def test_runs_measured_in_several_batches_accumulate(tmp_path, capsys):
    out, (horizon, *_) = tmp_path / "out", ITEMS["horizon"]
    assert horizon.value == 10
    part = PARTS["ingredients"]
    rows = [
        {"update": i, "rounds": i, "seconds": float(i), RATE: rate} for i, rate in ((10, 0.9), (20, 0.35), (40, 0.4))
    ]
    for root, seeds in (("first", (0, 1)), ("second", (1, 3))):
        for seed in seeds:
            run = finished(tmp_path / root, EXPERIMENT, seed, rows, policies=False, overrides=["name=horizon-10"])
            if (root, seed) == ("second", 1):
                run.summary.write_text(run.summary.read_text().replace('"seconds": 40.0', '"seconds": 77.0'))
        finished(tmp_path / root, EXPERIMENT, 5, policies=False)
        part.measure(["horizon"], tmp_path / root, out)
    found = ingredients.read(out)[horizon]
    assert [(seed["seed"], seed["seconds"]) for seed in found] == [(0, 40.0), (1, 77.0), (3, 40.0)]
    assert {seed["experiment"] for seed in found} == {EXPERIMENT}
    assert found[0]["peak"] == 0.9
    assert found[0]["lasting_at"]["update"] == 20
    assert [seed["seed"] for seed in ingredients.read(out)[BASE]] == [5]
    before = {path.name: path.read_text() for path in out.iterdir()}
    part.measure(["horizon", "noise"], tmp_path / "nowhere", out)
    assert before == {path.name: path.read_text() for path in out.iterdir()}


def test_games_are_probed_and_models_are_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measuring, "EPISODES", 8)
    monkeypatch.setattr("coop_icl.reporting.beyond.models.EPISODES", 4)
    finished(tmp_path, "ipd_icl", overrides=["train.learners=2"])
    PARTS["games"].measure(["ipd"], tmp_path, tmp_path / "out")
    (seed,) = measuring.read(tmp_path / "out", "ipd_icl")
    assert set(seed["probes"]) == {"tft", "allc", "alld"}
    met = seed["probes"]["allc"]
    assert met["payoff"] == pytest.approx(2 - met["cooperation"], abs=1e-3)  # by the payoffs
    finished(tmp_path, "ipd_icl_beta", overrides=["train.learners=3", "name=ipd_ingredients", "game.options.rounds=6"])
    PARTS["models"].measure(["gru"], tmp_path, tmp_path / "out")
    (seed,) = measuring.read(tmp_path / "out", "ipd_ingredients")
    policy = build(load("ipd_icl_beta", ["model.hidden_size=8"])).make_policy(0)
    assert seed["parameters"] == sum(weights.numel() for weights in policy.parameters())
    assert set(seed["asked"]) == {"learner_0", "learner_1"}
    for found in seed["asked"].values():
        assert 0 <= found["gap"] <= found["gap_to_known"]
        assert 0 <= found["adapted"] <= 1


@pytest.mark.parametrize("game", ["coin_game", "cleanup", "harvest", "public_goods"])
def test_games_with_co_players_of_their_own_are_probed_with_these(game, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measuring, "EPISODES", 4)
    experiment = f"{game}_icl"
    finished(tmp_path, experiment, overrides=["train.learners=3"])
    PARTS["games"].measure([game], tmp_path, tmp_path / "out")
    (seed,) = measuring.read(tmp_path / "out", experiment)
    assert tuple(seed["probes"]) == measuring.probed(games.game_of(experiment))
    assert len(seed["probes"]) == 3
    shown = games.probes({name: [seed] if name == experiment else [] for name in all_of_games()})
    assert games.TITLES[game] in shown


def all_of_games():
    return [name for game in games.TITLES for name in games.experiments(game)]


def test_redrawn_games_are_asked_for_by_family(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("coop_icl.reporting.beyond.families.EPISODES", 32)
    small = ["train.learners=2", "train.episodes_per_learner=4", "game.options.rounds=5", "model.hidden_size=16"]
    finished(tmp_path, "redrawn_no_pool", overrides=small)
    PARTS["games"].measure(["redrawn"], tmp_path, tmp_path / "beyond")
    (seed,) = measuring.read(tmp_path / "beyond", "redrawn_no_pool")
    payoffs = {name: found["payoff"] for name, found in seed["families"].items()}
    assert payoffs["harmony"] == pytest.approx(0.5, abs=0.15)  # untrained they play at random
    assert payoffs["prisoners_dilemma"] == pytest.approx(0.5, abs=0.15)
    assert payoffs["chicken"] == pytest.approx(0.75, abs=0.15)
    assert payoffs["stag_hunt"] == pytest.approx(0.25, abs=0.15)
    assert main(["beyond", "games", "--out", str(tmp_path / "beyond")]) == 0
    out = capsys.readouterr().out
    (families,) = [part for part in out.split("\n\n") if part.startswith("| late cooperation with each other")]
    shown = line_of(families, "| redrawn_no_pool")
    assert shown[1] == f"{seed['families']['harmony']['late']:.2f}"


@pytest.mark.parametrize("text", DAMAGED)
@pytest.mark.parametrize("name", ["ipd_icl", "ipd_icl_lstm", "ingredients_noise"])
def test_damaged_data_are_one_line(name, text, tmp_path, capsys):
    folder = tmp_path / "beyond"
    folder.mkdir()
    (folder / f"{name}.jsonl").write_text(text)
    assert main(["beyond", "games", "--out", str(folder)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{name}.jsonl is damaged" in error
    assert not (tmp_path / "beyond.md").exists()


def test_games_say_what_inference_is_worth(tmp_path, capsys):
    folder = tmp_path / "beyond"
    assert main(["incentives", "--games", "stag_hunt", "--draws", "4", "--rounds", "3", "--out", str(folder)]) == 0
    capsys.readouterr()
    assert main(["beyond", "games", "--out", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "(beyond/incentives.png)" in out
    assert "coop-icl incentives --games stag_hunt --draws 4 --seed 0 --rounds 3" in out
    assert len([line for line in out.splitlines() if line.startswith("| stag_hunt")]) == 2  # priors
    (folder / "incentives.json").write_text('{"command": "x", "cases": [{}]}')
    assert main(["beyond", "games", "--out", str(folder)]) == 2
    assert "incentives.json is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"probes": {"tft": 3}}, {"asked": []}, {"lasting_at": {"update": 3}}])
def test_data_of_another_shape_are_refused(wrong, tmp_path):
    write_rows(measuring.path_of(tmp_path, "ipd_icl"), [made_up() | wrong])
    with pytest.raises(UserError, match="damaged"):
        measuring.read(tmp_path, "ipd_icl")


def test_a_file_cut_short_is_refused_and_not_overwritten(tmp_path):
    path = measuring.path_of(tmp_path, "ipd_icl")
    merge(path, [made_up(seed=0), made_up(seed=1)], ("experiment", "seed"))
    text = path.read_text()[:-20]
    path.write_text(text)
    with pytest.raises(UserError, match="damaged"):
        merge(path, [made_up(seed=2)], ("experiment", "seed"))
    assert path.read_text() == text


def test_notes_written_by_hand_stay_beside_what_is_generated(tmp_path):
    folder = tmp_path / "beyond"
    (folder / "notes").mkdir(parents=True)
    for name in ("intro", "games"):
        (folder / "notes" / f"{name}.md").write_text(f"Words on {name}.\n")
    main(["beyond", "games", "--out", str(folder)])
    document = (tmp_path / "beyond.md").read_text()
    assert document.startswith("Words on intro.")
    assert document.index("## Other games") < document.index("Words on games.") < document.index("## Other methods")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["cities"], "parts: games, methods, models, ingredients, all"),
        (["ingredients", "--only", "horizn"], "horizon"),
        (["games", "--only", "horizon"], "horizon"),
        (["games", "train.updates=3"], "ray."),
        (["games", "--seeds", "x", "--train"], "seeds"),
    ],
)
def test_wrong_parts_names_settings_and_seeds_are_one_line(arguments, word, tmp_path, capsys):
    assert main(["beyond", *arguments, "--out", str(tmp_path / "beyond")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert word in error
    assert not (tmp_path / "beyond").exists()


def test_what_is_missing_is_trained_in_one_queue_and_what_is_finished_is_kept(tmp_path, monkeypatch, capsys):
    queue = []

    def train_many(planned, runs, jobs):
        queue.append([(job.config.name, job.config.seed, job.config.game.options["rounds"]) for job in planned])
        for job in planned[:-1] if len(queue) == 1 else planned:
            finished(runs, job.experiment, job.config.seed, policies=False, overrides=job.overrides)
        return 7 if len(queue) == 1 else 0

    axis, tiny = AXES["horizon"], ("train.updates=40", "model.hidden_size=8")
    settings = [variant.setting for variant in ITEMS["horizon"]]
    words = [(*axis.overrides(value), *tiny) for value in axis.values]
    quick = [replace(setting, overrides=own) for setting, own in zip(settings, words, strict=True)]
    variants = [replace(one, setting=setting) for one, setting in zip(ITEMS["horizon"], quick, strict=True)]
    monkeypatch.setitem(ITEMS, "horizon", tuple(variants))
    monkeypatch.setitem(PARTS["ingredients"].items, "horizon", tuple(quick))
    monkeypatch.setattr("coop_icl.jobs.train_many", train_many)
    arguments = ["beyond", "ingredients", "--train", "--only", "horizon", "ray.num_env_runners=0"]
    arguments += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "beyond")]
    assert main([*arguments, "--seeds", "0"]) == 7
    names = ["horizon-10", "horizon-25", "horizon-50", EXPERIMENT, "horizon-200"]
    assert queue == [[(name, 0, rounds) for name, rounds in zip(names, axis.values, strict=True)]]
    path = ingredients.path_of(tmp_path / "beyond", "horizon")
    assert [(row["value"], row["seed"]) for row in read_rows(path)] == [
        (10, 0),
        (25, 0),
        (50, 0),
    ]  # the last one failed
    assert main([*arguments, "--seeds", "0,1", "ray.learner_threads=1"]) == 0  # where it ran does not count
    assert [job[:2] for job in queue[1]] == [("horizon-200", 0), *((name, 1) for name in names)]
    assert "4 of 10 runs are finished" in capsys.readouterr().out
    assert {(row["value"], row["seed"]) for row in read_rows(path)} == {
        (v, s) for v in (10, 25, 50, 200) for s in (0, 1)
    }
    assert main([*arguments, "--seeds", "0,1"]) == 0
    assert len(queue) == 2
