"""What luck alone shows in a campaign: the expected best as trials pile up, and how many more of them the data can bear."""

import math
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.chance import DRAWS, chance_maxima, independent_trials
from engine.analysis.deflated import DataBudget, data_budget, sampling_variance
from engine.analysis.evidence_inputs import candidates
from engine.analysis.luck import LuckCurve, luck_curve
from engine.market.assemble import days_per_year, most_common_step_s
from engine.market.bars import DAY_NS
from engine.records import RUN_WINDOWS
from engine.research.evidence import trials_beside_runs, with_unknown
from engine.store.queries import Queries

POINTS = 24
"""Of a curve: luck grows with the logarithm of the trials."""
SHARPE = 1.0
"""The annual Sharpe ratio for which the data budget is told."""


@dataclass(frozen=True, eq=False)
class LuckLine:
    """Luck on one window: `numbers` (points,) of runs, and the best of all trials up to each by luck alone, Sharpe a year."""

    numbers: np.ndarray
    curve: LuckCurve
    days: int

    @property
    def effective(self) -> float:
        """Effective trials of all runs; NaN without any."""
        return float(self.curve.trials[-1]) if len(self.curve.trials) else math.nan


@dataclass(frozen=True, eq=False)
class CampaignLuck:
    """Luck in a campaign as of its first `runs` runs, by window, and the data budget of train."""

    runs: int
    days_per_year: float
    lines: dict[str, LuckLine]
    budget: DataBudget


def runs_counted(runs: int) -> int:
    """The runs that luck is computed from: all of the first hundred, then as many as two digits tell, since luck grows slowly
    and is not to be computed anew for each run.

    >>> runs_counted(87), runs_counted(1_234)
    (87, 1200)
    """
    step = 10 ** max(len(str(runs)) - 2, 0)
    return runs - runs % step


def campaign_luck(campaign_id: str, queries: Queries) -> CampaignLuck:
    """Luck in the campaign. On train all scenarios count, on validation the best sets, one a run. Trials whose maxima nobody
    kept count as independent, and so do replays, from the first run on. The ledger tells all of it, the bars may be gone."""
    days = {window: queries.evidence.days(campaign_id, window) for window in RUN_WINDOWS}
    per_year = _days_per_year(days["train"])
    rows = queries.evidence.luck_by_run(campaign_id, runs_counted(queries.evidence.run_count(campaign_id)))
    maxima, unknown = np.full(DRAWS, -np.inf), trials_beside_runs(campaign_id, queries)
    validation = queries.evidence.returns(campaign_id, "validation")
    daily = dict(zip(validation.run_ids, validation.daily, strict=True))
    judged = np.full(DRAWS, -np.inf)
    points: dict[str, list[tuple[int, float]]] = {window: [] for window in RUN_WINDOWS}
    stops = np.unique(np.geomspace(1, max(len(rows), 1), POINTS).round().astype(int))
    for start, stop in zip([0, *stops[:-1]], stops, strict=True):
        for row in rows[start:stop]:
            unknown += row.scenarios if row.maxima is None else 0
            maxima = maxima if row.maxima is None else np.maximum(maxima, row.maxima)
        own = [daily[row.run_id] for row in rows[start:stop] if row.run_id in daily]
        if own and len(kept := candidates(np.array(own))[0]):
            judged = np.maximum(judged, chance_maxima(kept))
        if start == stop or not rows:
            continue
        number = rows[min(stop, len(rows)) - 1].number
        points["train"].append((number, independent_trials(with_unknown(maxima, unknown, campaign_id))))
        points["validation"].append((number, independent_trials(judged)))
    lines = {window: _line(points[window], len(days[window]), per_year) for window in RUN_WINDOWS}
    used = lines["train"].effective
    budget = data_budget(len(days["train"]) / per_year, 0.0 if math.isnan(used) else used, sharpe=SHARPE)
    if not len(days["train"]):
        budget = replace(budget, reason="no run has returns on train yet; the first scored run brings them")
    return CampaignLuck(len(rows), per_year, lines, budget)


def _days_per_year(days: np.ndarray) -> int:
    """Of UTC day numbers on which there were bars, as their market has it; 365 where nothing is known."""
    times_ns = days * DAY_NS
    return days_per_year(times_ns, most_common_step_s(times_ns)) if len(days) > 1 else 365


def _line(points: list[tuple[int, float]], days: int, per_year: float) -> LuckLine:
    known = [(number, effective) for number, effective in points if math.isfinite(effective)]
    numbers = np.array([number for number, _ in known])
    effective = np.array([effective for _, effective in known])
    return LuckLine(numbers, luck_curve(effective, per_year * sampling_variance(days)), days)
