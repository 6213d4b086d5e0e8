"""The form that takes an idea: a thought or an article, written, pasted or uploaded."""

from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from engine.errors import DataError, EngineError
from engine.research.idea_files import KINDS, MAX_BYTES, MAX_TEXT, make_idea, read_text
from engine.store.model_ledger import ModelLedger
from pages import look, selection

WEIGHT_HELP = "How often, against the others: one of weight 2 is drawn about twice as often as one of weight 1."
EXPIRY_HELP = "The last day, in UTC, on which a writer may be shown it; empty: for ever."


def add(ledger: ModelLedger) -> None:
    """A form for a thought or an article, written, pasted or uploaded; empty again when that is kept."""
    form = st.session_state.setdefault("ideas.form", 0)  # a new key is an empty field; a file cannot be taken out otherwise
    with st.form("ideas.add", border=False, clear_on_submit=False):
        text = st.text_area("Idea or article", key=f"ideas.text.{form}", height=150, max_chars=MAX_TEXT,
                            placeholder="for example: what fell on heavy volume and closed near its high recovers")  # fmt: skip
        file = st.file_uploader("or a file: text, Markdown, PDF", [kind.lstrip(".") for kind in KINDS], key=f"ideas.file.{form}",
                                max_upload_size=MAX_BYTES // 1_000_000)  # fmt: skip
        with st.grid(3, min_column_width=150):
            title = st.text_input("Title", key=f"ideas.title.{form}", max_chars=80, placeholder="its first line")
            weight = st.number_input(
                "Weight", 0.01, 100.0, 1.0, step=0.5, format="%.4g", key=f"ideas.weight.{form}", help=WEIGHT_HELP
            )
            last_day = st.date_input("Last day", None, key=f"ideas.last_day.{form}", format="YYYY-MM-DD", help=EXPIRY_HELP)
        if st.form_submit_button("Add idea", type="primary", icon=":material/add:"):
            try:
                _add(ledger, text or "", file, title or "", weight, last_day)
            except EngineError as error:
                look.problem(error)


def _add(ledger: ModelLedger, text: str, file: "st.runtime.uploaded_file_manager.UploadedFile | None", title: str,
         weight: float, last_day: date | None) -> None:  # fmt: skip
    if file is not None and text.strip():
        raise DataError("there is a text and a file; add one of them first, then the other")
    if file is not None:
        text = read_text(file.name, file.getvalue())
    idea = make_idea(text, title=title, weight=weight, expires=None if last_day is None else end_of_day(last_day))
    is_new = ledger.add_idea(idea)
    st.session_state["ideas.told"] = f"{'Added' if is_new else 'It was there already'}: {idea.title}"
    st.session_state["ideas.form"] += 1
    selection.choose("idea", idea.idea_id)
    st.rerun()


def end_of_day(day: date) -> datetime:
    """The moment at which that UTC day ends."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
