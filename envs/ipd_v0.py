"""The iterated prisoner's dilemma: C = 0, D = 1; T = 2 > R = 1 > P = 0 > S = -1, and 2R > T + S.

The donation game in which cooperating costs 1 and gives the other player 2 (Axelrod and Hamilton 1981 for the
ordering that makes a dilemma; Nowak 2006 for the donation game).
"""

from envs.factory import MatrixGameFactory

PAYOFFS = (
    ((1.0, -1.0), (2.0, 0.0)),
    ((1.0, 2.0), (-1.0, 0.0)),
)
"""[player][action of player_0][action of player_1]."""

FACTORY = MatrixGameFactory("ipd_v0", PAYOFFS, labels="CD", actions=("cooperate", "defect"))
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
