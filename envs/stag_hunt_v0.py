"""The stag hunt: C = 0 hunts the stag, D = 1 the hare; R = 4 > T = 3 > P = 2 > S = 1.

Two pure equilibria: CC pays more, DD risks less (Rousseau's story; Skyrms 2004, The Stag Hunt). The payoffs are the
ranks of the four outcomes.
"""

from envs.factory import MatrixGameFactory

PAYOFFS = (
    ((4.0, 1.0), (3.0, 2.0)),
    ((4.0, 3.0), (1.0, 2.0)),
)
"""[player][action of player_0][action of player_1]."""

FACTORY = MatrixGameFactory("stag_hunt_v0", PAYOFFS, labels="CD", actions=("stag", "hare"))
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
