"""Edgewise in the browser: the frame around every page. `python app.py` starts the server on it."""

import sys
from pathlib import Path

import streamlit as st
from streamlit import runtime
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

from pages import fields, selection
from pages.chart_file import take_away
from pages.frame import sidebar_status

if not runtime.exists():  # run by Python, not by the server
    # Until st.navigation has run once, Streamlit takes a folder `pages` for an app of the old kind and answers a link to a page
    # with that page alone, without its frame.
    PagesManager.uses_pages_directory = False
    fields.set_by_one_run_at_a_time()
    sys.argv = ["streamlit", "run", __file__, *sys.argv[1:]]
    sys.exit(cli.main())

MARK = Path(__file__).parent / "pages" / "mark.svg"

ABOUT = (
    "**Edgewise** searches for trading strategies and keeps every trial in a ledger. Every figure can be computed again from it."
)

# An About entry brings the menu back that `toolbarMode = "minimal"` hides, and with it the choice of light or dark.
st.set_page_config(page_title="Edgewise", page_icon=MARK, layout="wide", menu_items={"About": ABOUT})
st.logo(MARK.with_name("wordmark.svg"), icon_image=MARK)

NAVIGATION = {
    "Research": [
        st.Page("pages/overview.py", title="Overview", icon=":material/monitoring:", default=True),
        st.Page("pages/research_setup.py", title="Research", icon=":material/play_circle:", url_path="research"),
        st.Page("pages/campaigns.py", title="Campaigns", icon=":material/folder_open:"),
        st.Page("pages/runs.py", title="Runs", icon=":material/leaderboard:"),
        st.Page("pages/scorecard.py", title="Scorecard", icon=":material/fact_check:"),
        st.Page("pages/strategy.py", title="Strategy", icon=":material/code:"),
        st.Page("pages/parameters.py", title="Parameters", icon=":material/tune:"),
    ],
    "Explain": [
        st.Page("pages/assets.py", title="Assets", icon=":material/stacked_bar_chart:"),
        st.Page("pages/trades.py", title="Trades", icon=":material/swap_vert:"),
        st.Page("pages/how_it_counts.py", title="How it counts", icon=":material/menu_book:"),
    ],
    "Steer": [
        st.Page("pages/prompts.py", title="Prompts", icon=":material/edit_note:"),
        st.Page("pages/ideas.py", title="Ideas", icon=":material/lightbulb:"),
        st.Page("pages/memory.py", title="Memory", icon=":material/school:"),
        st.Page("pages/traces.py", title="Traces", icon=":material/forum:"),
    ],
    "System": [st.Page("pages/data.py", title="Data", icon=":material/database:")],
}

page = st.navigation(NAVIGATION, expanded=True)
selection.restore()
with st.sidebar:
    sidebar_status()
st.session_state["look.charts"] = {}
page.run()
take_away(page.title)
