"""The meter: is the model better than chance, by how much, and how sure is that?"""

import math

import pandas as pd
import streamlit as st

from engine.analysis.intervals import mean_interval
from engine.analysis.meter import MODEL, Estimate, Meter, meter_text
from engine.errors import EngineError
from engine.research.arms import TWINS, RunTwins, meter_of, runs_by_arm, twins_of
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow
from pages import look

MEAN_HELP = (
    "Mean validated Sharpe ratio of the arm's runs, less that of the better baseline, at equal trials. Runs with fewer trades "
    "than asked for are left out. 95 % interval: bootstrap over runs (Efron & Tibshirani 1993). Runs build on each other, so the "
    "true uncertainty is wider."
)
BEST_HELP = (
    "Best validated Sharpe ratio so far, less the best of any baseline, at equal trials. The interval is rough, for it rests on "
    "maxima."
)
QUICK_HELP = (
    "Trials that the quickest baseline needed over those that the arm needed, to the highest validated score that both have "
    "reached: 2 cuts the search space by half. The interval is rough: it rests on maxima."
)
TWINS_HELP = (
    f"Entries, exits and stops of the arm's best runs on train, moved in time by {TWINS} drawn offsets each and simulated on "
    "validation. A strategy that does not time anything beats half of its twins."
)


@st.cache_data(max_entries=50, show_spinner=False)
def _meter(_service: ResearchService, store: str, campaign_id: str, runs: int) -> Meter:
    return meter_of(campaign_id, _service.queries)


def campaign_meter(service: ResearchService, campaign_id: str) -> Meter:
    """The campaign's meter; computed anew when a run has been recorded."""
    runs = len(service.queries.numbers(campaign_id))
    return _meter(service, str(service.settings.store_dir), campaign_id, runs)


def meter_line(service: ResearchService, campaign_id: str) -> None:
    """One line for the sidebar; nothing for a campaign of one arm."""
    if len(service.queries.campaign(campaign_id).spec.arms) > 1:
        st.caption(f"Meter: {meter_text(campaign_meter(service, campaign_id))}", help=MEAN_HELP)


def arms_apart(service: ResearchService, campaign: CampaignRow) -> None:
    """How far the arms are apart, in a sentence with its interval; nothing for a campaign of one arm."""
    if len(campaign.spec.arms) > 1:
        st.caption(_told(campaign_meter(service, campaign.campaign_id)), help=MEAN_HELP)


def meter_card(service: ResearchService, campaign: CampaignRow) -> None:
    """The lead over the better baseline, how quickly it came, what each arm has spent, and twins on demand."""
    if len(campaign.spec.arms) < 2:
        return
    found = campaign_meter(service, campaign.campaign_id)
    with st.container(border=True):
        st.markdown("**Better than chance?**" if found.arm == MODEL else "**Chance against chance**")
        st.caption(_told(found))
        if not found.problem:
            with st.grid(3, min_column_width=200):
                _tile("Lead of the mean Sharpe", found.mean, "{:+.2f}", MEAN_HELP)
                _tile("Lead of the best Sharpe", found.best, "{:+.2f}", BEST_HELP)
                _tile("Search efficiency", found.efficiency, "{:.2f}×", QUICK_HELP)
            st.caption(
                f"Search efficiency is that to a Sharpe ratio of {look.number(found.level)}, the highest both have reached."
            )
            if math.isfinite(found.bound):
                st.caption(_bound_told(found))
        with st.expander("What each arm has spent", icon=":material/receipt_long:"):
            _spent(service, campaign)
        _twins(service, campaign, found.arm)


def _told(found: Meter) -> str:
    text = meter_text(found)
    at = f" at {found.trials:,} trials each" if not found.problem else ""
    return look.plain(f"{text[0].upper()}{text[1:]}{at}.")


def _bound_told(found: Meter) -> str:
    if found.is_ahead:
        return (
            f"No baseline has reached the best score of the {found.arm} arm: to that the ratio is more than {found.bound:.2f}×."
        )
    return f"The {found.arm} arm has not reached a baseline's best score: to that the ratio is less than {found.bound:.2f}×."


def _tile(label: str, of: Estimate, form: str, help: str) -> None:
    value = look.NOT_COMPUTED if look.is_missing(of.value) else form.format(of.value)
    spread = "" if look.is_missing(of.low) else f"95 %: {form.format(of.low)} to {form.format(of.high)}"
    st.metric(label, value, spread or None, delta_color="off", delta_arrow="off", help=help, border=True)


def _spent(service: ResearchService, campaign: CampaignRow) -> None:
    """Runs, scored runs, refused drafts, calls and trials of each arm."""
    runs, arms = service.queries.arm_runs(campaign.campaign_id), runs_by_arm(campaign.campaign_id, service.queries)
    calls = service.model.queries.spent_in_campaign(campaign.campaign_id).calls
    rows = [
        {
            "Arm": look.arm_text(name), "Runs": len(of.trials), "Validated": of.validated,
            "Refused drafts": int(runs.loc[runs["arm"] == name, "refused"].sum()), "Calls": calls if name == MODEL else 0,
            "Trials": int(of.trials.sum()), "Mean Sharpe (validation)": of.mean,
            "Best Sharpe (validation)": of.best,
        }
        for name, of in arms.items()
    ]  # fmt: skip
    shown = pd.DataFrame(rows)
    config = {name: st.column_config.NumberColumn(format="%.2f" if "Sharpe" in name else "%,d") for name in shown.columns[1:]}
    st.dataframe(shown, column_config=config, hide_index=True, placeholder=look.NOT_COMPUTED)
    st.caption("A scored scenario is a trial, on any window; a refused draft costs calls, and no trial.")


def _twins(service: ResearchService, campaign: CampaignRow, arm: str) -> None:
    key = f"meter.twins.{campaign.campaign_id}"
    if st.button("Compare with twins at other times", key="meter.twins", icon=":material/schedule:", help=TWINS_HELP):
        try:
            with st.spinner("Moving entries in time"):
                st.session_state[key] = twins_of(campaign.campaign_id, arm, service.queries, service.results)
        except EngineError as error:
            look.problem(error)
    if key in st.session_state:
        _show_twins(st.session_state[key], arm)


def _show_twins(found: list[RunTwins], arm: str) -> None:
    rows = [
        {"Run": of.number, "Sharpe (validation)": of.twins.own, "Twins' mean Sharpe": pd.Series(of.twins.twins).mean(),
         "Twins beaten, %": 100 * of.twins.beaten}
        for of in found
    ]  # fmt: skip
    if not rows:
        st.info(f"The {arm} arm has no run with enough trades yet.", icon=":material/hourglass_empty:")
        return
    shown = pd.DataFrame(rows)
    beaten = shown["Twins beaten, %"].mean()
    _, low, high = mean_interval(shown["Twins beaten, %"].dropna().tolist())
    spread = (
        "" if look.is_missing(low) else f" (95% interval {max(low, 0):.0f} to {min(high, 100):.0f}%, runs taken as independent)"
    )
    told = look.NOT_COMPUTED if look.is_missing(beaten) else f"{beaten:.0f}%{spread}"
    st.caption(f"Twins beaten on average: {told} of {TWINS} each, n = {len(rows):,} runs, the best on train; chance is 50%.")
    config = {name: st.column_config.NumberColumn(format="%.2f") for name in shown.columns[1:]}
    st.dataframe(shown, column_config=config, hide_index=True, placeholder=look.NOT_COMPUTED)
