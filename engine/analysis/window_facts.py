"""What is known of a run's best set on one window, and what luck alone would have shown there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from engine.analysis.deflated import expected_best_sharpe, sampling_variance
from engine.analysis.intervals import LEAST_RUNS


@dataclass(frozen=True, eq=False)
class WindowFacts:
    """What is known of a run's best set on one window.

    `figures`: portfolio figures; `daily`: (days,) returns; `hold`: figures of equal-weight buy-and-hold under the same names;
    `rivals`: figures of the baselines' runs, one row each, with a column `arm`; `by_day`: (2, days) as of `trades_by_day`, for
    win_rate and expectancy. `trials`: effective trials that the run was chosen from there. `why_not`: why nothing is known;
    `no_trades`: why `by_day` is not.
    """

    figures: Mapping[str, float] = field(default_factory=dict)
    daily: np.ndarray = field(default_factory=lambda: np.empty(0))
    hold: Mapping[str, float] = field(default_factory=dict)
    rivals: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"arm": []}))
    by_day: Mapping[str, np.ndarray] = field(default_factory=dict)
    trials: float = math.nan
    is_sealed: bool = False
    why_not: str = ""
    no_trades: str = "needs trades"


@dataclass(frozen=True)
class Luck:
    """The value that luck alone would have reached, and how that was found; NaN with why not."""

    value: float
    told: str


def luck_alone(of: str, known: WindowFacts, days_per_year: float) -> Luck:
    """What the figure would be by luck alone.

    Sharpe ratio: the expected best of the effective trials. Total return: that of the run's own days, moved alike until their
    Sharpe ratio is that one. Any other figure: the median over the random arm's runs.
    """
    daily = np.asarray(known.daily, float)
    if of in ("sharpe", "total_return") and len(daily) > 1 and known.trials >= 1:
        best = float(expected_best_sharpe(sampling_variance(len(daily)), known.trials))  # per day
        told = f"best of {known.trials:,.0f} trials"
        if of == "sharpe":
            return Luck(best * math.sqrt(days_per_year), told)
        moved = daily - daily.mean() + best * daily.std(ddof=1)
        return Luck(float(np.expm1(np.log(np.maximum(1 + moved, 1e-300)).sum())), told)
    drawn = known.rivals.loc[known.rivals["arm"] == "random"]
    values = drawn[of].astype(float).dropna() if of in drawn else pd.Series(dtype=float)
    if len(values) < LEAST_RUNS:
        return Luck(math.nan, f"{len(values)} of {LEAST_RUNS} random runs")
    return Luck(float(values.median()), f"{len(values):,} random runs")
