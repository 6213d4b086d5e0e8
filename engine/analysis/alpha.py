"""What a portfolio earns beyond its exposure to the market: Jensen's alpha over buy-and-hold of the same window.

The plain Sharpe ratio rewards whoever is long while the market rises, and on bars that follow a random walk in logs it rises
even without a trend, since E[exp(x)] > 1 for E[x] = 0. The intercept of the regression on buy-and-hold does not.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from engine.analysis.chance import normal_score
from engine.analysis.deflated import chance_of_luck, probabilistic_sharpe
from engine.analysis.evidence_inputs import series
from engine.analysis.metrics import LEAST


@dataclass(frozen=True, eq=False)
class Alpha:
    """`daily`: alpha, the mean return per day beyond `beta` times buy-and-hold; `t` with standard errors that allow for
    heteroscedasticity and autocorrelation; `p`: chance of so great an alpha, or greater, if the true one were 0. `beyond`:
    (days,) returns less beta times buy-and-hold. NaN, with the `reason`, where not computed."""

    daily: float = math.nan
    beta: float = math.nan
    t: float = math.nan
    p: float = math.nan
    beyond: np.ndarray | None = None
    reason: str = ""

    def annual(self, days_per_year: float) -> float:
        """Alpha per year, not compounded."""
        return self.daily * days_per_year


def beyond_hold(daily: np.ndarray, hold: np.ndarray) -> np.ndarray:
    """(..., days) returns less beta times the (days,) returns of buy-and-hold, beta by least squares; 0 where it is constant."""
    centred = hold - hold.mean()
    spread = float(centred @ centred)
    beta = daily @ centred / spread if np.ptp(hold) >= LEAST else np.zeros(daily.shape[:-1])
    return np.asarray(daily - np.multiply.outer(beta, hold))


def alpha_over(daily: np.ndarray, hold: np.ndarray) -> Alpha:
    """Alpha of (days,) returns over those of buy-and-hold on the same days.

    r = alpha + beta hold + e by least squares: Jensen 1968, "The performance of mutual funds in the period 1945-1964", Journal of
    Finance 23. Standard errors of Newey and West 1987, Econometrica 55, with floor(4 (days / 100)^(2/9)) lags; Student's t with
    days - 2 degrees of freedom. Where the skew-aware PSR of the returns beyond buy-and-hold says less, `p` is 1 - PSR.
    """
    own, reason = series(daily)
    held, reason_hold = series(hold)
    if len(own) != len(held):
        return Alpha(reason=f"{len(own)} days of returns and {len(held)} of buy-and-hold; wanted the same days")
    if reason or reason_hold:
        return Alpha(reason=reason or f"buy-and-hold: {reason_hold}")
    centred = held - held.mean()
    beta = float(own @ centred / (centred @ centred))
    beyond = own - beta * held
    if np.ptp(beyond) < LEAST:
        return Alpha(float(beyond.mean()), beta, reason="the returns are a fixed share of buy-and-hold")
    value = float(beyond.mean())
    error = _standard_error(beyond - value, held)
    t = value / error if error > 0 else math.nan
    freedom = len(own) - 2
    skewed = probabilistic_sharpe(beyond)
    p = float(stdtr(freedom, -t)) if math.isfinite(t) else math.nan
    return Alpha(value, beta, t, float(np.fmax(p, 1.0 - skewed)), beyond)


def luck_of_alpha(alpha: Alpha, maxima: np.ndarray) -> float:
    """How often the best of the trials behind `maxima` (`chance.chance_maxima`) would have so great an alpha without skill; NaN
    where not computed. The least of three scores counts: Student's t and PSR of the returns beyond buy-and-hold
    (`deflated.chance_of_luck`), and t with Newey and West's errors."""
    if alpha.beyond is None or not math.isfinite(alpha.t) or not len(maxima):
        return math.nan
    score = float(normal_score(alpha.t, len(alpha.beyond) - 2))
    return float(np.fmax(chance_of_luck(alpha.beyond, maxima), (1 + int((maxima >= score).sum())) / (1 + len(maxima))))


def _standard_error(residual: np.ndarray, held: np.ndarray) -> float:
    """Of the intercept; Newey and West 1987 with Bartlett weights, small-sample factor days / (days - 2)."""
    days = len(residual)
    x = np.column_stack([np.ones(days), held])
    scores = x * residual[:, None]
    middle = scores.T @ scores
    lags = int(4 * (days / 100) ** (2 / 9))
    for lag in range(1, lags + 1):
        product = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (product + product.T)
    inverse = np.linalg.inv(x.T @ x)
    return math.sqrt(max(float((inverse @ middle @ inverse)[0, 0]) * days / (days - 2), 0.0))
