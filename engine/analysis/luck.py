"""What luck alone shows as a search goes on: the line and the band behind every best-so-far curve."""

from dataclasses import dataclass

import numpy as np

from engine.analysis.chance import maximum_quantile
from engine.analysis.deflated import expected_best_sharpe


@dataclass(frozen=True)
class LuckCurve:
    """Expected best Sharpe ratio after each number of `trials` without skill, and the band that holds the best of so many in
    `level` of cases; all of one shape, in the unit of the variance's root, NaN where there is less than one trial."""

    trials: np.ndarray
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float


def luck_curve(n_trials: np.ndarray, variance: float, *, level: float = 0.9) -> LuckCurve:
    """The best of `n_trials` effective trials without skill, whose Sharpe ratios have that variance.

    Annualised: variance = days per year / (days - 1), with `days` of the window the best is taken on. Expected best: Bailey and
    Lopez de Prado 2014; band: quantiles of the largest of n independent normals, F^-1(q^(1/n)). NaN for a negative variance.
    """
    trials = np.asarray(n_trials, float)
    root = np.sqrt(variance) if variance >= 0 else np.nan
    low, high = (root * maximum_quantile(trials, share) for share in ((1 - level) / 2, (1 + level) / 2))
    return LuckCurve(trials, expected_best_sharpe(variance, trials), low, high, level)
