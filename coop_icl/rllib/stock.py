"""The stock path: RLlib's own env runner and algorithm play and learn the experiment, one episode object at a time.

It is the reference that the batched path is held against, and the way in for anyone with an RLlib algorithm of their
own. What decides who plays whom, ``PopulationCallback``, is the same.
"""

from __future__ import annotations

import itertools
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.connectors.env_to_module import AddObservationsFromEpisodesToBatch
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from coop_icl.config import to_yaml
from coop_icl.config.schema import ConfigError, ExperimentConfig, ScheduleConfig
from coop_icl.populations.coplayer import LearningCoPlayer
from coop_icl.rllib.callbacks import PopulationCallback
from coop_icl.rllib.config import module_spec
from coop_icl.rllib.env_runner import spaces_of
from coop_icl.rllib.multi_agent_env import GameMultiAgentEnv
from coop_icl.rllib.seating import CoPlayerModule, MemoryConnector, RewardScale, SeatConnector, module_of, setting_of
from coop_icl.rollouts.setting import Setting, build


class FullBatchPPOLearner(PPOTorchLearner):
    """RLlib's PPO, each epoch one step on every module's whole batch.

    Without a minibatch size RLlib deals each module as many steps as the games had rounds. A learner that sits out
    some games has fewer, and would see part of its batch twice in a step.
    """

    def _create_iterator_if_necessary(self, *, num_epochs: int = 1, minibatch_size: Any = None, **kwargs: Any) -> Any:
        whole = super()._create_iterator_if_necessary(num_epochs=1, minibatch_size=minibatch_size, **kwargs)
        return itertools.chain.from_iterable(itertools.repeat(whole, num_epochs))


def stock_config(
    experiment: ExperimentConfig, algorithm: str | AlgorithmConfig = "PPO", num_envs: int | None = None
) -> AlgorithmConfig:
    """An experiment for RLlib's ``MultiAgentEnvRunner`` and PPO, or another algorithm.

    PPO takes from ``train`` what it has an equivalent of. It has none of ``centring`` and ``td_lambda`` (advantages
    are standardised over a learner's batch, value targets use ``gae_lambda``), ``adam_eps`` and ``minibatches``
    (every epoch is one step on the full batch).

    Args:
        experiment: what to play.
        algorithm: ``PPO``, or a configuration of any algorithm of RLlib's new API stack, changed in place: it gets
            game, population and models, and keeps its hyperparameters.
        num_envs: games an env runner plays side by side; None takes 8, or 1 where the length of episodes is random
            (``continuation``). A call of RLlib's sampler keeps the first ``num_envs`` episodes that end and drops the
            rest, so that more than 1 favours short episodes.

    Raises:
        ConfigError: if the experiment or the name of the algorithm is wrong.
    """
    setting = build(experiment)
    if experiment.population.opponent_id:
        raise ConfigError("population.opponent_id is known to the batched path only; leave it out here")
    if experiment.train.alignment:
        raise ConfigError("train.alignment is known to the batched path only; set it to 0 here")
    if experiment.credits_inner_episodes:
        raise ConfigError(
            f"train.returns {experiment.train.returns} is known to the batched path only; set it to plain"
        )
    if any(isinstance(co_player, LearningCoPlayer) for co_player in setting.population.co_players):
        raise ConfigError(
            "population.mixture: co-players that learn play on the batched path only; leave them out here"
        )
    if experiment.is_ppi:
        raise ConfigError("train.algorithm ppi runs on the batched path only; choose another one here")
    if isinstance(algorithm, str):
        if algorithm != "PPO":
            raise ConfigError(f"algorithm must be PPO or an AlgorithmConfig, got '{algorithm}'")
        config: AlgorithmConfig = _ppo(experiment, setting)
    else:
        config = algorithm
    if num_envs is None:
        num_envs = 8 if experiment.game.options.get("continuation") is None else 1
    text = to_yaml(experiment)
    ray = experiment.ray
    (
        config.framework("torch")
        .environment(env=GameMultiAgentEnv, env_config={"experiment": text})
        .env_runners(
            num_env_runners=ray.num_env_runners,
            num_envs_per_env_runner=num_envs,
            batch_mode="complete_episodes",
            sample_timeout_s=ray.sample_timeout_s,
            env_to_module_connector=lambda env=None, spaces=None, device=None: [
                AddObservationsFromEpisodesToBatch(),
                SeatConnector(setting_of(text)),
            ],
            module_to_env_connector=lambda env=None, spaces=None: MemoryConnector(),
            add_default_connectors_to_env_to_module_pipeline=True,
        )
        .learners(num_learners=ray.num_learners, num_gpus_per_learner=ray.num_gpus_per_learner)
        .multi_agent(
            policies={*setting.module_ids, *_co_player_specs(setting, text)},
            policy_mapping_fn=module_of,
            policies_to_train=list(setting.module_ids),
        )
        .rl_module(
            rl_module_spec=MultiRLModuleSpec(
                rl_module_specs={**_learner_specs(setting), **_co_player_specs(setting, text)}
            )
        )
        .fault_tolerance(
            restart_failed_env_runners=True,
            delay_between_env_runner_restarts_s=1.0,
            env_runner_health_probe_timeout_s=10.0,
            env_runner_restore_timeout_s=30.0,
        )
        .callbacks(PopulationCallback)
        .debugging(seed=experiment.seed, log_sys_usage=False, log_level="ERROR")
    )
    return config


def games_per_update(experiment: ExperimentConfig, setting: Setting) -> int:
    """Games in which each learner plays, on average, the episodes it is to learn from in one update."""
    train = experiment.train
    return round(train.learners * train.episodes_per_learner * setting.population.games_per_episode())


def _ppo(experiment: ExperimentConfig, setting: Setting) -> PPOConfig:
    """RLlib's PPO with the experiment's hyperparameters; its schedules count rounds played."""
    train = experiment.train
    rounds = games_per_update(experiment, setting) * setting.game.spec.max_rounds
    config = PPOConfig()
    config.training(
        gamma=train.gamma,
        lambda_=train.gae_lambda,
        clip_param=train.clip,
        vf_loss_coeff=train.value_coefficient / 2,  # RLlib's value loss has no factor 1/2
        vf_clip_param=float("inf"),
        use_kl_loss=False,
        entropy_coeff=_schedule(train.entropy, rounds),
        lr=_schedule(train.lr, rounds),
        grad_clip=train.max_grad_norm,
        grad_clip_by="global_norm",
        num_epochs=train.epochs,
        minibatch_size=None,
        shuffle_batch_per_epoch=False,
        train_batch_size_per_learner=max(1, rounds // max(1, experiment.ray.num_learners)),
    )
    config.learners(
        learner_class=FullBatchPPOLearner, learner_connector=lambda *spaces: RewardScale(train.reward_scale)
    )
    return config


def _schedule(schedule: ScheduleConfig, rounds: int) -> Any:
    """RLlib's form of a schedule, piecewise linear in rounds played."""
    if schedule.end is None:
        return schedule.start
    return [[0, schedule.start], [schedule.updates * rounds, schedule.end]]


def _learner_specs(setting: Setting) -> dict[str, RLModuleSpec]:
    """Learners' modules; RLlib appends one round to every episode, and a sequence is a whole episode."""
    specs = {}
    for index, name in enumerate(setting.module_ids):
        spec = module_spec(setting, index)
        spec.observation_space, spec.action_space = spaces_of(setting)
        assert isinstance(spec.model_config, dict)
        spec.model_config["max_seq_len"] = setting.game.spec.max_rounds + 1
        specs[name] = spec
    return specs


def _co_player_specs(setting: Setting, text: str) -> dict[str, RLModuleSpec]:
    """Co-players' modules."""
    observation, action = spaces_of(setting)
    return {
        co_player.kind: RLModuleSpec(
            module_class=CoPlayerModule,
            observation_space=observation,
            action_space=action,
            model_config={"experiment": text, "kind": co_player.kind},
        )
        for co_player in setting.population.co_players
    }
