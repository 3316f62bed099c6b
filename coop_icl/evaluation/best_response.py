"""Analysis ``best_response``: how far a policy is from the best it could do, knowing the co-player or not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from coop_icl.evaluation.analysis import Analysis, Effort, Subject, two_by_two
from coop_icl.evaluation.bayes import ceiling, fixed_value
from coop_icl.evaluation.matches import match, mean_and_error, shortfalls
from coop_icl.evaluation.values import mean_payoffs, own_payoffs
from coop_icl.policy_store import LoadedPolicy
from coop_icl.populations.memory_one import tabular
from coop_icl.populations.registry import make_co_player

FIXED = ("tft", "suspicious_tft", "allc", "alld", "gtft", "wsls", "random")
"""Memory-1 co-players that are asked about one by one."""

TABULAR = 8
"""Times as many episodes are played against tabular agents, which differ."""


def prior_of(loaded: LoadedPolicy) -> tuple[float, float, str]:
    """Alpha and beta of the tabular agents that a policy was trained with, and where that is known from.

    ``policy``: its own description; ``run``: the configuration of the run that it lies in; ``default``: U(0,1), as it
    met none or nothing is known.
    """
    prior = _prior_in(loaded.info.provenance.get("mixture"))
    if prior is not None:
        return (*prior, "policy")
    for folder in list(loaded.info.folder.resolve().parents)[:4]:
        path = folder / "config.yaml"
        if path.is_file():
            try:
                config: Any = OmegaConf.to_container(OmegaConf.load(path))
                prior = _prior_in(config["population"]["mixture"])
            except (OmegaConfBaseException, YAMLError, KeyError, TypeError, AttributeError):
                prior = None  # of another kind; the configuration is not what is being judged here
            return (1.0, 1.0, "default") if prior is None else (*prior, "run")
    return 1.0, 1.0, "default"


def _prior_in(mixture: Any) -> tuple[float, float] | None:
    """Alpha and beta of the first tabular agents in a mixture; None if there are none, or it is no mixture."""
    try:
        met = next((entry for entry in mixture if entry["name"] == "tabular"), None)
        return None if met is None else (float(met.get("alpha", 1)), float(met.get("beta", 1)))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def run(subject: Subject, effort: Effort) -> dict[str, Any]:
    """Payoffs a round against tabular agents and fixed co-players, and what could have been earned.

    Returns:
        ``prior``: {alpha, beta, source}; ``ceiling``: {blind, bayes: [lower, upper], bayes_errors, exact, known}, see
        ``bayes.Ceiling``; ``tabular``: {payoff, payoff_error, payoff_played, episodes, gap_to_known, gap_to_bayes:
        [least, most], share_of_bayes: [least, most]}; ``fixed``: [{co_player, payoff, payoff_error, best, gap,
        gap_error}].

        Errors are standard errors over episodes. The gap to a known fixed co-player is the sum of what the actions gave
        away (``matches.shortfalls``): the best response's value less the payoff, without the chance of replies. The
        tabular payoff comes from the same sums, adjusted for which agents were drawn: of each it is known exactly what
        a best response and what always cooperating or always defecting (``blind``, the better of the two) earn with
        it, and of these the mean over the prior is known too. Its error is that of every gap to it.
        ``payoff_played`` is what was earned. A share is 0 for ``blind``
        and 1 for the Bayes-optimal value, None where there is nothing between them.
    """
    alpha, beta, source = prior_of(subject.loaded)
    game = subject.game()
    payoffs, rounds = own_payoffs(game), game.spec.max_rounds
    most = ceiling(payoffs, rounds, alpha, beta)
    episodes = TABULAR * effort.episodes
    played = match(subject.policy, game, tabular(alpha, beta), episodes, effort.seed)
    assert played.tables is not None
    blind = max((0, 1), key=lambda action: fixed_value(payoffs, rounds, alpha, beta, action))
    best, without = (mean_payoffs(played.tables, payoffs, rounds, choice) for choice in ("best", blind))
    expected = best - shortfalls(played, payoffs)[0].sum(0) / rounds
    payoff, error = adjusted_mean(expected, np.stack([best - most.known, without - most.blind], axis=1))
    above = [bound - most.blind for bound in (most.upper, most.lower)]
    shares = [(payoff - most.blind) / size if size > 1e-6 else None for size in above]
    return {
        "rounds": rounds,
        "episodes": effort.episodes,
        "prior": {"alpha": alpha, "beta": beta, "source": source},
        "ceiling": {
            "blind": most.blind,
            "bayes": [most.lower, most.upper],
            "bayes_errors": [most.lower_error, most.upper_error],
            "exact": most.exact,
            "known": most.known,
        },
        "tabular": {
            "payoff": payoff,
            "payoff_error": error,
            "payoff_played": float(played.payoffs.mean()),
            "episodes": episodes,
            "gap_to_known": most.known - payoff,
            "gap_to_bayes": [most.lower - payoff, most.upper - payoff],
            "share_of_bayes": sorted(shares, key=lambda share: share or 0.0),
        },
        "fixed": [_fixed(subject, name, effort) for name in FIXED],
    }


def adjusted_mean(values: NDArray[np.float64], controls: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of ``values`` [B] by regression on ``controls`` [B, K] whose expectation is 0, and its standard error."""
    design = np.concatenate([np.ones((len(values), 1)), controls], axis=1)
    weights = np.linalg.lstsq(design, values, rcond=None)[0]
    left = values - design @ weights
    return float(weights[0]), float(np.sqrt((left**2).sum() / max(1, len(left) - design.shape[1]) / len(left)))


def _fixed(subject: Subject, name: str, effort: Effort) -> dict[str, Any]:
    game = subject.game()
    played = match(subject.policy, game, make_co_player(name, game), effort.episodes, effort.seed)
    assert played.tables is not None
    payoffs, rounds = own_payoffs(game), game.spec.max_rounds
    best = mean_payoffs(played.tables, payoffs, rounds)
    gap, error = mean_and_error(shortfalls(played, payoffs)[0].sum(0) / rounds)
    payoff, payoff_error = mean_and_error(played.payoffs)
    return {
        "co_player": name,
        "payoff": payoff,
        "payoff_error": payoff_error,
        "best": float(best.mean()),
        "gap": gap,
        "gap_error": error,
    }


BEST_RESPONSE = Analysis("how close to the best response", two_by_two, run)
