"""Which campaign and which run a page is about."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import streamlit as st

from engine.errors import UnknownRun
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from pages import data_labels, look, selection
from pages.access import show_problem

RUNS_LISTED = 200  # the best ones; any other run is reached from the Runs page or by its address


def campaign(service: ResearchService, what: str = "Its runs") -> CampaignRow:
    """The campaign that this viewer looks at, picked here. Without any the page says how to begin, and `what` it will then
    show, and ends."""
    show_problem()
    board = service.queries.campaigns()
    names = dict(zip(board["campaign_id"], board["name"], strict=True))
    _follow_run(service, names, board["best_run_id"].dropna().tolist())
    selection.tell_gone("campaign", names, "The campaign", "The one last changed is shown.")
    if board.empty:
        st.info(f"No campaign yet. {what} will stand here as soon as one is started.", icon=":material/hourglass_empty:")
        st.page_link("pages/research_setup.py", label="Set a campaign up", icon=":material/arrow_forward:")
        st.stop()
    chosen = selection.pick("Campaign", "campaign", list(names), format_func=partial(_name, names))
    return service.queries.campaign(str(chosen))


def _follow_run(service: ResearchService, campaigns: Collection[str], best: list[str]) -> None:
    """A run that was opened by its address brings its campaign with it; of one that is not there the page says so, and goes on
    with the `best` of its campaign."""
    run_id = selection.current("run")
    if not run_id:
        return
    try:
        owner = service.queries.run(run_id).campaign_id
    except UnknownRun:
        selection.tell_gone("run", best, "The run", "The best one is shown.")
        return
    if owner != selection.current("campaign"):
        selection.tell_gone("campaign", campaigns, "The campaign", "That of the run is shown.")
        selection.choose("campaign", owner)
        selection.choose("run", run_id)


def _name(names: dict[str, str], campaign_id: str) -> str:
    return names[campaign_id]


def run(service: ResearchService, of: CampaignRow, label: str = "Run", name: str = "run", *, but: str | None = None) -> RunRow:
    """The run that this viewer looks at under that choice, best first. Without any the page says so and ends.

    `but` is a run that is not offered: none is compared with itself.
    """
    board = service.queries.runs(of.campaign_id, limit=RUNS_LISTED)
    if but and board["run_id"].tolist() == [but]:
        st.info("There is no other run in this campaign yet.", icon=":material/hourglass_empty:")
        st.stop()
    if board.empty:
        st.info("This campaign has no run yet. Start it, and the first one will stand here.", icon=":material/hourglass_empty:")
        st.page_link("pages/overview.py", label="Go to Overview", icon=":material/arrow_forward:")
        st.stop()
    texts = {row.run_id: _run_text(row) for row in board.itertuples() if row.run_id != but}
    chosen = selection.current(name)
    if chosen and chosen not in texts and chosen != but:
        try:
            other = service.queries.run(chosen)
            texts[chosen] = f"Run {other.number:,}: {other.failure or other.summary}"
        except UnknownRun:
            selection.tell_gone(name, texts, "The run", "The best other one is shown.")
    picked = selection.pick(
        label, name, list(texts), format_func=partial(_name, texts),
        help=f"The {RUNS_LISTED} best by validation Sharpe; open any other from the leaderboard on Runs.",
    )  # fmt: skip
    return service.queries.run(str(picked))


def campaign_and_run(
    service: ResearchService, what: str = "Its runs", *, without_run: Callable[[CampaignRow], None] | None = None
) -> tuple[CampaignRow, RunRow]:
    """The campaign and the run that this viewer looks at, picked side by side, with the labels of their data below.

    `what` as for `campaign`; `without_run` draws what a campaign without any run can be shown of.
    """
    left, right = st.columns([2, 3], gap="medium")
    with left:
        of = campaign(service, what)
    if without_run is not None and of.runs == 0:
        data_labels.labels(service, of.spec)
        without_run(of)
        st.stop()
    with right:
        looked_at = run(service, of)
    data_labels.labels(service, of.spec)
    return of, looked_at


def _run_text(row: Any) -> str:
    told = f"failed: {row.failure_kind}" if row.status == "failed" else f"Sharpe {look.number(row.validation_sharpe)}"
    return f"Run {row.number:,}, rank {row.rank:,}, {told}: {row.summary}"
