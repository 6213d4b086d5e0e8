"""A proposed prompt on trial: on which share of the runs, and how it does beside the text in force."""

from typing import Any

import pandas as pd
import streamlit as st

from engine.analysis.intervals import LEAST_RUNS, lift_interval, mean_interval
from engine.research.model_desk import ModelDesk
from engine.research.service import ResearchService
from engine.store.model_ledger import TRIAL_ENDED
from pages import look
from pages.access import attempt
from pages.prompt_history import lift_text, share_text

FIRST_SHARE = 50
"""Percent of the runs on which a text is tried where nobody has said otherwise: both sides learn equally fast."""

COLUMNS = {
    "which": st.column_config.TextColumn("", pinned=True),
    "version": st.column_config.TextColumn("Version", pinned=True),
    "runs": st.column_config.NumberColumn("Runs", format="%,d", help="Recorded runs that this version alone fed."),
    "ran": st.column_config.TextColumn("Ran, of runs", help="Were scored, with the 95 % interval."),
    "kept": st.column_config.TextColumn("Kept, of runs", help="Better than their parents, with the 95 % interval."),
    "objective": st.column_config.TextColumn(
        "Mean objective on train",
        help=f"Of its scored runs, with the 95 % interval; no interval with fewer than {LEAST_RUNS}.",
    ),
    "tokens": st.column_config.NumberColumn("Tokens a run", format="%,.0f", help="Sent and received by this prompt's calls."),
    "usd": st.column_config.NumberColumn("Cost a run, USD", format="%.4f", help="Of this prompt's calls with a known price."),
}


def trial(service: ResearchService, row: Any, *, is_good: bool) -> None:
    """Beginning and ending the trial of an open proposal (a row of `proposals`), and what it has shown so far."""
    desk, seq = service.model, int(row.seq)
    share = 0 if look.is_missing(row.share) else round(100 * row.share)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        wanted = st.slider("Share of the runs", 10, 90, min(max(share or FIRST_SHARE, 10), 90), 10, format="%d%%",
                           key=f"prompts.share.{seq}", width=260)  # fmt: skip
        st.button("Change the share" if share else "Try on a share of the runs", key=f"prompts.try.{seq}",
                  icon=":material/science:", on_click=attempt, args=(_try, desk, seq),
                  disabled=not is_good or wanted == share,
                  help="The model arm's runs that begin from now on are drawn by their number; the others keep the text in "
                  "force. A run on its way keeps what it has drawn.")  # fmt: skip
        if share:
            st.button("End the trial", key=f"prompts.end.{seq}", icon=":material/stop_circle:", on_click=attempt,
                      args=(_end, desk, seq), help="The proposal stays open.")  # fmt: skip
            st.badge(f"Tried on {share}% of the runs", color="blue", icon=":material/science:")
    if not share and (why := _given_up(service, seq)):
        st.warning(f"Its trial was ended: {look.plain(why)}.", icon=":material/science_off:")
    if not look.is_missing(row.tried_version):
        _results(service, row.role, row.tried_version)


def _given_up(service: ResearchService, seq: int) -> str:
    """Why the program has ended a trial of that proposal; empty if it has not."""
    told = service.queries.events(kind=TRIAL_ENDED, limit=200)["detail"]
    return next((str(detail) for detail in told if str(detail).startswith(f"proposal {seq},")), "")


def _try(desk: ModelDesk, seq: int) -> None:
    percent = int(st.session_state[f"prompts.share.{seq}"])
    desk.try_prompt(seq, percent / 100)
    st.toast(f"Tried on {percent}% of the runs that begin from now on.", icon=":material/science:")


def _end(desk: ModelDesk, seq: int) -> None:
    desk.ledger.end_try(seq)
    st.toast("The trial has ended; the next call uses the text in force.", icon=":material/stop_circle:")


def _results(service: ResearchService, role: str, version: str) -> None:
    """Both versions over the same run numbers, and the lead of the one on trial."""
    in_force = service.model.book()[role].version
    runs = service.model.queries.side_by_side(role, version, in_force)
    if runs.empty:
        st.caption("Nothing to compare yet: both versions must have fed a recorded run of the same campaign.")
        return
    table = pd.DataFrame([side("on trial", version, runs), side("in force", in_force, runs)])
    st.dataframe(table, column_order=list(COLUMNS), column_config=COLUMNS, hide_index=True, height="content",
                 placeholder=look.NOT_COMPUTED)  # fmt: skip
    scored = runs[runs["status"] == "scored"]
    lead = lift_interval([
        tuple(some.loc[some["version"] == one, "objective"].tolist() for one in (version, in_force))
        for _, some in scored.groupby("campaign_id")
    ])  # fmt: skip
    spans = runs.groupby("campaign_id", sort=False)["number"].agg(["min", "max"])
    told = "; ".join(f"{low:,} to {high:,} of `{name}`" for name, low, high in spans.itertuples())
    st.caption(f"Lead on trial over in force, mean objective on train: {lift_text(lead)}. Both over the same runs: {told}.")


def side(which: str, version: str, runs: pd.DataFrame) -> dict[str, Any]:
    """One version's row of the comparison, from rows of `side_by_side`; its means are NaN where there is no run."""
    own = runs[runs["version"] == version]
    scored = own["status"] == "scored"
    mean, low, high = mean_interval(own.loc[scored, "objective"].tolist())
    spread = "" if look.is_missing(low) else f" ({low:.3f} to {high:.3f})"
    is_priced = own["unpriced_calls"].sum() < own["calls"].sum()
    return {
        "which": which,
        "version": version,
        "runs": len(own),
        "ran": share_text(scored.mean(), len(own)),
        "kept": share_text(own["kept"].eq(True).fillna(False).mean(), len(own)),  # a run that has failed was not kept
        "objective": look.NOT_COMPUTED if look.is_missing(mean) else f"{mean:.3f}{spread}",
        "tokens": (own["tokens_in"] + own["tokens_out"]).mean(),
        "usd": own["usd"].mean() if is_priced else None,
    }
