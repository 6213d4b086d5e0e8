"""Parts of the Trades page: what stands out, groups, sequences, kinds of entries, the worst and the best trades."""

import pandas as pd
import streamlit as st

from engine.analysis.around_trades import AFTER, BEFORE, DURING, Surroundings
from engine.analysis.breakdowns import breakdown_table
from engine.analysis.dimensions import Dimension
from engine.analysis.findings import NAMED, Finding
from engine.analysis.group_tests import LEAST_TRADES, q_values
from engine.analysis.sequences import Sequences
from engine.features.entry_states import RECENT
from engine.research.explanations import ExplainedRun
from engine.research.service import ResearchService
from engine.store.answers import RunRow
from pages import figures_trades, look, trade_chart
from pages.result_views import TRADE_COLUMNS

CELL_COLUMNS = {
    "label": st.column_config.TextColumn("By", pinned=True),
    "what": st.column_config.TextColumn("Trades", pinned=True),
    "trades": st.column_config.NumberColumn("n", format="%,d", help="Trades, open positions included."),
    "pnl": st.column_config.NumberColumn("P/L, % of capital", format="%+,.2f", help="Sum of P/L over all starting capital."),
    "wins": st.column_config.NumberColumn("Won, %", format="%,.1f", help="Share of trades with P/L after fees above 0."),
    "expectancy": st.column_config.NumberColumn("Mean, %", format="%+,.3f", help="Mean P/L after fees per entry notional."),
    "low": st.column_config.NumberColumn("Mean from, %", format="%+,.3f", help="Lower bound of the 95 % interval, by periods."),
    "high": st.column_config.NumberColumn("to, %", format="%+,.3f", help="Upper bound."),
    "others": st.column_config.NumberColumn("Others, %", format="%+,.3f", help="Mean of all other trades."),
    "q": st.column_config.NumberColumn("q", format="%.3g", help="Share of false discoveries among all that are as surprising."),
    "note": st.column_config.TextColumn("Note", width="large"),
}
SHOWN, GALLERY, GROUPS = 10, 3, 5


def stands_out(run: ExplainedRun) -> None:
    """What is beyond chance, most money first; or that nothing is."""
    found = run.found
    tried = int(found.breakdowns["p"].notna().sum())
    if not found.findings:
        st.info(
            f"Nothing beyond chance: none of {tried:,} groups of trades differs from the others at a false discovery rate of"
            f" {NAMED:.0%}. What stands below describes these trades and need not come again.",
            icon=":material/casino:",
        )  # fmt: skip
        return
    st.markdown(f"**Beyond chance**, of {tried:,} groups at a false discovery rate of {NAMED:.0%}, most money first")
    look.told_table([_finding_row(f) for f in found.findings], "Trades")


def _finding_row(f: Finding) -> dict[str, str]:
    return {
        "Trades": f.what[:1].upper() + f.what[1:], "n": f"{f.n:,}", "P/L of capital": look.percent(f.value),
        "95% interval": look.interval(f.low, f.high), "q": f"{f.q:.2g}",
        "In words": f"{look.percent(f.expectancy)} a trade on average, all others {look.percent(f.others)}",
    }  # fmt: skip


def cells_table(cells: pd.DataFrame, key: str, *, height: int = 420) -> None:
    """Cells of a breakdown, in percent, with their intervals and chances."""
    shown = cells.copy()
    shown[["pnl", "wins", "expectancy", "low", "high", "others"]] *= 100
    shown["what"] = shown["what"].str[:1].str.upper() + shown["what"].str[1:]
    order = [c for c in CELL_COLUMNS if c in shown and not (c == "note" and not shown["note"].any())]
    st.dataframe(shown[order], column_config=CELL_COLUMNS, hide_index=True, height=look.table_height(len(shown), height),
                 placeholder=look.NOT_COMPUTED, key=key)  # fmt: skip


def groups(service: ResearchService, run: ExplainedRun, row: RunRow, window: str) -> None:
    """Every dimension, one at a time, and the hours of the week."""
    cells = run.found.breakdowns
    labels = dict(zip(cells["dimension"], cells["label"], strict=True))
    chosen = st.selectbox(
        "By", list(labels), format_func=lambda name: labels[name].capitalize(), key="trades.dimension", width=320
    )
    own = cells[cells["dimension"] == chosen]
    if chosen == "asset":
        own = own.sort_values("pnl")
    cells_table(own.drop(columns="label"), f"trades.cells.{chosen}")
    charts = {"trades.calendar": figures_trades.calendar_figure}
    if run.result.market.panel.bar_s < 86_400:
        charts = {"trades.week": figures_trades.week_figure} | charts
    for key, chart in charts.items():
        look.show(chart(run.found.table, len(run.spec.assets), dark=look.is_dark()), key)


def sequences(service: ResearchService, run: ExplainedRun, row: RunRow, window: str) -> None:
    """Trades that follow each other, and whether a random order would show as many; a ticked episode opens its candles."""
    found = run.found
    if not found.sequences:
        st.info("No stop-outs in a row and no row of three losses or wins.", icon=":material/linear_scale:")
        return
    st.caption(
        "Chance is the share of 200 random orders of the same trades with as much. Stop-outs come in rows wherever prices are"
        " wild, so a small chance alone is no finding: entries made meanwhile must do worse than others too. Tick an episode to"
        " see its candles."
    )
    kinds = {s.kind: s for s in found.sequences}
    labels = {s.kind: f"{s.what[:1].upper()}{s.what[1:]}: {s.count:,}" for s in found.sequences}
    kind = st.selectbox("Sequences", list(kinds), format_func=labels.get, key="trades.sequence")
    _sequence(service, run, row, window, kinds[kind])


def _sequence(service: ResearchService, run: ExplainedRun, row: RunRow, window: str, s: Sequences) -> None:
    """One kind of sequences: figures, episodes, and the candles of the ticked one."""
    found = run.found
    with st.container(horizontal=True, gap="large"):
        st.metric("Sequences", f"{s.count:,}")
        st.metric("Their trades", f"{s.trades:,}")
        st.metric("P/L, % of capital", look.percent(s.pnl))
        usual = f"A random order of the same trades shows {s.usual:,.1f} trades on average."
        st.metric("Chance of as much", f"{s.chance:.2g}", help=usual)
    if s.state:
        state = "; ".join(f"{label} {own:.2g} against {others:.2g}" for label, own, others in s.state)
        st.caption(f"When they were decided, against all other trades: {look.plain(state)}.")
    episodes = [
        {
            "Asset": "several" if e.asset is None else found.names.assets[e.asset], "From": found.names.bar(e.first_bar),
            "Bars": e.last_bar - e.first_bar + 1, "Trades": len(e.trades), "P/L, % of capital": 100 * e.pnl,
        }
        for e in s.episodes
    ]  # fmt: skip
    config = {"P/L, % of capital": st.column_config.NumberColumn(format="%+,.3f"),
              "Bars": st.column_config.NumberColumn(format="%,d")}  # fmt: skip
    event = st.dataframe(pd.DataFrame(episodes), column_config=config, hide_index=True, on_select="rerun",
                         selection_mode="single-row", key=f"trades.episodes.{row.run_id}.{window}.{s.kind}")  # fmt: skip
    if not event.selection.rows:
        return
    episode = s.episodes[event.selection.rows[0]]
    own = found.table.iloc[list(episode.trades)]
    symbols = own.groupby("symbol")["pnl"].sum().sort_values().index.tolist()
    symbol = symbols[0] if len(symbols) == 1 else st.selectbox("Asset of the episode, worst first", symbols, width=320)
    trade_chart.asset_trades(service, row, run.spec, symbol, window, only=episode.trades)


def kinds(service: ResearchService, run: ExplainedRun, row: RunRow, window: str) -> None:
    """Clusters of entries and the splitting rule."""
    found = run.found
    if found.clusters is None:
        st.info("Too few trades for kinds of entries.", icon=":material/scatter_plot:")
        return
    st.markdown(f"**Kinds of entries**: clusters of states, silhouette {found.clusters.silhouette:.2f}")
    cells_table(_tested(run, Dimension("cluster", "", found.clusters.codes, found.clusters.what)), "trades.clusters")
    if window == "train" and st.toggle("The same kinds on validation", key="trades.outside"):
        _outside(service, run, row)
    if found.rule is not None:
        st.markdown("**The rule that splits trades best**, by a decision tree of depth two")
        cells_table(_tested(run, Dimension("rule", "", found.rule.codes, found.rule.what)), "trades.rule")
        ahead = (
            "not computed: too little time"
            if pd.isna(found.rule.ahead)
            else (f"its better leaves led by {look.percent(found.rule.ahead)} a trade, chance {found.rule.p:.2g}")
        )
        st.caption(f"On trades that a tree had not seen {ahead}. The leaves above were chosen on these very trades.")


def _outside(service: ResearchService, run: ExplainedRun, row: RunRow) -> None:
    """What the kinds of entries that were found on train made on validation."""
    clusters = run.found.clusters
    assert clusters is not None
    with st.spinner("Computing validation again from the ledger"):
        other = service.explanations.of(row.run_id, "validation")
    if not other.found.sample.trades:
        st.info("No trade on validation.", icon=":material/hourglass_empty:")
        return
    codes = clusters.assign(other.found.table)
    cells_table(_tested(other, Dimension("cluster", "", codes, clusters.what)), "trades.clusters.outside")
    st.caption("Each trade on validation stands with the kind of train that it is nearest to. A kind is stable if it is about as"
               " frequent there, and its mean lies on the same side of the others.")  # fmt: skip


def _tested(run: ExplainedRun, dimension: Dimension) -> pd.DataFrame:
    cells = breakdown_table(run.found.sample, [dimension]).drop(columns="label")
    return cells.assign(q=q_values(cells["p"].to_numpy(float)))


def extremes(service: ResearchService, run: ExplainedRun, row: RunRow, window: str) -> None:
    """The trades of least and of most return among those chosen, and how far all of them went; a ticked one opens its candles."""
    table = _chosen(run.found.table, f"{row.run_id}.{window}")
    if table.empty:
        st.info("No trade is left; choose less narrowly.", icon=":material/filter_alt_off:")
        return
    key = f"{row.run_id}.{window}.{hash(tuple(table.index))}"
    around, ticked = Surroundings(run.result.market), list[int]()
    for title, ahead in (("Worst", True), ("Best", False)):
        some = table.sort_values("return", ascending=ahead, kind="stable").head(min(SHOWN, (len(table) + 1) // 2))
        if some.empty:
            continue
        st.markdown(f"**{title} trades**")
        for place, (_, trade) in zip(st.columns(GALLERY), some.head(GALLERY).iterrows(), strict=False):
            with place:
                _small(run, trade, f"trades.small.{title}.{trade.name}")
        ticked += trades_table(some, around, f"trades.{title.lower()}.{key}")
    left, right = st.columns(2, gap="medium")
    with left:
        look.show(figures_trades.excursion_figure(table, ahead=False, dark=look.is_dark()), "trades.mae")
    with right:
        look.show(figures_trades.excursion_figure(table, ahead=True, dark=look.is_dark()), "trades.mfe")
    _groups_at_the_ends(run)
    for number in ticked[:1]:
        symbol = str(table.loc[number, "symbol"])
        st.subheader(f"{look.plain(symbol)}, {window}", anchor=False)
        trade_chart.asset_trades(service, row, run.spec, symbol, window, only=(number,))


def _groups_at_the_ends(run: ExplainedRun) -> None:
    """The groups of all trades that cost most and made most, of those that were known before the entry."""
    cells = run.found.breakdowns
    known = cells[cells["is_known_before"].astype(bool) & (cells["trades"] >= LEAST_TRADES)].sort_values("pnl")
    half = min(GROUPS, len(known) // 2)
    for title, some in (("cost", known.head(half)), ("made", known.tail(half).iloc[::-1])):
        if not some.empty:
            st.markdown(f"**Groups that {title} most**, of all trades")
            cells_table(some.drop(columns="label"), f"trades.groups.{title}")


def _chosen(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """The trades that pass the viewer's filters."""
    filters = {"direction": "Side", "reason": "Ended by", "entry_tag": "Entry rule", "symbol": "Asset"}
    with st.container(horizontal=True, gap="small"):
        for column, label in filters.items():
            options = sorted(set(table[column].fillna("")) - {""})
            if len(options) < 2:
                continue
            wanted = st.multiselect(label, options, format_func=lambda v: str(v).replace("_", " "), placeholder="all",
                                    key=f"trades.only.{column}.{key}", width=220)  # fmt: skip
            if wanted:
                table = table[table[column].isin(wanted)]
    return table


def _small(run: ExplainedRun, trade: pd.Series, key: str) -> None:
    """One trade small, with a line that says what it was."""
    market = run.result.market
    first, last = max(int(trade["entry_bar"]) - RECENT, 0), min(int(trade["exit_bar"]) + RECENT, market.window.bars - 1)
    close = market.panel.close[market.window.start + first : market.window.start + last + 1, int(trade["asset"])]
    st.caption(f"{look.plain(str(trade['symbol']))} {trade['direction']} {look.percent(trade['return'])}")
    look.show(figures_trades.trade_figure(pd.Series(close, run.result.times[first : last + 1]), trade, dark=look.is_dark()), key)


def trades_table(table: pd.DataFrame, around: Surroundings, key: str) -> list[int]:
    """Trades with how far they went, and what asset and market did before, during and after; positions in the run's trades of the
    ticked ones."""
    shown = table.copy()
    shown[["return", "mae", "mfe"]] *= 100
    shown["reason"] = shown["reason"].str.replace("_", " ")
    moves = [around.of_trade(trade) for _, trade in table.iterrows()]
    numbers = {"mae": "Against it, %", "mfe": "For it, %"}
    for who, told in (("asset", "Asset"), ("market", "Market")):
        for when, span in ((BEFORE, f"{RECENT} bars before"), (DURING, "during"), (AFTER, f"{RECENT} bars after")):
            shown[f"{who}.{when}"] = [100 * getattr(move, who)[when] for move in moves]
            numbers[f"{who}.{when}"] = f"{told} {span}, %"
    config = TRADE_COLUMNS | {n: st.column_config.NumberColumn(label, format="%+,.2f") for n, label in numbers.items()}
    order = ["symbol", "direction", "entry_time", "bars_held", "return", "reason", *numbers]
    event = st.dataframe(shown[order], column_config=config, hide_index=True, key=key, placeholder=look.NOT_COMPUTED,
                         on_select="rerun", selection_mode="single-row")  # fmt: skip
    return [int(table.index[at]) for at in event.selection.rows]
