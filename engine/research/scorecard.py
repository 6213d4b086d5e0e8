"""A recorded run's scorecard: what the ledger knows of it, of buy-and-hold and of the baselines, joined."""

import math
from dataclasses import dataclass

import pandas as pd

from engine.analysis.resampling import daily_trades
from engine.analysis.scorecard import Row, scorecard
from engine.analysis.window_facts import WindowFacts
from engine.records import RUN_WINDOWS
from engine.research.campaign_luck import CampaignLuck
from engine.research.results import Results
from engine.store.answers import RunRow
from engine.store.queries import Queries


@dataclass(frozen=True, eq=False)
class Scorecard:
    """A run's rows, and whether its trades were made again for intervals of the win rate."""

    run_id: str
    rows: tuple[Row, ...]
    has_trades: bool


def scorecard_of(run_id: str, queries: Queries, luck: CampaignLuck, *, results: Results | None = None) -> Scorecard:
    """The scorecard of a run's best set. The vault is told only if it was opened for this run. With `results` its trades are made
    again. Raises UnknownRun, CampaignError, DataError."""
    run = queries.run(run_id)
    asked = queries.campaign(run.campaign_id).spec.benchmarks.asked
    figures = tuple(dict.fromkeys(b.figure for b in asked))
    facts = {window: _searched(run, window, figures, queries, luck, results) for window in RUN_WINDOWS}
    rows = scorecard(asked, facts | {"vault": _vault(run, queries)}, arm=run.arm, days_per_year=luck.days_per_year)
    return Scorecard(run_id, rows, results is not None)


def _searched(
    run: RunRow, window: str, figures: tuple[str, ...], queries: Queries, luck: CampaignLuck, results: Results | None
) -> WindowFacts:
    found = run.figures.get(window, {})
    if not found:
        why = f"the run failed: {run.failure}" if run.failure else "the run has no result there"
        return WindowFacts(why_not=why)
    daily = queries.daily_returns(run.run_id, window)
    hold, gains = _hold(found), queries.run_assets(run.run_id, window)["buy_and_hold_return"].dropna()
    if len(gains):
        hold["win_rate_with_open"] = float((gains > 0).mean())
    days = pd.DatetimeIndex(daily.index).as_unit("s").asi8 // 86_400
    by_day = {} if results is None else daily_trades(results.result(run.run_id, window).trades, days)
    return WindowFacts(
        found, daily.to_numpy(float), hold, queries.evidence.baselines(run.campaign_id, window, figures), by_day,
        luck.lines[window].effective,
    )  # fmt: skip


def _vault(run: RunRow, queries: Queries) -> WindowFacts:
    seen = queries.evidence.vault_result(run.run_id)
    if seen is None:
        return WindowFacts(is_sealed=True, why_not="sealed: nobody has opened it for this run")
    if seen.failure:
        return WindowFacts(why_not=f"the run failed there: {seen.failure}")
    return WindowFacts(seen.figures, seen.daily.astype(float), _hold(seen.figures), trials=float(seen.k), no_trades="not kept")


def _hold(figures: dict[str, float]) -> dict[str, float]:
    """The figures of buy-and-hold that the run's tell: it buys every listed asset once."""
    listed = figures.get("assets_listed", math.nan)
    found = {
        "total_return": figures.get("buy_and_hold_return", math.nan), "sharpe": figures.get("buy_and_hold_sharpe", math.nan),
        "max_drawdown": figures.get("buy_and_hold_max_drawdown", math.nan),
    }  # fmt: skip
    return found | dict.fromkeys(("trades_with_open", "assets_traded", "assets_listed"), listed)
