"""Strategy: what is this strategy, and does it hold outside train?"""

from functools import partial

import streamlit as st

from engine.analysis.intervals import share_interval
from engine.errors import EngineError
from engine.records import RUN_WINDOWS
from engine.store.answers import CampaignRow, RunRow
from pages import (
    code_views,
    editor,
    evidence_view,
    figures,
    look,
    luck_view,
    result_views,
    run_choice,
    selection,
    steering,
    story,
    tables,
    trade_chart,
)
from pages.access import research
from pages.downloads import downloads
from pages.figures_runs import fall
from pages.headline import holds
from pages.survival_view import survives

service = research()
queries = service.queries


def equity(run: RunRow, campaign: CampaignRow) -> None:
    """Equity, drawdown and exposure on both windows, against buy-and-hold."""
    dark = look.is_dark()
    for place, window in zip(st.columns(2, gap="medium"), RUN_WINDOWS, strict=True):
        with place:
            with st.spinner("Computing it again from the ledger"):
                result = service.results.result(run.run_id, window)
            st.markdown(
                f"**{window.capitalize()}**: {'what the search saw' if window == 'train' else 'what it was not fitted on'}"
            )
            look.show(figures.equity_figure(result.equity, result.buy_and_hold, window=window, dark=dark), f"equity.{window}")
            held = fall(result.buy_and_hold)
            look.show(figures.drawdown_figure(result.drawdown, held, window=window, dark=dark), f"drawdown.{window}")
            look.show(figures.exposure_figure(result.exposure, window=window, dark=dark), f"exposure.{window}")


def trades(run: RunRow, campaign: CampaignRow) -> None:
    """The trades of one asset on its candles."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        window = st.segmented_control("Window", RUN_WINDOWS, default="train", required=True, key="strategy.window",
                                      persist_state="session")  # fmt: skip
        assets = queries.run_assets(run.run_id, window).sort_values("contribution", ascending=False, na_position="last")
        texts = {row.Index: f"{row.Index}: {look.percent(row.contribution)}, {look.count(row.trades_with_open)} trades"
                 for row in assets.itertuples()}  # fmt: skip
        symbol = selection.pick("Asset, by contribution", "asset", list(texts), format_func=texts.get)
        choices = {"campaign": run.campaign_id, "run": run.run_id}
        st.page_link("pages/trades.py", label="Why it won and lost", icon=":material/arrow_forward:", query_params=choices)
        st.page_link("pages/assets.py", label="All assets", icon=":material/arrow_forward:", query_params=choices)
    trade_chart.asset_trades(service, run, campaign.spec, str(symbol), window)


def all_figures(run: RunRow, campaign: CampaignRow) -> None:
    """Every figure on train and validation."""
    result_views.show_figures({w.capitalize(): run.figures[w] for w in RUN_WINDOWS}, "strategy.figures")


def scenarios(run: RunRow, campaign: CampaignRow) -> None:
    """Every parameter set that was tried on train."""
    table = tables.scenario_table(queries.scenarios(run.run_id))
    st.caption(f"{len(table):,} parameter sets on train, best objective first: "
               f"{look.figure_label(campaign.spec.objective)}. Chosen: {look.plain(run.reason)}.")  # fmt: skip
    shown, config = look.figure_table(table)
    config |= {
        "scenario": st.column_config.NumberColumn("Set", format="%,d", pinned=True, width="small"),
        "objective": st.column_config.NumberColumn("Objective", format="%,.3f", pinned=True, help="What the campaign maximises."),
        "failure": st.column_config.TextColumn("Failure"),
    }
    st.dataframe(shown, column_config=config, hide_index=True, height=look.table_height(len(table), 520),
                 placeholder=look.NOT_COMPUTED)  # fmt: skip


def trust(run: RunRow, campaign: CampaignRow) -> None:
    """What must be known before one trusts these figures."""
    outside = run.figures["validation"]
    rate, trades = outside.get("win_rate_with_open"), outside.get("trades_with_open")
    if trades:
        bounds = look.interval(*share_interval(rate, trades))
        st.caption(f"Win rate on validation: {look.percent(rate, signed=False)} of {trades:,.0f} trades, 95% interval {bounds}"
                   " with trades taken as independent; Evidence draws whole days.")  # fmt: skip
    for window in RUN_WINDOWS:
        for told in tables.warnings_on(run.figures[window]):
            st.warning(f"{window.capitalize()}: {told}", icon=":material/warning:")
    least = {"train": campaign.spec.min_trades, "validation": campaign.spec.validation_min_trades}
    for window, wanted in least.items():
        if run.figures[window].get("trades_with_open", 0) < wanted:
            st.warning(
                f"Fewer trades on {window} than the {wanted:,} that the campaign asks for: it ranks last.",
                icon=":material/warning:",
            )


CODE, CHECK = partial(code_views.code, service), partial(editor.check, service)
TOLD = {"Why": partial(story.why, service), "Steer": partial(steering.steer, service)}
VIEWS = {"Equity": equity, "Trades": trades, "Figures": all_figures, "Code": CODE, "Scenarios": scenarios, "Check": CHECK} | TOLD
VIEWS |= {"Evidence": partial(evidence_view.evidence, service), "Survives?": partial(survives, service)}
FAILED_VIEWS = {"Code": CODE, "Check": CHECK} | TOLD


def tab(names: list[str], key: str) -> str:
    """The tab in view: the one that the address names, else the one that this viewer has chosen. The address follows it."""
    asked, shown = st.query_params.get("tab"), st.session_state.get("strategy.tab")
    if asked and asked != shown:
        found = next((name for name in names if name.casefold().rstrip("?") == asked.casefold().rstrip("?")), None)
        if found:
            st.session_state[key] = found
        else:
            told = f"There is no tab {look.plain(repr(asked[:40]))} for this run; there are {', '.join(names)}."
            st.warning(told, icon=":material/link_off:")
    st.session_state.setdefault(key, names[0])  # a default beside what an address has set is a warning in the server's log
    view: str = st.segmented_control("View", names, required=True, key=key, persist_state="session",
                                     label_visibility="collapsed", wrap=True)  # fmt: skip
    st.query_params["tab"] = st.session_state["strategy.tab"] = view
    return view


def without_run(campaign: CampaignRow) -> None:
    """A campaign that has no run yet: one can be made by hand."""
    st.info("This campaign has no run yet. Start it, and the first one will stand here; or write one.", icon=":material/edit:")
    editor.editor(service, campaign, None)


def page() -> None:
    """One run of one campaign, from the address or picked."""
    campaign, run = run_choice.campaign_and_run(
        service, "Its runs, and an editor for strategies of your own,", without_run=without_run
    )
    st.markdown(f"**{look.plain(run.summary)}**")
    fresh = "no parent" if run.arm == "human" else "a fresh draw: no parent"
    origin = f"from run {queries.run(run.parent_run_id).number:,}" if run.parent_run_id else fresh
    author = "by hand" if run.arm == "human" else f"by the {look.arm_text(run.arm)} arm"
    after = queries.evidence.after_looks(run.campaign_id, campaign.spec.data_hash).get(run.run_id)
    origin += "" if after is None else f", made after look {after} into the vault"
    st.caption(f"Run {run.number:,} {author}, {origin}. Chosen parameters: {look.plain(run.reason)}. Id `{run.run_id}`.")
    if run.failure or not run.figures["train"]:
        look.problem(f"Run {run.number:,} failed. {run.failure or run.reason}")
        FAILED_VIEWS[tab(list(FAILED_VIEWS), "strategy.failed_view")](run, campaign)
        return
    holds(run)
    luck_view.beside_run(service, run, campaign)
    trust(run, campaign)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        view = tab(list(VIEWS), "strategy.view")
        with st.popover("Download", icon=":material/download:"):
            downloads(service, run, campaign)
    VIEWS[view](run, campaign)


look.header("Strategy", "What is this strategy, and does it hold outside train?")
try:
    page()
except EngineError as error:
    look.problem(error)
