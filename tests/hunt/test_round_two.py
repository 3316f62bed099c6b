"""Second round of public bug reports from other trackers: configuration, logging and storage, tried on this project."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from coop_icl.config import ConfigError, load
from coop_icl.jobs import Job
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import load_policy, save_policy
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.files import plain, to_line, write_json
from coop_icl.runs.recorder import Recorder
from envs.registry import make_game


def complaint(*words):
    with pytest.raises(ConfigError) as caught:
        load("smoke", list(words))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.kind("round two", case="= in the value of a setting (omegaconf#56)")
@pytest.mark.parametrize("value", ["a=b", "=b", "a==b=", "x=[1]"])
def test_values_may_hold_equals_signs(value):
    assert load("smoke", [f"claim={value}"]).claim == value


@pytest.mark.kind("round two", case="# in the value of a setting (hydra#2705)")
def test_what_yaml_would_leave_out_is_refused():
    assert "claim: got 'a' and a comment; expected quotes around text with #" in complaint("claim=a #b")
    assert "claim: got None and a comment" in complaint("claim=#b")
    assert "and a comment" in complaint("train.updates=5 # few")
    assert load("smoke", ["claim='a #b'"]).claim == "a #b"
    assert load("smoke", ["claim=a#b"]).claim == "a#b"


@pytest.mark.kind("round two", case="keys with dots in a file (omegaconf#152, hydra#913)")
def test_dotted_keys_of_a_file_say_how_to_nest_them(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("base: smoke\ntrain.lr.start: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    assert str(caught.value) == (
        f"{path}:2: unknown key 'train.lr.start'; expected a key a level (train: {{lr: {{start: ...}}}})"
    )


@pytest.mark.kind("round two", case="keys and names that begin with a digit (hydra#2674)")
def test_names_may_begin_with_a_digit():
    config = load("smoke", ["name=20s", "expect.20s_labels=[0, 1]"])
    assert (config.name, config.expect["20s_labels"]) == ("20s", [0, 1])


@pytest.mark.kind("round two", case="NaN in JSON that only Python reads (netket#441, ludwig#3129, vscode-dvc#2733)")
def test_written_json_is_json(tmp_path):
    def refuse(word):
        raise ValueError(word)

    values = {"a": math.nan, "b": [math.inf, 1.0], "c": np.array([-np.inf]), "d": {"e": np.float32("nan")}}
    write_json(tmp_path / "a.json", values)
    for text in ((tmp_path / "a.json").read_text(encoding="utf-8"), to_line(values)):
        assert json.loads(text, parse_constant=refuse) == {"a": None, "b": [None, 1.0], "c": [None], "d": {"e": None}}


@pytest.mark.kind("round two", case="NaN in JSON that only Python reads (netket#441, ludwig#3129, vscode-dvc#2733)")
def test_all_committed_json_is_json():
    def refuse(word):
        raise ValueError(word)

    files = sorted((Path(__file__).parents[2] / "docs").rglob("*.json"))
    assert files
    for file in files:
        json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.kind("round two", case="numbers of numpy cannot be written (numpy scalars in JSON and YAML)")
def test_numbers_of_numpy_are_numbers():
    assert plain({"a": np.float64(0.5), "b": np.int8(3), "c": np.bool_(True)}) == {"a": 0.5, "b": 3, "c": True}


@pytest.mark.kind("round two", case="steps after a resume are drawn twice (pytorch#42379)")
def test_curves_of_a_resumed_run_have_each_step_once(tmp_path):
    with RunDirectory.create(tmp_path, "smoke", 0) as run:
        for resumed, updates in ((None, (1, 2, 3, 4)), (2, (3, 4, 5))):
            with Recorder(run, {"seed": 0}, ["learner"], resumed) as recorder:
                for update in updates:
                    recorder.row(update, update, update, {"cooperation/learner-learner": update / 10})
    found = EventAccumulator(str(run.tensorboard), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in found.Scalars("cooperation/learner-learner")] == [1, 2, 3, 4, 5]


@pytest.mark.kind("round two", case="figures that are not finite end the logging (pytext#1206)")
def test_figures_that_are_not_finite_are_logged(tmp_path):
    with RunDirectory.create(tmp_path, "smoke", 0) as run, Recorder(run, {"seed": 0}, ["learner"]) as recorder:
        row = recorder.row(1, 1, 1.0, {"learning/learner_0/kl": math.inf}, {"learner-learner": np.array([np.nan])})
    assert row["learning/learner_0/kl"] is None


@pytest.mark.kind("round two", case="weights that lie in memory otherwise, or are shared (safetensors#469, #98)")
def test_weights_are_saved_however_they_lie_in_memory(tmp_path):
    game = make_game("ipd", rounds=5)
    policy = SequencePolicy(ModelConfig(hidden_size=8), [width for _, width in game.spec.features], 2, 5)
    policy.reset_parameters(0)
    for head in (policy.action_head, policy.value_head):
        head.weight = torch.nn.Parameter(torch.randn(head.weight.shape[::-1]).T)
    assert not policy.action_head.weight.is_contiguous()
    policy.value_head.weight = torch.nn.Parameter(policy.action_head.weight.data[:1])  # part of another one
    save_policy(tmp_path / "p", policy, "ipd_v0", {"rounds": 5}, game.spec, {})
    again = load_policy(tmp_path / "p").policy.state_dict()
    for name, weight in policy.state_dict().items():
        assert torch.equal(again[name], weight), name


@pytest.mark.kind("round two", case="each of several runs takes all cores (godot_rl_agents#266, vllm#45124)")
def test_runs_at_once_share_the_cores(tmp_path):
    job = Job("smoke", (), load("smoke"))
    assert "ray.learner_threads=3" in job.arguments(tmp_path, 3, 4)
    own = Job("smoke", ("ray.learner_threads=7",), load("smoke", ["ray.learner_threads=7"]))
    words = own.arguments(tmp_path, 3, 4)
    assert words.index("ray.learner_threads=7") > words.index("ray.learner_threads=3")  # a later word wins
