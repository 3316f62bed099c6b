"""Elements of lists can be set and swept; containers of the wrong sort, and huge numbers, are refused by key."""

from pathlib import Path

import pytest

from coop_icl.config import ConfigError, load, read
from coop_icl.config.layers import from_file
from coop_icl.rollouts.setting import build
from coop_icl.stages import plan


def write(folder, text, name="mine"):
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def complaint(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.kind("containers and paths in configs", case="population.mixture.0.weight=2")
def test_an_element_of_a_list_can_be_set():
    before = load("ipd_icl").population.mixture
    mixture = load("ipd_icl", ["population.mixture.0.weight=2"]).population.mixture
    assert mixture == [{**before[0], "weight": 2}, *before[1:]]
    both = load("ipd_icl", ["population.mixture.0.weight=2", "population.mixture.1={name: tft, weight: 3}"])
    assert both.population.mixture == [{**before[0], "weight": 2}, {"name": "tft", "weight": 3}]
    added = load("ipd_icl", ["population.mixture.1.alpha=0.3"]).population.mixture
    assert added[1] == {**before[1], "alpha": 0.3}
    band = "cooperation/learner-learner"
    assert load("ipd_icl", [f"expect.{band}.0=0.5"]).expect[band] == [0.5, 1.0]
    assert load("ipd_icl", ["game.options.observe=[action, reward]", "game.options.observe.1=round"]).game.options[
        "observe"
    ] == ["action", "round"]


@pytest.mark.kind("containers and paths in configs", case="an element that a list lacks")
def test_an_element_that_is_not_there_is_named():
    said = complaint(load, "ipd_icl", ["population.mixture.7.weight=2"])
    assert said == (
        "override 'population.mixture.7.weight=2': population.mixture: got element 7; expected an element from 0 to 1"
    )
    assert "expected a list" in complaint(load, "ipd_icl", ["population.mixture.first.weight=2"])
    assert "expected a list" in complaint(load, "ipd_icl", ["population.mixture.-1.weight=2"])


@pytest.mark.kind("containers and paths in configs", case="a sweep over an element of a list")
def test_elements_of_lists_are_swept():
    jobs = plan("smoke", [], [0], Path("runs"), "population.mixture.0.weight=1,2")
    assert [job.config.population.mixture[0]["weight"] for job in jobs] == [1, 2]
    assert len({job.config.name for job in jobs}) == 2


@pytest.mark.kind("containers and paths in configs", case="a mixture as a map, stages as a map, options as a list")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("population: {mixture: {learner: 1}}", "population.mixture: got {'learner': 1}; expected a list of entries"),
        ("stages: {a: 1}", "stages: got {'a': 1}; expected a list"),
        ("game: {options: [1]}", "game.options: got [1]; expected a mapping of keys to values"),
        ("train: {init: [a]}", "train.init: got ['a']; expected a mapping of keys to values"),
        ("expect: [1]", "expect: got [1]; expected a mapping of keys to values"),
        ("expect: {1: [0, 1]}", "expect: got the key 1; expected text (quote it)"),
        ("population: {mixture: [{name: no}]}", "population.mixture.0.name: got no; expected true, false or text in"),
        ("name: no", "name: got no (YAML reads it as false; quote it); expected text"),
    ],
)
def test_containers_of_the_wrong_sort_are_named_with_file_and_line(text, said, tmp_path):
    path = write(tmp_path, f"claim: none\n{text}")
    assert complaint(load, path).startswith(f"{path}:2: {said}")


@pytest.mark.kind("containers and paths in configs", case="errors of YAML without key or line")
@pytest.mark.parametrize(
    ("text", "line"), [("train:\n  updates: 3\n bad: 1", 3), ("a: [1,\n2", 2), ("a: 1\na: 2", 2), ("a: 1\n\tb: 2", 2)]
)
def test_errors_of_yaml_name_the_line(text, line, tmp_path):
    path = write(tmp_path, text)
    assert complaint(load, path).startswith(f"{path}:{line}: not valid YAML: ")


@pytest.mark.kind("containers and paths in configs", case="errors of range without the file they are in")
def test_errors_of_range_name_the_place_that_set_the_value(tmp_path):
    root = write(tmp_path, "claim: none\ntrain:\n  gamma: 2\n", "root")
    path = write(tmp_path, "base: root\nseed: 0\ntrain: {epochs: 3}\n")
    assert complaint(load, path) == f"{root}:3: train.gamma: got 2.0; expected in [0, 1]"
    assert load(path, ["train.gamma=1"]).train.gamma == 1
    said = complaint(load, path, ["train.gamma=1", "ray.num_env_runners=5"])
    assert said == "override 'ray.num_env_runners=5': ray.blocks: got 2; expected at least ray.num_env_runners"
    other = write(tmp_path, "base: root\ntrain: {gamma: 1}\ngame:\n  options: {rounds: 0}\n", "other")
    assert complaint(plan, other, [], [0], Path("runs")).startswith(f"{other}:4: game: rounds must be at least 1")


@pytest.mark.kind("containers and paths in configs", case="an own experiment with the name of its base")
def test_a_file_may_have_the_name_of_its_base(tmp_path):
    path = write(tmp_path, "base: smoke\ntrain: {updates: 3}\n", "smoke")
    config = load(path)
    assert (config.name, config.train.updates) == ("smoke", 3)
    assert config.game == load("smoke").game


@pytest.mark.kind("wrong advice", case="an unreadable experiment file is 'not valid YAML'")
def test_a_file_that_cannot_be_read_says_why(tmp_path, monkeypatch):
    path = Path(write(tmp_path, "seed: 0"))

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    assert complaint(from_file, path) == f"{path}: cannot be read: Permission denied"


@pytest.mark.kind("given and not used", case="updates: 1:30 read as 90, and 010 as 8")
@pytest.mark.parametrize(("text", "number"), [("1:30", "90"), ("010", "8"), ("-0_7", "-7"), ("1:30.5", "90.5")])
def test_numbers_of_base_60_and_8_are_refused(text, number, tmp_path):
    path = write(tmp_path, f"seed: 0\ntrain:\n  updates: {text}\n")
    assert complaint(load, path).startswith(f"{path}:3: train.updates: got {text}; expected a plain number (YAML reads")
    assert f"as {number})" in complaint(load, path)
    said = complaint(load, "smoke", [f"train.updates={text}"])
    assert said.startswith(f"override 'train.updates={text}': train.updates: got {text}; ")
    assert load(write(tmp_path, f"claim: '{text}'")).claim == text


@pytest.mark.kind("numbers that do not fit", case="hidden_size 1e9, 1e8 episodes, rounds and seeds beyond all bounds")
@pytest.mark.parametrize(
    "words",
    [
        *["model.hidden_size=1000000000", "train.episodes_per_learner=100000000", "game.options.rounds=2000000000"],
        *["train.learners=1000000", f"seed={2**70}", "ray.blocks=100000000", "model.num_layers=100000"],
        *[
            "model.hidden_size=60000",
            "train.episodes_per_learner=9000000 train.learners=4000",
            "ppi.epochs=10000000000",
        ],
    ],
)
def test_what_no_machine_holds_is_refused_before_it_is_made(words, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    said = complaint(plan, "smoke", words.split(), None, Path("/proc/nowhere"))
    assert words.partition("=")[0].partition(".")[0] in said


def test_what_this_machine_holds_is_not_refused():
    loaded = read("smoke", ["model.hidden_size=512", "train.episodes_per_learner=4096", "game.options.rounds=200"])
    assert build(loaded.config).config.model.hidden_size == 512


@pytest.mark.kind("numbers that do not fit", case="a matrix game of 3,000 actions makes tables of terabytes")
def test_games_with_tables_that_fit_nowhere_are_refused():
    from envs.matrix_game import MatrixGame

    payoffs = [[[0.0] * 200] * 200] * 2
    with pytest.raises(ValueError, match="observe: got outcome with 40,001 outcomes and 200 actions; expected parts"):
        MatrixGame(payoffs)
    assert MatrixGame(payoffs, observe=("action", "reward")).spec.observation_size == 201


@pytest.mark.kind("containers and paths in configs", case="references that multiply, levels without end")
@pytest.mark.parametrize(
    "text",
    [
        "\n".join(["a0: &a0 [1]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]),
        f"a: {'[' * 200}{']' * 200}",
        f"claim: {'x' * 2**21}",
    ],
    ids=["references", "levels", "length"],
)
def test_files_that_take_forever_to_read_are_refused(text, tmp_path):
    path = write(tmp_path, text)
    assert complaint(load, path).startswith(path)
