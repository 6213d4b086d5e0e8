"""Luck where people look: behind the best results, what the best of so many trials shows without skill; what data can bear."""

import pandas as pd
import streamlit as st

from engine.analysis.deflated import DataBudget
from engine.analysis.evidence_words import STATISTICS
from engine.records import RUN_WINDOWS
from engine.research.campaign_luck import SHARPE, CampaignLuck, campaign_luck, runs_counted
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from pages import figures, look


@st.cache_data(max_entries=20, show_spinner=False)
def _luck(_service: ResearchService, store: str, campaign_id: str, runs: int) -> CampaignLuck:
    return campaign_luck(campaign_id, _service.queries)


def luck_of(service: ResearchService, campaign: CampaignRow) -> CampaignLuck:
    """Luck in the campaign, kept until it has so many more runs that it matters."""
    return _luck(service, str(service.settings.store_dir), campaign.campaign_id, runs_counted(campaign.runs))


def best_so_far(service: ResearchService, campaign: CampaignRow, progress: pd.DataFrame, window: str, *, key: str) -> None:
    """The curve of best results on that window, luck behind it, and a sentence that compares the two. Where luck is not known,
    both windows are drawn."""
    behind, told = [], "Luck is drawn behind Sharpe ratios alone: of this objective its distribution is not known."
    if campaign.spec.objective == "sharpe":
        luck = luck_of(service, campaign)
        found = luck.lines[window]
        told = _compared(progress, luck, window)
        if len(found.numbers):
            last = int(progress["number"].max())
            behind = figures.luck_traces(found.numbers, found.curve, last, window, look.is_dark())
    curve = figures.best_curve_figure(
        progress, objective=campaign.spec.objective, dark=look.is_dark(), height=380, behind=behind,
        windows=(window,) if behind else RUN_WINDOWS,
    )  # fmt: skip
    look.show(curve, key)
    st.caption(look.plain(told), help=f"{STATISTICS['expected_best'].sentence} {STATISTICS['effective_trials'].sentence}")


def _compared(progress: pd.DataFrame, luck: CampaignLuck, window: str) -> str:
    """The best so far beside what luck alone shows, in a sentence."""
    found = luck.lines[window]
    if not len(found.numbers):
        return f"Luck on {window}: {look.NOT_COMPUTED}, no run has returns there yet."
    column = {"train": "best_objective", "validation": "best_validation_sharpe"}[window]
    best = progress[column].iloc[-1]
    first = progress.loc[progress[column] == best, "number"]
    name = f"The best on {window}, {look.number(best)} by run {first.iloc[0]:,}," if len(first) else ""
    expected, high = float(found.curve.expected[-1]), float(found.curve.high[-1])
    verdict = (
        "No run has enough trades yet." if look.is_missing(best)
        else f"{name} is no evidence: luck alone is expected to show more." if best < expected
        else f"{name} lies within what luck shows." if best <= high
        else f"{name} lies above what luck shows."
    )  # fmt: skip
    return (
        f"{verdict} Of {look.count(found.effective)} effective trials without skill the best on {window} is expected to have a"
        f" Sharpe ratio of {look.number(expected)} a year, and at most {look.number(high)} in 95 of 100 searches."
    )


def beside_run(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """What luck alone shows beside a run's Sharpe ratio on validation, in a sentence; nothing where that is not known."""
    found = luck_of(service, campaign).lines["validation"]
    own = run.figures["validation"].get("sharpe")
    if look.is_missing(own) or not len(found.numbers):
        return
    expected, high = float(found.curve.expected[-1]), float(found.curve.high[-1])
    verdict = (
        "is no evidence by itself: luck alone is expected to show more" if own < expected
        else "lies within what luck shows" if own <= high else "lies above what luck shows"
    )  # fmt: skip
    st.caption(
        f"A Sharpe ratio of {look.number(own)} on validation {verdict}. The best of so many runs without skill, as many as"
        f" {look.count(found.effective)} independent ones, is expected to show {look.number(expected)}, and at most"
        f" {look.number(high)} in 95 of 100 searches.",
        help=STATISTICS["expected_best"].sentence,
    )  # fmt: skip


def curve_view(service: ResearchService, campaign: CampaignRow) -> None:
    """The curve of best results on the window that the viewer chooses."""
    window = st.segmented_control("Luck on", RUN_WINDOWS, default="validation", required=True, key="runs.luck_window")
    best_so_far(service, campaign, service.queries.progress(campaign.campaign_id), window, key="runs.curve")


def budget_card(service: ResearchService, campaign: CampaignRow) -> None:
    """The data budget as a gauge with a plain sentence."""
    words = STATISTICS["data_budget"]
    with st.container(border=True):
        st.markdown("**Data budget**", help=f"{words.sentence} {words.reading} {words.source}.")
        found = luck_of(service, campaign).budget
        if found.reason:
            st.caption(look.plain(f"{look.NOT_COMPUTED}: {found.reason}"))
            return
        share = min(found.used / found.supported, 1.0)
        st.progress(share, text=f"{_trials(found.used)} independent trials spent; the data can bear {_trials(found.supported)}")
        st.caption(_budget_told(found))


def _budget_told(found: DataBudget) -> str:
    """How many more trials the data can bear, and what follows if none."""
    left = _trials(found.left) if found.left >= 1 else "no"
    told = (
        f"The {found.years:,.1f} years of train can bear {left} more independent trials before luck alone is expected to show a "
        f"Sharpe ratio of {SHARPE:g} a year"
    )
    if found.left >= 1:
        return f"{told}."
    needed = f"{_trials(found.used)} would ask for {found.needed_years:,.1f} years"
    return f"{told}; {needed}. So a Sharpe ratio of {SHARPE:g} on train proves nothing: get more data or ask for more."


def _trials(number: float) -> str:
    return look.count(number) if number < 1e9 else "more than a billion"
