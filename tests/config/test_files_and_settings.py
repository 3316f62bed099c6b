"""Experiment files: what is accepted, and one line that says what is wrong with the rest."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from coop_icl.cli import main
from coop_icl.config import ConfigError, ExperimentConfig, find, from_mapping, load, names, read, to_yaml
from coop_icl.phase_data import PhaseData
from coop_icl.policy_store import load_policy, save_policy
from coop_icl.populations.registry import make_co_player
from coop_icl.rollouts.pretraining import pretraining
from coop_icl.rollouts.setting import build
from coop_icl.seeding import SeedNode
from envs.registry import make_game


def dotted_keys(node=None, prefix=""):
    """Every key that an experiment file may use; game.options and expect have free ones."""
    node = OmegaConf.to_container(OmegaConf.structured(ExperimentConfig)) if node is None else node
    for key, value in node.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from dotted_keys(value, f"{prefix}{key}.")


KEYS = sorted(dotted_keys())


def write(folder, text, name="mine"):
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return str(path)


def complaint(call, *arguments):
    """The message of the ConfigError, which is one line."""
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def with_policies(name, runs):
    """An experiment, after policies as they were at the start, and data, are where it looks for them."""
    config = load(name, runs=runs)
    needed = [entry["path"] for entry in config.population.mixture if "path" in entry] + list(
        config.train.init.values()
    )
    for path in map(Path, needed):
        setting = build(with_policies(path.parents[3].name, runs))
        game, policy = setting.config.game, setting.make_policy(int(path.name.removeprefix("learner_")))
        save_policy(path, policy, game.name, game.options, setting.game.spec, {})
    for path in config.ppi.data.values():
        game = make_game(config.game.name, **config.game.options)
        PhaseData(path).write(0, pretraining(game, make_co_player("tabular", game), 2, SeedNode(0), False))
    return config


def refused(text, folder, overrides=()):
    """The complaint about a file, when it is loaded or its setting is built, after the file or the word it names."""

    def whole():
        loaded = read(write(folder, text), overrides)
        with loaded.blaming():
            build(loaded.config)

    message = complaint(whole)
    origins = [f"override '{word}': " for word in overrides] + [f"{folder}/mine.yaml:{n}: " for n in range(9)]
    origin = next((origin for origin in origins if message.startswith(origin)), None)
    return message.removeprefix(origin or f"{folder}/mine.yaml: ")


# --- what comes with the project -------------------------------------------------------------------------------------


def test_there_are_experiments():
    assert {"ipd_icl", "smoke"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_experiment_loads_and_builds(name, tmp_path):
    config = with_policies(name, tmp_path)
    assert config.name == name
    assert config.claim
    setting = build(config)
    spec = setting.game.spec
    assert setting.episodes_per_block() * config.ray.blocks == config.train.episodes_per_learner
    assert len(setting.population.learners) == config.train.learners
    drawn = setting.population.draw(setting.block(0, 0), setting.episodes_per_block())
    assert drawn.num_games > 0
    assert setting.make_policy(0).num_actions == spec.num_actions


@pytest.mark.parametrize("name", names())
def test_a_resolved_experiment_is_the_same_experiment(name):
    config = load(name)
    assert from_mapping(OmegaConf.to_container(OmegaConf.create(to_yaml(config))), "again") == config


# --- files, bases and overrides --------------------------------------------------------------------------------------


def test_what_is_left_out_is_the_default_under_the_name_of_the_file(tmp_path):
    expected = ExperimentConfig(name="mine")
    assert load(write(tmp_path, "seed: 0")) == expected


def test_bases_are_inherited_and_overridden_key_by_key(tmp_path):
    write(tmp_path, "claim: old\nseed: 3\nname: root\ntrain: {lr: {start: 0.5}, epochs: 9, clip: 0.3}", "root")
    write(
        tmp_path, "base: root\ntrain: {epochs: 8, lr: {end: 0.1, updates: 4}}\ngame: {options: {rounds: 5}}", "middle"
    )
    config = load(write(tmp_path, "base: middle\nclaim: new\ngame: {options: {noise: 0.1}}"))
    assert (config.name, config.claim, config.seed) == ("mine", "new", 3)
    assert (config.train.epochs, config.train.clip) == (8, 0.3)
    assert (config.train.lr.start, config.train.lr.end, config.train.lr.updates) == (0.5, 0.1, 4)
    assert config.game.options == {"rounds": 5, "noise": 0.1}
    assert load(write(tmp_path, "base: middle\nname: other")).name == "other"


def test_a_mixture_replaces_the_one_of_the_base(tmp_path):
    write(tmp_path, "population: {mixture: [{name: learner, weight: 1}, {name: tft, weight: 1}]}", "root")
    config = load(write(tmp_path, "base: root\npopulation: {mixture: [{name: alld, weight: 2}]}"))
    assert config.population.mixture == [{"name": "alld", "weight": 2}]


def test_a_base_may_be_an_experiment_of_the_project(tmp_path):
    config = load(write(tmp_path, "base: ipd_icl\ntrain: {updates: 3}"))
    expected = load("ipd_icl")
    assert config.train.updates == 3
    assert config.population == expected.population
    assert config.train.gamma == expected.train.gamma


def test_bases_that_lead_back_to_themselves(tmp_path):
    for name, base in (("one", "two"), ("two", "three"), ("three", "one"), ("self", "self")):
        write(tmp_path, f"base: {base}", name)
    for name in ("one", "self"):
        assert "base leads back to itself" in complaint(load, str(tmp_path / f"{name}.yaml"))


def test_overrides_come_last_and_in_order(tmp_path):
    path = write(tmp_path, "seed: 1\ntrain: {epochs: 2}")
    config = load(
        path,
        ["seed=5", "train.epochs=7", "seed=6", "train.lr.start=0.25", "game.options.rounds=9", "name=x", "claim=a=b"],
    )
    assert (config.seed, config.train.epochs, config.train.lr.start, config.name) == (6, 7, 0.25, "x")
    assert config.game.options == {"rounds": 9}
    assert config.claim == "a=b"
    mixture = load(path, ["population.mixture=[{name: tft, weight: 2}]"]).population.mixture
    assert mixture == [{"name": "tft", "weight": 2}]


def test_missing_files_name_the_nearest():
    assert complaint(load, "ipd_icll") == "unknown experiment 'ipd_icll'; did you mean 'ipd_icl'?"
    assert complaint(load, "no/such/file.yaml") == "no experiment file no/such/file.yaml"
    assert "known: " in complaint(find, "qqqqqqq")
    assert "unknown experiment" in complaint(load, "")


def test_a_missing_base_is_named(tmp_path):
    assert complaint(load, write(tmp_path, "base: smokee")) == "unknown experiment 'smokee'; did you mean 'smoke'?"


@pytest.mark.parametrize(
    "text", ["a: [", "\t", "seed: 1\nseed: 2", "{", "seed: !!python/object:os.system 3", "just a word: [}"]
)
def test_not_yaml(tmp_path, text):
    path = write(tmp_path, text)
    message = complaint(load, path)
    assert path in message
    assert "not valid YAML" in message


@pytest.mark.parametrize("text", ["- a", "3", "word"])
def test_not_a_mapping(tmp_path, text):
    path = write(tmp_path, text)
    assert path in complaint(load, path)


def test_not_text(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "not valid YAML" in complaint(load, str(path))


@pytest.mark.parametrize("override", ["train.lr.start=[", "seed=[1", "train.lr={start: 1", "name=..."])
def test_overrides_that_are_not_yaml(override):
    message = complaint(load, "smoke", [override])
    assert message.startswith(f"override '{override}': not valid YAML")


def test_overrides_without_a_value():
    assert complaint(load, "smoke", ["seed"]) == "override 'seed' must have the form key=value"


# --- unknown keys ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "near"),
    [
        ("trian: {epochs: 2}", "trian", "train"),
        ("train: {epoch: 2}", "train.epoch", "train.epochs"),
        ("train: {lr: {strat: 2}}", "train.lr.strat", "train.lr.start"),
        ("model: {hidden: 2}", "model.hidden", "model.hidden_size"),
        ("population: {mixtures: []}", "population.mixtures", "population.mixture"),
        ("ray: {runners: 2}", "ray.runners", "ray.num_env_runners"),
        ("minibatches: 2", "minibatches", "train.minibatches"),
    ],
)
def test_unknown_keys_are_named_with_the_nearest(tmp_path, text, key, near):
    message = complaint(load, write(tmp_path, text))
    assert message == f"{tmp_path}/mine.yaml:1: unknown key '{key}'; did you mean '{near}'?"


def test_unknown_keys_of_bases_and_overrides_name_where_they_are(tmp_path):
    root = write(tmp_path, "sede: 3", "root")
    assert complaint(load, write(tmp_path, "base: root")) == f"{root}:1: unknown key 'sede'; did you mean 'seed'?"
    message = complaint(load, "smoke", ["train.gama=0.5"])
    assert message == "override 'train.gama=0.5': unknown key 'train.gama'; did you mean 'train.gamma'?"
    assert "unknown key 'sede'" in complaint(from_mapping, {"sede": 1}, "runs/x")


@st.composite
def misspelt(draw):
    """A dotted key, one edit away from an existing one: a letter dropped, added, replaced, or two exchanged."""
    key = draw(st.sampled_from(KEYS))
    at = draw(st.integers(0, len(key) - 1))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz_0"))
    edit = draw(st.sampled_from(["drop", "add", "replace", "exchange"]))
    return {
        "drop": key[:at] + key[at + 1 :],
        "add": key[:at] + letter + key[at:],
        "replace": key[:at] + letter + key[at + 1 :],
        "exchange": key[:at] + key[at + 1 : at + 2] + key[at] + key[at + 2 :],
    }[edit]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(misspelt())
def test_every_key_misspelt_by_one_edit_is_refused(key):
    taken_by_others = ("game.options.", "expect.", "ppi.pretraining.", "ppi.data.")  # who refuse them when built
    free = key in KEYS or key.startswith(taken_by_others) or any(not part for part in key.split("."))
    if free or key in ("base",):
        return
    message = complaint(from_mapping, OmegaConf.to_container(OmegaConf.from_dotlist([f"{key}=1"])), "test")
    # the first part that does not exist is the one to complain about
    parts = key.split(".")
    wrong = next(".".join(parts[: i + 1]) for i in range(len(parts)) if ".".join(parts[: i + 1]) not in KEYS)
    assert f"unknown key '{wrong}'" in message


@pytest.mark.parametrize("key", KEYS)
def test_every_key_itself_is_known(key):
    merged = OmegaConf.to_container(OmegaConf.structured(ExperimentConfig(name="x")))
    node = merged
    for part in key.split("."):
        node = node[part]
    mapping = {}
    OmegaConf.update(holder := OmegaConf.create(mapping), key, node, force_add=True)
    assert from_mapping({"name": "x", **OmegaConf.to_container(holder)}, "test").train.learners == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("game: {name: ipdd}", "game: unknown game 'ipdd'"),
        ("game: {options: {rouns: 3}}", "game: unknown option of ipd_v0 'rouns': did you mean 'rounds'?"),
        (
            "base: ppi_smoke\nppi: {pretraining: {ame: x}}",
            "ppi.pretraining: co-player 'tabular' has no option 'ame'; choose one of",
        ),
        ("population: {mixture: [{name: tff}]}", "population.mixture: unknown co-player 'tff'; did you mean 'tft'?"),
        (
            "population: {mixture: [{name: tabular, alpah: 1}]}",
            "population.mixture: co-player 'tabular' has no option 'alpah'; did you mean 'alpha'?",
        ),
    ],
)
def test_options_of_games_and_co_players_are_refused_when_the_setting_is_built(tmp_path, text, message):
    assert refused(text, tmp_path).startswith(message)


# --- wrong types -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("seed=1.5", "seed"),
        ("seed=one", "seed"),
        ("name=null", "name"),
        ("train.learners=2.5", "train.learners"),
        ("train.updates=null", "train.updates"),
        ("train.share_parameters=maybe", "train.share_parameters"),
        ("train.gamma=high", "train.gamma"),
        ("train.lr=0.1", "train.lr: got 0.1; expected keys of its own: start, end, updates"),
        ("train.lr=null", "train.lr: got nothing; expected keys of its own"),
        ("train.lr.start=fast", "train.lr.start"),
        ("train=3", "train: got 3; expected keys of its own: algorithm"),
        ("population=[]", "population: got []; expected keys of its own"),
        ("population.mixture=3", "population.mixture"),
        ("population.mixture=[tft]", "population.mixture.0: got 'tft'; expected an entry {name: ..., weight: ...}"),
        ("game.options=3", "game.options"),
        ("expect.cooperation=3", "expect.cooperation"),
        ("expect.cooperation=[low, high]", "expect.cooperation"),
        ("model.hidden_size=big", "model.hidden_size"),
        ("ray.dashboard=3.5", "ray.dashboard"),
        ("seed=${nowhere}", "nowhere"),
    ],
)
def test_wrong_types(override, named):
    assert named in complaint(load, "smoke", [override])


# --- values out of range: one case for each check --------------------------------------------------------------------

OUT_OF_RANGE = {
    "name=a/b": "name: got '",
    "name='a b'": "name: got '",
    "seed=-1": "seed: got -1; expected at least 0",
    "train.algorithm=dqn": "train.algorithm: got 'dqn'; expected one of ppo, a2c, ppi",
    "train.centring=mean": "train.centring: got 'mean'; expected one of none, batch, kind",
    "ray.mode=parallel": "ray.mode: got 'parallel'; expected one of sync, async",
    **{
        f"train.{key}=0": f"train.{key}: got 0; expected at least 1"
        for key in ("learners", "updates", "episodes_per_learner", "epochs", "minibatches")
    },
    **{f"train.{key}=1.1": f"train.{key}: got 1.1; expected in [0, 1]" for key in ("gamma", "gae_lambda", "td_lambda")},
    "train.gamma=-0.1": "train.gamma: got -0.1; expected in [0, 1]",
    "train.gamma=.nan": "train.gamma: got nan; expected in [0, 1]",
    **{
        f"train.{key}=0": f"train.{key}: got 0.0; expected above 0 and finite"
        for key in ("adam_eps", "reward_scale", "clip", "max_grad_norm")
    },
    "train.reward_scale=.inf": "train.reward_scale: got inf; expected above 0 and finite",
    "train.value_coefficient=-1": "train.value_coefficient: got -1.0; expected at least 0",
    "train.value_coefficient=.nan": "train.value_coefficient: got nan; expected at least 0",
    "train.lr.start=0": "train.lr.start: got 0.0; expected above 0",
    "train.lr.start=.inf": "train.lr.start: got inf; expected above 0 and finite",
    "train.lr.end=-1": "train.lr.end: got -1.0; expected at least 0 and finite",
    "train.entropy.start=-1": "train.entropy.start: got -1.0; expected at least 0 and finite",
    "train.entropy.end=.nan": "train.entropy.end: got nan; expected at least 0 and finite",
    "train.lr={end: 0.1, updates: 0}": "train.lr.updates: got 0; expected at least 1 when train.lr.end is set",
    "ray.num_env_runners=-1": "ray.num_env_runners: got -1; expected at least 0",
    "ray.num_learners=-1": "ray.num_learners: got -1; expected at least 0",
    "ray.num_gpus_per_learner=-1": "ray.num_gpus_per_learner: got -1.0; expected at least 0 and finite",
    "ray.sample_timeout_s=0": "ray.sample_timeout_s: got 0.0; expected above 0 and at most 1e8",
    "ray.blocks=0": "ray.blocks: got 0; expected at least 1",
    "ray.num_env_runners=3": "ray.blocks: got 2; expected at least ray.num_env_runners",
    "ray.num_learners=3": "ray.blocks: got 2; expected at least ray.num_learners",
    "ray.blocks=5": "train.episodes_per_learner: got 256; expected a multiple of ray.blocks",
    "train.minibatches=257": "train.minibatches: got 257; expected at most train.episodes_per_learner",
    "ray={mode: async, num_env_runners: 0}": "ray.mode: got 'async'; expected sync when ray.num_env_runners is 0",
    **{f"log.{key}=0": f"log.{key}: got 0; expected at least 1" for key in ("every", "checkpoint_every", "keep")},
    "log.export_every=-1": "log.export_every: got -1; expected at least 0",
    "expect.cooperation=[1]": "expect.cooperation: got [1.0]; expected [low, high]",
    "expect.cooperation=[0.9, 0.1]": "expect.cooperation: got [0.9, 0.1]; expected [low, high]",
    "population.mixture=[{weight: 1}]": "population.mixture: got {'weight': 1}; expected entries with a name",
    "model.core=rnn": "model.core: got 'rnn'; expected one of",
    "model.hidden_size=0": "model.hidden_size: got 0; expected at least 1",
    # found when the setting is built
    "population.mixture=[]": "population.mixture: population needs at least one entry",
    "population.mixture=[{name: tft, weight: 0}]": "population.mixture: tft: got weight 0; expected a positive number",
    "population.mixture=[{name: tft, weight: .inf}]": "population.mixture: tft: got weight inf; expected a positive",
    "population.mixture=[{name: tft, weight: much}]": "population.mixture: tft: got weight 'much'; expected",
    "population.mixture=[{name: tft}, {name: tft}]": "population.mixture: kinds of co-players must be distinct",
    "model.encoder=cnn": "model.encoder: got 'cnn'; expected one of linear, mlp, conv",
    "model.encoder=conv": "model.encoder: got 'conv'; expected linear or mlp (ipd_v0 shows no grid)",
    "model.encoder_size=0": "model.encoder_size: got 0; expected at least 1",
    "model={encoder: mlp, embedding_size: 3}": "model.embedding_size: got 3; expected 0 with encoder mlp",
    "train.learners=1": "population.mixture: population seats 2 different learners in a game but there are 1;",
    "population.mixture=[{name: tft, learners: 2}]": "population.mixture: learners of 'tft' must be from 1 to 1",
    "population.mixture=[{name: tft, learners: x}]": "population.mixture: tft: got learners 'x'; expected a whole",
    "population.mixture=[{name: learner, learners: 1}]": "population.mixture: learner: got learners 1; expected none",
    "game={name: public_goods, options: {players: 3}}": "population.mixture: population seats 3 different learners in",
    "game.options.rounds=0": "game: rounds must be at least 1, got 0",
    "game.options.rounds=ten": "game: rounds must be a whole number, got 'ten'",
    "game.options.rounds=1.5": "game: rounds must be a whole number, got 1.5",
    "game.options.continuation=1": "game: continuation must be in [0, 1), got 1",
    "game.options.continuation=high": "game: continuation must be a number, got 'high'",
    "game.options.noise=2": "game: noise must be in [0, 1], got 2",
    "game.options.observe=[score]": "game: observe must be distinct parts",
    "game.options.noise=null": "game: noise must be a number, got None",
    "game.options={payoffs: [[a, b], [c, d]]}": "game: payoffs must be numbers of shape [2, n, n]",
    "population.mixture=[{name: extortion, chi: lots}]": "population.mixture: co-player 'extortion': chi must",
    "population.mixture=[{name: random, p: null}]": "population.mixture: co-player 'random': p must be a number",
    "ray.learner_threads=-1": "ray.learner_threads: got -1; expected at least 0",
    **{
        f"ppi.{key}=0": f"ppi.{key}: got 0; expected at least 1"
        for key in ("pretraining_trajectories", "epochs", "batch")
    },
    "ppi.lr=0": "ppi.lr: got 0.0; expected above 0 and finite",
    "ppi.weight_decay=-1": "ppi.weight_decay: got -1.0; expected at least 0 and finite",
    "ppi.beta2=1": "ppi.beta2: got 1.0; expected in [0, 1)",
    "ppi.planner.alpha=0": "ppi.planner.alpha: got 0.0; expected above 0 and finite",
    "ppi.planner.horizon=0": "ppi.planner.horizon: got 0; expected at least 1",
}

OUT_OF_PLACE = {
    "game.options.observe=[outcome]": "game.options.observe: expected [outcome, action, reward] with",
    "game.options.continuation=0.9": "game.options: train.algorithm ppi needs episodes of a fixed length without noise",
    "game.options.noise=0.1": "game.options: train.algorithm ppi needs episodes of a fixed length without noise",
    "model.core=transformer": "model.core: got 'transformer'; expected gru or lstm with train.algorithm ppi",
    "ray.mode=async": "ray.mode: got 'async'; expected sync with train.algorithm ppi",
    "ray.num_learners=2": "ray.num_learners: got 2; expected 0 or 1 with train.algorithm ppi",
    "train.init={learner_0: x}": "train.init: got {'learner_0': 'x'}; expected no policies with",
    "ppi.data={learner_7: x}": "ppi.data: got 'learner_7'; expected learners: learner_0, learner_1",
    "ppi.data={learner_0: nowhere}": "ppi.data: learner_0: no trajectories in ",
    "game={name: redrawn}": "game: train.algorithm ppi needs a matrix game of two players, not redrawn_v0",
    "model={encoder: mlp, embedding_size: 0}": "model.encoder: got 'mlp'; expected linear with train.algorithm ppi",
    "ppi.pretraining.name=nobody": "ppi.pretraining: unknown co-player 'nobody'",
}


@pytest.mark.parametrize("override", OUT_OF_PLACE)
def test_what_ppi_cannot_do_is_refused_before_any_work(tmp_path, override):
    assert refused("base: ppi_smoke", tmp_path, [override]).startswith(OUT_OF_PLACE[override])


def test_data_of_another_game_are_refused(tmp_path):
    game = make_game("ipd_v0", rounds=20)
    PhaseData(tmp_path / "data").write(0, pretraining(game, make_co_player("tft", game), 2, SeedNode(0), False))
    data = f"ppi.data.learner_0={tmp_path / 'data'}"
    assert build(load("ppi_smoke", [data])).config.ppi.data
    for other in ("game.options.rounds=21", "population.opponent_id=true"):
        said = complaint(lambda other=other: build(load("ppi_smoke", [data, other])))
        assert said.startswith("ppi.data: learner_0: ")


def test_data_of_earlier_runs_are_those_of_the_same_seed(tmp_path):
    config = load(write(tmp_path, "ppi: {data: {learner_0: 'one:learner_1'}}"), ["seed=3"], tmp_path / "runs")
    assert config.ppi.data == {"learner_0": str(tmp_path / "runs/one/seed_3/data/learner_1")}


@pytest.mark.parametrize("override", OUT_OF_RANGE)
def test_values_out_of_range(tmp_path, override):
    assert refused("seed: 0", tmp_path, [override]).startswith(OUT_OF_RANGE[override])


def test_a_mixture_of_bare_names_says_what_an_entry_looks_like(tmp_path):
    text = "population: {mixture: [learner, tft]}"
    assert "population.mixture.0: got 'learner'; expected an entry {name: ..., weight: ...}" in refused(text, tmp_path)


def test_paths_of_policies_do_not_depend_on_where_a_worker_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "population: {mixture: [{name: learner}, {name: frozen, path: old/policies/learner_0}]}"
    entry = load(write(tmp_path, text)).population.mixture[1]
    assert entry["path"] == str(tmp_path / "old/policies/learner_0")


def test_what_is_expected_replaces_what_the_base_expects(tmp_path):
    write(tmp_path, "expect: {a: [0, 1], b: [0, 1]}", "root")
    assert load(write(tmp_path, "base: root\nexpect: {b: [1, 2]}")).expect == {"b": [1, 2]}
    assert load(write(tmp_path, "base: root")).expect.keys() == {"a", "b"}


def test_policies_of_earlier_runs_are_those_of_the_same_seed(tmp_path):
    text = (
        'population: {mixture: [{name: frozen, path: "one:learner_1"}]}\ntrain: {init: {learner_0: "two.b:learner_0"}}'
    )
    config = load(write(tmp_path, text), ["seed=3"], tmp_path / "runs")
    assert config.population.mixture[0]["path"] == str(tmp_path / "runs/one/seed_3/policies/final/learner_1")
    assert config.train.init == {"learner_0": str(tmp_path / "runs/two.b/seed_3/policies/final/learner_0")}


def test_a_learner_starts_from_the_policy_it_is_told(tmp_path):
    setting = build(with_policies("ipd_step3", tmp_path))
    for i, path in enumerate(setting.config.train.init.values()):
        exported = load_policy(path).policy.state_dict()
        for name, tensor in setting.make_policy(i).state_dict().items():
            assert torch.equal(tensor, exported[name])


def test_initial_policies_that_do_not_fit_are_refused(tmp_path):
    setting = build(load("ipd_icl"))
    folder = str(save_policy(tmp_path / "old", setting.make_policy(0), "ipd_v0", {}, setting.game.spec, {}))
    init = f"train.init={{learner_0: {folder}}}"
    assert build(load("ipd_icl", [init])).init.keys() == {"learner_0"}
    for other in ("model.hidden_size=32", "model.activation=swish", "game.options.observe=[action]"):
        said = complaint(lambda other=other: build(load("ipd_icl", [init, other])))
        assert said.startswith("train.init: learner_0: ")
        assert "another model or observation" in said
    missing = complaint(lambda: build(load("ipd_icl", ["train.init={learner_1: nowhere}"])))
    assert "train.init: learner_1: " in missing
    assert "nowhere/policy.json is missing" in missing
    assert "train.init: got 'learner_9'; expected learners: learner_0" in complaint(
        load, "ipd_icl", ["train.init={learner_9: nowhere}"]
    )


def test_an_odd_number_of_learners_that_cannot_be_paired_is_found_before_any_work(tmp_path):
    text = "train: {learners: 3, episodes_per_learner: 30}"
    assert "3 learners cannot be dealt into games of 2 in 15 episodes each" in refused(text, tmp_path)
    assert build(load(write(tmp_path, text), ["train.episodes_per_learner=32"])).agents == ((0,), (1,), (2,))


@pytest.mark.parametrize(
    "override",
    [
        "train.gamma=1",
        "train.gamma=0",
        "train.minibatches=256",
        "train.value_coefficient=0",
        "train.entropy.start=0",
        "train.lr={start: 0.1, end: 0, updates: 1}",
        "ray={num_env_runners: 0, mode: sync, blocks: 1}",
        "ray={num_env_runners: 2, mode: async, num_learners: 2}",
        "log.export_every=0",
        "expect.cooperation=[0.9, 0.9]",
        "game.options.continuation=0",
        "game.options.noise=1",
        "population.shuffle_seats=false",
        "population.shuffle_seats=null",
    ],
)
def test_values_at_the_edge_of_their_range(tmp_path, override):
    build(load(write(tmp_path, "seed: 0"), [override]))


def test_seats_are_shuffled_exactly_in_symmetric_games_unless_told(tmp_path):
    path = write(tmp_path, "seed: 0")
    for game, told, expected in (
        ("ipd_v0", "null", True),
        ("bach_or_stravinsky_v0", "null", False),
        ("ipd_v0", "false", False),
        ("bach_or_stravinsky_v0", "true", True),
    ):
        setting = build(load(path, [f"game.name={game}", f"population.shuffle_seats={told}"]))
        assert setting.population.shuffle_seats is expected


# --- kinds of faults that users met ----------------------------------------------------------------------------------


@pytest.mark.kind("given and not used", case="an empty file, only comments, or a base of null")
@pytest.mark.parametrize("text", ["", "{}", "# nothing", "base:", "base: ''", "base: [smoke]"])
def test_files_that_settle_nothing_are_refused(tmp_path, text):
    path = write(tmp_path, text)
    assert path in complaint(load, path)


@pytest.mark.kind("given and not used", case="expect inherited under another claim")
def test_another_claim_inherits_no_bands(tmp_path):
    write(tmp_path, "claim: old\nexpect: {a: [0, 1]}", "root")
    assert load(write(tmp_path, "base: root\nclaim: new")).expect == {}


@pytest.mark.kind("given and not used", case="baselines --updates 0")
@pytest.mark.parametrize("updates", ["0", "-1"])
def test_baselines_of_no_updates_are_refused(updates, tmp_path, capsys):
    assert main(["baselines", "--updates", updates, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"coop-icl: --updates: got {updates}; expected at least 1\n"


@pytest.mark.kind("containers and paths in configs", case="base through a folder cycle")
def test_a_base_through_its_own_folder_leads_back(tmp_path):
    folder = tmp_path / "cyc"
    folder.mkdir()
    path = write(folder, "base: ../cyc/c4", "c4")
    assert "base leads back to itself" in complaint(load, path)


@pytest.mark.kind("values that must not travel", case="${oc.env:...} in files and settings")
@pytest.mark.parametrize("value", ["${oc.env:COOP_SECRET}", "a ${oc.env:COOP_SECRET,x}", "${oc.decode:'1'}"])
def test_nothing_of_the_environment_is_read(tmp_path, value, monkeypatch):
    monkeypatch.setenv("COOP_SECRET", "hidden")
    path = write(tmp_path, f'claim: "{value}"')
    message = complaint(load, path)
    assert path in message
    assert "hidden" not in message
    assert "hidden" not in complaint(load, "smoke", [f"claim={value}"])


@pytest.mark.kind("containers and paths in configs", case="names that are paths or options")
@pytest.mark.parametrize("name", ["..", ".", "-rf", "con/.."])
def test_names_that_lead_elsewhere_are_refused(name):
    assert complaint(load, "smoke", [f"name={name}"]).startswith(f"override 'name={name}': name: got")


@pytest.mark.kind("given and not used", case="settings beside stages")
def test_settings_beside_stages_are_refused_by_key(tmp_path):
    message = complaint(load, write(tmp_path, "stages: [smoke]\nseed: 1\ntrain: {updates: 2}"))
    assert "mine.yaml:1: stages: got seed, train beside it" in message
