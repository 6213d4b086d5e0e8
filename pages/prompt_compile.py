"""Compiling a prompt: a search for a better text among the ledger's own calls, begun and followed here."""

import streamlit as st

from engine.research.compile_prompt import CALLS, CompileState
from engine.research.judging import JUDGED
from engine.research.service import ResearchService
from pages import look, trace_texts
from pages.access import attempt


def compiling(service: ResearchService, role: str) -> None:
    """A button that begins it for that role, and the compile that was begun last as it stands."""
    with st.expander(
        "Compile: search a better text", icon=":material/model_training:", expanded=service.compiling.state is not None
    ):
        st.markdown(
            "DSPy's GEPA rewrites the instructions and tries them on inputs of this ledger's own calls: every answer is checked "
            "and scored on train alone. A text that does better is proposed here, and nothing changes until someone accepts it. "
            "The calls count against the caps, the scorings as trials."
        )
        if role not in JUDGED:
            st.caption(f"Not for {look.plain(role)}: of its answers nothing can be computed but whether they can be read.")
        state = service.compiling.state
        in_work = state is not None and not state.is_done
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.number_input("Calls, at most", 10, 1_000, CALLS, 10, key="prompts.compile_calls", width=200)
            st.button(f"Compile {role}", key="prompts.compile", icon=":material/model_training:", on_click=attempt,
                      args=(_begin, service, role),
                      disabled=in_work or role not in JUDGED or service.model.choice is None,
                      help="Goes on in the background; the model must be chosen first.")  # fmt: skip
            if in_work:
                st.button("End it", key="prompts.compile_end", icon=":material/stop:", on_click=service.compiling.end,
                          help="What it has found until then is proposed.")  # fmt: skip
        if state is not None:
            st.fragment(_standing, run_every=2.0 if in_work else None, key="prompts.compiling")(service, in_work)
        st.caption("From the command line:")
        st.code(f"python -m engine prompts compile {role}", "bash")


def _begin(service: ResearchService, role: str) -> None:
    service.compiling.begin(role, calls=int(st.session_state["prompts.compile_calls"]))


def _standing(service: ResearchService, followed: bool) -> None:
    """Live: how far it is, and what it has found."""
    state = service.compiling.state
    if state is None:
        return
    if not state.is_done:
        st.progress(min(state.made / max(state.most, 1), 1.0),
                    text=f"{state.role}: {look.plain(state.stage)}, {state.made:,} of at most {state.most:,} calls, "
                    f"cost so far {trace_texts.usd_text(state.usd)}")  # fmt: skip
        return
    if followed:
        st.rerun()  # what it has proposed stands above
    if state.problem:
        look.problem(f"The compile of {state.role} ended: {state.problem}")
    elif state.is_proposed:
        st.success(
            f"The compile of {state.role} proposes another text: decide above. {_cost(state)}", icon=":material/lightbulb:"
        )
    else:
        tried = state.compiled.others if state.compiled else 0
        found = f"tried {tried} other texts, and none does better" if tried else "could try no other text"
        st.info(f"The compile of {state.role} {found}. {_cost(state)}", icon=":material/search_off:")


def _cost(state: CompileState) -> str:
    return f"It took {state.made:,} calls and cost {trace_texts.usd_text(state.usd)}."
