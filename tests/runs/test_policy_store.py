"""Exported policies: what goes in comes out, and nothing else does."""

import hashlib
import io
import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import PolicyError, load_policy, save_policy
from envs.registry import make_game

OPTIONS = {"rounds": 6, "observe": ["outcome", "round"]}
PROVENANCE = {"experiment": "smoke", "seed": 3, "update": np.int64(7)}
CORES = {
    "gru": ModelConfig(hidden_size=8),
    "lstm": ModelConfig(core="lstm", hidden_size=8, num_layers=2, embedding_size=3),
    "transformer": ModelConfig(core="transformer", hidden_size=8, num_heads=2, activation="swish"),
}


def make_policy(config=CORES["gru"], seed=0):
    spec = make_game("ipd_v0", **OPTIONS).spec
    policy = SequencePolicy(config, [width for _, width in spec.features], spec.num_actions, spec.max_rounds)
    policy.reset_parameters(seed)
    return policy


def export(folder, policy=None):
    spec = make_game("ipd_v0", **OPTIONS).spec
    return save_policy(folder, policy or make_policy(), "ipd_v0", OPTIONS, spec, PROVENANCE)


@pytest.fixture
def folder(tmp_path):
    return export(tmp_path / "policies" / "learner_0")


def rewrite(folder, **changes):
    """Change keys of policy.json; None removes one."""
    path = folder / "policy.json"
    described = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in described.items() if value is not None}))


def replace_weights(folder, data):
    (folder / "model.safetensors").write_bytes(data)
    rewrite(folder, weights_sha256=hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("core", CORES)
def test_scores_are_the_same_after_a_round_trip(tmp_path, core):
    policy = make_policy(CORES[core])
    before = torch.get_rng_state()
    loaded = load_policy(export(tmp_path / "p", policy))
    assert torch.equal(torch.get_rng_state(), before)
    observations = torch.rand(6, 5, 6, generator=torch.Generator().manual_seed(0))
    for mine, its in zip(policy(observations)[:2], loaded.policy(observations)[:2], strict=True):
        assert torch.equal(mine, its)
    assert loaded.policy.describe() == policy.describe()
    assert all(p.requires_grad and p.device.type == "cpu" for p in loaded.policy.parameters())


def test_where_it_comes_from(folder):
    info = load_policy(folder).info
    assert (info.game_name, info.game_options) == ("ipd_v0", OPTIONS)
    assert make_game(info.game_name, **info.game_options).spec.features == info.features
    assert info.provenance == {"experiment": "smoke", "seed": 3, "update": 7}
    assert info.sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_a_later_export_replaces_the_earlier_and_leaves_nothing_behind(folder):
    later = make_policy(seed=1)
    export(folder, later)
    assert torch.equal(load_policy(folder).policy.action_head.weight, later.action_head.weight)
    assert [path.name for path in folder.parent.iterdir()] == ["learner_0"]


def test_a_failed_export_keeps_the_earlier(folder):
    spec = make_game("ipd_v0", **OPTIONS).spec
    with pytest.raises(TypeError):
        save_policy(folder, make_policy(seed=1), "ipd_v0", OPTIONS, spec, {"what": object()})
    assert torch.equal(load_policy(folder).policy.action_head.weight, make_policy().action_head.weight)
    assert [path.name for path in folder.parent.iterdir()] == ["learner_0"]
    with pytest.raises(PolicyError, match="does not fit ipd_v0"):
        save_policy(folder, make_policy(), "ipd_v0", {}, make_game("ipd_v0").spec, {})


def weights(config=CORES["gru"], dtype=torch.float32):
    return save(make_policy(config).to(dtype).state_dict())


def torch_zip():
    buffer = io.BytesIO()
    torch.save({"w": torch.zeros(3)}, buffer)
    return buffer.getvalue()


def not_finite(folder):
    tensors = load((folder / "model.safetensors").read_bytes())
    tensors["value_head.bias"][0] = torch.nan
    return save(tensors)


SPOILERS = {
    "no description": (lambda f: (f / "policy.json").unlink(), "policy.json is missing"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "model.safetensors is missing"),
    "not json": (lambda f: (f / "policy.json").write_text("{'a'"), "policy.json is not JSON"),
    "not text": (lambda f: (f / "policy.json").write_bytes(b"\xff\xfe\x00"), "policy.json is not JSON"),
    "deep json": (lambda f: (f / "policy.json").write_text("[" * 500_000), "policy.json is not JSON"),
    "list": (lambda f: (f / "policy.json").write_text("[]"), "policy.json is not a JSON object"),
    "format": (lambda f: rewrite(f, format=2), "policy.json has format 2, this version reads 1"),
    "no format": (lambda f: rewrite(f, format=None), "policy.json has format None"),
    "keys": (lambda f: rewrite(f, game=None, policy=None), "policy.json lacks game, policy"),
    "sha": (lambda f: rewrite(f, weights_sha256="0" * 64), "model.safetensors differs from the sha256"),
    "game": (lambda f: rewrite(f, game={"name": "ipd_v0"}), "malformed game or features ('options')"),
    "features": (lambda f: rewrite(f, features=[["outcome", 5]]), "features that do not fit its model"),
    "model key": (lambda f: rewrite(f, policy={"model": {"depth": 3}}), "policy.json has a malformed policy"),
    "model type": (lambda f: rewrite(f, policy=[1]), "policy.json has a malformed policy"),
    "other shape": (lambda f: replace_weights(f, weights(ModelConfig(hidden_size=9))), "does not fit the model"),
    "other names": (lambda f: replace_weights(f, save({"w": torch.zeros(2)})), "does not fit the model in policy.json"),
    "other type": (lambda f: replace_weights(f, weights(dtype=torch.float64)), "does not fit the model"),
    "nan": (lambda f: replace_weights(f, not_finite(f)), "not finite"),
    "pickle": (lambda f: replace_weights(f, pickle.dumps({"w": [1.0] * 100})), "is a pickle"),
    "torch file": (lambda f: replace_weights(f, torch_zip()), "is a pickle"),
    "noise": (lambda f: replace_weights(f, b"\x01" * 100), "is no safetensors file"),
    "empty": (lambda f: replace_weights(f, b""), "is no safetensors file"),
    "cut": (lambda f: replace_weights(f, (f / "model.safetensors").read_bytes()[:-4]), "is damaged"),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILERS.values(), ids=SPOILERS.keys())
def test_refusals(folder, spoil, message):
    spoil(folder)
    with pytest.raises(PolicyError) as caught:
        load_policy(folder)
    text = str(caught.value)
    assert message in text
    assert str(folder) in text
    assert "\n" not in text
    assert "; " in text  # what to do


@pytest.mark.parametrize("size", [{"hidden_size": 10**12}, {"num_layers": 10**9}])
def test_a_model_is_not_built_on_the_description_alone(folder, size):
    described = json.loads((folder / "policy.json").read_text())["policy"]
    rewrite(folder, policy={**described, "model": {**described["model"], **size}})
    with pytest.raises(PolicyError, match=r"does not fit|malformed"):
        load_policy(folder)


def test_large_files_are_not_read(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(257 * 2**20)  # sparse
    with pytest.raises(PolicyError, match=r"larger than 256 MiB"):
        load_policy(folder)


def test_a_header_that_begins_like_a_pickle_is_no_pickle(folder):
    data = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    padded = next(size for size in (0x280, 0x380, 0x480, 0x580) if size >= length)  # first bytes of pickle protocol 2-5
    header = data[8 : 8 + length] + b" " * (padded - length)
    replace_weights(folder, padded.to_bytes(8, "little") + header + data[8 + length :])
    assert (folder / "model.safetensors").read_bytes()[0] == 0x80
    assert torch.equal(load_policy(folder).policy.action_head.weight, make_policy().action_head.weight)
