"""Steering: what a person wants the model's arm to do next, from the run in view."""

from functools import partial

import streamlit as st

from engine.model_records import Steering
from engine.research.model_plan import continued
from engine.research.service import ResearchService
from engine.research.turns import MODEL
from engine.store.answers import CampaignRow, RunRow
from pages.access import attempt, show_problem
from pages.run_links import run_links

KINDS = {"continue": "Continue", "never": "Never a parent", "try": "Try"}
MAX_NOTE = 1_000
NO_MODEL_ARM = (
    "Only the model's arm can be steered, and this campaign has none. Duplicate it on Campaigns with the model as an arm; its "
    "runs can then be continued, barred as parents, or given a note."
)


def steer(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """A campaign from this run; three things to ask for of this one, and what is in force."""
    st.page_link("pages/research_setup.py", label="Start a campaign from this run", icon=":material/arrow_forward:",
                 query_params={"start": run.run_id}, disabled=run.failure is not None)  # fmt: skip
    if MODEL not in campaign.spec.arms:
        st.info(NO_MODEL_ARM, icon=":material/explore:")
        return
    st.caption("The model's arm reads this when it begins its next run; runs in work go on as they began.")
    if told := st.session_state.pop("steering.told", None):
        st.success(told, icon=":material/check_circle:")
    show_problem()
    with st.grid(3, min_column_width=270):
        with st.container(border=True, height="stretch"):
            _continue(service, run)
        with st.container(border=True, height="stretch"):
            _try(service, run)
        with st.container(border=True, height="stretch"):
            _never(service, run)
    in_force(service, campaign)


def _ask(service: ResearchService, campaign_id: str, kind: str, told: str, **asked: object) -> None:
    """Keep what is asked for; the fields for notes are empty again."""
    attempt(partial(service.model.ledger.steer, campaign_id, kind, **asked))
    if "access.problem" not in st.session_state:
        st.session_state["steering.told"] = told
        st.session_state["steering.note"] = st.session_state["steering.try"] = ""


def _continue(service: ResearchService, run: RunRow) -> None:
    st.markdown("**Continue from here**")
    st.caption(f"The next runs of the model's arm change run {run.number:,}, each of them from here.")
    st.text_area("Note to the writer", key="steering.note", max_chars=MAX_NOTE, height=80,
                 placeholder="for example: keep the entry, exit sooner")  # fmt: skip
    for_ever = st.toggle("For ever", key="steering.for_ever", help="Until it is withdrawn, or another run is continued.")
    st.number_input("Generations", 1, 1_000, 3, key="steering.generations", disabled=for_ever,
                    help="How many runs of the model's arm.")  # fmt: skip

    def ask() -> None:
        chosen = st.session_state  # what is typed now, not when the button was drawn
        runs = None if chosen["steering.for_ever"] else int(chosen["steering.generations"])
        told = f"Run {run.number:,} is continued {'for ever' if runs is None else f'for {runs:,} runs'}."
        _ask(service, run.campaign_id, "continue", told, run_id=run.run_id, note=_note("note"), generations=runs)

    st.button(
        "Continue from here", key="steering.continue", type="primary", icon=":material/trending_up:", on_click=ask,
        disabled=run.failure is not None, help="A failed run has nothing to continue from." if run.failure else None,
    )  # fmt: skip


def _note(field: str) -> str:
    return str(st.session_state.get(f"steering.{field}") or "").strip()


def _try(service: ResearchService, run: RunRow) -> None:
    st.markdown("**Try this next**")
    st.caption("The writer of the next run is given this note, whatever it starts from.")
    st.text_area("What to try", key="steering.try", max_chars=MAX_NOTE, height=80,
                 placeholder="for example: a time stop of two days")  # fmt: skip

    def ask() -> None:
        if note := _note("try"):
            _ask(service, run.campaign_id, "try", "The next writer is given the note.", note=note)
        else:
            st.session_state["access.problem"] = "There is no note; write in a sentence what is to be tried."

    st.button("Try this next", key="steering.try_next", icon=":material/lightbulb:", on_click=ask)


def _never(service: ResearchService, run: RunRow) -> None:
    st.markdown("**Never a parent**")
    st.caption(f"No later run is drawn to start from run {run.number:,}. It stays on the board.")
    asked = service.model.queries.steering(run.campaign_id)
    is_barred = any(one.kind == "never" and one.run_id == run.run_id for one, _ in asked)
    st.button(
        "It is barred" if is_barred else "Never a parent", key="steering.never", icon=":material/block:", disabled=is_barred,
        on_click=lambda: _ask(service, run.campaign_id, "never", f"Run {run.number:,} is no parent any more.", run_id=run.run_id),
        help="Withdraw it below." if is_barred else None,
    )  # fmt: skip


def in_force(service: ResearchService, campaign: CampaignRow) -> None:
    """What persons asked for: what holds, with a button that withdraws it, then what is done; each with the runs it led to."""
    asked = service.model.queries.steering(campaign.campaign_id)
    on = continued([(one, len(answers)) for one, answers in asked])
    standing = {one.seq: _standing(one, len(answers), on) for one, answers in asked}
    holds = [(one, answers) for one, answers in asked if standing[one.seq]]
    st.markdown("**In force**")
    if not holds:
        st.caption("Nothing: the model's arm chooses parents by their rank on train.")
    for one, answers in reversed(holds):
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(gap="xxsmall", width="stretch"):
                _entry(service, campaign, one, answers, standing[one.seq])
            st.button("Withdraw", key=f"steering.withdraw.{one.seq}", icon=":material/undo:", width="content",
                      on_click=attempt, args=(service.model.ledger.withdraw_steering, one.seq))  # fmt: skip
    done = [(one, answers) for one, answers in asked if not standing[one.seq]]
    if done:
        with st.expander(f"Answered: {len(done):,}", icon=":material/task_alt:"):
            for one, answers in reversed(done):
                _entry(service, campaign, one, answers, "answered")


def _standing(one: Steering, answered: int, on: Steering | None) -> str:
    """How it stands, in words; empty for what is answered."""
    if one.kind == "never":
        return "holds"
    if one.kind == "try":
        return "" if answered else "waits for the next run"
    if one.generations is not None and answered >= one.generations:
        return ""
    wait = "" if one == on else ", waits until a later one is done"
    return (
        f"for ever, {answered:,} runs so far" if one.generations is None else f"{answered:,} of {one.generations:,} runs"
    ) + wait


def _entry(service: ResearchService, campaign: CampaignRow, one: Steering, answers: list[str], standing: str) -> None:
    about = f" {run_links(service, [one.run_id], home=campaign.campaign_id)}" if one.run_id else ""
    kind = KINDS[one.kind]
    st.markdown(f"**{kind}{':' if about else ''}**{about} :gray[{standing}]")
    if one.note:
        st.text(one.note)
    if answers:
        st.caption(f"Answered by {run_links(service, answers, home=campaign.campaign_id)}.")
