"""Is any of many candidates better than a benchmark, given how many were looked at: Hansen's SPA and White's reality check."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.analysis.evidence_inputs import LEAST_DAYS
from engine.analysis.metrics import LEAST
from engine.analysis.resampling import draw_counts, optimal_block_length, stationary_draws

DRAWS: Final = 1_000


@dataclass(frozen=True)
class Superiority:
    """p-values of "no candidate is better than the benchmark". `p_consistent` is the answer; `p_lower` takes all candidates that
    lost so far to be as bad as they look, `p_upper` takes all to be as good as the benchmark; `p_reality_check` is White's, in
    plain returns, in which candidates with little spread hardly count. `best`: position of the candidate with the highest
    t-value `best_t`; -1 without one. NaN with the `reason` where not computed."""

    candidates: int
    p_lower: float = math.nan
    p_consistent: float = math.nan
    p_upper: float = math.nan
    p_reality_check: float = math.nan
    best: int = -1
    best_t: float = math.nan
    block_days: float = math.nan
    reason: str = ""


def superior_predictive_ability(
    candidates: np.ndarray, benchmark: np.ndarray, seed: int, *, draws: int = DRAWS, block_days: float | None = None
) -> Superiority:
    """SPA of (candidates, days) daily returns against the (days,) returns of a benchmark, such as buy-and-hold or 0.

    Hansen 2005, "A test for superior predictive ability": the statistic is the greatest t-value of the mean lead over the
    benchmark, at least 0; its distribution comes from a stationary bootstrap in which candidates are put back to no lead: all
    (`p_upper`), those not worse by sqrt(2 ln ln n) standard errors (`p_consistent`), those that lead (`p_lower`). White 2000, "A
    reality check for data snooping", is the first without division by the standard error; unlike in the paper its statistic is at
    least 0 too, so that p is 1 where none leads. p = (1 + draws that reach the statistic) / (1 + draws), never 0. `block_days`:
    mean block length, by default the mean optimal one of the leads.
    """
    positions, leads, reason = _leads(candidates, benchmark)
    if reason:
        return Superiority(len(leads), reason=reason)
    block = float(optimal_block_length(leads).mean()) if block_days is None else block_days
    counts = draw_counts(stationary_draws(leads.shape[1], block, draws, np.random.default_rng(seed)))
    errors = np.sqrt(long_run_variance(leads, block) / leads.shape[1])
    lower, consistent, upper = bootstrap_p_values(leads, counts, errors)
    check = bootstrap_p_values(leads, counts, errors, studentised=False)[2]
    values = leads.mean(axis=1) / errors
    best = int(values.argmax())
    return Superiority(len(leads), lower, consistent, upper, check, int(positions[best]), float(values[best]), block)


def long_run_variance(leads: np.ndarray, block_days: float) -> np.ndarray:
    """(candidates,) variance of sqrt(days) times the mean of (candidates, days) leads under the stationary bootstrap.

    The sum over all lags i of k(i) times the autocovariance, k(i) = (1 - i/n) (1 - q)^i + i/n (1 - q)^(n - i), q = 1 /
    block_days: Politis and Romano 1994, Hansen 2005.
    """
    days = leads.shape[1]
    centred = leads - leads.mean(axis=1, keepdims=True)
    lags, keep = np.arange(days), 1.0 - 1.0 / block_days
    kernel = (1 - lags / days) * keep**lags + lags / days * keep ** (days - lags)
    kernel[0] = 1.0
    toeplitz = kernel[np.abs(lags[:, None] - lags)]
    return np.maximum(((centred @ toeplitz) * centred).sum(axis=1) / days, LEAST**2)


def bootstrap_p_values(
    leads: np.ndarray, counts: np.ndarray, errors: np.ndarray, *, studentised: bool = True
) -> tuple[float, float, float]:
    """Lower, consistent and upper p-value of (candidates, days) leads from (draws, days) counts of days drawn; `errors`:
    (candidates,) standard errors of the mean leads, by which means are divided unless `studentised` is False."""
    days = leads.shape[1]
    means = leads.mean(axis=1)
    divisor = errors if studentised else np.ones_like(errors)
    statistic = max(float((means / divisor).max()), 0.0)
    relevant = means >= -errors * math.sqrt(2 * math.log(math.log(days)))
    drawn = counts @ leads.T / days
    lower, consistent, upper = (
        (1 + int((np.maximum(((drawn - centre) / divisor).max(axis=1), 0.0) >= statistic).sum())) / (1 + len(counts))
        for centre in (np.maximum(means, 0.0), np.where(relevant, means, 0.0), means)
    )
    return lower, consistent, upper


def _leads(candidates: np.ndarray, benchmark: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Positions and (kept, days) daily leads of the candidates whose lead is finite and varies, and why there are none."""
    returns, against = np.atleast_2d(np.asarray(candidates, float)), np.asarray(benchmark, float).ravel()
    none = np.empty(0, np.int64)
    if returns.shape[1] != len(against):
        return (
            none,
            returns[:0],
            f"{returns.shape[1]} days of candidates and {len(against)} of the benchmark; wanted the same days",
        )
    if len(against) < LEAST_DAYS:
        return none, returns[:0], f"{len(against)} days of returns; wanted at least {LEAST_DAYS}"
    if not np.isfinite(against).all():
        return none, returns[:0], "the benchmark has days without a return"
    leads = returns - against
    kept = np.flatnonzero(np.isfinite(leads).all(axis=1))
    kept = kept[np.ptp(leads[kept], axis=1) >= LEAST]
    if not len(kept):
        return kept, leads[kept], f"none of {len(leads)} candidates has returns on every day that differ from the benchmark's"
    return kept, leads[kept], ""
