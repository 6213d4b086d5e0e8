"""Runs: which runs were best, and what changed from run to run?"""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from engine.figures import PORTFOLIO_FIGURES
from engine.records import RUN_WINDOWS
from engine.store.answers import CampaignRow
from pages import data_labels, figures_runs, funnel_view, look, luck_view, result_views, run_choice, selection, tables
from pages.access import research

service = research()
queries = service.queries

SHOWN_ROWS = 1_000  # more are slow in the browser; the filters and the export reach the rest
COLUMNS = [
    "validation_sharpe", "train_sharpe", "validation_total_return", "train_total_return", "train_trades_with_open",
    "train_win_rate_with_open", "validation_max_drawdown", "train_assets_traded",
]  # fmt: skip
PLAIN = {
    "rank": st.column_config.NumberColumn(
        "Rank", format="%,d", width=60, help="By validation Sharpe; runs with too few trades, then failed ones, come last."
    ),
    "number": st.column_config.NumberColumn("Run", format="%,d", width=60, pinned=True),
    "link": st.column_config.LinkColumn("Open", display_text="strategy", width=75, help="Opens in a new tab."),
    "arm": st.column_config.TextColumn("Arm", width="small", help="Who wrote the strategy: an arm, or a person by hand."),
    "objective": st.column_config.NumberColumn("Objective (train)", format="%,.2f", help="What the campaign maximises."),
    "after_look": st.column_config.TextColumn("After look", help="A person had seen the vault for this theme before the run."),
    "scenarios": st.column_config.NumberColumn("Scenarios", format="%,d", help="Parameter sets that were tried."),
    "origin": st.column_config.TextColumn("Comes from"),
    "result": st.column_config.TextColumn("What was tried, or why it failed", width="large"),
    "parameters": st.column_config.TextColumn("Parameters: all of a fresh draw, else what changed", width="large"),
}


def with_texts(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with a link to each, and one column that says what was tried or why it failed."""
    links = [selection.address("strategy", campaign=c, run=r) for c, r in zip(runs["campaign_id"], runs["run_id"], strict=True)]
    return runs.assign(link=links, arm=runs["arm"].map(look.arm_text), result=runs["failure_message"].fillna(runs["summary"]))


def table(rows: pd.DataFrame, columns: list[str], **options: Any) -> Any:
    """Those columns of the runs, figures in their units with definitions on hovering."""
    prefixes = tuple(f"{p}{w}_" for p in ("", "change_") for w in RUN_WINDOWS)
    shown, config = look.figure_table(rows[columns], prefixes=prefixes)
    return st.dataframe(shown, column_config=PLAIN | config, hide_index=True, placeholder=look.NOT_COMPUTED, **options)


def counts(campaign: CampaignRow) -> None:
    """How much was tried: without these numbers no place on a board means anything."""
    board = queries.campaigns().set_index("campaign_id").loc[campaign.campaign_id]
    trials = data_labels.trials(service, campaign)
    own = ", ".join(f"{origin} {n:,}" for origin, n in queries.campaign_trials(campaign.campaign_id).items()) or "none"
    by_arm = ", ".join(f"{look.arm_text(arm)} {n:,}" for arm, n in trials.by_arm.items()) or "none"
    with st.grid(4, min_column_width=150):
        st.metric("Runs", look.count(board["runs"]), help="Turns of the loop, failed ones counted.")
        st.metric("of which failed", look.count(board["failed"]), help="Candidates that gave no result; they rank last.")
        st.metric("Scenarios", look.count(board["scenarios"]), help="Parameter sets that were backtested in this campaign.")
        st.metric(
            "Trials on these bars", look.count(trials.total),
            help=f"Every scoring ever made on these assets and times, by anyone ({by_arm}), counted since "
            f"{look.moment(trials.since)}. For this campaign: {own}. The more trials, the better the best looks by luck alone.",
        )  # fmt: skip


def filters(board: pd.DataFrame, campaign: CampaignRow) -> tuple[pd.DataFrame, list[str]]:
    """The runs that this viewer wants to see, in the order asked for, and the columns."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input("Find", key="runs.text", placeholder="word, run number, failure", width=230)
        status = st.segmented_control("Status", ["all", "scored", "failed"], default="all", required=True, key="runs.status")
        arms = st.pills("Arm", sorted(board["arm"].unique()), selection_mode="multi", key="runs.arms", help="None chosen: all.",
                        format_func=look.arm_text)  # fmt: skip
        met = st.toggle("Meets benchmarks", key="runs.met", help="All that the campaign asks for, on train and on validation.")
        with st.popover("Columns and order", icon=":material/tune:"):
            every = [f"{window}_{name}" for name in PORTFOLIO_FIGURES for window in RUN_WINDOWS]
            names = {c: f"{look.figure_label(c.split('_', 1)[1])} ({c.split('_', 1)[0]})" for c in every}
            columns = st.multiselect("Figures", every, COLUMNS, format_func=names.get, key="runs.columns")
            order = st.selectbox("Order by", ["rank", "number", *every], format_func=lambda c: names.get(c, c), key="runs.order",
                                 help="Rank: by validation Sharpe; too few trades and failed runs come last.")  # fmt: skip
    shown = tables.filter_board(
        board, arms=arms, status=status, text=text, benchmarks=campaign.spec.benchmarks if met else None
    )  # fmt: skip
    return shown.sort_values(order, ascending=order in ("rank", "number"), na_position="last", kind="stable"), columns


def leaderboard(campaign: CampaignRow) -> None:
    """All runs, best first; ticked rows are opened or compared below."""
    board = queries.runs(campaign.campaign_id)
    found, columns = filters(board, campaign)
    rows = with_texts(found.head(SHOWN_ROWS))
    if marks := queries.evidence.after_looks(campaign.campaign_id, campaign.spec.data_hash):
        rows, columns = rows.assign(after_look=[str(marks.get(r, "none")) for r in rows["run_id"]]), ["after_look", *columns]
    ids = rows["run_id"].tolist()
    ticked = [run for run in st.session_state.get("runs.ticked", []) if run in set(board["run_id"])]
    key = f"runs.board.{hash(tuple(ids))}"  # other rows are another table: ticks must never slide to another run
    told = "" if len(found) <= SHOWN_ROWS else f"; the first {SHOWN_ROWS:,} are shown, the export has all"
    most = figures_runs.MOST_COMPARED
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"{len(found):,} of {len(board):,} runs{told}. Tick one to open it, up to {most} to compare.")
        st.download_button("Export CSV", lambda: found.to_csv(index=False), f"runs_{campaign.campaign_id}.csv", "text/csv",
                           icon=":material/download:", on_click="ignore")  # fmt: skip
    table(
        rows, ["number", "rank", "link", *columns, "scenarios", "arm", "result"], key=key, selection_mode="multi-row",
        height=look.table_height(len(rows), 420),
        on_select=lambda: st.session_state.update({"runs.ticked": [ids[i] for i in st.session_state[key]["selection"]["rows"]]}),
        selection_default={"selection": {"rows": [ids.index(run) for run in ticked if run in ids]}},
    )  # fmt: skip
    if ticked:
        result_views.compare(service, ticked[:most])


def changes(campaign: CampaignRow) -> None:
    """The latest runs, each against the one before it."""
    latest = with_texts(tables.what_changed(queries.recent_runs(campaign.campaign_id, limit=200)))
    st.caption("The latest 200 runs. A change is that of a figure to the scored run before; percentages in percentage points.")
    columns = [c for name in tables.CHANGES for c in (name, f"change_{name}")]
    table(latest, ["number", "link", "origin", *columns, "parameters", "result"],
          height=look.table_height(len(latest), 560))  # fmt: skip


def lineage(campaign: CampaignRow) -> None:
    """A run's ancestors, from the first draft to itself."""
    run = run_choice.run(service, campaign)
    line = queries.lineage(run.run_id)
    if len(line) == 1:
        st.info(f"Run {run.number:,} is a fresh draw: no parent.", icon=":material/fiber_new:")
    line = line.assign(campaign_id=campaign.campaign_id, failure_message=None)
    table(with_texts(line), ["number", "link", "arm", "objective", "validation_sharpe", "result"])


VIEWS = {"Leaderboard": leaderboard, "Best so far": partial(luck_view.curve_view, service), "What changed": changes,
         "Lineage": lineage, "Funnel": partial(funnel_view.funnel, service)}  # fmt: skip

look.header("Runs", "Which runs were best, and what changed from run to run?")
try:
    looked_at = run_choice.campaign(service)
    data_labels.labels(service, looked_at.spec)
    counts(looked_at)
    if looked_at.runs == 0:
        st.info("No run yet: start the campaign on Overview, and its leaderboard grows here.", icon=":material/hourglass_empty:")
    else:
        view = st.segmented_control("View", list(VIEWS), default="Leaderboard", required=True, key="runs.view")
        VIEWS[view](looked_at)
except EngineError as error:
    look.problem(error)
