"""Is the model better than chance? Its runs against those of the better baseline, at equal trials.

The figures compared are validated Sharpe ratios: of the set that a run chose on train, on validation. A scored scenario is a
trial; a draft that was refused costs none. Runs of an arm that learns build on each other, so the true uncertainty is wider than
the intervals here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.analysis.intervals import LEAST_RUNS, mean_interval

MODEL = "model"
BASELINES = ("random", "mutate")
DRAWS = 400
NARROW = 0.3
"""Half of the width of a baseline's interval, in Sharpe, from which on it may have fewer runs."""


@dataclass(frozen=True, eq=False)
class ArmRuns:
    """Runs of one arm in the order made: `trials` (runs,) that each cost, `scores` (runs,) validated Sharpe ratios, NaN where
    a run has none or has fewer trades than the campaign asks for."""

    trials: np.ndarray
    scores: np.ndarray

    @property
    def spent(self) -> np.ndarray:
        """(runs,) trials up to and with each run."""
        return np.cumsum(self.trials)

    def within(self, trials: int) -> "ArmRuns":
        """The first runs, that cost no more than so many trials together."""
        cut = int(np.searchsorted(self.spent, trials, side="right"))
        return ArmRuns(self.trials[:cut], self.scores[:cut])

    @property
    def validated(self) -> int:
        """How many have a score."""
        return len(self._known)

    @property
    def mean(self) -> float:
        """Mean score; NaN without any, as is `best`."""
        return float(self._known.mean()) if len(self._known) else math.nan

    @property
    def best(self) -> float:
        """The highest score."""
        return float(self._known.max()) if len(self._known) else math.nan

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % interval of the mean (`intervals.mean_interval`); NaN with too few runs."""
        _, low, high = mean_interval(self._known.tolist())
        return (high - low) / 2

    @property
    def _known(self) -> np.ndarray:
        return self.scores[np.isfinite(self.scores)]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; NaN where it was not computed."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Meter:
    """How far an arm leads the better baseline at so many `trials` of each.

    `arm` is the model's, or `mutate` where no model takes part; `against`: the baseline with the higher mean. `mean`: by how much
    its mean validated Sharpe ratio is above that one's. `best`: the same of the best validated so far, against the best of any
    baseline. `efficiency`: trials that the quickest baseline needed over those that the arm needed, to `level`, the highest score
    that both sides have reached. `bound`: what is known of that ratio at the best score of all, which one side never reached: it
    is more than that where the arm leads, less where a baseline does (`is_ahead`). `runs`: those with a score, by arm. `problem`:
    why nothing was computed, as a sentence without its end.
    """

    arm: str = ""
    against: str = ""
    trials: int = 0
    mean: Estimate = field(default_factory=Estimate)
    best: Estimate = field(default_factory=Estimate)
    efficiency: Estimate = field(default_factory=Estimate)
    bound: float = math.nan
    is_ahead: bool = False
    level: float = math.nan
    runs: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


def meter(arms: Mapping[str, ArmRuns], *, seed: int = 0, draws: int = DRAWS) -> Meter:
    """The meter of one campaign.

    Intervals: percentiles of `draws` bootstrap samples, in which each run stands as often as a Poisson draw of mean 1 says, in
    the order made (Efron & Tibshirani 1993; Chamandy et al. 2012 for the draws); which baseline is the better one is decided
    anew in each. Those of `best` and `efficiency` rest on maxima, for which the bootstrap is only rough. Equal inputs give equal
    figures.

    >>> runs = {name: ArmRuns(np.full(9, 10), np.arange(9.0) + lead) for name, lead in (("model", 1.0), ("random", 0.0))}
    >>> found = meter(runs)
    >>> found.mean.value, found.efficiency.value, found.trials
    (1.0, 1.125, 90)
    """
    own, baselines = _sides(arms)
    if not own or not baselines:
        return Meter(own, problem="one arm alone has nothing to be compared with")
    trials = min(int(arms[name].trials.sum()) for name in (own, *baselines))
    cut = {name: arms[name].within(trials) for name in (own, *baselines)}
    runs = {name: of.validated for name, of in cut.items()}
    few = [f"{name} has {n}" for name, n in runs.items() if n < LEAST_RUNS]
    if few:
        return Meter(own, trials=trials, runs=runs, problem=f"too few validated runs: {', '.join(few)}; wanted {LEAST_RUNS}")
    rng = np.random.default_rng(seed)
    times = {name: rng.poisson(1.0, (draws, len(of.trials))).astype(float) for name, of in cut.items()}
    once = {name: np.ones((1, len(of.trials))) for name, of in cut.items()}
    pairs = zip(_figures(cut, once, own, baselines), _figures(cut, times, own, baselines), strict=True)
    mean, best, efficiency = (_estimate(float(found[0]), spread) for found, spread in pairs)
    bound, is_ahead = _bound(cut, own, baselines)
    level = min(cut[own].best, max(cut[name].best for name in baselines))
    return Meter(
        own, max(baselines, key=lambda name: cut[name].mean), trials, mean, best, efficiency, bound, is_ahead, level, runs
    )  # fmt: skip


def meter_text(found: Meter) -> str:
    """The mean lead in one line: `model +0.21 over mutate [-0.05, +0.47], n = 40 and 52`."""
    prefix = "" if found.arm == MODEL else "no model arm: "
    if found.problem:
        return f"{prefix}not computed, {found.problem}"
    lead = found.mean
    return (
        f"{prefix}{found.arm} {lead.value:+.2f} over {found.against} [{lead.low:+.2f}, {lead.high:+.2f}], "
        f"n = {found.runs[found.arm]:,} and {found.runs[found.against]:,}"
    )


def _sides(arms: Mapping[str, ArmRuns]) -> tuple[str, tuple[str, ...]]:
    """The arm that is measured, and what it is held against."""
    there = [name for name in BASELINES if name in arms]
    own = MODEL if MODEL in arms else (there[-1] if there else "")
    return own, tuple(name for name in there if name != own)


def _figures(
    arms: Mapping[str, ArmRuns], times: Mapping[str, np.ndarray], own: str, baselines: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lead of the mean, lead of the best, and efficiency (samples,), where `times` (samples, runs) says how often each run
    stands in a sample; not finite where an arm has no score in it."""
    means = {name: _mean(of.scores, times[name]) for name, of in arms.items()}
    peaks = {name: _peaks(of.scores, times[name]) for name, of in arms.items()}
    best_other = np.max([peaks[name][:, -1] for name in baselines], axis=0)
    level = np.minimum(peaks[own][:, -1], best_other)
    needed = {name: _needed(of.trials, times[name], peaks[name], level) for name, of in arms.items()}
    with np.errstate(invalid="ignore"):
        lead = means[own] - np.max([means[name] for name in baselines], axis=0)
        return lead, peaks[own][:, -1] - best_other, np.min([needed[name] for name in baselines], axis=0) / needed[own]


def _mean(scores: np.ndarray, times: np.ndarray) -> np.ndarray:
    known = np.isfinite(scores)
    count = times @ known.astype(float)
    return np.divide(times @ np.where(known, scores, 0.0), count, out=np.full(len(times), np.nan), where=count > 0)


def _peaks(scores: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(samples, runs) the best score so far; minus infinity before the first."""
    known = np.where(np.isfinite(scores), scores, -np.inf)
    return np.maximum.accumulate(np.where(times > 0, known, -np.inf), axis=1)


def _needed(trials: np.ndarray, times: np.ndarray, peaks: np.ndarray, level: np.ndarray) -> np.ndarray:
    """(samples,) trials up to the run that first reaches the level; infinite where none does."""
    reached = peaks >= level[:, None]
    spent = np.take_along_axis(np.cumsum(times * trials, axis=1), reached.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(reached.any(axis=1) & np.isfinite(level), spent, np.inf)


def _estimate(found: float, spread: np.ndarray) -> Estimate:
    known = spread[np.isfinite(spread)]
    low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (math.nan, math.nan)
    return Estimate(found, float(low), float(high))


def _bound(cut: Mapping[str, ArmRuns], own: str, baselines: tuple[str, ...]) -> tuple[float, bool]:
    """What the ratio of trials is at least (arm ahead) or at most (behind) at the best score of all; NaN for a tie."""
    rival = max(baselines, key=lambda name: cut[name].best)
    if cut[own].best == cut[rival].best:
        return math.nan, False
    is_ahead = cut[own].best > cut[rival].best
    winner, loser = (own, rival) if is_ahead else (rival, own)
    needed = int(cut[winner].spent[int(np.nanargmax(cut[winner].scores))])
    ratio = int(cut[loser].trials.sum()) / needed
    return (ratio, True) if is_ahead else (1.0 / ratio, False)
