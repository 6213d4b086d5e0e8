"""Ideas: what should the writers think about, and what has each idea earned?"""

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pandas as pd
import streamlit as st

from engine.model_records import Idea
from engine.proposal.beliefs import IDEA_LETTERS, SHOWN_IDEAS
from engine.store.memory_queries import Earnings
from pages import look, selection
from pages.access import attempt, research, show_problem
from pages.idea_form import EXPIRY_HELP, WEIGHT_HELP, add, end_of_day
from pages.run_links import run_links

service = research()
memory = service.model

COLUMNS = {
    "title": st.column_config.TextColumn("Idea", pinned=True, width=200),
    "standing": st.column_config.TextColumn("State", width=80),
    "weight": st.column_config.NumberColumn("Weight", format="%,.4g", width=70, help=WEIGHT_HELP),
    "last_day": st.column_config.DateColumn("Last day (UTC)", format="YYYY-MM-DD", width=105, help=EXPIRY_HELP),
    "runs": st.column_config.NumberColumn("Runs fed", format="%,d", width=80, help="Runs whose writer was shown it."),
    "scored": st.column_config.NumberColumn("Ran", format="%,d", width=60, help="Of these, runs that gave a result."),
    "kept": st.column_config.NumberColumn("Kept", format="%,d", width=60, help="Of these, runs that beat their parent on train."),
    "better": st.column_config.NumberColumn(
        "Better", format="%,d", width=65, help="Of these, runs that were better on validation than all before."
    ),
    "letters": st.column_config.NumberColumn("Letters", format="%,d", width=75),
}


def board(ideas: list[tuple[Idea, Earnings]], now: datetime) -> Idea:
    """The table, those that are drawn first; the idea whose row is ticked, else the one this viewer looks at."""
    ideas = sorted(ideas, key=lambda pair: (_has_expired(pair[0], now), -pair[0].weight, pair[0].title))
    by_id = {idea.idea_id: idea for idea, _ in ideas}
    ids = list(by_id)
    rows = [
        {"title": i.title, "standing": "expired" if _has_expired(i, now) else "drawn", "weight": i.weight,
         "last_day": _last_day(i), "runs": e.runs, "scored": e.scored, "kept": e.kept, "better": e.better, "letters": len(i.text)}
        for i, e in ideas
    ]  # fmt: skip
    if selection.current("idea") not in by_id:
        selection.choose("idea", ids[0])
    current = str(selection.current("idea"))
    key = f"ideas.board.{hash((*ids, current))}"  # other rows are another table: a tick must not slide to another idea

    def choose() -> None:
        ticked = st.session_state[key]["selection"]["rows"]
        selection.choose("idea", ids[ticked[0]] if ticked else current)

    st.dataframe(
        pd.DataFrame(rows), column_config=COLUMNS, column_order=list(COLUMNS), hide_index=True, placeholder="never",
        height=look.table_height(len(rows), 360), on_select=choose, selection_mode="single-row", key=key,
        selection_default={"selection": {"rows": [ids.index(current)]}},
    )  # fmt: skip
    st.caption(f"Each run of the model's arm is shown up to {SHOWN_IDEAS} ideas, drawn by weight. Tick one to look at it.")
    return by_id[current]


def _has_expired(idea: Idea, now: datetime) -> bool:
    return idea.expires is not None and idea.expires <= now


def _last_day(idea: Idea) -> date | None:
    return None if idea.expires is None else (idea.expires - timedelta(microseconds=1)).date()


def detail(idea: Idea) -> None:
    """One idea: its text as it was handed in, the runs it fed, and what can be changed."""
    st.markdown(f"**{look.plain(idea.title)}**")
    uses = memory.queries.idea_uses(idea.idea_id)
    st.caption(f"Runs whose writer was shown it: {run_links(service, uses)}.")
    if len(idea.text) > IDEA_LETTERS:
        st.caption(f"A writer is shown its first {IDEA_LETTERS:,} of {len(idea.text):,} letters.")
    with st.container(border=True, height=260 if len(idea.text) > 900 else "content"):
        st.text(idea.text)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        fields = f"ideas.weight.{idea.idea_id}.{idea.weight}", f"ideas.last_day.{idea.idea_id}.{idea.expires}"
        st.number_input("Weight", 0.01, value=idea.weight, step=0.5, format="%.4g", width=150, help=WEIGHT_HELP, key=fields[0])
        st.date_input("Last day", _last_day(idea), format="YYYY-MM-DD", width=170, help=EXPIRY_HELP, key=fields[1])
        st.button("Save", key="ideas.save", icon=":material/save:", on_click=_save, args=(idea, *fields))
        st.button("Delete", key="ideas.delete", icon=":material/delete:", on_click=_delete, args=(idea,),
                  help="No later run is shown it. It can be brought back.")  # fmt: skip


def _save(idea: Idea, weight: str, last_day: str) -> None:
    """Keep what these fields hold now."""
    day: date | None = st.session_state[last_day]
    expires = None if day is None else end_of_day(day)
    attempt(partial(memory.ledger.change_idea, idea.idea_id, weight=st.session_state[weight], expires=expires))


def _delete(idea: Idea) -> None:
    attempt(partial(memory.ledger.change_idea, idea.idea_id, deleted=True))
    st.session_state["ideas.deleted"] = (idea.idea_id, idea.title)
    selection.choose("idea", None)


def _restore(idea_id: str) -> None:
    attempt(partial(memory.ledger.change_idea, idea_id, deleted=False))
    st.session_state.pop("ideas.deleted", None)
    selection.choose("idea", idea_id)


def told() -> None:
    """What was done last, with a way back from a deletion."""
    show_problem()
    if done := st.session_state.pop("ideas.told", None):
        st.success(look.plain(done), icon=":material/check_circle:")
    if gone := st.session_state.get("ideas.deleted"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"Deleted: {look.plain(gone[1])}", width="content")
            st.button("Undo", key="ideas.undo", icon=":material/undo:", on_click=_restore, args=(gone[0],))


look.header("Ideas", "What should the writers think about, and what has each idea earned?")
told()
offered = memory.queries.ideas()
selection.tell_gone("idea", {idea.idea_id for idea, _ in offered}, "The idea", "The first of those that there are is shown.")
with st.expander("Add an idea", expanded=not offered, icon=":material/add:"):
    add(memory.ledger)
if offered:
    detail(board(offered, datetime.now(UTC)))
else:
    st.info(
        "No idea yet. A thought in a sentence or a whole article: writers are shown a few of them each run, and this page will "
        "tell which runs each has fed and how those ended.", icon=":material/lightbulb:",
    )  # fmt: skip
