"""What if: some entries left out, a pause after stop-outs, other stops, later entries; simulated anew, before beside after."""

import streamlit as st

from engine.analysis.what_if import MOST_BARS, WhatIf
from engine.errors import EngineError
from engine.features.entry_states import STATES
from engine.research.explanations import Changed, ExplainedRun
from engine.research.service import ResearchService
from engine.store.answers import RunRow
from pages import look

SHOWN = ("total_return", "sharpe", "max_drawdown", "trades_with_open", "win_rate_with_open", "expectancy_with_open",
         "profit_factor_with_open", "exposure")  # fmt: skip
_LEFT_OUT = ("direction", "asset", "entry_tag", *(s.name for s in STATES))


def what_if(service: ResearchService, run: ExplainedRun, row: RunRow, window: str) -> None:
    """The panel: a change is chosen, tried by a button, and its figures stand beside those of before."""
    seen = service.explanations.looks(row.run_id, window)
    more = "" if window == "train" else "; each further look makes what is found there worth less"
    st.caption(
        "The strategy is simulated anew with the change, never just subtracted. Each try is a trial by hand:"
        f" {seen:,} were made on the bars of {window} so far, by anyone{more}."
    )
    with st.form("trades.what_if"):
        cells = {(d.name, c): f"{d.label}: {cell}" for d in run.found.dimensions if d.name in _LEFT_OUT
                 for c, cell in enumerate(d.cells) if d.members(c).any()}  # fmt: skip
        if run.found.clusters is not None:
            cells |= {("cluster", c): f"kind of entry: {what}" for c, what in enumerate(run.found.clusters.what)}
        out = st.selectbox("Leave out the trades", list(cells), index=None, format_func=cells.get, placeholder="none")
        with st.container(horizontal=True):
            cooldown = st.number_input("Pause after a stop-out, bars", 0, MOST_BARS, None, placeholder="as it is")
            stop = st.number_input("Stop, times as far", 0.1, 10.0, None, 0.1, placeholder="as it is")
            later = st.number_input("Entries later, bars", 0, MOST_BARS, None, placeholder="as it is")
        label = "Try it" if window == "train" else f"Look at {window}: trial {seen + 1:,}"
        tried = st.form_submit_button(label, icon=":material/science:")
    if tried:
        change = WhatIf(out, cooldown, stop, later)
        if change == WhatIf():
            st.warning("Nothing is changed; choose what to leave out, a pause, another stop or a delay.", icon=":material/edit:")
            return
        try:
            show(service.explanations.what_if(row.run_id, window, change))
        except EngineError as error:
            look.problem(error)


def show(changed: Changed) -> None:
    """Before and after, figure by figure."""
    rows = [
        {
            "Figure": look.short_label(name), "Before": look.figure_text(name, changed.before[name]),
            "After": look.figure_text(name, changed.after[name]),
            "Change": look.figure_change(name, changed.after[name] - changed.before[name]) or look.NOT_COMPUTED,
        }
        for name in SHOWN
    ]  # fmt: skip
    st.table(rows, hide_index=True)
    st.caption(f"Counted as a trial by hand; {changed.trials:,} trials were made on these bars by now. What is chosen for having"
               " looked best here has no evidence of its own: let the search or validation judge it.")  # fmt: skip
