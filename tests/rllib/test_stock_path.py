"""RLlib's own env runner and PPO play the same game as the batched path, with the same population."""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner

from coop_icl.algorithms.returns import gae
from coop_icl.config.schema import ConfigError, ExperimentConfig, GameConfig, PopulationConfig, RayConfig, TrainConfig
from coop_icl.matchups import Matchups
from coop_icl.models.policy import ModelConfig
from coop_icl.models.stack import PolicyStack
from coop_icl.policy_store import save_policy
from coop_icl.populations import registry
from coop_icl.rllib.auth_token import make_private
from coop_icl.rllib.callbacks import PopulationCallback, runner_node
from coop_icl.rllib.seating import seat_one_episode, setting_of
from coop_icl.rllib.stock import stock_config
from coop_icl.rollouts.rollout import play
from coop_icl.rollouts.setting import build
from coop_icl.seeding import SeedNode, Stream

CORES = ("gru", "lstm", "transformer")
NOISY = {"rounds": 12, "continuation": 0.85, "noise": 0.1, "observe": ["outcome", "action", "reward", "round"]}
EXACT = {"rounds": 20}


@dataclass(frozen=True)
class Watcher:
    """Reads observation vectors: copies what it saw the other do, and defects from its fifth decision on."""

    kind: str = "watcher"
    num_parameters: int = 1
    observes = "observations"

    def initial_state(self, uniforms):
        return {"decisions": np.zeros(len(uniforms), dtype=np.int64), "drawn": uniforms[:, 0]}

    def act(self, seen, state, uniforms):
        assert seen.dtype == np.float32
        copied = seen[:, 2] + seen[:, 4] > 0  # outcomes CD and DD
        after = {**state, "decisions": state["decisions"] + 1}
        return (copied | (after["decisions"] >= 5)).astype(np.int64), after


MIXTURE = [{"name": name, "weight": weight} for name, weight in [("learner", 2.0), ("tabular", 3.0)]] + [
    {"name": name, "weight": 1.0} for name in ("grim", "tft", "alld", "watcher")
]


@pytest.fixture(scope="module", autouse=True)
def ray_and_watcher():
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.CO_PLAYERS, "watcher", lambda game: Watcher())
        ours = not ray.is_initialized()  # another module's tests may have left theirs running
        if ours:
            make_private()  # the token, which Ray would make for everyone to read
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        if ours:
            ray.shutdown()
        setting_of.cache_clear()


def experiment(options: dict, core: str = "gru", mixture: list | None = None, **train) -> ExperimentConfig:
    settings = {"episodes_per_learner": 8, "epochs": 2, **train}
    return ExperimentConfig(
        name="stock",
        seed=11,
        game=GameConfig("ipd", options),
        population=PopulationConfig(mixture or MIXTURE),
        model=ModelConfig(core=core, hidden_size=16, num_layers=2 if core == "transformer" else 1),
        train=TrainConfig(**settings),
        ray=RayConfig(num_env_runners=0, blocks=1),
    )


def runner_of(config: ExperimentConfig, num_envs: int = 8) -> MultiAgentEnvRunner:
    """RLlib's env runner; action heads get rows of length one, so that what learners remember shows in what they do."""
    runner = MultiAgentEnvRunner(config=stock_config(config, num_envs=num_envs), worker_index=0)
    with torch.no_grad():
        for name in setting_of(runner.config.env_config["experiment"]).module_ids:
            weight = runner.module[name].policy.action_head.weight
            weight.div_(weight.norm(dim=1, keepdim=True))
    return runner


@pytest.fixture(scope="module", params=CORES)
def noisy(request):
    """A runner and episodes of random length: slots end, and start again, in different rounds."""
    runner = runner_of(experiment(NOISY, request.param))
    return runner, [episode for _ in range(2) for episode in runner.sample(num_episodes=40)]


@pytest.fixture(scope="module")
def exact():
    """A runner and episodes without chance in the game."""
    runner = runner_of(experiment(EXACT))
    return runner, runner.sample(num_episodes=96)


def lanes(episodes):
    """Every seat of every episode: episode, seat index, seat name, name of the agent."""
    for episode in episodes:
        for seat, (agent_id, name) in enumerate(sorted(episode.custom_data["matchup"].items())):
            yield episode, seat, agent_id, name


def outcomes_of(episode, agent_id) -> np.ndarray:
    return np.array([info["outcome"] for info in episode.agent_episodes[agent_id].get_infos()])


# -- the same game ---------------------------------------------------------------------------------------------------


def test_the_batched_game_replays_the_episodes(noisy):
    _, episodes = noisy
    setting = build(experiment(NOISY))
    game, spec = setting.game, setting.game.spec
    lengths = np.array([len(episode) for episode in episodes])
    assert len(set(lengths)) > 5
    actions = np.zeros((spec.max_rounds, 2, len(episodes)), dtype=np.int64)
    uniforms = np.zeros((len(episodes), game.num_uniforms))
    for b, episode in enumerate(episodes):
        seed = episode.custom_data["node"].integer(Stream.GAME)
        uniforms[b] = np.random.default_rng(seed).random(game.num_uniforms)
        for seat in range(2):
            actions[: lengths[b], seat, b] = episode.agent_episodes[f"player_{seat}"].get_actions()
    outcomes = game.reset(uniforms)
    over = np.zeros(len(episodes), dtype=bool)
    for t in range(spec.max_rounds + 1):
        for b, episode in enumerate(episodes):
            for seat in range(2):
                if t <= lengths[b]:
                    seen = episode.agent_episodes[f"player_{seat}"].get_observations(t)
                    np.testing.assert_array_equal(seen, game.encode(outcomes[seat, b], t, seat))
        if t == spec.max_rounds:
            break
        step = game.step(actions[t])
        outcomes = step.outcomes
        for b, episode in enumerate(episodes):
            for seat in range(2):
                if t < lengths[b]:
                    assert episode.agent_episodes[f"player_{seat}"].get_rewards(t) == step.rewards[seat, b]
            if t == lengths[b] - 1:
                assert episode.is_truncated == step.truncated[b]
                assert episode.is_terminated  # RLlib 2.60 calls an episode whose agents were all truncated both
        over |= step.terminated | step.truncated
        np.testing.assert_array_equal(over, t + 1 >= lengths)


def test_scores_are_those_of_the_policy_from_empty_memory(noisy):
    runner, episodes = noisy
    modules, spread = Counter(), []
    for episode, _, agent_id, name in lanes(episodes):
        if not name.startswith("learner"):
            continue
        played = episode.agent_episodes[agent_id]
        seen = torch.as_tensor(np.stack(played.get_observations(slice(0, len(played)))))
        with torch.no_grad():
            expected = runner.module[name].policy(seen[:, None])[0][:, 0].numpy()
        recorded = np.stack(played.get_extra_model_outputs("action_dist_inputs"))
        np.testing.assert_allclose(recorded, expected, atol=1e-5)
        logp = torch.log_softmax(torch.as_tensor(expected), 1).numpy()
        taken = logp[np.arange(len(played)), np.asarray(played.get_actions())]
        np.testing.assert_allclose(played.get_extra_model_outputs("action_logp"), taken, atol=1e-5)
        modules[name] += 1
        spread.append(np.ptp(expected[:, 0]))
    assert min(modules["learner_0"], modules["learner_1"]) > 20
    assert np.median(spread) > 0.1  # scores do depend on what was seen, by far more than the tolerance


def test_the_batched_rollout_plays_the_same_episodes(exact):
    equals_the_batched_rollout(*exact, build(experiment(EXACT)))


def equals_the_batched_rollout(runner, episodes, setting):
    """Same place in the seed tree, same weights: same actions of learners and co-players, same payoffs."""
    population = setting.population
    stack = PolicyStack([runner.module[name].policy for name in setting.module_ids])
    for episode in episodes:
        data = episode.custom_data
        players = setting.game.spec.num_players
        seats = [[population.agents.index(data["matchup"][f"player_{seat}"])] for seat in range(players)]
        matchups = Matchups(
            population.agents, population.kinds, len(population.learners), np.array(seats, dtype=np.int16)
        )
        batched = play(setting.game, matchups, stack, setting.agents, setting.co_players(), data["node"])
        for seat in range(players):
            played = episode.agent_episodes[f"player_{seat}"]
            np.testing.assert_array_equal(played.get_actions(), batched.actions[:, seat, 0])
            np.testing.assert_array_equal(played.get_rewards(), batched.rewards[:, seat, 0])
            if data["kinds"][f"player_{seat}"] == "learner":
                logp = played.get_extra_model_outputs("action_logp")
                np.testing.assert_allclose(logp, batched.logp[:, seat, 0], atol=1e-5)


def test_the_batched_rollout_plays_the_same_episodes_of_more_than_two():
    """Seats of one co-player are draws of their own on both paths."""
    config = experiment({"rounds": 12, "players": 4}, mixture=[{"name": "learner"}, {"name": "tabular"}], learners=4)
    config.game.name = "public_goods"
    config.population.mixture += [{"name": "conditional", "learners": 2}, {"name": "uniform"}]
    runner, setting = runner_of(config), build(config)
    episodes = runner.sample(num_episodes=40)
    equals_the_batched_rollout(runner, episodes, setting)
    assert {kind for one in episodes for kind in one.custom_data["kinds"].values()} == set(setting.population.kinds)
    assert {"vs_learner", "vs_tabular", "vs_conditional_2"} <= set(runner.get_metrics()["learner_0"])


@pytest.mark.parametrize("encoder", ["linear", "mlp", "conv"])
def test_games_that_show_vectors_are_played_and_counted(encoder):
    config = experiment({"rounds": 20, "players": 3}, mixture=[{"name": "learner"}, {"name": "uniform"}], learners=3)
    config.game.name, config.model = "cleanup_lite", replace(config.model, encoder=encoder)
    runner = runner_of(config)
    rates = {}
    for episode, _, agent_id, name in lanes(runner.sample(num_episodes=24)):
        played = episode.agent_episodes[agent_id]
        if not name.startswith("learner"):
            continue
        seen = torch.as_tensor(np.stack(played.get_observations(slice(0, len(played)))))
        with torch.no_grad():
            expected = runner.module[name].policy(seen[:, None])[0][:, 0].numpy()
        np.testing.assert_allclose(np.stack(played.get_extra_model_outputs("action_dist_inputs")), expected, atol=1e-5)
        against = "uniform" if "uniform" in episode.custom_data["kinds"].values() else "learner"
        said = [info["cooperated"] for info in played.get_infos() if "cooperated" in info]
        if said:
            rates.setdefault((name, f"vs_{against}"), []).append(np.mean(said))
    logged = runner.get_metrics()
    assert rates
    for (name, against), values in rates.items():
        assert logged[name][against]["cooperation"].peek() == pytest.approx(np.mean(values), abs=1e-6)


def test_the_number_of_games_side_by_side_does_not_change_a_slots_episodes():
    few, many = (runner_of(experiment(EXACT), n).sample(num_episodes=n) for n in (2, 5))
    by_node = {episode.custom_data["node"]: episode for episode in many}
    for episode in few:
        twin = by_node[episode.custom_data["node"]]
        assert twin.custom_data["matchup"] == episode.custom_data["matchup"]
        for agent_id in ("player_0", "player_1"):
            mine, theirs = (e.agent_episodes[agent_id].get_actions() for e in (episode, twin))
            np.testing.assert_array_equal(mine, theirs)


# -- co-players ------------------------------------------------------------------------------------------------------


def test_scripted_co_players_do_as_they_are_called(noisy):
    _, episodes = noisy
    found = Counter()
    for episode, _, agent_id, name in lanes(episodes):
        actions = np.asarray(episode.agent_episodes[agent_id].get_actions())
        seen = outcomes_of(episode, agent_id)[:-1]
        betrayed = np.isin(seen, (2, 4))
        expected = {
            "alld": np.ones_like(actions),
            "tft": betrayed.astype(int),
            "grim": np.maximum.accumulate(betrayed).astype(int),
            "watcher": (betrayed | (np.arange(len(seen)) >= 4)).astype(int),
        }.get(name)
        if expected is not None:
            np.testing.assert_array_equal(actions, expected, err_msg=name)
            found[name] += 1
    assert min(found[name] for name in ("alld", "tft", "grim", "watcher")) >= 2


def test_tabular_co_players_follow_the_probabilities_drawn_for_their_episode(exact):
    _, episodes = exact
    agent = build(experiment(EXACT)).population.agents.index("tabular")
    drawn, residuals, variances = [], np.zeros((5, 2)), np.zeros((5, 2))
    for episode, _, agent_id, name in lanes(episodes):
        if name != "tabular":
            continue
        p = episode.custom_data["node"].child(Stream.CO_PLAYER).rng(agent).random((1, 5))[0]
        np.testing.assert_array_equal(episode.custom_data["memories"][agent_id], p[None])
        drawn.append(p)
        cooperated = np.asarray(episode.agent_episodes[agent_id].get_actions()) == 0
        for outcome, c in zip(outcomes_of(episode, agent_id)[:-1], cooperated, strict=True):
            for k, weight in enumerate((1.0, p[outcome] - 0.5)):  # the second tells one episode's p from another's
                residuals[outcome, k] += weight * (c - p[outcome])
                variances[outcome, k] += weight**2 * p[outcome] * (1 - p[outcome])
    assert len(np.unique(np.array(drawn), axis=0)) == len(drawn) > 20
    assert (np.abs(residuals) < 5 * np.sqrt(variances)).all()


def test_every_registered_co_player_plays_as_in_the_batched_rollout(tmp_path):
    for core in CORES:
        trained = build(experiment(EXACT, core))
        save_policy(tmp_path / core, trained.make_policy(0), "ipd_v0", EXACT, trained.game.spec, {})
    needs = {
        "memory_one": {"probabilities": [0.9, 0.1, 0.2, 0.3, 0.4]},
        "frozen": {"path": str(tmp_path / "gru")},
        "axelrod": {"strategy": "Tit For Tat"},
    }
    learn = {"naive"}  # refused on this path
    names = sorted(set(registry.CO_PLAYERS) - learn)
    names = [name for name in names if name != "axelrod" or importlib.util.find_spec(name)]
    mixture = [{"name": name, "weight": 1.0, **needs.get(name, {})} for name in names]
    mixture += [
        {"name": "frozen", "weight": 1.0, "path": str(tmp_path / core), "kind": f"frozen_{core}"} for core in CORES
    ]
    config = experiment(EXACT, mixture=mixture, learners=1)
    runner = runner_of(config, 16)
    episodes = runner.sample(num_episodes=16 * 16)
    kinds = {kind for episode in episodes for kind in episode.custom_data["kinds"].values()}
    assert kinds == {"learner", *(co_player.kind for co_player in build(config).population.co_players)}
    equals_the_batched_rollout(runner, episodes, build(config))


# -- who plays whom --------------------------------------------------------------------------------------------------


def test_matchups_have_the_shares_of_the_population():
    setting = build(experiment(EXACT))
    kinds, learners, seats, n = Counter(), Counter(), Counter(), 4000
    for i in range(n):
        episode = SimpleNamespace(custom_data={})
        seat_one_episode(episode, setting, runner_node(SeedNode(5), i % 2, i % 8, i // 8))
        (_, first), (_, second) = sorted(episode.custom_data["kinds"].items())
        kinds[second if first == "learner" else first] += 1
        if first != second:
            seats[first == "learner"] += 1
            learners[next(a for a in episode.custom_data["matchup"].values() if a.startswith("learner"))] += 1
    weights = {str(entry["name"]): float(entry["weight"]) for entry in MIXTURE}
    weights["learner"] /= 2  # a game of two learners is an episode of each
    total = sum(weights.values())
    assert set(kinds) == set(weights)
    for kind, weight in weights.items():
        within_five_sigma(kinds[kind], n, weight / total)
    within_five_sigma(seats[True], seats.total(), 0.5)
    within_five_sigma(learners["learner_0"], learners.total(), 0.5)


def within_five_sigma(count: int, n: int, p: float) -> None:
    assert abs(count - n * p) < 5 * np.sqrt(n * p * (1 - p)), (count, n * p)


def test_no_two_episodes_share_a_place_in_the_seed_tree(noisy):
    _, episodes = noisy
    assert len({episode.custom_data["node"] for episode in episodes}) == len(episodes)


def test_learners_that_share_weights_share_a_module():
    runner = runner_of(experiment(EXACT, share_parameters=True), 4)
    episodes = runner.sample(num_episodes=32)
    modules = {(name, episode.agent_episodes[agent_id].module_id) for episode, _, agent_id, name in lanes(episodes)}
    assert {("learner_0", "learner_0"), ("learner_1", "learner_0"), ("tabular", "tabular")} <= modules
    assert ("learner_1", "learner_1") not in modules


# -- learning --------------------------------------------------------------------------------------------------------


class Recorder(PopulationCallback):
    """Keeps the learners' lanes of all samples, before RLlib appends a round to each."""

    lanes: list = []  # noqa: RUF012

    def on_sample_end(self, *, samples, **kwargs) -> None:
        for episode, _, agent_id, name in lanes(samples):
            played = episode.agent_episodes[agent_id]
            if name.startswith("learner"):
                seen = np.stack(played.get_observations(slice(0, len(played))))
                Recorder.lanes.append((name, seen, np.array(played.get_rewards())))


@pytest.mark.parametrize("core", CORES)
def test_ppo_trains_learners_only_and_on_our_returns(core):
    """Losses are finite and the value loss of the first step is that of our returns: scale, gamma, lambda, memory."""
    settings = experiment(EXACT, core, epochs=1, gamma=0.9, gae_lambda=0.8, reward_scale=0.1)
    Recorder.lanes = []
    algorithm = stock_config(settings).callbacks(Recorder).build_algo()
    try:
        setting = build(settings)
        before = {name: algorithm.get_module(name).get_state() for name in setting.module_ids}
        before = {name: {k: np.array(v) for k, v in state.items()} for name, state in before.items()}
        result = algorithm.train()
        learned = result["learners"]
        for index, name in enumerate(setting.module_ids):
            stats = learned[name]
            assert all(np.isfinite(float(stats[key])) for key in ("total_loss", "policy_loss", "vf_loss", "entropy"))
            policy = setting.make_policy(index)
            mine = [(seen, paid) for who, seen, paid in Recorder.lanes if who == name]
            seen = torch.as_tensor(np.stack([seen for seen, _ in mine], 1))
            rewards = torch.as_tensor(np.stack([paid for _, paid in mine], 1), dtype=torch.float32) * 0.1
            with torch.no_grad():
                values = policy(seen)[1]
            errors = gae(rewards, values, torch.ones_like(rewards), 0.9, 0.8)
            assert float(stats["vf_loss"]) == pytest.approx(float(errors.square().mean()), rel=1e-3)
            assert int(stats["num_module_steps_trained"]) == len(mine) * (EXACT["rounds"] + 1)
            after = algorithm.get_module(name).get_state()
            assert any(not np.array_equal(before[name][k], np.asarray(v)) for k, v in after.items())
            learner = algorithm.learner_group.get_state(components="learner/rl_module")["learner"]["rl_module"][name]
            for key, value in after.items():
                np.testing.assert_array_equal(np.asarray(value), np.asarray(learner[key]))
        for co_player in setting.population.co_players:
            assert algorithm.get_module(co_player.kind).get_state() == {}
            assert "total_loss" not in learned.get(co_player.kind, {})
        figures = result["env_runners"]["learner_0"]["vs_tabular"]
        assert 0 <= figures["cooperation"] <= 1
        assert -1 <= figures["mean_payoff"] <= 2
    finally:
        algorithm.stop()


def test_an_epoch_is_one_step_on_the_whole_batch():
    Recorder.lanes = []
    algorithm = stock_config(experiment(EXACT, epochs=3)).callbacks(Recorder).build_algo()
    try:
        learned = algorithm.train()["learners"]
        played = Counter(name for name, _, _ in Recorder.lanes)
        for name, episodes in played.items():
            assert int(learned[name]["num_module_steps_trained"]) == 3 * episodes * (EXACT["rounds"] + 1)
    finally:
        algorithm.stop()


def test_metrics_are_those_of_the_episodes(exact):
    runner, _ = exact
    runner.get_metrics()
    episodes = runner.sample(num_episodes=8)
    logged = runner.get_metrics()
    expected: dict = {}
    for episode, seat, agent_id, name in lanes(episodes):
        if name.startswith("learner"):
            played = episode.agent_episodes[agent_id]
            key = (name, f"vs_{episode.custom_data['kinds'][f'player_{1 - seat}']}")
            figures = (np.mean(np.asarray(played.get_actions()) == 0), np.mean(played.get_rewards()))
            expected.setdefault(key, []).append(figures)
    for (name, against), figures in expected.items():
        for i, figure in enumerate(("cooperation", "mean_payoff")):
            value = logged[name][against][figure].peek()
            assert value == pytest.approx(np.mean([pair[i] for pair in figures][-100:]), abs=1e-6)


def test_games_of_random_length_are_not_sampled_side_by_side():
    """RLlib would keep the first episodes to end: of mean length 5 where the game's is 10."""
    assert stock_config(experiment(EXACT)).num_envs_per_env_runner == 8
    config = stock_config(experiment({"rounds": 200, "continuation": 0.9}, mixture=[{"name": "tft", "weight": 1.0}]))
    runner = MultiAgentEnvRunner(config=config, worker_index=0)
    lengths = np.array([len(episode) for _ in range(100) for episode in runner.sample()])
    assert abs(lengths.mean() - 10) < 5 * np.sqrt(90 / len(lengths))


@pytest.mark.slow
def test_a_remote_env_runner_plays_other_episodes_than_the_driver():
    settings = experiment(EXACT, mixture=[{"name": "learner", "weight": 1.0}, {"name": "tabular", "weight": 1.0}])
    settings.ray.num_env_runners = 1
    algorithm = stock_config(settings).build_algo()
    try:
        result = algorithm.train()
        assert np.isfinite(float(result["learners"]["learner_0"]["total_loss"]))
        (episodes,) = algorithm.env_runner_group.foreach_env_runner(
            lambda runner: [e.custom_data["node"].path for e in runner.sample(num_episodes=4)], local_env_runner=False
        )
        assert {path[1] for path in episodes} == {1}
    finally:
        algorithm.stop()


def test_other_algorithms_get_game_population_and_models():
    config = stock_config(experiment(EXACT), IMPALAConfig().training(lr=0.125))
    assert isinstance(config, IMPALAConfig)
    assert config.lr == 0.125
    assert set(config.policies_to_train) == {"learner_0", "learner_1"}
    with pytest.raises(ConfigError, match="PPO"):
        stock_config(experiment(EXACT), "DQN")
