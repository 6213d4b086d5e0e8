"""Does a run survive what it will meet? Asked for by a button, tried in the background, each test with figure and threshold."""

import streamlit as st

from engine.analysis.survival import StressTest
from engine.records import RUN_WINDOWS
from engine.research.service import ResearchService
from engine.research.survival import SurvivalReport
from engine.store.answers import CampaignRow, RunRow
from pages import look
from pages.access import attempt, show_problem

STATES = {True: "passed", False: "failed", None: look.NOT_COMPUTED}
ASKED = (
    "Tries the run's best set with costs twice as high, one bar late, with targets filled only beyond their level, without its"
    " best asset and trades, on half of the assets, with each parameter one step aside, by regime and period, against random"
    " entry times, and says how much money it bears. Each backtest counts as a trial; the vault stays shut."
)
VERDICTS = {
    "survives": (st.success, ":material/verified:"),
    "does not survive": (st.error, ":material/block:"),
    "not computable": (st.warning, ":material/help:"),
}


def survives(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """What the run survives on train, or on validation where that is asked for."""
    window: str = st.segmented_control("Window", RUN_WINDOWS, default="train", required=True, key="strategy.survives_window",
                                       persist_state="session")  # fmt: skip
    st.caption(ASKED)
    asked = service.survivals.known(run.run_id, window)
    in_work = asked is not None and not asked.is_done
    st.fragment(_standing, run_every=1.0 if in_work else None, key="strategy.survives_live")(service, run, window, in_work)


def _standing(service: ResearchService, run: RunRow, window: str, followed: bool) -> None:
    """How the trial stands, followed while it is in work; without one the button."""
    asked, kept = service.survivals.known(run.run_id, window), service.survivals.kept(run.run_id, window)
    if asked is None and kept is not None:
        show(kept[1])
        st.caption(f"Tried on {look.moment(kept[0])}.")
    if asked is None or asked.has_failed:
        if asked is not None:
            look.problem(asked.problem)
        again = " again" if kept is not None else ""
        if st.button(f"Try run {run.number:,} on {window}{again}", icon=":material/thunderstorm:", key="strategy.survives",
                     help="Takes seconds to a minute; nothing waits for it."):  # fmt: skip
            attempt(service.survivals.begin, run.run_id, window)
            st.rerun()
        show_problem()
        return
    if not asked.is_done:
        st.info(f"In work for {look.duration(asked.waited_s)}: {asked.doing or 'waiting for its turn'}. You may go on meanwhile.",
                icon=":material/hourglass_top:")  # fmt: skip
        return
    if followed:
        st.rerun()
    show(asked.future.result())


def show(found: SurvivalReport) -> None:
    """The verdict, then every test."""
    said, icon = VERDICTS[found.survival.verdict]
    said(look.plain(found.survival.sentence), icon=icon)
    look.told_table([_row(test) for test in found.survival.tests], "Test")
    st.caption(f"The margin is by how much a test is passed, negative where it is not. {found.scored:,} backtests in"
               f" {look.duration(found.wall_s)}, each counted as a trial. Halves of the assets and entry times are drawn with"
               f" seed {found.seed}.")  # fmt: skip


def _row(test: StressTest) -> dict[str, str]:
    wanted = "" if test.threshold is None else f"{test.relation} {_figure(test.threshold, test.unit, signed=False)}"
    value = "" if test.value is None else _figure(test.value, test.unit, signed=test.unit == "fraction")
    margin = "" if test.margin is None else _figure(test.margin, test.unit, signed=True)
    return {
        "State": STATES[test.passed], "Test": test.label, "Found": value, "Wanted": wanted, "Margin": margin,
        "In words": test.sentence,
    }  # fmt: skip


def _figure(value: float, unit: str, *, signed: bool) -> str:
    """A figure in its unit."""
    if unit in ("fraction", "share"):
        return look.percent(value, signed=signed)
    return f"{value:{'+' if signed else ''},.0f} {unit}"
