"""What a first visitor sees: three ways to begin, and a tour in words."""

from collections.abc import Callable

import streamlit as st

from engine.model_records import ModelChoice
from pages import look, setup

TOUR = """
1. **Theme and benchmarks.** On *Research* you say what a good strategy must reach: a return, a number of trades, of assets, a
   win rate. You also set costs, capital, and when to stop.
2. **Runs.** Each run writes one strategy, tries it with hundreds of parameter sets over every asset, chooses the best set on
   the *train* window, and only then looks at the *validation* window. A random writer does this, and beside it a language model
   if you choose one on *Research*: the random arm is the baseline that a model must beat.
3. **The ledger.** Code, parameters, data hash, seed and figures of every run are kept, failed runs too. Any figure can be
   computed again from them: nothing on these pages is estimated or made up.
4. **Reading results.** *Runs* ranks them by validation Sharpe, with the number of trials beside it: the more one tries, the
   better the best looks by luck. *Strategy* shows one run's code, equity and trades. *Assets* tells which assets carry it.
5. **The vault.** The last fifth of the history is sealed. The search never sees it.
"""


def first_visit(start_demo: Callable[[], None], model: ModelChoice | None) -> None:
    """Three cards and the tour; `start_demo` is called when the first card's button is pressed, `model` is what it will ask."""
    st.markdown(
        "Nothing has been researched yet. Here will stand the best strategy so far, its benchmarks, and each run as it comes."
    )
    with st.grid(3, min_column_width=260):
        with st.container(border=True, height="stretch"):
            st.markdown("#### :material/science: Try it on the demo market")
            st.markdown("100 made-up assets, two years of hourly bars, one modest edge planted for the search to find.")
            st.badge("SYNTHETIC", color="orange")
            if model is None:
                st.caption("The random arm writes. Choose a model on *Research* first, and it writes too.")
            else:
                runs = setup.FIRST_WITH_A_MODEL["stop_runs"]
                st.caption(f"{look.plain(model.model)} writes, the random arm beside it; it ends after {runs} runs.")
            st.button("Start a first campaign", key="welcome.demo", type="primary", on_click=start_demo, width="stretch")
        with st.container(border=True, height="stretch"):
            st.markdown("#### :material/upload_file: Bring your own bars")
            st.markdown("Parquet or CSV with time, symbol, open, high, low, close, volume. They stay on this machine.")
            st.page_link("pages/data.py", label="Go to Data", icon=":material/arrow_forward:")
        with st.container(border=True, height="stretch"):
            st.markdown("#### :material/tune: Set a campaign up yourself")
            st.markdown("Choose dataset, windows, costs, objective, benchmarks and when to stop, then press Start.")
            st.page_link("pages/research_setup.py", label="Go to Research", icon=":material/arrow_forward:")
    st.subheader("A tour in two minutes", anchor=False)
    st.markdown(TOUR)
