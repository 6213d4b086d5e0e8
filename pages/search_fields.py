"""The fields that say how a strategy's parameter sets are searched."""

from typing import Any

import streamlit as st

from engine.research.tuning import METHODS

_HELP = "\n".join(f"- **{name}**: {told}" for name, told in METHODS.items())
_SECONDS = "Adaptive begins no further batch after that. Results then depend on the machine, empty: no limit."
_FEWEST = "A set with fewer trades on train, or in proportion to the bars on validation, ranks last."


def search_fields(kept: dict[str, Any]) -> None:
    """Scenarios, method and what belongs to it, as cells of a grid; `kept`: options that every field has."""
    st.number_input("Fewest trades to rank", 0, key="research.min_trades", help=_FEWEST, **kept)
    st.number_input("Scenarios per run", 1, step=50, key="research.scenarios", **kept,
                    help="Parameter sets tried for each strategy, at most.")  # fmt: skip
    method = st.selectbox("Method", list(METHODS), key="research.method", help=_HELP, **kept)
    if method == "adaptive":
        st.number_input("Seconds per search", 1.0, step=10.0, key="research.search_s", format="%.4g", placeholder="no limit",
                        help=_SECONDS, value=None, **kept)  # fmt: skip


def seconds_of(method: str, search_s: float | None) -> float | None:
    """The limit that counts: what was typed for adaptive stays in its field while another method is chosen."""
    return search_s if method == "adaptive" else None
