"""Policies whose weights are set by hand, so that what they do is known exactly."""

import math

import torch

from coop_icl.models.policy import ModelConfig, SequencePolicy

START, CC, CD, DC, DD = range(5)
LATCH, BOTH = 5, 6
HIDDEN = 16
SURE = 30.0


def gru_policy(rounds):
    """A GRU whose first five units say what was seen last (1 or 0) and whose head is empty."""
    policy = SequencePolicy(ModelConfig(hidden_size=HIDDEN), (5,), 2, rounds)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.zero_()
        rnn = policy.core.rnn
        rnn.bias_ih_l0[HIDDEN : 2 * HIDDEN] = -SURE  # the update gate: nothing is kept
        rnn.weight_ih_l0[2 * HIDDEN : 2 * HIDDEN + 5] = 20 * torch.eye(5)
    return policy


def memory1_policy(probabilities, rounds=100):
    """Cooperates with the given probabilities after start, CC, CD, DC, DD."""
    policy = gru_policy(rounds)
    for outcome, p in enumerate(probabilities):
        lead = SURE if p >= 1 else -SURE if p <= 0 else math.log(p / (1 - p))
        policy.action_head.weight.data[0, outcome] = lead
    return policy


def latched_policy(rounds=100, repaid=False):
    """Opens with D, offers after DD; once CC was seen it cooperates for good, or as TFT does if ``repaid``.

    A copy of it is recognised in round 2 and cooperates from then on; a TFT never comes to CC with it.
    """
    policy = gru_policy(rounds)
    with torch.no_grad():
        rnn, head = policy.core.rnn, policy.action_head
        update, new = HIDDEN + LATCH, 2 * HIDDEN + LATCH
        rnn.bias_ih_l0[update], rnn.weight_ih_l0[update, CC] = SURE, -2 * SURE  # kept, but where CC is seen
        rnn.weight_ih_l0[new, CC] = 20.0
        head.weight[0, [START, CC, CD, DC]] = -SURE
        head.weight[0, DD], head.weight[0, LATCH] = SURE, 2 * SURE
        if repaid:
            head.weight[0, CD] = -4 * SURE
            rnn.bias_ih_l0[BOTH] = SURE  # the reset gate is open
            at = 2 * HIDDEN + BOTH
            rnn.weight_ih_l0[at, DD], rnn.weight_hh_l0[at, LATCH], rnn.bias_ih_l0[at] = 20.0, 20.0, -30.0
            head.weight[0, BOTH], head.bias[0] = -2 * SURE, -2 * SURE  # 1 after DD if latched, else -1
    return policy
