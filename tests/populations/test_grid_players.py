"""What co-players in games on a grid do, and what they earn with each other."""

import numpy as np
import pytest

from coop_icl.populations.grid_players import BY_GAME
from coop_icl.populations.registry import make_co_player
from coop_icl.populations.walking import drawn
from envs.registry import make_game

COIN, CLEANUP, HARVEST = (make_game(name) for name in ("coin_game", "cleanup_lite", "harvest_lite"))
GAMES = 100
MADE_FOR = {name: game for game, players in BY_GAME.items() for name in players}


def made(one, game):
    """A co-player by name, or by name and options."""
    name, options = (one, {}) if isinstance(one, str) else one
    return make_co_player(name, game, options)


def meet(game, *names, games=GAMES, seed=0):
    """Mean returns [P], and rewards and cooperation [T, P, B], of co-players in the seats of a game."""
    rng = np.random.default_rng(seed)
    players = [made(one, game) for one in names]
    states = [player.initial_state(rng.random((games, player.num_parameters))) for player in players]
    game.reset(rng.random((games, game.num_uniforms)))
    steps = []
    for _ in range(game.spec.max_rounds):
        seen, actions = game.observe(), np.zeros((len(players), games), dtype=np.int64)
        for seat, player in enumerate(players):
            shown = seen[seat] if player.observes == "observations" else np.zeros(games, dtype=np.int64)
            actions[seat], states[seat] = player.act(shown, states[seat], rng.random(games))
        steps.append(game.step(actions))
    rewards = np.array([step.rewards for step in steps])
    return rewards.sum(axis=0).mean(axis=1), rewards, np.array([step.cooperated for step in steps])


# --- Coin Game -------------------------------------------------------------------------------------------------------


def test_greedy_earns_more_than_chance_and_costs_the_other():
    (greedy, other), *_ = meet(COIN, "coin_greedy", "uniform")
    (chance, _), *_ = meet(COIN, "uniform", "uniform")
    assert greedy > chance + 30
    assert other < chance - 30


def test_cooperators_earn_their_own_coins_and_never_harm_each_other():
    returns, rewards, cooperated = meet(COIN, "coin_cooperative", "coin_cooperative")
    assert rewards.min() == 0
    assert not (cooperated == 0).any()
    assert (returns > 25).all()  # on 3 x 3 a coin of one's own is one to two moves away
    size = make_game("coin_game", size=5, wrap=False)
    assert meet(size, "coin_cooperative", "coin_cooperative")[1].min() == 0


def test_the_coin_game_is_a_dilemma_of_these_players():
    both, *_ = meet(COIN, "coin_cooperative", "coin_cooperative")
    none, *_ = meet(COIN, "coin_greedy", "coin_greedy")
    (temptation, sucker), *_ = meet(COIN, "coin_greedy", "coin_cooperative")
    assert temptation > both.max() + 10
    assert both.min() > none.max() + 10
    assert none.min() > sucker + 10
    assert 2 * both.mean() > temptation + sucker


def test_tit_for_tat_takes_back_once_and_forgives():
    _, _, cooperated = meet(COIN, "coin_tft", "coin_cooperative")
    assert (cooperated[:, 0] != 0).all()
    _, _, cooperated = meet(COIN, "coin_tft", "coin_greedy")
    (mine, theirs), *_ = meet(COIN, "coin_tft", "coin_greedy")
    assert abs(mine - theirs) < 6
    # the first coin of the other's that it takes comes after the other has taken one of its own
    provoked = (cooperated[:, 1] == 0).cumsum(axis=0) > 0
    before = np.concatenate([np.zeros((1, GAMES), bool), provoked[:-1]])
    assert not ((cooperated[:, 0] == 0) & ~before).any()


def coin_view(me, other, coin, mine):
    seen = np.zeros((1, 4, 9), np.float32)
    seen[0, 0, me] = seen[0, 1, other] = seen[0, 2 if mine else 3, coin] = 1
    return seen.reshape(1, -1)


def test_tit_for_tat_by_hand():
    """Cells 0 1 2 / 3 4 5 / 6 7 8, all edges joined; right, left, down, up are 0 to 3."""
    tft = make_co_player("coin_tft", COIN)
    half = np.array([0.5])
    act = lambda state, *view: tft.act(coin_view(*view), state, half)  # noqa: E731
    action, state = act(tft.initial_state(np.zeros((1, 1))), 3, 8, 4, True)
    assert action == 0  # its own coin: one to the right
    action, state = act(state, 0, 4, 1, False)  # the other has taken mine
    assert action == 0  # so it takes the other's
    action, state = act(state, 1, 5, 0, True)
    assert action == 1
    action, state = act(state, 0, 4, 1, False)  # this one it took itself: the other's last coin is still mine
    assert action == 0
    action, after = act(state, 0, 1, 3, True)  # the other has taken its own
    _, after = act(after, 3, 2, 4, False)
    for number in np.linspace(0, 0.999, 9):  # forgiven: it goes anywhere but to the coin
        action, _ = tft.act(coin_view(3, 2, 4, False), after, np.array([number]))
        assert action != 0


def test_drawn_coin_players_do_as_their_table_says():
    tabular = make_co_player("coin_tabular", COIN)
    rng = np.random.default_rng(0)
    uniforms = rng.random((4000, 4))
    np.testing.assert_array_equal(tabular.initial_state(uniforms)["table"], uniforms[:, 1:])
    # with a co-player that never takes anything but its own, the second probability is what shows
    game = make_game("coin_game", rounds=300)
    for chance in (0.2, 0.7):
        one = ("coin_table", {"probabilities": [chance, chance, 0.0]})
        _, _, cooperated = meet(game, one, "coin_cooperative")
        taken, left = (cooperated[:, 0] == 0).sum(), (cooperated[:, 1] == 1).sum()
        # of coins that both go for each arrives first about as often, so some of those it wants are gone
        assert chance * 0.3 < taken / (taken + left) < chance


def test_choices_come_as_often_as_they_should():
    rng = np.random.default_rng(0)
    shift, chance = rng.random(500), rng.random(500)
    made_ = np.array([drawn(shift, np.full(500, n), chance) for n in range(100)])
    assert abs(made_.mean(axis=0) - chance).max() < 0.04  # within an episode, far closer than chance would have it
    assert abs(made_[7].mean() - chance.mean()) < 5 * 0.5 / np.sqrt(500)


# --- CleanUp-lite ----------------------------------------------------------------------------------------------------


def test_somebody_has_to_clean():
    none, *_ = meet(CLEANUP, "cleanup_free_rider", "cleanup_free_rider")
    both, *_ = meet(CLEANUP, "cleanup_cleaner", "cleanup_cleaner")
    (cleaner, rider), *_ = meet(CLEANUP, "cleanup_cleaner", "cleanup_free_rider")
    assert rider > both.max() + 5
    assert both.min() > cleaner + 3
    assert cleaner > none.max() + 1
    assert none.max() < 1


def test_cleaners_clean_and_free_riders_do_not_go_to_the_river():
    _, _, cooperated = meet(CLEANUP, "cleanup_cleaner", "cleanup_free_rider")
    cleaned = (cooperated == 1).sum(axis=(0, 2)) / GAMES
    assert cleaned[0] > 20
    assert cleaned[1] < 0.5  # where it happened to stand at the start


def test_reciprocators_clean_with_cleaners_and_stop_with_free_riders():
    _, _, kind = meet(CLEANUP, "cleanup_reciprocator", "cleanup_cleaner")
    _, _, unkind = meet(CLEANUP, "cleanup_reciprocator", "cleanup_free_rider")
    late = slice(40, None)
    assert (kind[late, 0] == 1).sum() / GAMES > 5
    assert (unkind[late, 0] == 1).sum() / GAMES < 0.5
    assert (unkind[:15, 0] == 1).sum() / GAMES > 1  # trusted at first


def test_drawn_cleaners_clean_as_often_as_they_were_drawn_to():
    game = make_game("cleanup_lite", rounds=200)
    player = make_co_player("cleanup_tabular", game)
    rng = np.random.default_rng(0)
    uniforms = rng.random((300, 3))
    state, other = player.initial_state(uniforms), make_co_player("cleanup_free_rider", game)
    theirs, cleans = other.initial_state(np.zeros((300, 0))), []
    game.reset(rng.random((300, game.num_uniforms)))
    for _ in range(200):
        seen, number = game.observe(), rng.random(300)
        one, state = player.act(seen[0], state, number)
        two, theirs = other.act(seen[1], theirs, number)
        game.step(np.stack([one, two]))
        cleans.append(state["cleans"])
    assert np.corrcoef(np.mean(cleans[30:], axis=0), uniforms[:, 2])[0, 1] > 0.97


# --- Harvest-lite ----------------------------------------------------------------------------------------------------


def test_restraint_pays_if_both_have_it():
    none, *_ = meet(HARVEST, "harvest_greedy", "harvest_greedy", games=400)
    both, *_ = meet(HARVEST, "harvest_sustainable", "harvest_sustainable", games=400)
    (greedy, restrained), *_ = meet(HARVEST, "harvest_greedy", "harvest_sustainable", games=400)
    assert greedy > both.max() + 0.5
    assert both.min() > none.max() + 0.5
    assert none.min() > restrained + 1


def test_greedy_earns_more_than_chance():
    (greedy, other), *_ = meet(HARVEST, "harvest_greedy", "uniform")
    assert greedy > other + 5


@pytest.mark.parametrize("players", [2, 3, 4])
def test_the_sustainable_take_no_last_apple_and_the_greedy_take_all(players):
    game = make_game("harvest_lite", players=players)
    _, rewards, cooperated = meet(game, *["harvest_sustainable"] * players)
    assert not (cooperated == 0).any()
    assert (game.left() >= 1).mean() > (0.9 if players > 2 else 0.999)  # three at once may take the last three apples
    assert rewards[80:].sum() > 0
    meet(game, *["harvest_greedy"] * players)
    assert (game.left() == 0).mean() > 0.95


def test_reciprocators_turn_greedy_once_a_patch_is_exhausted():
    _, _, calm = meet(HARVEST, "harvest_reciprocator", "harvest_sustainable")
    assert not (calm == 0).any()
    _, _, roused = meet(HARVEST, "harvest_reciprocator", "harvest_greedy")
    first = (roused[:, 1] == 0).argmax(axis=0)
    mine = np.where((roused[:, 0] == 0).any(axis=0), (roused[:, 0] == 0).argmax(axis=0), 100)
    assert (mine[(roused[:, 1] == 0).any(axis=0)] >= first[(roused[:, 1] == 0).any(axis=0)]).mean() > 0.9
    assert (mine < 100).mean() > 0.3


def test_drawn_harvesters_leave_what_they_were_drawn_to():
    player = make_co_player("harvest_tabular", HARVEST)
    state = player.initial_state(np.random.default_rng(0).random((8000, 2)))
    for column in state["leaves"].T:
        assert (abs(np.bincount(column, minlength=4) - 2000) < 5 * np.sqrt(1500)).all()
    game = make_game("harvest_lite", growth=0.0)
    rng = np.random.default_rng(1)
    state, still = player.initial_state(rng.random((GAMES, 2))), np.full(GAMES, 4)
    leaves = state["leaves"][:, 0]
    game.reset(rng.random((GAMES, game.num_uniforms)))
    for _ in range(game.spec.max_rounds):
        action, state = player.act(game.observe()[0], state, rng.random(GAMES))
        game.step(np.stack([action, still]))
    assert (game.left() >= leaves[:, None]).all()
    assert (game.left() == leaves[:, None]).mean() > 0.7  # ways may be barred by apples that it leaves


@pytest.mark.parametrize("name", sorted(MADE_FOR))
def test_they_play_games_of_other_options_and_parts_of_observations(name):
    options = {
        "coin_game_v0": {"size": 5, "stay": True, "wrap": False, "observe": ("reward", "grid")},
        "cleanup_lite_v0": {"players": 3, "observe": ("round", "grid", "frozen")},
        "harvest_lite_v0": {"players": 4, "zap": True, "observe": ("frozen", "outcome", "grid")},
    }[MADE_FOR[name]]
    plain = make_game(MADE_FOR[name], **{**options, "observe": ("grid",)})
    game = make_game(MADE_FOR[name], **options)
    one = (name, {"probabilities": [0.5] * 3}) if name == "coin_table" else name
    seats = [one] * game.spec.num_players
    np.testing.assert_array_equal(meet(game, *seats, games=20)[1], meet(plain, *seats, games=20)[1])
