"""Overview: is the research running, and what has it found so far?"""

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from engine.store.answers import CampaignRow
from pages import figures, look, run_choice, selection, setup, welcome
from pages.access import attempt, research, show_problem
from pages.frame import controls, run_in_work
from pages.headline import HEADLINES, headline, show_benchmarks

service = research()
queries = service.queries


def activity(campaign: CampaignRow, board: pd.DataFrame) -> None:
    """What has been done: the run in work, runs, scenarios and trials."""
    status = service.status()
    if status.campaign_id == campaign.campaign_id and status.state != "idle":
        run_in_work(status)
    else:
        st.progress(0.0, text=f"Not running; this campaign is {campaign.state}.")
    totals, mine = queries.totals(), board.loc[board["campaign_id"] == campaign.campaign_id].iloc[0]
    with st.grid(4, min_column_width=150):
        st.metric("Runs of this campaign", look.count(mine["runs"]), help="Turns of the loop, failed ones counted.")
        st.metric("of which failed", look.count(mine["failed"]), help="Candidates that gave no result; they rank last.")
        st.metric("Scenarios scored", look.count(mine["scenarios"]), help="Parameter sets that were backtested in this campaign.")
        st.metric(
            "Trials in this store",
            look.count(totals.trials),
            help=f"Every scoring ever made here, by anyone; counted since {look.moment(totals.since)}. "
            "The more trials, the better the best looks by luck alone.",
        )


def best_run(campaign: CampaignRow, board: pd.DataFrame, progress: pd.DataFrame) -> None:
    """The chosen run's headline figures and how far the benchmarks are."""
    best_id = board.loc[board["campaign_id"] == campaign.campaign_id, "best_run_id"].iloc[0]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        which = st.segmented_control(
            "Figures of", ["Best run", "Latest run"], default="Best run", required=True, key="overview.which",
            persist_state="session",
            help="Best: highest validation Sharpe among runs with enough trades, as on the leaderboard.",
        )  # fmt: skip
        window = st.segmented_control(
            "Window", ["train", "validation"], default="train", required=True, key="overview.window", persist_state="session",
            help="Train is what the search saw; validation is what it was not fitted on.",
        )  # fmt: skip
        scored = progress[progress["status"] == "scored"]
        run_id = best_id if which == "Best run" else (scored["run_id"].iloc[-1] if len(scored) else None)
        if look.is_missing(run_id):
            st.info("No run has a result with enough trades yet.", icon=":material/hourglass_empty:")
            return
        run = queries.run(run_id)
        st.page_link("pages/strategy.py", label=f"Open run {run.number:,}", icon=":material/arrow_forward:",
                     query_params={"campaign": campaign.campaign_id, "run": run_id})  # fmt: skip
    with st.grid(6, min_column_width=140):
        for name in HEADLINES:
            headline(name, progress, run.number, window)
    left, right = st.columns([5, 2], gap="medium")
    with left.container(border=True, height=430):
        st.markdown("**Best so far, and each run**")
        curve = figures.best_curve_figure(progress, objective=campaign.spec.objective, dark=look.is_dark(), height=360)
        look.show(curve, "overview.curve")
    with right.container(border=True, height=430):
        st.markdown("**Benchmarks**", help=f"What a good strategy must meet, against run {run.number:,} on {window}.")
        show_benchmarks(run.figures.get(window, {}), campaign.spec.benchmarks)


def latest(campaign: CampaignRow) -> None:
    """Live: the last runs and the events, newest first."""
    left, right = st.columns([5, 2], gap="medium")
    with left.container(border=True, height=330):
        st.markdown("**Latest runs**")
        runs = queries.recent_runs(campaign.campaign_id, limit=15)
        runs["link"] = [selection.address("strategy", campaign=campaign.campaign_id, run=r) for r in runs["run_id"]]
        runs["result"] = runs["failure_message"].fillna(runs["summary"])
        columns = ["link", "recorded_at", "train_sharpe", "validation_sharpe", "validation_total_return", "result"]
        shown, config = look.figure_table(runs[["number", *columns]], prefixes=("train_", "validation_"))
        config |= {
            "number": st.column_config.NumberColumn("Run", format="%,d", width="small"),
            "link": st.column_config.LinkColumn("Open", display_text="strategy", width="small"),
            "recorded_at": st.column_config.DatetimeColumn("Recorded (UTC)", format="MM-DD HH:mm:ss", timezone="UTC"),
            "result": st.column_config.TextColumn("What was tried, or why it failed", width="large"),
        }
        st.dataframe(shown, column_config=config, hide_index=True, height=250, placeholder=look.NOT_COMPUTED)
    with right.container(border=True, height=330):
        st.markdown("**Events**")
        for event in queries.events(campaign.campaign_id, limit=40).itertuples():
            st.caption(
                f"{look.moment(event.at_utc)}  \n{look.plain(f'{event.kind}: {event.detail}' if event.detail else event.kind)}"
            )


@st.fragment(run_every="2s")
def live(campaign_id: str) -> None:
    """All that changes while one looks; every part has a fixed height."""
    try:
        campaign, board, progress = queries.campaign(campaign_id), queries.campaigns(), queries.progress(campaign_id)
        controls(campaign_id, campaign.state)
        activity(campaign, board)
        if progress.empty:
            st.info("The first run is on its way: its figures will stand here.", icon=":material/hourglass_top:")
            return
        best_run(campaign, board, progress)
        latest(campaign)
    except EngineError as error:
        st.error(str(error))


look.header("Overview", "Is the research running, and what has it found so far?")
campaigns = queries.campaigns()
if campaigns.empty:
    show_problem()
    welcome.first_visit(lambda: attempt(setup.launch, service, setup.FIRST_CAMPAIGN))
else:
    names = dict(zip(campaigns["campaign_id"], campaigns["name"], strict=True))
    chosen = selection.pick("Campaign", "campaign", list(names), first=service.status().campaign_id, format_func=names.get)
    run_choice.labels(service, service.spec(chosen))
    live(chosen)
