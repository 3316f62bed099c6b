"""The settings of an experiment: their names, defaults, meanings and ranges."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from coop_icl.algorithms.ppi import PPIConfig
from coop_icl.algorithms.schedule import Schedule
from coop_icl.algorithms.shaping import PLAIN
from coop_icl.algorithms.update import UpdateSettings
from coop_icl.errors import UserError
from coop_icl.models.policy import ModelConfig


class ConfigError(UserError):
    """An experiment file, key or value is wrong; the message is one line and says what to do."""


@dataclass
class GameConfig:
    """The game and its options (see ``envs.registry``).

    Attributes:
        name: registered name, e.g. ``ipd_v0``.
        options: keywords of the game: ``rounds``, ``continuation``, ``noise``, ``observe``, ``payoffs``,
            ``inner_rounds``.
    """

    name: str = "ipd_v0"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class PopulationConfig:
    """Who the learners play.

    Attributes:
        mixture: entries ``{name, weight, ...options}``; weights are shares of each learner's episodes. The name
            ``learner`` fills all other seats with other learners of this run; a co-player fills them all, each seat
            with a draw of its own, or those that ``learners`` different learners leave (by default one).
        shuffle_seats: random seats; None does so exactly when the game is symmetric.
        opponent_id: learners are told who their co-player is (an ablation of the paper): the log-probabilities of a
            memory-1 co-player beside every observation, zeros for any other one.
    """

    mixture: list[dict[str, Any]] = field(default_factory=lambda: [{"name": "learner", "weight": 1.0}])
    shuffle_seats: bool | None = None
    opponent_id: bool = False


@dataclass
class ScheduleConfig:
    """A number that moves linearly from ``start`` to ``end`` over ``updates`` updates; ``end`` null is constant."""

    start: float = 0.0
    end: float | None = None
    updates: int = 0

    def schedule(self) -> Schedule:
        """The function of the update."""
        return Schedule(self.start, self.end, self.updates)


@dataclass
class TrainConfig:
    """How the learners learn.

    Attributes:
        algorithm: ``ppo``, ``a2c``, or ``ppi``, which has settings of its own (``ppi``) and of these uses ``learners``,
            ``share_parameters``, ``updates`` (phases) and ``episodes_per_learner`` (new trajectories a phase).
        learners: number of learners.
        share_parameters: one set of weights plays for all of them.
        updates: length of the run.
        episodes_per_learner: whole episodes each learner plays for one update.
        epochs, minibatches: passes over a batch, and lots it is dealt into (1: full batch).
        lr: Adam's learning rate; adam_eps its epsilon.
        returns: what a decision is credited with: ``plain``, the episode's discounted return; or, in games with inner
            episodes against co-players that learn, ``coala``, ``mfos`` or ``batch_unaware`` (``algorithms.shaping``),
            which need gae_lambda and td_lambda 1.
        alignment: weight of the co-player's advantages in Advantage Alignment (``algorithms.alignment``), among
            learners of two-player games; 0 leaves them out.
        gamma: discount per round; gae_lambda for advantages; td_lambda for value targets.
        reward_scale: payoffs are multiplied by it before anything is learned from them.
        centring: of advantages: ``none``, ``batch``, or ``kind`` (within each kind of co-player).
        scale_advantages: divide them by their standard deviation over a learner's batch.
        clip: PPO's ratio clip; value_coefficient, entropy: weights in the loss; max_grad_norm: per learner.
        init: the policies that learners start from, by learner: ``{learner_0: policy}``; a policy is a folder with
            ``policy.json`` or ``EXPERIMENT:LEARNER``, what that run of the same seed exported at its end.
    """

    algorithm: str = "ppo"
    learners: int = 2
    share_parameters: bool = False
    updates: int = 1000
    episodes_per_learner: int = 256
    epochs: int = 4
    minibatches: int = 1
    lr: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(1e-3))
    adam_eps: float = 1e-5
    returns: str = PLAIN
    alignment: float = 0.0
    gamma: float = 0.99
    gae_lambda: float = 0.95
    td_lambda: float = 0.95
    reward_scale: float = 0.01
    centring: str = "kind"
    scale_advantages: bool = True
    clip: float = 0.2
    value_coefficient: float = 0.5
    entropy: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(0.02))
    max_grad_norm: float = 1.0
    init: dict[str, str] = field(default_factory=dict)


@dataclass
class RayConfig:
    """Where the work is done.

    Attributes:
        num_env_runners: Ray actors that play; 0 plays in the driver.
        blocks: parts an update's games are dealt into; results depend on it, not on the number of env runners.
        mode: ``sync``, or ``async``: the next batch is played while this one is learned from (one update of lag).
        num_learners: Learner actors, 0 learns in the driver; num_gpus_per_learner: GPUs each takes.
        learner_threads: threads among which the Learner in the driver shares the policies; 0 is one a core. Results
            do not depend on it.
        dashboard: show the run on the Ray dashboard and export its metrics.
        sample_timeout_s: seconds that the games of an update may take. An env runner that has not answered after half
            of them counts as lost and the driver plays its games; if these do not end within the other half, the run
            stops.
    """

    num_env_runners: int = 1
    blocks: int = 2
    mode: str = "sync"
    num_learners: int = 0
    num_gpus_per_learner: float = 0.0
    learner_threads: int = 0
    dashboard: bool = False
    sample_timeout_s: float = 50.0


@dataclass
class LogConfig:
    """What is written while training.

    Attributes:
        every: updates between rows of metrics; checkpoint_every: between checkpoints; keep: checkpoints kept.
        export_every: updates between exported policies along the way, 0 exports at the end only.
    """

    every: int = 10
    checkpoint_every: int = 50
    keep: int = 2
    export_every: int = 0


@dataclass
class ExperimentConfig:
    """An experiment: a claim, and the settings that show it.

    Attributes:
        name: by default the file's; claim: what the experiment shows.
        seed: root of the run's tree of seeds.
        expect: bands of final figures that the claim needs, ``{figure: [low, high]}``; a figure is a tag of the last
            tenth of training, or ``probe/<co-player>/<column>`` of the trained policies (``reporting.verify``).
        stages: experiments that this one consists of, each starting from what those before it have left; then all
            other settings are theirs.
    """

    name: str = ""
    claim: str = ""
    seed: int = 0
    game: GameConfig = field(default_factory=GameConfig)
    population: PopulationConfig = field(default_factory=PopulationConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    ppi: PPIConfig = field(default_factory=PPIConfig)
    ray: RayConfig = field(default_factory=RayConfig)
    log: LogConfig = field(default_factory=LogConfig)
    expect: dict[str, list[float]] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)

    @property
    def is_ppi(self) -> bool:
        """Whether learners plan with a model of what comes next, instead of following a policy gradient."""
        return self.train.algorithm == PPI

    @property
    def credits_inner_episodes(self) -> bool:
        """Whether learners know of inner episodes in which their co-players learn."""
        return self.train.returns != PLAIN

    def cpus(self) -> int:
        """CPUs an embedded Ray needs to promise a run: the driver's, and one for each actor."""
        return 1 + self.ray.num_env_runners + self.ray.num_learners

    def update_settings(self) -> UpdateSettings:
        """The part of ``train`` that an update needs."""
        names = set(UpdateSettings.__dataclass_fields__) - {"shaping"}
        return UpdateSettings(**{name: getattr(self.train, name) for name in names})


PPI = "ppi"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""Names of experiments, which are also those of folders: never ``..``, and never read as an option."""
