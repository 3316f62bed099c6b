"""A frozen policy plays exactly as the learner it was saved from."""

import numpy as np
import pytest

from coop_icl.matchups import Matchups
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import PolicyError, save_policy
from coop_icl.populations.frozen import frozen
from coop_icl.rollouts.rollout import play
from coop_icl.seeding import SeedNode
from envs.registry import make_game

MODELS = {
    "gru": ModelConfig(hidden_size=16),
    "gru2": ModelConfig(hidden_size=16, num_layers=2, embedding_size=4),
    "lstm": ModelConfig(core="lstm", hidden_size=16),
    "transformer": ModelConfig(core="transformer", hidden_size=16),
}
GAMES = {
    "ipd": ("ipd_v0", {"rounds": 8, "continuation": 0.9, "observe": ["outcome", "action", "reward", "round"]}),
    "three actions": (
        "matrix_game",
        {"rounds": 5, "payoffs": np.arange(18.0).reshape(2, 3, 3).tolist(), "observe": ["outcome"]},
    ),
}


def make_policy(game, config, seed):
    spec = game.spec
    policy = SequencePolicy(config, [width for _, width in spec.features], spec.num_actions, spec.max_rounds)
    policy.reset_parameters(seed)
    policy.action_head.weight.data *= 30  # far from uniform, so that memory matters
    return policy


def export(folder, game_name, options, config=MODELS["gru"]):
    game = make_game(game_name, **options)
    return save_policy(folder, make_policy(game, config, 1), game_name, options, game.spec, {})


@pytest.mark.parametrize("game_key", GAMES)
@pytest.mark.parametrize("model", MODELS)
def test_plays_as_the_learner_it_was(tmp_path, model, game_key):
    name, options = GAMES[game_key]
    game, config = make_game(name, **options), MODELS[model]
    one, two = (make_policy(game, config, seed) for seed in (0, 1))
    path = save_policy(tmp_path / "two", two, name, options, game.spec, {})
    seats = np.array([[0, 1, 1, 0, 0, 1] * 5, [1, 0, 0, 1, 1, 0] * 5], dtype=np.int16)
    together = Matchups(("learner_0", "learner_1"), ("learner", "learner"), 2, seats)
    learning = [
        play(game, together, PolicyStack([one, two], fused), [[0], [1]], {}, SeedNode(5)) for fused in (False, True)
    ]
    met = frozen(game, path, kind="old")
    alone = Matchups(("learner_0", "old"), ("learner", "old"), 1, seats)
    no_longer = play(game, alone, PolicyStack([one], fused=False), [[0]], {1: met}, SeedNode(5))
    assert met.kind == "old"
    assert len(np.unique(no_longer.actions[:, seats == 1])) > 1
    for before in learning:
        for array in ("actions", "rewards", "outcomes", "mask"):
            np.testing.assert_array_equal(getattr(before, array), getattr(no_longer, array))


@pytest.mark.parametrize(
    ("exported", "met", "message"),
    [
        ({"observe": ["outcome"]}, {"observe": ["outcome", "round"]}, r"observes outcome \(5\) but ipd_v0 shows"),
        ({"observe": ["round"]}, {"observe": ["reward"]}, r"observes round \(1\) but ipd_v0 shows reward \(1\)"),
    ],
)
def test_other_observations_are_refused(tmp_path, exported, met, message):
    path = export(tmp_path / "p", "ipd_v0", {"rounds": 5, **exported})
    with pytest.raises(ValueError, match=message) as caught:
        frozen(make_game("ipd_v0", rounds=5, **met), path)
    assert "\n" not in str(caught.value)


def test_other_actions_are_refused(tmp_path):
    name, options = GAMES["three actions"]
    path = export(tmp_path / "p", name, {**options, "observe": ["round"]})
    with pytest.raises(ValueError, match="has 3 actions, ipd_v0 has 2"):
        frozen(make_game("ipd_v0", observe=["round"]), path)


def test_longer_games_are_refused_where_memory_is_finite(tmp_path):
    paths = {model: export(tmp_path / model, "ipd_v0", {"rounds": 5}, MODELS[model]) for model in MODELS}
    longer = make_game("ipd_v0", rounds=6)
    assert frozen(longer, paths["gru"]).kind == "frozen"
    with pytest.raises(ValueError, match="remembers 5 rounds but ipd_v0 may last 6"):
        frozen(longer, paths["transformer"])


def test_missing_policies_and_bad_kinds_are_refused(tmp_path):
    game = make_game("ipd_v0")
    with pytest.raises(PolicyError, match=r"policy\.json is missing"):
        frozen(game, tmp_path)
    with pytest.raises(ValueError, match="letters, digits"):
        frozen(game, export(tmp_path / "p", "ipd_v0", {}), kind="a/b")
