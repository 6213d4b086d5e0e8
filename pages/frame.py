"""What stands on every page: the sidebar, and the buttons that start and stop."""

import streamlit as st

from engine.research.service import ResearchService, ServiceStatus
from pages import selection
from pages.access import attempt, research, show_problem
from pages.look import SYNTHETIC, arm_text, duration, isolation_badge, moment, plain
from pages.meter_view import meter_line
from pages.model_budget import spent_text, spent_today

STATES = {
    "idle": ("Not running", "gray", ":material/stop_circle:"),
    "starting": ("Starting", "blue", ":material/hourglass_top:"),
    "running": ("Running", "green", ":material/play_circle:"),
    "paused": ("Paused", "orange", ":material/pause_circle:"),
    "stopping": ("Stopping", "orange", ":material/hourglass_bottom:"),
}
"""State of the service -> word, colour, icon."""


@st.fragment(run_every="2s")
def sidebar_status() -> None:
    """Running or not and since when, campaign, theme, arms, dataset, model and cost, isolation. Redrawn every two seconds."""
    service = research()
    status = service.status()
    word, tint, icon = STATES[status.state]
    with st.container(gap="xsmall"):
        st.badge(word, color=tint, icon=icon)
        st.caption(f"since {moment(status.since)}" if status.since else "no campaign has run since the app was started")
        if not status.campaign_id:
            _meter_in_view(service)
        else:
            st.markdown(f"**{plain(status.campaign)}**")
            st.caption(f"Theme: {plain(status.theme) or 'none'}  \n{_arms(service, status)}  \nData: {status.dataset}")
            if status.synthetic:
                st.badge("SYNTHETIC", color="orange", icon=":material/science:", help=SYNTHETIC)
            run_in_work(status)
            meter_line(service, status.campaign_id)
        if status.waiting:
            st.caption(f"By hand, to be run next: {status.waiting:,}")
        _model(service, status)
        _prompts(service)
        isolation_badge(status.isolation_level, status.isolation)
        if status.problem:
            st.warning(status.problem)


def _meter_in_view(service: ResearchService) -> None:
    """While nothing has been at work, the meter of the campaign that this viewer looks at, else of the one that changed last."""
    board = service.queries.campaigns()
    ids = board["campaign_id"].tolist()
    wanted = selection.current("campaign")
    if ids:
        campaign_id = wanted if wanted in ids else ids[0]
        st.markdown(f"**{plain(board.set_index('campaign_id').loc[campaign_id, 'name'])}**")
        meter_line(service, campaign_id)


def _arms(service: ResearchService, status: ServiceStatus) -> str:
    """All arms that take turns, not the one whose run is in work."""
    arms = service.queries.campaign(str(status.campaign_id)).spec.arms
    named = ", ".join(arm_text(arm) for arm in dict.fromkeys(arms))
    return f"{'Arms' if len(set(arms)) > 1 else 'Arm'}: {named}"


def _model(service: ResearchService, status: ServiceStatus) -> None:
    """Which model is asked, what the day has cost, what is being made with it, and why it waits."""
    st.caption(f"Model: {plain(status.model) or 'none, the random arm runs'}")
    if (today := spent_today(service)).calls:
        st.caption(f"Spent today: {spent_text(today)}")
    if status.making:
        st.caption("In the making:  \n" + "  \n".join(plain(made) for made in status.making))
    if status.model_trouble:
        st.warning(f"The model's arm waits: {plain(status.model_trouble)}", icon=":material/hourglass_disabled:")


def _prompts(service: ResearchService) -> None:
    """That the file of prompts is broken, on every page: the model is asked with a text that nobody sees in the file."""
    if (why := service.model.prompts.problem) is not None:
        st.page_link("pages/prompts.py", label=":orange[Prompts file broken]", icon=":material/warning:",
                     help=f"The last good one is in use. {plain(why)}")  # fmt: skip


def run_in_work(status: ServiceStatus) -> None:
    """The bar of the run in work with its time left; always of the same height."""
    if status.state not in ("starting", "running", "stopping"):
        st.progress(0.0, text="Paused: Resume goes on." if status.state == "paused" else "No run in work.")
        return
    if status.making and not status.stage:  # the model's arm alone: no run is in work here
        st.progress(0.0, text=f"{len(status.making)} runs of the model's arm in the making.")
        return
    left = "" if status.seconds_left is None else f", {duration(status.seconds_left)} left"
    amount = f", {status.done:,} of {status.total:,}" if status.total else ""
    st.progress(
        min(status.done / max(status.total, 1), 1.0),
        text=f"Run {status.run_number:,}, {arm_text(status.arm)}: {status.stage}{amount}{left}",
    )


def controls(campaign_id: str, state: str) -> None:
    """Start, pause and stop for that campaign, each enabled where it makes sense. Nothing is lost by any of them."""
    service = research()
    status = service.status()
    mine = status.campaign_id == campaign_id and status.state != "idle"
    active, paused = mine and status.state in ("starting", "running"), mine and status.state == "paused"
    word = "Resume" if paused else ("Start" if state == "new" else "Continue")
    start = (service.resume,) if paused else (service.start, campaign_id)
    with st.container(horizontal=True, gap="small", width="content"):
        st.button(
            word, key="control.start", icon=":material/play_arrow:", type="secondary" if state == "finished" else "primary",
            on_click=attempt, args=start,
            disabled=active or state == "archived", help="Goes on where it stood; another campaign in work is stopped first.",
        )  # fmt: skip
        st.button(
            "Pause", key="control.pause", icon=":material/pause:", on_click=attempt, args=(service.pause,),
            disabled=not active, help="Holds after the work at hand; Resume goes on.",
        )  # fmt: skip
        st.button(
            "Stop", key="control.stop", icon=":material/stop:", on_click=attempt, args=(service.stop,),
            disabled=not mine, help="Ends the work; finished runs are kept, and Continue takes up with the next run.",
        )  # fmt: skip
    show_problem()
