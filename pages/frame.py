"""What stands on every page: the sidebar, and the buttons that start and stop."""

import streamlit as st

from pages.access import attempt, research, show_problem
from pages.look import duration, moment, plain

STATES = {
    "idle": ("Not running", "gray", ":material/stop_circle:"),
    "starting": ("Starting", "blue", ":material/hourglass_top:"),
    "running": ("Running", "green", ":material/play_circle:"),
    "paused": ("Paused", "orange", ":material/pause_circle:"),
    "stopping": ("Stopping", "orange", ":material/hourglass_bottom:"),
}
"""State of the service -> word, colour, icon."""

SYNTHETIC = "A made-up market: it shows how the search works; nothing can be earned on it."
SURVIVORS = "No asset ends before the set does: those that failed are missing, so results look better than they could have been."


@st.fragment(run_every="2s")
def sidebar_status() -> None:
    """Running or not and since when, campaign and theme, arm, dataset, model, isolation. Redrawn every two seconds."""
    status = research().status()
    word, tint, icon = STATES[status.state]
    with st.container(gap="xsmall"):
        st.badge(word, color=tint, icon=icon)
        st.caption(f"since {moment(status.since)}" if status.since else "no campaign has run since the app was started")
        if status.campaign_id:
            st.markdown(f"**{plain(status.campaign)}**")
            st.caption(f"Theme: {plain(status.theme) or 'none'}  \nArm: {status.arm}  \nData: {status.dataset}")
            if status.synthetic:
                st.badge("SYNTHETIC", color="orange", icon=":material/science:", help=SYNTHETIC)
            left = f", {duration(status.seconds_left)} left" if status.seconds_left is not None else ""
            if status.state in ("running", "starting", "stopping"):
                st.caption(f"Run {status.run_number:,}: {status.stage}, {status.done:,} of {status.total:,}{left}")
        st.caption(f"Model: {status.model}  \nIsolation: {status.isolation}")
        if status.problem:
            st.warning(status.problem)


def dataset_badges(name: str) -> None:
    """The dataset's name with what a reader of its results must know: SYNTHETIC, survivors only."""
    about = research().catalog.describe(name)
    with st.container(horizontal=True, gap="xsmall", width="content"):
        st.badge(name, color="gray", icon=":material/database:", help=f"{about['assets']:,} assets, {about['timeframe']} bars")
        if about["synthetic"]:
            st.badge("SYNTHETIC", color="orange", icon=":material/science:", help=SYNTHETIC)
        if about["survivors_only"]:
            st.badge("survivors only", color="orange", help=SURVIVORS)


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
            word, key="control.start", type="primary", icon=":material/play_arrow:", on_click=attempt, args=start,
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
