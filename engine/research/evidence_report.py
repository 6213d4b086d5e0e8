"""All that is known of what a run is worth: its rule of promotion, the statistics behind it, intervals, trials and looks."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from engine.analysis.alpha import alpha_over
from engine.analysis.deflated import DeflatedSharpe, deflated_sharpe
from engine.analysis.fold_evidence import FoldEvidence, not_folded
from engine.analysis.resampling import Interval, Resampled, block_bootstrap_interval
from engine.records import RUN_WINDOWS
from engine.research.evidence import CampaignBook, CampaignEvidence
from engine.research.promotion_rule import Judgement, judge
from engine.research.run_again import RunAgain, RunsAgain
from engine.research.vault import PanelOf, vault_bars
from engine.store.answers import RunRow
from engine.store.queries import Queries

_INTERVALS: tuple[Resampled, ...] = ("sharpe", "total_return")
_TRADED: tuple[Resampled, ...] = ("win_rate", "expectancy")


@dataclass(frozen=True)
class FigureInterval:
    """A headline figure of the run on a window, with the range that holds the true one in 95 of 100 cases; NaN bounds where they
    cannot be computed, with the `reason`. `n` of `n_of` stand behind it."""

    figure: str
    window: str
    value: float
    low: float
    high: float
    reason: str = ""
    n: int = 0
    n_of: str = "days"


@dataclass(frozen=True, eq=False)
class EvidenceReport:
    """A run's evidence. `deflated` on train; `alphas`: per year with its p, by window; `trials_on_bars`: scorings by anyone on
    the bars of train; `searched_in_vault`: scorings for which bars of the campaign's vault were train or validation, as on a
    dataset that goes on for longer; `looks` at that vault, newest first; `after_look`: the k of the last look that a person had
    taken for this theme when the run was made, None before any; `folds`: what choosing earns on other days of train."""

    run_id: str
    judgement: Judgement
    campaign: CampaignEvidence
    deflated: DeflatedSharpe
    alphas: dict[str, tuple[float, float]]
    intervals: tuple[FigureInterval, ...]
    trials_on_bars: int
    searched_in_vault: int
    looks: pd.DataFrame
    after_look: int | None
    folds: FoldEvidence

    def plain(self) -> dict[str, Any]:
        """As the command prints it; NaN where nothing was computed."""
        of, root = self.campaign, math.sqrt(self.campaign.days_per_year)
        base = of.over_baselines
        return {
            "run_id": self.run_id, "campaign": of.campaign_id, "promoted": self.judgement.is_promoted,
            "conditions": [c.plain() for c in self.judgement.conditions],
            "trials": of.trials, "effective_trials": of.effective, "trials_on_bars": self.trials_on_bars,
            "searched_in_vault": self.searched_in_vault,
            "judged_runs": of.judged, "judged_effective": of.judged_effective,
            "dsr": self.deflated.probability, "expected_best_sharpe": self.deflated.expected_best * root,
            "pbo": of.overfit.pbo,
            "spa_p": {"buy_and_hold": of.over_hold.p_consistent, "baselines": None if base is None else base.p_consistent},
            "reality_check_p": of.over_hold.p_reality_check,
            "alpha": {window: {"annual": annual, "p": p} for window, (annual, p) in self.alphas.items()},
            "intervals": [asdict(interval) for interval in self.intervals],
            "folds": asdict(self.folds), "looks": self.looks, "after_look": self.after_look,
        }  # fmt: skip


def evidence_report(
    run_id: str, queries: Queries, book: CampaignBook, panel_of: PanelOf, again: RunsAgain | None = None
) -> EvidenceReport:
    """The run's evidence by what is known; the vault stays shut. With `again` what the ledger does not keep is made again:
    trades, and returns of every set. Raises UnknownRun, CampaignError, DataError."""
    run = queries.run(run_id)
    why = "the run was not made again"
    made = RunAgain(not_folded(why), {}, dict.fromkeys(RUN_WINDOWS, why)) if again is None else again.of(run_id)
    spec, evidence = queries.campaign(run.campaign_id).spec, book.of(run.campaign_id)
    panel, train = panel_of(spec), spec.window("train")
    times = panel.times_ns
    alphas = {}
    for window in RUN_WINDOWS:
        alpha = alpha_over(evidence.daily(run_id, window), evidence.hold[window])
        alphas[window] = alpha.annual(evidence.days_per_year), alpha.p
    return EvidenceReport(
        run_id, judge(run_id, queries, book), evidence,
        deflated_sharpe(evidence.daily(run_id, "train"), np.empty(0), evidence.effective, spread="chance"),
        alphas, _intervals(run, evidence, made),
        queries.trials(spec.assets, int(times[train.start]), int(times[train.stop - 1])).total,
        queries.searched(*vault_bars(spec, panel)), queries.evidence.looks_on(*vault_bars(spec, panel), spec.data_hash),
        queries.evidence.after_looks(run.campaign_id, spec.data_hash).get(run_id), made.folds,
    )  # fmt: skip


def _intervals(run: RunRow, evidence: CampaignEvidence, made: RunAgain) -> tuple[FigureInterval, ...]:
    """Of the headline figures that days or numbers of trades tell."""
    out = []
    for window in RUN_WINDOWS:
        daily, figures = evidence.daily(run.run_id, window), run.figures.get(window, {})
        for figure in _INTERVALS:
            found: Interval = block_bootstrap_interval(daily, figure, days_per_year=evidence.days_per_year)
            out.append(FigureInterval(figure, window, found.value, found.low, found.high, found.reason, len(daily)))
        out.append(_yearly(out[-1], figures))
        out += [_of_trades(figure, window, figures.get(f"{figure}_with_open", math.nan), made) for figure in _TRADED]
    return tuple(out)


def _yearly(total: FigureInterval, figures: dict[str, float]) -> FigureInterval:
    """The annual return with its interval: the total return's, over as many years."""
    own = figures.get("annual_return", math.nan)
    growth, yearly = 1 + total.value, 1 + own
    if total.reason or min(growth, yearly) <= 0 or growth == 1 or not math.isfinite(yearly):
        told = total.reason or "it lost or gained nothing, or all"
        return replace(total, figure="annual_return", value=own, low=math.nan, high=math.nan, reason=told)
    per_year = math.log(yearly) / math.log(growth)
    low, high = (float(np.expm1(min(math.log(max(1 + bound, 1e-300)) * per_year, 700.0))) for bound in (total.low, total.high))
    return replace(total, figure="annual_return", value=own, low=low, high=high)


def _of_trades(figure: Resampled, window: str, value: float, made: RunAgain) -> FigureInterval:
    """Of a share or mean of trades: days are drawn with all trades that were closed on them."""
    name = f"{figure}_with_open"
    if window not in made.by_day:
        return FigureInterval(name, window, value, math.nan, math.nan, made.why_not[window])
    by_day = made.by_day[window][figure]
    found = block_bootstrap_interval(by_day, figure)
    return FigureInterval(name, window, value, found.low, found.high, found.reason, int(by_day[1].sum()), "trades")
