"""First round of public bug reports from other trackers: reinforcement learning frameworks, tried on this project."""

import numpy as np
import pytest
import torch

from coop_icl.algorithms.returns import gae
from coop_icl.algorithms.schedule import Schedule
from coop_icl.cli import main
from coop_icl.config import from_mapping, load
from coop_icl.models.policy import ModelConfig, SequencePolicy
from coop_icl.models.stack import PolicyStack
from coop_icl.rollouts.setting import build
from coop_icl.runs.directory import RunDirectory
from envs.registry import MATRIX_GAMES, make_game

NAMED = [name for name in MATRIX_GAMES if name != "matrix_game"]


def setting_of(seed=0, learners=2, **train):
    config = {"name": "hunt", "seed": seed, "game": {"options": {"rounds": 12}}}
    config["train"] = {"learners": learners, "episodes_per_learner": 16, **train}
    return build(from_mapping(config, "test"))


def stack_of(setting):
    return PolicyStack([setting.make_policy(i) for i in range(len(setting.module_ids))])


def played(setting, update, block=0):
    return setting.play_block(stack_of(setting), update, block)


@pytest.mark.kind("round one", case="a loaded model starts its schedule anew (stable-baselines3#597)")
def test_a_schedule_is_a_function_of_the_update_alone():
    """What an unbroken and a resumed run come to is held in tests/cli/test_command_line.py."""
    falling = Schedule(1.0, 0.0, 10)
    assert [falling(update) for update in (0, 5, 10, 99)] == [1.0, 0.5, 0.0, 0.0]


@pytest.mark.kind("round one", case="another length of the run changes the rate of an update (open_clip#413)")
def test_the_rate_of_an_update_does_not_depend_on_the_length_of_the_run():
    short, long = (load("ipd_icl", [f"train.updates={updates}"]).train.lr.schedule() for updates in (100, 900))
    assert [short(update) for update in range(100)] == [long(update) for update in range(100)]


@pytest.mark.kind("round one", case="the state after a padded sequence is that after its padding (pytorch/rl#3711)")
@pytest.mark.parametrize("core", ["gru", "lstm", "transformer"])
def test_what_comes_after_an_episode_changes_nothing_in_it(core):
    policy = SequencePolicy(ModelConfig(core=core, hidden_size=8, num_heads=2), [5], 2, 9)
    policy.reset_parameters(0)
    policy.action_head.weight.data *= 30
    ends, inputs = (2, 5, 9), torch.randn(9, 3, 5)
    other = inputs.clone()
    for lane, end in enumerate(ends):
        other[end:, lane] = 7.0
    with torch.no_grad():
        first, second = (policy(x, policy.initial_state(3))[0] for x in (inputs, other))
    for lane, end in enumerate(ends):
        torch.testing.assert_close(first[..., :end, lane, :], second[..., :end, lane, :])
    assert not torch.allclose(first[..., 2:, 0, :], second[..., 2:, 0, :])


@pytest.mark.kind("round one", case="advantages leak over the end of an episode (skrl#449, cleanrl#408)")
def test_advantages_end_with_the_episode():
    rewards, values = torch.rand(6, 2), torch.rand(6, 2)
    mask = torch.tensor([[1, 1], [1, 1], [1, 1], [1, 0], [1, 0], [1, 0]], dtype=torch.bool)
    rewards = rewards * mask
    found = gae(rewards, values, mask, 0.9, 1.0)
    paid = sum(0.9**t * rewards[t, 1] for t in range(3))  # and nothing after the end, whatever the value says there
    torch.testing.assert_close(found[0, 1], paid - values[0, 1])
    assert not found[3:, 1].any()


@pytest.mark.kind("round one", case="the second episode has the seed of the first (meltingpot#5)")
def test_no_two_blocks_and_updates_play_the_same_episodes():
    setting = setting_of()
    found = [played(setting, update, block).actions.tobytes() for update in (0, 1) for block in (0, 1)]
    assert len(set(found)) == 4
    lanes = played(setting, 0).actions.transpose(2, 0, 1)
    assert len({lane.tobytes() for lane in lanes}) == len(lanes)  # nor two games of a block


@pytest.mark.kind("round one", case="a seed that is set has no effect (Mava#1194, purejaxrl#35)")
def test_the_seed_decides_weights_and_episodes():
    first, again, other = (setting_of(seed) for seed in (0, 0, 1))
    for equal, setting in ((True, again), (False, other)):
        weights = [s.make_policy(0).state_dict()["action_head.weight"] for s in (first, setting)]
        assert torch.equal(*weights) is equal
        assert np.array_equal(played(first, 0).actions, played(setting, 0).actions) is equal


@pytest.mark.kind("round one", case="payoffs are inverted (open_spiel#612)")
def test_named_dilemmas_are_what_their_names_say():
    def by_outcome(name):
        payoffs = make_game(name, rounds=2).payoffs[0]
        return payoffs[0, 0], payoffs[0, 1], payoffs[1, 0], payoffs[1, 1]  # R, S, T, P

    reward, sucker, temptation, punishment = by_outcome("ipd")
    assert temptation > reward > punishment > sucker
    assert 2 * reward >= temptation + sucker
    reward, sucker, temptation, punishment = by_outcome("stag_hunt")
    assert reward > temptation >= punishment > sucker
    reward, sucker, temptation, punishment = by_outcome("chicken")
    assert temptation > reward > sucker > punishment


@pytest.mark.kind("round one", case="the column player's payoffs are transposed (CoursIA#7368)")
@pytest.mark.parametrize("name", NAMED)
def test_both_seats_are_paid_for_what_both_did(name):
    game = make_game(name, rounds=4)
    for own in range(2):
        for other in range(2):
            game.reset(np.zeros((1, game.num_uniforms)))
            rewards = game.step(np.array([[own], [other]])).rewards[:, 0]
            assert rewards.tolist() == [game.payoffs[0, own, other], game.payoffs[1, own, other]]
            if game.spec.symmetric:
                assert game.payoffs[1, own, other] == game.payoffs[0, other, own]


@pytest.mark.kind("round one", case="an option of resume that is ignored (utmist JaxMARL#110)")
@pytest.mark.parametrize("word", ["train.updates=50", "--seeds=3", "name=other"])
def test_resume_refuses_what_it_would_not_use(word, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["resume", "runs/smoke/seed_0", word])
    assert ended.value.code == 2
    assert word in capsys.readouterr().err


@pytest.mark.kind("round one", case="a run killed while it saves cannot be resumed (lerobot#4562)")
def test_a_save_that_is_cut_short_leaves_the_one_before(tmp_path):
    def cut_short(folder):
        (folder / "half").write_text("1", encoding="utf-8")
        raise KeyboardInterrupt

    with RunDirectory.create(tmp_path, "smoke", 0) as run:
        run.config.write_text("{}", encoding="utf-8")
        run.save_checkpoint(1, lambda folder: (folder / "weights").write_text("1", encoding="utf-8"), 1)
        with pytest.raises(KeyboardInterrupt):
            run.save_checkpoint(2, cut_short, 1)
    with RunDirectory.open(run.path) as again:
        update, folder = again.latest_checkpoint()
        assert update == 1
        assert (folder / "weights").is_file()


@pytest.mark.kind("round one", case="two agents draw the same actions (ml-agents#3752)")
def test_learners_with_the_same_weights_draw_their_own_actions():
    setting = setting_of(share_parameters=True)
    actions = played(setting, 0).actions
    assert not np.array_equal(actions[:, 0], actions[:, 1])
    matched = (actions[:, 0] == actions[:, 1]).mean()
    assert 0.3 < matched < 0.7  # near-uniform policies, independent draws


def test_the_rounds_are_logged(request):
    """Ten reports each, told by their kind."""
    for name in ("test_round_one", "test_round_two"):
        text = (request.path.parent / f"{name}.py").read_text(encoding="utf-8")
        assert text.count(f'kind("round {name.rpartition("_")[2]}"') >= 10
