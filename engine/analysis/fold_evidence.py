"""What choosing among a run's parameter sets earns on days that it did not choose on: walk-forward and combinatorial paths.

All on train: neither validation nor vault is cut up for choosing. Lopez de Prado 2018, "Advances in financial machine learning",
chapters 7 and 12.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.analysis.evidence_inputs import candidates
from engine.analysis.metrics import sharpe
from engine.analysis.resampling import block_bootstrap_interval
from engine.analysis.walk_forward import Fold, Gaps, Range, best_on, cpcv_paths, path_returns, walk_forward_windows
from engine.errors import DataError

WINDOWS = 5
GROUPS, TEST_GROUPS = 8, 3
EMBARGO_DAYS = 1


@dataclass(frozen=True)
class FoldScore:
    """Yearly Sharpe ratio of one fold's choice: on the days it was chosen on, and on its test of `days`; NaN if none."""

    chosen_on: float
    tested_on: float
    days: int


@dataclass(frozen=True)
class WalkForward:
    """The set that was best by Sharpe ratio on each past part, on the next: the yearly `sharpe` of all those days joined with its
    95 % interval, `in_sample` that of the set that is best on these very days, and `folds`, the windows joined, in order of time.
    NaN with the `reason`."""

    sharpe: float = math.nan
    low: float = math.nan
    high: float = math.nan
    in_sample: float = math.nan
    folds: tuple[FoldScore, ...] = ()
    days: int = 0
    reason: str = ""


@dataclass(frozen=True)
class PathSpread:
    """Yearly Sharpe ratios of the combinatorial paths: all in order, the median, the 5 % quantile and the share below 0. NaN with
    the `reason`."""

    sharpes: tuple[float, ...] = ()
    median: float = math.nan
    low: float = math.nan
    below_zero: float = math.nan
    folds: int = 0
    reason: str = ""


@dataclass(frozen=True)
class FoldEvidence:
    """Both, with what keeps their folds apart: `gaps` in days of train; `sets` that were scored; `seconds` that scoring
    them again took."""

    walk_forward: WalkForward
    paths: PathSpread
    gaps: Gaps = field(default_factory=Gaps)
    sets: int = 0
    seconds: float = 0.0


def not_folded(reason: str) -> FoldEvidence:
    """Nothing was computed, and why."""
    return FoldEvidence(WalkForward(reason=reason), PathSpread(reason=reason))


def gaps_in_days(warm_up_bars: int, bars_held: Sequence[int] | np.ndarray, bars_per_day: float) -> Gaps:
    """Gaps between folds of days: the strategy's own warm-up and the longest time a position was held, each rounded up, and a day
    of embargo. Longest and not median, since one position that reaches into a test is enough to tell of it."""
    longest = int(max(bars_held, default=0))
    return Gaps(math.ceil(warm_up_bars / bars_per_day), math.ceil(longest / bars_per_day), EMBARGO_DAYS)


def fold_evidence(returns: np.ndarray, gaps: Gaps, *, days_per_year: float, seconds: float = 0.0) -> FoldEvidence:
    """Both from (sets, days) daily returns on train. What cannot be computed says why; nothing is raised."""
    tried = np.atleast_2d(returns)
    kept, reason = candidates(tried, least=2)
    if len(tried) < 2:
        reason = f"{len(tried)} parameter set was scored; wanted at least 2, to choose one"
    if reason:
        return FoldEvidence(WalkForward(reason=reason), PathSpread(reason=reason), gaps, len(tried), seconds)
    return FoldEvidence(_walked(kept, gaps, days_per_year), _spread(kept, gaps, days_per_year), gaps, len(tried), seconds)


def _walked(returns: np.ndarray, gaps: Gaps, days_per_year: float) -> WalkForward:
    try:
        folds = walk_forward_windows(returns.shape[1], WINDOWS, gaps=gaps)
    except DataError as error:
        return WalkForward(reason=f"in days: {error}")
    judged = [(fold, best) for fold in folds if (best := best_on(returns, fold)) is not None]
    if not judged:
        return WalkForward(reason="no set traded in any of the parts to choose on")
    scores = tuple(_score(returns[best], fold, days_per_year) for fold, best in judged)
    out = np.concatenate([_on(returns[best], fold.test) for fold, best in judged])
    same = np.concatenate([_on(returns, fold.test) for fold, _ in judged], axis=1)
    inside = sharpe(same, days_per_year)
    in_sample = float(np.nanmax(inside)) if np.isfinite(inside).any() else math.nan
    found = block_bootstrap_interval(out, "sharpe", days_per_year=days_per_year)
    return WalkForward(found.value, found.low, found.high, in_sample, scores, len(out), found.reason)


def _score(returns: np.ndarray, fold: Fold, days_per_year: float) -> FoldScore:
    train, test = _on(returns, fold.train), _on(returns, fold.test)
    return FoldScore(float(sharpe(train, days_per_year)), float(sharpe(test, days_per_year)), len(test))


def _on(returns: np.ndarray, ranges: Sequence[Range]) -> np.ndarray:
    """The days of these ranges, of one set or of all."""
    return np.concatenate([returns[..., start:stop] for start, stop in ranges], axis=-1)


def _spread(returns: np.ndarray, gaps: Gaps, days_per_year: float) -> PathSpread:
    try:
        paths = cpcv_paths(returns.shape[1], groups=GROUPS, test_groups=TEST_GROUPS, gaps=gaps)
    except DataError as error:
        return PathSpread(reason=f"in days: {error}")
    along = path_returns(returns, paths)
    if np.isnan(along).any():
        return PathSpread(folds=len(paths.folds), reason="in some folds no set traded on the days to choose on")
    found = sharpe(along, days_per_year)
    if not np.isfinite(found).all():
        return PathSpread(folds=len(paths.folds), reason="the returns of a path are the same every day")
    ordered = tuple(float(value) for value in np.sort(found))
    return PathSpread(
        ordered, float(np.median(found)), float(np.quantile(found, 0.05)), float((found < 0).mean()), len(paths.folds)
    )  # fmt: skip
