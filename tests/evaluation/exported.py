"""Exported policies that have learned nothing, for any game."""

from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.policy_store import save_policy
from envs.registry import make_game

ROCK_PAPER_SCISSORS = [
    [[0, -1, 1], [1, 0, -1], [-1, 1, 0]],
    [[0, 1, -1], [-1, 0, 1], [1, -1, 0]],
]
GAMES = {
    "ipd": {},
    "stag_hunt": {},
    "chicken": {},
    "matching_pennies": {},
    "bach_or_stravinsky": {"continuation": 0.9},
    "matrix_game": {"payoffs": ROCK_PAPER_SCISSORS, "noise": 0.1},
}
"""Options of each matrix game, between them all kinds: of any length, noisy, asymmetric, of three actions."""


def export(folder, game="ipd", seed=0, rounds=12, provenance=None, core="gru", **options):
    """A policy in ``folder`` for a game of a few rounds; returns it."""
    options = {"rounds": rounds, **GAMES.get(game, {}), **options}
    spec = make_game(game, **options).spec
    config = ModelConfig(core=core, hidden_size=8, num_heads=2)
    policy = SequencePolicy(config, [width for _, width in spec.features], spec.num_actions, spec.max_rounds)
    policy.reset_parameters(seed)
    save_policy(folder, policy, game, options, spec, provenance or {"experiment": "none", "seed": seed})
    return policy


def export_run(path, game="ipd", learners=2, **options):
    """Final policies as a run leaves them, and nothing else of the run."""
    for index in range(learners):
        export(path / "policies" / "final" / f"learner_{index}", game, seed=index, **options)
    return path
