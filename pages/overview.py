"""Overview: is the research running, and what has it found so far?"""

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from engine.records import RUN_WINDOWS
from engine.research.scorecard import scorecard_of
from engine.store.answers import CampaignRow
from pages import data_labels, look, luck_view, selection, setup, welcome
from pages.access import attempt, research, show_problem
from pages.frame import controls, run_in_work
from pages.headline import HEADLINES, headline, show_benchmarks
from pages.meter_view import meter_card

service = research()
queries = service.queries


@st.cache_data(max_entries=50, show_spinner=False)
def met_without_skill(store: str, run_id: str, window: str, runs: int) -> dict[str, str]:
    """Who else meets the benchmarks that the run meets there, by figure; baselines grow with the campaign's `runs`."""
    found = scorecard_of(run_id, queries, luck_view.luck_of(service, queries.campaign(queries.run(run_id).campaign_id)))
    return {
        row.benchmark.figure: cell.no_skill for row in found.rows for cell in row.asked if cell.window == window and cell.no_skill
    }


def counted(campaign: CampaignRow, board: pd.Series) -> None:
    """How much has been tried."""
    trials = data_labels.trials(service, campaign)
    with st.grid(4, min_column_width=150):
        st.metric("Runs of this campaign", look.count(board["runs"]), help="Turns of the loop, failed ones counted.")
        st.metric("of which failed", look.count(board["failed"]), help="Candidates that gave no result; they rank last.")
        st.metric(
            "Scenarios scored", look.count(board["scenarios"]), help="Parameter sets that were backtested in this campaign."
        )
        st.metric(
            "Trials on these bars", look.count(trials.total),
            help=f"Every scoring ever made on these assets and times, by anyone; counted since {look.moment(trials.since)}. "
            "The more trials, the better the best looks by luck alone.",
        )  # fmt: skip


def best_run(campaign: CampaignRow, best_id: str | None, progress: pd.DataFrame) -> None:
    """The chosen run's headline figures and how far the benchmarks are."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        which = st.segmented_control(
            "Figures of", ["Best run", "Latest run"], default="Best run", required=True, key="overview.which",
            persist_state="session",
            help="Best: highest validation Sharpe among runs with enough trades, as on the leaderboard.",
        )  # fmt: skip
        window = st.segmented_control(
            "Window", RUN_WINDOWS, default="train", required=True, key="overview.window", persist_state="session",
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
    earlier = scored.loc[scored["number"] < run.number, "number"]
    to = f"; arrows compare it with run {earlier.iloc[-1]:,}, the one scored before it by whichever arm" if len(earlier) else ""
    st.caption(f"Run {run.number:,} on {window}{to}.")
    with st.grid(6, min_column_width=140):
        for name in HEADLINES:
            headline(name, progress, run.number, window)
    left, right = st.columns([5, 2], gap="medium")
    with left.container(border=True, height="stretch"):
        st.markdown("**Best so far, and each run**")
        luck_view.best_so_far(service, campaign, progress, window, key="overview.curve")
    with right.container(border=True, height="stretch"):
        st.markdown("**Benchmarks**", help=f"What a good strategy must meet, against run {run.number:,} on {window}.")
        others = met_without_skill(str(service.settings.store_dir), run.run_id, window, campaign.runs)
        show_benchmarks(run.figures.get(window, {}), campaign.spec.benchmarks, window, others)


def latest(campaign: CampaignRow) -> None:
    """The last runs and the events, newest first."""
    left, right = st.columns([5, 2], gap="medium")
    with left.container(border=True, height=330):
        st.markdown("**Latest runs**")
        runs = queries.recent_runs(campaign.campaign_id, limit=15)
        runs["link"] = [selection.address("strategy", campaign=campaign.campaign_id, run=r) for r in runs["run_id"]]
        runs["result"] = runs["failure_message"].fillna(runs["summary"])
        columns = ["link", "validation_sharpe", "train_sharpe", "validation_total_return", "result", "recorded_at"]
        shown, config = look.figure_table(runs[["number", *columns]], prefixes=("train_", "validation_"))
        config |= {
            "number": st.column_config.NumberColumn("Run", format="%,d", width="small"),
            "link": st.column_config.LinkColumn("Open", display_text="strategy", width="small"),
            "recorded_at": st.column_config.DatetimeColumn("Recorded (UTC)", format="MM-DD HH:mm:ss", timezone="UTC"),
            "result": st.column_config.TextColumn("What was tried, or why it failed", width="medium"),
        }
        st.dataframe(
            shown, column_config=config, hide_index=True, height=look.table_height(len(shown), 250), placeholder=look.NOT_COMPUTED
        )
    with right.container(border=True, height=330):
        st.markdown("**Events**")
        for event in queries.events(campaign.campaign_id, limit=40).itertuples():
            told = event.kind.replace("_", " ") + (f": {event.detail}" if event.detail else "")
            st.caption(f"{look.moment(event.at_utc)}  \n{look.plain(told)}")


def standing(campaign: CampaignRow) -> str:
    """Where a campaign stands that is not at work, and how it goes on."""
    if campaign.state != "finished":
        return f"Not at work. State of this campaign: {campaign.state}."
    why = queries.events(campaign.campaign_id, kind="finished", limit=1)["detail"].iloc[0]
    return f"Finished: {why}. To search on, duplicate it on Campaigns and change when to stop."


@st.fragment(run_every="2s")
def work(campaign: CampaignRow, drawn: int) -> None:
    """Live: the buttons and the run in work. As soon as the ledger has more than what was drawn, the page is drawn again."""
    status = service.status()
    controls(campaign.campaign_id, campaign.state)
    if status.campaign_id == campaign.campaign_id and status.state != "idle":
        run_in_work(status)
        if status.model_trouble:
            goes_on = ". The other arms go on." if len(campaign.spec.arms) > 1 else "."
            told = f"The model's arm waits: {look.plain(status.model_trouble)}{goes_on}"
            st.warning(told, icon=":material/hourglass_disabled:")
    else:
        st.progress(float(campaign.state == "finished"), text=look.plain(standing(campaign)))
    if service.revision != drawn:
        st.rerun()


def campaign_page(board: pd.DataFrame) -> None:
    """All about the campaign that this viewer looks at."""
    drawn = service.revision
    chosen = selection.pick("Campaign", "campaign", list(board.index), first=service.status().campaign_id,
                            format_func=board["name"].get)  # fmt: skip
    campaign = queries.campaign(str(chosen))
    data_labels.labels(service, campaign.spec)
    work(campaign, drawn)
    counted(campaign, board.loc[campaign.campaign_id])
    progress = queries.progress(campaign.campaign_id)
    if progress.empty:
        st.info("The first run will stand here as soon as it is recorded.", icon=":material/hourglass_top:")
        return
    best_run(campaign, board.loc[campaign.campaign_id, "best_run_id"], progress)
    luck_view.budget_card(service, campaign)
    meter_card(service, campaign)
    latest(campaign)


look.header("Overview", "Is the research running, and what has it found so far?")
campaigns = queries.campaigns().set_index("campaign_id")
selection.tell_gone("campaign", campaigns.index, "The campaign", "The one at work, else the one last changed, is shown.")
try:
    if campaigns.empty:
        show_problem()
        first = setup.FIRST_CAMPAIGN if service.model.choice is None else setup.FIRST_WITH_A_MODEL
        welcome.first_visit(lambda: attempt(setup.launch, service, first), service.model.choice)
    else:
        campaign_page(campaigns)
except EngineError as error:
    look.problem(error)
