"""Edgewise in the browser: the frame around every page."""

import streamlit as st

from pages import selection
from pages.frame import sidebar_status

st.set_page_config(page_title="Edgewise", page_icon=":material/query_stats:", layout="wide", initial_sidebar_state="auto")

NAVIGATION = {
    "Research": [
        st.Page("pages/overview.py", title="Overview", icon=":material/monitoring:", default=True),
        st.Page("pages/research_setup.py", title="Research", icon=":material/play_circle:", url_path="research"),
        st.Page("pages/campaigns.py", title="Campaigns", icon=":material/folder_open:"),
        st.Page("pages/runs.py", title="Runs", icon=":material/leaderboard:"),
        st.Page("pages/strategy.py", title="Strategy", icon=":material/code:"),
    ],
    "Explain": [st.Page("pages/assets.py", title="Assets", icon=":material/stacked_bar_chart:")],
    "System": [st.Page("pages/data.py", title="Data", icon=":material/database:")],
}

page = st.navigation(NAVIGATION, expanded=True)
selection.restore()
with st.sidebar:
    sidebar_status()
page.run()
