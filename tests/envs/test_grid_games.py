"""What all games on a grid have in common: perspective, determinism, boundaries, pictures."""

import numpy as np
import pytest

from envs.boards import Board, board_image, board_text, film_strip, save_gif
from envs.registry import make_game, make_parallel_env
from tests.envs.games import OPTIONS, every_grid_game

every_grid_case = pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, options, id=f"{name}-{key}")
        for name in ("coin_game", "cleanup_lite", "harvest_lite")
        for key, options in OPTIONS[name].items()
    ],
)


def part(game, wanted, vectors=None):
    """One part of the observations [P, B, width]; the grid as [P, B, C, H, W]."""
    vectors = game.observe() if vectors is None else vectors
    at = 0
    for name, width in game.spec.features:
        if name == wanted:
            found = vectors[..., at : at + width]
            return found.reshape(*found.shape[:-1], *game.spec.grid) if name == "grid" else found
        at += width
    raise KeyError(wanted)


def episode(game, uniforms, actions):
    """Observations and steps of an episode of actions [T, P, B]."""
    game.reset(uniforms)
    seen, steps = [game.observe()], []
    for now in actions:
        steps.append(game.step(now))
        seen.append(game.observe())
    return seen, steps


def random_episode(game, games=40, seed=0):
    rng = np.random.default_rng(seed)
    uniforms = rng.random((games, game.num_uniforms))
    actions = rng.integers(game.spec.num_actions, size=(game.spec.max_rounds, game.spec.num_players, games))
    return uniforms, actions, *episode(game, uniforms, actions)


@every_grid_case
def test_an_episode_is_a_function_of_its_numbers_and_actions(name, options):
    game = make_game(name, **options)
    uniforms, actions, seen, steps = random_episode(game)
    random_episode(game, seed=1)
    again, repeated = episode(game, uniforms, actions)
    np.testing.assert_array_equal(seen, again)
    for one, two in zip(steps, repeated, strict=True):
        for mine, theirs in zip(one, two, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    other, _ = episode(game, np.random.default_rng(2).random(uniforms.shape), actions)
    assert not np.array_equal(seen[-1], other[-1])


@every_grid_case
def test_games_of_a_batch_do_not_touch_each_other(name, options):
    game = make_game(name, **options)
    uniforms, actions, seen, steps = random_episode(game)
    some = np.array([3, 17, 30])
    alone, few = episode(game, uniforms[some], actions[:, :, some])
    for whole, share in zip(seen, alone, strict=True):
        np.testing.assert_array_equal(whole[:, some], share)
    for one, two in zip(steps, few, strict=True):
        np.testing.assert_array_equal(one.rewards[:, some], two.rewards)
        np.testing.assert_array_equal(one.outcomes[:, some], two.outcomes)


@every_grid_case
def test_every_number_matters_and_is_used_in_its_round(name, options):
    """Numbers of later rounds change nothing before them; those of the present one can."""
    game = make_game(name, **options)
    uniforms, actions, seen, _ = random_episode(game, games=200)
    half = game.spec.max_rounds // 2
    start, each = game._numbers
    changed = uniforms.copy()
    changed[:, start + half * each :] = np.random.default_rng(5).random(changed[:, start + half * each :].shape)
    other, _ = episode(game, changed, actions)
    np.testing.assert_array_equal(seen[: half + 1], other[: half + 1])
    assert not np.array_equal(seen[-1], other[-1])


@every_grid_case
def test_each_sees_itself_first_then_the_others_in_the_order_of_seats(name, options):
    game = make_game(name, **options)
    players = game.spec.num_players
    seen = random_episode(game)[2]
    for vectors in seen:
        grid = part(game, "grid", vectors)
        assert (grid[:, :, :players].sum(axis=(3, 4)) == 1).all()
        for seat in range(players):
            for k in range(players):
                np.testing.assert_array_equal(grid[seat, :, k], grid[(seat + k) % players, :, 0])
        if "outcome" in dict(game.spec.features):
            shown = part(game, "outcome", vectors).argmax(axis=2)
            digits = [np.maximum(shown - 1, 0) // 3**k % 3 for k in reversed(range(players))]
            for seat in range(players):
                for k in range(players):
                    np.testing.assert_array_equal(digits[k][seat], digits[0][(seat + k) % players])


@pytest.mark.parametrize("players", [2, 3])
@pytest.mark.parametrize(("name", "options", "first"), [("cleanup_lite", {}, 4), ("harvest_lite", {"zap": True}, 0)])
def test_moving_everyone_one_seat_on_moves_all_they_see_and_earn(name, options, first, players):
    """``first`` is the first of a round's numbers that belong to seats: lots, then zaps."""
    parts = ("grid", "outcome", "action", "reward", "frozen")
    games = [make_game(name, rounds=40, players=players, observe=parts, **options) for _ in range(2)]
    rng = np.random.default_rng(7)
    start, each = games[0]._numbers
    uniforms = [rng.random((50, games[0].num_uniforms)), None]
    moved = uniforms[0].copy()
    for at in range(start + first, games[0].num_uniforms, each):
        for seats in (slice(at, at + players), slice(at + players, at + 2 * players)):
            moved[:, seats] = np.roll(moved[:, seats], 1, axis=1)
    uniforms[1] = moved
    for game, numbers in zip(games, uniforms, strict=True):
        game.reset(numbers)
    games[1].positions = np.roll(games[0].positions, 1, axis=0)
    for _ in range(40):
        np.testing.assert_array_equal(np.roll(games[0].observe(), 1, axis=0), games[1].observe())
        actions = rng.integers(6, size=(players, 50))
        one, two = games[0].step(actions), games[1].step(np.roll(actions, 1, axis=0))
        for mine, theirs in (
            (one.rewards, two.rewards),
            (one.outcomes, two.outcomes),
            (one.cooperated, two.cooperated),
        ):
            np.testing.assert_array_equal(np.roll(mine, 1, axis=0), theirs)


@every_grid_case
def test_parts_of_the_observation_are_what_happened(name, options):
    game = make_game(name, **options)
    shown = dict(game.spec.features)
    _, actions, seen, steps = random_episode(game)
    for one in {"reward", "action", "outcome", "round"} & set(shown):
        assert not part(game, one, seen[0])[..., 1:].any()
    for played, (step, vectors) in enumerate(zip(steps, seen[1:], strict=True), start=1):
        if "reward" in shown:
            np.testing.assert_array_equal(part(game, "reward", vectors)[..., 0], step.rewards)
            np.testing.assert_array_equal(part(game, "action", vectors).argmax(axis=2), actions[played - 1])
            np.testing.assert_array_equal(part(game, "outcome", vectors).argmax(axis=2), step.outcomes)
            np.testing.assert_allclose(part(game, "round", vectors), played / game.spec.max_rounds, rtol=1e-6)
        own = (step.outcomes - 1) // 3 ** (game.spec.num_players - 1)
        np.testing.assert_array_equal(step.cooperated, np.array([np.nan, 1, 0], np.float32)[own])


@every_grid_case
def test_episodes_end_after_their_rounds_and_then_nothing_happens(name, options):
    game = make_game(name, **options)
    _, actions, seen, steps = random_episode(game)
    for played, step in enumerate(steps, start=1):
        assert (step.terminated == (played == game.spec.max_rounds)).all()
        assert not step.truncated.any()
    after = game.step(actions[0])
    assert not after.rewards.any()
    assert after.terminated.all()
    assert np.isnan(after.cooperated).all()
    np.testing.assert_array_equal(after.outcomes, steps[-1].outcomes)
    np.testing.assert_array_equal(game.observe(), seen[-1])
    game.reset(np.zeros((5, game.num_uniforms)))
    assert game.observe().shape[1] == 5


@every_grid_game
def test_it_is_no_table_of_payoffs(name):
    game = make_game(name)
    assert game.table() is None
    assert game.stage() is None
    with pytest.raises(TypeError, match="observe"):
        game.encode(np.zeros(1, int), 0, 0)
    game = make_game(name, observe=("outcome",) if name == "coin_game" else ("outcome", "round"))
    assert game.spec.grid is None


@every_grid_game
def test_bad_shapes_are_named(name):
    game = make_game(name)
    assert game.observe().shape == (2, 0, game.spec.observation_size)  # before the first reset
    with pytest.raises(ValueError, match="uniforms must have shape"):
        game.reset(np.zeros((4, 3)))
    game.reset(np.zeros((4, game.num_uniforms)))
    with pytest.raises(ValueError, match="actions must have shape"):
        game.step(np.zeros((4, 2), dtype=np.int64))


@every_grid_game
def test_shortest_ways(name):
    """Distances agree with counting rows and columns, the shorter way round where the grid wraps."""
    for options in ({}, {"wrap": False}) if name == "coin_game" else ({},):
        game = make_game(name, **options)
        rows, columns = np.divmod(np.arange(game.cells), game.width)
        down, right = abs(rows[:, None] - rows), abs(columns[:, None] - columns)
        if name == "coin_game" and not options:
            down, right = np.minimum(down, game.height - down), np.minimum(right, game.width - right)
        np.testing.assert_array_equal(game.distance, down + right)


# --- pictures --------------------------------------------------------------------------------------------------------

BOARD = Board(
    np.array([[0, 1, 0], [0, 0, 2]]),
    ((".", (255, 255, 255)), ("a", (0, 200, 0)), ("D", (90, 60, 30))),
    [(0, 0), (1, 2), (0, 0)],
    [False, True, False],
)


def test_text_of_a_board():
    assert board_text(BOARD) == "*a.\n..1"
    assert board_text(BOARD._replace(places=[(0, 1), (1, 0), (1, 1)])) == ".0.\n12D"


def test_image_of_a_board():
    image = board_image(BOARD, cell=8)
    assert image.shape == (16, 24, 3)
    assert image.dtype == np.uint8
    assert (image[:8, 8:16] == (0, 200, 0)).all()
    inside = image[2:6, 2:6]
    assert len({tuple(pixel) for pixel in inside.reshape(-1, 3)}) == 2  # two players share the cell
    assert (image[8, 16] == (90, 60, 30)).all()  # ground still shows around a player
    assert not np.array_equal(image, board_image(BOARD._replace(frozen=[False] * 3), cell=8))
    with pytest.raises(ValueError, match="cell must be at least 4"):
        board_image(BOARD, cell=2)


def test_a_film_of_an_episode(tmp_path):
    from PIL import Image

    env = make_parallel_env("cleanup_lite", "rgb_array", rounds=5)
    env.reset(seed=0)
    frames = [env.render()]
    while env.agents:
        env.step({agent: int(env.action_space(agent).sample()) for agent in env.agents})
        frames.append(env.render())
    assert {frame.shape for frame in frames} == {(80, 64, 3)}
    strip = film_strip(frames, columns=4)
    assert strip.shape == (164, 4 * 64 + 12, 3)
    np.testing.assert_array_equal(strip[:80, :64], frames[0])
    np.testing.assert_array_equal(strip[84:, :64], frames[4])
    save_gif(tmp_path / "episode.gif", [frames[0], frames[-1], frames[0]], seconds=0.5)
    with Image.open(tmp_path / "episode.gif") as image:
        assert image.n_frames == 3
        assert image.size == (64, 80)
        assert image.info["duration"] == 500
    for call in (lambda: film_strip([]), lambda: save_gif(tmp_path / "x.gif", [frames[0], frames[0][:8]])):
        with pytest.raises(ValueError, match="frames must be at least one image, all of one size"):
            call()


@every_grid_game
def test_the_view_shows_the_board_and_what_was_played(name):
    env = make_parallel_env(name, "ansi", rounds=3)
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 2))
    board = env.render().splitlines()
    assert len(board) == env.game.height + 2
    assert {len(row) for row in board[:-2]} == {env.game.width}
    assert board[-2].startswith("player_0  D  total ")
    assert make_parallel_env(name).render() is None
