"""Parts that show what a run did: figures side by side, one asset's candles and trades. Used by several pages."""

import json
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from engine.records import RUN_WINDOWS, CampaignSpec
from engine.research.chart_lines import ChartLines
from engine.research.service import ResearchService
from engine.store.answers import RunRow
from pages import figures, figures_runs, look, tables

MARGIN_BARS = 120  # shown before and after a trade that is looked at closely

TRADE_COLUMNS = {
    "symbol": st.column_config.TextColumn("Asset", pinned=True),
    "entry_time": st.column_config.DatetimeColumn("Entry (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "exit_time": st.column_config.DatetimeColumn("Exit (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "direction": st.column_config.TextColumn("Side", width="small"),
    "entry_price": st.column_config.NumberColumn("Entry price", format="%.6g", help="After slippage."),
    "exit_price": st.column_config.NumberColumn("Exit price", format="%.6g", help="After slippage."),
    "return": st.column_config.NumberColumn("P/L, % of notional", format="%+,.2f", help="P/L after fees per entry notional."),
    "pnl": st.column_config.NumberColumn("P/L, % of sleeve", format="%+,.2f", help="After fees, over the sleeve's capital."),
    "bars_held": st.column_config.NumberColumn("Bars held", format="%,d"),
    "reason": st.column_config.TextColumn("Ended by", help="`open`: still held at the window's end, valued at the last close."),
    "entry_tag": st.column_config.TextColumn("Entry rule", help="The name of the entry that was true first."),
    "ambiguous": st.column_config.CheckboxColumn("Ambiguous", help="Stop and target lay in one bar; the stop was taken."),
}


def show_figures(columns: Mapping[str, Mapping[str, float]], key: str) -> None:
    """All portfolio figures, a column for each entry, with their definitions."""
    config = {title: st.column_config.TextColumn(alignment="right", width="small") for title in columns}
    config["Figure"] = st.column_config.TextColumn(pinned=True)
    st.dataframe(tables.side_by_side(columns), column_config=config, hide_index=True, height=520, key=key)


def compare(service: ResearchService, run_ids: list[str]) -> None:
    """The ticked runs side by side: growth from the daily returns in the ledger, figures, parameters."""
    runs = [service.queries.run(run_id) for run_id in run_ids]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        window = st.segmented_control("Window", RUN_WINDOWS, default="validation", required=True, key="runs.window")
        for run in runs:
            st.page_link("pages/strategy.py", label=f"Open run {run.number:,}", icon=":material/arrow_forward:",
                         query_params={"campaign": run.campaign_id, "run": run.run_id})  # fmt: skip
    returns = {f"Run {run.number:,}": service.queries.daily_returns(run.run_id, window) for run in runs if run.failure is None}
    if returns:
        look.show(figures_runs.growth_figure(returns, dark=look.is_dark()), "runs.growth")
    show_figures({f"Run {run.number:,}": run.figures.get(window, {}) for run in runs}, "runs.figures")
    for run in runs:
        st.caption(f"Run {run.number:,}: {look.plain(tables.params_text(json.dumps(run.params or {})))}")


@st.fragment
def asset_trades(service: ResearchService, run: RunRow, spec: CampaignSpec, symbol: str, window: str) -> None:
    """One asset's candles with the run's trades, and the trades below; a ticked trade is shown from close by."""
    try:
        with st.spinner("Computing it again from the ledger"):
            trades = service.results.result(run.run_id, window).trades
        candles = service.results.candles(run.run_id, symbol, window)
        lines = service.results.lines(run.run_id, symbol) if window == "train" else ChartLines()
    except EngineError as error:
        look.problem(error)
        return
    mine = trades[trades["symbol"] == symbol].reset_index(drop=True)
    if candles.empty:
        st.info(f"{look.plain(symbol)} has no bar in the {window} window.", icon=":material/hourglass_empty:")
        return
    place = st.container()
    st.caption(f"{len(mine):,} trades in {look.plain(symbol)} on {window}. Tick one to see it from close by.")
    ticked = _trade_rows(mine, spec, f"trades.{run.run_id}.{symbol}.{window}")
    if ticked:
        trade = mine.iloc[ticked[0]]
        candles, mine = near(candles, trade), mine[mine["entry_bar"].between(trade["entry_bar"], trade["exit_bar"])]
    with place:
        shown = figures.candle_figure(
            candles, mine, lines=between(lines.on_price, candles), apart=between(lines.apart, candles), dark=look.is_dark()
        )
        look.show(shown, f"candles.{run.run_id}.{symbol}.{window}")


def _trade_rows(trades: pd.DataFrame, spec: CampaignSpec, key: str) -> list[int]:
    """The trades as a table; positions of the ticked rows."""
    money = st.column_config.NumberColumn(f"P/L, {spec.currency}", format="%+,.2f", help="P/L after fees.")
    first = ["entry_time", "exit_time", "direction", "money"]
    empty = [] if trades["entry_tag"].fillna("").any() else ["entry_tag"]  # only entries that the strategy names have one
    order = [*first, *(c for c in TRADE_COLUMNS if c not in (*first, *empty, "symbol"))]
    config = TRADE_COLUMNS | {"money": money}
    event = st.dataframe(
        tables.trade_table(trades, spec.capital / len(spec.assets)), column_config=config, column_order=order,
        hide_index=True, height=look.table_height(len(trades), 300), on_select="rerun", selection_mode="single-row", key=key,
    )  # fmt: skip
    return event.selection.rows


def between(lines: Mapping[str, pd.Series], candles: pd.DataFrame) -> dict[str, pd.Series]:
    """The lines as far as the candles reach."""
    return {name: line.loc[candles.index[0] : candles.index[-1]] for name, line in lines.items()}


def near(candles: pd.DataFrame, trade: pd.Series) -> pd.DataFrame:
    """The candles around a trade."""
    first, last = candles.index.searchsorted([trade["entry_time"], trade["exit_time"]])
    return candles.iloc[max(first - MARGIN_BARS, 0) : last + MARGIN_BARS]
