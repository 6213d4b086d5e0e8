"""Who writes the strategies of a campaign: the arms, and the model that one of them asks."""

from typing import Any

import streamlit as st

from engine.research.service import ResearchService
from pages.model_choice import model_choice

ARMS = {
    "model+random+mutate": "Model, both baselines beside it", "model+random": "Model, random beside it", "model": "Model alone",
    "random+mutate": "Random and mutate", "random": "Random alone",
}  # fmt: skip
"""Who may write the strategies of a campaign, as its specification names it, and how it is told; what is usual first."""
WITHOUT_A_MODEL = ("random+mutate", "random")
"""What may be chosen while there is no model; the random arm alone if nothing is."""
USUAL_ARMS = next(iter(ARMS))
WITH_A_MODEL = """
**What a model adds.** It writes a strategy for your theme, mends what the checks refuse, reads the statistics of train and
says what to change next. Two baselines make as many runs beside it, so that you see whether it is better than chance.

**It is sent** theme, benchmarks, notes, ideas, lessons, code, and figures and charts of train without names, dates or price
levels. **It is never sent** bars, anything of the vault, of validation more than one word a run, or a key.
"""


def writers(service: ResearchService, kept: dict[str, Any]) -> None:
    """The arms, and the model that one of them asks."""
    st.markdown("**Who writes the strategies**")
    _fit_arms(service.model.choice is not None)
    if service.model.choice is not None:
        arms = st.segmented_control("Arms", list(ARMS), key="research.proposer", format_func=ARMS.get, required=True, **kept)
        if arms == "model":
            st.caption("Without a baseline beside it nothing tells whether the model is better than chance.")
    else:
        arms = st.segmented_control("Arms", WITHOUT_A_MODEL, key="research.proposer", format_func=ARMS.get, **kept)
        if arms is None:
            st.caption("None chosen: the random arm alone, or all three as soon as a model is chosen.")
    model_choice(service)


def _fit_arms(has_model: bool) -> None:
    """Take the arms that fit where none were chosen; without a model there are those that draw."""
    chosen = st.session_state["research.proposer"]
    st.session_state["research.proposer"] = (
        (chosen or USUAL_ARMS) if has_model else (chosen if chosen in WITHOUT_A_MODEL else None)
    )
