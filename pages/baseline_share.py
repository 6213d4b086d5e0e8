"""Fewer runs for the baselines, once it is known well enough what they are worth."""

import streamlit as st

from engine.analysis.meter import BASELINES, NARROW
from engine.research.service import ResearchService
from engine.research.turns import MODEL
from engine.store.answers import CampaignRow
from pages.access import attempt

EVERY = {1: "every round, as the model", 2: "every 2nd round", 4: "every 4th round", 8: "every 8th round"}


def baseline_share(service: ResearchService, row: CampaignRow) -> None:
    """The choice, for a campaign of the model's arm with a baseline beside it."""
    if MODEL not in row.spec.arms or not set(BASELINES) & set(row.spec.arms):
        return
    with st.popover("Baselines' share", icon=":material/balance:"):
        st.selectbox("The baselines have a turn in", list(EVERY), format_func=EVERY.get, key="campaigns.every")
        st.caption(
            f"Allowed once each baseline's mean validated Sharpe ratio is known to ±{NARROW:g}. It holds from the next run on; "
            "the meter compares at equal trials all the same."
        )
        st.button("Deal so", key="campaigns.deal", on_click=attempt, args=(_deal, service, row.campaign_id))


def _deal(service: ResearchService, campaign_id: str) -> None:
    service.make_baselines_rarer(campaign_id, st.session_state["campaigns.every"])
