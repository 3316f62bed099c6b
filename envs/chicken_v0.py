"""Chicken, or hawk and dove: C = 0 swerves, D = 1 drives on; T = 1 > R = 0 > S = -1 > P = -2.

The ordering T > R > S > P is Rapoport and Chammah's (1966, The Game of Chicken). A crash costs only 2 here, to keep
payoffs on the scale of the other games; bring other ``payoffs`` for a deadlier one.
"""

from envs.factory import MatrixGameFactory

PAYOFFS = (
    ((0.0, -1.0), (1.0, -2.0)),
    ((0.0, 1.0), (-1.0, -2.0)),
)
"""[player][action of player_0][action of player_1]."""

FACTORY = MatrixGameFactory("chicken_v0", PAYOFFS, labels="CD", actions=("swerve", "drive on"))
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
