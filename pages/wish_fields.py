"""Fields for benchmarks beyond the usual four: any figure, with a comparison, a window, required or wished."""

from typing import Any

import streamlit as st

from engine.analysis.benchmarks import RELATIONS, WINDOWS, benchmark_text, benchmark_words, read_benchmark
from engine.errors import EngineError
from engine.figures import PORTFOLIO_FIGURES
from engine.records import Benchmark
from pages.access import attempt, show_problem

_WINDOWS = {"each": "train and validation", "vault": "vault, once it is opened"}
_SHARES = ("fraction", "sleeve")


def wish_fields(kept: dict[str, Any]) -> None:
    """The further benchmarks, each of which can be taken away, and what adds one. `kept`: options that every field has."""
    asked = st.session_state["research.want_more"]
    st.multiselect("Further benchmarks", asked, key="research.want_more", format_func=_told, placeholder="none", **kept,
                   help="Beside the four above. A wish is shown on the Scorecard and keeps no campaign going.")  # fmt: skip
    with st.popover("Add a benchmark", icon=":material/add:"):
        label = {name: PORTFOLIO_FIGURES[name].label for name in PORTFOLIO_FIGURES}
        figure = st.selectbox("Figure", list(label), index=list(label).index("sharpe"), format_func=label.get, key="wish.figure")
        unit = ", %" if PORTFOLIO_FIGURES[str(figure)].unit in _SHARES else ""
        st.segmented_control("Must be", list(RELATIONS), default=">=", format_func=RELATIONS.get, key="wish.relation",
                             required=True)  # fmt: skip
        st.number_input(f"Value{unit}", value=1.0, format="%.4g", key="wish.value")
        st.selectbox("On", WINDOWS, format_func=lambda name: _WINDOWS.get(name, name), key="wish.window")
        st.toggle("Required", key="wish.required", help="Off: a wish.")
        st.button("Add", key="wish.add", on_click=attempt, args=(_add,))
    show_problem()


def _add() -> None:
    """Take the benchmark of the fields in."""
    of = {name: st.session_state[f"wish.{name}"] for name in ("figure", "relation", "value", "window", "required")}
    share = PORTFOLIO_FIGURES[of["figure"]].unit in _SHARES
    made = Benchmark(of["figure"], of["value"] / (100 if share else 1), of["relation"], of["window"], of["required"])
    asked = st.session_state["research.want_more"]
    if benchmark_text(made) not in asked:
        st.session_state["research.want_more"] = [*asked, benchmark_text(made)]


def _told(text: str) -> str:
    try:
        return benchmark_words(read_benchmark(text))
    except EngineError:
        return text  # an old preset; the draft says what is wrong with it
