"""Co-players in games on a grid by name, and the game that each of them is for."""

from __future__ import annotations

from collections.abc import Callable

from coop_icl.populations import cleanup_players, coin_players, harvest_players
from coop_icl.populations.coplayer import CoPlayer

BY_GAME: dict[str, dict[str, Callable[..., CoPlayer]]] = {
    "coin_game_v0": {
        "coin_greedy": coin_players.coin_greedy,
        "coin_cooperative": coin_players.coin_cooperative,
        "coin_tft": coin_players.coin_tft,
        "coin_tabular": coin_players.coin_tabular,
        "coin_table": coin_players.coin_table,
    },
    "cleanup_lite_v0": {
        "cleanup_cleaner": cleanup_players.cleanup_cleaner,
        "cleanup_free_rider": cleanup_players.cleanup_free_rider,
        "cleanup_reciprocator": cleanup_players.cleanup_reciprocator,
        "cleanup_tabular": cleanup_players.cleanup_tabular,
    },
    "harvest_lite_v0": {
        "harvest_greedy": harvest_players.harvest_greedy,
        "harvest_sustainable": harvest_players.harvest_sustainable,
        "harvest_reciprocator": harvest_players.harvest_reciprocator,
        "harvest_tabular": harvest_players.harvest_tabular,
    },
}
"""Factories as in ``registry.CO_PLAYERS``, by the game that they know how to play."""
