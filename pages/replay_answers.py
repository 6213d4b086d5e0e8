"""Both sets of answers of a replay, side by side, while it goes on and afterwards."""

import pandas as pd
import streamlit as st

from engine.research.judging import JUDGED
from engine.research.replay import Replay, ReplayAnswer, Side
from engine.research.service import ResearchService
from pages import code_views, look, selection, trace_table, trace_texts
from pages.prompt_history import share_text


def standing(service: ResearchService, replay_id: str, followed: bool) -> None:
    """Live: how far it is, and both sets of answers."""
    made = service.replays.state(replay_id)
    if not made.is_done:
        done, wanted = len(made.old.answers) + len(made.new.answers), 2 * made.wanted
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(done / wanted, text=f"{done:,} of {wanted:,} answers")
            st.button("End it", key="replay.end", icon=":material/stop:", on_click=service.replays.end, args=(replay_id,),
                      help="The answers that there are stay.")  # fmt: skip
    elif followed:
        st.rerun()
    if made.problem:
        look.problem(made.problem)
    sides = {"In force": made.old, "Edited": made.new}
    st.dataframe(_counts(sides, made), hide_index=True)
    with st.expander("What was changed", icon=":material/difference:"):
        diff = code_views.code_diff(made.old.text, made.new.text, (made.old.version, made.new.version))
        st.code(diff or "Nothing.", "diff", wrap_lines=True)
    sources = list(dict.fromkeys(answer.source_call_id for side in sides.values() for answer in side.answers))
    if not sources:
        return
    source = st.selectbox("Answers to the inputs of", sources, key=f"replay.source.{replay_id}", persist_state="page", width=440,
                          format_func=lambda i: f"input {sources.index(i) + 1} of {len(sources)}, call {i}")  # fmt: skip
    for column, (title, side) in zip(st.columns(2, gap="medium"), sides.items(), strict=True):
        with column:
            st.markdown(f"**{title}**, version `{look.plain(side.version)}`")
            for number, answer in enumerate((a for a in side.answers if a.source_call_id == source), 1):
                _answer(number, answer)


def _counts(sides: dict[str, Side], made: Replay) -> pd.DataFrame:
    """How many came how far, for each text."""
    trades = made.role in JUDGED
    rows: dict[str, list[str]] = {
        "Figure": ["Answers", "Parsed", "Passed all checks", "Traded", "Median objective on train", "Tokens", "Cost"]
    }
    for title, side in sides.items():
        n = len(side.answers)
        rows[title] = [
            f"{n:,} of {made.wanted:,}",
            share_text(side.parsed / n if n else None, n),
            share_text(side.passed / n if n else None, n) if trades else "no strategies",
            share_text(side.traded / n if n else None, n) if trades else "no strategies",
            look.number(side.median_objective, 3) if trades else "no strategies",
            look.count(side.tokens),
            trace_texts.usd_text(side.usd),
        ]
    return pd.DataFrame(rows)


def _answer(number: int, answer: ReplayAnswer) -> None:
    """One answer: how far it came, and its fields."""
    word = trace_table.STATUSES[answer.status][0]
    if answer.failure is not None:
        told = f"refused: {answer.failure.kind}"
    elif answer.objective is not None:
        told = f"objective {look.number(answer.objective, 3)}"
    else:
        told = "never traded" if answer.traded is False else ""
    with st.expander(f"{number}. {look.plain(', '.join(filter(None, (word, told))))}"):
        if wrong := answer.problem or (answer.failure and str(answer.failure)):
            st.code(wrong, None, wrap_lines=True)
        trace_texts.show_fields(answer.fields)
        st.caption(f"Cost: {trace_texts.usd_text(answer.usd)}; [its trace]({selection.address('traces', call=answer.call_id)})")
