"""One asset's candles with a run's trades and what its strategy saw, and how one trade was counted. Used by several pages."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from engine.analysis.fill_story import COSTS, FillStory
from engine.backtest.levels import trade_levels
from engine.errors import EngineError
from engine.records import CampaignSpec
from engine.research.chart_lines import ChartLines
from engine.research.evaluation import RunResult
from engine.research.service import ResearchService
from engine.store.answers import RunRow
from pages import figures_candles, look, tables
from pages.result_views import TRADE_COLUMNS

MARGIN_BARS = 120  # shown before and after what is looked at closely
MOST_LEVELS = 100
"""Stops and targets of more trades than these could not be told apart."""
VOLUME, LEVELS = "Volume", "Stops and targets"
_FIRST_LINES = 2


@st.fragment
def asset_trades(
    service: ResearchService, run: RunRow, spec: CampaignSpec, symbol: str, window: str, *, only: tuple[int, ...] | None = None
) -> None:
    """One asset's candles with the run's trades, and the trades below; a ticked trade is shown from close by, with its
    arithmetic. `only`: of these positions in the run's trades alone, from close by."""
    try:
        with st.spinner("Computing it again from the ledger"):
            result = service.results.result(run.run_id, window)
        candles = service.results.candles(run.run_id, symbol, window)
        lines = service.results.lines(run.run_id, symbol) if window == "train" else ChartLines()
    except EngineError as error:
        look.problem(error)
        return
    mine = result.trades[result.trades["symbol"] == symbol]
    if only is not None:
        mine = mine[mine.index.isin(only)]
    if candles.empty:
        st.info(f"{look.plain(symbol)} has no bar in the {window} window.", icon=":material/hourglass_empty:")
        return
    key = f"{run.run_id}.{symbol}.{window}.{'all' if only is None else only[0]}"
    shown = _drawn(lines, f"chart.{run.run_id}")
    place = st.container()
    st.caption(
        f"{len(mine):,} trades in {look.plain(symbol)} on {window}. Tick one to see it from close by, and how it was counted."
    )
    ticked = _trade_rows(mine, spec, f"trades.{key}")
    looked_at = mine.iloc[ticked] if ticked else mine
    if (ticked or only is not None) and len(looked_at):
        candles = near(candles, looked_at["entry_time"].min(), looked_at["exit_time"].max())
        looked_at = result.trades[result.trades["symbol"] == symbol]
        looked_at = looked_at[looked_at["entry_time"].between(candles.index[0], candles.index[-1])]
    with place:
        figure = figures_candles.candle_figure(
            candles, looked_at, lines=between(_chosen(lines.on_price, shown), candles),
            apart=between(_chosen(lines.apart, shown), candles), volume=VOLUME in shown,
            levels=_levels(result, looked_at) if LEVELS in shown else None, dark=look.is_dark(),
        )  # fmt: skip
        look.show(figure, f"candles.{key}")
    if ticked:
        fill(service.results.fill(run.run_id, window, int(mine.index[ticked[0]])), result)
        _seen(lines, mine.iloc[ticked[0]], result)


def _drawn(lines: ChartLines, key: str) -> list[str]:
    """What the viewer wants drawn beside candles and trades; at first what the strategy itself wants, else its first prices."""
    first = [*(lines.wanted or list(lines.on_price)[:_FIRST_LINES]), LEVELS]
    return st.pills(
        "Beside the candles", [VOLUME, LEVELS, *lines.on_price, *lines.apart], default=first, selection_mode="multi", key=key,
        format_func=look.plain, help="Lines of the strategy's `plot` and its calls of `ta`, on train only.",
    )  # fmt: skip


def _chosen(lines: Mapping[str, pd.Series], shown: list[str]) -> dict[str, pd.Series]:
    return {name: series for name, series in lines.items() if name in shown}


def _levels(result: RunResult, trades: pd.DataFrame) -> pd.DataFrame | None:
    """Stops and targets of these trades, None if they are too many to be told apart."""
    if len(trades) > MOST_LEVELS:
        return None
    market = result.whole.market
    return figures_candles.level_lines(trade_levels(market, trades), result.whole.times, market.panel.bar_s)


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


def fill(story: FillStory, result: RunResult) -> None:
    """How one trade was counted: each step with its arithmetic and its rule, and what the slow twin says."""
    times = result.whole.times
    entered = times[int(story.trade["entry_bar"])]
    st.markdown(f"**How this trade was counted**: {story.trade['direction']}, entered {entered:%Y-%m-%d %H:%M} UTC")
    rows = [
        {
            "Bar (UTC)": f"{times[step.bar]:%Y-%m-%d %H:%M}", "Step": look.plain(step.what), "Arithmetic": look.plain(step.sum),
            "Rule": step.rule if step.rule == COSTS else f"Rule {step.rule}",
        }
        for step in story.steps
    ]  # fmt: skip
    st.table(rows, hide_index=True)
    if story.twin is None:
        st.error("The slow twin, a second program made from the rules alone, does not make this trade: please report it.",
                 icon=":material/error:")  # fmt: skip
    elif story.differs:
        told = ", ".join(f"{name.replace('_', ' ')} {story.twin[name]}" for name in story.differs)
        st.error(f"The slow twin, a second program made from the rules alone, says otherwise: {told}. Please report it.",
                 icon=":material/error:")  # fmt: skip
    else:
        st.success(
            "The slow twin, a second program made from the rules alone, makes the same trade: in at"
            f" {story.twin['entry_price']:,.8g}, out at {story.twin['exit_price']:,.8g}.", icon=":material/verified:",
        )  # fmt: skip
    st.page_link("pages/how_it_counts.py", label="The rules, and every figure's definition", icon=":material/menu_book:")


def _seen(lines: ChartLines, trade: pd.Series, result: RunResult) -> None:
    """What the strategy saw of the asset when the trade was decided, and at the last close before it ended."""
    every = lines.on_price | lines.apart
    if not every:
        return
    times = result.whole.times
    entry, leave = times[int(trade["entry_bar"]) - 1], times[max(int(trade["exit_bar"]) - 1, 0)]
    rows = [
        {
            "What the strategy saw": name, "At the deciding close": line.get(entry),
            "At the last close before the end": line.get(leave),
        }
        for name, line in every.items()
    ]  # fmt: skip
    numbers = {name: st.column_config.NumberColumn(format="%.6g") for name in list(rows[0])[1:]}
    st.dataframe(pd.DataFrame(rows), column_config=numbers, hide_index=True, placeholder=look.NOT_COMPUTED)


def between(lines: Mapping[str, pd.Series], candles: pd.DataFrame) -> dict[str, pd.Series]:
    """The lines as far as the candles reach."""
    return {name: line.loc[candles.index[0] : candles.index[-1]] for name, line in lines.items()}


def near(candles: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """The candles around that time."""
    first, last = candles.index.searchsorted([start, end])
    return candles.iloc[max(first - MARGIN_BARS, 0) : last + MARGIN_BARS]
