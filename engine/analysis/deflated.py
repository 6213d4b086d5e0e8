"""Is a Sharpe ratio better than what the best of that many trials shows by luck: PSR, DSR, minimum backtest length.

Sharpe ratios are **per day** here, as the papers want them: an annualised one divided by the square root of the days per year,
its variance divided by the days per year. The Sharpe ratio of a series is taken with ddof 0, so that ratio times
sqrt(days - 1) is Student's t. No function raises for bad returns; what is not computed is NaN, with the reason.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.special import ndtr

from engine.analysis.chance import DRAWS, SEED, chance_maxima, expected_maximum, independent_trials, normal_score
from engine.analysis.evidence_inputs import candidates, series

Spread = Literal["trials", "chance"]
_MOST_TRIALS: Final = 1e12


@dataclass(frozen=True)
class EffectiveTrials:
    """`number` independent trials have the expected best of the `candidates` that could be compared, out of `given`. `maxima`:
    their `chance_maxima`; those of other candidates on the same days join by the elementwise greater."""

    number: float
    candidates: int
    given: int
    maxima: np.ndarray
    reason: str = ""


@dataclass(frozen=True)
class DeflatedSharpe:
    """`probability` that the true Sharpe ratio lies above `expected_best`, which is what the best of `n_trials` independent
    trials without skill shows on average. Sharpe ratios are per day, and so is the `variance` of a trial's."""

    n_trials: float
    days: int
    probability: float = math.nan
    sharpe: float = math.nan
    expected_best: float = math.nan
    variance: float = math.nan
    reason: str = ""


@dataclass(frozen=True)
class DataBudget:
    """How many independent trials `years` of data can bear before luck alone is expected to show the target Sharpe ratio:
    `supported`, of which `used` are spent and `left` remain (never below 0). `needed_years`: what `used` would ask for."""

    years: float
    supported: float
    used: float
    left: float
    needed_years: float
    reason: str = ""


def sampling_variance(days: int) -> float:
    """Variance of the daily Sharpe ratio of a candidate without skill: 1 / (days - 1); NaN below two days. Lo 2002."""
    return 1.0 / (days - 1) if days > 1 else math.nan


def probabilistic_sharpe(daily: np.ndarray, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio of (days,) returns lies above `benchmark` (per day); NaN where not computed.

    PSR = F((SR - benchmark) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)), F the normal distribution, kurtosis 3
    for normal returns, moments without bias. Bailey and Lopez de Prado 2012, "The Sharpe ratio efficient frontier".
    """
    found, reason = series(daily)
    return float(ndtr(_score(found, benchmark)[0])) if not reason and math.isfinite(benchmark) else math.nan


def expected_best_sharpe(variance: float, n: np.ndarray | float) -> np.ndarray:
    """Expected best of n independent trials without skill whose Sharpe ratios have that variance, in its unit; NaN for n < 1.

    sqrt(variance) times `expected_maximum`: the "false strategy theorem", Bailey and Lopez de Prado 2014, equation 1.
    """
    return np.sqrt(variance) * expected_maximum(n) if variance >= 0 else np.full(np.shape(n), np.nan)


def effective_trials(returns: np.ndarray, *, draws: int = DRAWS, seed: int = SEED) -> EffectiveTrials:
    """How many independent trials the (candidates, days) daily returns amount to: between 1 and their number.

    The number of independent candidates with the same expected best (method and source: `engine/analysis/chance.py`). It grows
    with every candidate added, and stands between the number of groups of near-copies and the number of candidates: the
    best of many copies that are not quite alike is a little better than one of them, and that too is luck.
    """
    given = len(np.atleast_2d(np.asarray(returns)))
    kept, reason = candidates(returns)
    if reason:
        return EffectiveTrials(math.nan, len(kept), given, np.empty(0), reason)
    maxima = chance_maxima(kept, draws=draws, seed=seed)
    return EffectiveTrials(min(independent_trials(maxima), float(len(kept))), len(kept), given, maxima)


def deflated_sharpe(
    daily: np.ndarray, trial_sharpes: np.ndarray, effective_trials: float, *, spread: Spread = "trials"
) -> DeflatedSharpe:
    """The Sharpe ratio of (days,) returns against the best that `effective_trials` independent trials show by luck.

    DSR = PSR with `expected_best_sharpe(variance, effective_trials)` as benchmark. Bailey and Lopez de Prado 2014, "The deflated
    Sharpe ratio". `trial_sharpes`: Sharpe ratios per day of all trials; those that are not finite are left out.

    `spread` says whose variance: "trials", as in the paper, that of `trial_sharpes`; or "chance", that of a candidate without
    skill on so many days. The first is moved by what the search happened to draw: near-copies shrink it, so that luck looks like
    skill; candidates that lose their costs blow it up, although a loser cannot win by luck. A rule that decides should use the
    second, in which all trials are at the border of having skill, as in the minimum backtest length.
    """
    found, reason = series(daily)
    sharpes = np.asarray(trial_sharpes, float).ravel()
    sharpes = sharpes[np.isfinite(sharpes)]
    if not reason and not effective_trials >= 1:
        reason = f"{effective_trials:g} effective trials; wanted at least 1"
    if not reason and spread == "trials" and len(sharpes) < 2:
        reason = f"{len(sharpes)} trials have a Sharpe ratio; their spread wants at least 2"
    if reason:
        return DeflatedSharpe(effective_trials, len(found), reason=reason)
    variance = float(sharpes.var(ddof=1)) if spread == "trials" else sampling_variance(len(found))
    best = float(expected_best_sharpe(variance, effective_trials))
    score, sharpe = _score(found, best)
    reason = "" if math.isfinite(score) else "skew and kurtosis are too extreme for the normal approximation"
    return DeflatedSharpe(effective_trials, len(found), float(ndtr(score)), sharpe, best, variance, reason)


def chance_of_luck(daily: np.ndarray, maxima: np.ndarray) -> float:
    """How often the best of the trials behind `maxima` (`effective_trials`) would, without skill, have a Sharpe ratio as high as
    that of (days,) returns: a p-value that allows for the search; NaN where not computed.

    (1 + draws whose best reaches z) / (1 + draws), z the normal score of Student's t. It keeps what a number of trials cannot
    tell: the best of correlated trials varies more than that of as many independent ones as have its mean. Where the score of
    PSR against 0 is less it counts: among candidates with fat tails the best is one whose outliers were gains.
    """
    found, reason = series(daily)
    if reason or not len(maxima):
        return math.nan
    score, sharpe = _score(found, 0.0)
    student = float(normal_score(sharpe * math.sqrt(len(found) - 1), len(found) - 1))
    return (1 + int((maxima >= np.fmin(score, student)).sum())) / (1 + len(maxima))


def minimum_backtest_years(n_trials: float, sharpe: float = 1.0) -> float:
    """Years of data below which the best of `n_trials` independent trials without skill is expected to show that annualised
    Sharpe ratio or more; 0 for one trial, NaN below one or for a Sharpe ratio that is not positive.

    (`expected_maximum(n)` / sharpe)^2: Bailey, Borwein, Lopez de Prado and Zhu 2014, theorem 2, which bounds it by
    2 ln(n) / sharpe^2.

    >>> round(minimum_backtest_years(45), 1)
    5.0
    """
    return float((expected_maximum(n_trials) / sharpe) ** 2) if sharpe > 0 else math.nan


def data_budget(years: float, used: float, *, sharpe: float = 1.0) -> DataBudget:
    """How many more independent trials `years` of data can bear at that annualised target; `used`: effective trials so far.

    `minimum_backtest_years` solved for the number of trials. Data that can bear more than 10^12 are said to bear 10^12.
    """
    needed = minimum_backtest_years(max(used, 1.0), sharpe) if used >= 0 else math.nan
    if not (years > 0 and sharpe > 0 and used >= 0):
        reason = f"{years:g} years, a target of {sharpe:g} and {used:g} trials; wanted positive years and target"
        return DataBudget(years, math.nan, used, math.nan, needed, reason)
    low, high = 0.0, math.log(_MOST_TRIALS)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if minimum_backtest_years(math.exp(middle), sharpe) <= years else (low, middle)
    supported = math.exp(low)
    return DataBudget(years, supported, used, max(supported - used, 0.0), needed)


def _score(daily: np.ndarray, benchmark: float) -> tuple[float, float]:
    """How many standard errors the Sharpe ratio lies above the benchmark, and the ratio; the score is NaN where the moments
    leave no standard error."""
    n = len(daily)
    centred = daily - daily.mean()
    second = float((centred**2).mean())
    sharpe = float(daily.mean()) / math.sqrt(second)
    skew = math.sqrt(n * (n - 1)) / (n - 2) * float((centred**3).mean()) / second**1.5
    fourth = float((centred**4).mean()) / second**2
    kurtosis = ((n * n - 1) * fourth - 3 * (n - 1) ** 2) / ((n - 2) * (n - 3)) + 3
    spread = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    return ((sharpe - benchmark) * math.sqrt((n - 1) / spread) if spread > 0 else math.nan), sharpe
