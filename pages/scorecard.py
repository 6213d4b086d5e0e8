"""Scorecard: does this run meet its benchmarks, and does it take any skill to meet them?"""

import pandas as pd
import streamlit as st

from engine.analysis.benchmarks import benchmark_words
from engine.analysis.scorecard import WORST, Cell, Row
from engine.errors import EngineError
from engine.research.scorecard import Scorecard, scorecard_of
from engine.store.answers import CampaignRow, RunRow
from pages import look, luck_view, run_choice
from pages.access import research

service = research()
MARKS = {"reached": ("reached", "green"), "not reached": ("not reached", "red"), "sealed": ("sealed", "gray"),
         "not computable": ("not computable", "orange")}  # fmt: skip
LUCK_HELP = (
    "What the figure would be without skill: a Sharpe ratio is the expected best of so many effective trials, a return that of "
    "the run's own days at that Sharpe ratio; of any other figure it is the median of so many runs of the random arm."
)
READING = {
    "To go": "What is missing to the benchmark; a dash where it is reached.",
    "95% interval": "Days drawn anew in blocks; it knows nothing of other trials. That of a win rate or an expectancy needs the "
    "trades: make them again above.",
    "Excess": "What is found beyond buy-and-hold, in percentage points.",
    "Baselines": "Runs of the random and mutate arms that meet the benchmark on this window.",
    "Luck alone": LUCK_HELP,
}


def gap(row: Row, cell: Cell) -> str:
    """What is missing, in the figure's unit."""
    if look.is_missing(cell.gap):
        return look.NOT_COMPUTED
    return "–" if cell.state == "reached" else str(look.figure_change(row.benchmark.figure, abs(cell.gap))).lstrip("+")


def bounds(row: Row, cell: Cell) -> str:
    """The interval in the figure's unit, or why there is none."""
    of, name = cell.interval, row.benchmark.figure
    if of.reason:
        return f"{look.NOT_COMPUTED}: {of.reason}"
    return f"{look.figure_text(name, of.low)} to {look.figure_text(name, of.high)}"


def line(row: Row, cell: Cell) -> dict[str, str]:
    """One window of a benchmark as a line of its table; what is not known says why."""
    name = row.benchmark.figure
    asked = "" if cell.window in (*row.benchmark.windows, WORST, "vault") else ", not asked"
    first = {"Window": cell.window, "State": MARKS[cell.state][0] + (f", {cell.where}" if cell.where else asked)}
    if cell.why_not:
        return first | {"Found": "sealed" if cell.state == "sealed" else f"{look.NOT_COMPUTED}: {cell.why_not}"}
    text = look.figure_text
    value = look.NOT_COMPUTED if look.is_missing(cell.luck.value) else text(name, cell.luck.value)
    luck = f"{value}: {cell.luck.told}"
    out = first | {"Found": text(name, cell.found), "To go": gap(row, cell)}
    if name.startswith("win_rate"):
        out["Expectancy"] = text("expectancy", cell.beside)
    out["n"] = f"{look.count(cell.n)} {cell.n_of}"
    if cell.where:
        return out
    out |= {"95% interval": bounds(row, cell), "Buy-and-hold": text(name, cell.hold)}
    if name == "total_return":
        out["Excess"] = look.figure_change(name, cell.excess) or look.NOT_COMPUTED
    return out | {"Baselines": f"{cell.rivals_met:,} of {cell.rivals:,}" if cell.rivals else "none", "Luck alone": luck}


def card(row: Row) -> None:
    """One benchmark: asked, verdict, why it takes no skill, and its windows."""
    of = row.benchmark
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            where = " on train and validation" if of.window == "each" else ""
            st.markdown(f"**{look.plain(benchmark_words(of) + where)}**", width="content", help=look.figure_help(of.figure))
            word, tint = MARKS[row.state]
            st.badge(word, color=tint)  # type: ignore[arg-type]
            if row.without_skill:
                st.badge("met without skill", color="orange", icon=":material/casino:")
            if not of.is_required:
                st.badge("wished", color="gray")
        lines = pd.DataFrame([line(row, cell) for cell in row.cells]).fillna("").map(look.plain)
        st.table(lines.set_index("Window").T)
        for cell in row.asked:
            if cell.no_skill:
                st.caption(f"Met without skill on {cell.window}: {cell.no_skill}.")


def summary(found: Scorecard) -> None:
    """How many are reached, and how many of these take no skill."""
    if not found.rows:
        st.info("This campaign asks for no benchmark. Research has fields for them.", icon=":material/flag:")
        return
    required = [row for row in found.rows if row.benchmark.is_required]
    with st.grid(3, min_column_width=150):
        reached = sum(row.state == "reached" for row in required)
        wishes = [row for row in found.rows if not row.benchmark.is_required]
        st.metric("Required, reached", f"{reached} of {len(required)}", border=True,
                  help="On every window that each of them asks for.")  # fmt: skip
        st.metric("Wished, reached", f"{sum(row.state == 'reached' for row in wishes)} of {len(wishes)}", border=True)
        st.metric("Met without skill", look.count(sum(row.without_skill for row in found.rows)), border=True,
                  help="Buy-and-hold or a run of a baseline meets them too.")  # fmt: skip


def trades_again(campaign: CampaignRow, run: RunRow) -> Scorecard:
    """The scorecard; with the run's trades made again once the viewer has asked for them."""
    luck, key = luck_view.luck_of(service, campaign), f"scorecard.trades.{run.run_id}"
    wanted = st.session_state.get(key, False)
    if not wanted and run.params is not None:
        st.button("Make the trades again", key="scorecard.trades", icon=":material/replay:",
                  on_click=lambda: st.session_state.update({key: True}),
                  help="For intervals and quarters of the win rate: the ledger keeps no trades. Takes seconds.")  # fmt: skip
    if wanted:
        try:
            with st.spinner("Making the trades again"):
                return scorecard_of(run.run_id, service.queries, luck, results=service.results)
        except EngineError as error:
            look.problem(error)
    return scorecard_of(run.run_id, service.queries, luck)


look.header("Scorecard", "Does this run meet its benchmarks, and does it take any skill to meet them?")
try:
    looked_at, chosen = run_choice.campaign_and_run(service, "The scorecard of its runs")
    shown = trades_again(looked_at, chosen)
    summary(shown)
    st.caption(
        "On total capital, idle sleeves included, after costs, never summed over accounts. The worst case is the value furthest"
        " from the benchmark over the windows that are open and, for ratios, their quarters; sums grow with time and have windows"
        " alone. It has no interval of its own. What buy-and-hold or a baseline meets too is met without skill."
    )
    for asked in shown.rows:
        card(asked)
    with st.expander("How to read the rows", icon=":material/info:"):
        st.markdown("\n".join(f"- **{name}**: {told}" for name, told in READING.items()))
    luck_view.budget_card(service, looked_at)
except EngineError as error:
    look.problem(error)
