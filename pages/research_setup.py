"""Research: what is to be searched for, on which data, at what cost, and when is it enough?"""

import streamlit as st

from engine.errors import EngineError
from engine.figures import PORTFOLIO_FIGURES
from engine.market.catalog import DEMO_NAMES
from engine.research.objectives import OBJECTIVES, definition_of
from engine.research.turns import MODEL
from pages import launch, look, setup, start_from
from pages.access import research
from pages.data_labels import data_badges
from pages.model_budget import model_budget
from pages.presets import presets
from pages.rule_fields import rule_fields
from pages.search_fields import search_fields
from pages.wish_fields import wish_fields
from pages.writers import WITH_A_MODEL, writers

service = research()
KEPT = {"persist_state": "session"}  # what was typed is there again after a look at another page
PORTFOLIO = (
    "Equal sleeves: each asset has its own share of the capital. Shared cash: all draw on one account; of more entries than "
    "there are places or cash those of the highest rank fill, and the others are counted as rejected."
)
OPTIONAL = KEPT | {"value": None}  # a field that may be left or made empty


def aim() -> None:
    """Name, theme, objective and sides."""
    st.markdown("**What to search for**")
    st.text_input("Name", key="research.name", max_chars=80, placeholder="made of arm, dataset and seed if left empty", **KEPT)
    st.text_area(
        "Theme", key="research.theme", height=80, placeholder="use volume to time entries", **KEPT,
        help="The random arm ignores it: it is the baseline that a model must beat.",
    )  # fmt: skip
    st.caption("The theme steers the model's arm only; the random arm ignores it.")
    label = {name: PORTFOLIO_FIGURES[name].label for name in OBJECTIVES}
    objective = st.selectbox("Objective, on train", OBJECTIVES, key="research.objective", format_func=label.get, **KEPT)
    st.caption(definition_of(objective))
    sides = {"both": "Long and short", "long": "Long only"}
    st.segmented_control("Sides", list(sides), key="research.sides", format_func=sides.get, required=True, **KEPT)


def market() -> None:
    """Dataset, asset filter and windows."""
    st.markdown("**Data and windows**")
    names = sorted({*service.catalog.names(), *DEMO_NAMES})
    setup.known(names)
    dataset = st.selectbox("Dataset", names, key="research.dataset", **KEPT)
    about = service.catalog.describe(dataset)
    data_badges(about)
    st.caption(f"{about['assets']:,} assets, {about['timeframe']} bars, {about['first'][:10]} to {about['last'][:10]} (UTC).")
    setup.fit(about)
    with st.grid(2, min_column_width=140):
        st.number_input("Top assets by volume", 1, about["assets"], key="research.top_assets", placeholder="all", **OPTIONAL,
                        help="Only the n assets with the highest median dollar volume on the train window.")  # fmt: skip
        st.multiselect("Exclude assets", about["symbols"], key="research.exclude", placeholder="none", **KEPT)
    with st.grid(3, min_column_width=120):
        st.number_input("Train, % of bars", 1.0, 98.0, step=5.0, key="research.train_percent", format="%.4g", **KEPT)
        st.number_input("Validation, % of bars", 1.0, 98.0, step=5.0, key="research.validation_percent", format="%.4g", **KEPT)
        st.number_input("Embargo, bars", 0, key="research.embargo_bars", placeholder="automatic", **OPTIONAL,
                        help="Bars between the windows that nobody trades.")  # fmt: skip


def money() -> None:
    """Costs, capital and the search itself."""
    st.markdown("**Costs, capital and search**")
    currencies = ["USD", "USDT", "EUR", "GBP", "CHF", "JPY"]
    with st.grid(3, min_column_width=120):
        st.number_input("Fee, % of a fill", 0.0, 49.9, step=0.01, format="%.4g", key="research.fee_percent", **KEPT)
        st.number_input("Slippage, % of price", 0.0, 49.9, step=0.01, format="%.4g", key="research.slippage_percent", **KEPT)
        st.number_input("Seed", 0, key="research.seed", help="Equal seed, data and choices give the same runs.", **KEPT)
        st.number_input("Starting capital", 0.01, step=10_000.0, format="%.2f", key="research.capital", **KEPT)
        st.selectbox("Currency", currencies, key="research.currency", accept_new_options=True, **KEPT)
        search_fields(KEPT)
        st.selectbox("Portfolio", [False, True], key="research.shared_cash", help=PORTFOLIO, **KEPT,
                     format_func={False: "Equal sleeves", True: "Shared cash"}.get)  # fmt: skip
        if st.session_state["research.shared_cash"]:
            st.number_input("Most positions at once", 1, key="research.max_positions", **KEPT)
            st.number_input("A position, % of equity", 0.01, 100.0, format="%.4g", key="research.position_percent", **KEPT)


def goals() -> None:
    """Benchmarks, and when to stop."""
    st.markdown("**Benchmarks to meet**", help="An empty field is not asked for.")
    none = OPTIONAL | {"placeholder": "not asked"}
    with st.grid(2, min_column_width=140):
        st.number_input("Total return, at least %", -100.0, key="research.want_return_percent", format="%.4g", **none)
        st.number_input("Win rate, more than %", 0.0, 100.0, key="research.want_win_rate_percent", format="%.4g", **none)
        st.number_input("Trades, at least", 0, key="research.want_trades", **none)
        st.number_input("Assets traded, at least", 0, key="research.want_assets", **none)
    wish_fields(KEPT)
    rule_fields(KEPT)
    st.markdown("**When to stop**", help="The first that is met ends the campaign; with all empty it never ends by itself.")
    with st.grid(2, min_column_width=140):
        st.number_input("After runs", 1, key="research.stop_runs", placeholder="never", **OPTIONAL)
        st.number_input("After hours", 0.0, step=1.0, key="research.stop_hours", format="%.4g", placeholder="never", **OPTIONAL)
    st.toggle("When a run meets all required benchmarks", key="research.stop_when_met", **KEPT)


look.header("Research", "What is to be searched for, on which data, at what cost, and when is it enough?")
for field, value in setup.chosen().items():
    st.session_state.setdefault(f"research.{field}", value)
start_from.follow_address(service)
presets(service)
try:
    with st.grid(2, min_column_width=330):
        for part in (aim, market, money, goals):
            with st.container(border=True, height="stretch"):
                part()
    with st.container(border=True), st.grid(2, min_column_width=330):
        with st.container():
            writers(service, KEPT)
        setup.check_windows(setup.chosen())
        wanted = setup.draft(service, setup.chosen())
        with st.container():
            if MODEL in wanted.arms:
                model_budget(service, wanted)
            else:
                st.markdown(WITH_A_MODEL)
    with st.container(border=True):
        start_from.start_from(service, wanted)
    with st.container(border=True):
        st.markdown(f"**{look.plain(wanted.name)}** will trade {len(wanted.assets):,} assets in these windows:")
        launch.window_dates(service, wanted)
        launch.start(service, wanted)
except EngineError as error:
    look.problem(error)
