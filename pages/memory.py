"""Memory: what has been learned of this market, and what speaks for and against it?"""

import pandas as pd
import streamlit as st

from engine.model_records import Belief
from engine.proposal.beliefs import ENOUGH_RUNS, FADED, SHOWN_LESSONS, SHOWN_THEORIES, weight
from engine.research.model_plan import LESSON_EVERY
from engine.store.memory_queries import Earnings
from pages import look, selection
from pages.access import research
from pages.belief_view import detail, standing, told

service = research()
memory = service.model

COLUMNS = {
    "kind": st.column_config.TextColumn("Kind", width=65),
    "text": st.column_config.TextColumn("What it says", width=430),
    "weight": st.column_config.ProgressColumn(
        "Weight", format="%.2f", min_value=0.0, max_value=1.0, width=110,
        help="(runs for + 1) / (runs for and against + 2): few runs say little. Laplace's rule of succession.",
    ),
    "for": st.column_config.NumberColumn("For", format="%,d", width=50, help="Runs that speak for it."),
    "against": st.column_config.NumberColumn("Against", format="%,d", width=65, help="Runs that speak against it."),
    "used": st.column_config.NumberColumn("Used", format="%,d", width=55, help="Runs whose writer was shown it."),
    "standing": st.column_config.TextColumn("State", width=75),
    "theme": st.column_config.TextColumn("Theme", width="medium", help="Of the campaign that found it."),
}  # fmt: skip


def filtered(beliefs: list[Belief]) -> list[Belief]:
    """The beliefs that this viewer wants to see, pinned ones first, then by weight."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input("Find", key="memory.text", placeholder="word", width=200)
        kind = st.segmented_control("Kind", ["all", "lesson", "theory"], default="all", required=True, key="memory.kind",
                                    format_func={"all": "All", "lesson": "Lessons", "theory": "Theories"}.get)  # fmt: skip
        state = st.segmented_control("State", ["all", "shown", "pinned", "faded", "muted"], default="all", required=True,
                                     key="memory.state", format_func=str.capitalize)  # fmt: skip
    found = [
        belief for belief in beliefs
        if kind in ("all", belief.kind) and state in ("all", standing(belief))
        and (text or "").casefold() in f"{belief.text} {belief.disproof} {belief.theme} {belief.regime}".casefold()
    ]  # fmt: skip
    return sorted(found, key=lambda belief: (not belief.is_pinned, -weight(belief), belief.belief_id))


def board(beliefs: list[Belief]) -> Belief:
    """The table; the belief whose row is ticked, else the one this viewer looks at."""
    ids = [belief.belief_id for belief in beliefs]
    earned = memory.queries.earnings()
    rows = [
        {"kind": b.kind, "text": b.text, "weight": weight(b), "for": len(b.runs_for), "against": len(b.runs_against),
         "used": earned.get(b.belief_id, Earnings()).runs, "standing": standing(b), "theme": b.theme}
        for b in beliefs
    ]  # fmt: skip
    if selection.current("belief") not in ids:
        selection.choose("belief", ids[0])
    current = str(selection.current("belief"))
    key = f"memory.board.{hash((*ids, current))}"  # other rows are another table: a tick must not slide to another belief

    def choose() -> None:
        ticked = st.session_state[key]["selection"]["rows"]
        selection.choose("belief", ids[ticked[0]] if ticked else current)

    st.dataframe(
        pd.DataFrame(rows), column_config=COLUMNS, column_order=list(COLUMNS), hide_index=True, placeholder="",
        height=look.table_height(len(rows), 360), on_select=choose, selection_mode="single-row", key=key,
        selection_default={"selection": {"rows": [ids.index(current)]}},
    )  # fmt: skip
    st.caption(
        f"A writer is shown up to {SHOWN_LESSONS} lessons and {SHOWN_THEORIES} theories: pinned ones, then those that weigh most "
        f"and fit its theme, market and late failures. One that weighs less than {FADED:g} after {ENOUGH_RUNS} runs fades."
    )
    return beliefs[ids.index(current)]


look.header("Memory", "What has been learned of this market, and what speaks for and against it?")
told(memory.ledger)
known = memory.queries.beliefs()
selection.tell_gone("belief", {b.belief_id for b in known}, "The lesson or theory", "The first of those that there are is shown.")
if not known:
    st.info(
        f"Nothing is learned yet. Every {LESSON_EVERY} runs the model's arm draws a lesson and a theory from what it has tried; "
        "they will stand here with the runs for and against them, and you may edit, pin, mute or delete each.",
        icon=":material/school:",
    )
    st.page_link("pages/research_setup.py", label="Start a campaign with a model", icon=":material/arrow_forward:")
elif shown := filtered(known):
    detail(service, board(shown))
else:
    st.info("Nothing fits the choice above.", icon=":material/filter_alt_off:")
