"""Bach or Stravinsky: B = 0, S = 1; both want the same concert, player_0 rather Bach, player_1 rather Stravinsky.

Luce and Raiffa's battle of the sexes (1957) under the name and with the payoffs of Osborne and Rubinstein (1994,
A Course in Game Theory): 2 for one's favourite together, 1 for the other's, 0 apart.
"""

from envs.factory import MatrixGameFactory

PAYOFFS = (
    ((2.0, 0.0), (0.0, 1.0)),
    ((1.0, 0.0), (0.0, 2.0)),
)
"""[player][action of player_0][action of player_1]."""

FACTORY = MatrixGameFactory("bach_or_stravinsky_v0", PAYOFFS, labels="BS", actions=("Bach", "Stravinsky"))
batched_game = FACTORY.batched_game
parallel_env = FACTORY.parallel_env
