"""What a campaign will be, as the fields of the Research page say, and the button that starts it."""

import pandas as pd
import streamlit as st

from engine.records import CampaignSpec
from engine.research.campaign import campaign_id_of
from engine.research.service import ResearchService
from pages import look, model_caps, setup
from pages.access import attempt, show_problem
from pages.frame import run_in_work


def window_dates(service: ResearchService, spec: CampaignSpec) -> None:
    """The windows as dates."""
    times = pd.to_datetime(service.catalog.open(spec.dataset).times_ns, utc=True)
    rows = [{"Window": w.name, "From": times[w.start], "To": times[w.stop - 1], "Bars": w.bars} for w in spec.windows]
    date = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC", help="UTC, open of the bar")
    count = st.column_config.NumberColumn(format="%,d")
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config={"From": date, "To": date, "Bars": count})
    st.caption("Times in UTC. The vault is sealed: the search never sees it.")


def _start(service: ResearchService) -> None:
    """Its own caps hold before its first call."""
    choices = setup.chosen()
    model_caps.keep_own(service, setup.draft(service, choices))
    setup.launch(service, choices)


@st.fragment(run_every="2s")
def start(service: ResearchService, spec: CampaignSpec) -> None:
    """Start, and the run in work."""
    status, board = service.status(), service.queries.campaigns().set_index("campaign_id")
    campaign_id = campaign_id_of(spec)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.button("Start", type="primary", icon=":material/play_arrow:", key="research.start",
                  on_click=attempt, args=(_start, service))  # fmt: skip
        st.page_link("pages/overview.py", label="Watch it on Overview", icon=":material/arrow_forward:")
    if campaign_id in board.index:
        st.caption(f"The same was started before: Start goes on with it after its {board.loc[campaign_id, 'runs']:,} runs.")
    elif status.state != "idle":
        st.caption(f"{look.plain(status.campaign)} is at work and will be stopped first; it can be continued at any time.")
    run_in_work(status)
    show_problem()
