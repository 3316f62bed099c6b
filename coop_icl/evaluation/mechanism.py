"""Why an agent cooperates, by rule: from three shares that interventions on the history measure.

- **stops**: of the late cooperation with learners, the share that goes if the learner becomes ALLD after the opening.
- **needs**: of the late cooperation with a TFT that took over from a learner, the share that is missing with a TFT that
  has been there from the start. Both repay cooperation all the time; only the opening differs. That it is missing does
  not say that a learner's opening alone will do: learners open with defection, and so do others.
- **lingers**: of the late cooperation with TFT, the share that is missing if ALLC, ALLD or a random player opened.

A share is called large if its whole interval lies above a half, small if it lies below.
"""

from __future__ import annotations

from collections.abc import Mapping

HALF = 0.5
LEAST = 0.2
"""Late cooperation with learners below which there is none to explain."""

LABELS = {
    "defector": "hardly cooperates with learners",
    "unconditional": "cooperates whatever the co-player did or does",
    "handshake": "cooperates with whoever opens as a learner, whatever follows",
    "convention": "cooperates while it is repaid, but only after an opening that gives the sign, which TFT's does not",
    "best response": "cooperates while it is repaid, whoever opened",
    "best response to first impressions": "cooperates while it is repaid, unless the opening spoke against it",
    "mixed": "an interval spans a half: neither",
}
"""Every label, and what it says."""


def judge(with_learners: Mapping[str, float], shares: Mapping[str, Mapping[str, float] | None]) -> str:
    """One of ``LABELS``.

    Args:
        with_learners: late cooperation with them, ``value``, ``low`` and ``high``.
        shares: ``stops``, ``needs`` and ``lingers``, each the same or None where there was nothing to take a share of.
    """
    if with_learners["high"] < LEAST:
        return "defector"
    stops, needs, lingers = (_large(shares[name]) for name in ("stops", "needs", "lingers"))
    if stops is None or needs is None:
        return "mixed"
    if not stops:
        return "handshake" if needs else "unconditional"
    if needs:
        return "convention"
    return {True: "best response to first impressions", False: "best response", None: "mixed"}[lingers]


def _large(share: Mapping[str, float] | None) -> bool | None:
    """Whether a share is large; None if that is not known."""
    if share is None or share["low"] <= HALF <= share["high"]:
        return None
    return share["low"] > HALF
