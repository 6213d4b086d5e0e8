"""Assets: which assets carry this strategy, and which does it lose on?"""

from typing import Any

import pandas as pd
import streamlit as st

from engine.analysis.asset_equity import asset_equity
from engine.errors import EngineError
from engine.figures import ASSET_FIGURES
from engine.records import RUN_WINDOWS
from engine.store.answers import CampaignRow, RunRow
from pages import figures, figures_runs, look, run_choice, selection, trade_change_view, trade_chart
from pages.access import research

service = research()
queries = service.queries

# Figures that lead the table; the others follow.
FIRST = ["contribution", "pnl", "buy_and_hold_return", "trades_with_open", "win_rate_with_open", "profit_factor_with_open",
         "max_drawdown", "bars", "bars_held", "stop_outs"]  # fmt: skip

SMALL, ACROSS = 12, 4
CHANGED = ("contribution", "pnl", "trades_with_open", "win_rate_with_open", "profit_factor_with_open", "max_drawdown")


def window_choice() -> str:
    """The window that the figures are of."""
    return st.segmented_control("Window", RUN_WINDOWS, default="train", required=True, key="assets.window",
                                persist_state="session")  # fmt: skip


def choice(options: list[str]) -> tuple[str, str]:
    """Window and the figure that the bars show."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        window = window_choice()
        labels = {name: look.figure_label(name) for name in options}
        name = st.selectbox("Bars show", options, format_func=labels.get, key="assets.figure", width=260)
    return window, name


def ticked(frame: pd.DataFrame, symbols: list[str], config: dict[str, Any], key: str) -> None:
    """A table of assets, one row a symbol; a ticked row chooses that asset."""
    symbol = {"symbol": st.column_config.TextColumn("Asset", pinned=True)}
    st.caption(f"{len(symbols):,} assets. Tick one to see its trades.")
    place = f"{key}.{hash(tuple(symbols))}"

    def choose() -> None:
        rows = st.session_state[place]["selection"]["rows"]
        selection.choose("asset", symbols[rows[0]] if rows else None)

    chosen = [symbols.index(selection.current("asset"))] if selection.current("asset") in symbols else []
    st.dataframe(
        frame, column_config=symbol | config, hide_index=True, height=480, placeholder=look.NOT_COMPUTED, key=place,
        on_select=choose, selection_mode="single-row", selection_default={"selection": {"rows": chosen}},
    )  # fmt: skip


def in_this_run(run: RunRow, campaign: CampaignRow) -> None:
    """Each asset in this run, best contribution first."""
    window, name = choice(FIRST)
    assets = queries.run_assets(run.run_id, window).sort_values("contribution", ascending=False, na_position="last")
    bars, rows = st.columns([2, 3], gap="medium")
    with bars:
        look.show(figures.asset_bar_figure(assets, name, dark=look.is_dark()), "assets.bars")
    with rows:
        order = [*FIRST, *(name for name in ASSET_FIGURES if name not in FIRST)]
        shown, config = look.figure_table(assets[order].reset_index())
        ticked(shown, assets.index.tolist(), config, "assets.run")
    small_multiples(run, window, assets[assets["trades_with_open"] > 0].index.tolist())
    one_asset(run, campaign, window)


@st.fragment
def small_multiples(run: RunRow, window: str, symbols: list[str]) -> None:
    """The equity of the assets that carry most and least, small and beside each other. `symbols`: best contribution first."""
    if not symbols:
        return
    half = min(SMALL // 2, (len(symbols) + 1) // 2)
    shown = list(dict.fromkeys(symbols[:half] + symbols[-half:]))
    if not st.toggle(f"Equity of single assets: the {half} best and the {len(shown) - half} worst", key="assets.small"):
        return
    with st.spinner("Computing it again from the ledger"):
        made = asset_equity(service.results.result(run.run_id, window).whole, shown)
    for at in range(0, len(shown), ACROSS):
        for place, symbol in zip(st.columns(ACROSS), shown[at : at + ACROSS], strict=False):
            with place:
                st.caption(f"{look.plain(symbol)}: {look.percent(made[symbol].iloc[-1])} of its sleeve")
                look.show(figures_runs.asset_growth_figure(made[symbol], window, dark=look.is_dark()), f"assets.small.{symbol}")


def against_another(run: RunRow, campaign: CampaignRow) -> None:
    """Each asset in this run against another, greatest gain first."""
    other = run_choice.run(service, campaign, "Against", "other", but=run.run_id)
    if other.failure:
        st.info("Choose another run that has a result, and each asset's change from it to this run will stand here.")
        return
    window, name = choice(list(CHANGED))
    change = queries.asset_change(run.run_id, other.run_id, window)
    bars, rows = st.columns([2, 3], gap="medium")
    with bars:
        look.show(figures_runs.change_bar_figure(change, name, dark=look.is_dark()), "assets.change")
    with rows:
        columns = [c for figure in CHANGED for c in (f"change_{figure}", figure, f"other_{figure}")]
        shown, config = look.figure_table(change[["symbol", *columns]], prefixes=("change_", "other_", ""))
        ticked(shown, change["symbol"].tolist(), config, "assets.other")
    trade_change_view.run_change(service, run, other, campaign, window)
    one_asset(run, campaign, window)


def over_campaign(run: RunRow, campaign: CampaignRow) -> None:
    """Each asset over all runs of the campaign, best mean first."""
    window = window_choice()
    assets = queries.assets_over_campaign(campaign.campaign_id, window)
    bars, rows = st.columns([2, 3], gap="medium")
    with bars:
        means = assets.set_index("symbol")[["mean_pnl"]].set_axis(["pnl"], axis=1)
        chart = figures.asset_bar_figure(means, "pnl", dark=look.is_dark())
        look.show(chart.update_xaxes(title_text="Mean P/L over all runs, % of sleeve"), "assets.means")
    with rows:
        links = [None if look.is_missing(r) else selection.address("strategy", campaign=campaign.campaign_id, run=r)
                 for r in assets["best_run_id"]]  # fmt: skip
        shown = assets.assign(link=links, positive_share=100 * assets["positive_share"], mean_pnl=100 * assets["mean_pnl"],
                              best_pnl=100 * assets["best_pnl"]).drop(columns="best_run_id")  # fmt: skip
        ticked(shown, assets["symbol"].tolist(), {
            "runs": st.column_config.NumberColumn("Runs", format="%,d", help="Scored runs in which the asset took part."),
            "runs_traded": st.column_config.NumberColumn("Runs that traded it", format="%,d"),
            "mean_pnl": st.column_config.NumberColumn("Mean P/L, % of sleeve", format="%+,.2f", help="Mean over runs."),
            "positive_share": st.column_config.NumberColumn("Runs with a gain, %", format="%.1f"),
            "trades": st.column_config.NumberColumn("Trades", format="%,d", help="Over all runs; open positions count."),
            "best_pnl": st.column_config.NumberColumn("Best P/L, % of sleeve", format="%+,.2f"),
            "link": st.column_config.LinkColumn("Its run", display_text="strategy"),
        }, "assets.campaign")  # fmt: skip
    one_asset(run, campaign, window)


def one_asset(run: RunRow, campaign: CampaignRow, window: str) -> None:
    """The chosen asset's candles and trades in this run."""
    symbol = selection.current("asset")
    if symbol in campaign.spec.assets:
        st.subheader(f"{look.plain(str(symbol))} in run {run.number:,}, {window}", anchor=False)
        trade_chart.asset_trades(service, run, campaign.spec, str(symbol), window)


VIEWS = {"In this run": in_this_run, "Against another run": against_another, "Over all runs": over_campaign}


def page() -> None:
    """The assets of one run, from the address or picked."""
    campaign, run = run_choice.campaign_and_run(service)
    view = st.segmented_control("View", list(VIEWS), default="In this run", required=True, key="assets.view",
                                persist_state="session")  # fmt: skip
    if view != "Over all runs" and (run.failure or not run.figures["train"]):
        look.problem(f"Run {run.number:,} failed and has no assets. {run.failure or run.reason}")
    else:
        VIEWS[view](run, campaign)


look.header("Assets", "Which assets carry this strategy, and which does it lose on?")
try:
    page()
except EngineError as error:
    look.problem(error)
