"""An editor for a strategy by hand: write or paste it, check it, and have it run as a run of its own."""

from functools import partial

import streamlit as st

from engine.research.campaign import code_hash_of
from engine.research.service import MAX_NOTE, ResearchService
from engine.settings import PROJECT_DIR
from engine.store.answers import CampaignRow, RunRow
from engine.strategy.sandbox import MAX_SOURCE
from pages import check_view, look, selection
from pages.access import attempt, show_problem
from pages.frame import run_in_work

FIRST = PROJECT_DIR / "data" / "strategies" / "volume_burst.py"
"""What stands in the editor where there is no run to begin with."""
_STYLE = """<style>.st-key-editor_text textarea {
font-family: "Source Code Pro", monospace; font-size: 0.85rem; tab-size: 4; white-space: pre; overflow-x: auto;
}</style>"""


def check(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """What a check of this run finds, and below it an editor for the next strategy."""
    check_view.of_run(service, run, campaign)
    st.divider()
    editor(service, campaign, run)


@st.fragment
def editor(service: ResearchService, campaign: CampaignRow, run: RunRow | None) -> None:
    """The source of the run, or a first one, to be changed; a button that checks it and one that runs it."""
    place = run.run_id if run else campaign.campaign_id
    st.html(_STYLE)
    st.markdown("**Write a strategy**, or paste one. It runs as every other does: checked, swept on train, judged on validation.")
    with st.container(key="editor_text"):
        source = st.text_area(
            "Source", run.source if run else FIRST.read_text(), height=460, max_chars=MAX_SOURCE, key=f"editor.{place}",
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
    note = st.text_input("Note", key="editor.note", max_chars=MAX_NOTE, placeholder="What is new in it, in a sentence",
                         persist_state="session")  # fmt: skip
    goes_back = run is not None and st.checkbox(
        f"It goes back to run {run.number:,}", True, key=f"editor.parent.{place}", help="Its changes are then told against that."
    )
    with st.container(horizontal=True, gap="small"):
        check = st.button("Check", key="editor.check", icon=":material/fact_check:", help="Scores nothing and counts no trial.")
        begin = st.button(
            "Run it as a run of its own", key="editor.run", type="primary", icon=":material/play_arrow:",
            help="It is the next run if the campaign is at work; else this one is made, and the campaign stays as it is.",
        )  # fmt: skip
    if check:
        attempt(service.examiner.begin, source or "", campaign.campaign_id)
    if begin:
        parent = run.run_id if run and goes_back else None
        hand_in(service, campaign, source or "", parent, note or "")
    show_problem()
    followed(service, campaign)
    if run is None or source != run.source:  # else its check stands above
        check_view.live(service, source or "", campaign, "check.editor")


def hand_in(service: ResearchService, campaign: CampaignRow, source: str, parent: str | None, note: str) -> None:
    """Have it run, and remember what to look for."""
    number = service.queries.campaign(campaign.campaign_id).next_number
    st.session_state.pop("editor.handed", None)
    attempt(partial(service.run_by_hand, parent_run_id=parent, note=note), campaign.campaign_id, source)
    if "access.problem" not in st.session_state:
        st.session_state["editor.handed"] = (campaign.campaign_id, code_hash_of(source), number)


def followed(service: ResearchService, campaign: CampaignRow) -> None:
    """Where the strategy stands that this viewer has handed in for this campaign."""
    campaign_id, code_hash, number = st.session_state.get("editor.handed", (None, "", 0))
    if campaign_id != campaign.campaign_id:
        return
    is_there = _made(service, campaign, code_hash, number) is not None
    st.fragment(_handed, run_every=None if is_there else 2.0, key="editor.handed")(service, campaign, code_hash, number, is_there)


def _made(service: ResearchService, campaign: CampaignRow, code_hash: str, number: int) -> tuple[str, int] | None:
    """(id, number) of the run that was made of it."""
    runs = service.queries.runs_of_code(campaign.campaign_id, code_hash, "human")
    return next((run for run in runs if run[1] >= number), None)


def _handed(service: ResearchService, campaign: CampaignRow, code_hash: str, number: int, was_there: bool) -> None:
    """Live: the strategy waits, is in work, or is recorded."""
    made = _made(service, campaign, code_hash, number)
    if made is not None:
        if not was_there:
            st.rerun()
        run_id, made_number = made
        st.success(f"It is recorded as run {made_number:,}, by hand.", icon=":material/check_circle:")
        if st.button(f"Open run {made_number:,}", key="editor.open", icon=":material/arrow_forward:"):
            selection.choose("run", run_id)
            st.rerun()
        return
    status = service.status()
    mine = status.campaign_id == campaign.campaign_id
    if mine and status.state == "paused":
        st.info("Taken: it is run as soon as the campaign is resumed.", icon=":material/pause_circle:")
    elif mine and status.state != "idle":
        st.info(f"Taken: it will stand here, on Runs and on Overview as a run by hand of {look.plain(campaign.name)}.",
                icon=":material/hourglass_top:")  # fmt: skip
        run_in_work(status)
    elif mine and status.waiting:
        st.info("Taken: it is run as soon as the campaign goes on.", icon=":material/pause_circle:")
    else:
        st.warning("It was given up: the work was stopped. Run it again if you want it.", icon=":material/warning:")
