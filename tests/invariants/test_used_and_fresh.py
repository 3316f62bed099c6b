"""Nothing that is reused remembers: a block gives the same episodes on used and on fresh games and co-players."""

import numpy as np
import pytest
import torch
from stacks import assert_same

from coop_icl.config import from_mapping
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import save_policy
from coop_icl.populations import axelrod
from coop_icl.populations.registry import co_players_of, make_co_player
from coop_icl.populations.splice import Spliced
from coop_icl.rollouts.setting import build
from coop_icl.trajectory import OPTIONAL
from envs.registry import GAMES, make_game
from tests.envs.games import CASES, needed

ROUNDS = 12
KAZ = "pettingzoo.butterfly.knights_archers_zombies_v11:parallel_env"
OTHERS = {
    "counter": {"env": "tests.envs.keepers:Counter"},
    "own numbers": {"env": "tests.envs.keepers:OwnNumbers"},
    "rps": {"env": "pettingzoo.classic.rps_v2:parallel_env"},
    "spread": {"env": "mpe2.simple_spread_v3:parallel_env", "kwargs": {"N": 2}},
    "pursuit": {"env": "pettingzoo.sisl.pursuit_v5:parallel_env", "kwargs": {"n_pursuers": 3, "obs_range": 3}},
    "knights": {"env": KAZ, "kwargs": {"spawn_delay": 9}},
}
"""Environments of others, some of which keep something across ``reset``."""
EPISODES = {
    **{f"{case.values[0]} {case.id}": (case.values[0], needed(case.values[0]) | case.values[1]) for case in CASES},
    **{f"pettingzoo {key}": ("pettingzoo", options) for key, options in OTHERS.items()},
}


def episodes(game, uniforms, seed):
    """All that a batch of random play shows, each part with the games last."""
    rng, spec = np.random.default_rng(seed), game.spec
    outcomes, shown = game.reset(uniforms), []
    numbers = np.arange(len(uniforms))
    actions = rng.integers(spec.num_actions, size=(ROUNDS, spec.num_players, 8))  # of each place in a batch
    for now in actions:
        seen = game.observe()
        shown.append(outcomes if seen is None else np.moveaxis(seen, 1, -1))
        step = game.step(now[:, numbers])
        outcomes = step.outcomes
        shown += [step.rewards, step.terminated, step.truncated]
    return shown


@pytest.mark.kind("state outlives an episode", case="ray#46986: other weights with other env runners")
@pytest.mark.parametrize("key", EPISODES)
def test_a_game_plays_a_block_the_same_whatever_it_played_before(key):
    name, options = EPISODES[key]
    options = {**options, "rounds": ROUNDS}
    used, rng = make_game(name, **options), np.random.default_rng(0)
    blocks = [rng.random((games, used.num_uniforms)) for games in (3, 1, 4)]
    first = [episodes(used, block, seed) for seed, block in enumerate(blocks)]
    again = {seed: episodes(used, blocks[seed], seed) for seed in (2, 0, 1)}  # as another env runner would
    for seed, block in enumerate(blocks):
        fresh = episodes(make_game(name, **options), block, seed)
        for one, two, three in zip(first[seed], again[seed], fresh, strict=True):
            np.testing.assert_array_equal(one, three)
            np.testing.assert_array_equal(two, three)


# --- co-players ------------------------------------------------------------------------------------------------------

OPTIONS = {
    "memory_one": {"probabilities": [0.9, 0.2, 0.6, 0.3, 0.5]},
    "coin_table": {"probabilities": [0.3, 0.2, 0.9]},
    "axelrod": {"strategy": "Firm But Fair"},
    "naive": {"every": 4, "group": 2},
}
SMALL = {"ipd": {"noise": 0.1}, "redrawn": {"family": "corners"}, "public_goods": {"players": 3}}


def meetings():
    """Every co-player of every game of the registry, and frozen policies of each core."""
    for name in sorted(GAMES):
        game = make_game(name, **needed(name), **SMALL.get(name, {}), rounds=ROUNDS)
        for co_player in sorted(co_players_of(game)):
            several = co_player == "frozen" and name in ("ipd", "coin_game")
            for core in ("gru", "lstm", "transformer") if several else ("gru",):
                yield pytest.param(name, co_player, core, id=f"{name}-{co_player}-{core}")


def setting_with(name, co_player, core, folder):
    """Two learners or more beside a co-player; None where it does not fit this game of the registry."""
    options = {**needed(name), **SMALL.get(name, {}), "rounds": ROUNDS}
    game = make_game(name, **options)
    chosen = OPTIONS.get(co_player, {})
    if co_player == "axelrod":
        pytest.importorskip("axelrod")
    if co_player == "frozen":
        spec = game.spec
        policy = SequencePolicy(
            ModelConfig(core=core, hidden_size=8), [w for _, w in spec.features], spec.num_actions, ROUNDS
        )
        policy.reset_parameters(5)
        policy.action_head.weight.data *= 5
        chosen = {"path": str(save_policy(folder, policy, "ipd", {}, spec, {}))}
    try:
        make_co_player(co_player, game, chosen)
    except ValueError as error:
        pytest.skip(str(error))
    plain = {key: one.tolist() if isinstance(one, np.ndarray) else one for key, one in options.items()}
    return build(
        from_mapping(
            {
                "name": "x",
                "game": {"name": name, "options": plain},
                "population": {"mixture": [{"name": co_player, **chosen}]},
                "model": {"hidden_size": 8},
                "train": {"learners": 1, "episodes_per_learner": 8},
                "ray": {"num_env_runners": 0, "blocks": 1},
            },
            "test",
        )
    )


def stack_of(setting):
    return PolicyStack([setting.make_policy(0)])


@pytest.mark.kind("state outlives an episode", case="ray#46986: other weights with other env runners")
@pytest.mark.parametrize(("name", "co_player", "core"), list(meetings()))
def test_a_co_player_plays_a_block_the_same_whomever_it_met_before(name, co_player, core, tmp_path):
    used, fresh = (setting_with(name, co_player, core, tmp_path / "frozen") for _ in range(2))
    first, second = (used.play_block(stack_of(used), 0, block) for block in (0, 1))
    axelrod._PLAYERS.clear()  # as in another process
    expected = fresh.play_block(stack_of(fresh), 0, 1)
    for one, two in ((second, expected), (first, used.play_block(stack_of(used), 0, 0))):
        assert_same(one, two)
        for field in OPTIONAL:
            np.testing.assert_array_equal(getattr(one, field), getattr(two, field))


@pytest.mark.kind("state outlives an episode", case="ray#46986: other weights with other env runners")
@pytest.mark.parametrize("then", ["grim", "tabular", "noisy", "switcher", "naive"])
def test_a_spliced_co_player_begins_every_episode_anew(then):
    game = make_game("ipd", rounds=ROUNDS)
    make = lambda: Spliced(game, make_co_player("tabular", game), make_co_player(then, game, OPTIONS.get(then)), 3)  # noqa: E731

    def actions(co_player, seed):
        rng = np.random.default_rng(seed)
        state, played = co_player.initial_state(rng.random((6, co_player.num_parameters))), []
        for t in range(ROUNDS):
            seen = rng.integers(1, 5, 6) * (t > 0)
            action, state = co_player.act(seen, state, rng.random(6))
            played.append(action)
        return np.array(played)

    used = make()
    actions(used, 0)
    np.testing.assert_array_equal(actions(used, 1), actions(make(), 1))


def test_torch_is_not_drawn_from():
    """A fresh and a used process differ in torch's global generator, too."""
    setting = setting_with("ipd", "tabular", "gru", None)
    torch.manual_seed(1)
    first = setting.play_block(stack_of(setting), 0, 0)
    torch.manual_seed(2)
    assert_same(first, setting.play_block(stack_of(setting), 0, 0))
