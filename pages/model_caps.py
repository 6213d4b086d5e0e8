"""Caps on what the model may spend: those for all campaigns, and those of the campaign in view."""

from dataclasses import fields

import streamlit as st

from engine.model_records import Caps
from engine.records import CampaignSpec
from engine.research.campaign import campaign_id_of
from engine.research.model_desk import ModelDesk
from engine.research.service import ResearchService
from pages.access import attempt

UNITS = {"usd": "USD", "tokens": "Tokens", "calls": "Calls"}
_KEPT = "budget.own.kept"
"""Caps that this viewer wants for a campaign that has not begun: they stay while he changes its choices."""
_NEW = "budget.own.new"
"""With what the keys of its fields begin."""


def all_caps(service: ResearchService) -> None:
    """The caps for all campaigns."""
    desk = service.model
    st.markdown("**For all campaigns**")
    st.caption("A day counts the calls of all campaigns together, *each campaign* those of each by itself, unless it has a cap of"
               " its own there.")  # fmt: skip
    caps = _fields("budget", desk.budget.caps, "each campaign")
    st.button("Save caps for all", key="budget.save", on_click=attempt, args=(_save, desk, "budget", None),
              disabled=caps == desk.budget.caps, help="They hold from the next call on.")  # fmt: skip


def own_caps(service: ResearchService, campaign_id: str, name: str) -> None:
    """The caps of that campaign alone; for one that has not begun they wait for `keep_own`."""
    desk = service.model
    has_begun = campaign_id in set(service.queries.campaigns()["campaign_id"])
    st.markdown("**For this campaign alone**")
    st.caption("They count its calls and no others. Those for the whole campaign stand in place of those for all; a day's cap for"
               " all holds beside its own.")  # fmt: skip
    now = desk.budget.own(campaign_id) if has_begun else st.session_state.get(_KEPT, Caps())
    caps = _fields(f"budget.own.{campaign_id}" if has_begun else _NEW, now, "this campaign", desk.budget.caps)
    if has_begun:
        st.button("Save caps for this campaign", key="budget.own.save", on_click=attempt,
                  args=(_save, desk, f"budget.own.{campaign_id}", campaign_id), disabled=caps == now,
                  help=f"Of {name}, from the next call on.")  # fmt: skip
    else:
        st.session_state[_KEPT] = caps
        st.caption("It has not begun: they hold from its Start on.")


def _save(desk: ModelDesk, key: str, campaign_id: str | None) -> None:
    """Hold what those fields say now."""
    desk.set_caps(Caps(**{cap.name: st.session_state[f"{key}.{cap.name}"] for cap in fields(Caps)}), campaign_id)


def keep_own(service: ResearchService, spec: CampaignSpec) -> None:
    """Set the caps that the fields for the campaign hold now, if it has not begun. Called before its start."""
    campaign_id, kept = campaign_id_of(spec), st.session_state.get(_KEPT, Caps())
    caps = Caps(**{cap.name: st.session_state.get(f"{_NEW}.{cap.name}", getattr(kept, cap.name)) for cap in fields(Caps)})
    if caps != Caps() and campaign_id not in set(service.queries.campaigns()["campaign_id"]):
        service.model.set_caps(caps, campaign_id)


def _fields(key: str, now: Caps, whose: str, for_all: Caps | None = None) -> Caps:
    """The caps that the fields say; those `for_all` stand in a field that is empty."""
    said = {}
    with st.grid(3, min_column_width=110):
        for cap in fields(Caps):
            unit, _, span = cap.name.partition("_per_")
            is_money, value = unit == "usd", getattr(now, cap.name)
            other = None if for_all is None or span == "day" else getattr(for_all, cap.name)
            said[cap.name] = st.number_input(
                f"{UNITS[unit]} a day" if span == "day" else f"{UNITS[unit]}, {whose}", 0.0 if is_money else 0, value=value,
                step=1.0 if is_money else 100, placeholder="no cap" if other is None else f"as for all: {other:,}",
                format="%.2f" if is_money else "%d", key=f"{key}.{cap.name}", persist_state="session",
            )  # fmt: skip
    return Caps(**said)
