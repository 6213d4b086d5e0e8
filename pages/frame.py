"""What the sidebar tells on every page."""

import streamlit as st

from pages.access import research
from pages.look import duration, moment

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
    """Running or not and since when, campaign and theme, arm, dataset, model, isolation. Redrawn every two seconds."""
    status = research().status()
    word, tint, icon = STATES[status.state]
    with st.container(gap="xsmall"):
        st.badge(word, color=tint, icon=icon)
        st.caption(f"since {moment(status.since)}" if status.since else "no campaign has run since the app was started")
        if status.campaign_id:
            st.markdown(f"**{status.campaign}**")
            st.caption(f"Theme: {status.theme or 'none'}  \nArm: {status.arm}  \nData: {status.dataset}")
            if status.synthetic:
                st.badge(
                    "SYNTHETIC", color="orange", icon=":material/science:", help="A made-up market: no money can be made on it."
                )
            left = f", {duration(status.seconds_left)} left" if status.seconds_left is not None else ""
            if status.state in ("running", "starting", "stopping"):
                st.caption(f"Run {status.run_number:,}: {status.stage}, {status.done:,} of {status.total:,}{left}")
        st.caption(f"Model: {status.model}  \nIsolation: {status.isolation}")
        if status.problem:
            st.warning(status.problem)
