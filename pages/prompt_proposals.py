"""Prompts that were proposed, by the coach, by compiling or by a person: each is tried, accepted or declined."""

from typing import Any

import streamlit as st

from engine.errors import PromptError
from engine.proposal.prompt_book import prompt_text
from engine.research.service import ResearchService
from pages import code_views, look
from pages.access import attempt, show_problem
from pages.prompt_compile import compiling
from pages.prompt_draft import prompt_from, save, seen_now
from pages.prompt_trial import trial

COLUMNS = {
    "at_utc": st.column_config.DatetimeColumn("When, UTC", format="YYYY-MM-DD HH:mm"),
    "role": st.column_config.TextColumn("Prompt"),
    "who": st.column_config.TextColumn("By"),
    "state": st.column_config.TextColumn("Decision"),
    "why": st.column_config.TextColumn("Why", width="large"),
}


def proposals(service: ResearchService, role: str) -> None:
    """The open proposals, this role's first; how to get one; what became of the others."""
    show_problem()
    known = service.model.queries.proposals()
    waiting, settled = known[known["state"] == "open"], known[known["state"] != "open"]
    if waiting.empty:
        st.info(
            "No proposal waits. The coach proposes another text after a run of faults, and compiling searches one with the "
            "ledger's own calls; here you see what would change, try it on a share of the runs, and decide.",
            icon=":material/hourglass_empty:",
        )
    for row in sorted(waiting.itertuples(), key=lambda row: row.role != role):
        with st.container(border=True):
            _proposal(service, row)
    compiling(service, role)
    if len(settled):
        with st.expander(f"Decided: {len(settled):,}", icon=":material/inventory_2:"):
            st.dataframe(settled, column_order=list(COLUMNS), column_config=COLUMNS, hide_index=True,
                         height=look.table_height(len(settled), 320))  # fmt: skip


def _proposal(service: ResearchService, row: Any) -> None:
    """One proposal: whose, why, what it changes against the text in force, and the decision."""
    desk = service.model
    now = desk.book()[row.role]
    st.markdown(f"**{look.plain(row.role)}**, proposed by {look.plain(row.who)}, {look.moment(row.at_utc)}")
    st.code(row.why or "(no reason given)", None, wrap_lines=True)
    diff = code_views.code_diff(prompt_text(now), row.text, (f"in force, {now.version}", f"proposal {row.seq}"))
    st.code(diff or "It is the text in force.", "diff", wrap_lines=True, height=420 if diff.count("\n") > 18 else "content")
    try:
        prompt, problem = prompt_from(desk.book(), row.role, row.text), None
    except PromptError as error:
        prompt, problem = now, error
        look.problem(error)
    with st.container(horizontal=True, gap="small"):
        st.button("Accept", key=f"prompts.accept.{row.seq}", type="primary", icon=":material/check:", on_click=attempt,
                  args=(_accept, service, row.seq, row.role, row.text, row.why, row.who), disabled=problem is not None,
                  help="Comes into force with the next call.")  # fmt: skip
        st.button("Decline", key=f"prompts.decline.{row.seq}", icon=":material/close:", on_click=attempt,
                  args=(desk.ledger.settle_proposal, row.seq, False))  # fmt: skip
    trial(service, row, is_good=problem is None and prompt.version != now.version)


def _accept(service: ResearchService, seq: int, role: str, text: str, why: str, proposer: str) -> None:
    desk = service.model
    seen = seen_now(desk, role)
    who = st.session_state.get("prompts.who") or "a person"
    save(desk, prompt_from(desk.book(), role, text), seen.file_hash, who=f"{proposer}, accepted by {who}", why=why)
    desk.ledger.settle_proposal(seq, True)
    st.toast("Accepted; the next call uses it.", icon=":material/check_circle:")
