"""The command line: errors are one line, exit code 2, before Ray starts; runs end with files a user can use."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from coop_icl.cli import main, seeds_of
from coop_icl.reporting.paper.figures import figures_named
from coop_icl.reporting.paper.reproduce import measure

TINY = ["train.updates=4", "train.episodes_per_learner=8", "game.options.rounds=12", "model.hidden_size=8"]
FAST = [*TINY, "ray.num_env_runners=0", "log.every=2", "log.checkpoint_every=2"]


def run(*arguments, cwd, timeout=120):
    command = [sys.executable, "-m", "coop_icl.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, env=environment())


def environment():
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": root + os.pathsep + os.environ.get("PYTHONPATH", "")}


def test_a_reader_that_stops_reading_is_no_error(tmp_path):
    command = f"{sys.executable} -m coop_icl.cli list | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment()
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1  # the first name, and no more


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "ipd_ilc"], ["ipd_ilc", "ipd_icl"]),
        (["train", "ipd_icl", "train.udpates=3"], ["train.udpates", "updates"]),
        (["train", "ipd_icl", "train.gamma=1.5"], ["train.gamma", "1.5"]),
        (["train", "ipd_icl", "train.updates=many"], ["train.updates", "many"]),
        (["train", "ipd_icl", "updates"], ["key=value"]),
        (["train", "ipd_icl", "game.name=chess"], ["chess"]),
        (["train", "ipd_icl", "--seeds", "4-1"], ["4-1"]),
        (["resume", "nowhere"], ["nowhere", "config.yaml"]),
        (["evaluate", "nowhere"], ["nowhere"]),
        (["compare", "nowhere", "--table"], ["nowhere"]),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = "ray" in sys.modules and sys.modules["ray"].is_initialized()
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("coop-icl: ")
    assert all(word in error for word in words), error
    assert list(tmp_path.iterdir()) == []
    assert ("ray" in sys.modules and sys.modules["ray"].is_initialized()) == before


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("train", "evaluate", "report", "play", "crossplay", "compare", "list"))


def test_settings_may_stand_before_or_after_options(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "smoke", "--runs", "here", "train.gamma=7"]) == 2
    assert "train.gamma" in capsys.readouterr().err
    with pytest.raises(SystemExit) as done:
        main(["train", "smoke", "--rnus", "here"])
    assert done.value.code == 2


def test_seeds():
    assert seeds_of("0-2,5,1") == [0, 1, 2, 5]


def test_a_run_from_start_to_closing_line(tmp_path):
    done = run("train", "smoke", *FAST, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs/smoke/seed_0"
    last = done.stdout.strip().splitlines()[-1]
    assert "runs/smoke/seed_0" in last
    assert "cooperation learner-learner 0." in last
    assert "coop-icl compare" in last
    assert "Traceback" not in done.stderr
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["update"] for row in rows] == [2, 4]
    assert rows[-1]["rounds"] == 4 * 12 * (4 + 8)  # 4 learner-learner games and 8 with tabular agents an update
    assert json.loads((folder / "summary.json").read_text())["finished"] is True
    assert (folder / "policies/final/learner_1/model.safetensors").is_file()
    again = run("train", "smoke", *FAST, cwd=tmp_path)
    assert again.returncode == 2
    assert "already holds a run" in again.stderr
    finished = run("resume", "runs/smoke/seed_0", cwd=tmp_path)
    assert finished.returncode == 2
    assert "finished" in finished.stderr
    probed = run("evaluate", "runs/smoke/seed_0", "--episodes", "8", "--against", "tft,alld", cwd=tmp_path)
    assert probed.returncode == 0, probed.stderr
    assert "tft" in probed.stdout
    assert "alld" in probed.stdout


def test_interrupt_saves_and_resume_ends_where_the_uninterrupted_run_does(tmp_path):
    overrides = [*FAST, "train.updates=60", "log.checkpoint_every=60"]
    command = [sys.executable, "-m", "coop_icl.cli", "train", "smoke", *overrides]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    metrics = tmp_path / "runs/smoke/seed_0/metrics.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (metrics.is_file() and metrics.stat().st_size):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"coop-icl resume runs/smoke/seed_0" in out
    assert run("resume", "runs/smoke/seed_0", cwd=tmp_path).returncode == 0
    whole = run("train", "smoke", *overrides, "--runs", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    one, two = (
        (tmp_path / root / "smoke/seed_0/policies/final/learner_0/model.safetensors").read_bytes()
        for root in ("runs", "whole")
    )
    assert one == two


def test_stages_start_from_each_other_and_finished_ones_are_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny = [*TINY, "ray.num_env_runners=0", "train.updates=2", "model.hidden_size=16"]
    arguments = ["train", "ipd_mechanism", *tiny]
    assert main(arguments) == 0
    capsys.readouterr()
    runs = [Path("runs") / stage / "seed_0" for stage in ("ipd_step1", "ipd_step2", "ipd_step3")]
    configs = [yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")) for run in runs]
    first, second = (f"../../{run.parent.name}/seed_0/policies/final" for run in runs[:2])  # seen from a run
    assert [entry["path"] for entry in configs[1]["population"]["mixture"]] == [f"{first}/learner_0"]
    assert configs[2]["train"]["init"] == {name: f"{second}/{name}" for name in ("learner_0", "learner_1")}
    written = [(run / "summary.json").stat().st_mtime_ns for run in runs]
    assert main(arguments) == 0
    assert capsys.readouterr().out.count("1 of 1 seeds are finished") == 3
    assert written == [(run / "summary.json").stat().st_mtime_ns for run in runs]
    assert main([*arguments, "train.gamma=0.9"]) == 2
    assert "finished run with other settings" in capsys.readouterr().err
    (figure,) = figures_named("4")
    measure(figure.experiments, Path("runs"), Path("docs/paper"))
    capsys.readouterr()
    assert main(["reproduce", "4", "--out", "docs/paper"]) == 1
    words = [line.split("|")[-2].strip() for line in capsys.readouterr().out.splitlines() if "(A2C)" in line]
    assert words.count("not run") == 1  # such short games have no round 18
    assert set(words) <= {"pass", "falls short", "not run"}
    assert Path("docs/paper.md").is_file()


@pytest.mark.parametrize(("stages", "word"), [("smoke, ipd_stepp1", "ipd_stepp1"), ("smoke, ipd_mechanism", "itself")])
def test_every_stage_is_known_before_the_first_is_trained(stages, word, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(f"stages: [{stages}]")
    assert main(["train", "plan.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert word in error
    assert not (tmp_path / "runs").exists()
