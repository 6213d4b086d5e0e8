"""Campaigns: what has been searched for, on what, and how far did it come?"""

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from engine.research.turns import MODEL
from pages import look, model_caps, selection, setup, vault
from pages.access import attempt, research, show_problem
from pages.baseline_share import baseline_share
from pages.data_labels import labels
from pages.frame import controls
from pages.rule_fields import rule_told

service = research()
queries = service.queries

COLUMNS = {
    "name": st.column_config.TextColumn("Name", width=170, pinned=True),
    "state": st.column_config.TextColumn("State", width=75),
    "open": st.column_config.LinkColumn("Its runs", display_text="leaderboard", width=95),
    "runs": st.column_config.NumberColumn("Runs", format="%,d", width=65, help="Failed ones are counted."),
    "failed": st.column_config.NumberColumn("Failed", format="%,d", width=65, help="Candidates that gave no result."),
    "scenarios": st.column_config.NumberColumn("Scenarios", format="%,d", width=85, help="Parameter sets that were tried."),
    "best_validation_sharpe": st.column_config.NumberColumn(
        "Sharpe (validation)",
        format="%,.2f",
        width=130,
        help="The best of its runs with enough trades. " + look.figure_help("sharpe"),
    ),
    "best": st.column_config.LinkColumn("Best run", display_text="strategy", width="small"),
    "dataset": st.column_config.TextColumn("Data"),
    "changed_at": st.column_config.DatetimeColumn("Last change (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "proposer": st.column_config.TextColumn("Arm", width="small", help="Who writes the strategies."),
    "theme": st.column_config.TextColumn("Theme", width="medium"),
}


def board(campaigns: pd.DataFrame) -> str:
    """The table, last changed first; the campaign whose row is picked, else the one this viewer looks at."""
    shown = campaigns.assign(
        open=[selection.address("runs", campaign=c) for c in campaigns["campaign_id"]],
        best=[
            None if look.is_missing(run) else selection.address("strategy", campaign=c, run=run)
            for c, run in zip(campaigns["campaign_id"], campaigns["best_run_id"], strict=True)
        ],
    )
    ids = list(campaigns["campaign_id"])
    if selection.current("campaign") not in ids:
        selection.choose("campaign", ids[0])
    current = str(selection.current("campaign"))
    key = f"campaigns.board.{hash((*ids, current))}"  # other rows are another table: a tick must not slide to another campaign

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        selection.choose("campaign", ids[rows[0]] if rows else current)

    st.dataframe(
        shown, column_config=COLUMNS, column_order=list(COLUMNS), hide_index=True, placeholder=look.NOT_COMPUTED,
        height=look.table_height(len(shown), 320), on_select=choose, selection_mode="single-row", key=key,
        selection_default={"selection": {"rows": [ids.index(current)]}},
    )  # fmt: skip
    st.caption("Tick a campaign to look at it. Last changed first, not ranked: data, windows, costs and capital differ.")
    return current


def actions(campaign_id: str) -> None:
    """What can be done with one campaign."""
    row = queries.campaign(campaign_id)
    st.markdown(f"**{look.plain(row.name)}** :gray[{row.state}, {row.runs:,} runs, made {look.moment(row.created_at)}]")
    labels(service, row.spec)
    vault.looks(service, row.spec)
    controls(campaign_id, row.state)
    with st.container(horizontal=True, gap="small"):
        with st.popover("Rename", icon=":material/edit:"):
            field = f"campaigns.name.{campaign_id}"
            st.text_input("New name", value=row.name, max_chars=80, key=field)
            st.button("Rename", key="campaigns.rename",
                      on_click=lambda: attempt(service.rename, campaign_id, st.session_state[field]))  # fmt: skip
        rule_told(row.spec.promotion)
        if MODEL in row.spec.arms:
            with st.popover("Caps", icon=":material/savings:", width="content"):
                model_caps.own_caps(service, campaign_id, row.name)
        if st.button("Duplicate with changes", key="campaigns.duplicate", icon=":material/content_copy:",
                     help="Fills the Research page with these choices; change them there and press Start."):  # fmt: skip
            setup.fill(setup.choices_of(service, row.spec, row.name))
            st.session_state["campaigns.leave"] = True
            st.rerun()  # the page as a whole leaves: a fragment's switch can cross its own next redraw and leave a blank page
        baseline_share(service, row)
        if row.state == "archived":
            st.button("Unarchive", key="campaigns.unarchive", icon=":material/unarchive:",
                      on_click=lambda: attempt(service.unarchive, campaign_id))  # fmt: skip
        else:
            st.button("Archive", key="campaigns.archive", icon=":material/archive:",
                      on_click=lambda: attempt(service.archive, campaign_id),
                      help="Hides it here and stops its work. Nothing is deleted; it can be brought back.")  # fmt: skip


@st.fragment(run_every="5s")
def live() -> None:
    """The board and the actions, redrawn every five seconds."""
    campaigns = queries.campaigns()
    archived = campaigns["state"] == "archived"
    show_archived = st.toggle(f"Show archived ({archived.sum():,})", key="campaigns.archived", persist_state="session")
    campaigns = campaigns if show_archived else campaigns[~archived]
    if campaigns.empty:
        st.info("All campaigns are archived.", icon=":material/archive:")
        return
    try:
        chosen = board(campaigns)
        with st.container(border=True):
            actions(chosen)
    except EngineError as error:
        look.problem(error)


look.header("Campaigns", "What has been searched for, on what, and how far did it come?")
show_problem()
if st.session_state.pop("campaigns.leave", False):
    st.switch_page("pages/research_setup.py")
selection.tell_gone("campaign", set(queries.campaigns()["campaign_id"]), "The campaign", "The one last changed is shown.")
if queries.campaigns().empty:
    st.info("No campaign yet. Each search that you start will stand here, with its state and its best run.")
    st.page_link("pages/research_setup.py", label="Set one up on Research", icon=":material/arrow_forward:")
else:
    live()
