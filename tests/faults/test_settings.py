"""Settings that make no sense, and keys misspelt by one edit: refused in one line before Ray starts."""

import random
import string
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from coop_icl.cli import main
from coop_icl.config.schema import ExperimentConfig


def dotted(config, prefix=""):
    """All keys of the schema, sections too, with their values."""
    for key in config:
        yield f"{prefix}{key}", config._get_node(key)
        node = config._get_node(key)
        if isinstance(node, DictConfig) and OmegaConf.get_type(node) is not dict:
            yield from dotted(node, f"{prefix}{key}.")


KEYS = dict(dotted(OmegaConf.structured(ExperimentConfig)))


def edits(word, rng, count):
    """Words one edit away from ``word``: a letter lost, added, replaced, or two swapped."""
    found, letters = set(), string.ascii_lowercase + "_"
    while len(found) < count:
        i, letter = rng.randrange(len(word)), rng.choice(letters)
        edit = rng.choice(["lose", "add", "replace", "swap"])
        new = {
            "lose": word[:i] + word[i + 1 :],
            "add": word[:i] + letter + word[i:],
            "replace": word[:i] + letter + word[i + 1 :],
            "swap": word[:i] + word[i : i + 2][::-1] + word[i + 2 :],
        }[edit]
        if new and new != word and new[0] in string.ascii_letters + "_":
            found.add(new)
    return sorted(found)


def ray_runs():
    return "ray" in sys.modules and sys.modules["ray"].is_initialized()


def refused(overrides, capsys):
    """The one line with which a run is refused before anything starts; None if it is not."""
    before = ray_runs()
    capsys.readouterr()
    try:
        code = main(["train", "smoke", "--runs", "/proc/nowhere", *overrides])
    except SystemExit:
        code = 2
    error = capsys.readouterr().err
    clear = code == 2 and error.count("\n") == 1 and error.startswith("coop-icl: ") and "/proc/nowhere" not in error
    return error if clear and ray_runs() == before else None


@pytest.mark.injects("every key misspelt by one edit")
def test_misspelt_keys(record, capsys):
    rng, cases = random.Random(0), []
    for key in KEYS:
        section, _, word = key.rpartition(".")
        for new in edits(word, rng, -(-record.times // len(KEYS))):
            if f"{section}.{new}".lstrip(".") not in KEYS:
                cases.append((key, f"{section}.{new}".lstrip(".")))
    held = named = 0
    missed = []
    for key, new in cases:
        error = refused([f"{new}=1"], capsys)
        held += error is not None and new in error
        named += error is not None and f"did you mean '{key}'" in error
        if error is None or f"did you mean '{key}'" not in error:
            missed.append((key, new, error))
    share = named / len(cases)
    with capsys.disabled():
        print(f"\nnot named: {missed[:20]}")
    assert share >= 0.95, missed
    record(held, f"of {len(KEYS)} keys; the key that was meant is named in {share:.1%}", times=len(cases))


BAD = st.one_of(
    st.floats(max_value=-1e-9).map(repr),
    st.sampled_from(
        [".nan", ".inf", "-.inf", "[1, 2]", "{a: 1}", "many", "1e999", "''", "[", "{", "${oc.env:HOME}", "!!python/x"]
    ),
    st.text(string.printable.replace("\r", ""), min_size=1, max_size=6).filter(
        lambda text: text.strip("0123456789.e+ \t\n\x0b\x0c")
    ),
)
NUMERIC = [
    *["train.gamma", "train.gae_lambda", "train.td_lambda", "train.adam_eps", "train.reward_scale", "train.clip"],
    *["train.max_grad_norm", "train.value_coefficient", "train.lr.start", "train.entropy.start", "train.updates"],
    *["train.learners", "train.episodes_per_learner", "train.epochs", "train.minibatches", "ray.num_env_runners"],
    *["ray.blocks", "ray.num_learners", "ray.sample_timeout_s", "ray.num_gpus_per_learner", "log.every", "log.keep"],
    *["log.checkpoint_every", "log.export_every", "model.hidden_size", "model.num_layers", "ppi.epochs", "ppi.batch"],
]


@pytest.mark.injects("malformed configs")
def test_malformed_settings(record, capsys):
    held, wrong = [], []

    @settings(
        max_examples=record.times,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(key=st.sampled_from(NUMERIC), value=BAD)
    def refuses(key, value):
        error = refused([f"{key}={value}"], capsys)
        held.append(error)
        if error is None:
            wrong.append((key, value))

    refuses()
    times = len(held)
    record(times - len(wrong), f"values drawn for {len(NUMERIC)} keys; not refused: {wrong[:5] or 'none'}", times=times)
