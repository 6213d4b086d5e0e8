"""The funnel on Runs: how far runs came, for each arm, model and prompt version, and what stopped the others."""

import pandas as pd
import streamlit as st

from engine.analysis.intervals import share_interval
from engine.research.service import ResearchService
from engine.research.turns import MODEL, MUTATE
from engine.store.answers import CampaignRow
from engine.store.funnel import STEPS, Step
from pages import look, selection
from pages.figures_funnel import funnel_figure
from pages.meter_view import arms_apart
from pages.prompt_links import version_column, version_links

LABELS: dict[Step, str] = {
    "proposed": "Proposed",
    "parsed": "Parsed",
    "policy": "Policy",
    "causal": "Causal",
    "traded": "Traded",
    "beat_parent": "Beat its parent",
    "validated": "Better on validation",
}
MEANT: dict[Step, str] = {
    "proposed": "A run was made.",
    "parsed": "The reply held code.",
    "policy": "The code kept to syntax, policy, contract and limits, and ran.",
    "causal": "It repeats itself and does not look ahead.",
    "traded": "It was scored, with a trade on train.",
    "beat_parent": "It was kept: its median Sharpe over folds of train is above its parent's; of a first draft, it ran.",
    "validated": "On validation it was better than the best before, beyond one standard error.",
}
_ASKED_OF: dict[Step, tuple[str, ...]] = {"beat_parent": (MODEL, MUTATE), "validated": (MODEL,)}
"""Steps that nobody asks of other arms: a fresh draw has no parent, and the word on validation is told to the model alone."""
_CASES_SHOWN = 200


def funnel(service: ResearchService, campaign: CampaignRow) -> None:
    """The figure by arm, the table by prompt version, and the step that is looked into."""
    first_drafts = st.toggle("First drafts alone", key="funnel.first_drafts", persist_state="session",
                             help="A run counts as far as its first draft came, before any repair.")  # fmt: skip
    counts = applying(service.model.queries.funnel(campaign.campaign_id, first_drafts=first_drafts))
    by_arm = counts.groupby("arm")[list(STEPS)].sum(min_count=1)
    arms_apart(service, campaign)
    look.show(funnel_figure(by_arm, LABELS, dark=look.is_dark()), "funnel.figure")
    if MODEL not in campaign.spec.arms:
        st.caption("This campaign has no model arm. With one, its runs stand here beside those drawn at random.")
    picked = _table(counts)
    _step(service, campaign, counts if picked is None else counts.iloc[[picked]], picked, first_drafts)


def applying(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts as floats, NaN where a step does not apply to an arm."""
    counts = counts.astype(dict.fromkeys(STEPS, float))
    for step, arms in _ASKED_OF.items():
        counts.loc[~counts["arm"].isin(arms), step] = float("nan")
    return counts


def _table(counts: pd.DataFrame) -> int | None:
    """A row for each arm, model and prompt version, shares of its runs beside the numbers; position of the ticked one."""
    shown = counts[["arm", "model", "role"]].assign(arm=counts["arm"].map(look.arm_text), version=version_links(counts))
    for step in STEPS:
        shares = counts[step] / counts["proposed"]
        shown[step] = [None if pd.isna(n) else f"{n:,.0f} ({s:.0%})" for n, s in zip(counts[step], shares, strict=True)]
    shown["proposed"] = counts["proposed"]
    config = {
        "arm": st.column_config.TextColumn("Arm", pinned=True, width=65),
        "model": st.column_config.TextColumn("Model", width=120),
        "role": st.column_config.TextColumn("Writer", width=75),
        "version": version_column("Prompt", 110),
        "proposed": st.column_config.NumberColumn("Proposed", format="%,d", help=MEANT["proposed"], width=75),
    } | {
        step: st.column_config.TextColumn(
            LABELS[step], help=MEANT[step], alignment="right", width=105 if step == "beat_parent" else 78
        )
        for step in STEPS[1:]
    }
    st.caption("For each arm, model and writer's prompt, in brackets the share of its runs. Tick one to look at it alone.")
    event = st.dataframe(
        shown, column_config=config, hide_index=True, placeholder="", height=look.table_height(len(shown), 320),
        on_select="rerun", selection_mode="single-row", key=f"funnel.table.{hash(tuple(counts['version']))}",
    )  # fmt: skip
    return next(iter(event.selection.rows), None)


def _step(service: ResearchService, campaign: CampaignRow, rows: pd.DataFrame, picked: int | None, first_drafts: bool) -> None:
    """One step: how many passed of those that came to it, what stopped the others, and the runs themselves."""
    step: Step = st.segmented_control(
        "Step", STEPS[1:], default="parsed", required=True, key="funnel.step", format_func=LABELS.get, persist_state="session"
    )
    row = {} if picked is None else dict(rows.iloc[0][["arm", "model", "version"]])
    queries = service.model.queries
    cases = queries.funnel_cases(campaign.campaign_id, step, **row, first_drafts=first_drafts)
    if step in _ASKED_OF:
        cases = cases[cases["arm"].isin(_ASKED_OF[step])]
    st.caption(f"{LABELS[step]}: {MEANT[step]} {_passed(cases)}")
    refusals = queries.funnel_refusals(campaign.campaign_id, step, **row)
    if len(refusals):
        st.markdown("**Most frequent refusals at this step**")
        st.dataframe(refusals, hide_index=True, key="funnel.refusals", column_order=["drafts", "runs", "kind", "message"],
                     column_config={
            "drafts": st.column_config.NumberColumn("Drafts", format="%,d", width=65, help="Drafts that went back count too."),
            "runs": st.column_config.NumberColumn("Runs", format="%,d", width=60),
            "kind": st.column_config.TextColumn("Kind", width=110), "message": st.column_config.TextColumn("Message", width=620),
        })  # fmt: skip
    if len(cases):
        _cases(campaign, cases)


def _passed(cases: pd.DataFrame) -> str:
    """How many of the runs that came to the step passed it."""
    if cases.empty:
        return "No run came as far as this."
    share, n = float(cases["passed"].mean()), len(cases)
    return (
        f"{cases['passed'].sum():,} of {n:,} runs that came to it passed, {look.percent(share, signed=False)} "
        f"(95% interval {look.interval(*share_interval(share, n))})."
    )


def _cases(campaign: CampaignRow, cases: pd.DataFrame) -> None:
    """The runs that came to the step, those that it stopped first."""
    shown = cases.head(_CASES_SHOWN)
    links = [selection.address("strategy", campaign=campaign.campaign_id, run=run) for run in shown["run_id"]]
    shown = shown.assign(
        link=links,
        version=version_links(shown),
        arm=shown["arm"].map(look.arm_text),
        told=shown["message"].fillna(shown["summary"]),
    )
    more = f" The first {_CASES_SHOWN:,} are shown." if len(cases) > _CASES_SHOWN else ""
    st.markdown(f"**Runs that came to this step**, those that it stopped first.{more}")
    st.dataframe(
        shown, hide_index=True, placeholder="", height=look.table_height(len(shown), 360), key="funnel.cases",
        column_order=["number", "link", "passed", "kind", "line", "refused_drafts", "arm", "version", "told"],
        column_config={
            "number": st.column_config.NumberColumn("Run", format="%,d", pinned=True, width=55),
            "link": st.column_config.LinkColumn("Open", display_text="strategy", width=75, help="Opens in a new tab."),
            "passed": st.column_config.CheckboxColumn("Passed", width=65),
            "kind": st.column_config.TextColumn("Stopped by", width=105),
            "line": st.column_config.NumberColumn("Line", format="%,d", width=50),
            "refused_drafts": st.column_config.NumberColumn("Refused drafts", format="%,d", width=105),
            "arm": st.column_config.TextColumn("Arm", width=70),
            "version": version_column("Prompt version", 110),
            "told": st.column_config.TextColumn("Why it was stopped, or what was tried", width="large"),
        },
    )  # fmt: skip
