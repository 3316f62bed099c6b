"""From an experiment to RLlib's AlgorithmConfig."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from coop_icl.config import ExperimentConfig, from_mapping, to_yaml
from coop_icl.rllib.callbacks import PopulationCallback
from coop_icl.rllib.module import SequenceRLModule
from coop_icl.rollouts.setting import Setting, build
from coop_icl.seeding import Purpose


class InContextConfig(AlgorithmConfig):
    """RLlib's configuration with the experiment inside, as YAML, so that it pickles and compares as text."""

    def __init__(self, algo_class: Any = None) -> None:
        if algo_class is None:
            from coop_icl.rllib.algorithm import InContextAlgorithm as algo_class
        super().__init__(algo_class=algo_class)
        self.experiment_yaml = to_yaml(ExperimentConfig(name="default"))

    @property
    def experiment(self) -> ExperimentConfig:
        """The experiment."""
        return from_mapping(yaml.safe_load(self.experiment_yaml), "experiment")

    def get_default_learner_class(self) -> Any:
        """Our Learner."""
        from coop_icl.rllib.learner import SequenceLearner

        return SequenceLearner

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """A module without a model; every learner names its own."""
        return RLModuleSpec(module_class=SequenceRLModule)


def algorithm_config(experiment: ExperimentConfig, folder: Path | None = None) -> InContextConfig:
    """The batched path: our env runner, our Learner; ``folder`` is the run's, where PPI keeps its data."""
    from coop_icl.rllib.env_runner import BatchedEnvRunner, spaces_of
    from coop_icl.rllib.phases import PhaseConfig

    setting = build(experiment)
    observation, action = spaces_of(setting)
    ray = experiment.ray
    config = InContextConfig()
    if experiment.is_ppi:
        config = PhaseConfig()
        config.data_folder = str(folder.absolute() / "data") if folder else ""
    config.experiment_yaml = to_yaml(experiment)
    (
        config.framework("torch")
        .environment(env=None, observation_space=observation, action_space=action)
        .env_runners(
            env_runner_cls=BatchedEnvRunner,
            num_env_runners=ray.num_env_runners,
            create_local_env_runner=True,
            merge_env_runner_states=False,
            broadcast_env_runner_states=False,
            sample_timeout_s=ray.sample_timeout_s,
        )
        .learners(num_learners=ray.num_learners, num_gpus_per_learner=ray.num_gpus_per_learner)
        .fault_tolerance(
            restart_failed_env_runners=True,
            delay_between_env_runner_restarts_s=1.0,
            env_runner_health_probe_timeout_s=10.0,
            env_runner_restore_timeout_s=30.0,
        )
        .callbacks(PopulationCallback)
        .reporting(min_time_s_per_iteration=0, metrics_num_episodes_for_smoothing=1)
        .debugging(seed=experiment.seed, log_sys_usage=False, log_level="ERROR")
    )
    multi_agent(config, setting)
    return config


def multi_agent(config: AlgorithmConfig, setting: Setting) -> None:
    """Name the learners' modules, each with a model of its own."""
    modules = setting.module_ids
    config.multi_agent(
        policies=set(modules),
        policy_mapping_fn=lambda agent, *args, **kwargs: agent,  # type: ignore[arg-type]
        policies_to_train=list(modules),
    )
    config.rl_module(
        rl_module_spec=MultiRLModuleSpec(
            rl_module_specs={name: module_spec(setting, index) for index, name in enumerate(modules)}
        )
    )


def module_spec(setting: Setting, index: int) -> RLModuleSpec:
    """RLModule of one learner, with the seed of its initial weights, or the policy that they come from."""
    model_config = {
        **setting.make_policy(index).describe(),
        "seed": setting.seed.child(Purpose.INIT).integer(index),
        "init": setting.config.train.init.get(setting.module_ids[index]),
        "max_seq_len": setting.game.spec.max_rounds,
    }
    return RLModuleSpec(module_class=SequenceRLModule, model_config=model_config)
