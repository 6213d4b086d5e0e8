"""What the trial of a model has come to."""

import math

import streamlit as st

from engine.research.model_trial import Trial
from engine.research.service import ResearchService
from pages import look


def show_trial(service: ResearchService) -> None:
    """The latest trial, followed until it has ended."""
    trial = service.model.trials.latest
    st.fragment(_trial, run_every=1.0 if trial and not trial.is_done else None, key="model.trial")(service, trial)


def _trial(service: ResearchService, drawn: Trial | None) -> None:
    """What the latest trial came to; drawn again until there is something to tell."""
    trial = service.model.trials.latest
    if trial is None:
        return
    if trial != drawn:
        st.rerun()
    name, call = look.plain(trial.choice.model), trial.call
    if not trial.is_done:
        st.info(f"{name} is being asked.", icon=":material/hourglass_top:")
    elif call is None:
        st.warning(f"{name} was not asked: {look.plain(trial.problem)}", icon=":material/warning:")
    elif call.status != "answered":
        st.warning(f"{name} gave no usable answer after {call.latency_s:,.1f} s. {call.status.replace('_', ' ').capitalize()}:"
                   f" {look.plain(call.problem)}", icon=":material/warning:")  # fmt: skip
    else:
        cost = look.NOT_COMPUTED if look.is_missing(call.usd) else f"{call.usd:,.6f} USD"
        st.success(f"{name} answered in {call.latency_s:,.1f} s: {look.count(call.tokens_in or math.nan)} tokens in,"
                   f" {look.count(call.tokens_out or math.nan)} out, cost {cost}.", icon=":material/check_circle:")  # fmt: skip
        st.caption(look.plain(" ".join(call.fields.values())[:300]))
