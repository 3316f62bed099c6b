"""What the recorder writes, read back with TensorBoard's own reader."""

import json
import time

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.files import read_rows
from coop_icl.runs.recorder import IMAGE, Recorder, flatten

SETTINGS = {"seed": 3, "train": {"lr": {"start": 1e-3, "end": None}}, "mixture": [{"name": "tabular"}]}
VALUES = {
    "cooperation/learner-learner": 0.25,
    "cooperation/learner-tabular": 0.75,
    "cooperation/learner_0/tabular": 0.5,
    "learning/learner_0/entropy": 0.6,
    "speed/rounds_per_second": 8e4,
}
CURVES = {"learner-learner": np.linspace(0, 1, 5), "learner-tabular": np.array([1 / 3])}


@pytest.fixture
def run(tmp_path):
    with RunDirectory.create(tmp_path, "smoke", 0) as directory:
        yield directory


def record(run, updates, resumed_at=None, **options):
    with Recorder(run, SETTINGS, ["learner", "learner", "tabular"], resumed_at, **options) as recorder:
        for update in updates:
            recorder.row(update, 100 * update, update / 2, {**VALUES, "mark": float(update)}, CURVES)


def events(run):
    accumulator = EventAccumulator(str(run.tensorboard), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    return accumulator.Reload()


def test_rows_in_files(run):
    with Recorder(run, SETTINGS) as recorder:
        row = recorder.row(10, 1000, 1.23456, {**VALUES, "learning/learner_0/kl": float("nan")}, CURVES)
        assert read_rows(run.metrics) == [row]  # written at once
    assert row == {"update": 10, "rounds": 1000, "seconds": 1.235, **VALUES, "learning/learner_0/kl": None}
    curves = {"learner-learner": [0, 0.25, 0.5, 0.75, 1], "learner-tabular": [0.3333]}
    assert read_rows(run.rounds) == [{"update": 10, **curves}]


def test_scalars_by_update(run):
    record(run, (10, 20))
    found = events(run)
    assert set(found.Tags()["scalars"]) >= {*VALUES, "mark", "progress/rounds", "progress/seconds"}
    for tag, values in {"mark": [10, 20], "progress/rounds": [1000, 2000], "progress/seconds": [5, 10]}.items():
        assert [(event.step, event.value) for event in found.Scalars(tag)] == list(zip((10, 20), values, strict=True))
    assert found.Scalars("cooperation/learner-learner")[0].value == 0.25


def test_hyperparameters_are_in_the_same_run(run):
    record(run, (10,))
    assert {path.parent for path in run.tensorboard.rglob("*tfevents*")} == {run.tensorboard}
    content = events(run).PluginTagToContent("hparams")
    assert set(content) == {"_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"}
    data = plugin_data_pb2.HParamsPluginData.FromString(content["_hparams_/session_start_info"])
    hparams = {name: getattr(v, v.WhichOneof("kind")) for name, v in data.session_start_info.hparams.items()}
    assert hparams == flatten(SETTINGS)
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content["_hparams_/experiment"]).experiment
    metrics = [info.name.tag for info in experiment.metric_infos]
    assert metrics == ["cooperation/learner-learner", "cooperation/learner-tabular"]


def test_flat_settings():
    expected = {"seed": 3, "train.lr.start": 1e-3, "train.lr.end": "null", "mixture": '[{"name": "tabular"}]'}
    assert flatten(SETTINGS) == expected


def test_cooperation_is_the_first_chart(run):
    record(run, (10,))
    proto = events(run).Tensors("custom_scalars__config__")[0].tensor_proto
    shown = layout_pb2.Layout.FromString(proto.string_val[0])
    titles = ["Cooperation", "Payoff", "Who extorts whom", "Learning", "Speed"]
    assert [category.title for category in shown.category] == titles
    charts = shown.category[0].chart
    assert [chart.title for chart in charts[:2]] == ["learner-learner", "learner-tabular"]


def test_pictures_now_and_then_and_at_the_end(run):
    record(run, range(1, 8), image_every=3)
    images = events(run).Images(IMAGE)
    assert [image.step for image in images] == [1, 4, 7]
    assert (images[0].width, images[0].height) == (500, 300)
    assert images[0].encoded_image_string.startswith(b"\x89PNG")


def test_the_last_curves_are_drawn_when_the_run_ends(run):
    record(run, range(1, 9), image_every=3)
    assert [image.step for image in events(run).Images(IMAGE)] == [1, 4, 7, 8]


def test_resume_drops_what_came_after_the_checkpoint(run):
    record(run, (10, 20, 30, 40))
    with run.metrics.open("a") as file:
        file.write('{"update": 50, "ro')
    time.sleep(1.1)  # event files are told apart, and ordered, by the second
    with Recorder(run, SETTINGS, resumed_at=25) as recorder:
        recorder.row(30, 1, 1.0, {"mark": -30.0}, CURVES)
    assert [row["update"] for row in read_rows(run.metrics)] == [10, 20, 30]
    assert [row["update"] for row in read_rows(run.rounds)] == [10, 20, 30]
    assert read_rows(run.metrics)[-1]["mark"] == -30
    found = events(run)
    assert [(e.step, e.value) for e in found.Scalars("mark")] == [(10, 10), (20, 20), (30, -30)]
    assert "_hparams_/experiment" in found.PluginTagToContent("hparams")
    assert all(json.loads(line) for line in run.metrics.read_text().splitlines())
