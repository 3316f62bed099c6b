"""Matching pennies: heads H = 0, tails T = 1; player_0 wins 1 if the pennies match, player_1 if they differ.

Zero-sum; in the one equilibrium both players toss fair coins (von Neumann and Morgenstern 1944).
"""

from envs.factory import MatrixGameFactory

PAYOFFS = (
    ((1.0, -1.0), (-1.0, 1.0)),
    ((-1.0, 1.0), (1.0, -1.0)),
)
"""[player][action of player_0][action of player_1]."""

FACTORY = MatrixGameFactory("matching_pennies_v0", PAYOFFS, labels="HT", actions=("heads", "tails"))
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
